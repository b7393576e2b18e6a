#include "checksum.h"

#include <string.h>

#define LANES 16
#define ROWS 256 /* at most 361: the weighted sums of a lane must fit 32 bits */

/* The representative that folding the carries gives: 0 only for 0, otherwise 1 to 65535. */
static uint32_t fold(uint64_t sum)
{
  return sum ? (uint32_t)((sum - 1) % 65535 + 1) : 0;
}

static uint32_t swap16(uint32_t word)
{
  return (word >> 8 | word << 8) & 0xffff;
}

/* Words are summed as this machine reads them, little-endian, and only the two results are
 * swapped: modulo 65535 that is the same as swapping each word (both multiply by 256).
 *
 * Of n words w[i] the first sum is sum w[i], the second sum (n - i) w[i]. Blocks of ROWS x LANES
 * words are summed lane by lane, which compilers turn into vector instructions. */
uint32_t tv_fletcher32(const void *data, size_t size)
{
  const unsigned char *bytes = data;
  size_t words = size / 2;
  uint64_t first = 0, second = 0;
  while (words >= LANES) {
    const size_t rows = words / LANES < ROWS ? words / LANES : ROWS;
    uint32_t sum[LANES] = {0}, weighted[LANES] = {0}; /* sum (rows - row) w[row][lane] */
    for (size_t row = 0; row < rows; ++row) {
      uint16_t word[LANES];
      memcpy(word, bytes + row * sizeof word, sizeof word);
      for (int lane = 0; lane < LANES; ++lane) {
        sum[lane] += word[lane];
        weighted[lane] += sum[lane];
      }
    }
    second += first * (rows * LANES);
    for (int lane = 0; lane < LANES; ++lane) {
      first += sum[lane];
      second += (uint64_t)LANES * weighted[lane] - (uint64_t)lane * sum[lane];
    }
    first = fold(first);
    second = fold(second);
    bytes += rows * LANES * 2;
    words -= rows * LANES;
  }
  for (; words > 0; --words, bytes += 2) {
    uint16_t word;
    memcpy(&word, bytes, sizeof word);
    first += word;
    second += first;
  }
  return swap16(fold(second)) << 16 | swap16(fold(first));
}
