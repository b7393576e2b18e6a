/* The channel as a sink of a run: what run.c asks for, in terms of channel.h. */
#include "ring_writer.h"
#include "sink.h"
#include "status.h"

#include <stdlib.h>
#include <string.h>

typedef struct channel_sink
{
  tv_sink sink; /* first: what the rest of the shim sees */
  tv_ring *channel;
  const tv_stream *streams;
  int *numbers; /* [stream]: of the tensor, or of the layer for filter states; -1: not held */
  void **rows;  /* [stream]: lent at this step */
  int count;
  int failed; /* said once; from then on nothing is done, and nothing said */
} channel_sink;

/* A channel that fails must not make every later call of the trainer look wrong. */
static int fail(channel_sink *self, int status)
{
  if (status < 0)
    self->failed = 1;
  return status;
}

static int channel_start(tv_sink *sink, const tv_stream *streams, int count)
{
  channel_sink *self = (channel_sink *)sink;
  self->streams = streams;
  self->count = count;
  self->numbers = malloc(((size_t)count + 1) * sizeof *self->numbers);
  self->rows = calloc((size_t)count + 1, sizeof *self->rows);
  if (!self->numbers || !self->rows)
    return fail(self, tv_fail(TV_ERROR_MEMORY, "no memory left for a channel"));
  int status = TV_OK;
  for (int s = 0; s < count && status == TV_OK; ++s)
    status =
      streams[s].tensor < 0
        ? tv_ring_filters(&self->numbers[s], self->channel, streams[s].layer, streams[s].elements)
        : tv_ring_declare(&self->numbers[s], self->channel, streams[s].layer, streams[s].kind,
            (tv_type)streams[s].type, streams[s].axes, streams[s].shape);
  return fail(self, status);
}

static int channel_begin_step(tv_sink *sink, int64_t step)
{
  channel_sink *self = (channel_sink *)sink;
  if (self->failed)
    return TV_OK;
  memset(self->rows, 0, (size_t)self->count * sizeof *self->rows);
  return fail(self, tv_ring_begin(self->channel, step));
}

static void *channel_row(tv_sink *sink, int stream)
{
  channel_sink *self = (channel_sink *)sink;
  if (self->failed || self->streams[stream].tensor < 0)
    return NULL;
  return self->rows[stream] = tv_ring_target(self->channel, self->numbers[stream]);
}

static int channel_record(tv_sink *sink, int stream, int64_t step, int64_t samples, const void *row)
{
  (void)step;
  channel_sink *self = (channel_sink *)sink;
  const tv_stream *here = &self->streams[stream];
  if (self->failed || !row)
    return TV_OK;
  if (here->tensor < 0) {
    tv_ring_states(self->channel, self->numbers[stream], row);
    return TV_OK;
  }
  void *target = self->rows[stream];
  if (!target)
    target = tv_ring_target(self->channel, self->numbers[stream]);
  if (target && target != row)
    memcpy(target, row, here->bytes);
  if (target)
    tv_ring_wrote(self->channel, self->numbers[stream], samples);
  return TV_OK;
}

static int channel_end_step(tv_sink *sink, int64_t step, const tv_scalars *scalars)
{
  (void)step;
  channel_sink *self = (channel_sink *)sink;
  int status = TV_OK;
  if (self->failed)
    return status;
  for (int i = 0; i < scalars->count; ++i) {
    const int next = tv_ring_record_scalar(self->channel, scalars->name[i], scalars->value[i]);
    status = status < 0 ? status : next;
  }
  tv_ring_publish(self->channel);
  return status;
}

static int channel_close(tv_sink *sink)
{
  channel_sink *self = (channel_sink *)sink;
  tv_ring_close(self->channel);
  free(self->numbers);
  free(self->rows);
  free(self);
  return TV_OK;
}

static uint64_t channel_dropped(const tv_sink *sink)
{
  return tv_ring_dropped(((const channel_sink *)sink)->channel);
}

int tv_ring_create(tv_sink **sink, const char *name, const tv_options *options)
{
  *sink = NULL;
  channel_sink *self = calloc(1, sizeof *self);
  if (!self)
    return tv_fail(TV_ERROR_MEMORY, "no memory left for a channel");
  double block = options->block_seconds;
  const char *asked = getenv("TENSORVIEW_BLOCK_SECONDS");
  if (block == 0 && asked && asked[0]) {
    char *end;
    block = strtod(asked, &end);
    if (*end != 0 || !(block >= 0)) {
      free(self);
      return tv_fail(
        TV_ERROR_ARGUMENT, "TENSORVIEW_BLOCK_SECONDS is \"%.40s\", not a number of seconds", asked);
    }
  }
  const int status = tv_ring_open(&self->channel, name, options->channel_slots, block);
  if (status < 0) {
    free(self);
    return status;
  }
  self->sink = (tv_sink){.start = channel_start,
    .begin_step = channel_begin_step,
    .row = channel_row,
    .record = channel_record,
    .end_step = channel_end_step,
    .close = channel_close,
    .dropped = channel_dropped};
  *sink = &self->sink;
  return TV_OK;
}
