/* SPDX-License-Identifier: BSD-3-Clause */
#include "file_stream.h"

#include "hdf5_objects.h"

#include <stdlib.h>
#include <string.h>

/* Rows of 8 bytes in a chunk of steps, samples or checks: an eighth of what values have, for most
 * streams are of few records. */
enum
{
  LEAST_ROWS = 32,
  MOST_ROWS = 512
};

const char *tv_stream_path(char *path, size_t *length, const char *layer, const char *kind)
{
  static const char digits[] = "0123456789ABCDEF";
  const int dots = strcmp(layer, ".") == 0 || strcmp(layer, "..") == 0;
  char *to = stpcpy(path, "/layers/");
  const char *begin = to;
  for (const char *from = layer; *from; ++from) {
    if (*from == '%' || *from == '/' || dots) {
      *to++ = '%';
      *to++ = digits[(unsigned char)*from >> 4];
      *to++ = digits[*from & 15];
    } else
      *to++ = *from;
  }
  *length = (size_t)(to - begin);
  *to++ = '/';
  strcpy(to, kind);
  return begin;
}

void tv_file_stream_clear(tv_file_stream *stream)
{
  memset(stream, 0, sizeof *stream);
  stream->values.dataset = stream->steps.dataset = stream->samples.dataset =
    stream->checks.dataset = -1;
}

int tv_file_stream_create(tv_file_stream *stream, hid_t group, tv_type type, const tv_shape *shape,
  int has_samples, size_t budget, tv_disk *disk)
{
  const hid_t number = tv_number_type(type);
  const tv_record_layout values = {number, shape->rank, shape->size, budget, has_samples};
  if (number < 0)
    return -1;
  int status = tv_record_dataset_create(&stream->values, group, "values", &values, disk);
  H5Tclose(number);
  if (status < 0)
    return status;
  size_t rows = budget / 8 / sizeof(int64_t);
  rows = rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
  const tv_record_layout steps = {H5T_STD_I64LE, 0, NULL, rows * sizeof(int64_t), 0};
  const size_t pieces = stream->values.pieces;
  const tv_record_layout checks = {
    H5T_STD_U64LE, 1, &pieces, rows * sizeof(uint64_t) * (pieces < 8 ? pieces : 8), 0};
  status = tv_record_dataset_create(&stream->steps, group, "steps", &steps, disk);
  stream->has_samples = has_samples;
  if (status >= 0 && has_samples)
    status = tv_record_dataset_create(&stream->samples, group, "samples", &steps, disk);
  if (status >= 0) {
    stream->row_checks = malloc(pieces * sizeof *stream->row_checks);
    status = stream->row_checks
               ? tv_record_dataset_create(&stream->checks, group, "checks", &checks, disk)
               : -1;
  }
  return status;
}

static int append(
  tv_file_stream *stream, int64_t step, int64_t samples, const void *row, int *begun)
{
  const tv_place place = {
    stream->path, strlen(stream->path), (int64_t)stream->values.rows, step, samples};
  uint64_t *checks = stream->row_checks;
  if (tv_record_dataset_append(&stream->values, row, &place, checks, begun) < 0 ||
      tv_record_dataset_append(&stream->steps, &step, NULL, NULL, begun) < 0 ||
      (stream->has_samples &&
        tv_record_dataset_append(&stream->samples, &samples, NULL, NULL, begun) < 0) ||
      (checks && tv_record_dataset_append(&stream->checks, checks, NULL, NULL, begun) < 0))
    return -1;
  return 0;
}

int tv_file_stream_append(
  tv_file_stream *stream, int64_t step, int64_t samples, const void *row, int *begun)
{
  /* First: row may be the stream's own memory, which is given away. */
  const float *block = stream->ranges ? tv_ranges_add(stream->ranges, row) : NULL;
  const int status = append(stream, step, samples, row, begun);
  return status == 0 && block && stream->blocks
           ? append(stream->blocks, step, TV_RANGES_RECORDS, block, begun)
           : status;
}

int tv_file_stream_store(tv_file_stream *stream, int *begun)
{
  if (tv_record_dataset_store(&stream->values, begun) < 0 ||
      tv_record_dataset_store(&stream->steps, begun) < 0 ||
      (stream->has_samples && tv_record_dataset_store(&stream->samples, begun) < 0) ||
      (stream->row_checks && tv_record_dataset_store(&stream->checks, begun) < 0))
    return -1;
  return 0;
}

int tv_file_stream_finish(tv_file_stream *stream)
{
  if (tv_record_dataset_finish(&stream->values) < 0 ||
      tv_record_dataset_finish(&stream->steps) < 0 ||
      (stream->has_samples && tv_record_dataset_finish(&stream->samples) < 0) ||
      (stream->row_checks && tv_record_dataset_finish(&stream->checks) < 0))
    return -1;
  return 0;
}

void tv_file_stream_free(tv_file_stream *stream)
{
  tv_record_dataset_free(&stream->values);
  tv_record_dataset_free(&stream->steps);
  tv_record_dataset_free(&stream->samples);
  tv_record_dataset_free(&stream->checks);
  free(stream->row_checks);
  tv_ranges_free(stream->ranges);
  stream->row_checks = NULL;
  stream->ranges = NULL;
}
