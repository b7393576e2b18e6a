/* SPDX-License-Identifier: BSD-3-Clause */
#include "fuzzed.h"

#include <stdlib.h>
#include <string.h>

/* What a user of the list relies on. */
static void check(const tv_weights_tensor *tensor)
{
  if (!tensor->layer || !tensor->kind || !*tensor->layer || !*tensor->kind ||
      strchr(tensor->kind, '/') || strlen(tensor->axes) != (size_t)tensor->rank)
    abort();
  if (!tensor->problem && (!tensor->elements || !tensor->stored))
    abort();
}

void fuzzed_read(tv_weights *weights)
{
  for (size_t i = 0; i < weights->count; ++i) {
    const tv_weights_tensor *tensor = weights->tensors + i;
    const size_t each = tv_stored_read_bytes(tensor->stored);
    check(tensor);
    if (tensor->problem || tensor->elements > (1u << 16))
      continue;
    double last;
    char *values = malloc(tensor->elements * each);
    const size_t element = tensor->elements - 1;
    if (values)
      (void)tv_weights_read(weights, tensor, values);
    (void)tv_weights_elements(weights, tensor, &element, 1, &last);
    (void)tv_weights_map(weights, tensor);
    free(values);
  }
}

static uint64_t state;

void fuzzed_seed(uint64_t seed)
{
  state = seed;
}

static size_t below(size_t most) /* xorshift64* */
{
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (size_t)((state * UINT64_C(2685821657736338717)) >> 16) % most;
}

size_t fuzzed_damage(unsigned char *bytes, size_t size)
{
  static const unsigned char telling[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff, '(', '.', 'R', '}'};
  const size_t way = below(8);
  if (way == 0)
    return below(size);
  if (way == 1) {
    for (size_t at = below(size), end = at + 1 + below(32); at < end && at < size; ++at)
      bytes[at] = 0;
  } else if (way == 2) {
    const size_t from = below(size), to = below(size);
    for (size_t k = 0; k < 32 && from + k < size && to + k < size; ++k)
      bytes[to + k] = bytes[from + k];
  } else {
    for (size_t k = 1 + below(6); k > 0; --k)
      bytes[below(size)] = below(2) ? telling[below(sizeof telling)] : (unsigned char)below(256);
  }
  return size;
}
