/* SPDX-License-Identifier: BSD-3-Clause */
/* One stream of a run file, listed: its datasets, their types and sizes. */
#include "run_hdf5.h"

#include "hdf5_objects.h"
#include "status.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_1_RANK 5
#define MOST_TEXT 65536
#define MOST_EARLY ((uint64_t)1 << 28)

tv_run_stream *tv_add_stream(tv_run_file *file)
{
  if (file->count == file->room) {
    const size_t room = file->room ? 2 * file->room : 16;
    tv_run_stream *streams = realloc(file->streams, room * sizeof *streams);
    if (!streams)
      return NULL;
    file->streams = streams;
    file->room = room;
  }
  tv_run_stream *stream = &file->streams[file->count++];
  memset(stream, 0, sizeof *stream);
  for (int a = 0; a < TV_RANK; ++a)
    stream->shape.size[a] = 1;
  return stream;
}

/* What a list has, as far as memory may be asked for it at once: all but always everything. What
 * cannot be read now may be beyond what is complete: see tv_load_entries(). */
static void read_early(
  int64_t **list, tv_run_file *file, const tv_dataset *info, hid_t dataset, const char *title)
{
  const uint64_t count = info->size[0];
  if (count == 0 || count > MOST_EARLY ||
      tv_check_fits(file, info, dataset, (double)count * 8, title) != TV_OK)
    return;
  *list = malloc(count * sizeof **list);
  if (*list && tv_read_list(*list, dataset, 0, count) != 0) {
    free(*list);
    *list = NULL;
  }
}

/* Steps, samples or checks: their number; of checks, also their columns. */
static int list_entries(tv_run_file *file, tv_run_stream *stream, hid_t group,
  const tv_children *children, const char *name, int64_t **list)
{
  char title[TV_RUN_TITLE + 32];
  tv_dataset info;
  hid_t dataset;
  snprintf(title, sizeof title, "%s of %s", name, stream->name);
  int status =
    tv_open_listed(&dataset, file, group, tv_find_child(children, name), name, stream->name);
  if (status == TV_OK)
    status = tv_look_at(&info, file, dataset, title, TV_NUMBERS_INTEGERS);
  if (status == TV_OK && info.rank != (list ? 1 : 2))
    status = tv_run_file_fail(file, "%s has the wrong number of axes", title);
  if (status == TV_OK && list)
    read_early(list, file, &info, dataset, title);
  tv_close_id(&dataset);
  if (status != TV_OK)
    return status;
  if (!list && info.size[1] != stream->pieces)
    return tv_run_file_fail(file, "%s has %llu columns, and a record is stored in %llu pieces",
      title, (unsigned long long)info.size[1], (unsigned long long)stream->pieces);
  if (!file->has_complete && info.size[0] != stream->values)
    tv_run_file_note(file,
      "%s has %llu entries, but there are %llu records; what is beyond the shorter is left out",
      title, (unsigned long long)info.size[0], (unsigned long long)stream->values);
  stream->entries = info.size[0] < stream->entries ? info.size[0] : stream->entries;
  return TV_OK;
}

/* The whole index of chunks: what tensorview-trial wants to see HDF5 do, before a record is read. */
static void look_at_chunks(hid_t values)
{
  hsize_t count;
  hid_t space = H5Dget_space(values);
  H5Dget_num_chunks(values, space, &count);
  tv_close_id(&space);
}

static int list_values(tv_run_file *file, tv_run_stream *stream, hid_t values)
{
  char title[TV_RUN_TITLE + 32];
  tv_dataset info;
  snprintf(title, sizeof title, "values of %s", stream->name);
  const int status = tv_look_at(&info, file, values, title,
    stream->role == TV_ROLE_STATES ? TV_NUMBERS_INTEGERS : TV_NUMBERS_ANY);
  if (status != TV_OK)
    return status;
  if (tv_hdf5_watch)
    look_at_chunks(values);
  if (info.rank < 1 || (file->version == 1 && info.rank > VERSION_1_RANK))
    return tv_run_file_fail(file, "%s has the wrong number of axes", title);
  if (tv_check_fits(file, &info, values, 0, title) != TV_OK)
    stream->doubt = tv_arena_copy(&file->list.arena, tv_last_error());
  stream->type = stream->role == TV_ROLE_STATES ? TV_INT32 : info.type;
  stream->ratio = info.ratio;
  memcpy(stream->chunk, info.chunk, sizeof stream->chunk);
  stream->values = stream->entries = info.size[0];
  stream->shape.rank = info.rank - 1;
  stream->pieces = 1;
  for (int a = 1; a < info.rank; ++a) {
    stream->shape.size[a - 1] = (size_t)info.size[a];
    const hsize_t chunk = info.chunk[a] ? info.chunk[a] : 1;
    const hsize_t along = info.size[a] / chunk + (info.size[a] % chunk != 0);
    stream->pieces =
      along && stream->pieces > UINT64_MAX / along ? UINT64_MAX : stream->pieces * along;
  }
  return TV_OK;
}

/* A stream's datasets and their sizes; nothing of it is read yet. */
static int list_datasets(tv_run_file *file, tv_run_stream *stream, hid_t group)
{
  tv_children children;
  hid_t values = -1;
  if (H5Iget_type(group) != H5I_GROUP)
    return tv_run_file_fail(file, "%s is not a group", stream->name);
  int status = tv_list_children(&children, file, group, stream->name);
  if (status == TV_OK)
    status = tv_open_listed(
      &values, file, group, tv_find_child(&children, "values"), "values", stream->name);
  if (status == TV_OK)
    status = list_values(file, stream, values);
  tv_close_id(&values);
  stream->has_samples = tv_find_child(&children, "samples") != NULL;
  stream->has_checks = file->version > 1 && tv_find_child(&children, "checks") != NULL;
  if (status == TV_OK)
    status = list_entries(file, stream, group, &children, "steps", &stream->steps);
  if (status == TV_OK && stream->has_samples)
    status = list_entries(file, stream, group, &children, "samples", &stream->samples);
  if (status == TV_OK && stream->has_checks)
    status = list_entries(file, stream, group, &children, "checks", NULL);
  tv_free_children(&children);
  return status;
}

int tv_list_stream(tv_run_file *file, tv_run_stream *stream, hid_t group)
{
  char *axes;
  tv_shape shape;
  int status = list_datasets(file, stream, group);
  if (status != TV_OK || stream->role == TV_ROLE_SCALARS)
    return status;
  if (stream->role == TV_ROLE_STATES)
    return stream->shape.rank == 1 && stream->shape.size[0] >= 1 && stream->shape.size[0] <= INT_MAX
             ? TV_OK
             : tv_run_file_fail(file, "values of %s has the wrong number of axes", stream->name);
  if (stream->role == TV_ROLE_REQUESTS)
    return stream->shape.rank == 1 && stream->shape.size[0] >= 1 &&
               stream->shape.size[0] <= MOST_TEXT && stream->type == TV_UINT8
             ? TV_OK
             : tv_run_file_fail(
                 file, "values of %s is no text of 1 to %d bytes", stream->name, MOST_TEXT);
  status = tv_read_text(&axes, file, group, "axes", stream->name);
  if (status != TV_OK)
    return status;
  if ((size_t)stream->shape.rank != strlen(axes))
    status = tv_run_file_fail(file,
      "values of %s has %d axes beside time, and its axes \"%.32s\" name %zu", stream->name,
      stream->shape.rank, axes, strlen(axes));
  else if (tv_shape_make(&shape, axes, stream->shape.size) != TV_OK)
    status = tv_run_file_fail(file, "%s: %s", stream->name, tv_last_error());
  else
    stream->shape = shape;
  free(axes);
  return status;
}
