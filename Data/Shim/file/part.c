/* SPDX-License-Identifier: BSD-3-Clause */
#include "part.h"

#include "disk_driver.h"
#include "file_stream.h"
#include "hdf5_objects.h"
#include "status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* What a chunk of values should have: few streams get long chunks, which are fast; hundreds of them
 * get short ones, for most are nearly empty, and each should cost less than 10 kB. */
#define BUDGET ((size_t)1048576)
#define LEAST_BUDGET ((size_t)2048)
#define MOST_BUDGET ((size_t)65536)
#define MOST_WITH_RANGES 4096           /* streams: beyond, those of ranges are left out */
#define COMPLETE_BUDGET ((size_t)16384) /* of a chunk of /complete, but for 4 rows */

struct tv_part
{
  char *path;
  tv_disk disk;
  hid_t driver, file, layers;
  tv_file_stream **streams; /* tensors and filter states, then the scalars */
  int count, capacity, layer_count;
  tv_record_dataset complete;
  int64_t *complete_row;
  int scalars; /* names of scalars */
  int listens; /* requests may come */
  tv_file_stream *requests;
  char said[TV_REQUEST_TEXT]; /* lines for the next step's end, 0 behind them */
  int64_t said_step;          /* of the last such record; -1: none */
  int sealed;                 /* single writer, multiple readers */
  int begun;                  /* HDF5 has metadata to flush */
  int durable;
  int failed;
  char failure[400];
  int64_t last_step;    /* complete */
  int64_t written_step; /* in /complete */
  double flush_seconds, last_flush;
};

static double now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int fail_part(tv_part *part, const char *what)
{
  if (!part->failed) {
    const char *reason = part->disk.error ? strerror(part->disk.error) : "HDF5 failed";
    part->failed = 1;
    snprintf(part->failure, sizeof part->failure,
      "\"%.200s\": cannot %s: %s; nothing more is written to it", part->path, what, reason);
    if (!part->disk.error)
      part->disk.error = EIO; /* from here on the driver swallows what HDF5 has left to write */
  }
  return tv_fail(TV_ERROR_FILE, "%s", part->failure);
}

/* What is to be returned after HDF5 said status: its word is not enough, the disk has another. */
static int check_part(tv_part *part, int status, const char *what)
{
  return status < 0 || part->disk.error ? fail_part(part, what) : TV_OK;
}

/* Room for one stream more. */
static tv_file_stream *add_stream(tv_part *part)
{
  if (part->count == part->capacity) {
    const int capacity = part->capacity ? 2 * part->capacity : 16;
    tv_file_stream **streams = realloc(part->streams, (size_t)capacity * sizeof *streams);
    if (!streams)
      return NULL;
    part->streams = streams;
    part->capacity = capacity;
  }
  tv_file_stream *stream = malloc(sizeof *stream);
  if (!stream)
    return NULL;
  tv_file_stream_clear(stream);
  return part->streams[part->count++] = stream;
}

static int declare_stream(tv_part *part, const tv_stream *given, size_t budget)
{
  tv_file_stream *stream = add_stream(part);
  char name[TV_PATH_LENGTH];
  size_t length;
  hid_t layer = -1;
  int status = 0;
  if (!stream)
    return -1;
  const char *begin = tv_stream_path(stream->path, &length, given->layer, given->kind);
  memcpy(name, begin, length);
  name[length] = 0;
  if (H5Lexists(part->layers, name, H5P_DEFAULT) > 0)
    layer = H5Gopen2(part->layers, name, H5P_DEFAULT);
  else {
    layer = tv_create_group(part->layers, name);
    status = layer < 0 ? -1 : tv_write_int(layer, "index", part->layer_count++);
  }
  const hid_t group = layer < 0 ? -1 : tv_create_group(layer, given->kind);
  if (group < 0 ||
      (given->tensor >= 0 && tv_write_strings(group, "axes", given->shape.axes, 0, -1) < 0) ||
      tv_file_stream_create(
        stream, group, given->type, &given->shape, given->batch.axis >= 0, budget, &part->disk) < 0)
    status = -1;
  H5Gclose(group);
  H5Gclose(layer);
  if (status == 0 && given->type == TV_FLOAT32 && given->batch.axis < 0 && given->shape.rank == 2 &&
      given->shape.size[1] == TV_MEASURES)
    stream->ranges = tv_ranges_create(given->kind, given->shape.size[0]);
  return status;
}

/* The stream of a stream's ranges, unless the trainer has declared one of that name. */
static int declare_ranges(tv_part *part, tv_file_stream *stream, size_t budget)
{
  char path[TV_PATH_LENGTH];
  const tv_shape shape = {
    2, TV_STATISTICS_AXES, {stream->values.extent[1], tv_ranges_columns(stream->ranges)}};
  stpcpy(stpcpy(path, stream->path), TV_RANGES_SUFFIX);
  if (part->count >= MOST_WITH_RANGES || H5Lexists(part->file, path, H5P_DEFAULT) > 0)
    return 0;
  stream->blocks = add_stream(part);
  const hid_t group = stream->blocks ? tv_create_group(part->file, path) : -1;
  if (group < 0)
    return -1;
  strcpy(stream->blocks->path, path);
  const int status =
    tv_write_strings(group, "axes", shape.axes, 0, -1) < 0
      ? -1
      : tv_file_stream_create(stream->blocks, group, TV_FLOAT32, &shape, 1, budget, &part->disk);
  return H5Gclose(group) < 0 ? -1 : status;
}

/* Of a chunk of values, where there are so many streams. */
static size_t budget_of(int count)
{
  const size_t budget = BUDGET / (size_t)(count + 1);
  return budget < LEAST_BUDGET ? LEAST_BUDGET : budget > MOST_BUDGET ? MOST_BUDGET : budget;
}

int tv_part_declare(tv_part *part, const tv_stream *streams, int first, int count)
{
  if (part->failed)
    return fail_part(part, "");
  const size_t budget = budget_of(count);
  const tv_hdf5_scope scope = tv_enter_hdf5();
  int status = 0;
  for (int s = first; s < count && status == 0; ++s)
    status = declare_stream(part, &streams[s], budget);
  tv_leave_hdf5(scope);
  return check_part(part, status, "declare its tensors");
}

int tv_part_sealed(const tv_part *part)
{
  return part->sealed;
}

int tv_part_scalars(const tv_part *part)
{
  return part->scalars;
}

static int declare_scalars(tv_part *part, const tv_scalars *scalars)
{
  const tv_shape shape = {1, "c", {(size_t)scalars->count}};
  tv_file_stream *stream = add_stream(part);
  const hid_t group = stream ? tv_create_group(part->file, "scalars") : -1;
  if (group < 0)
    return -1;
  strcpy(stream->path, "/scalars");
  part->scalars = scalars->count;
  const int status =
    tv_write_strings(group, "names", scalars->name[0], sizeof scalars->name[0], scalars->count) < 0
      ? -1
      : tv_file_stream_create(stream, group, TV_FLOAT64, &shape, 0, MOST_BUDGET / 4, &part->disk);
  return H5Gclose(group) < 0 ? -1 : status;
}

static int declare_requests(tv_part *part)
{
  const tv_shape shape = {1, "c", {sizeof part->said}};
  tv_file_stream *stream = add_stream(part);
  const hid_t group = stream ? tv_create_group(part->file, "requests") : -1;
  if (group < 0)
    return -1;
  strcpy(stream->path, "/requests");
  part->requests = stream;
  const int status =
    tv_file_stream_create(stream, group, TV_UINT8, &shape, 0, MOST_BUDGET / 4, &part->disk);
  return H5Gclose(group) < 0 ? -1 : status;
}

/* The paths of all streams as an attribute of /complete. */
static int name_streams(tv_part *part)
{
  size_t stride = 1;
  for (int s = 0; s < part->count; ++s) {
    const size_t length = strlen(part->streams[s]->path) + 1;
    stride = length > stride ? length : stride;
  }
  char *paths = calloc((size_t)part->count + 1, stride);
  if (!paths)
    return -1;
  for (int s = 0; s < part->count; ++s)
    strcpy(paths + (size_t)s * stride, part->streams[s]->path);
  const int status =
    tv_write_strings(part->complete.dataset, "streams", paths, stride, part->count);
  free(paths);
  return status;
}

/* The first step is complete: names of scalars are known, everything is declared. */
static int seal(tv_part *part, const tv_scalars *scalars)
{
  const int declared = part->count;
  for (int s = 0; s < declared; ++s)
    if (part->streams[s]->ranges && declare_ranges(part, part->streams[s], budget_of(declared)) < 0)
      return -1;
  if (part->listens && declare_requests(part) < 0)
    return -1;
  if (scalars->count > 0 && declare_scalars(part, scalars) < 0)
    return -1;
  const size_t columns = (size_t)part->count + 2;
  const size_t row = columns * sizeof(int64_t);
  const tv_record_layout layout = {
    H5T_STD_I64LE, 1, &columns, row > COMPLETE_BUDGET / 4 ? 4 * row : COMPLETE_BUDGET, 0};
  part->complete_row = calloc(columns, sizeof *part->complete_row);
  if (!part->complete_row ||
      tv_record_dataset_create(&part->complete, part->file, "complete", &layout, &part->disk) < 0 ||
      (part->count > 0 && name_streams(part) < 0))
    return -1;
  H5Gclose(part->layers);
  part->layers = -1;
  part->begun = 1;
  return H5Fstart_swmr_write(part->file);
}

/* Appends a row to /complete after everything that it speaks of. */
static int commit(tv_part *part)
{
  if (part->written_step == part->last_step)
    return 0;
  for (int s = 0; s < part->count; ++s)
    if (tv_file_stream_store(part->streams[s], &part->begun) < 0)
      return -1;
  if (part->begun && H5Fflush(part->file, H5F_SCOPE_LOCAL) < 0)
    return -1;
  part->begun = 0;
  if (part->durable)
    tv_disk_settle(&part->disk);
  if (part->disk.error)
    return -1;
  int64_t *row = part->complete_row;
  *row++ = part->last_step;
  for (int s = 0; s < part->count; ++s)
    *row++ = (int64_t)part->streams[s]->steps.rows;
  *row = tv_check_complete(
    (int64_t)part->complete.rows, part->complete_row, (size_t)(row - part->complete_row));
  part->written_step = part->last_step;
  int grown = 0;
  if (tv_record_dataset_append(&part->complete, part->complete_row, NULL, NULL, &grown) < 0 ||
      tv_record_dataset_store(&part->complete, &grown) < 0)
    return -1;
  if (grown && H5Dflush(part->complete.dataset) < 0)
    return -1;
  if (part->durable)
    tv_disk_settle(&part->disk);
  part->last_flush = now();
  return 0;
}

void *tv_part_row(tv_part *part, int stream)
{
  return part->failed ? NULL : tv_record_dataset_row(&part->streams[stream]->values);
}

int tv_part_record(tv_part *part, int stream, int64_t step, int64_t samples, const void *row)
{
  if (part->failed)
    return fail_part(part, "");
  const tv_hdf5_scope scope = tv_enter_hdf5();
  const int status = tv_file_stream_append(part->streams[stream], step, samples, row, &part->begun);
  tv_leave_hdf5(scope);
  return check_part(part, status, "write a tensor");
}

int tv_part_listens(const tv_part *part)
{
  return part->listens;
}

void tv_part_say(tv_part *part, const char *line)
{
  const size_t used = strlen(part->said);
  const size_t left = sizeof part->said - used;
  part->listens |= !part->sealed;
  if (part->listens && line[0] && left > 2)
    snprintf(part->said + used, left, "%s%s", used ? "\n" : "", line);
}

void tv_part_take_said(tv_part *part, char *said)
{
  memcpy(said, part->said, sizeof part->said);
  memset(part->said, 0, sizeof part->said);
}

/* What was said, as a record of that step. */
static int append_said(tv_part *part, int64_t step)
{
  if (!part->said[0])
    return 0;
  const int status = tv_file_stream_append(part->requests, step, 0, part->said, &part->begun);
  memset(part->said, 0, sizeof part->said);
  part->said_step = step;
  return status;
}

static int end_step(tv_part *part, int64_t step, const tv_scalars *scalars)
{
  static const tv_scalars none;
  const int first = !part->sealed;
  if (first && seal(part, scalars ? scalars : &none) < 0)
    return -1;
  part->sealed = 1;
  if (append_said(part, step) < 0)
    return -1;
  if (scalars && scalars->recorded > 0 &&
      tv_file_stream_append(part->streams[part->count - 1], step, 0, scalars->value, &part->begun) <
        0)
    return -1;
  part->last_step = step;
  if (first || (part->flush_seconds >= 0 && now() - part->last_flush >= part->flush_seconds))
    return commit(part);
  return 0;
}

int tv_part_end_step(tv_part *part, int64_t step, const tv_scalars *scalars)
{
  if (part->failed)
    return fail_part(part, "");
  const tv_hdf5_scope scope = tv_enter_hdf5();
  const int status = end_step(part, step, scalars);
  tv_leave_hdf5(scope);
  return check_part(part, status, "complete a step");
}

int tv_part_flush(tv_part *part)
{
  if (part->failed)
    return fail_part(part, "");
  if (!part->sealed)
    return TV_OK; /* nothing is complete yet */
  const tv_hdf5_scope scope = tv_enter_hdf5();
  const int status = commit(part);
  tv_leave_hdf5(scope);
  return check_part(part, status, "flush");
}

static int finish(tv_part *part)
{
  if (part->sealed && part->said[0]) { /* after the last step, whose record there may be already */
    if (append_said(part, part->last_step + (part->said_step >= part->last_step)) < 0)
      return -1;
    part->written_step = -1;
  }
  if (part->sealed && commit(part) < 0)
    return -1;
  for (int s = 0; s < part->count; ++s)
    if (tv_file_stream_finish(part->streams[s]) < 0)
      return -1;
  return part->sealed ? tv_record_dataset_finish(&part->complete) : 0;
}

/* Everything that HDF5 holds; it comes to a quiet end whatever the disk does (disk_driver.h). */
static void close_hdf5(tv_part *part)
{
  for (int s = 0; s < part->count; ++s) {
    tv_file_stream_free(part->streams[s]);
    free(part->streams[s]);
  }
  tv_record_dataset_free(&part->complete);
  if (part->layers >= 0)
    H5Gclose(part->layers);
  if (part->file >= 0 && H5Fclose(part->file) < 0)
    part->disk.error = part->disk.error ? part->disk.error : EIO;
  if (part->driver >= 0)
    H5FDunregister(part->driver);
}

int tv_part_close(tv_part *part)
{
  int status = part->failed ? fail_part(part, "") : TV_OK;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  if (status == TV_OK)
    status = check_part(part, finish(part), "complete the file");
  close_hdf5(part);
  tv_leave_hdf5(scope);
  if (status == TV_OK && part->durable)
    tv_disk_settle(&part->disk);
  if (status == TV_OK)
    status = check_part(part, 0, "close");
  if (close(part->disk.descriptor) != 0 && status == TV_OK) {
    part->disk.error = errno; /* a network file system may tell only now */
    status = fail_part(part, "close");
  }
  free(part->complete_row);
  free(part->streams);
  free(part->path);
  if (!part->disk.open) /* otherwise HDF5 still points to it: better lost than freed */
    free(part);
  return status;
}

/* HDF5 1.10's format throughout, so that every later HDF5 writes what 1.10 can read. Space is given
 * out in pages, because the system interrupts a write that is killed between two of them: metadata
 * that is changed in place never straddles a page, and so is always either old or new. */
static int create_hdf5(tv_part *part, int number)
{
#if H5_VERSION_GE(1, 10, 2)
  const H5F_libver_t format = H5F_LIBVER_V110;
#else
  const H5F_libver_t format = H5F_LIBVER_LATEST;
#endif
  const hid_t creation = H5Pcreate(H5P_FILE_CREATE), access = H5Pcreate(H5P_FILE_ACCESS);
  if (creation >= 0 && access >= 0 && H5Pset_obj_track_times(creation, 0) >= 0 &&
      H5Pset_file_space_strategy(creation, H5F_FSPACE_STRATEGY_PAGE, 0, 1) >= 0 &&
      H5Pset_file_space_page_size(creation, 4096) >= 0 &&
      H5Pset_libver_bounds(access, format, format) >= 0)
    part->file = tv_disk_create(&part->disk, part->path, creation, access, &part->driver);
  H5Pclose(access);
  H5Pclose(creation);
  if (part->file < 0 || tv_write_strings(part->file, "format", TV_FORMAT_NAME, 0, -1) < 0 ||
      tv_write_int(part->file, "version", TV_FORMAT_VERSION) < 0 ||
      (number > 0 && tv_write_int(part->file, "part", number) < 0) ||
      tv_write_strings(part->file, "writer", "tensorview " TENSORVIEW_VERSION, 0, -1) < 0)
    return -1;
  part->layers = tv_create_group(part->file, "layers");
  return part->layers < 0 || H5Fflush(part->file, H5F_SCOPE_LOCAL) < 0 ? -1 : 0;
}

int tv_part_create(
  tv_part **result, int descriptor, const char *path, int number, const tv_options *options)
{
  *result = NULL;
  tv_part *part = calloc(1, sizeof *part);
  char *copy = strdup(path);
  if (!part || !copy) {
    free(part);
    free(copy);
    close(descriptor);
    return tv_fail(TV_ERROR_MEMORY, "no memory left for a run file");
  }
  part->path = copy;
  part->disk.descriptor = descriptor;
  part->driver = part->file = part->layers = part->complete.dataset = -1;
  part->last_step = part->written_step = part->said_step = -1;
  part->flush_seconds = options->flush_seconds;
  part->durable = options->durable;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  const int created = create_hdf5(part, number);
  tv_leave_hdf5(scope);
  const int status = check_part(part, created, "create the file");
  if (status < 0) {
    tv_part_close(part); /* says the same sentence again */
    return status;
  }
  *result = part;
  return TV_OK;
}
