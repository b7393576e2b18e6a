/* SPDX-License-Identifier: BSD-3-Clause */
/* What it would cost to merge each filter into its representative: what a plan of merging says before
 * anything is merged. */
#ifndef TV_MERGE_PLAN_H
#define TV_MERGE_PLAN_H

#include "rows.h"
#include "tensorview/types.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Into whom each filter is to be merged, its representative, or has been (its state says so); -1: it
 * stays, or is gone without. representatives: [filters], -1: none; states: [filters], TV_FILTER_...,
 * or the filter that it was merged into. */
void tv_plan_merges(
  int32_t *into, const int32_t *representatives, const int32_t *states, size_t filters);

/* The variance of each row over its pixels, two passes in double precision; NaN where a row holds NaN
 * or infinity. */
void tv_row_variances(double *variance, const tv_rows *rows);

/* For each filter i with representative j, in a layer whose filters have these correlations r
 * (Pearson's) and variances v:
 *
 *   residual   1 - r[i][j]^2: what scale * j + offset leaves of its variance (TV_AFFINE of merge.h);
 *              0 where it is its own representative, NaN where it has none
 *   cost       what is left in what the next layer makes of the filters, relative to the variance of
 *              that, if this filter alone is merged: residual v[i] G[i][i] / sum over k, l of
 *              r[k][l] sqrt(v[k] v[l]) G[k][l], where G[k][l] is the sum of products of the next
 *              layer's weights for k and l: each pixel by itself, as for tv_keep_number_for()
 *
 * reads: for each filter the next layer's weights for it; NULL: unknown, and the cost is NaN. */
int                               /* 0, or a negative tv_status */
tv_plan_costs(                    /**/
  double *residual,               /* out: [filters] */
  double *cost,                   /* out: [filters] */
  const float *correlation,       /* r, [filters][filters] */
  const double *variance,         /* v, [filters] */
  const int32_t *representatives, /* [filters]; -1: none */
  size_t filters,                 /**/
  const tv_rows *reads,           /* filters rows, or NULL */
  const tv_execution *execution); /* or NULL; progress is not called */

#ifdef __cplusplus
}
#endif
#endif
