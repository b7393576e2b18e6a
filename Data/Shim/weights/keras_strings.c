/* SPDX-License-Identifier: BSD-3-Clause */
#include "keras_strings.h"

#include <stdlib.h>
#include <string.h>

enum
{
  ATTRIBUTE = 0x0c,
  CONTINUATION = 0x10,
  SHARED = 2, /* a flag of a message that is somewhere else */
  MOST_BLOCKS = 32,
  LARGEST_BLOCK = 1 << 20,
  LARGEST_HEAP = 1 << 24,
  MOST_OBJECTS = 10000000, /* looked at in heaps, for all strings together */
  REFERENCE = 16           /* bytes: length, address of the heap, number in it */
};

static uint64_t little(const unsigned char *bytes, unsigned count)
{
  uint64_t value = 0;
  for (unsigned k = 0; k < count; ++k)
    value |= (uint64_t)bytes[k] << (8 * k);
  return value;
}

/* bytes of the file, of which the caller frees the copy; NULL where they are not all there. */
static unsigned char *copy(const tv_hdf5_input *input, uint64_t offset, uint64_t bytes)
{
  unsigned char *result =
    offset < input->bytes && bytes <= input->bytes - offset ? malloc((size_t)bytes + 1) : NULL;
  if (result && tv_hdf5_bytes(input, offset, result, (size_t)bytes) != (ptrdiff_t)bytes) {
    free(result);
    result = NULL;
  }
  return result;
}

/* The blocks of an object header: the first, and those that others continue in. */
typedef struct header
{
  int version;
  unsigned head; /* bytes before each message */
  size_t count;
  struct
  {
    uint64_t offset, bytes;
  } blocks[MOST_BLOCKS];
} header;

static int open_header(header *object, const tv_hdf5_input *input, uint64_t address)
{
  unsigned char first[40] = {0};
  if (address >= input->bytes || tv_hdf5_bytes(input, address, first, sizeof first) < 16)
    return 0;
  memset(object, 0, sizeof *object);
  object->count = 1;
  if (first[0] == 1) {
    object->version = 1;
    object->head = 8;
    object->blocks[0].offset = address + 16;
    object->blocks[0].bytes = little(first + 8, 4);
    return 1;
  }
  if (memcmp(first, "OHDR\2", 5) != 0)
    return 0;
  const unsigned flags = first[5], width = 1u << (flags & 3);
  const unsigned start = 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
  object->version = 2;
  object->head = flags & 4 ? 6 : 4;
  object->blocks[0].offset = address + start + width;
  object->blocks[0].bytes = little(first + start, width);
  return 1;
}

/* A message that says where the header goes on. The blocks of version 2 have a signature and a check. */
static void go_on(header *object, const unsigned char *message, size_t length)
{
  const uint64_t offset = length >= 16 ? little(message, 8) : 0;
  const uint64_t bytes = length >= 16 ? little(message + 8, 8) : 0;
  const unsigned before = object->version == 2 ? 4 : 0;
  if (object->count == MOST_BLOCKS || bytes < 2 * before || bytes > LARGEST_BLOCK)
    return;
  object->blocks[object->count].offset = offset + before;
  object->blocks[object->count++].bytes = bytes - 2 * before;
}

/* Where the values of an attribute begin in its message; 0 where it has another name. */
static size_t values_of(const unsigned char *message, size_t length, const char *name)
{
  const size_t given = strlen(name) + 1;
  if (length < 9 || message[0] < 1 || message[0] > 3)
    return 0;
  const size_t start = message[0] == 3 ? 9 : 8;
  const uint64_t size = little(message + 2, 2), type = little(message + 4, 2),
                 space = little(message + 6, 2);
  if (size != given || length - start < given || memcmp(message + start, name, given) != 0)
    return 0;
  if (message[0] > 1)
    return start + size + type + space;
  return start + ((size + 7) & ~7u) + ((type + 7) & ~7u) + ((space + 7) & ~7u);
}

/* Looks through one block; the values of the attribute, count references, in result. */
static int find_in_block(header *object, const unsigned char *block, size_t bytes, const char *name,
  size_t count, unsigned char *result)
{
  for (size_t at = 0; bytes - at >= object->head;) {
    const int old = object->version == 1;
    const uint64_t type = little(block + at, old ? 2 : 1),
                   length = little(block + at + (old ? 2 : 1), 2);
    const unsigned flags = block[at + (old ? 4 : 3)];
    const unsigned char *message = block + at + object->head;
    at += object->head;
    if (length > bytes - at)
      return 0;
    at += length;
    if (type == CONTINUATION)
      go_on(object, message, length);
    if (type != ATTRIBUTE || flags & SHARED)
      continue;
    const size_t values = values_of(message, length, name);
    if (!values)
      continue;
    if (values > length || (length - values) / REFERENCE < count)
      return 0;
    memcpy(result, message + values, count * REFERENCE);
    return 1;
  }
  return 0;
}

static int find_references(const tv_hdf5_input *input, uint64_t address, const char *name,
  size_t count, unsigned char *result)
{
  header object;
  int found = 0;
  if (!open_header(&object, input, address))
    return 0;
  for (size_t k = 0; k < object.count && !found; ++k) {
    const uint64_t bytes = object.blocks[k].bytes;
    unsigned char *block =
      bytes <= LARGEST_BLOCK ? copy(input, object.blocks[k].offset, bytes) : NULL;
    found = block && find_in_block(&object, block, (size_t)bytes, name, count, result);
    free(block);
  }
  return found;
}

/* The heap that was read last, and where in it the object before was. */
typedef struct heap
{
  uint64_t address;
  unsigned char *bytes;
  size_t size, at;
  size_t looked; /* at so many objects in all */
} heap;

static int load(heap *held, const tv_hdf5_input *input, uint64_t address)
{
  unsigned char head[16];
  if (held->bytes && held->address == address)
    return 1;
  free(held->bytes);
  held->bytes = NULL;
  if (address >= input->bytes || tv_hdf5_bytes(input, address, head, sizeof head) != sizeof head ||
      memcmp(head, "GCOL\1", 5) != 0)
    return 0;
  const uint64_t size = little(head + 8, 8);
  if (size < sizeof head || size > LARGEST_HEAP)
    return 0;
  held->bytes = copy(input, address, size);
  held->address = address;
  held->size = (size_t)size;
  held->at = sizeof head;
  return held->bytes != NULL;
}

/* The object of that number, from the place of the one before on, and then from the beginning. */
static const unsigned char *find(heap *held, uint64_t number, uint64_t *bytes)
{
  int again = held->at > 16;
  for (size_t at = held->at;;) {
    if (held->size - at < 16 || little(held->bytes + at, 2) == 0) { /* the rest is free */
      if (!again)
        return NULL;
      again = 0;
      at = 16;
      continue;
    }
    const uint64_t size = little(held->bytes + at + 8, 8), left = held->size - at - 16;
    if (size > left || ++held->looked > MOST_OBJECTS)
      return NULL;
    if (little(held->bytes + at, 2) == number) {
      held->at = at;
      *bytes = size;
      return held->bytes + at + 16;
    }
    at += 16 + (size_t)(size + 7 < left ? (size + 7) & ~(uint64_t)7 : left);
  }
}

char *tv_keras_heap_strings(
  const tv_hdf5_input *input, uint64_t header, const char *name, size_t count, size_t stride)
{
  heap held = {0};
  unsigned char *references = malloc(count * REFERENCE + 1);
  char *strings = calloc(count + 1, stride);
  int good = references && strings && find_references(input, header, name, count, references);
  for (size_t k = 0; k < count && good; ++k) {
    const unsigned char *one = references + k * REFERENCE;
    const uint64_t length = little(one, 4);
    uint64_t bytes = 0;
    if (!length)
      continue;
    const unsigned char *text =
      load(&held, input, little(one + 4, 8)) ? find(&held, little(one + 12, 4), &bytes) : NULL;
    good = text && length <= bytes;
    if (good)
      memcpy(strings + k * stride, text, length < stride ? (size_t)length : stride - 1);
  }
  free(held.bytes);
  free(references);
  if (good)
    return strings;
  free(strings);
  return NULL;
}
