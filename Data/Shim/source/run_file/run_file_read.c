/* SPDX-License-Identifier: BSD-3-Clause */
/* Values of records. What is read was checked when the file was opened; sizes are checked once more,
 * because a file may have changed since. */
#include "run_hdf5.h"

#include "hdf5_objects.h"
#include "status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PIECE_BYTES ((size_t)16 << 20) /* between two calls of a progress function */

int tv_open_values(
  hid_t *dataset, const tv_run_file *file, const tv_run_stream *stream, size_t cache)
{
  char path[2048];
  hsize_t size[TV_DATASET_RANK];
  snprintf(path, sizeof path, "%s/values", stream->path);
  const int status = tv_open_path(dataset, file, path, stream->name, cache);
  if (status != TV_OK)
    return status;
  hid_t space = H5Iget_type(*dataset) == H5I_DATASET ? H5Dget_space(*dataset) : -1;
  int same = space >= 0 && H5Sget_simple_extent_ndims(space) == 1 + stream->shape.rank &&
             H5Sget_simple_extent_dims(space, size, NULL) >= 0 && size[0] >= stream->complete;
  for (int a = 0; a < stream->shape.rank && same; ++a)
    same = size[1 + a] == stream->shape.size[a];
  tv_close_id(&space);
  if (same)
    return TV_OK;
  tv_close_id(dataset);
  return tv_run_file_fail(
    file, "values of %s has changed its size since it was opened; reload it", stream->name);
}

int tv_read_records(tv_run_file *file, hid_t *dataset, const tv_run_stream *stream, size_t first,
  size_t records, const size_t *start, const size_t *count, size_t cache, void *result)
{
  hsize_t from[TV_DATASET_RANK] = {first}, size[TV_DATASET_RANK] = {records};
  for (int a = 0; a < stream->shape.rank; ++a) {
    from[1 + a] = start[a];
    size[1 + a] = count[a];
  }
  const hid_t type = stream->role == TV_ROLE_STATES    ? H5T_NATIVE_INT32
                     : stream->role == TV_ROLE_SCALARS ? H5T_NATIVE_DOUBLE
                                                       : H5I_INVALID_HID;
  for (int attempt = 0;; ++attempt) {
    if (tv_read_box(result, *dataset, type, 1 + stream->shape.rank, from, size) == 0)
      return TV_OK;
    const char *reason = tv_box_reason();
    if (!file->live || attempt == 4)
      return tv_run_file_fail(file, "%s %zu of %s (step %lld) cannot be read; %s%s",
        records > 1 ? "a record from" : "record", first, stream->name,
        (long long)stream->steps[first], reason,
        file->live ? "; its writer was interrupted there, or is still writing" : "");
    const struct timespec pause = {0, (10L << attempt) * 1000000};
    nanosleep(&pause, NULL);
    tv_close_id(dataset);
    tv_run_file_rest(file);
    int status = tv_run_file_reopen(file);
    if (status == TV_OK)
      status = tv_open_values(dataset, file, stream, cache);
    if (status != TV_OK)
      return status;
  }
}

static size_t product(const size_t *sizes, int count)
{
  size_t result = 1;
  for (int k = 0; k < count; ++k)
    result *= sizes[k];
  return result;
}

/* A box of a record into memory, in pieces of whole chunks along its first axis. */
static int read_box(tv_run_file *file, hid_t *dataset, const tv_run_stream *stream, size_t record,
  const tv_run_checks *checks, const size_t *start, const size_t *count, char *result,
  const tv_execution *execution)
{
  const int rank = stream->shape.rank;
  if (rank == 0)
    return tv_read_verified(file, dataset, stream, record, checks, start, count, result);
  const size_t slice = product(count + 1, rank - 1) * tv_type_size(stream->type);
  const size_t chunk = stream->chunk[1] ? (size_t)stream->chunk[1] : 1;
  const size_t step = (PIECE_BYTES / slice / chunk + (PIECE_BYTES / slice < chunk)) * chunk;
  size_t part_start[TV_RANK], part_count[TV_RANK];
  memcpy(part_start, start, (size_t)rank * sizeof *start);
  memcpy(part_count, count, (size_t)rank * sizeof *count);
  for (size_t begin = start[0], end; begin < start[0] + count[0]; begin = end) {
    end = (begin / step + 1) * step;
    end = end < start[0] + count[0] ? end : start[0] + count[0];
    part_start[0] = begin;
    part_count[0] = end - begin;
    int status = tv_read_verified(file, dataset, stream, record, checks, part_start, part_count,
      result + (begin - start[0]) * slice);
    if (status == TV_OK)
      status =
        tv_source_progress(execution, (double)(end - start[0]) / (double)count[0], stream->name);
    if (status != TV_OK)
      return status;
  }
  return TV_OK;
}

/* Opens what a record is read from. */
static int open_record(hid_t *dataset, tv_run_checks *checks, tv_run_file *file,
  const tv_run_stream *stream, size_t record)
{
  *dataset = -1;
  int status = tv_read_checks(checks, file, stream, record, 1);
  if (status == TV_OK)
    status = tv_open_values(dataset, file, stream, 0);
  if (status != TV_OK)
    tv_free_checks(checks);
  return status;
}

int tv_run_file_read(tv_run_file *file, const tv_run_stream *stream, size_t record, void *result)
{
  static const size_t origin[TV_RANK] = {0};
  hid_t dataset;
  tv_run_checks checks;
  int status = open_record(&dataset, &checks, file, stream, record);
  if (status == TV_OK)
    status =
      read_box(file, &dataset, stream, record, &checks, origin, stream->shape.size, result, NULL);
  tv_close_id(&dataset);
  tv_free_checks(&checks);
  return status;
}

/* A range of filters, read and converted as a whole. */
static int read_range(tv_run_file *file, hid_t *dataset, const tv_run_stream *stream, size_t record,
  const tv_run_checks *checks, const tv_layout *layout, size_t first, size_t count, char *result,
  const tv_execution *execution)
{
  tv_layout part;
  size_t start[TV_RANK], skip;
  int status = tv_layout_part(layout, first, count, start, &part, &skip);
  if (status != TV_OK)
    return status;
  const size_t total = layout->matrix ? layout->windows.rows : layout->windows.filters;
  const size_t elements = layout->elements / total * count;
  if (tv_layout_direct(&part, stream->type) && skip == 0 && part.elements == elements)
    return read_box(
      file, dataset, stream, record, checks, start, part.shape.size, result, execution);
  char *box = malloc(part.elements * tv_type_size(stream->type));
  if (!box)
    return tv_run_file_fail(file, "there is not enough memory to read %s", stream->name);
  status = read_box(file, dataset, stream, record, checks, start, part.shape.size, box, execution);
  if (status == TV_OK)
    status =
      tv_layout_convert_elements(result, &part, stream->type, box, skip, elements, execution);
  free(box);
  return status;
}

/* Where the file has filters one after the other, as the result does, they are read and converted
 * some at a time, of whole chunks: how many. Otherwise all. */
static size_t filters_at_once(const tv_run_stream *stream, const tv_layout *layout)
{
  const size_t total = layout->matrix ? layout->windows.rows : layout->windows.filters;
  if (layout->leading < 1 || layout->order[0] != 0 || tv_layout_direct(layout, stream->type))
    return total;
  const size_t unit =
    total / layout->shape.size[0] * (stream->chunk[1] ? (size_t)stream->chunk[1] : 1);
  const size_t bytes = layout->elements / total * tv_type_size(stream->type);
  const size_t wanted = PIECE_BYTES / bytes;
  return wanted < unit ? unit : wanted / unit * unit;
}

int tv_run_file_windows(tv_run_file *file, const tv_run_stream *stream, size_t record,
  const tv_layout *layout, size_t first, size_t count, void *result, const tv_execution *execution)
{
  const size_t total = layout->matrix ? layout->windows.rows : layout->windows.filters;
  const size_t bytes = layout->elements / total * tv_layout_result_size(stream->type);
  const size_t step = filters_at_once(stream, layout);
  const int whole = step >= total;
  tv_execution quiet = execution ? *execution : (tv_execution){1, NULL, NULL};
  quiet.progress = NULL;
  hid_t dataset;
  tv_run_checks checks;
  int status = open_record(&dataset, &checks, file, stream, record);
  for (size_t begin = first, end; begin < first + count && status == TV_OK; begin = end) {
    end = whole ? first + count : (begin / step + 1) * step;
    end = end < first + count ? end : first + count;
    status = read_range(file, &dataset, stream, record, &checks, layout, begin, end - begin,
      (char *)result + (begin - first) * bytes, whole ? execution : &quiet);
    if (status == TV_OK && !whole)
      status = tv_source_progress(execution, (double)(end - first) / (double)count, stream->name);
  }
  tv_close_id(&dataset);
  tv_free_checks(&checks);
  return status;
}

/* Some whole records of scalars or states, which are small, or one of any stream. */
static int read_rows(tv_run_file *file, hid_t *dataset, const tv_run_stream *stream, size_t first,
  size_t count, void *result, size_t number)
{
  static const size_t origin[TV_RANK] = {0};
  tv_run_checks checks;
  int status = tv_read_checks(&checks, file, stream, first, count);
  if (status == TV_OK)
    status =
      tv_read_records(file, dataset, stream, first, count, origin, stream->shape.size, 0, result);
  const size_t bytes = stream->shape.size[0] * number;
  for (size_t k = 0; k < count && status == TV_OK; ++k)
    status = tv_verify_box(file, stream, &checks, first + k, origin, stream->shape.size,
      (const char *)result + k * bytes);
  tv_free_checks(&checks);
  return status;
}

int tv_run_file_try(tv_run_file *file, const tv_run_stream *stream, size_t record)
{
  const size_t values = product(stream->shape.size, stream->shape.rank);
  hid_t dataset;
  int status = tv_fits_records(file, stream);
  if (status == TV_OK)
    status = tv_open_values(&dataset, file, stream, 0);
  if (status != TV_OK)
    return status;
  double *result = malloc((values + 1) * sizeof *result); /* numbers of any type */
  status = result ? read_rows(file, &dataset, stream, record, 1, result, sizeof *result)
                  : tv_run_file_fail(file, "there is not enough memory to read %s", stream->name);
  free(result);
  tv_close_id(&dataset);
  return status;
}

int tv_run_file_scalars(tv_run_file *file, size_t first, size_t count, double *result)
{
  const tv_run_stream *stream = file->scalars;
  const size_t width = file->scalar_count;
  char sentence[1024];
  hid_t dataset;
  int failure = TV_OK;
  int status = tv_open_values(&dataset, file, stream, 0);
  if (status == TV_OK &&
      (status = read_rows(file, &dataset, stream, first, count, result, sizeof *result)) != TV_OK) {
    /* Which of them is it? What cannot be read costs its own records. */
    for (size_t k = 0; k < count; ++k) {
      status = dataset < 0 ? tv_open_values(&dataset, file, stream, 0) : TV_OK;
      if (status == TV_OK)
        status =
          read_rows(file, &dataset, stream, first + k, 1, result + k * width, sizeof *result);
      if (status != TV_OK && failure == TV_OK)
        snprintf(sentence, sizeof sentence, "%s", tv_last_error());
      if (status != TV_OK) {
        failure = status;
        for (size_t c = 0; c < width; ++c)
          result[k * width + c] = (double)NAN;
      }
    }
    status = failure == TV_OK ? TV_OK : tv_fail((tv_status)failure, "%s", sentence);
  }
  tv_close_id(&dataset);
  return status;
}

int tv_run_file_request(
  tv_run_file *file, const tv_run_stream *stream, size_t record, char *text, size_t size)
{
  hid_t dataset;
  const size_t length = stream->shape.size[0];
  char *row = malloc(length);
  if (!row)
    return tv_run_file_fail(file, "there is not enough memory to read it");
  int status = tv_open_values(&dataset, file, stream, 0);
  if (status == TV_OK)
    status = read_rows(file, &dataset, stream, record, 1, row, 1);
  tv_close_id(&dataset);
  if (status == TV_OK) {
    const size_t most = length < size - 1 ? length : size - 1;
    const size_t used = strnlen(row, most);
    for (size_t k = 0; k < used; ++k) /* it is going to be shown */
      text[k] = row[k] != '\n' && ((unsigned char)row[k] < 0x20 || row[k] == 0x7f) ? ' ' : row[k];
    text[used] = 0;
  }
  free(row);
  return status;
}

int tv_run_file_states(
  tv_run_file *file, const tv_run_stream *stream, size_t record, int32_t *result)
{
  hid_t dataset;
  int status = tv_open_values(&dataset, file, stream, 0);
  if (status == TV_OK)
    status = read_rows(file, &dataset, stream, record, 1, result, sizeof *result);
  tv_close_id(&dataset);
  const size_t filters = stream->shape.size[0];
  for (size_t k = 0; k < filters && status == TV_OK; ++k)
    if (result[k] < TV_FILTER_DEAD || (result[k] >= 0 && (size_t)result[k] >= filters))
      status = tv_run_file_fail(file,
        "record %zu of %s (step %lld) has the state %d, which means nothing for one of %zu filters",
        record, stream->name, (long long)stream->steps[record], (int)result[k], filters);
  return status;
}
