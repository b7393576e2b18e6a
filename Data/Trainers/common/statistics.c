/* SPDX-License-Identifier: BSD-3-Clause */
#include "statistics.h"

#include "moments.h"
#include "status.h"

#include <stdlib.h>
#include <string.h>

int statistics_create(statistics *s, const network *n)
{
  size_t largest = 1;
  memset(s, 0, sizeof *s);
  for (size_t i = 0; i + 1 < n->layer_count; ++i) {
    const layer *l = &n->layers[i];
    const size_t filters = l->weights.rows, pixels = l->height * l->width;
    const size_t numbers = n->batch * filters * pixels;
    largest = numbers > largest ? numbers : largest;
    s->layers[i].moments = calloc(tv_moments_size(filters), sizeof(double));
    s->layers[i].maps = malloc(filters * pixels * sizeof(float));
    s->layers[i].variances = malloc(filters * sizeof(double));
    if (!s->layers[i].moments || !s->layers[i].maps || !s->layers[i].variances) {
      statistics_free(s);
      return tv_fail(TV_ERROR_MEMORY, "no memory for the statistics of %s", l->name);
    }
  }
  if (!(s->scratch = malloc(largest * sizeof *s->scratch))) {
    statistics_free(s);
    return tv_fail(TV_ERROR_MEMORY, "no memory for the statistics");
  }
  return TV_OK;
}

void statistics_free(statistics *s)
{
  for (size_t i = 0; i < NETWORK_LAYERS; ++i) {
    free(s->layers[i].moments);
    free(s->layers[i].maps);
    free(s->layers[i].variances);
  }
  free(s->scratch);
  memset(s, 0, sizeof *s);
}

/* Adds the batch that the network has just seen to the moments of a layer. */
static int add_batch(statistics *s, network *n, size_t i, int threads)
{
  const layer *l = &n->layers[i];
  const size_t shape[] = {n->batch, l->weights.rows, l->pooled ? l->height / 2 : l->height,
    l->pooled ? l->width / 2 : l->width};
  const int status = network_output(s->scratch, n, i);
  if (status != TV_OK)
    return status;
  return tv_moments_add(s->layers[i].moments, s->scratch, TV_FLOAT32, "nchw", shape, NULL,
    &(tv_execution){threads, NULL, NULL});
}

static int sum_maps(statistics *s, network *n, size_t i)
{
  const size_t numbers = s->layers[i].filters * s->layers[i].pixels;
  const int status = network_activations(s->scratch, n, i);
  if (status != TV_OK)
    return status;
  memcpy(s->layers[i].maps, s->scratch, numbers * sizeof(float));
  for (size_t sample = 1; sample < n->batch; ++sample)
    for (size_t p = 0; p < numbers; ++p)
      s->layers[i].maps[p] += s->scratch[sample * numbers + p];
  return TV_OK;
}

int statistics_gather(statistics *s, network *n, batches *b, size_t count, int threads)
{
  for (size_t i = 0; i + 1 < n->layer_count; ++i) {
    const layer *l = &n->layers[i];
    s->layers[i].filters = l->weights.rows;
    s->layers[i].pixels = l->height * l->width;
    memset(s->layers[i].moments, 0, tv_moments_size(l->weights.rows) * sizeof(double));
  }
  for (size_t batch = 0; batch < count; ++batch) {
    batches_next(b, n);
    int status = network_forward(n);
    for (size_t i = 0; status == TV_OK && i + 1 < n->layer_count; ++i)
      status = add_batch(s, n, i, threads);
    for (size_t i = 0; status == TV_OK && batch + 1 == count && i + 1 < n->layer_count; ++i)
      status = sum_maps(s, n, i);
    if (status != TV_OK)
      return status;
  }
  for (size_t i = 0; i + 1 < n->layer_count; ++i)
    tv_moments_statistics(NULL, s->layers[i].variances, s->layers[i].moments, s->layers[i].filters);
  return TV_OK;
}
