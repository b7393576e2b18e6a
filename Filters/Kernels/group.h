/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups of similar filters, and how each follows from its group's representative. */
#ifndef TV_GROUP_H
#define TV_GROUP_H

#include "rows.h"
#include "tensorview/types.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tv_linkage
{
  TV_COMPLETE = 0, /* every pair in a group reaches the threshold */
  TV_SINGLE = 1    /* groups are joined by chains of pairs that reach it */
} tv_linkage;

#define TV_NO_GROUP (-1)

/* Groups by agglomeration: the two most similar groups are joined again and again, while their
 * similarity reaches the threshold; it is that of their least (complete linkage) or most (single)
 * similar pair. Of equal similarities, the pair of groups with the lowest filter goes first, then
 * that whose other group has the lowest one: the result depends on nothing but the matrix.
 *
 * Only the lower triangle is read. A filter whose diagonal is NaN (dead, pruned, not finite) is in
 * no group; another NaN counts as less than every threshold.
 *
 * Needs 4 filters^2 bytes with complete linkage; time in practice filters^2. */
int                    /* 0, or a negative tv_status */
tv_group(              /**/
  int32_t *groups,     /* out: [filters]: a group's number is its lowest filter, so that other
                          groups, which come and go, do not change it; TV_NO_GROUP for a filter
                          that is alone */
  const float *matrix, /* [filters][filters], as from tv_correlate() */
  size_t filters,      /* at least 1 */
  double threshold,    /* a pair reaches it where similarity >= threshold; not NaN */
  tv_linkage linkage);

/* The representative of each filter, after tv_group(): the lowest filter of its group; itself where
 * it is alone; -1 where the diagonal of the matrix is NaN. */
void tv_representatives(
  int32_t *representatives, const int32_t *groups, const float *matrix, size_t filters);

/* A group keeps its number when its lowest filter is merged into another of it: each group's number
 * becomes the lowest of its filters and of all that were merged into them, directly or by way of
 * others. No two groups get the same. */
void tv_keep_group_names(/**/
  int32_t *groups,       /* in and out: [filters], as from tv_group() */
  const int32_t *into,   /* [filters]: into which filter each was merged; negative: into none */
  size_t filters);

/* Takes a filter out of the matrix: its row and column become NaN. */
void tv_exclude(float *matrix, size_t filters, size_t filter);

/* 1 for each row whose pixels are all equal, else 0 (also for rows with NaN). Looks at no more of a
 * row than it must. constant: [filters]. */
void tv_constant_rows(unsigned char *constant, const tv_rows *rows);

/* Least squares: filter = scale * representative + offset, over all pixels, in double precision.
 * NaN where the representative is -1; 1 and 0 where a filter represents itself. */
int                               /* 0, or a negative tv_status */
tv_regress(                       /**/
  double *scale,                  /* out: [filters] */
  double *offset,                 /* out: [filters] */
  const tv_rows *rows,            /* at least 2 pixels */
  const int32_t *representatives, /* [filters], each less than filters */
  const tv_execution *execution); /* or NULL; progress is not called */

#ifdef __cplusplus
}
#endif
#endif
