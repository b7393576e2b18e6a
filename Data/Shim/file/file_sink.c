/* The run file as a sink: creates it, appends records, says what is complete. */
#include "disk_driver.h"
#include "hdf5_objects.h"
#include "record_dataset.h"
#include "sink.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A stream of the file: what grows together. */
typedef struct file_stream
{
  tv_record_dataset values, steps, samples;
  int has_samples;
  char path[2 * TV_NAME_LENGTH + 16];
} file_stream;

typedef struct tv_file
{
  tv_sink sink; /* first: what the rest of the shim sees */
  char *path;
  tv_disk disk;
  hid_t driver, file, layers;
  file_stream *streams; /* tensors and filter states, then the scalars */
  int count, capacity;
  tv_record_dataset complete;
  int64_t *complete_row;
  int started; /* single writer, multiple readers; the first step is complete */
  int failed;
  char failure[400];
  int64_t last_step;    /* complete */
  int64_t written_step; /* in /complete */
  double flush_seconds, last_flush;
} tv_file;

static double now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* The first failure is kept and returned from then on. */
static int fail_file(tv_file *file, const char *what)
{
  if (!file->failed) {
    const char *reason = file->disk.error ? strerror(file->disk.error) : "HDF5 failed";
    file->failed = 1;
    snprintf(file->failure, sizeof file->failure,
      "\"%.200s\": cannot %s: %s; nothing more is written to it", file->path, what, reason);
    if (!file->disk.error)
      file->disk.error = EIO; /* from here on the driver swallows what HDF5 has left to write */
  }
  return tv_fail(TV_ERROR_FILE, "%s", file->failure);
}

/* What is to be returned after HDF5 said status: its word is not enough, the disk has another. */
static int check_file(tv_file *file, int status, const char *what)
{
  return status < 0 || file->disk.error ? fail_file(file, what) : TV_OK;
}

static int create_stream(
  file_stream *stream, hid_t group, int type, int rank, const size_t *shape, int has_samples)
{
  const hid_t number = tv_number_type(type);
  int status = -1;
  stream->has_samples = has_samples;
  if (number >= 0 &&
      tv_record_dataset_create(
        &stream->values, group, "values", number, rank, shape, has_samples) >= 0 &&
      tv_record_dataset_create(&stream->steps, group, "steps", H5T_STD_I64LE, 0, NULL, 0) >= 0 &&
      (!has_samples || tv_record_dataset_create(
                         &stream->samples, group, "samples", H5T_STD_I64LE, 0, NULL, 0) >= 0))
    status = 0;
  H5Tclose(number);
  return status;
}

static int append_stream(file_stream *stream, int64_t step, int64_t samples, const void *row)
{
  if (tv_record_dataset_append(&stream->values, row) < 0 ||
      tv_record_dataset_append(&stream->steps, &step) < 0 ||
      (stream->has_samples && tv_record_dataset_append(&stream->samples, &samples) < 0))
    return -1;
  return 0;
}

static int store_stream(file_stream *stream, int closing)
{
  if (tv_record_dataset_store(&stream->values, closing) < 0 ||
      tv_record_dataset_store(&stream->steps, closing) < 0 ||
      (stream->has_samples && tv_record_dataset_store(&stream->samples, closing) < 0))
    return -1;
  return 0;
}

/* Appends a row to /complete after everything that it speaks of. */
static int commit(tv_file *file)
{
  const int64_t before = file->written_step;
  for (int s = 0; s < file->count; ++s)
    if (store_stream(&file->streams[s], 0) < 0)
      return -1;
  if (H5Fflush(file->file, H5F_SCOPE_LOCAL) < 0 || file->disk.error)
    return -1;
  file->last_flush = now();
  if (before == file->last_step)
    return 0;
  file->complete_row[0] = file->last_step;
  for (int s = 0; s < file->count; ++s)
    file->complete_row[1 + s] = (int64_t)file->streams[s].steps.rows;
  file->written_step = file->last_step;
  if (tv_record_dataset_append(&file->complete, file->complete_row) < 0 ||
      tv_record_dataset_store(&file->complete, 0) < 0)
    return -1;
  return H5Dflush(file->complete.dataset) < 0 ? -1 : 0;
}

/* The functions of the sink. */

static int start_streams(tv_file *file, const tv_stream *streams, int count)
{
  hid_t layer = -1;
  int layers = 0, status = 0;
  for (int s = 0; s < count && status == 0; ++s) {
    file_stream *stream = &file->streams[s];
    const tv_stream *given = &streams[s];
    snprintf(stream->path, sizeof stream->path, "/layers/%s/%s", given->layer, given->kind);
    if (H5Lexists(file->layers, given->layer, H5P_DEFAULT) > 0)
      layer = H5Gopen2(file->layers, given->layer, H5P_DEFAULT);
    else {
      layer = tv_create_group(file->layers, given->layer);
      status = layer < 0 ? -1 : tv_write_int(layer, "index", layers++);
    }
    const hid_t group = layer < 0 ? -1 : tv_create_group(layer, given->kind);
    if (group < 0 || (given->axes[0] && tv_write_strings(group, "axes", given->axes, 0, -1) < 0) ||
        create_stream(stream, group, given->type, given->rank, given->shape, given->samples > 0) <
          0)
      status = -1;
    H5Gclose(group);
    H5Gclose(layer);
  }
  return status;
}

static int file_start(tv_sink *sink, const tv_stream *streams, int count)
{
  tv_file *file = (tv_file *)sink;
  if (file->failed)
    return fail_file(file, "");
  file->streams = calloc((size_t)count + 1, sizeof *file->streams);
  file->complete_row = calloc((size_t)count + 2, sizeof *file->complete_row);
  if (!file->streams || !file->complete_row) {
    file->disk.error = ENOMEM;
    return fail_file(file, "declare its tensors");
  }
  file->count = count;
  file->capacity = count + 1;
  for (int s = 0; s < file->capacity; ++s)
    file->streams[s].values.dataset = file->streams[s].steps.dataset =
      file->streams[s].samples.dataset = -1;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  const int status = start_streams(file, streams, count);
  tv_leave_hdf5(scope);
  return check_file(file, status, "declare its tensors");
}

/* The first step is complete: names of scalars are known, everything is declared. */
static int start_swmr(tv_file *file, const tv_scalars *scalars)
{
  file_stream *stream = &file->streams[file->count];
  if (scalars->count > 0) {
    const size_t columns = (size_t)scalars->count;
    const hid_t group = tv_create_group(file->file, "scalars");
    strcpy(stream->path, "/scalars");
    if (group < 0 ||
        tv_write_strings(
          group, "names", scalars->name[0], sizeof scalars->name[0], scalars->count) < 0 ||
        create_stream(stream, group, TV_FLOAT64, 1, &columns, 0) < 0)
      return -1;
    H5Gclose(group);
    ++file->count;
  }
  const size_t columns = (size_t)file->count + 1;
  if (tv_record_dataset_create(
        &file->complete, file->file, "complete", H5T_STD_I64LE, 1, &columns, 0) < 0 ||
      (file->count > 0 && tv_write_strings(file->complete.dataset, "streams", file->streams[0].path,
                            sizeof *file->streams, file->count) < 0))
    return -1;
  H5Gclose(file->layers);
  file->layers = -1;
  return H5Fstart_swmr_write(file->file);
}

static void *file_row(tv_sink *sink, int stream)
{
  tv_file *file = (tv_file *)sink;
  return file->failed ? NULL : tv_record_dataset_row(&file->streams[stream].values);
}

static int file_record(tv_sink *sink, int stream, int64_t step, int64_t samples, const void *row)
{
  tv_file *file = (tv_file *)sink;
  if (file->failed)
    return fail_file(file, "");
  const tv_hdf5_scope scope = tv_enter_hdf5();
  const int status = append_stream(&file->streams[stream], step, samples, row);
  tv_leave_hdf5(scope);
  return check_file(file, status, "write a tensor");
}

static int end_step(tv_file *file, int64_t step, const tv_scalars *scalars)
{
  int first = !file->started;
  if (first && start_swmr(file, scalars) < 0)
    return -1;
  file->started = 1;
  if (scalars->recorded > 0 &&
      append_stream(&file->streams[file->count - 1], step, 0, scalars->value) < 0)
    return -1;
  file->last_step = step;
  if (first || (file->flush_seconds >= 0 && now() - file->last_flush >= file->flush_seconds))
    return commit(file);
  return 0;
}

static int file_end_step(tv_sink *sink, int64_t step, const tv_scalars *scalars)
{
  tv_file *file = (tv_file *)sink;
  if (file->failed)
    return fail_file(file, "");
  const tv_hdf5_scope scope = tv_enter_hdf5();
  const int status = end_step(file, step, scalars);
  tv_leave_hdf5(scope);
  return check_file(file, status, "complete a step");
}

static int file_flush(tv_sink *sink)
{
  tv_file *file = (tv_file *)sink;
  if (file->failed)
    return fail_file(file, "");
  if (!file->started)
    return TV_OK; /* nothing is complete yet */
  const tv_hdf5_scope scope = tv_enter_hdf5();
  const int status = commit(file);
  tv_leave_hdf5(scope);
  return check_file(file, status, "flush");
}

static int store_all(tv_file *file)
{
  if (file->started && commit(file) < 0)
    return -1;
  for (int s = 0; s < file->count; ++s)
    if (store_stream(&file->streams[s], 1) < 0)
      return -1;
  return file->started ? tv_record_dataset_store(&file->complete, 1) : 0;
}

static int file_close(tv_sink *sink)
{
  tv_file *file = (tv_file *)sink;
  int status = file->failed ? fail_file(file, "") : TV_OK;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  if (status == TV_OK)
    status = check_file(file, store_all(file), "complete the file");
  for (int s = 0; s < file->capacity; ++s) {
    tv_record_dataset_free(&file->streams[s].values);
    tv_record_dataset_free(&file->streams[s].steps);
    tv_record_dataset_free(&file->streams[s].samples);
  }
  tv_record_dataset_free(&file->complete);
  if (file->layers >= 0)
    H5Gclose(file->layers);
  if (file->file >= 0 && H5Fclose(file->file) < 0)
    file->disk.error = file->disk.error ? file->disk.error : EIO;
  if (file->driver >= 0)
    H5FDunregister(file->driver);
  tv_leave_hdf5(scope);
  if (status == TV_OK)
    status = check_file(file, 0, "close");
  if (close(file->disk.descriptor) != 0 && status == TV_OK) {
    file->disk.error = errno; /* a network file system may tell only now */
    status = fail_file(file, "close");
  }
  free(file->complete_row);
  free(file->streams);
  free(file->path);
  if (!file->disk.open) /* otherwise HDF5 still points to it: better lost than freed */
    free(file);
  return status;
}

/* Creating the file. */

/* A new inode always: somebody may be reading the file that is replaced. */
static int open_new(tv_file *file, int overwrite)
{
  struct stat existing;
  const char *path = file->path;
  if (lstat(path, &existing) == 0) {
    if (!overwrite)
      return tv_fail(
        TV_ERROR_FILE, "\"%.200s\" exists already, and overwrite was not asked for", path);
    if (!S_ISREG(existing.st_mode))
      return tv_fail(TV_ERROR_FILE, "\"%.200s\" exists and is not a plain file", path);
    if (unlink(path) != 0)
      return tv_fail(TV_ERROR_FILE, "\"%.200s\" cannot be replaced: %s", path, strerror(errno));
  }
  file->disk.descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (file->disk.descriptor < 0)
    return tv_fail(TV_ERROR_FILE, "\"%.200s\" cannot be created: %s", path, strerror(errno));
  return TV_OK;
}

/* HDF5 1.10's format throughout, so that every later HDF5 writes what 1.10 can read. Space is given
 * out in pages, because the system interrupts a write that is killed between two of them: metadata
 * that is changed in place never straddles a page, and so is always either old or new. */
static int create_hdf5(tv_file *file)
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
    file->file = tv_disk_create(&file->disk, file->path, creation, access, &file->driver);
  H5Pclose(access);
  H5Pclose(creation);
  if (file->file < 0 || tv_write_strings(file->file, "format", TV_FORMAT_NAME, 0, -1) < 0 ||
      tv_write_int(file->file, "version", TV_FORMAT_VERSION) < 0 ||
      tv_write_strings(file->file, "writer", "tensorview " TENSORVIEW_VERSION, 0, -1) < 0)
    return -1;
  file->layers = tv_create_group(file->file, "layers");
  return file->layers < 0 || H5Fflush(file->file, H5F_SCOPE_LOCAL) < 0 ? -1 : 0;
}

int tv_file_create(tv_sink **sink, const char *path, const tv_options *options)
{
  *sink = NULL;
  tv_file *file = calloc(1, sizeof *file);
  char *copy = strdup(path);
  if (!file || !copy) {
    free(file);
    free(copy);
    return tv_fail(TV_ERROR_MEMORY, "no memory left for a run file");
  }
  file->path = copy;
  file->driver = file->file = file->layers = file->complete.dataset = -1;
  file->last_step = file->written_step = -1;
  file->flush_seconds = options->flush_seconds;
  file->sink = (tv_sink){
    .start = file_start,
    .row = file_row,
    .record = file_record,
    .end_step = file_end_step,
    .flush = file_flush,
    .close = file_close,
  };
  int status = open_new(file, options->overwrite);
  if (status < 0) {
    free(copy);
    free(file);
    return status;
  }
  const tv_hdf5_scope scope = tv_enter_hdf5();
  const int created = create_hdf5(file);
  tv_leave_hdf5(scope);
  status = check_file(file, created, "create the file");
  if (status < 0) {
    unlink(path);
    file_close(&file->sink); /* says the same sentence again */
    return status;
  }
  *sink = &file->sink;
  return TV_OK;
}
