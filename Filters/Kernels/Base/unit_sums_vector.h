/* SPDX-License-Identifier: BSD-3-Clause */
/* What unit_sums.c calls where the processor has vector instructions. Internal. */
#ifndef TV_UNIT_SUMS_VECTOR_H
#define TV_UNIT_SUMS_VECTOR_H

#include "unit_sums.h"
#include "vectors.h"

#define TV_SUM_COLUMNS 8 /* most units that columns() takes */

/* before: NULL, or the same of the record before, to be compared with. */
typedef struct tv_sum_functions
{
  /* Neighbours of one unit, fewer than 2^31. Returns 1; or 0, and nothing was added, where a number
   * or the difference of two is not finite as float32. */
  int (*run)(tv_sums *total, const float *x, const float *before, size_t count);

  /* Rows, fewer than 2^31 and stride numbers apart, of units that are neighbours. Returns those of
   * which nothing was added, for the same reason: bit u is unit u. */
  unsigned (*columns)(
    tv_sums *total, const float *x, const float *before, size_t stride, size_t rows, int units);
} tv_sum_functions;

#ifdef TV_VECTORS_X86
extern const tv_sum_functions tv_sums_avx2;
#endif

#endif
