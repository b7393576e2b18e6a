/* SPDX-License-Identifier: BSD-3-Clause */
/* A network from the last weights of a run file, and what the file knows of its filters. */
#ifndef TRAINER_TRAINED_H
#define TRAINER_TRAINED_H

#include "network.h"
#include "statistics.h"

#include <tensorview/source.h>

/* Makes the network whose weights and biases a run file holds: convolutions 3 x 3 each with
 * pooling, then fully connected layers, as tensorview-lenet trains them. Filters that were pruned
 * (NaN) are left out. *step is the step of the weights. On failure *network is NULL. */
int trained_network(
  network **network, int64_t *step, tv_source *source, size_t batch, size_t height, size_t width);

/* The last second moments of a layer, and its last summed activations where it has maps, of the
 * filters that the network still has. statistics are from statistics_create(). */
int trained_statistics(
  statistics *statistics, tv_source *source, const network *network, size_t layer);

/* Whether a layer has that kind at all. */
int trained_has(const tv_source *source, const char *layer, const char *kind);

/* A scalar at the last step that has scalars; NaN where there is none. */
double trained_scalar(tv_source *source, const char *name);

#endif
