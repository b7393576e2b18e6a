/* SPDX-License-Identifier: BSD-3-Clause */
#include "recorder.h"

#include "status.h"

#include <tensorview/format.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LARGE 65536 /* weights of more numbers than this are recorded less often */

/* Whether the list (--tensors: "layer/kind" or "layer/kind=N", with commas) has a tensor; an N
 * behind its name replaces *interval. */
static int wanted(const char *list, const char *layer, const char *kind, uint64_t *interval)
{
  char name[64];
  if (!list)
    return 1;
  const size_t length = (size_t)snprintf(name, sizeof name, "%s/%s", layer, kind);
  for (const char *at = list; at; at = strchr(at, ',')) {
    at += *at == ',';
    if (strncmp(at, name, length) != 0)
      continue;
    if (at[length] == '=')
      *interval = strtoull(at + length + 1, NULL, 10);
    if (strchr(",=", at[length])) /* the end of the list as well */
      return 1;
  }
  return 0;
}

static const char *const kinds[RECORD_KINDS] = {
  "weights", "bias", "activations", "gradients", "bias_gradients"};

/* How often each tensor is recorded; an error where --tensors has a name that is none. */
static int choose(recorder *r, const options *o, const network *n)
{
  size_t names = 1, found = 0;
  for (size_t i = 0; i < n->layer_count; ++i) {
    const layer *l = &n->layers[i];
    const int large = parameter_count(&l->weights) > LARGE;
    const uint64_t intervals[RECORD_KINDS] = {large ? o->record_large : o->record_weights,
      o->record_weights, o->record_activations,
      o->record_gradients && large ? o->record_large : o->record_gradients, o->record_gradients};
    for (int kind = 0; kind < RECORD_KINDS; ++kind) {
      r->intervals[i][kind] = intervals[kind];
      if (wanted(o->tensors, l->name, kinds[kind], &r->intervals[i][kind]))
        ++found;
      else
        r->intervals[i][kind] = 0;
    }
    if (i + 1 == n->layer_count)
      continue;
    r->moments_intervals[i] = o->record_moments;
    if (wanted(o->tensors, l->name, "moments", &r->moments_intervals[i]))
      ++found;
    else
      r->moments_intervals[i] = 0;
  }
  for (const char *at = o->tensors; at && *at; ++at)
    names += *at == ',';
  if (o->tensors && found != names)
    return tv_fail(TV_ERROR_ARGUMENT,
      "--tensors %s names something that this network does not have, or one tensor twice",
      o->tensors);
  return TV_OK;
}

static int declare(recorder *r, const network *n, size_t *largest)
{
  for (size_t i = 0; i < n->layer_count; ++i) {
    const layer *l = &n->layers[i];
    const int maps = l->kind == LAYER_CONVOLUTION;
    const parameter *w = &l->weights;
    const size_t weights[] = {w->rows, maps ? w->columns : w->columns * w->inner, 3, 3};
    const size_t activations[] = {n->batch, w->rows, l->height, l->width};
    for (int kind = 0; kind < RECORD_KINDS; ++kind) {
      const int of_bias = kind == RECORD_BIAS || kind == RECORD_BIAS_GRADIENTS;
      const int of_activations = kind == RECORD_ACTIVATIONS;
      const char *axes = of_bias          ? "o"
                         : of_activations ? (maps ? "nchw" : "nc")
                                          : (maps ? "oihw" : "oi");
      const size_t *shape = of_activations ? activations : weights;
      size_t numbers = 1;
      if (!r->intervals[i][kind])
        continue;
      const int status =
        tv_declare(&r->tensors[i][kind], r->run, l->name, kinds[kind], TV_FLOAT32, axes, shape);
      if (status != TV_OK)
        return status;
      for (size_t axis = 0; axes[axis]; ++axis)
        numbers *= shape[axis];
      *largest = numbers > *largest ? numbers : *largest;
    }
  }
  return TV_OK;
}

/* Second moments and the states of filters, of every layer whose filters may go: with a channel a
 * viewer may ask for any of them. */
static int declare_statistics(
  recorder *r, const options *o, const network *n, int listens, size_t *largest)
{
  int status = TV_OK;
  for (size_t i = 0; status == TV_OK && i + 1 < n->layer_count; ++i) {
    const layer *l = &n->layers[i];
    const size_t side = l->declared + 1, shape[] = {side, side};
    if (r->moments_intervals[i]) {
      *largest = 2 * side * side > *largest ? 2 * side * side : *largest; /* they are doubles */
      status = tv_declare(&r->moments[i], r->run, l->name, "moments", TV_FLOAT64, "mm", shape);
    }
    const int goes = options_prune(o) && options_lists(o->prune_layers, l->name);
    if (status == TV_OK && (goes || listens)) {
      if (!(r->states[i] = malloc(l->declared * sizeof *r->states[i])))
        return tv_fail(TV_ERROR_MEMORY, "no memory for the states of filters");
      for (size_t f = 0; f < l->declared; ++f)
        r->states[i][f] = TV_FILTER_ALIVE;
      status = tv_declare_filters(r->run, l->name, l->declared);
    }
  }
  return status;
}

void recorder_begin_step(recorder *r)
{
  stopwatch_stop(&r->step);
  stopwatch_start(&r->step);
}

int recorder_write_times(recorder *r, uint64_t step)
{
  const double times[] = {r->step.seconds, r->recording.seconds, r->recording.delay};
  const char *const names[] = {"step_seconds", "recording_seconds", "recording_delay"};
  int status = TV_OK;
  for (int i = 0; i < 3 && status == TV_OK && step > 0; ++i)
    status = tv_record(r->run, (int64_t)step, names[i], times[i]);
  return status;
}

int recorder_open(recorder *r, const options *o, const network *network)
{
  static const char *const scalars[] = {
    "loss", "learning_rate", "accuracy", "step_seconds", "recording_seconds", "recording_delay"};
  const int timed = o->record_times > 0;
  const char *channel = o->channel ? o->channel : getenv("TENSORVIEW_CHANNEL");
  const int listens = channel && *channel;
  tv_options shim = tv_default_options();
  size_t largest = 1;
  memset(r, 0, sizeof *r);
  int status = choose(r, o, network);
  if (status != TV_OK || (!o->output && !listens))
    return status;
  r->step.on = r->recording.on = timed;
  shim.overwrite = o->overwrite;
  shim.threads = (int)o->threads;
  shim.flush_seconds = o->flush_seconds;
  shim.channel = o->channel;
  shim.block_seconds = o->block_seconds;
  shim.file_every = o->file_every;
  if ((status = tv_open(&r->run, o->output, &shim)) != TV_OK ||
      (status = declare(r, network, &largest)) != TV_OK ||
      (status = declare_statistics(r, o, network, listens, &largest)) != TV_OK)
    return status;
  for (int i = 0; i < (timed ? 6 : 3); ++i)
    if ((status = tv_declare_scalar(r->run, scalars[i])) != TV_OK)
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
  return tv_write(r->run, r->tensors[i][RECORD_ACTIVATIONS], (int64_t)step, r->scratch);
}

int recorder_write(recorder *r, network *n, uint64_t step, int last)
{
  int status = TV_OK;
  for (size_t i = 0; i < n->layer_count; ++i) {
    const layer *l = &n->layers[i], *before = i ? l - 1 : NULL;
    const parameter *of[RECORD_KINDS] = {&l->weights, &l->bias, NULL, &l->weights, &l->bias};
    for (int kind = 0; status == TV_OK && kind < RECORD_KINDS; ++kind) {
      const int tensor = r->tensors[i][kind];
      if (!recorder_due(r->intervals[i][kind], step, last))
        continue;
      if (kind == RECORD_ACTIVATIONS)
        status = write_activations(r, n, i, step);
      else
        status = write_parameter(r, tensor, step, of[kind],
          kind < RECORD_ACTIVATIONS ? of[kind]->value : of[kind]->gradient, l, before);
    }
    if (status == TV_OK && r->changed[i])
      status = tv_write_filters(r->run, l->name, (int64_t)step, r->states[i]);
    r->changed[i] = 0;
  }
  return status;
}

int recorder_moments_due(const recorder *r, uint64_t step, int all)
{
  int due = 0;
  for (size_t i = 0; r->run && i < NETWORK_LAYERS; ++i)
    due |= recorder_due(r->moments_intervals[i], step, all);
  return due;
}

int recorder_write_moments(
  recorder *r, const network *n, const statistics *s, uint64_t step, int all)
{
  double *declared = (double *)(void *)r->scratch; /* malloc() aligns for both */
  int status = TV_OK;
  for (size_t i = 0; status == TV_OK && i + 1 < n->layer_count; ++i) {
    const layer *l = &n->layers[i];
    const size_t filters = l->weights.rows, side = l->declared + 1;
    if (!recorder_due(r->moments_intervals[i], step, all))
      continue;
    for (size_t at = 0; at < side * side; ++at)
      declared[at] = NAN;
    for (size_t a = 0; a <= filters; ++a)
      for (size_t b = 0; b <= filters; ++b) {
        const size_t row = a < filters ? l->places[a] : l->declared;
        const size_t column = b < filters ? l->places[b] : l->declared;
        declared[row * side + column] = s->layers[i].moments[a * (filters + 1) + b];
      }
    status = tv_write(r->run, r->moments[i], (int64_t)step, declared);
  }
  return status;
}

void recorder_note_filters(
  recorder *r, const network *n, size_t layer, const pruning_result *result, tv_merge_way way)
{
  if (!r->states[layer])
    return;
  pruning_states(r->states[layer], n->layers[layer].declared, result, way);
  r->changed[layer] = 1;
}

int recorder_close(recorder *r)
{
  const int status = r->run ? tv_close(r->run) : TV_OK;
  r->run = NULL;
  free(r->scratch);
  r->scratch = NULL;
  for (size_t i = 0; i < NETWORK_LAYERS; ++i) {
    free(r->states[i]);
    r->states[i] = NULL;
  }
  return status;
}
