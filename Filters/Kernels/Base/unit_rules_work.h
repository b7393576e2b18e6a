/* SPDX-License-Identifier: BSD-3-Clause */
/* What unit_rules.c and unit_skip.c share. Internal. */
#ifndef TV_UNIT_RULES_WORK_H
#define TV_UNIT_RULES_WORK_H

#include "unit_rules.h"

/* A rule that holds, and for how long already. */
typedef struct tv_streak
{
  int64_t since, last;
  size_t first, count; /* records */
  float value;
  ptrdiff_t episode; /* the last one of this unit and rule; -1: none yet */
} tv_streak;

/* What is remembered of a unit between two records. */
typedef struct tv_unit_memory
{
  float mean, move; /* of the weights; NaN: not known yet */
  int moved;        /* not every update was exactly 0 */
  float low, high;  /* of the mean, over the records that were skipped last */
} tv_unit_memory;

struct tv_rules
{
  tv_role role;
  tv_bounds bounds;
  size_t units, records;
  size_t skipped; /* of them, since the last that was added or remembered */
  int64_t first_step, last_step;
  tv_streak *streaks; /* [units + 1][TV_FAULTS]; the last is the layer's */
  tv_unit_memory *memories;
  tv_episode *episodes, *found;
  size_t count, capacity;
  double typical, largest_early; /* gradients: running average, and that of the beginning */
  float least, greatest;         /* activations: of the layer, in all records */
  int zeros;                     /* some of them are exactly 0 */
};

/* Says of a unit (units: the layer) that a rule holds at so many records, the next ones, at steps first
 * to last. One that held before, and stopped for no longer than patience, goes on. */
int tv_rules_hold(tv_rules *rules, size_t unit, tv_fault fault, int64_t first, int64_t last,
  size_t records, size_t patience, float value);

/* Gradients: adds those of a record to their running average; usual: what they were so far. */
void tv_rules_average(tv_rules *rules, double now, double usual);

#endif
