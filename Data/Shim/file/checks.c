/* SPDX-License-Identifier: BSD-3-Clause */
#include "checks.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "numbers are hashed as they are in memory, and the run file is little-endian"
#endif

static uint64_t hash(const void *bytes, size_t size, uint64_t seed)
{
  const uint64_t check = XXH3_64bits_withSeed(bytes, size, seed);
  return check ? check : 1;
}

uint64_t tv_check_piece(const tv_place *place, int64_t piece, const void *bytes, size_t size)
{
  char text[TV_PATH_LENGTH + 4 * sizeof(int64_t)];
  const int64_t numbers[4] = {place->record, piece, place->step, place->samples};
  memcpy(text, place->path, place->path_length);
  memcpy(text + place->path_length, numbers, sizeof numbers);
  return hash(bytes, size, XXH3_64bits(text, place->path_length + sizeof numbers));
}

int64_t tv_check_complete(int64_t row, const int64_t *numbers, size_t count)
{
  char text[9 + sizeof row] = "/complete";
  memcpy(text + 9, &row, sizeof row);
  const uint64_t check = hash(numbers, count * sizeof *numbers, XXH3_64bits(text, sizeof text));
  int64_t same_bits;
  memcpy(&same_bits, &check, sizeof same_bits);
  return same_bits;
}
