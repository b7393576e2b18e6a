/* SPDX-License-Identifier: BSD-3-Clause */
/* The path of very many weights through training as a path of few numbers: principal components over
 * the records (Lorch 2016, "Visualizing Deep Network Training Trajectories with PCA"). */
#ifndef TV_COMPONENTS_H
#define TV_COMPONENTS_H

#include "tensorview/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Adds a slab of weights to the matrix of products of records: part k of a sum over all weights, so
 * that neither all records nor all weights need be in memory at once.
 *
 *   gram[r][s] += sum over w of (slab[r][w] - slab[0][w]) (slab[s][w] - slab[0][w])
 *
 * About the first record, because what all records have in common would leave no digits for what
 * changes; the components do not depend on it. Products are of single precision, sums of double.
 * The slab is changed. A record with a weight that is not finite gets NaN in its row and column.
 *
 * Returns 0, or TV_ERROR_ARGUMENT, TV_ERROR_MEMORY; gram is then as before. */
int tv_gram_add(double *gram, /* in and out: [records][records]; zeros before the first slab */
  float *slab,                /* [records][weights] */
  size_t records, size_t weights, const tv_execution *execution);

/* Reads weights [first, first + count) of a record. 0 or a negative tv_status. */
typedef int (*tv_read_weights)(
  void *context, size_t record, size_t first, size_t count, float *weights);

/* The products of all records of so many weights, in slabs that need no more memory than two records
 * do, but at least 32 MiB: each weight of each record is read once. step: how many weights belong
 * together, and are read at once or not at all (those of a filter). Adds to gram.
 *
 * Returns 0, what read returned, TV_ERROR_CANCELLED, or as above; gram is undefined then. */
int tv_gram_stream(double *gram, size_t records, size_t weights, size_t step, tv_read_weights read,
  void *context, const tv_execution *execution);

/* The components that explain most of the variance of records over time.
 *
 *   scores[r * count + k]   where record r stands on component k, 0 being the mean of all; NaN for
 *                           a record whose row of gram is not finite, and that is left out
 *   explained[k]            its share of the variance, 0 to 1, falling
 *
 * A component's sign is such that the last record stands where it is positive. Eigenvectors by
 * orthogonal iteration with a block of count + 5 (Golub and Van Loan, section 8.2.4); to 1e-9 of the
 * first where components differ.
 *
 * Returns 0, or TV_ERROR_ARGUMENT (no records, or count not 1 to 16), TV_ERROR_MEMORY. */
int tv_components(double *scores, /* out: [records][count] */
  double *explained,              /* out: [count] */
  const double *gram, size_t records, size_t count);

#ifdef __cplusplus
}
#endif
#endif
