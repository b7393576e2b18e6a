/* The verbs that open, write and close; and the steps. */
#include "run.h"

#include "batch_sum.h"
#include "notice.h"
#include "status.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

tv_options tv_default_options(void)
{
  return (tv_options){.overwrite = 0,
    .threads = 1,
    .flush_seconds = 1.0,
    .channel = NULL,
    .channel_slots = 4,
    .block_seconds = 0.0,
    .file_every = 1};
}

int tv_run_check(const tv_run *run)
{
  if (!run)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no run: NULL");
  if (run->owner != getpid())
    return tv_fail(
      TV_ERROR_STATE, "this run belongs to the process that opened it, not to its child");
  return TV_OK;
}

static int check_options(const tv_options *options)
{
  if (options->threads < 0)
    return tv_fail(TV_ERROR_ARGUMENT, "%d threads cannot be meant", options->threads);
  if (isnan(options->flush_seconds) || isnan(options->block_seconds) || options->block_seconds < 0)
    return tv_fail(TV_ERROR_ARGUMENT, "a time to flush or to wait is not a number of seconds");
  if (options->channel_slots < 2)
    return tv_fail(
      TV_ERROR_ARGUMENT, "a channel needs at least 2 slots, not %zu", options->channel_slots);
  if (options->file_every < 1)
    return tv_fail(TV_ERROR_ARGUMENT, "a file at every 0th step cannot be meant");
  return TV_OK;
}

static int create_channel(tv_run *run)
{
  return tv_ring_create(&run->channel, run->channel_name, &run->options);
}

static void free_run(tv_run *run)
{
  free(run->streams);
  free(run->tensors);
  free(run->channel_name);
  free(run);
}

static void clear_scalars(tv_scalars *scalars)
{
  for (int i = 0; i < TV_MOST_SCALARS; ++i)
    scalars->value[i] = NAN;
  scalars->recorded = 0;
}

/* A channel that the environment asks for must not cost a trainer its file: where it cannot be
 * had, or fails later, the run goes on without it, and all calls succeed. Who set the variable has
 * no return code to look at, and gets one line instead. A channel that the trainer asks for is an
 * error like any other. */
static int from_channel(tv_run *run, int status)
{
  if (!run->unasked)
    return status;
  if (status < 0 && !run->told) {
    run->told = 1;
    tv_notice("%s; the run goes on without a channel", tv_last_error());
  }
  return TV_OK;
}

/* What the environment says of it, where the trainer says nothing. */
static size_t file_every(const tv_options *options)
{
  const char *asked = getenv("TENSORVIEW_FILE_EVERY");
  if (options->file_every != 1 || !asked || !asked[0])
    return options->file_every;
  char *end;
  const unsigned long long every = strtoull(asked, &end, 10);
  if (asked[0] >= '0' && asked[0] <= '9' && *end == 0 && every >= 1 && every <= INT64_MAX)
    return every;
  tv_notice("TENSORVIEW_FILE_EVERY is \"%.40s\", not a number of steps; the file gets all", asked);
  return 1;
}

int tv_open(tv_run **run, const char *path, const tv_options *options)
{
  if (!run)
    return tv_fail(TV_ERROR_ARGUMENT, "tv_open() needs a place for the run, not NULL");
  *run = NULL;
  const tv_options chosen = options ? *options : tv_default_options();
  const char *channel = chosen.channel ? chosen.channel : getenv("TENSORVIEW_CHANNEL");
  int status = check_options(&chosen);
  if (status < 0)
    return status;
  if (channel && !channel[0])
    channel = NULL;
  if (!channel && !path)
    return tv_fail(TV_ERROR_ARGUMENT, "a run needs a path, or a channel in shared memory");
  if (path && !path[0])
    return tv_fail(TV_ERROR_ARGUMENT, "the path of a run file is empty");

  tv_run *opened = calloc(1, sizeof *opened);
  if (opened && channel)
    opened->channel_name = strdup(channel);
  if (!opened || (channel && !opened->channel_name)) {
    free(opened);
    return tv_fail(TV_ERROR_MEMORY, "no memory left for a run");
  }
  opened->owner = getpid();
  opened->options = chosen;
  opened->options.channel = opened->channel_name;
  opened->options.file_every = path ? file_every(&chosen) : 1;
  opened->step = -1;
  clear_scalars(&opened->scalars);
  if (channel) {
    opened->unasked = !chosen.channel && path;
    status = from_channel(opened, create_channel(opened));
  }
  if (status == TV_OK && path) /* last: it may replace a file */
    status = tv_file_create(&opened->file, path, &opened->options);
  if (status < 0) {
    if (opened->channel)
      opened->channel->close(opened->channel);
    free_run(opened);
    return status;
  }
  *run = opened;
  return TV_OK;
}

/* The first of two failures is what the caller is told. */
static int first(int status, int next)
{
  return status < 0 ? status : next;
}

static int start(tv_run *run)
{
  int status = TV_OK;
  run->started = 1;
  if (run->channel && run->channel->start)
    status =
      first(status, from_channel(run, run->channel->start(run->channel, run->streams, run->count)));
  if (run->file)
    status = first(status, run->file->start(run->file, run->streams, run->count));
  return status;
}

static int end_step(tv_run *run)
{
  int status = TV_OK;
  if (run->channel && run->channel->end_step)
    status = first(
      status, from_channel(run, run->channel->end_step(run->channel, run->step, &run->scalars)));
  if (run->file)
    status = first(status, run->file->end_step(run->file, run->step, &run->scalars));
  run->open = 0;
  run->named = 1;
  if (run->scalars.recorded > 0)
    clear_scalars(&run->scalars);
  return status;
}

/* Begins the step unless it is being written, and ends the one before. What fails on the way is
 * *failure: the step has begun all the same. Returns an error only for a step that cannot be. */
static int begin_step(tv_run *run, int64_t step, int *failure)
{
  if (step < 0)
    return tv_fail(TV_ERROR_ARGUMENT, "step %" PRId64 ": steps count from 0", step);
  if (step < run->step)
    return tv_fail(TV_ERROR_STATE,
      "step %" PRId64 " comes after step %" PRId64 ": steps never go back", step, run->step);
  if (step == run->step && !run->open)
    return tv_fail(TV_ERROR_STATE, "step %" PRId64 " is complete already", step);
  if (step == run->step)
    return TV_OK;
  if (!run->started)
    *failure = first(*failure, start(run));
  if (run->open)
    *failure = first(*failure, end_step(run));
  run->step = step;
  run->open = 1;
  if (run->channel && run->channel->begin_step)
    *failure = first(*failure, from_channel(run, run->channel->begin_step(run->channel, step)));
  return TV_OK;
}

/* Whether the file gets this step's record. */
static int file_due(const tv_run *run, const tv_stream *stream)
{
  return run->file && (stream->tensor < 0 || stream->file_step < 0 ||
                        (uint64_t)(run->step - stream->file_step) >= run->options.file_every);
}

/* Memory that a sink lends for this record: the channel's, or else the file's. */
static void *lent_row(tv_run *run, int stream)
{
  void *row = run->channel && run->channel->row ? run->channel->row(run->channel, stream) : NULL;
  if (!row && file_due(run, &run->streams[stream]))
    row = run->file->row(run->file, stream);
  return row;
}

static int record(tv_run *run, int stream, int64_t samples, const void *row)
{
  int status = TV_OK;
  if (row && run->channel && run->channel->record)
    status = first(status,
      from_channel(run, run->channel->record(run->channel, stream, run->step, samples, row)));
  if (file_due(run, &run->streams[stream])) {
    run->streams[stream].file_step = run->step;
    status = first(status, run->file->record(run->file, stream, run->step, samples, row));
  }
  return status;
}

/* Writes one record. samples 0: data is no batch. */
static int write_stream(tv_run *run, int index, int64_t step, const void *data, size_t samples)
{
  tv_stream *stream = &run->streams[index];
  int failure = TV_OK, status = begin_step(run, step, &failure);
  if (status < 0)
    return status;
  if (stream->last_step == step)
    return tv_fail(TV_ERROR_STATE, "\"%s/%s\" is written at step %" PRId64 " already",
      stream->layer, stream->kind, step);
  stream->last_step = step;
  if (samples == 0)
    return first(failure, record(run, index, 0, data));
  void *row = lent_row(run, index);
  if (row) {
    const tv_batch batch = {0, 1, samples, stream->elements};
    const tv_execution execution = {run->options.threads, NULL, NULL};
    status = tv_batch_sum(row, data, stream->source, &batch, &execution);
    if (status < 0)
      return first(failure, status);
  }
  return first(failure, record(run, index, (int64_t)samples, row));
}

static int find_tensor(const tv_run *run, int tensor, const void *data)
{
  const int status = tv_run_check(run);
  if (status < 0)
    return status;
  if (tensor < 0 || tensor >= run->tensor_count)
    return tv_fail(
      TV_ERROR_ARGUMENT, "there is no tensor %d: %d are declared", tensor, run->tensor_count);
  const int index = run->tensors[tensor];
  if (!data)
    return tv_fail(TV_ERROR_ARGUMENT, "\"%s/%s\": there are no data: NULL",
      run->streams[index].layer, run->streams[index].kind);
  return index;
}

int tv_write(tv_run *run, int tensor, int64_t step, const void *data)
{
  const int index = find_tensor(run, tensor, data);
  return index < 0 ? index : write_stream(run, index, step, data, run->streams[index].samples);
}

int tv_write_batch(tv_run *run, int tensor, int64_t step, const void *data, size_t samples)
{
  const int index = find_tensor(run, tensor, data);
  if (index < 0)
    return index;
  const tv_stream *stream = &run->streams[index];
  if (stream->samples == 0)
    return tv_fail(TV_ERROR_ARGUMENT, "\"%s/%s\" is no batch: its axes \"%s\" have no 'n'",
      stream->layer, stream->kind, stream->axes);
  if (samples < 1 || samples > stream->samples)
    return tv_fail(TV_ERROR_ARGUMENT,
      "\"%s/%s\": a batch of %zu samples, where 1 to %zu were declared", stream->layer,
      stream->kind, samples, stream->samples);
  return write_stream(run, index, step, data, samples);
}

int tv_write_filters(tv_run *run, const char *layer, int64_t step, const int32_t *state)
{
  int status = tv_run_check(run);
  if (status < 0)
    return status;
  if (!layer || !state)
    return tv_fail(TV_ERROR_ARGUMENT, "states of filters need a layer and data, not NULL");
  for (int s = 0; s < run->count; ++s) {
    const tv_stream *stream = &run->streams[s];
    if (stream->tensor >= 0 || strcmp(stream->layer, layer) != 0)
      continue;
    for (size_t f = 0; f < stream->elements; ++f)
      if (state[f] < TV_FILTER_DEAD || (state[f] >= 0 && (size_t)state[f] >= stream->elements))
        return tv_fail(TV_ERROR_ARGUMENT,
          "\"%s\": filter %zu has the state %" PRId32 ", which is neither a code nor a filter",
          layer, f, state[f]);
    return write_stream(run, s, step, state, 0);
  }
  return tv_fail(TV_ERROR_STATE, "\"%.70s\" was not declared by tv_declare_filters()", layer);
}

int tv_record(tv_run *run, int64_t step, const char *name, double value)
{
  int failure = TV_OK, status = tv_run_check(run);
  if (status < 0 || (status = begin_step(run, step, &failure)) < 0)
    return status;
  const int column = tv_run_scalar(run, name);
  if (column < 0)
    return column;
  run->scalars.value[column] = value;
  ++run->scalars.recorded;
  return failure;
}

int tv_end_step(tv_run *run, int64_t step)
{
  int failure = TV_OK, status = tv_run_check(run);
  if (status < 0 || (status = begin_step(run, step, &failure)) < 0)
    return status;
  return first(failure, end_step(run));
}

int tv_flush(tv_run *run)
{
  int status = tv_run_check(run);
  if (status < 0)
    return status;
  if (run->open)
    status = end_step(run);
  if (run->channel && run->channel->flush)
    status = first(status, from_channel(run, run->channel->flush(run->channel)));
  if (run->file)
    status = first(status, run->file->flush(run->file));
  return status;
}

int tv_close(tv_run *run)
{
  if (!run)
    return TV_OK;
  int status = tv_run_check(run);
  if (status < 0)
    return status; /* a child's copy: its parent goes on writing */
  if (!run->started)
    status = start(run); /* a run of no steps still says what it would have had */
  if (run->open)
    status = first(status, end_step(run));
  if (run->channel)
    status = first(status, from_channel(run, run->channel->close(run->channel)));
  if (run->file)
    status = first(status, run->file->close(run->file));
  free_run(run);
  return status;
}

uint64_t tv_dropped(const tv_run *run)
{
  return run && run->channel && run->channel->dropped ? run->channel->dropped(run->channel) : 0;
}
