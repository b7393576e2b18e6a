/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring as a sink of a run: what run.c asks for, in terms of ring_writer.h. */
#include "ring_writer.h"
#include "sink.h"
#include "status.h"

#include <stdlib.h>
#include <string.h>

typedef struct ring_sink
{
  tv_sink sink; /* first: what the rest of the shim sees */
  tv_ring *ring;
  int *numbers; /* [stream]: of the tensor, or of the layer for filter states */
  char *states; /* [stream]: 1 for filter states */
  int count;    /* of streams that it holds: those of the first start */
  void *row;    /* this process's own memory for one record, of the largest tensor */
  int failed;   /* said once; from then on nothing is done, and nothing said */
} ring_sink;

/* A ring that fails must not make every later call of the trainer look wrong. */
static int fail(ring_sink *self, int status)
{
  if (status < 0)
    self->failed = 1;
  return status;
}

static int ring_start(tv_sink *sink, const tv_stream *streams, int count)
{
  ring_sink *self = (ring_sink *)sink;
  if (self->numbers || self->failed)
    return TV_OK; /* what comes late it leaves out */
  self->numbers = malloc(((size_t)count + 1) * sizeof *self->numbers);
  self->states = calloc((size_t)count + 1, 1);
  if (!self->numbers || !self->states)
    return fail(self, tv_fail(TV_ERROR_MEMORY, "no memory left for a ring"));
  size_t largest = 64;
  int status = TV_OK;
  for (int s = 0; s < count && status == TV_OK; ++s) {
    const tv_stream *stream = &streams[s];
    self->states[s] = stream->tensor < 0;
    if (stream->batch.axis >= 0 && stream->bytes > largest)
      largest = stream->bytes;
    status = self->states[s]
               ? tv_ring_filters(&self->numbers[s], self->ring, stream->layer, stream->elements)
               : tv_ring_declare(&self->numbers[s], self->ring, stream->layer, stream->kind,
                   stream->type, &stream->shape);
  }
  self->count = count;
  self->row =
    status < 0 || largest > SIZE_MAX - 63 ? NULL : aligned_alloc(64, (largest + 63) / 64 * 64);
  if (status == TV_OK && !self->row)
    status = tv_fail(TV_ERROR_MEMORY, "no memory left for a ring");
  return fail(self, status);
}

static int ring_begin_step(tv_sink *sink, int64_t step)
{
  ring_sink *self = (ring_sink *)sink;
  return self->failed ? TV_OK : fail(self, tv_ring_begin(self->ring, step));
}

static void *ring_row(tv_sink *sink, int stream)
{
  ring_sink *self = (ring_sink *)sink;
  if (self->failed || stream >= self->count || self->states[stream] ||
      !tv_ring_wants(self->ring, self->numbers[stream]))
    return NULL;
  return self->row;
}

static int ring_record(tv_sink *sink, int stream, int64_t step, int64_t samples, const void *row)
{
  (void)step;
  ring_sink *self = (ring_sink *)sink;
  if (self->failed || !row || stream >= self->count)
    return TV_OK;
  if (self->states[stream])
    tv_ring_states(self->ring, self->numbers[stream], row);
  else
    tv_ring_put(self->ring, self->numbers[stream], row, samples);
  return TV_OK;
}

static int ring_end_step(tv_sink *sink, int64_t step, const tv_scalars *scalars)
{
  (void)step;
  ring_sink *self = (ring_sink *)sink;
  int status = TV_OK;
  if (self->failed)
    return status;
  for (int i = 0; i < scalars->count; ++i) {
    const int next = tv_ring_record_scalar(self->ring, scalars->name[i], scalars->value[i]);
    status = status < 0 ? status : next;
  }
  tv_ring_publish(self->ring);
  return status;
}

static int ring_close(tv_sink *sink)
{
  ring_sink *self = (ring_sink *)sink;
  tv_ring_close(self->ring);
  free(self->numbers);
  free(self->states);
  free(self->row);
  free(self);
  return TV_OK;
}

static uint64_t ring_dropped(const tv_sink *sink)
{
  return tv_ring_dropped(((const ring_sink *)sink)->ring);
}

static int ring_poll(tv_sink *sink, tv_request *request)
{
  ring_sink *self = (ring_sink *)sink;
  return self->failed ? 0 : tv_ring_poll(self->ring, request);
}

static void ring_answer(tv_sink *sink, uint64_t number, int accepted, const char *sentence)
{
  ring_sink *self = (ring_sink *)sink;
  if (!self->failed)
    tv_ring_answer_to(self->ring, number, accepted, sentence);
}

int tv_ring_create(tv_sink **sink, const char *name, const tv_options *options)
{
  *sink = NULL;
  ring_sink *self = calloc(1, sizeof *self);
  if (!self)
    return tv_fail(TV_ERROR_MEMORY, "no memory left for a ring");
  const int status = tv_ring_open(&self->ring, name, options->ring_slots, options->block_seconds);
  if (status < 0) {
    free(self);
    return status;
  }
  self->sink = (tv_sink){.start = ring_start,
    .begin_step = ring_begin_step,
    .row = ring_row,
    .record = ring_record,
    .end_step = ring_end_step,
    .close = ring_close,
    .dropped = ring_dropped,
    .poll = ring_poll,
    .answer = ring_answer};
  *sink = &self->sink;
  return TV_OK;
}
