/* SPDX-License-Identifier: BSD-3-Clause */
/* The inner loops of unit_statistics.c: sums over what one unit has, or over a strip of units side by
 * side. Internal. */
#ifndef TV_UNIT_SUMS_H
#define TV_UNIT_SUMS_H

#include "tensorview/types.h"

#include <stddef.h>

#define TV_STRIP 32 /* most units side by side */

/* What is known of a unit so far. */
typedef struct tv_sums
{
  double sum, squares, least,
    greatest;   /* of what is finite; least and greatest begin at +-infinity */
  double moved; /* sum of the squares of updates */
  size_t all, finite, zeros, compared; /* compared: finite in both records */
  size_t silent;                       /* samples whose whole map is 0 */
} tv_sums;

/* Adds count neighbours of one unit. before: NULL, or the same of the record before, to be compared
 * with where known is not 0, and replaced by x. */
void tv_sums_run(
  tv_sums *total, const char *x, tv_type type, size_t count, char *before, int known);

/* Adds rows of units neighbours (at most TV_STRIP), stride numbers apart; at most 2^20 rows. Of types
 * that float holds: not TV_FLOAT64, TV_INT32, TV_INT64. */
void tv_sums_rows(tv_sums *total, const char *x, tv_type type, size_t stride, size_t rows,
  int units, char *before, int known);

#endif
