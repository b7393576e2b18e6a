/* SPDX-License-Identifier: BSD-3-Clause */
/* The verbs that open, write and close; and the steps. */
#include "run.h"

#include "batch_sum.h"
#include "notice.h"
#include "observe.h"
#include "spare_threads.h"
#include "status.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

tv_options tv_default_options(void)
{
  return (tv_options){.size = sizeof(tv_options),
    .threads = 1,
    .flush_seconds = 1.0,
    .ring_slots = 4,
    .block_seconds = TV_NOT_SET};
}

const char *tv_version(void)
{
  return TENSORVIEW_VERSION;
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
  static const uint64_t nothing[sizeof options->reserved / sizeof *options->reserved];
  if (options->size != sizeof *options)
    return tv_fail(TV_ERROR_VERSION,
      "the options have %zu bytes, where this library (%s) knows %zu: start from "
      "tv_default_options(), and use the headers of this library or older ones",
      options->size, TENSORVIEW_VERSION, sizeof *options);
  if (memcmp(options->reserved, nothing, sizeof nothing) != 0)
    return tv_fail(TV_ERROR_VERSION, "an option is set that this library (%s) does not know yet",
      TENSORVIEW_VERSION);
  if (options->threads < 0)
    return tv_fail(TV_ERROR_ARGUMENT, "threads must be 0 or more, not %d", options->threads);
  if (isnan(options->flush_seconds) || isnan(options->block_seconds))
    return tv_fail(TV_ERROR_ARGUMENT, "%s must be a number of seconds, not NaN",
      isnan(options->flush_seconds) ? "flush_seconds" : "block_seconds");
  if (options->block_seconds < 0 && options->block_seconds != TV_NOT_SET)
    return tv_fail(TV_ERROR_ARGUMENT, "block_seconds must be 0 or more, or TV_NOT_SET, not %g",
      options->block_seconds);
  if (options->ring_slots < 2 || options->ring_slots > 64)
    return tv_fail(TV_ERROR_ARGUMENT, "ring_slots must be 2 to 64, not %zu", options->ring_slots);
  return TV_OK;
}

static void free_run(tv_run *run)
{
  tv_observed_free(run);
  free(run->streams);
  free(run->tensors);
  free(run->ring_name);
  free(run);
}

static void clear_scalars(tv_scalars *scalars)
{
  for (int i = 0; i < TV_MOST_SCALARS; ++i)
    scalars->value[i] = NAN;
  scalars->recorded = 0;
}

/* A ring that the environment asks for must not cost a trainer its file: where it cannot be
 * had, or fails later, the run goes on without it, and all calls succeed. Who set the variable has
 * no return code to look at, and gets one line instead. A ring that the trainer asks for is an
 * error like any other. */
static int from_ring(tv_run *run, int status)
{
  if (!run->unasked)
    return status;
  if (status < 0 && !run->told) {
    run->told = 1;
    tv_notice("%s; the run goes on without a ring", tv_last_error());
  }
  return TV_OK;
}

/* What the environment says where the trainer says nothing. */
static size_t file_every(void)
{
  const char *asked = getenv("TENSORVIEW_FILE_EVERY");
  if (!asked || !asked[0])
    return 1;
  char *end;
  const unsigned long long every = strtoull(asked, &end, 10);
  if (asked[0] >= '0' && asked[0] <= '9' && *end == 0 && every >= 1 && every <= INT64_MAX)
    return every;
  tv_notice("TENSORVIEW_FILE_EVERY is \"%.40s\", not a number of steps; the file gets all", asked);
  return 1;
}

/* The same; a failure is the ring's. */
static int block_seconds(double *seconds)
{
  const char *asked = getenv("TENSORVIEW_BLOCK_SECONDS");
  *seconds = 0;
  if (!asked || !asked[0])
    return TV_OK;
  char *end;
  *seconds = strtod(asked, &end);
  if (*end == 0 && *seconds >= 0)
    return TV_OK;
  return tv_fail(
    TV_ERROR_ARGUMENT, "TENSORVIEW_BLOCK_SECONDS is \"%.40s\", not a number of seconds", asked);
}

static int create_ring(tv_run *run)
{
  int status = TV_OK;
  if (run->options.block_seconds == TV_NOT_SET)
    status = block_seconds(&run->options.block_seconds);
  return status < 0 ? status : tv_ring_create(&run->ring, run->ring_name, &run->options);
}

static int open_sinks(tv_run *run, const char *path)
{
  int status = run->ring_name ? from_ring(run, create_ring(run)) : TV_OK;
  if (status == TV_OK && path) /* last: it may replace a file */
    status = tv_file_create(&run->file, path, &run->options);
  if (status < 0 && run->ring)
    run->ring->close(run->ring);
  return status;
}

int tv_open(tv_run **run, const char *path, const tv_options *options)
{
  if (!run)
    return tv_fail(TV_ERROR_ARGUMENT, "tv_open() needs a place for the run, not NULL");
  *run = NULL;
  const tv_options chosen = options ? *options : tv_default_options();
  int status = check_options(&chosen);
  if (status < 0)
    return status;
  const char *ring = chosen.channel ? chosen.channel : getenv("TENSORVIEW_CHANNEL");
  if (ring && !ring[0])
    ring = NULL;
  if (!ring && !path)
    return tv_fail(TV_ERROR_ARGUMENT, "a run needs a path, or a name in shared memory (channel)");
  if (path && !path[0])
    return tv_fail(TV_ERROR_ARGUMENT, "the path of a run file is empty");

  tv_run *opened = calloc(1, sizeof *opened);
  if (opened && ring)
    opened->ring_name = strdup(ring);
  if (!opened || (ring && !opened->ring_name)) {
    free(opened);
    return tv_fail(TV_ERROR_MEMORY, "no memory left for a run");
  }
  opened->owner = getpid();
  opened->options = chosen;
  opened->options.channel = opened->ring_name;
  if (!path)
    opened->options.file_every = 1;
  else if (chosen.file_every == 0)
    opened->options.file_every = file_every();
  opened->step = -1;
  opened->unasked = !chosen.channel && path;
  clear_scalars(&opened->scalars);
  status = open_sinks(opened, path);
  if (status < 0) {
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

/* Tells the sinks of the streams that they do not know yet. */
static int start(tv_run *run)
{
  int status = TV_OK;
  if (run->started && run->given == run->count)
    return status;
  run->started = 1;
  run->given = run->count;
  if (run->ring)
    status = first(status, from_ring(run, run->ring->start(run->ring, run->streams, run->count)));
  if (run->file)
    status = first(status, run->file->start(run->file, run->streams, run->count));
  return status;
}

static int end_step(tv_run *run)
{
  int status = start(run);
  if (run->ring)
    status =
      first(status, from_ring(run, run->ring->end_step(run->ring, run->step, &run->scalars)));
  if (run->file)
    status = first(status, run->file->end_step(run->file, run->step, &run->scalars));
  run->open = 0;
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
  if (run->open)
    *failure = first(*failure, end_step(run));
  *failure = first(*failure, start(run));
  run->step = step;
  run->open = 1;
  if (run->ring)
    *failure = first(*failure, from_ring(run, run->ring->begin_step(run->ring, step)));
  return TV_OK;
}

/* Whether the file gets this step's record. */
static int file_due(const tv_run *run, const tv_stream *stream)
{
  return run->file && (stream->tensor < 0 || stream->file_step < 0 ||
                        (uint64_t)(run->step - stream->file_step) >= run->options.file_every);
}

/* Memory that a sink lends for this record: the file's, or else the ring's. */
static void *lent_row(tv_run *run, int stream)
{
  void *row = file_due(run, &run->streams[stream]) ? run->file->row(run->file, stream) : NULL;
  if (!row && run->ring)
    row = run->ring->row(run->ring, stream);
  return row;
}

static int record(tv_run *run, int stream, int64_t samples, const void *row)
{
  int status = TV_OK;
  if (row && run->ring)
    status =
      first(status, from_ring(run, run->ring->record(run->ring, stream, run->step, samples, row)));
  if (file_due(run, &run->streams[stream])) {
    run->streams[stream].file_step = run->step;
    status = first(status, run->file->record(run->file, stream, run->step, samples, row));
  }
  return status;
}

/* The step is begun and has no record of this stream yet. */
static int begin_record(tv_run *run, int index, int64_t step, int *failure)
{
  const int status = begin_step(run, step, failure);
  if (status < 0)
    return status;
  if (run->streams[index].last_step == step)
    return tv_fail(TV_ERROR_STATE, "\"%s/%s\" is written at step %" PRId64 " already",
      run->streams[index].layer, run->streams[index].kind, step);
  run->streams[index].last_step = step;
  *failure = first(*failure, start(run)); /* it may have been declared within the step */
  return TV_OK;
}

/* Writes one record as it is. samples: how many it is the sum of, 0 where it is none. */
static int write_record(tv_run *run, int index, int64_t step, const void *data, size_t samples)
{
  int failure = TV_OK;
  const int status = begin_record(run, index, step, &failure);
  return status < 0 ? status : first(failure, record(run, index, (int64_t)samples, data));
}

static int write_batch(tv_run *run, int index, int64_t step, const void *data, size_t samples)
{
  const tv_stream *stream = &run->streams[index];
  int failure = TV_OK;
  int status = begin_record(run, index, step, &failure);
  if (status < 0)
    return status;
  void *row = lent_row(run, index);
  if (row) {
    tv_batch batch = stream->batch;
    batch.samples = samples;
    const tv_execution execution = {tv_threads_to_be_had(run->options.threads), NULL, NULL};
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
  if (index < 0)
    return index;
  const tv_batch *batch = &run->streams[index].batch;
  const int status = batch->axis < 0 ? write_record(run, index, step, data, 0)
                                     : write_batch(run, index, step, data, batch->samples);
  return tv_observed_write(run, tensor, step, data, 0, status);
}

int tv_write_several(
  tv_run *run, size_t count, const int *tensors, int64_t step, const void *const *data)
{
  if (count > 0 && (!tensors || !data))
    return tv_fail(TV_ERROR_ARGUMENT, "there are no tensors to write: NULL");
  int status = tv_run_check(run);
  for (size_t k = 0; k < count && status == TV_OK; ++k)
    status = tv_write(run, tensors[k], step, data[k]);
  return status;
}

/* A tensor whose records are sums. */
static int find_batch(const tv_run *run, int tensor, const void *data)
{
  const int index = find_tensor(run, tensor, data);
  if (index >= 0 && run->streams[index].batch.axis < 0)
    return tv_fail(TV_ERROR_ARGUMENT, "\"%s/%s\" is no batch: its axes \"%s\" have no 'n'",
      run->streams[index].layer, run->streams[index].kind, run->streams[index].shape.axes);
  return index;
}

int tv_write_batch(tv_run *run, int tensor, int64_t step, const void *data, size_t samples)
{
  const int index = find_batch(run, tensor, data);
  if (index < 0)
    return index;
  const tv_stream *stream = &run->streams[index];
  if (samples < 1 || samples > stream->batch.samples)
    return tv_fail(TV_ERROR_ARGUMENT,
      "\"%s/%s\": a batch of %zu samples, where 1 to %zu were declared", stream->layer,
      stream->kind, samples, stream->batch.samples);
  const int status = write_batch(run, index, step, data, samples);
  return tv_observed_write(run, tensor, step, data, samples, status);
}

int tv_write_sum(tv_run *run, int tensor, int64_t step, const void *data, size_t samples)
{
  const int index = find_batch(run, tensor, data);
  if (index < 0)
    return index;
  if (samples < 1 || samples > INT64_MAX)
    return tv_fail(TV_ERROR_ARGUMENT, "\"%s/%s\": a sum is of 1 sample or more, not %zu",
      run->streams[index].layer, run->streams[index].kind, samples);
  return write_record(run, index, step, data, samples);
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
    return write_record(run, s, step, state, 0);
  }
  return tv_fail(TV_ERROR_STATE, "\"%.255s\" was not declared by tv_declare_filters()", layer);
}

int tv_record(tv_run *run, int64_t step, const char *name, double value)
{
  int failure = TV_OK, status = tv_run_check(run);
  if (status < 0 || (status = begin_step(run, step, &failure)) < 0)
    return status;
  const int scalar = tv_run_scalar(run, name);
  if (scalar < 0)
    return scalar;
  run->scalars.value[scalar] = value;
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
  if (run->open)
    status = end_step(run);
  if (!run->started)
    status = start(run); /* a run of no steps still says what it would have had */
  if (run->ring)
    status = first(status, from_ring(run, run->ring->close(run->ring)));
  if (run->file)
    status = first(status, run->file->close(run->file));
  free_run(run);
  return status;
}

uint64_t tv_dropped(const tv_run *run)
{
  return run && run->ring ? run->ring->dropped(run->ring) : 0;
}
