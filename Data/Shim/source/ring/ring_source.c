/* SPDX-License-Identifier: BSD-3-Clause */
#include "ring_source.h"

#include "source_medium.h"
#include "status.h"

#include "tensorview/ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char prefix[] = "ring:";

typedef struct ring
{
  tv_ring_reader *reader;
  tv_ring_reader_step step; /* that is shown */
  int own;                  /* 1: it was taken here, and is let go here */
  int64_t *steps, *samples; /* [tensor]: of the record that each has */
  const char **names;       /* of scalars, [TV_RING_SCALARS] */
} ring;

static int ring_recognise(const char *path)
{
  return strncmp(path, prefix, sizeof prefix - 1) == 0;
}

static int no_memory(const char *name)
{
  return tv_fail(TV_ERROR_MEMORY, "ring:%s: there is not enough memory", name);
}

/* layer/kind, in the arena. */
static const char *join(tv_listing *list, const char *layer, const char *kind)
{
  char *name = tv_arena_take(&list->arena, strlen(layer) + strlen(kind) + 2);
  if (name)
    stpcpy(stpcpy(stpcpy(name, layer), "/"), kind);
  return name;
}

/* What the trainer declared; no records yet. */
static int list_ring(tv_source *source, const char *name)
{
  ring *r = source->state;
  const tv_ring_reader_tensor *tensors;
  const tv_ring_reader_layer *layers;
  const size_t count = tv_ring_reader_tensors(r->reader, &tensors);
  const size_t layer_count = tv_ring_reader_layers(r->reader, &layers);
  r->steps = calloc(count + 1, sizeof *r->steps);
  r->samples = calloc(count + 1, sizeof *r->samples);
  r->names = calloc(TV_RING_SCALARS, sizeof *r->names);
  if (!r->steps || !r->samples || !r->names)
    return no_memory(name);
  for (size_t k = 0; k < count; ++k) {
    tv_source_tensor *tensor = tv_listing_add_tensor(&source->list);
    if (!tensor)
      return TV_ERROR_MEMORY;
    tensor->layer = tensors[k].layer;
    tensor->kind = tensors[k].kind;
    tensor->name = join(&source->list, tensor->layer, tensor->kind);
    tensor->type = tensors[k].type;
    tensor->offered = 1;
    if (!tensor->name)
      return TV_ERROR_MEMORY;
    tensor->shape = tensors[k].shape;
    if (tv_shape_check(&tensor->shape) != TV_OK) {
      tv_fail(TV_ERROR_FORMAT, "ring:%s: %s: %s", name, tensor->name, tv_last_error());
      tensor->problem = tv_arena_copy(&source->list.arena, tv_last_error());
    }
  }
  for (size_t k = 0; k < layer_count; ++k) {
    tv_source_states *states = tv_listing_add_states(&source->list);
    if (!states)
      return TV_ERROR_MEMORY;
    *states = (tv_source_states){.layer = layers[k].layer, .filters = layers[k].filters};
  }
  return TV_OK;
}

static int attach(tv_source *source, const char *const *paths, size_t count)
{
  ring *r = calloc(1, sizeof *r);
  source->state = r;
  const char *name = ring_recognise(paths[0]) ? paths[0] + sizeof prefix - 1 : paths[0];
  if (!r)
    return no_memory(name);
  r->step.slot = -1;
  if (count != 1)
    return tv_fail(TV_ERROR_ARGUMENT, "%s: a ring is opened alone", paths[0]);
  const int status = tv_ring_reader_attach(&r->reader, name);
  return status == TV_OK ? list_ring(source, name) : status;
}

static void let_go(ring *r)
{
  if (r->own)
    tv_ring_reader_release(r->reader, &r->step);
  r->own = 0;
}

static void ring_close(tv_source *source)
{
  ring *r = source->state;
  if (!r)
    return;
  if (r->reader) {
    let_go(r);
    tv_ring_reader_detach(r->reader);
  }
  free(r->steps);
  free(r->samples);
  free(r->names);
  free(r);
}

tv_ring_reader *tv_ring_source_reader(tv_source *source)
{
  return ((ring *)source->state)->reader;
}

void tv_ring_source_show(tv_source *source, const tv_ring_reader_step *step)
{
  ring *r = source->state;
  tv_listing *list = &source->list;
  r->step = *step;
  for (size_t k = 0; k < list->tensor_count; ++k) {
    tv_ring_reader_record record;
    tv_source_tensor *tensor = &list->tensors[k];
    const int there = tv_ring_reader_data(r->reader, step, k, &record) != NULL;
    r->steps[k] = record.step;
    r->samples[k] = record.samples;
    tensor->records = there && !tensor->problem;
    tensor->steps = &r->steps[k];
    tensor->samples = record.samples ? &r->samples[k] : NULL;
  }
  for (size_t k = 0; k < list->states_count; ++k) {
    list->states[k].records = 1;
    list->states[k].steps = &r->step.step;
  }
  list->scalars.count = tv_ring_reader_scalars(r->reader);
  for (size_t k = 0; k < list->scalars.count; ++k)
    r->names[k] = tv_ring_reader_scalar(r->reader, k);
  list->scalars.names = r->names;
  list->scalars.records = 1;
  list->scalars.steps = &r->step.step;
}

static int ring_refresh(tv_source *source, tv_change *change)
{
  ring *r = source->state;
  tv_ring_reader_step step;
  if (tv_ring_reader_beat(r->reader) != TV_OK)
    r->own = 0; /* the trainer has taken everything back */
  if (tv_ring_reader_take(r->reader, &step, 0) > 0) {
    let_go(r);
    tv_ring_source_show(source, &step);
    r->own = 1;
    *change = TV_CHANGE_REPLACED;
  }
  source->list.closed = tv_ring_reader_wait(r->reader, 0) < 0;
  return TV_OK;
}

static int ring_open(tv_source *source, const char *const *paths, size_t count)
{
  tv_change ignored;
  const int status = attach(source, paths, count);
  return status == TV_OK ? ring_refresh(source, &ignored) : status;
}

/* Whoever asks again and again is alive, and keeps the step that is shown. That the run is over is
 * a change once. */
static int ring_changed(const tv_source *source)
{
  ring *r = source->state;
  if (tv_ring_reader_beat(r->reader) != TV_OK)
    r->own = 0;
  const int more = tv_ring_reader_wait(r->reader, 0);
  return more > 0 || (more < 0 && !source->list.closed);
}

static const void *ring_map(tv_source *source, size_t tensor, size_t record)
{
  ring *r = source->state;
  (void)record;
  if (r->own)
    tv_ring_reader_beat(r->reader);
  return tv_ring_reader_data(r->reader, &r->step, tensor, NULL);
}

/* Fails where the trainer has taken the step back meanwhile. */
static int still_held(ring *r)
{
  if (!r->own) /* whoever holds it sees to that */
    return TV_OK;
  tv_ring_reader_beat(r->reader);
  return tv_ring_reader_done(r->reader, &r->step);
}

static int ring_read(tv_source *source, size_t tensor, size_t record, void *result)
{
  ring *r = source->state;
  (void)record;
  const int copied = tv_ring_reader_copy(r->reader, &r->step, tensor, result, NULL);
  if (copied < 0)
    return copied;
  return copied ? still_held(r)
                : tv_fail(TV_ERROR_STATE, "%s has no record", source->list.tensors[tensor].name);
}

static int ring_scalars(tv_source *source, size_t first, size_t count, double *result)
{
  ring *r = source->state;
  (void)first;
  (void)count;
  memcpy(result, tv_ring_reader_step_scalars(r->reader, &r->step),
    source->list.scalars.count * sizeof *result);
  return still_held(r);
}

static int ring_states(tv_source *source, size_t index, size_t record, int32_t *result)
{
  ring *r = source->state;
  const tv_source_states *states = &source->list.states[index];
  (void)record;
  memcpy(result, tv_ring_reader_step_states(r->reader, &r->step, index),
    states->filters * sizeof *result);
  return still_held(r);
}

const tv_medium tv_medium_ring = {
  .name = "ring",
  .recognise = ring_recognise,
  .open = ring_open,
  .close = ring_close,
  .changed = ring_changed,
  .refresh = ring_refresh,
  .read = ring_read,
  .map = ring_map,
  .read_scalars = ring_scalars,
  .read_states = ring_states,
};

int tv_ring_source_attach(tv_source **source, const char *name)
{
  static const tv_medium held = {
    .name = "ring",
    .recognise = ring_recognise,
    .open = attach,
    .close = ring_close,
    .read = ring_read,
    .map = ring_map,
    .read_scalars = ring_scalars,
    .read_states = ring_states,
  };
  return tv_source_open_medium(source, &held, &name, 1);
}
