/* SPDX-License-Identifier: BSD-3-Clause */
/* Run files as a source: what is read of a track is read of the files that have it. */
#include "series.h"

#include "hdf5_objects.h"
#include "status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The file and the stream that have a record, the file open; *record is then the file's. */
static int locate(tv_run_file **file, const tv_run_stream **stream, tv_series *series,
  const tv_track *track, size_t *record)
{
  const tv_segment *segment = tv_track_segment(track, *record);
  *file = series->files[segment->file];
  *stream = &(*file)->streams[segment->stream];
  *record -= segment->begin;
  return tv_run_file_reopen(*file);
}

static int series_read(tv_source *source, size_t tensor, size_t record, void *result)
{
  tv_series *series = source->state;
  tv_run_file *file;
  const tv_run_stream *stream;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  int status = locate(&file, &stream, series, &series->tensors[tensor], &record);
  if (status == TV_OK)
    status = tv_run_file_read(file, stream, record, result);
  tv_leave_hdf5(scope);
  return status;
}

static int series_windows(tv_source *source, size_t tensor, size_t record, const tv_layout *layout,
  size_t first, size_t count, void *result, const tv_execution *execution)
{
  tv_series *series = source->state;
  tv_run_file *file;
  const tv_run_stream *stream;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  int status = locate(&file, &stream, series, &series->tensors[tensor], &record);
  if (status == TV_OK)
    status = tv_run_file_windows(file, stream, record, layout, first, count, result, execution);
  tv_leave_hdf5(scope);
  return status;
}

/* The first failure of several. */
typedef struct failure
{
  int status;
  char sentence[1024];
} failure;

static void keep_failure(failure *kept, int status)
{
  if (status == TV_OK || kept->status != TV_OK)
    return;
  kept->status = status;
  snprintf(kept->sentence, sizeof kept->sentence, "%s", tv_last_error());
}

static int tell_failure(const failure *kept)
{
  return kept->status == TV_OK ? TV_OK : tv_fail((tv_status)kept->status, "%s", kept->sentence);
}

static void fill_nan(double *result, size_t count)
{
  for (size_t k = 0; k < count; ++k)
    result[k] = (double)NAN;
}

static int series_history(tv_source *source, size_t tensor, const tv_layout *layout,
  const size_t *elements, size_t count, size_t first, size_t end, double *result,
  const tv_execution *execution)
{
  tv_series *series = source->state;
  const tv_track *track = &series->tensors[tensor];
  failure kept = {TV_OK, ""};
  const tv_hdf5_scope scope = tv_enter_hdf5();
  for (size_t k = 0; k < track->count && kept.status != TV_ERROR_CANCELLED; ++k) {
    const tv_segment *s = &track->segments[k];
    if (s->begin + s->count <= first || s->begin >= end)
      continue;
    const size_t from = first > s->begin ? first - s->begin : 0;
    const size_t to = end - s->begin < s->count ? end - s->begin : s->count;
    double *rows = result + (s->begin + from - first) * count;
    tv_run_file *file = series->files[s->file];
    int status = tv_run_file_reopen(file);
    if (status != TV_OK)
      fill_nan(rows, (to - from) * count);
    else
      status = tv_run_file_history(
        file, &file->streams[s->stream], layout, elements, count, from, to, rows, execution);
    keep_failure(&kept, status);
  }
  tv_leave_hdf5(scope);
  return tell_failure(&kept);
}

/* Which column of the source's scalars each of a file's is. */
static size_t *scalar_columns(const tv_source_scalars *scalars, const tv_run_file *file)
{
  tv_name_index index = {0};
  size_t *columns = calloc(file->scalar_count + 1, sizeof *columns);
  int status = columns ? TV_OK : TV_ERROR_MEMORY;
  for (size_t k = 0; k < scalars->count && status == TV_OK; ++k)
    status = tv_name_index_add(&index, scalars->names[k], k);
  for (size_t k = 0; k < file->scalar_count && status == TV_OK; ++k)
    columns[k] = tv_name_index_find(&index, file->scalar_names[k]);
  tv_name_index_free(&index);
  if (status == TV_OK)
    return columns;
  free(columns);
  tv_fail(TV_ERROR_MEMORY, "%s: there is not enough memory to read it", file->path);
  return NULL;
}

/* Scalars first to first + count of a file, into rows of all the source's scalars. */
static int read_segment(
  const tv_source_scalars *scalars, tv_run_file *file, size_t first, size_t count, double *rows)
{
  const size_t width = file->scalar_count;
  if (scalars->count == width) { /* one file, or all have the same: in the same order */
    size_t k = 0;
    while (k < width && strcmp(scalars->names[k], file->scalar_names[k]) == 0)
      ++k;
    if (k == width)
      return tv_run_file_scalars(file, first, count, rows);
  }
  size_t *columns = scalar_columns(scalars, file);
  double *values = malloc((count * width + 1) * sizeof *values);
  int status = columns && values ? TV_OK : TV_ERROR_MEMORY;
  if (status == TV_OK) {
    fill_nan(values, count * width);
    status = tv_run_file_scalars(file, first, count, values);
    for (size_t r = 0; r < count; ++r)
      for (size_t k = 0; k < width; ++k)
        rows[r * scalars->count + columns[k]] = values[r * width + k];
  }
  free(values);
  free(columns);
  return status;
}

static int series_scalars(tv_source *source, size_t first, size_t count, double *result)
{
  tv_series *series = source->state;
  const tv_track *track = &series->scalars;
  const size_t width = source->list.scalars.count;
  failure kept = {TV_OK, ""};
  fill_nan(result, count * width);
  const tv_hdf5_scope scope = tv_enter_hdf5();
  for (size_t k = 0; k < track->count; ++k) {
    const tv_segment *s = &track->segments[k];
    const size_t from = first > s->begin ? first : s->begin;
    const size_t to = first + count < s->begin + s->count ? first + count : s->begin + s->count;
    if (from >= to)
      continue;
    tv_run_file *file = series->files[s->file];
    int status = tv_run_file_reopen(file);
    if (status == TV_OK)
      status = read_segment(
        &source->list.scalars, file, from - s->begin, to - from, result + (from - first) * width);
    keep_failure(&kept, status);
  }
  tv_leave_hdf5(scope);
  return tell_failure(&kept);
}

static int series_states(tv_source *source, size_t index, size_t record, int32_t *result)
{
  tv_series *series = source->state;
  tv_run_file *file;
  const tv_run_stream *stream;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  int status = locate(&file, &stream, series, &series->states[index], &record);
  if (status == TV_OK)
    status = tv_run_file_states(file, stream, record, result);
  tv_leave_hdf5(scope);
  return status;
}

static int series_request(tv_source *source, size_t record, char *text, size_t size)
{
  tv_series *series = source->state;
  tv_run_file *file;
  const tv_run_stream *stream;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  int status = locate(&file, &stream, series, &series->requests, &record);
  if (status == TV_OK)
    status = tv_run_file_request(file, stream, record, text, size);
  tv_leave_hdf5(scope);
  return status;
}

const tv_medium tv_medium_run_file = {
  .name = "run file",
  .recognise = tv_run_file_recognise,
  .open = tv_series_open,
  .close = tv_series_close,
  .changed = tv_series_changed,
  .refresh = tv_series_refresh,
  .rest = tv_series_rest,
  .read = series_read,
  .read_windows = series_windows,
  .history = series_history,
  .read_scalars = series_scalars,
  .read_states = series_states,
  .read_request = series_request,
};
