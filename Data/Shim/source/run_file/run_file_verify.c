/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of pieces: a record is what was written, at its place, or it is not shown. */
#include "run_hdf5.h"
#include "run_sums.h"

#include "hdf5_objects.h"
#include "status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tv_read_checks(tv_run_checks *checks, tv_run_file *file, const tv_run_stream *stream,
  size_t first, size_t records)
{
  char path[2048], title[TV_RUN_TITLE + 32];
  tv_dataset info;
  hid_t dataset;
  memset(checks, 0, sizeof *checks);
  if (!stream->has_checks || records == 0)
    return TV_OK;
  snprintf(path, sizeof path, "%s/checks", stream->path);
  snprintf(title, sizeof title, "checks of %s", stream->name);
  int status = tv_open_path(&dataset, file, path, title, 0);
  if (status == TV_OK)
    status = tv_look_at(&info, file, dataset, title, TV_NUMBERS_INTEGERS);
  if (status == TV_OK && (info.rank != 2 || info.size[1] != stream->pieces))
    status =
      tv_run_file_fail(file, "%s has changed its size since it was opened; reload it", title);
  if (status == TV_OK)
    status =
      tv_check_fits(file, &info, dataset, (double)records * (double)stream->pieces * 8, title);
  if (status == TV_OK && !(checks->sums = malloc(records * stream->pieces * 8)))
    status = tv_run_file_fail(file, "there is not enough memory to read %s", title);
  const hsize_t start[2] = {first, 0}, count[2] = {records, stream->pieces};
  if (status == TV_OK &&
      tv_read_box(checks->sums, dataset, H5T_NATIVE_UINT64, 2, start, count) != 0)
    status = tv_run_file_fail(file, "%s cannot be read; %s", title, tv_box_reason());
  tv_close_id(&dataset);
  checks->first = first;
  checks->records = records;
  if (status != TV_OK)
    tv_free_checks(checks);
  return status;
}

void tv_free_checks(tv_run_checks *checks)
{
  free(checks->sums);
  checks->sums = NULL;
}

static size_t chunk_along(const tv_run_stream *stream, int axis)
{
  const hsize_t chunk = stream->chunk[1 + axis];
  return chunk && chunk < stream->shape.size[axis] ? (size_t)chunk : stream->shape.size[axis];
}

void tv_whole_pieces(const tv_run_stream *stream, size_t *start, size_t *count)
{
  for (int a = 0; a < stream->shape.rank; ++a) {
    const size_t chunk = chunk_along(stream, a), size = stream->shape.size[a];
    const size_t from = start[a] / chunk * chunk;
    const size_t last = (start[a] + count[a] - 1) / chunk; /* chunk */
    const size_t end = last >= size / chunk ? size : (last + 1) * chunk;
    start[a] = from;
    count[a] = end - from;
  }
}

/* One piece, which begins at so many elements of the record on each axis: where it stands in the box,
 * and its lines. */
static uint64_t piece_sum(const tv_run_stream *stream, const size_t *at, const size_t *start,
  const size_t *count, const char *values, uint64_t seed)
{
  const int rank = stream->shape.rank;
  const size_t size = tv_type_size(stream->type);
  size_t lines[TV_RANK + 1], strides[TV_RANK + 1], offset = 0, stride = size;
  int merged = 0, used = 0;
  lines[0] = size; /* bytes of a line: as much of the piece as follows each other */
  for (int a = rank; a-- > 0;) {
    const size_t chunk = chunk_along(stream, a), rest = stream->shape.size[a] - at[a];
    const size_t length = chunk < rest ? chunk : rest;
    offset += (at[a] - start[a]) * stride;
    if (!merged)
      lines[0] *= length;
    else {
      ++used;
      lines[used] = length;
      strides[used] = stride;
    }
    merged = merged || length != count[a];
    stride *= count[a];
  }
  if (used == 0)
    return tv_piece_sum(values + offset, lines[0], seed);
  for (int a = 0; a < (used + 1) / 2; ++a) { /* slowest first */
    const size_t line = lines[a], step = a ? strides[a] : 0;
    lines[a] = lines[used - a];
    strides[a] = strides[used - a];
    lines[used - a] = line;
    strides[used - a] = step;
  }
  return tv_lines_sum(values + offset, used + 1, lines, strides, seed);
}

int tv_verify_box(const tv_run_file *file, const tv_run_stream *stream, const tv_run_checks *checks,
  size_t record, const size_t *start, const size_t *count, const void *values)
{
  const int rank = stream->shape.rank;
  size_t at[TV_RANK];
  if (!checks->sums)
    return TV_OK;
  const uint64_t *sums = checks->sums + (record - checks->first) * stream->pieces;
  const int64_t step = stream->steps[record];
  const int64_t samples = stream->samples ? stream->samples[record] : 0;
  memcpy(at, start, sizeof at);
  for (int more = 1; more;) {
    uint64_t piece = 0;
    for (int a = 0; a < rank; ++a) {
      const size_t chunk = chunk_along(stream, a);
      piece = piece * ((stream->shape.size[a] + chunk - 1) / chunk) + at[a] / chunk;
    }
    const uint64_t seed =
      tv_piece_seed(stream->path, (int64_t)record, (int64_t)piece, step, samples);
    if (piece_sum(stream, at, start, count, values, seed) != sums[piece])
      return tv_run_file_fail(file,
        "record %zu (step %lld) of %s does not match its check, so the file is damaged there",
        record, (long long)step, stream->name);
    more = 0;
    for (int a = rank; a-- > 0 && !more;) { /* the next piece of the box, in C order */
      at[a] += chunk_along(stream, a);
      more = at[a] < start[a] + count[a];
      if (!more)
        at[a] = start[a];
    }
  }
  return TV_OK;
}

/* A box out of a larger one around it. */
static void copy_box(char *to, const char *from, int rank, const size_t *offset,
  const size_t *count, const size_t *whole, size_t size)
{
  size_t inner = size, outer = 1;
  if (rank == 0) {
    memcpy(to, from, size);
    return;
  }
  for (int a = 1; a < rank; ++a) {
    inner *= whole[a];
    outer *= count[a];
  }
  for (size_t k = 0; k < count[0]; ++k)
    copy_box(to + k * outer * size, from + (offset[0] + k) * inner, rank - 1, offset + 1, count + 1,
      whole + 1, size);
}

int tv_read_verified(tv_run_file *file, hid_t *dataset, const tv_run_stream *stream, size_t record,
  const tv_run_checks *checks, const size_t *start, const size_t *count, void *result)
{
  const int rank = stream->shape.rank;
  size_t from[TV_RANK], whole[TV_RANK], offset[TV_RANK], bytes = tv_type_size(stream->type);
  memcpy(from, start, (size_t)rank * sizeof *from);
  memcpy(whole, count, (size_t)rank * sizeof *whole);
  if (checks->sums)
    tv_whole_pieces(stream, from, whole);
  int same = 1;
  for (int a = 0; a < rank; ++a) {
    offset[a] = start[a] - from[a];
    bytes *= whole[a];
    same = same && whole[a] == count[a];
  }
  void *box = same ? result : malloc(bytes);
  if (!box)
    return tv_run_file_fail(file, "there is not enough memory to read %s", stream->name);
  int status = tv_read_records(file, dataset, stream, record, 1, from, whole, 0, box);
  if (status == TV_OK)
    status = tv_verify_box(file, stream, checks, record, from, whole, box);
  if (!same) {
    if (status == TV_OK)
      copy_box(result, box, rank, offset, count, whole, tv_type_size(stream->type));
    free(box);
  }
  return status;
}
