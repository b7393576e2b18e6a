/* SPDX-License-Identifier: BSD-3-Clause */
/* The verb that records what is measured of a tensor's units instead of the tensor. */
#include "observe.h"

#include "run.h"
#include "status.h"
#include "tensorview/measures.h"
#include "unit_statistics.h"

#include <stdlib.h>
#include <string.h>

/* What is kept of a tensor that is observed, by the tensor's number. */
struct tv_observed
{
  int statistics; /* the number of the tensor that its statistics are; -1: not declared yet */
  float *rows;    /* [units][TV_MEASURES] */
  void *previous; /* the record before; NULL for batches */
  int known;      /* previous holds one */
};

void tv_observed_free(tv_run *run)
{
  for (int k = 0; k < run->observed_count; ++k) {
    free(run->observed[k].rows);
    free(run->observed[k].previous);
  }
  free(run->observed);
}

/* The tensor's axes as the trainer has them, with 'n' and so many samples. */
static int view_of(tv_unit_view *view, const tv_stream *stream, size_t samples)
{
  char axes[TV_RANK + 2] = "";
  size_t size[TV_RANK + 1];
  int rank = 0;
  for (int a = 0; a <= stream->shape.rank; ++a) {
    if (a == stream->batch.axis) {
      axes[rank] = 'n';
      size[rank++] = samples;
    }
    if (a < stream->shape.rank) {
      axes[rank] = stream->shape.axes[a];
      size[rank++] = stream->shape.size[a];
    }
  }
  axes[rank] = 0;
  return tv_unit_view_axes(view, axes, size);
}

static int make_room(tv_run *run)
{
  if (run->observed_count >= run->tensor_count)
    return TV_OK;
  struct tv_observed *more = realloc(run->observed, (size_t)run->tensor_count * sizeof *more);
  if (!more)
    return tv_fail(TV_ERROR_MEMORY, "no memory left to observe %d tensors", run->tensor_count);
  for (int k = run->observed_count; k < run->tensor_count; ++k)
    more[k] = (struct tv_observed){.statistics = -1};
  run->observed = more;
  run->observed_count = run->tensor_count;
  return TV_OK;
}

/* Declares the statistics, and makes room for a record of them. */
static int begin(tv_run *run, int tensor, const tv_unit_view *view)
{
  const tv_stream *stream = &run->streams[run->tensors[tensor]];
  char layer[TV_NAME_LENGTH + 1], kind[TV_NAME_LENGTH + 1];
  const size_t shape[2] = {view->units, TV_MEASURES};
  const int batch = stream->batch.axis >= 0;
  struct tv_observed made = {.statistics = -1};
  if (strlen(stream->kind) + strlen(TV_STATISTICS_SUFFIX) > TV_NAME_LENGTH)
    return tv_fail(TV_ERROR_UNSUPPORTED,
      "\"%s/%s\": the name of its kind is too long for \"%s\" behind it", stream->layer,
      stream->kind, TV_STATISTICS_SUFFIX);
  strcpy(layer, stream->layer); /* streams move when one is declared */
  stpcpy(stpcpy(kind, stream->kind), TV_STATISTICS_SUFFIX);
  made.rows = calloc(view->units, TV_MEASURES * sizeof *made.rows);
  made.previous = batch ? NULL : malloc(stream->elements * tv_type_size(stream->source));
  int status = TV_OK;
  if (!made.rows || (!batch && !made.previous))
    status = tv_fail(TV_ERROR_MEMORY, "no memory left to observe \"%s/%s\"", layer, stream->kind);
  if (status == TV_OK)
    status = tv_declare(&made.statistics, run, layer, kind, TV_FLOAT32, TV_STATISTICS_AXES, shape);
  if (status == TV_OK) {
    run->observed[tensor] = made;
    return TV_OK;
  }
  free(made.rows);
  free(made.previous);
  return status;
}

int tv_observe(tv_run *run, int tensor, int64_t step, const void *data, size_t samples)
{
  tv_unit_view view;
  int status = tv_run_check(run);
  if (status < 0)
    return status;
  if (tensor < 0 || tensor >= run->tensor_count)
    return tv_fail(
      TV_ERROR_ARGUMENT, "there is no tensor %d: %d are declared", tensor, run->tensor_count);
  const tv_stream *stream = &run->streams[run->tensors[tensor]];
  const int batch = stream->batch.axis >= 0;
  if (!data || (samples > 0 && (!batch || samples > stream->batch.samples)))
    return tv_fail(TV_ERROR_ARGUMENT, "\"%s/%s\": %s", stream->layer, stream->kind,
      data ? "no such batch was declared" : "there are no data: NULL");
  if ((status = view_of(&view, stream, samples ? samples : stream->batch.samples)) < 0 ||
      (status = make_room(run)) < 0)
    return status;
  if (run->observed[tensor].statistics < 0 && (status = begin(run, tensor, &view)) < 0)
    return status;
  struct tv_observed *observed = &run->observed[tensor];
  const tv_type type = run->streams[run->tensors[tensor]].source;
  status = tv_unit_statistics(
    observed->rows, data, type, &view, observed->previous, observed->known, run->options.threads);
  observed->known = 1;
  return status < 0 ? status : tv_write(run, observed->statistics, step, observed->rows);
}

int tv_observe_writes(tv_run *run, int yes)
{
  const int status = tv_run_check(run);
  if (status == TV_OK)
    run->observing = yes != 0;
  return status;
}

int tv_observed_write(
  tv_run *run, int tensor, int64_t step, const void *data, size_t samples, int written)
{
  if (written < 0 || !run->observing)
    return written;
  const char *kind = run->streams[run->tensors[tensor]].kind;
  const size_t length = strlen(kind), suffix = strlen(TV_STATISTICS_SUFFIX);
  if (length > suffix && strcmp(kind + length - suffix, TV_STATISTICS_SUFFIX) == 0)
    return written; /* is one itself */
  const int status = tv_observe(run, tensor, step, data, samples);
  return status == TV_ERROR_UNSUPPORTED ? TV_OK : status; /* a tensor without units has none */
}
