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

/* How it is done: chosen once for a tensor. */
typedef struct tv_sums_way
{
  tv_type type;
  int known;                              /* not 0: there is a record before, to be compared with */
  const struct tv_sum_functions *vectors; /* NULL where the processor has none */
} tv_sums_way;

tv_sums_way tv_sums_choose(tv_type type, int known);

/* Whether float32 holds every number of a type: not TV_FLOAT64, TV_INT32, TV_INT64. */
int tv_sums_float(tv_type type);

/* Adds count neighbours of one unit. before: NULL, or the same of the record before, to be compared
 * with where way->known is not 0, and replaced by x. */
void tv_sums_run(tv_sums *total, const tv_sums_way *way, const char *x, size_t count, char *before);

/* Adds rows of units neighbours (at most TV_STRIP), stride numbers apart, of a type that float32
 * holds: so many samples of so many rows each, with the samples of which a unit is silent. before: as
 * above. */
void tv_sums_rows(tv_sums *total, const tv_sums_way *way, const char *x, size_t stride,
  size_t samples, size_t rows, int units, char *before);

/* Adds maps [samples][units][pixels], stride numbers from one sample to the next, with the samples of
 * which a unit is silent. before: as above, of one sample. Returns 0, and adds nothing, where runs
 * have to do. */
int tv_sums_maps(tv_sums *total, const tv_sums_way *way, const char *x, size_t stride,
  size_t samples, int units, size_t pixels, char *before);

#endif
