/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside names.c: what needs all tensors of a file. */
#ifndef TV_NAMES_UNIQUE_H
#define TV_NAMES_UNIQUE_H

#include "weights.h"

/* Layer, kind and axes of an optimizer's states: those of the parameter that they belong to, where
 * number and shape say which it is. Everybody else's are set before. */
int tv_names_optimizer(tv_weights *weights);

/* Makes equal pairs of layer and kind different: by the whole name, then by a number. */
int tv_names_unique(tv_weights *weights);

#endif
