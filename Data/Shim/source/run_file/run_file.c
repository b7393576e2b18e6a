/* SPDX-License-Identifier: BSD-3-Clause */
/* A run file: opened, let go, looked at again. */
#include "run_file.h"

#include "hdf5_guard.h"
#include "hdf5_objects.h"
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

/* The first bytes of a file: whether it is HDF5, whole, and closed by its writer. */
static int read_superblock(tv_run_file *file)
{
  unsigned char head[36] = {0};
  const int descriptor = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return tv_fail(TV_ERROR_FILE, "%s: it cannot be opened: %s", file->path, strerror(errno));
  const ssize_t length = pread(descriptor, head, sizeof head, 0);
  close(descriptor);
  if (length < 8 || memcmp(head, "\x89HDF\r\n\x1a\n", 8) != 0)
    return tv_run_file_fail(
      file, file->size == 0 ? "it is empty, not an HDF5 file" : "it is not an HDF5 file");
  const unsigned version = head[8];
  file->live = version >= 3 && (head[11] & 0x05) != 0;
  if (version < 2 || file->live || head[9] != 8)
    return TV_OK;
  uint64_t end = 0;
  for (int k = 0; k < 8; ++k)
    end |= (uint64_t)head[28 + k] << (8 * k);
  return end <= file->size
           ? TV_OK
           : tv_run_file_fail(file,
               "it is cut off: it should have %llu bytes and has %llu; \"tensorview repair\" saves "
               "what is whole",
               (unsigned long long)end, (unsigned long long)file->size);
}

/* Opens the file, and only that: as its writer left it, or beside its writer. */
static int open_file(tv_run_file *file)
{
  struct stat info;
  tv_run_file_rest(file);
  if (stat(file->path, &info) != 0)
    return tv_fail(TV_ERROR_FILE, "%s: it cannot be opened: %s", file->path, strerror(errno));
  if (!S_ISREG(info.st_mode))
    return tv_run_file_fail(file, "it is not a file");
  file->size = (uint64_t)info.st_size;
  if (file->inode == 0 && file->device == 0) {
    file->device = info.st_dev;
    file->inode = info.st_ino;
  } else if (file->device != info.st_dev || file->inode != info.st_ino)
    return tv_run_file_fail(file, "it was replaced by another file since it was opened; reload it");
  int status = read_superblock(file);
  if (status != TV_OK)
    return status;
  const char *why = tv_hdf5_guard_path(file->path);
  if (why)
    return tv_run_file_fail(file, "%s", why);

  const hid_t access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  /* HDF5 reads metadata with a wrong checksum again and again, and waits twice as long each time:
   * milliseconds are right for a writer at work, its 100 attempts would never end after its death. */
  H5Pset_metadata_read_attempts(access, 22);
#if H5_VERSION_GE(1, 12, 1) || (H5_VERSION_GE(1, 10, 7) && !H5_VERSION_GE(1, 12, 0))
  H5Pset_file_locking(access, 0, 1); /* never in the way of a trainer that opens it */
#endif
  file->id =
    H5Fopen(file->path, file->live ? H5F_ACC_RDONLY | H5F_ACC_SWMR_READ : H5F_ACC_RDONLY, access);
  status = file->id >= 0 ? TV_OK
                         : tv_run_file_fail(file, "it is an HDF5 file that cannot be opened; %s",
                             tv_hdf5_reason());
  H5Pclose(access);
  return status;
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
  file->streams = file->scalars = NULL;
  file->columns = NULL;
  file->count = file->room = file->column_count = file->scalar_count = 0;
  file->scalar_names = NULL;
  file->rows = 0;
  file->has_complete = file->part = 0;
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
  if (!file->has_complete || info.st_ino != file->inode || info.st_dev != file->device ||
      open_file(file) != TV_OK || tv_run_file_grow(file, &grew) != TV_OK) {
    *change = TV_CHANGE_REPLACED;
    return TV_OK;
  }
  memcpy(file->stamp, stamp, sizeof stamp);
  *change = grew ? TV_CHANGE_GREW : TV_CHANGE_NONE;
  return TV_OK;
}
