#include "recorder.h"

#include "status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE 65536 /* weights of more numbers than this are recorded less often */

static int wanted(const char *list, const char *layer, const char *kind)
{
  char name[64];
  if (!list)
    return 1;
  const size_t length = (size_t)snprintf(name, sizeof name, "%s/%s", layer, kind);
  for (const char *at = list; at; at = strchr(at, ',')) {
    at += *at == ',';
    if (strncmp(at, name, length) == 0 && (at[length] == ',' || !at[length]))
      return 1;
  }
  return 0;
}

/* Whether each name of --tensors is one of this network's. */
static int check_names(const char *list, const network *n)
{
  static const char *const kinds[] = {
    "weights", "bias", "activations", "gradients", "bias_gradients"};
  size_t names = 1, found = 0;
  for (const char *at = list; *at; ++at)
    names += *at == ',';
  for (size_t i = 0; i < n->layer_count; ++i)
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; ++k)
      found += (size_t)wanted(list, n->layers[i].name, kinds[k]);
  return found == names ? TV_OK
                        : tv_fail(TV_ERROR_ARGUMENT,
                            "--tensors %s names something that this network does not have, or one "
                            "tensor twice",
                            list);
}

/* Declares one tensor if it is wanted; *number is -1 if not. */
static int declare(int *number, recorder *r, const layer *l, const char *kind, const char *axes,
  const size_t *shape, uint64_t interval, size_t *largest)
{
  size_t numbers = 1;
  *number = -1;
  if (!interval || !wanted(r->options->tensors, l->name, kind))
    return TV_OK;
  for (size_t i = 0; axes[i]; ++i)
    numbers *= shape[i];
  *largest = numbers > *largest ? numbers : *largest;
  return tv_declare(number, r->run, l->name, kind, TV_FLOAT32, axes, shape);
}

static uint64_t weights_interval(const options *o, const layer *l)
{
  return parameter_count(&l->weights) > LARGE ? o->record_large : o->record_weights;
}

static uint64_t gradients_interval(const options *o, const layer *l)
{
  return o->record_gradients && parameter_count(&l->weights) > LARGE ? o->record_large
                                                                     : o->record_gradients;
}

static int declare_all(recorder *r, size_t *largest)
{
  const options *o = r->options;
  int status;
  for (size_t i = 0; i < r->network->layer_count; ++i) {
    const layer *l = &r->network->layers[i];
    const int maps = l->kind == LAYER_CONVOLUTION;
    const parameter *w = &l->weights;
    const size_t weights[] = {w->rows, maps ? w->columns : w->columns * w->inner, 3, 3};
    const size_t activations[] = {r->network->batch, w->rows, l->height, l->width};
    if ((status = declare(&r->weights[i], r, l, "weights", maps ? "oihw" : "oi", weights,
           weights_interval(o, l), largest)) != TV_OK ||
        (status = declare(&r->bias[i], r, l, "bias", "o", weights, o->record_weights, largest)) !=
          TV_OK ||
        (status = declare(&r->activations[i], r, l, "activations", maps ? "nchw" : "nc",
           activations, o->record_activations, largest)) != TV_OK ||
        (status = declare(&r->gradients[i], r, l, "gradients", maps ? "oihw" : "oi", weights,
           gradients_interval(o, l), largest)) != TV_OK ||
        (status = declare(&r->bias_gradients[i], r, l, "bias_gradients", "o", weights,
           o->record_gradients, largest)) != TV_OK)
      return status;
  }
  if ((status = tv_declare_scalar(r->run, "loss")) != TV_OK ||
      (status = tv_declare_scalar(r->run, "learning_rate")) != TV_OK)
    return status;
  return tv_declare_scalar(r->run, "accuracy");
}

int recorder_open(recorder *r, const options *o, const network *network)
{
  size_t largest = 1;
  int status;
  memset(r, 0, sizeof *r);
  r->options = o;
  r->network = network;
  const char *channel = o->channel ? o->channel : getenv("TENSORVIEW_CHANNEL");
  if (!o->output && !(channel && *channel))
    return TV_OK;
  tv_options shim = tv_default_options();
  shim.overwrite = o->overwrite;
  shim.threads = o->threads;
  shim.flush_seconds = o->flush_seconds;
  shim.channel = o->channel;
  shim.block_seconds = o->block_seconds;
  if (o->tensors && (status = check_names(o->tensors, network)) != TV_OK)
    return status;
  if ((status = tv_open(&r->run, o->output, &shim)) != TV_OK ||
      (status = declare_all(r, &largest)) != TV_OK)
    return status;
  if (!(r->scratch = malloc(largest * sizeof *r->scratch)))
    return tv_fail(TV_ERROR_MEMORY, "no memory for a copy of the largest tensor");
  return TV_OK;
}

/* The places of a layer's filters where some are gone, and NULL where all are there. */
static const size_t *places_of(const layer *l)
{
  return l->weights.rows < l->declared ? l->places : NULL;
}

/* [rows][columns][inner] as declared, from what is left of it: data itself where all is there. */
static const float *as_declared(float *scratch, const float *data, size_t rows,
  size_t declared_rows, const size_t *row_places, size_t columns, size_t declared_columns,
  const size_t *column_places, size_t inner)
{
  if (!row_places && !column_places)
    return data;
  for (size_t i = 0; i < declared_rows * declared_columns * inner; ++i)
    scratch[i] = NAN;
  for (size_t r = 0; r < rows; ++r)
    for (size_t c = 0; c < columns; ++c) {
      const size_t row = row_places ? row_places[r] : r,
                   column = column_places ? column_places[c] : c;
      memcpy(scratch + (row * declared_columns + column) * inner, data + (r * columns + c) * inner,
        inner * sizeof *data);
    }
  return scratch;
}

static int write_parameter(recorder *r, int tensor, uint64_t step, const parameter *p,
  const float *data, const layer *l, const layer *before)
{
  const size_t *columns = before && p == &l->weights ? places_of(before) : NULL;
  return tv_write(r->run, tensor, (int64_t)step,
    as_declared(r->scratch, data, p->rows, l->declared, places_of(l), p->columns,
      columns ? before->declared : p->columns, columns, p->inner));
}

static int write_activations(recorder *r, network *n, size_t i, uint64_t step)
{
  const layer *l = &n->layers[i];
  const size_t pixels = l->height * l->width, filters = l->weights.rows;
  /* Plain at the end of the scratch memory, so that the spread-out copy never overtakes it. */
  float *plain = r->scratch + n->batch * (l->declared - filters) * pixels;
  int status = network_activations(plain, n, i);
  if (status != TV_OK)
    return status;
  if (places_of(l))
    for (size_t s = 0; s < n->batch; ++s) {
      float *sample = r->scratch + s * l->declared * pixels;
      const float *from = plain + s * filters * pixels;
      size_t f = 0;
      for (size_t d = 0; d < l->declared; ++d)
        if (f < filters && l->places[f] == d)
          memmove(sample + d * pixels, from + f++ * pixels, pixels * sizeof *sample);
        else
          for (size_t p = 0; p < pixels; ++p)
            sample[d * pixels + p] = NAN;
    }
  return tv_write(r->run, r->activations[i], (int64_t)step, r->scratch);
}

int recorder_write(recorder *r, network *n, uint64_t step, int last)
{
  const options *o = r->options;
  int status = TV_OK;
  if (!r->run)
    return TV_OK;
  for (size_t i = 0; status == TV_OK && i < n->layer_count; ++i) {
    const layer *l = &n->layers[i], *before = i ? l - 1 : NULL;
    const parameter *w = &l->weights, *b = &l->bias;
    const int weights = recorder_due(weights_interval(o, l), step, last);
    const int bias = recorder_due(o->record_weights, step, last);
    const int gradients = recorder_due(gradients_interval(o, l), step, last);
    const int bias_gradients = recorder_due(o->record_gradients, step, last);
    if (weights && r->weights[i] >= 0)
      status = write_parameter(r, r->weights[i], step, w, w->value, l, before);
    if (status == TV_OK && bias && r->bias[i] >= 0)
      status = write_parameter(r, r->bias[i], step, b, b->value, l, before);
    if (status == TV_OK && gradients && r->gradients[i] >= 0)
      status = write_parameter(r, r->gradients[i], step, w, w->gradient, l, before);
    if (status == TV_OK && bias_gradients && r->bias_gradients[i] >= 0)
      status = write_parameter(r, r->bias_gradients[i], step, b, b->gradient, l, before);
    if (status == TV_OK && recorder_due(o->record_activations, step, last) &&
        r->activations[i] >= 0)
      status = write_activations(r, n, i, step);
  }
  return status;
}

int recorder_close(recorder *r)
{
  const int status = r->run ? tv_close(r->run) : TV_OK;
  r->run = NULL;
  free(r->scratch);
  r->scratch = NULL;
  return status;
}
