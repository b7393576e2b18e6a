/* SPDX-License-Identifier: BSD-3-Clause */
#include "merge_work.h"

#include <stdlib.h>
#include <string.h>

/* Keeps some of rows * [filters] * size numbers, and closes the gaps. */
static void compact(
  float *array, size_t rows, size_t filters, size_t size, const unsigned char *keep)
{
  float *to = array;
  for (size_t row = 0; array && row < rows; ++row)
    for (size_t i = 0; i < filters; ++i)
      if (keep[i]) {
        const float *from = array + (row * filters + i) * size;
        if (to != from)
          memmove(to, from, size * sizeof *to);
        to += size;
      }
}

/* One output of the next layer: its weights for the removed filters go to the kept ones. sum is
 * scratch, [filters][window]. */
static void combine_weights(float *weights, float *bias, const tv_layer *next,
  const unsigned char *keep, const double *combination, double *sum)
{
  const size_t filters = next->inputs, window = next->window;
  double constant = 0.0;
  for (size_t i = 0; i < filters * window; ++i)
    sum[i] = (double)weights[i];
  for (size_t r = 0; r < filters; ++r) {
    const double *row = combination + r * (filters + 1);
    const float *removed = weights + r * window;
    if (keep[r])
      continue;
    for (size_t k = 0; k < filters; ++k)
      for (size_t at = 0; at < window && row[k] != 0.0; ++at)
        sum[k * window + at] += row[k] * (double)removed[at];
    for (size_t at = 0; at < window; ++at)
      constant += row[filters] * (double)removed[at];
  }
  for (size_t i = 0; i < filters * window; ++i)
    weights[i] = (float)sum[i];
  if (bias)
    *bias = (float)((double)*bias + constant);
}

static int check_layers(const tv_layer *layer, const tv_layer *next, const unsigned char *keep,
  const double *combination, size_t filters)
{
  size_t kept = 0;
  if (layer->outputs != filters || !layer->weights)
    return tv_fail(TV_ERROR_ARGUMENT, "the layer has %zu filters, and %zu are to be merged",
      layer->outputs, filters);
  for (size_t i = 0; i < filters; ++i)
    kept += keep[i] != 0;
  if (kept == 0)
    return tv_fail(TV_ERROR_ARGUMENT, "no filter is kept");
  if (layer->shared)
    return tv_fail(TV_ERROR_UNSUPPORTED,
      "the layer's weights are shared with another layer, which would lose its filters too");
  if (!next)
    return TV_OK;
  if (next->inputs != filters || !next->weights)
    return tv_fail(
      TV_ERROR_ARGUMENT, "the next layer reads %zu filters, not %zu", next->inputs, filters);
  if (next->shared)
    return tv_fail(TV_ERROR_UNSUPPORTED,
      "the next layer is shared: what else uses its weights, or reads the same filters, would "
      "change too");
  for (size_t r = 0; r < filters && !next->bias; ++r)
    if (!keep[r] && combination[r * (filters + 1) + filters] != 0.0)
      return tv_fail(TV_ERROR_UNSUPPORTED,
        "the next layer has no bias that could take up the constant part of filter %zu", r);
  return TV_OK;
}

int tv_merge(tv_layer *layer, tv_layer *next, const unsigned char *keep, const double *combination,
  size_t filters)
{
  size_t kept = 0;
  if (!layer || !keep || !combination)
    return tv_fail(TV_ERROR_ARGUMENT, "no layer to merge filters of");
  int status = tv_merge_check_size(filters);
  if (!status)
    status = check_layers(layer, next, keep, combination, filters);
  if (status)
    return status;
  for (size_t i = 0; i < filters; ++i)
    kept += keep[i] != 0;
  double *sum = next ? malloc(filters * next->window * sizeof *sum) : NULL;
  if (next && !sum)
    return tv_fail(TV_ERROR_MEMORY, "no memory to merge %zu filters", filters);

  const size_t row = layer->inputs * layer->window;
  compact(layer->weights, 1, filters, row, keep);
  compact(layer->bias, 1, filters, 1, keep);
  for (size_t i = 0; i < layer->states; ++i) {
    compact(layer->weight_state ? layer->weight_state[i] : NULL, 1, filters, row, keep);
    compact(layer->bias_state ? layer->bias_state[i] : NULL, 1, filters, 1, keep);
  }
  layer->outputs = kept;
  if (!next)
    return TV_OK;

  for (size_t output = 0; output < next->outputs; ++output)
    combine_weights(next->weights + output * filters * next->window,
      next->bias ? next->bias + output : NULL, next, keep, combination, sum);
  free(sum);
  compact(next->weights, next->outputs, filters, next->window, keep);
  for (size_t i = 0; i < next->states; ++i)
    compact(next->weight_state ? next->weight_state[i] : NULL, next->outputs, filters, next->window,
      keep);
  next->inputs = kept;
  return TV_OK;
}
