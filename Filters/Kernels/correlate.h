/* SPDX-License-Identifier: BSD-3-Clause */
/* Similarity of every pair of filters' activations: Pearson's correlation, and its relatives. */
#ifndef TV_CORRELATE_H
#define TV_CORRELATE_H

#include "rows.h"
#include "tensorview/types.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tv_metric
{
  TV_PEARSON = 0, /* sum (a - mean a)(b - mean b) / sqrt(sum (a - mean a)^2 sum (b - mean b)^2) */
  TV_COSINE = 1   /* sum a b / sqrt(sum a^2 sum b^2): as Pearson's, without the means */
} tv_metric;

/* The similarity of every pair of rows.
 *
 * The diagonal is 1, all else is between -1 and 1, and the matrix is exactly symmetric.
 * Within 1e-6 of a double-precision reference, also where the mean is 1e6 times the deviation:
 * stretches of pixels are centred by their own means, multiplied in single precision, and added up
 * in double precision.
 *
 * NaN, in its own row and column only and on the diagonal too, where a row
 *   is constant (all pixels equal; such a filter is dead), whatever the metric;
 *   holds NaN or infinity;
 *   has a range (for TV_COSINE: a largest magnitude) whose square does not fit a double with room
 *   to spare: beyond 1e132, or within 1e-132.
 *
 * Threads are used as far as processors are idle at this moment (tv_idle_threads()). The result is
 * the same, bit for bit, for any number of threads on one kind of processor;
 * processors with AVX-512, with AVX2 and with neither may differ from each other by rounding.
 *
 * Memory beside the matrix: up to 64 MiB, and where filters and pixels are both many (more than
 * about 1000 filters, and more numbers than 64 MiB hold) 4 filters^2 bytes more. The rows are read
 * from memory once. */
int                    /* 0, or a negative tv_status; the matrix is then not to be used */
tv_correlate(          /**/
  float *matrix,       /* out: [filters][filters], the caller's */
  const tv_rows *rows, /* at least 2 pixels */
  tv_metric metric,    /**/
  const tv_execution *execution); /* or NULL */

#ifdef __cplusplus
}
#endif
#endif
