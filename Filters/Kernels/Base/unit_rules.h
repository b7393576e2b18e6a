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

/* What was found so far, by unit and then by step; valid until the next call. Where there are
 * fewer records than patience asks for, but at least three, what held in all of them counts. */
int tv_rules_found(tv_rules *rules, const tv_episode **episodes, size_t *count);

#ifdef __cplusplus
}
#endif
#endif
