/* SPDX-License-Identifier: BSD-3-Clause */
/* Second moments of a layer's filters, over all pixels of all samples, and what follows from them.
 *
 * Maps that were summed over a batch can correlate where single samples do not. The matrix of
 * second moments knows every pixel of every sample, has few numbers, and is a sum: batches, ranks
 * and runs are added. It is what a run file records as kind "moments", axes "mm".
 *
 *   M = sum over samples and pixels of [a; 1] [a; 1]^T      [filters + 1][filters + 1], float64
 *
 * with a the filters' activations at that pixel: M[i][j] is the sum of products of filters i and
 * j, M[i][filters] the sum of filter i, M[filters][filters] the number of pixels of all samples.
 * With a centre c given, a - c stands for a: worth it where means are much larger than deviations,
 * because the variance is a difference of two numbers of M. */
#ifndef TV_MOMENTS_H
#define TV_MOMENTS_H

#include "correlate.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers in M, or 0 where that does not fit a size_t. */
size_t tv_moments_size(size_t filters);

/* Adds a batch to M. Products and sums are in double precision; their order, and so the result,
 * does not depend on the number of threads. Where a filter has NaN or infinity its own row and
 * column become NaN or infinity, and nothing else. */
int                     /* 0, or a negative tv_status; M is then as before */
tv_moments_add(         /**/
  double *moments,      /* in and out: M, symmetric; zeros before the first batch */
  const void *data,     /* the batch, densely packed */
  tv_type type,         /* TV_FLOAT32 or TV_FLOAT64 */
  const char *axes,     /* "nchw", "nhwc" or any other order of these; n, h, w may be missing */
  const size_t *shape,  /* as many sizes as axes has letters, each at least 1 */
  const double *centre, /* [filters], or NULL for 0 */
  const tv_execution *execution); /* or NULL; progress is not called */

/* As tv_moments_add() with axes "cw", with the inner loops of tv_correlate(): products are taken in
 * single precision about the means of short stretches, and added up in double precision. Several
 * times as fast, and M[i][j] is within 1e-6 sqrt(M[i][i] M[j][j]), about means, of that of
 * tv_moments_add(): enough for similarity, not for solving equations with M. This is how ranks (or
 * anyone) that have a part of the pixels each come to the similarity over all pixels: choose one
 * centre near the data, add the matrices, and call tv_correlate_moments(). A centre should be near
 * the data, not exact: the mean of some pixels will do. The row and column in M of a filter that
 * tv_correlate() would call not finite, or too large, become NaN. */
int                               /* 0, or a negative tv_status; M is then as before */
tv_moments_add_rows(              /**/
  double *moments,                /* in and out: M, symmetric; zeros before the first rows */
  const tv_rows *rows,            /* at least 1 filter and 1 pixel */
  const double *centre,           /* [filters], or NULL for 0 */
  const tv_execution *execution); /* or NULL */

/* Mean and variance of each filter. Variance counts as 0, and the filter as constant, where it is
 * less than 1e-12 of the mean square: beyond that M has no digits left. Either array may be NULL.
 */
void tv_moments_statistics(double *mean, double *variance, const double *moments, size_t filters);

/* As tv_correlate(), from M instead of pixels: NaN in rows and columns of filters that are constant
 * or not finite. centre: that of M, or NULL. */
int tv_correlate_moments(
  float *matrix, const double *moments, size_t filters, tv_metric metric, const double *centre);

/* As tv_regress(), from M: filter = scale * representative + offset. centre: that of M, or NULL. */
int tv_regress_moments(double *scale, double *offset, const double *moments, size_t filters,
  const int32_t *representatives, const double *centre);

#ifdef __cplusplus
}
#endif
#endif
