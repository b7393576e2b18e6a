/* SPDX-License-Identifier: BSD-3-Clause */
/* What unit_sums.c calls where the processor has vector instructions. Internal. */
#ifndef TV_UNIT_SUMS_VECTOR_H
#define TV_UNIT_SUMS_VECTOR_H

#include "unit_sums.h"
#include "vectors.h"

/* before: NULL, or the same of the record before, to be compared with. */
typedef struct tv_sum_functions
{
  /* Neighbours of one unit, fewer than 2^31. Returns 1; or 0, and nothing was added, where a number
   * or the difference of two is not finite as float32. */
  int (*run)(tv_sums *total, const float *x, const float *before, size_t count);

  /* Rows, fewer than 2^31 and stride numbers apart, of units that are neighbours. each: rows of a
   * sample, of which silent ones are counted; 0: they are not. Returns those of which nothing was
   * added, for the same reason: bit u is unit u. */
  unsigned (*columns)(tv_sums *total, const float *x, const float *before, size_t stride,
    size_t rows, int units, size_t each);
  int most_columns; /* units that columns() takes */

  /* Maps [samples][units][pixels], stride numbers from one sample to the next, fewer than 2^31 of a
   * unit, of TV_STRIP units at most; also which are silent. Returns as columns() does. NULL where run()
   * is as good. */
  unsigned (*maps)(tv_sums *total, const float *x, const float *before, size_t stride,
    size_t samples, int units, size_t pixels);
} tv_sum_functions;

/* What columns() found of units that are neighbours: a number for each. */
typedef struct tv_side_by_side
{
  const double *sum, *squares, *moved;
  const float *least, *greatest;
  const int *zeros, *silent;
} tv_side_by_side;

/* Adds that, of rows numbers for each unit; known: they were compared. Those of which a number or a
 * difference is not finite are left out; returns them as columns() does. */
unsigned tv_sums_take(
  tv_sums *total, const tv_side_by_side *found, size_t rows, int units, int known);

#ifdef TV_VECTORS_X86
extern const tv_sum_functions tv_sums_avx2, tv_sums_avx512;
#endif

#endif
