/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_sums.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint64_t never_zero(uint64_t sum)
{
  return sum ? sum : 1;
}

uint64_t tv_row_sum(const int64_t *columns, size_t count, uint64_t number)
{
  char place[9 + sizeof number];
  memcpy(place, "/complete", 9);
  memcpy(place + 9, &number, sizeof number);
  return never_zero(
    XXH3_64bits_withSeed(columns, count * sizeof *columns, XXH3_64bits(place, sizeof place)));
}

uint64_t tv_piece_seed(
  const char *path, int64_t record, int64_t piece, int64_t step, int64_t samples)
{
  char place[2048];
  const int64_t numbers[4] = {record, piece, step, samples};
  size_t length = strlen(path);
  if (length > sizeof place - sizeof numbers) /* no path of ours */
    length = sizeof place - sizeof numbers;
  memcpy(place, path, length);
  memcpy(place + length, numbers, sizeof numbers);
  return XXH3_64bits(place, length + sizeof numbers);
}

uint64_t tv_piece_sum(const void *bytes, size_t count, uint64_t seed)
{
  return never_zero(XXH3_64bits_withSeed(bytes, count, seed));
}

static void add_lines(
  XXH3_state_t *state, const char *bytes, int rank, const size_t *count, const size_t *stride)
{
  if (rank == 1) {
    XXH3_64bits_update(state, bytes, count[0]);
    return;
  }
  for (size_t k = 0; k < count[0]; ++k)
    add_lines(state, bytes + k * stride[0], rank - 1, count + 1, stride + 1);
}

uint64_t tv_lines_sum(
  const void *bytes, int rank, const size_t *count, const size_t *stride, uint64_t seed)
{
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  XXH3_64bits_reset_withSeed(&state, seed);
  add_lines(&state, bytes, rank, count, stride);
  return never_zero(XXH3_64bits_digest(&state));
}
