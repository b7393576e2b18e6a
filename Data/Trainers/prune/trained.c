#include "trained.h"

#include "moments.h"
#include "status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct tensors
{
  run_tensor weights[NETWORK_LAYERS], bias[NETWORK_LAYERS];
  size_t count;
} tensors;

static void free_tensors(tensors *t)
{
  for (size_t i = 0; i < NETWORK_LAYERS; ++i) {
    free(t->weights[i].values);
    free(t->bias[i].values);
  }
}

/* Reads all layers that have weights, and says in shape what network they make. */
static int read_tensors(tensors *t, network_shape *shape, const run_file *file)
{
  memset(t, 0, sizeof *t);
  for (size_t i = 0; i < run_file_layers(file); ++i) {
    const char *name = run_file_layer(file, i);
    run_tensor *w = &t->weights[t->count], *b = &t->bias[t->count];
    int status;
    if (!run_file_has(file, name, "weights"))
      continue;
    if (t->count == NETWORK_LAYERS)
      return tv_fail(TV_ERROR_UNSUPPORTED, "the run file has more than %d layers", NETWORK_LAYERS);
    ++t->count;
    if ((status = run_file_last(w, file, name, "weights")) != TV_OK ||
        (status = run_file_last(b, file, name, "bias")) != TV_OK)
      return status;
    const int convolution = strcmp(w->axes, "oihw") == 0 && w->shape[2] == 3 && w->shape[3] == 3;
    const int known = convolution ? shape->hidden_layers == 0 : strcmp(w->axes, "oi") == 0;
    if (!known || b->rank != 1 || b->shape[0] != w->shape[0] || b->step != w->step)
      return tv_fail(TV_ERROR_UNSUPPORTED,
        "%s is neither a convolution 3 x 3 (oihw) nor fully connected (oi), or its bias does not "
        "belong to its weights: this is no network of tensorview-lenet",
        name);
    if (convolution)
      shape->filters[shape->convolutions++] = w->shape[0];
    else
      shape->hidden[shape->hidden_layers++] = w->shape[0];
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

static int fill_layer(network *n, size_t i, const tensors *t, const run_file *file)
{
  layer *l = &n->layers[i];
  const run_tensor *w = &t->weights[i];
  size_t numbers = 1;
  for (int axis = 0; axis < w->rank; ++axis)
    numbers *= w->shape[axis];
  if (numbers != parameter_count(&l->weights) || w->shape[0] != l->weights.rows)
    return tv_fail(TV_ERROR_FORMAT,
      "%s has %zu weights, and after the layers before it, on these images, it would have %zu",
      run_file_layer(file, i), numbers, parameter_count(&l->weights));
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
  network **out, int64_t *step, const run_file *file, size_t batch, size_t height, size_t width)
{
  network_shape shape = {.batch = batch, .height = height, .width = width};
  network *n = NULL;
  tensors t;
  *out = NULL;
  int status = read_tensors(&t, &shape, file);
  if (status == TV_OK)
    status = network_create(&n, &shape, 1);
  for (size_t i = 0; status == TV_OK && i < n->layer_count; ++i)
    status = fill_layer(n, i, &t, file);
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

int trained_statistics(statistics *s, const run_file *file, const network *n, size_t layer)
{
  const struct layer *l = &n->layers[layer];
  layer_statistics *to = &s->layers[layer];
  const size_t filters = l->weights.rows, pixels = l->height * l->width;
  run_tensor moments = {0}, maps = {0};
  int status = run_file_last(&moments, file, l->name, "moments");
  if (status == TV_OK && (strcmp(moments.axes, "mm") != 0 || moments.shape[0] != l->declared + 1 ||
                           moments.shape[1] != l->declared + 1))
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
  if (status == TV_OK && pixels > 1 && run_file_has(file, l->name, "activations")) {
    status = run_file_last(&maps, file, l->name, "activations");
    if (status == TV_OK && (strcmp(maps.axes, "chw") != 0 || maps.shape[0] != l->declared ||
                             maps.shape[1] * maps.shape[2] != pixels))
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
