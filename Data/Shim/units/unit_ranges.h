/* SPDX-License-Identifier: BSD-3-Clause */
/* The least and the greatest that measures of units reach over blocks of records: what pictures of
 * many steps are made of. The writer has them beside each stream of statistics, as the stream
 * "<kind>_statistics_ranges" (tensorview/format.h, Ranges). Internal. */
#ifndef TV_UNIT_RANGES_H
#define TV_UNIT_RANGES_H

#include "tensorview/units.h"

#define TV_RANGES_SUFFIX "_ranges" /* of the kind of the statistics */
#define TV_RANGES_RECORDS 32       /* of a block that we write */

/* What pictures show of tensors of a kind, in the order of tv_view_measure, and what is not finite.
 * Returns how many. */
int tv_ranges_measures(int measures[TV_VIEW_MEASURES], const char *kind);

/* The column of a measure's least value, its greatest is the next one; -1: there is none. */
int tv_ranges_column(int measure);

/* Whether a kind is that of such a stream. */
int tv_ranges_is_kind(const char *kind);

typedef struct tv_unit_ranges tv_unit_ranges;

/* For the statistics of so many units: kind is "weights_statistics", ... NULL where it is no kind of
 * statistics, and where memory is short: a run does without. */
tv_unit_ranges *tv_ranges_create(const char *kind, size_t units);
void tv_ranges_free(tv_unit_ranges *ranges);

/* Numbers of a row for each unit. */
size_t tv_ranges_columns(const tv_unit_ranges *ranges);

/* One record more: [units][TV_MEASURES]. Returns the row of a block that is complete with it, [units]
 * [columns], valid until the next call; otherwise NULL. */
const float *tv_ranges_add(tv_unit_ranges *ranges, const float *statistics);

#endif
