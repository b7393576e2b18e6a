/* SPDX-License-Identifier: BSD-3-Clause */
/* How much of a run file is whole: /complete, and the steps and samples of each stream. */
#include "run_hdf5.h"
#include "run_sums.h"

#include "status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  TOGETHER = 64 /* rows that are read at once, from the end: the last one nearly always fits */
};

/* The width of /complete: the last step, a number for each stream, in version 2 a check. */
static size_t width_of(const tv_run_file *file)
{
  return 1 + file->column_count + (file->version > 1);
}

/* The streams in the attribute of /complete, as numbers of ours. */
static int find_columns(tv_run_file *file, hid_t table)
{
  char **paths;
  size_t count;
  tv_name_index index = {0};
  int status = tv_read_strings(&paths, &count, file, table, "streams", 1 << 16, "\"complete\"");
  if (status != TV_OK)
    return status;
  for (size_t k = 0; k < file->count && status == TV_OK; ++k)
    status = tv_name_index_add(&index, file->streams[k].path, k);
  file->columns = calloc(count + 1, sizeof *file->columns);
  file->column_count = count;
  for (size_t k = 0; k < count && status == TV_OK && file->columns; ++k) {
    char path[4112] = "/";
    snprintf(path + 1, sizeof path - 1, "%s", paths[k] + (paths[k][0] == '/'));
    file->columns[k] = tv_name_index_find(&index, path);
  }
  tv_name_index_free(&index);
  free(paths);
  return status == TV_OK && file->columns
           ? TV_OK
           : tv_run_file_fail(file, "there is not enough memory to read it");
}

static int open_table(hid_t *table, tv_dataset *info, tv_run_file *file)
{
  int status = tv_open_path(table, file, "/complete", "\"complete\"", 0);
  if (status == TV_OK)
    status = tv_look_at(info, file, *table, "\"complete\"", TV_NUMBERS_INTEGERS);
  if (status == TV_OK && !file->columns)
    status = find_columns(file, *table);
  if (status == TV_OK && (info->rank != 2 || info->size[1] != width_of(file)))
    status = tv_run_file_fail(file, "\"complete\" does not have one column for each stream");
  return status;
}

/* Whether a row says nothing that is impossible. Streams that were listed some time ago (again) are
 * asked for their sizes where they have grown. */
static int row_fits(tv_run_file *file, const int64_t *row, uint64_t number, int again)
{
  const size_t width = width_of(file);
  if (file->version > 1 && tv_row_sum(row, width - 1, number) != (uint64_t)row[width - 1])
    return 0;
  for (size_t k = 0; k < file->column_count; ++k) {
    if (row[1 + k] < 0)
      return 0;
    if (file->columns[k] == SIZE_MAX)
      continue;
    tv_run_stream *stream = &file->streams[file->columns[k]];
    if (stream->problem)
      continue;
    if ((uint64_t)row[1 + k] > stream->entries && again)
      tv_count_entries(file, stream);
    if ((uint64_t)row[1 + k] > stream->entries)
      return 0;
  }
  return 1;
}

static int is_zero(const int64_t *row, size_t width)
{
  for (size_t k = 0; k < width; ++k)
    if (row[k])
      return 0;
  return 1;
}

/* The last row that fits: 1 and *row, which the caller frees; 0 where there is none. */
static int find_row(int64_t **row, uint64_t *number, tv_run_file *file, hid_t table,
  const tv_dataset *info, int again)
{
  const hsize_t rows = info->size[0];
  const size_t width = width_of(file);
  int64_t *some = NULL;
  *row = NULL;
  for (hsize_t end = rows; end > 0;) {
    const hsize_t begin = end > TOGETHER ? end - TOGETHER : 0;
    const hsize_t start[2] = {begin, 0}, count[2] = {end - begin, width};
    if (tv_check_fits(file, info, table, (double)(count[0] * width) * 8, "\"complete\"") != TV_OK)
      break;
    if (!some && !(some = malloc(TOGETHER * width * sizeof *some))) {
      tv_run_file_fail(file, "there is not enough memory to read it");
      break;
    }
    if (tv_read_box(some, table, H5T_NATIVE_INT64, 2, start, count) < 0) {
      end = begin;
      if (file->end && end > 0)
        continue; /* what was cut off; before it there may be more */
      tv_run_file_fail(file, "\"complete\" cannot be read; %s", tv_box_reason());
      break;
    }
    for (hsize_t k = end - begin; k-- > 0;)
      if (row_fits(file, some + k * width, begin + k, again)) {
        memmove(some, some + k * width, width * sizeof *some);
        *row = some;
        *number = begin + k;
        return 1;
      }
    end = begin;
    if (end == 0) {
      free(some);
      return 0;
    }
  }
  free(some);
  return rows == 0 ? 0 : TV_ERROR_FORMAT;
}

static int has_entries(const tv_run_file *file)
{
  for (size_t k = 0; k < file->count; ++k)
    if (file->streams[k].entries > 0)
      return 1;
  return 0;
}

/* Every stream as it stands: as many records as all its datasets have. */
static void take_all(tv_run_file *file)
{
  for (size_t k = 0; k < file->count; ++k)
    file->streams[k].complete = file->streams[k].problem ? 0 : (size_t)file->streams[k].entries;
}

/* What /complete says, or, where it is no use, a note. */
static void take_complete(tv_run_file *file)
{
  static const char instead[] = "as many records of each tensor are shown as agree with its steps";
  hid_t table;
  tv_dataset info;
  int64_t *row = NULL;
  uint64_t number = 0;
  take_all(file);
  if (!file->has_complete || file->count == 0)
    return;
  int found = open_table(&table, &info, file);
  if (found == TV_OK)
    found = find_row(&row, &number, file, table, &info, 0);
  tv_close_id(&table);
  if (found <= 0 && file->end) {
    file->has_complete = 0;
    return;
  }
  if (found < 0) {
    tv_fail(TV_ERROR_FORMAT, "%s; %s", tv_last_error(), instead);
    tv_run_file_note_last(file);
    file->has_complete = 0;
    return;
  }
  file->rows = info.size[0];
  const int zeros = found && is_zero(row, width_of(file)) && has_entries(file);
  const int damaged = zeros || (!found && file->version > 1 && file->rows > 0);
  if (damaged) {
    tv_run_file_note(file, "\"complete\" is damaged: %s; %s",
      zeros ? "its last row is all zeros" : "none of its rows matches its check and the streams",
      instead);
    file->has_complete = 0;
  }
  const uint64_t passed = found ? file->rows - 1 - number : 0;
  /* where a writer was killed, or is at work, that is as it should be */
  if (passed && file->version > 1 && !file->live && !file->end)
    tv_run_file_note(file,
      "\"complete\" is damaged: its last rows (%llu) do not match their checks; what they say is "
      "complete is left out",
      (unsigned long long)passed);
  for (size_t k = 0; k < file->column_count && !damaged; ++k)
    if (file->columns[k] != SIZE_MAX) {
      tv_run_stream *stream = &file->streams[file->columns[k]];
      stream->complete = found && !stream->problem ? (size_t)row[1 + k] : 0;
    }
  free(row);
}

/* The first record whose step is not greater than the one before it. */
static size_t first_disorder(const tv_run_stream *stream)
{
  size_t k = 0;
  while (k < stream->complete && stream->steps[k] >= 0 &&
         (k == 0 || stream->steps[k] > stream->steps[k - 1]))
    ++k;
  return k;
}

/* Records of which steps and samples can be read and are in order; why they end there. */
static void take_steps(tv_run_file *file, tv_run_stream *stream, size_t *cut)
{
  const size_t wanted = stream->complete;
  char before[64] = "";
  if (stream->problem || wanted == 0) {
    stream->complete = 0;
    return;
  }
  if (tv_fits_records(file, stream) != TV_OK ||
      (tv_load_entries(file, stream) != TV_OK && stream->complete == 0)) {
    stream->problem = tv_arena_copy(&file->list.arena, tv_last_error());
    stream->complete = 0;
    return;
  }
  if (stream->complete < wanted && (*cut)++ == 0)
    tv_run_file_note_last(file);
  const size_t k = first_disorder(stream);
  if (k == stream->complete)
    return;
  if (k > 0)
    snprintf(before, sizeof before, " after step %lld", (long long)stream->steps[k - 1]);
  if ((*cut)++ == 0)
    tv_run_file_note(file,
      "steps of %s are not increasing: record %zu is step %lld%s; it and what follows is left out",
      stream->name, k, (long long)stream->steps[k], before);
  stream->complete = k;
}

/* Of a file that was cut off: entries become those that lie before. Writers write one record behind
 * the other, so that it is searched where they end; what does not keep to that order fails when it is
 * read. */
static void find_end(tv_run_file *file, tv_run_stream *stream)
{
  if (stream->problem)
    return;
  stream->complete = (size_t)stream->entries;
  if (tv_fits_records(file, stream) != TV_OK)
    return;
  tv_load_entries(file, stream); /* as many as there are */
  size_t whole = 0, end = stream->complete;
  while (whole < end) {
    const size_t middle = whole + (end - whole) / 2;
    if (tv_run_file_try(file, stream, middle) == TV_OK)
      whole = middle + 1;
    else
      end = middle;
  }
  stream->entries = whole;
}

static void find_ends(tv_run_file *file)
{
  file->checked = file->version > 1;
  for (size_t k = 0; k < file->count; ++k)
    file->checked = file->checked && (file->streams[k].problem || file->streams[k].has_checks);
  for (size_t k = 0; k < file->count; ++k)
    find_end(file, &file->streams[k]);
}

/* One sentence for all that is missing in a file that was cut off. */
static int tell_end(tv_run_file *file)
{
  const char *lost = NULL;
  size_t more = 0;
  int64_t last = -1;
  for (size_t k = 0; k < file->count; ++k) {
    const tv_run_stream *stream = &file->streams[k];
    if (stream->complete && stream->steps[stream->complete - 1] > last)
      last = stream->steps[stream->complete - 1];
    more += lost && stream->problem;
    lost = !lost && stream->problem ? stream->name : lost;
  }
  if (last < 0)
    return tv_run_file_fail(file, TV_CUT_OFF "; nothing in it is whole", file->end, file->size);
  if (!lost)
    tv_run_file_note(file, TV_CUT_OFF "; what is whole is shown, up to step %" PRId64, file->end,
      file->size, last);
  else
    tv_run_file_note(file,
      TV_CUT_OFF "; what is whole is shown, up to step %" PRId64
                 ", and nothing of %s and %zu other tensors",
      file->end, file->size, last, lost, more);
  return TV_OK;
}

int tv_run_file_read_complete(tv_run_file *file)
{
  size_t cut = 0;
  if (file->end)
    find_ends(file);
  take_complete(file);
  for (size_t k = 0; k < file->count; ++k)
    take_steps(file, &file->streams[k], &cut);
  if (cut > 1)
    tv_run_file_note(
      file, "%zu other tensors end before their last record in the same way", cut - 1);
  if (file->scalars && file->scalars->problem)
    file->scalars = NULL;
  if (file->requests && file->requests->problem)
    file->requests = NULL;
  return file->end ? tell_end(file) : TV_OK;
}

int tv_run_file_grow(tv_run_file *file, int *grew)
{
  hid_t table;
  tv_dataset info;
  int64_t *row = NULL;
  uint64_t number = 0;
  *grew = 0;
  int status = open_table(&table, &info, file);
  if (status == TV_OK)
    status = info.size[0] < file->rows ? -1 : find_row(&row, &number, file, table, &info, 1);
  tv_close_id(&table);
  for (size_t k = 0; k < file->column_count && status == 1; ++k) {
    if (file->columns[k] == SIZE_MAX || file->streams[file->columns[k]].problem)
      continue;
    tv_run_stream *stream = &file->streams[file->columns[k]];
    if ((uint64_t)row[1 + k] < stream->complete)
      status = -1;
    else if ((uint64_t)row[1 + k] > stream->complete) {
      status = tv_add_entries(file, stream, (size_t)row[1 + k]) == TV_OK ? 1 : -1;
      *grew = 1;
    }
  }
  free(row);
  if (status < 0)
    return TV_ERROR_FORMAT;
  file->rows = info.size[0];
  file->list.closed = !file->live;
  return TV_OK;
}
