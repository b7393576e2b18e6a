/* SPDX-License-Identifier: BSD-3-Clause */
/* What the names in weight files mean: layer, kind, axes; and which step a file is of. The rules are
 * one table, in names_table.c: read it, and add to it. */
#ifndef TV_NAMES_H
#define TV_NAMES_H

#include "weights.h"

/* Fills layer, kind, axes and offered of all tensors. What no rule knows becomes a tensor of as many
 * axes as it has, by the letters x, y, z, r, s, u, v, b, none of which means anything. Names that
 * are the same for two tensors are made different. */
int tv_names_apply(tv_weights *weights);

/* Takes in a value that a file says of itself, "step": "1200": 1 where it is a step, 0 where it is
 * something else. */
int tv_names_step(tv_weights *weights, const char *key, const char *value);

/* Which rule a name follows. */
typedef struct tv_rule
{
  const char *layer; /* a part of the layer's name, in lower case; "" for any; a leading '^': the
                        name begins with it */
  const char *last;  /* the last part of the name, without ":0"; a trailing '*': begins with it */
  int rank;          /* axes; -1: any */
  const char *kind;  /* "" for the last part itself */
  const char *axes;  /* NULL: of no meaning. As many letters as rank */
  int offered;
} tv_rule;

/* The table, and how many rows it has; the first row that fits is taken. */
extern const tv_rule tv_rules[];
extern const size_t tv_rule_count;

/* The names under which networks lie in checkpoints; dropped where nothing gets ambiguous. */
extern const char *const tv_wrappers[];
extern const size_t tv_wrapper_count;

/* A part of a name that says that an optimizer's state follows, in lower case: "optim". */
int tv_names_is_optimizer(const char *name);

/* < 0, 0, > 0 as for strcmp, numbers by their value: layer2 before layer10. */
int tv_names_compare(const char *a, const char *b);

#endif
