/* SPDX-License-Identifier: BSD-3-Clause */
#include "network.h"

#include "layers.h"
#include "merge.h"
#include "random.h"
#include "status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void draw(parameter *weights, double deviation, random_state *random)
{
  const size_t count = parameter_count(weights);
  for (size_t i = 0; i < count; ++i)
    weights->value[i] = (float)(deviation * random_normal(random));
}

/* Adds a layer with that many filters over inputs x pixels numbers (x 9 in a convolution). */
static int add_layer(network *network, layer_kind kind, size_t filters, size_t inputs,
  size_t pixels, int last, double deviation, random_state *random)
{
  layer *l = &network->layers[network->layer_count++];
  const size_t inner = kind == LAYER_CONVOLUTION ? 9 : pixels;
  int status;
  l->kind = kind;
  l->relu = !last;
  l->declared = filters;
  if ((status = parameter_create(&l->weights, filters, inputs, inner)) != TV_OK ||
      (status = parameter_create(&l->bias, filters, 1, 1)) != TV_OK)
    return status;
  if (!(l->places = malloc(filters * sizeof *l->places)))
    return tv_fail(TV_ERROR_MEMORY, "no memory for %zu filters", filters);
  for (size_t f = 0; f < filters; ++f)
    l->places[f] = f;
  if (deviation == 0)
    deviation = sqrt((last ? 1.0 : 2.0) / (double)(inputs * inner));
  draw(&l->weights, deviation, random);
  return TV_OK;
}

static int add_layers(network *network, const network_shape *shape, uint64_t seed)
{
  random_state random = {seed};
  size_t inputs = 1, height = shape->height, width = shape->width;
  int status;
  for (size_t i = 0; i < shape->convolutions; ++i) {
    layer *l = &network->layers[i];
    if (height < 2 || width < 2)
      return tv_fail(TV_ERROR_ARGUMENT, "images of %zu x %zu pixels are too small for %zu poolings",
        shape->width, shape->height, shape->convolutions);
    if ((status = add_layer(network, LAYER_CONVOLUTION, shape->filters[i], inputs, 9, 0,
           shape->deviation, &random)) != TV_OK)
      return status;
    snprintf(l->name, sizeof l->name, "conv%zu", i + 1);
    l->pooled = 1;
    l->height = height;
    l->width = width;
    height /= 2;
    width /= 2;
    inputs = shape->filters[i];
  }
  size_t pixels = height * width;
  for (size_t i = 0; i <= shape->hidden_layers; ++i) {
    const int last = i == shape->hidden_layers;
    const size_t outputs = last ? shape->classes : shape->hidden[i];
    layer *l = &network->layers[network->layer_count];
    if ((status = add_layer(network, LAYER_FULLY_CONNECTED, outputs, inputs, pixels, last,
           shape->deviation, &random)) != TV_OK)
      return status;
    snprintf(l->name, sizeof l->name, "fc%zu", i + 1);
    l->height = l->width = 1;
    inputs = outputs;
    pixels = 1;
  }
  return TV_OK;
}

int network_create(network **out, const network_shape *shape, uint64_t seed)
{
  int status = TV_OK;
  *out = NULL;
  if (shape->convolutions + shape->hidden_layers + 1 > NETWORK_LAYERS)
    return tv_fail(TV_ERROR_ARGUMENT, "a network has at most %d layers", NETWORK_LAYERS);
  network *n = calloc(1, sizeof *n);
  if (!n)
    return tv_fail(TV_ERROR_MEMORY, "no memory for the network");
  n->batch = shape->batch;
  n->height = shape->height;
  n->width = shape->width;
  n->classes = shape->classes;
  int overflow = 0;
  size_t pixels = tv_multiply(n->height, n->width, &overflow);
  size_t numbers = tv_multiply(tv_multiply(n->batch, pixels, &overflow), 512, &overflow);
  if (overflow || numbers > SIZE_MAX / 64)
    status = tv_fail(TV_ERROR_ARGUMENT, "a batch of %zu images is too large", n->batch);
  else if (!(n->images = aligned_alloc(64, (n->batch * pixels * sizeof(float) + 63) / 64 * 64)) ||
           !(n->labels = calloc(n->batch, 1)))
    status = tv_fail(TV_ERROR_MEMORY, "no memory for a batch of %zu images", n->batch);
  if (status == TV_OK)
    status = add_layers(n, shape, seed);
  if (status == TV_OK)
    status = layers_build(n);
  if (status != TV_OK) {
    network_free(n);
    return status;
  }
  *out = n;
  return TV_OK;
}

void network_free(network *n)
{
  if (!n)
    return;
  layers_free(n);
  for (size_t i = 0; i < n->layer_count; ++i) {
    parameter_free(&n->layers[i].weights);
    parameter_free(&n->layers[i].bias);
    free(n->layers[i].places);
  }
  free(n->images);
  free(n->labels);
  free(n);
}

int network_forward(network *n)
{
  return plan_run(n->plan, PLAN_FORWARD);
}

int network_backward(network *n)
{
  return plan_run(n->plan, PLAN_BACKWARD);
}

void network_loss(double *loss, size_t *correct, network *n, size_t samples)
{
  const layer *last = &n->layers[n->layer_count - 1];
  float *gradient = plan_data(last->memories->gradient);
  double sum = 0;
  *correct = 0;
  for (size_t s = 0; s < samples; ++s) {
    const float *z = n->logits + s * n->classes;
    double total = 0;
    size_t best = 0;
    for (size_t c = 1; c < n->classes; ++c)
      if (z[c] > z[best])
        best = c;
    for (size_t c = 0; c < n->classes; ++c)
      total += exp((double)z[c] - z[best]);
    for (size_t c = 0; c < n->classes; ++c) {
      const double p = exp((double)z[c] - z[best]) / total;
      gradient[s * n->classes + c] = (float)((p - (c == n->labels[s])) / (double)samples);
    }
    sum += log(total) - ((double)z[n->labels[s]] - z[best]);
    *correct += best == n->labels[s];
  }
  memset(gradient + samples * n->classes, 0, (n->batch - samples) * n->classes * sizeof *gradient);
  *loss = sum / (double)samples;
}

int network_activations(float *out, network *n, size_t layer)
{
  return plan_read(
    n->plan, n->layers[layer].memories->activations, n->layers[layer].weights.rows, out);
}

int network_output(float *out, network *n, size_t layer)
{
  return plan_read(n->plan, n->layers[layer].memories->output, n->layers[layer].weights.rows, out);
}

int network_merge(network *n, size_t index, const unsigned char *keep, const double *combination)
{
  if (index + 1 >= n->layer_count)
    return tv_fail(TV_ERROR_ARGUMENT, "%s is the last layer: its filters are the classes",
      n->layers[index].name);
  layer *l = &n->layers[index], *next = l + 1;
  float *const states[4][2] = {{l->weights.first, l->weights.second},
    {l->bias.first, l->bias.second}, {next->weights.first, next->weights.second},
    {next->bias.first, next->bias.second}};
  tv_layer from = {l->weights.value, l->bias.value, l->weights.rows, l->weights.columns,
    l->weights.inner, states[0], states[1], 2, 0};
  tv_layer to = {next->weights.value, next->bias.value, next->weights.rows, next->weights.columns,
    next->weights.inner, states[2], states[3], 2, 0};
  const size_t filters = l->weights.rows;
  const int status = tv_merge(&from, &to, keep, combination, filters);
  if (status != TV_OK)
    return status;
  for (size_t f = 0, kept = 0; f < filters; ++f)
    if (keep[f])
      l->places[kept++] = l->places[f];
  l->weights.rows = l->bias.rows = from.outputs;
  next->weights.columns = to.inputs;
  layers_free(n);
  return layers_build(n);
}

size_t network_parameters(const network *n)
{
  size_t sum = 0;
  for (size_t i = 0; i < n->layer_count; ++i)
    sum += parameter_count(&n->layers[i].weights) + parameter_count(&n->layers[i].bias);
  return sum;
}

size_t network_multiplications(const network *n)
{
  size_t sum = 0;
  for (size_t i = 0; i < n->layer_count; ++i)
    sum += parameter_count(&n->layers[i].weights) * n->layers[i].height * n->layers[i].width;
  return sum;
}
