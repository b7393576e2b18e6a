/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps and samples of the records of a stream. */
#include "run_hdf5.h"

#include "status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int tv_read_list(int64_t *list, hid_t dataset, uint64_t first, uint64_t count)
{
  const hsize_t start = first, size = count;
  return tv_read_box(list, dataset, H5T_NATIVE_INT64, 1, &start, &size);
}

int tv_fits_records(tv_run_file *file, const tv_run_stream *stream)
{
  char title[TV_RUN_TITLE + 32];
  if (stream->doubt)
    return tv_fail(TV_ERROR_FORMAT, "%s", stream->doubt);
  snprintf(title, sizeof title, "values of %s", stream->name);
  double bytes = (double)tv_type_size(stream->type) * (double)stream->complete;
  for (int a = 0; a < stream->shape.rank; ++a)
    bytes *= (double)stream->shape.size[a];
  return tv_check_room(file, bytes, stream->ratio, title);
}

/* Opens steps or samples. */
static int open_list(hid_t *dataset, tv_dataset *info, tv_run_file *file,
  const tv_run_stream *stream, const char *name, char title[TV_RUN_TITLE + 32])
{
  char path[2048];
  snprintf(path, sizeof path, "%s/%s", stream->path, name);
  snprintf(title, TV_RUN_TITLE + 32, "%s of %s", name, stream->name);
  int status = tv_open_path(dataset, file, path, title, 0);
  if (status == TV_OK)
    status = tv_look_at(info, file, *dataset, title, TV_NUMBERS_INTEGERS);
  if (status == TV_OK && info->rank < 1)
    status = tv_run_file_fail(file, "%s has the wrong number of axes", title);
  return status;
}

/* As much of a list as can be read, chunk by chunk. */
static int load_list(int64_t **list, tv_run_file *file, tv_run_stream *stream, const char *name)
{
  char title[TV_RUN_TITLE + 32];
  tv_dataset info;
  hid_t dataset;
  const size_t wanted = stream->complete;
  size_t done = 0;
  int status = open_list(&dataset, &info, file, stream, name, title);
  if (status == TV_OK)
    status = tv_check_fits(file, &info, dataset, (double)wanted * 8, title);
  if (status == TV_OK && !(*list = malloc(wanted * sizeof **list)))
    status = tv_run_file_fail(file, "there is not enough memory to read %s", title);
  while (status == TV_OK && done < wanted) {
    const size_t chunk = info.chunk[0] ? (size_t)info.chunk[0] : 1;
    const size_t count = wanted - done < chunk ? wanted - done : chunk;
    if (tv_read_list(*list + done, dataset, done, count) == 0)
      done += count;
    else
      status = tv_run_file_fail(
        file, "%s cannot be read from record %zu on; %s", title, done, tv_box_reason());
  }
  tv_close_id(&dataset);
  stream->complete = done;
  return status;
}

int tv_load_entries(tv_run_file *file, tv_run_stream *stream)
{
  int status = TV_OK;
  char sentence[1024];
  if (!stream->steps && stream->complete > 0)
    status = load_list(&stream->steps, file, stream, "steps");
  if (!stream->has_samples || stream->samples || stream->complete == 0)
    return status;
  snprintf(sentence, sizeof sentence, "%s", tv_last_error());
  const int second = load_list(&stream->samples, file, stream, "samples");
  if (second != TV_OK)
    return second;
  return status == TV_OK ? TV_OK : tv_fail((tv_status)status, "%s", sentence);
}

void tv_count_entries(tv_run_file *file, tv_run_stream *stream)
{
  static const char *const names[] = {"values", "steps", "samples", "checks"};
  uint64_t least = UINT64_MAX;
  for (int k = 0; k < 4; ++k) {
    char path[2048];
    hid_t dataset;
    hsize_t size[TV_DATASET_RANK] = {0};
    if ((k == 2 && !stream->has_samples) || (k == 3 && !stream->has_checks))
      continue;
    snprintf(path, sizeof path, "%s/%s", stream->path, names[k]);
    if (tv_open_path(&dataset, file, path, stream->name, 0) != TV_OK)
      return;
    hid_t space = H5Iget_type(dataset) == H5I_DATASET ? H5Dget_space(dataset) : -1;
    const int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
    if (rank > 0 && rank <= TV_DATASET_RANK)
      H5Sget_simple_extent_dims(space, size, NULL);
    tv_close_id(&space);
    tv_close_id(&dataset);
    least = size[0] < least ? size[0] : least;
    if (k == 0)
      stream->values = size[0];
  }
  stream->entries = least;
}

/* More of a list, and the last that is known once more: it must not have changed. */
static int add_list(
  int64_t **list, tv_run_file *file, const tv_run_stream *stream, const char *name, size_t complete)
{
  char title[TV_RUN_TITLE + 32];
  tv_dataset info;
  hid_t dataset;
  const size_t from = stream->complete ? stream->complete - 1 : 0;
  const int64_t known = stream->complete ? (*list)[from] : 0;
  int status = open_list(&dataset, &info, file, stream, name, title);
  if (status == TV_OK)
    status = tv_check_fits(file, &info, dataset, (double)complete * 8, title);
  if (status == TV_OK) {
    int64_t *longer = realloc(*list, complete * sizeof **list);
    if (longer)
      *list = longer;
    else
      status = tv_run_file_fail(file, "there is not enough memory to read %s", title);
  }
  if (status == TV_OK && tv_read_list(*list + from, dataset, from, complete - from) != 0)
    status = tv_run_file_fail(file, "%s cannot be read; %s", title, tv_box_reason());
  tv_close_id(&dataset);
  if (status == TV_OK && stream->complete && (*list)[from] != known)
    status = tv_run_file_fail(file, "%s has changed", title);
  return status;
}

int tv_add_entries(tv_run_file *file, tv_run_stream *stream, size_t complete)
{
  int status = add_list(&stream->steps, file, stream, "steps", complete);
  if (status == TV_OK && stream->has_samples)
    status = add_list(&stream->samples, file, stream, "samples", complete);
  for (size_t k = stream->complete ? stream->complete : 0; k < complete && status == TV_OK; ++k)
    if (stream->steps[k] < 0 || (k > 0 && stream->steps[k] <= stream->steps[k - 1]))
      status = tv_run_file_fail(file, "steps of %s are not increasing", stream->name);
  if (status == TV_OK)
    stream->complete = complete;
  return status == TV_OK ? tv_fits_records(file, stream) : status;
}
