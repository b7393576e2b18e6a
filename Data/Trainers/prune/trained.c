/* SPDX-License-Identifier: BSD-3-Clause */
#include "trained.h"

#include "moments.h"
#include "status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The last complete record of a tensor. */
typedef struct run_tensor
{
  tv_shape shape;
  int64_t step;
  double *values; /* to free() */
} run_tensor;

typedef struct tensors
{
  run_tensor weights[NETWORK_LAYERS], bias[NETWORK_LAYERS];
  const char *names[NETWORK_LAYERS]; /* of the layers in the run */
  size_t count;
} tensors;

static void free_tensors(tensors *t)
{
  for (size_t i = 0; i < NETWORK_LAYERS; ++i) {
    free(t->weights[i].values);
    free(t->bias[i].values);
  }
}

/* The number of a layer's tensor of that kind; -1 where there is none. */
static ptrdiff_t find_tensor(const tv_source *source, const char *layer, const char *kind)
{
  char name[1024];
  snprintf(name, sizeof name, "%s/%s", layer, kind);
  return tv_source_find(source, name);
}

int trained_has(const tv_source *source, const char *layer, const char *kind)
{
  return find_tensor(source, layer, kind) >= 0;
}

/* A type that tv_source_read_windows() gives as double. */
static int is_wide(tv_type type)
{
  return type == TV_FLOAT64 || type == TV_INT32 || type == TV_INT64;
}

/* Reads the last complete record. On failure t->values is NULL. */
static int read_last(run_tensor *t, tv_source *source, const char *layer, const char *kind)
{
  const tv_source_tensor *listed;
  memset(t, 0, sizeof *t);
  const ptrdiff_t number = find_tensor(source, layer, kind);
  tv_source_tensors(source, &listed);
  if (number < 0)
    return tv_fail(TV_ERROR_FORMAT, "the run has no %s/%s", layer, kind);
  listed += number;
  if (listed->problem)
    return tv_fail(TV_ERROR_FORMAT, "%s", listed->problem);
  if (listed->records == 0)
    return tv_fail(TV_ERROR_FORMAT, "%s has no complete record", listed->name);
  t->shape = listed->shape;
  t->step = listed->steps[listed->records - 1];
  size_t numbers = 1; /* no overflow: it was checked when it was listed */
  for (int axis = 0; axis < t->shape.rank; ++axis)
    numbers *= t->shape.size[axis];
  const size_t rows = strcmp(t->shape.axes, "oi") == 0 || strcmp(t->shape.axes, "mm") == 0 ||
                          strcmp(t->shape.axes, "oihw") == 0 || strcmp(t->shape.axes, "chw") == 0 ||
                          t->shape.rank == 1
                        ? t->shape.size[0]
                        : 0;
  if (rows == 0)
    return tv_fail(TV_ERROR_UNSUPPORTED,
      "%s has the axes \"%s\": this is no network of tensorview-lenet", listed->name,
      t->shape.axes);
  t->values = malloc(numbers * sizeof *t->values);
  if (!t->values)
    return tv_fail(TV_ERROR_MEMORY, "%s does not fit into memory", listed->name);
  const int status =
    tv_source_read_windows(source, (size_t)number, listed->records - 1, 0, rows, t->values, NULL);
  if (status != TV_OK) {
    free(t->values);
    t->values = NULL;
  } else if (!is_wide(listed->type)) /* float: widened from behind, in its place */
    for (size_t k = numbers; k-- > 0;)
      t->values[k] = (double)((const float *)(const void *)t->values)[k];
  return status;
}

double trained_scalar(tv_source *source, const char *name)
{
  tv_source_scalars scalars;
  double value = NAN;
  tv_source_scalars_of(source, &scalars);
  double *last = scalars.records ? malloc(scalars.count * sizeof *last) : NULL;
  if (last && tv_source_read_scalars(source, scalars.records - 1, 1, last) == TV_OK)
    for (size_t k = 0; k < scalars.count; ++k)
      if (strcmp(scalars.names[k], name) == 0)
        value = last[k];
  free(last);
  return value;
}

/* Reads all layers that have weights, and says in shape what network they make. */
static int read_tensors(tensors *t, network_shape *shape, tv_source *source)
{
  const tv_source_tensor *listed;
  memset(t, 0, sizeof *t);
  for (size_t i = 0, all = tv_source_tensors(source, &listed); i < all; ++i) {
    const char *name = listed[i].layer;
    run_tensor *w = &t->weights[t->count], *b = &t->bias[t->count];
    int status;
    if (strcmp(listed[i].kind, "weights") != 0)
      continue;
    if (t->count == NETWORK_LAYERS)
      return tv_fail(TV_ERROR_UNSUPPORTED, "the run file has more than %d layers", NETWORK_LAYERS);
    t->names[t->count++] = name;
    if ((status = read_last(w, source, name, "weights")) != TV_OK ||
        (status = read_last(b, source, name, "bias")) != TV_OK)
      return status;
    const tv_shape *of = &w->shape;
    const int convolution = strcmp(of->axes, "oihw") == 0 && of->size[2] == 3 && of->size[3] == 3;
    const int known = convolution ? shape->hidden_layers == 0 : strcmp(of->axes, "oi") == 0;
    if (!known || b->shape.rank != 1 || b->shape.size[0] != of->size[0] || b->step != w->step)
      return tv_fail(TV_ERROR_UNSUPPORTED,
        "%s is neither a convolution 3 x 3 (oihw) nor fully connected (oi), or its bias does not "
        "belong to its weights: this is no network of tensorview-lenet",
        name);
    if (convolution)
      shape->filters[shape->convolutions++] = of->size[0];
    else
      shape->hidden[shape->hidden_layers++] = of->size[0];
  }
  if (shape->hidden_layers == 0)
    return tv_fail(TV_ERROR_UNSUPPORTED, "the run file has no fully connected layer with weights");
  shape->classes = shape->hidden[--shape->hidden_layers];
  return TV_OK;
}

/* Copies numbers, 0 for NaN. */
static void copy(float *to, const double *from, size_t count)
{
  for (size_t i = 0; i < count; ++i)
    to[i] = isnan(from[i]) ? 0.0f : (float)from[i];
}

static int fill_layer(network *n, size_t i, const tensors *t)
{
  layer *l = &n->layers[i];
  const run_tensor *w = &t->weights[i];
  size_t numbers = 1;
  for (int axis = 0; axis < w->shape.rank; ++axis)
    numbers *= w->shape.size[axis];
  if (numbers != parameter_count(&l->weights) || w->shape.size[0] != l->weights.rows)
    return tv_fail(TV_ERROR_FORMAT,
      "%s has %zu weights, and after the layers before it, on these images, it would have %zu",
      t->names[i], numbers, parameter_count(&l->weights));
  copy(l->weights.value, w->values, numbers);
  copy(l->bias.value, t->bias[i].values, l->bias.rows);
  return TV_OK;
}

/* Takes out the filters whose bias is NaN: they were pruned. */
static int remove_pruned(network *n, size_t i, const tensors *t)
{
  const size_t filters = n->layers[i].weights.rows;
  unsigned char *keep = malloc(filters);
  double *combination = calloc(filters * (filters + 1), sizeof *combination);
  size_t kept = 0;
  int status = TV_OK;
  if (!keep || !combination)
    status = tv_fail(TV_ERROR_MEMORY, "no memory for %zu filters", filters);
  for (size_t f = 0; status == TV_OK && f < filters; ++f) {
    keep[f] = !isnan(t->bias[i].values[f]);
    combination[f * (filters + 1) + f] = keep[f];
    kept += keep[f];
  }
  if (status == TV_OK && kept == 0)
    status = tv_fail(TV_ERROR_FORMAT, "all filters of %s are pruned", n->layers[i].name);
  else if (status == TV_OK && kept < filters)
    status = network_merge(n, i, keep, combination);
  free(keep);
  free(combination);
  return status;
}

int trained_network(
  network **out, int64_t *step, tv_source *source, size_t batch, size_t height, size_t width)
{
  network_shape shape = {.batch = batch, .height = height, .width = width};
  network *n = NULL;
  tensors t;
  *out = NULL;
  int status = read_tensors(&t, &shape, source);
  if (status == TV_OK)
    status = network_create(&n, &shape, 1);
  for (size_t i = 0; status == TV_OK && i < n->layer_count; ++i)
    status = fill_layer(n, i, &t);
  for (size_t i = 0; status == TV_OK && i + 1 < n->layer_count; ++i)
    status = remove_pruned(n, i, &t);
  *step = t.weights[t.count ? t.count - 1 : 0].step;
  free_tensors(&t);
  if (status != TV_OK)
    network_free(n);
  else
    *out = n;
  return status;
}

int trained_statistics(statistics *s, tv_source *source, const network *n, size_t layer)
{
  const struct layer *l = &n->layers[layer];
  layer_statistics *to = &s->layers[layer];
  const size_t filters = l->weights.rows, pixels = l->height * l->width;
  run_tensor moments = {0}, maps = {0};
  int status = read_last(&moments, source, l->name, "moments");
  if (status == TV_OK &&
      (strcmp(moments.shape.axes, "mm") != 0 || moments.shape.size[0] != l->declared + 1 ||
        moments.shape.size[1] != l->declared + 1))
    status = tv_fail(
      TV_ERROR_FORMAT, "the second moments of %s are not of its %zu filters", l->name, l->declared);
  for (size_t a = 0; status == TV_OK && a <= filters; ++a)
    for (size_t b = 0; b <= filters; ++b) {
      const size_t row = a < filters ? l->places[a] : l->declared;
      const size_t column = b < filters ? l->places[b] : l->declared;
      to->moments[a * (filters + 1) + b] = moments.values[row * (l->declared + 1) + column];
    }
  to->filters = filters;
  to->pixels = 0; /* no maps */
  if (status == TV_OK && pixels > 1 && trained_has(source, l->name, "activations")) {
    status = read_last(&maps, source, l->name, "activations");
    if (status == TV_OK &&
        (strcmp(maps.shape.axes, "chw") != 0 || maps.shape.size[0] != l->declared ||
          maps.shape.size[1] * maps.shape.size[2] != pixels))
      status = tv_fail(
        TV_ERROR_FORMAT, "the activations of %s are not of its %zu filters", l->name, l->declared);
    if (status == TV_OK) {
      to->pixels = pixels;
      for (size_t f = 0; f < filters; ++f)
        for (size_t p = 0; p < pixels; ++p)
          to->maps[f * pixels + p] = (float)maps.values[l->places[f] * pixels + p];
    }
  }
  if (status == TV_OK)
    tv_moments_statistics(NULL, to->variances, to->moments, filters);
  free(moments.values);
  free(maps.values);
  return status;
}
