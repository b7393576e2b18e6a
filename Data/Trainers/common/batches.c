/* SPDX-License-Identifier: BSD-3-Clause */
#include "batches.h"

#include "status.h"

#include <stdlib.h>
#include <string.h>

int batches_create(batches *b, const idx_images *images, size_t samples, uint64_t seed)
{
  memset(b, 0, sizeof *b);
  if (samples > images->samples)
    return tv_fail(TV_ERROR_ARGUMENT, "--samples asks for %zu of %zu training samples", samples,
      images->samples);
  b->images = images;
  b->samples = samples ? samples : images->samples;
  b->position = b->samples; /* shuffle first */
  b->random.state = seed ^ UINT64_C(0x5bf03635);
  if (!(b->order = malloc(b->samples * sizeof *b->order)))
    return tv_fail(TV_ERROR_MEMORY, "no memory for the order of %zu samples", b->samples);
  for (size_t i = 0; i < b->samples; ++i)
    b->order[i] = (uint32_t)i;
  return TV_OK;
}

void batches_free(batches *b)
{
  free(b->order);
  memset(b, 0, sizeof *b);
}

void batches_next(batches *b, network *n)
{
  if (b->samples - b->position < n->batch) {
    for (size_t i = b->samples - 1; i > 0; --i) {
      const size_t j = random_below(&b->random, i + 1);
      const uint32_t kept = b->order[i];
      b->order[i] = b->order[j];
      b->order[j] = kept;
    }
    b->position = 0;
  }
  idx_copy(n->images, n->labels, b->images, b->order + b->position, 0, n->batch);
  b->position += n->batch;
}

int network_accuracy(double *accuracy, network *n, const idx_images *images)
{
  size_t right = 0;
  for (size_t first = 0; first < images->samples; first += n->batch) {
    const size_t left = images->samples - first, samples = left < n->batch ? left : n->batch;
    size_t correct;
    double loss;
    idx_copy(n->images, n->labels, images, NULL, first, samples);
    const int status = network_forward(n);
    if (status != TV_OK)
      return status;
    network_loss(&loss, &correct, n, samples);
    right += correct;
  }
  *accuracy = (double)right / (double)images->samples;
  return TV_OK;
}
