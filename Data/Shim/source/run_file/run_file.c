/* SPDX-License-Identifier: BSD-3-Clause */
/* A run file: opened, let go, looked at again. */
#include "run_file.h"

#include "hdf5_input.h"
#include "hdf5_objects.h"
#include "hdf5_trial.h"
#include "run_hdf5.h"
#include "status.h"
#include "tensorview/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A file that says that it was so many times as long is no run that was cut off. */
#define MOST_TIMES 100

int tv_run_file_fail(const tv_run_file *file, const char *format, ...)
{
  char sentence[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  return tv_fail(TV_ERROR_FORMAT, "%s: %s", file->path, sentence);
}

void tv_run_file_note(tv_run_file *file, const char *format, ...)
{
  char sentence[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  tv_run_file_fail(file, "%s", sentence);
  tv_run_file_note_last(file);
}

void tv_run_file_note_last(tv_run_file *file)
{
  tv_listing_add_note(&file->list, tv_last_error());
}

void tv_run_file_stamp(char stamp[128], const char *path)
{
  static atomic_uint unique;
  struct stat info;
  stamp[0] = 0;
  if (stat(path, &info) != 0)
    return;
  /* The clock of a file system ticks in milliseconds: a second change may bear the same time. */
  const double age = difftime(time(NULL), info.st_mtim.tv_sec);
  const unsigned fresh = age >= 0 && age < 2 ? atomic_fetch_add(&unique, 1) + 1 : 0;
  snprintf(stamp, 128, "%llx:%llx:%llx:%lld.%ld?%u", (unsigned long long)info.st_dev,
    (unsigned long long)info.st_ino, (unsigned long long)info.st_size,
    (long long)info.st_mtim.tv_sec, info.st_mtim.tv_nsec, fresh);
}

/* The file itself, and that it is still the one that was listed. */
static int open_plain(tv_hdf5_input *input, tv_run_file *file)
{
  struct stat info;
  input->descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (input->descriptor < 0 || fstat(input->descriptor, &info) != 0)
    return tv_fail(TV_ERROR_FILE, "%s: it cannot be opened: %s", file->path, strerror(errno));
  if (!S_ISREG(info.st_mode))
    return tv_run_file_fail(file, "it is not a file");
  input->bytes = file->size = (uint64_t)info.st_size;
  if (file->inode == 0 && file->device == 0) {
    file->device = info.st_dev;
    file->inode = info.st_ino;
  } else if (file->device != info.st_dev || file->inode != info.st_ino)
    return tv_run_file_fail(file, "it was replaced by another file since it was opened; reload it");
  return TV_OK;
}

/* Opens the file, and only that: as its writer left it, or beside its writer. No lock is taken: a
 * reader is never in the way of a trainer that opens it. */
static int open_file(tv_run_file *file)
{
  tv_hdf5_input input = {.checked = &file->checked};
  tv_run_file_rest(file);
  int status = open_plain(&input, file);
  const char *why = status == TV_OK ? tv_hdf5_look(&input) : NULL;
  if (why)
    status = tv_run_file_fail(file, "%s", why);
  if (status == TV_OK && input.end > file->size && input.end / MOST_TIMES > file->size)
    status = tv_run_file_fail(file, TV_CUT_OFF, input.end, file->size);
  if (status == TV_OK && (why = tv_hdf5_try(input.descriptor, input.live)))
    status = tv_run_file_fail(file, "%s", why);
  if (status != TV_OK) {
    if (input.descriptor >= 0)
      close(input.descriptor);
    return status;
  }
  file->live = input.live;
  file->end = input.end > file->size ? input.end : 0;
  file->id = tv_hdf5_open(&input, file->path);
  return file->id >= 0 ? TV_OK
                       : tv_run_file_fail(
                           file, "it is an HDF5 file that cannot be opened; %s", tv_hdf5_reason());
}

void tv_run_file_rest(tv_run_file *file)
{
  tv_close_id(&file->id);
}

int tv_run_file_reopen(tv_run_file *file)
{
  return file->id >= 0 ? TV_OK : open_file(file);
}

/* What was listed, all of it. */
static void forget(tv_run_file *file)
{
  for (size_t k = 0; k < file->count; ++k) {
    free(file->streams[k].steps);
    free(file->streams[k].samples);
  }
  free(file->streams);
  free(file->columns);
  tv_listing_free(&file->list);
  file->streams = file->scalars = file->requests = NULL;
  file->columns = NULL;
  file->count = file->room = file->column_count = file->scalar_count = 0;
  file->scalar_names = NULL;
  file->rows = 0;
  file->has_complete = file->part = file->checked = 0;
}

void tv_run_file_close(tv_run_file *file)
{
  if (!file)
    return;
  tv_run_file_rest(file);
  forget(file);
  free(file->path);
  free(file);
}

static tv_run_file *new_file(const char *path)
{
  tv_run_file *file = calloc(1, sizeof *file);
  if (file) {
    file->id = -1;
    file->path = strdup(path);
    if (file->path)
      return file;
  }
  free(file);
  tv_fail(TV_ERROR_MEMORY, "%s: there is not enough memory to read it", path);
  return NULL;
}

int tv_run_file_recognise(const char *path)
{
  tv_run_file *file = new_file(path);
  char *format = NULL;
  int ours = 0;
  if (!file)
    return 0;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  if (open_file(file) == TV_OK &&
      tv_read_text(&format, file, file->id, "format", "the file") == TV_OK)
    ours = strcmp(format, TV_FORMAT_NAME) == 0;
  free(format);
  tv_run_file_close(file);
  tv_leave_hdf5(scope);
  return ours;
}

int tv_run_file_open(tv_run_file **result, const char *path)
{
  *result = NULL;
  tv_run_file *file = new_file(path);
  int status = TV_ERROR_MEMORY;
  /* A writer that is only just creating the file has not declared everything yet. */
  for (int attempt = 0; file; ++attempt) {
    tv_run_file_stamp(file->stamp, path);
    status = open_file(file);
    if (status == TV_OK)
      status = tv_run_file_list(file);
    if (status == TV_OK || !file->live || attempt == 3)
      break;
    forget(file);
    const struct timespec pause = {0, (10L << attempt) * 1000000};
    nanosleep(&pause, NULL);
  }
  if (status == TV_ERROR_FORMAT && file->end && !file->count)
    tv_run_file_fail(file, TV_CUT_OFF "; nothing of it can be listed", file->end, file->size);
  if (status == TV_OK)
    *result = file;
  else
    tv_run_file_close(file);
  return status;
}

int tv_run_file_refresh(tv_run_file *file, tv_change *change)
{
  char stamp[128];
  struct stat info;
  int grew = 0;
  *change = TV_CHANGE_NONE;
  tv_run_file_stamp(stamp, file->path);
  if (strcmp(stamp, file->stamp) == 0)
    return TV_OK;
  tv_run_file_rest(file);
  if (stat(file->path, &info) != 0)
    return tv_fail(TV_ERROR_FILE, "%s: it cannot be opened: %s", file->path, strerror(errno));
  if (!file->has_complete || file->end || info.st_ino != file->inode ||
      info.st_dev != file->device || open_file(file) != TV_OK ||
      tv_run_file_grow(file, &grew) != TV_OK) {
    *change = TV_CHANGE_REPLACED;
    return TV_OK;
  }
  memcpy(file->stamp, stamp, sizeof stamp);
  *change = grew ? TV_CHANGE_GREW : TV_CHANGE_NONE;
  return TV_OK;
}
