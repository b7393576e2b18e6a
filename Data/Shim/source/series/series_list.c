/* SPDX-License-Identifier: BSD-3-Clause */
/* The lists of a series: which records of which file are whose. */
#include "series.h"

#include "status.h"
#include "unit_ranges.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What is at work while lists are made. */
typedef struct lister
{
  tv_series *series;
  tv_listing *list;
  tv_name_index tensors, states, scalars;
  const char **names; /* of scalars */
  size_t name_room;
} lister;

const tv_segment *tv_track_segment(const tv_track *track, size_t record)
{
  size_t k = 0;
  while (k + 1 < track->count && record >= track->segments[k].begin + track->segments[k].count)
    ++k;
  return &track->segments[k];
}

static void free_track(tv_track *track)
{
  free(track->segments);
  free(track->steps);
  free(track->samples);
}

void tv_series_free_tracks(tv_series *series)
{
  for (size_t k = 0; k < series->tensor_count; ++k)
    free_track(&series->tensors[k]);
  for (size_t k = 0; k < series->states_count; ++k)
    free_track(&series->states[k]);
  free_track(&series->scalars);
  free_track(&series->requests);
  free(series->tensors);
  free(series->states);
  series->tensors = series->states = NULL;
  series->tensor_count = series->states_count = 0;
  memset(&series->scalars, 0, sizeof series->scalars);
  memset(&series->requests, 0, sizeof series->requests);
}

static int no_memory(void)
{
  return tv_fail(TV_ERROR_MEMORY, "there is not enough memory");
}

/* A list of tracks that grows by doubling: one more, empty. */
static tv_track *add_track(tv_track **tracks, size_t *count)
{
  if ((*count & (*count - 1)) == 0) { /* 0, 1, 2, 4, ...: full */
    tv_track *larger = realloc(*tracks, (*count ? 2 * *count : 1) * sizeof *larger);
    if (!larger) {
      no_memory();
      return NULL;
    }
    *tracks = larger;
  }
  return memset(&(*tracks)[(*count)++], 0, sizeof **tracks);
}

static int note(lister *l)
{
  return tv_listing_add_note(l->list, tv_last_error());
}

/* What is measured of units is for pictures of all units, and is no picture itself. */
static int is_statistics(const char *kind)
{
  if (tv_ranges_is_kind(kind))
    return 1;
  const size_t length = strlen(kind), suffix = strlen(TV_STATISTICS_SUFFIX);
  return length > suffix && strcmp(kind + length - suffix, TV_STATISTICS_SUFFIX) == 0;
}

/* The tensors of a file, as far as they are not listed yet. */
static int declare(lister *l, const tv_run_file *file)
{
  for (size_t k = 0; k < file->count; ++k) {
    const tv_run_stream *stream = &file->streams[k];
    if (stream->role != TV_ROLE_TENSOR || tv_name_index_find(&l->tensors, stream->name) != SIZE_MAX)
      continue;
    tv_source_tensor *tensor = tv_listing_add_tensor(l->list);
    if (!tensor || !add_track(&l->series->tensors, &l->series->tensor_count))
      return TV_ERROR_MEMORY;
    *tensor = (tv_source_tensor){.name = stream->name,
      .layer = stream->layer,
      .kind = stream->kind,
      .type = stream->type,
      .shape = stream->shape,
      .offered = !is_statistics(stream->kind),
      .problem = stream->problem};
    if (tv_name_index_add(&l->tensors, stream->name, l->list->tensor_count - 1) != TV_OK)
      return TV_ERROR_MEMORY;
  }
  return TV_OK;
}

/* How many records of a stream are before a step. */
static size_t records_before(const tv_run_stream *stream, int64_t end)
{
  size_t from = 0, to = stream->complete;
  while (from < to) {
    const size_t middle = from + (to - from) / 2;
    if (stream->steps[middle] < end)
      from = middle + 1;
    else
      to = middle;
  }
  return from;
}

/* Adds a stream's records before the step at which the next run begins. */
static int extend(lister *l, tv_track *track, size_t number, const tv_run_file *file,
  const tv_run_stream *stream, int64_t end)
{
  const size_t count = records_before(stream, end);
  const tv_segment *before = track->count ? &track->segments[track->count - 1] : NULL;
  if (count == 0)
    return TV_OK;
  if (before) {
    const tv_run_stream *last = &l->series->files[before->file]->streams[before->stream];
    if (stream->steps[0] <= last->steps[before->count - 1]) {
      tv_run_file_fail(file,
        "%s begins at step %lld, where the part before it has come to step %lld; it is left out",
        stream->name, (long long)stream->steps[0], (long long)last->steps[before->count - 1]);
      return note(l);
    }
  }
  if (track->count == track->room) {
    const size_t room = track->room ? 2 * track->room : 1;
    tv_segment *segments = realloc(track->segments, room * sizeof *segments);
    if (!segments)
      return no_memory();
    track->segments = segments;
    track->room = room;
  }
  track->segments[track->count++] =
    (tv_segment){number, (size_t)(stream - file->streams), track->records, count};
  track->records += count;
  return TV_OK;
}

static int same_shape(const tv_source_tensor *tensor, const tv_run_stream *stream)
{
  return tensor->type == stream->type && strcmp(tensor->shape.axes, stream->shape.axes) == 0 &&
         memcmp(tensor->shape.size, stream->shape.size, sizeof stream->shape.size) == 0;
}

static int add_tensor(
  lister *l, size_t number, const tv_run_file *file, const tv_run_stream *stream, int64_t end)
{
  const size_t place = tv_name_index_find(&l->tensors, stream->name);
  tv_source_tensor *tensor = &l->list->tensors[place];
  tv_track *track = &l->series->tensors[place];
  if (stream->problem) {
    if (tensor->problem)
      return TV_OK;
    tv_fail(TV_ERROR_FORMAT, "%s", stream->problem);
    return note(l);
  }
  if (tensor->problem) { /* it is right in this file */
    tv_fail(TV_ERROR_FORMAT, "%s", tensor->problem);
    tensor->problem = NULL;
    tensor->type = stream->type;
    tensor->shape = stream->shape;
    if (note(l) != TV_OK)
      return TV_ERROR_MEMORY;
  }
  if (!same_shape(tensor, stream)) {
    const int status = tv_run_file_fail(
      file, "%s has other sizes or another type than in the files before it", stream->name);
    return file->part ? note(l) : status;
  }
  return extend(l, track, number, file, stream, end);
}

static int add_states(
  lister *l, size_t number, const tv_run_file *file, const tv_run_stream *stream, int64_t end)
{
  size_t place = tv_name_index_find(&l->states, stream->layer);
  if (stream->problem && file->end)
    return TV_OK; /* a file that was cut off has said so */
  if (stream->problem) {
    tv_fail(TV_ERROR_FORMAT, "%s", stream->problem);
    return note(l);
  }
  if (place == SIZE_MAX) {
    tv_source_states *states = tv_listing_add_states(l->list);
    if (!states || !add_track(&l->series->states, &l->series->states_count))
      return TV_ERROR_MEMORY;
    *states = (tv_source_states){.layer = stream->layer, .filters = stream->shape.size[0]};
    place = l->list->states_count - 1;
    if (tv_name_index_add(&l->states, stream->layer, place) != TV_OK)
      return TV_ERROR_MEMORY;
  }
  if (l->list->states[place].filters != stream->shape.size[0]) {
    tv_run_file_fail(file, "%s has other sizes than in the files before it", stream->name);
    return note(l);
  }
  return extend(l, &l->series->states[place], number, file, stream, end);
}

static int add_scalars(lister *l, size_t number, const tv_run_file *file, int64_t end)
{
  tv_source_scalars *scalars = &l->list->scalars;
  for (size_t k = 0; k < file->scalar_count; ++k) {
    if (tv_name_index_find(&l->scalars, file->scalar_names[k]) != SIZE_MAX)
      continue;
    if (scalars->count == l->name_room) {
      const size_t room = l->name_room ? 2 * l->name_room : 16;
      const char **names = tv_arena_take(&l->list->arena, room * sizeof *names);
      if (!names)
        return TV_ERROR_MEMORY;
      if (scalars->count)
        memcpy(names, l->names, scalars->count * sizeof *names);
      scalars->names = l->names = names;
      l->name_room = room;
    }
    l->names[scalars->count] = file->scalar_names[k];
    if (tv_name_index_add(&l->scalars, file->scalar_names[k], scalars->count++) != TV_OK)
      return TV_ERROR_MEMORY;
  }
  return extend(l, &l->series->scalars, number, file, file->scalars, end);
}

static int add_file(lister *l, size_t number, int64_t end)
{
  const tv_run_file *file = l->series->files[number];
  int status = TV_OK;
  for (size_t k = 0; k < file->list.note_count && status == TV_OK; ++k)
    status = tv_listing_add_note(l->list, file->list.notes[k]);
  for (size_t k = 0; k < file->count && status == TV_OK; ++k) {
    const tv_run_stream *stream = &file->streams[k];
    if (stream->role == TV_ROLE_TENSOR)
      status = add_tensor(l, number, file, stream, end);
    else if (stream->role == TV_ROLE_STATES)
      status = add_states(l, number, file, stream, end);
    else if (!stream->problem && stream->role == TV_ROLE_REQUESTS)
      status = extend(l, &l->series->requests, number, file, stream, end);
    else if (!stream->problem)
      status = add_scalars(l, number, file, end);
    else if (!file->end) { /* a file that was cut off has said so */
      tv_fail(TV_ERROR_FORMAT, "%s", stream->problem);
      status = note(l);
    }
  }
  return status;
}

/* Steps and samples of a track: those of its only stream, or all of them one after the other. */
static int join(tv_series *series, tv_track *track, const int64_t **steps, const int64_t **samples)
{
  *steps = NULL;
  if (track->count == 0)
    return TV_OK;
  const tv_run_stream *first =
    &series->files[track->segments[0].file]->streams[track->segments[0].stream];
  if (track->count == 1) {
    *steps = first->steps;
    if (samples)
      *samples = first->samples;
    return TV_OK;
  }
  track->steps = malloc(track->records * sizeof *track->steps);
  track->samples = calloc(track->records, sizeof *track->samples);
  if (!track->steps || !track->samples)
    return no_memory();
  int any = 0;
  for (size_t k = 0; k < track->count; ++k) {
    const tv_segment *s = &track->segments[k];
    const tv_run_stream *stream = &series->files[s->file]->streams[s->stream];
    memcpy(track->steps + s->begin, stream->steps, s->count * sizeof *track->steps);
    if (stream->samples)
      memcpy(track->samples + s->begin, stream->samples, s->count * sizeof *track->samples);
    any = any || stream->samples;
  }
  *steps = track->steps;
  if (samples && any)
    *samples = track->samples;
  return TV_OK;
}

static int join_all(tv_series *series, tv_listing *list)
{
  int status = TV_OK;
  for (size_t k = 0; k < list->tensor_count && status == TV_OK; ++k) {
    list->tensors[k].records = series->tensors[k].records;
    status = join(series, &series->tensors[k], &list->tensors[k].steps, &list->tensors[k].samples);
  }
  for (size_t k = 0; k < list->states_count && status == TV_OK; ++k) {
    list->states[k].records = series->states[k].records;
    status = join(series, &series->states[k], &list->states[k].steps, NULL);
  }
  list->scalars.records = series->scalars.records;
  list->requests.records = series->requests.records;
  if (status == TV_OK)
    status = join(series, &series->scalars, &list->scalars.steps, NULL);
  return status == TV_OK ? join(series, &series->requests, &list->requests.steps, NULL) : status;
}

/* A run's parts: the last of them knows the whole network, in its order. */
static int add_run(lister *l, const tv_series_run *run, int64_t end)
{
  tv_run_file **files = l->series->files;
  int status = declare(l, files[run->first + run->count - 1]);
  for (size_t k = 0; k + 1 < run->count && status == TV_OK; ++k)
    status = declare(l, files[run->first + k]);
  for (size_t k = 0; k < run->count && status == TV_OK; ++k)
    status = add_file(l, run->first + k, end);
  return status;
}

int tv_series_list(tv_series *series, tv_listing *list)
{
  lister l = {.series = series, .list = list};
  int status = TV_OK;
  for (size_t r = 0; r < series->run_count && status == TV_OK; ++r) {
    const tv_series_run *run = &series->runs[r];
    const int64_t end = r + 1 < series->run_count ? run[1].start : INT64_MAX;
    if (end != INT64_MAX && run->start == end)
      status = tv_fail(TV_ERROR_FORMAT,
        "%s: it begins at the same step as %s, so that neither continues the other; open them one "
        "by one",
        series->files[run[1].first]->path, series->files[run->first]->path);
    else
      status = add_run(&l, run, end);
    list->closed = 1;
    for (size_t k = 0; k < run->count; ++k)
      list->closed = list->closed && series->files[run->first + k]->list.closed;
  }
  if (status == TV_OK)
    status = join_all(series, list);
  tv_name_index_free(&l.tensors);
  tv_name_index_free(&l.states);
  tv_name_index_free(&l.scalars);
  return status;
}
