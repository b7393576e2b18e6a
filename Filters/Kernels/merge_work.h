/* SPDX-License-Identifier: BSD-3-Clause */
/* What merge_keep.c (which filters to keep), merge_combine.c (how they stand in for the rest) and
 * merge.c (the surgery) share. Not for others. */
#ifndef TV_MERGE_WORK_H
#define TV_MERGE_WORK_H

#include "merge.h"
#include "moments.h"
#include "status.h"

/* The second moments as means and covariances. */
typedef struct tv_merge_statistics
{
  size_t filters;
  double *mean, *variance; /* [filters] */
  double *covariance;      /* [filters][filters]; 0 in rows and columns of constant filters */
} tv_merge_statistics;

/* Refuses moments that are not finite, or of fewer than 2 pixels. To be freed only after TV_OK, or
 * where it was all zero before. */
int tv_merge_statistics_make(tv_merge_statistics *s, const double *moments, size_t filters);
void tv_merge_statistics_free(tv_merge_statistics *s);

/* Refuses no filters, and more than can be counted. */
int tv_merge_check_size(size_t filters);

#endif
