/* SPDX-License-Identifier: BSD-3-Clause */
/* The checks of version 2 of the format (tensorview/format.h): XXH3 of 64 bits, bound to their
 * place. Internal. */
#ifndef TV_RUN_SUMS_H
#define TV_RUN_SUMS_H

#include <stddef.h>
#include <stdint.h>

/* The check of a row of /complete: the columns before it, and its number. */
uint64_t tv_row_sum(const int64_t *columns, size_t count, uint64_t number);

/* The seed of the check of a piece of a record. samples: 0 where the stream has none. */
uint64_t tv_piece_seed(
  const char *path, int64_t record, int64_t piece, int64_t step, int64_t samples);

/* The check of bytes that follow each other. */
uint64_t tv_piece_sum(const void *bytes, size_t count, uint64_t seed);

/* The same of lines that stand stride bytes apart in boxes of boxes: count and stride are of axes
 * slowest first, the last of them the bytes of a line. */
uint64_t tv_lines_sum(
  const void *bytes, int rank, const size_t *count, const size_t *stride, uint64_t seed);

#endif
