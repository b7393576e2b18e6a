/* SPDX-License-Identifier: BSD-3-Clause */
/* What is wrong with the units of one tensor, from their statistics record by record. Streaming: one
 * pass, memory for the units and for what was found. */
#ifndef TV_UNIT_RULES_H
#define TV_UNIT_RULES_H

#include "tensorview/measures.h"
#include "tensorview/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Which rules hold for a tensor. Not finite is wrong in any. */
typedef enum tv_role
{
  TV_ROLE_WEIGHTS = 0,     /* stuck, never updated, exploding, oscillating */
  TV_ROLE_GRADIENTS = 1,   /* stuck where they are 0; exploding, of the layer as a whole */
  TV_ROLE_ACTIVATIONS = 2, /* dead, saturated */
  TV_ROLE_OTHER = 3
} tv_role;

tv_role tv_role_of(const char *kind); /* "weights", "gradients", "activations", or any other */

/* Something that was wrong for a while. */
typedef struct tv_episode
{
  ptrdiff_t unit; /* -1: the layer as a whole */
  tv_fault fault;
  int64_t since, until; /* steps at which it held, the first and the last */
  size_t first, last;   /* the same as numbers of records */
  double value;         /* the number behind it, at the last of them */
} tv_episode;

typedef struct tv_rules tv_rules;

tv_bounds tv_rules_default_bounds(void);

/* On failure *rules is NULL. */
int tv_rules_create(tv_rules **rules, tv_role role, size_t units, const tv_bounds *bounds);
void tv_rules_free(tv_rules *rules);

/* The next record: statistics[units][TV_MEASURES]. A unit whose row is NaN (it was pruned) is not
 * looked at. */
int tv_rules_add(tv_rules *rules, int64_t step, const float *statistics);

/* What measures of a unit reach over a block of records, of what is not NaN; NaN where all is. Pairs
 * are the least and the greatest. */
typedef struct tv_unit_range
{
  float shown[2]; /* weights: update / rms, 0 where update is; activations: silent, or where that is
                      NaN whether zeros is 1 */
  float rms[2];   /* weights and gradients */
  float mean[2];  /* weights */
  float zeros;    /* activations: the greatest share */
  float bad;      /* the greatest number that is not finite */
} tv_unit_range;

/* The next so many records at once, at steps first to last: returns 1 where their ranges, one for each
 * unit, say that no rule changes its mind in them, and what is found is the same as if they had been
 * added. Returns 0, and does nothing, where they have to be. */
int tv_rules_skip(
  tv_rules *rules, const tv_unit_range *ranges, size_t records, int64_t first, int64_t last);

/* How many of the records that were skipped have to be given to tv_rules_remember(), the last ones, in
 * order, before the next is added. */
size_t tv_rules_lacks(const tv_rules *rules);
void tv_rules_remember(tv_rules *rules, const float *statistics);

/* What was found so far, by unit and then by step; valid until the next call. Where there are
 * fewer records than patience asks for, but at least three, what held in all of them counts. */
int tv_rules_found(tv_rules *rules, const tv_episode **episodes, size_t *count);

#ifdef __cplusplus
}
#endif
#endif
