/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of each layer's filters: second moments over many batches, and the maps summed
 * over one batch, as the views show them. */
#ifndef TRAINER_STATISTICS_H
#define TRAINER_STATISTICS_H

#include "batches.h"
#include "network.h"

typedef struct layer_statistics
{
  size_t filters, pixels;
  double *moments;   /* [filters + 1][filters + 1], of what the next layer reads; see moments.h */
  double *variances; /* [filters]: 0 of a dead filter */
  float *maps;       /* [filters][pixels]: activations before pooling, summed over the last batch */
} layer_statistics;

typedef struct statistics
{
  layer_statistics layers[NETWORK_LAYERS]; /* of all layers but the last; the others are empty */
  float *scratch;                          /* the activations of the largest layer */
} statistics;

/* Room for a network's statistics, which may lose filters afterwards. */
int statistics_create(statistics *statistics, const network *network);
void statistics_free(statistics *statistics);

/* Runs that many batches forward and gathers the statistics of all layers but the last, from
 * nothing. Overwrites the network's images, labels and activations. */
int statistics_gather(
  statistics *statistics, network *network, batches *batches, size_t count, int threads);

#endif
