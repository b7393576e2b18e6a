/* SPDX-License-Identifier: BSD-3-Clause */
/* Run files as a source. */
#include "series.h"

#include "hdf5_objects.h"
#include "status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int no_memory(const char *path)
{
  return tv_fail(TV_ERROR_MEMORY, "%s: there is not enough memory to read it", path);
}

char *tv_series_part(const char *path, int number)
{
  const size_t length = strlen(path);
  const size_t stem = length > 5 && strcmp(path + length - 5, ".tvh5") == 0 ? length - 5 : length;
  char *name = malloc(length + 32);
  struct stat info;
  if (!name)
    return NULL;
  snprintf(name, length + 32, "%.*s.part%d%s", (int)stem, path, number, path + stem);
  if (lstat(name, &info) == 0 && S_ISREG(info.st_mode))
    return name;
  free(name);
  return NULL;
}

static void free_files(tv_series *series)
{
  for (size_t k = 0; k < series->count; ++k)
    tv_run_file_close(series->files[k]);
  free(series->files);
  free(series->runs);
  series->files = NULL;
  series->runs = NULL;
  series->count = series->room = series->run_count = 0;
}

static int add_file(tv_series *series, const char *path)
{
  if (series->count == series->room) {
    const size_t room = series->room ? 2 * series->room : 4;
    tv_run_file **files = realloc(series->files, room * sizeof *files);
    if (!files)
      return no_memory(path);
    series->files = files;
    series->room = room;
  }
  const int status = tv_run_file_open(&series->files[series->count], path);
  if (status == TV_OK)
    tv_run_file_rest(series->files[series->count++]);
  return status;
}

/* Whether a file is open already: somebody named a run and its parts. */
static int has_file(const tv_series *series, const char *path)
{
  struct stat info;
  if (stat(path, &info) != 0)
    return 0;
  for (size_t k = 0; k < series->count; ++k)
    if (series->files[k]->device == info.st_dev && series->files[k]->inode == info.st_ino)
      return 1;
  return 0;
}

/* Further parts of the last run, as long as there are any. */
static int add_parts(tv_series *series, tv_series_run *run)
{
  tv_run_file *first = series->files[run->first];
  for (int number = (int)run->count; first->part == 0 && first->version > 1; ++number) {
    char *path = tv_series_part(first->path, number);
    if (!path)
      return TV_OK;
    const int status = add_file(series, path);
    free(path);
    if (status == TV_ERROR_MEMORY)
      return status;
    if (status != TV_OK) {
      tv_fail((tv_status)status, "%s; it and later parts of the run are left out", tv_last_error());
      tv_run_file_note_last(first);
      return TV_OK;
    }
    if (series->files[series->count - 1]->part != number) { /* somebody else's */
      tv_run_file_close(series->files[--series->count]);
      return TV_OK;
    }
    ++run->count;
  }
  return TV_OK;
}

static int64_t first_step(const tv_series *series, const tv_series_run *run)
{
  int64_t first = INT64_MAX;
  for (size_t f = run->first; f < run->first + run->count; ++f)
    for (size_t k = 0; k < series->files[f]->count; ++k) {
      const tv_run_stream *stream = &series->files[f]->streams[k];
      if (stream->complete > 0 && stream->steps[0] < first)
        first = stream->steps[0];
    }
  return first;
}

static int open_files(tv_series *series)
{
  int status = TV_OK;
  series->runs = calloc(series->path_count, sizeof *series->runs);
  if (!series->runs)
    return no_memory(series->paths[0]);
  for (size_t k = 0; k < series->path_count && status == TV_OK; ++k) {
    tv_series_run run = {series->count, 1, INT64_MAX};
    if (has_file(series, series->paths[k]))
      continue;
    status = add_file(series, series->paths[k]);
    if (status == TV_OK)
      status = add_parts(series, &run);
    run.start = status == TV_OK ? first_step(series, &run) : 0;
    size_t at = series->run_count++; /* few: insertion keeps the order of equals */
    for (; at > 0 && series->runs[at - 1].start > run.start; --at)
      series->runs[at] = series->runs[at - 1];
    series->runs[at] = run;
  }
  return status;
}

/* Runs with their parts, where somebody named the parts first. */
static int open_series(tv_series *series, tv_listing *list)
{
  int status = open_files(series);
  return status == TV_OK ? tv_series_list(series, list) : status;
}

static int compare_paths(const void *left, const void *right)
{
  return strcmp(*(char *const *)left, *(char *const *)right);
}

int tv_series_open(tv_source *source, const char *const *paths, size_t count)
{
  tv_series *series = calloc(1, sizeof *series);
  source->state = series;
  if (!series || !(series->paths = calloc(count, sizeof *series->paths)))
    return no_memory(paths[0]);
  for (size_t k = 0; k < count; ++k, ++series->path_count)
    if (!(series->paths[k] = strdup(paths[k])))
      return no_memory(paths[k]);
  /* run.part1.tvh5 comes before run.tvh5: the other way round, a run finds its parts itself */
  qsort(series->paths, count, sizeof *series->paths, compare_paths);
  for (size_t k = 0; k < count / 2; ++k) {
    char *path = series->paths[k];
    series->paths[k] = series->paths[count - 1 - k];
    series->paths[count - 1 - k] = path;
  }
  const tv_hdf5_scope scope = tv_enter_hdf5();
  const int status = open_series(series, &source->list);
  tv_leave_hdf5(scope);
  return status;
}

void tv_series_close(tv_source *source)
{
  tv_series *series = source->state;
  if (!series)
    return;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  tv_series_free_tracks(series);
  free_files(series);
  tv_leave_hdf5(scope);
  for (size_t k = 0; k < series->path_count; ++k)
    free(series->paths[k]);
  free(series->paths);
  free(series);
}

void tv_series_rest(tv_source *source)
{
  tv_series *series = source->state;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  for (size_t k = 0; k < series->count; ++k)
    tv_run_file_rest(series->files[k]);
  tv_leave_hdf5(scope);
}

int tv_series_changed(const tv_source *source)
{
  const tv_series *series = source->state;
  for (size_t k = 0; k < series->count; ++k) {
    char stamp[128];
    tv_run_file_stamp(stamp, series->files[k]->path);
    if (strcmp(stamp, series->files[k]->stamp) != 0)
      return 1;
  }
  for (size_t r = 0; r < series->run_count; ++r) {
    const tv_run_file *first = series->files[series->runs[r].first];
    char *part = first->part == 0 && first->version > 1
                   ? tv_series_part(first->path, (int)series->runs[r].count)
                   : NULL;
    free(part);
    if (part)
      return 1;
  }
  return 0;
}

/* Whether a track is what it was, with nothing but records added at its end. */
static int continues(const tv_track *now, const tv_track *then)
{
  if (now->count < then->count)
    return 0;
  for (size_t k = 0; k < then->count; ++k) {
    const tv_segment *a = &now->segments[k], *b = &then->segments[k];
    const int may_grow = k + 1 == then->count;
    if (a->file != b->file || a->stream != b->stream || a->begin != b->begin ||
        (may_grow ? a->count < b->count : a->count != b->count))
      return 0;
  }
  return 1;
}

static int all_continue(const tv_series *now, const tv_series *then)
{
  int same = now->tensor_count == then->tensor_count && now->states_count == then->states_count &&
             continues(&now->scalars, &then->scalars) && continues(&now->requests, &then->requests);
  for (size_t k = 0; k < now->tensor_count && same; ++k)
    same = continues(&now->tensors[k], &then->tensors[k]);
  for (size_t k = 0; k < now->states_count && same; ++k)
    same = continues(&now->states[k], &then->states[k]);
  return same;
}

/* All files anew, beside what there is, which stays where that fails. */
static int open_anew(tv_source *source, tv_change *change)
{
  tv_series *series = source->state;
  tv_series fresh = {.paths = series->paths, .path_count = series->path_count};
  tv_listing list = {0};
  const int status = open_series(&fresh, &list);
  if (status != TV_OK) {
    tv_series_free_tracks(&fresh);
    free_files(&fresh);
    tv_listing_free(&list);
    return status;
  }
  tv_series_free_tracks(series);
  free_files(series);
  tv_listing_free(&source->list);
  *series = fresh;
  source->list = list;
  *change = TV_CHANGE_REPLACED;
  return TV_OK;
}

/* The lists anew, of files some of which have grown. */
static int list_anew(tv_source *source, tv_change *change)
{
  tv_series *series = source->state, then = *series;
  tv_listing list = {0};
  series->tensors = series->states = NULL;
  series->tensor_count = series->states_count = 0;
  memset(&series->scalars, 0, sizeof series->scalars);
  memset(&series->requests, 0, sizeof series->requests);
  const int status = tv_series_list(series, &list);
  if (status == TV_OK)
    *change = all_continue(series, &then) ? TV_CHANGE_GREW : TV_CHANGE_REPLACED;
  tv_series_free_tracks(&then);
  tv_listing_free(&source->list);
  source->list = list;
  return status;
}

/* After a failure: what there is stays, with whatever was taken in already. */
static int keep(tv_source *source, int status)
{
  char sentence[1024];
  tv_change ignored;
  snprintf(sentence, sizeof sentence, "%s", tv_last_error());
  list_anew(source, &ignored);
  return tv_fail((tv_status)status, "%s", sentence);
}

static int refresh_files(tv_source *source, tv_change *change)
{
  tv_series *series = source->state;
  tv_change most = TV_CHANGE_NONE;
  int status = TV_OK;
  for (size_t k = 0; k < series->count && status == TV_OK; ++k) {
    tv_change one = TV_CHANGE_NONE;
    status = tv_run_file_refresh(series->files[k], &one);
    most = one > most ? one : most;
    tv_run_file_rest(series->files[k]);
  }
  if (status == TV_OK && most != TV_CHANGE_NONE && series->run_count > 1)
    most = TV_CHANGE_REPLACED; /* who supersedes whom may have changed */
  if (status == TV_OK && most == TV_CHANGE_REPLACED)
    status = open_anew(source, change);
  else if (status == TV_OK) {
    const size_t before = series->count;
    if (series->run_count == 1)
      status = add_parts(series, &series->runs[0]);
    if (status == TV_OK && (most != TV_CHANGE_NONE || series->count > before))
      status = list_anew(source, change);
    else if (status == TV_OK && series->count)
      source->list.closed = series->files[series->count - 1]->list.closed;
  }
  return status == TV_OK ? status : keep(source, status);
}

int tv_series_refresh(tv_source *source, tv_change *change)
{
  if (!tv_series_changed(source))
    return TV_OK;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  const int status = refresh_files(source, change);
  tv_leave_hdf5(scope);
  return status;
}
