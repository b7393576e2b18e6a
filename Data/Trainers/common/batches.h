/* SPDX-License-Identifier: BSD-3-Clause */
/* The order in which a training set is seen: shuffled anew for each pass, by the seed alone. */
#ifndef TRAINER_BATCHES_H
#define TRAINER_BATCHES_H

#include "idx.h"
#include "network.h"
#include "random.h"

typedef struct batches
{
  const idx_images *images;
  uint32_t *order; /* [samples] */
  size_t samples, position;
  random_state random;
} batches;

/* Over the first samples of images (0: all), which stay the caller's. */
int batches_create(batches *batches, const idx_images *images, size_t samples, uint64_t seed);
void batches_free(batches *batches);

/* The next batch into the network's images and labels. What is left at the end of a pass and does
 * not fill a batch is left out. */
void batches_next(batches *batches, network *network);

/* The share of samples whose class the network names, 0 ... 1. Overwrites the network's images,
 * labels and activations. */
int network_accuracy(double *accuracy, network *network, const idx_images *images);

#endif
