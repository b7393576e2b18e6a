/* SPDX-License-Identifier: BSD-3-Clause */
#include "mapped.h"
#include "status.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens without waiting: a pipe is refused, not read. */
static int open_plain(const char *path, struct stat *about)
{
  const int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0)
    return tv_fail(TV_ERROR_FILE, "%s: cannot be opened: %s", path, strerror(errno));
  if (fstat(descriptor, about)) {
    tv_fail(TV_ERROR_FILE, "%s: cannot be opened: %s", path, strerror(errno));
  } else if (S_ISDIR(about->st_mode)) {
    tv_fail(TV_ERROR_FILE, "%s: is a folder, not a file", path);
  } else if (!S_ISREG(about->st_mode)) {
    tv_fail(TV_ERROR_FILE, "%s: is no plain file", path);
  } else {
    return descriptor;
  }
  close(descriptor);
  return TV_ERROR_FILE;
}

int tv_mapped_open(tv_mapped *file, const char *path)
{
  struct stat about;
  memset(file, 0, sizeof *file);
  file->descriptor = open_plain(path, &about);
  if (file->descriptor < 0) {
    file->descriptor = -1;
    return TV_ERROR_FILE;
  }
  file->bytes = (uint64_t)about.st_size;
  file->device = about.st_dev;
  file->inode = about.st_ino;
  file->changed = about.st_mtim;
  file->path = strdup(path);
  if (file->path)
    return 0;
  close(file->descriptor);
  file->descriptor = -1;
  return tv_fail(TV_ERROR_MEMORY, "%s: no memory", path);
}

static int differs(const tv_mapped *file, const struct stat *about)
{
  return about->st_dev != file->device || about->st_ino != file->inode ||
         (uint64_t)about->st_size != file->bytes || about->st_mtim.tv_sec != file->changed.tv_sec ||
         about->st_mtim.tv_nsec != file->changed.tv_nsec;
}

int tv_mapped_is_no_link(const tv_mapped *file)
{
  struct stat about;
  return lstat(file->path, &about) == 0 && S_ISREG(about.st_mode) && about.st_ino == file->inode &&
         about.st_dev == file->device;
}

int tv_mapped_changed(const tv_mapped *file)
{
  struct stat about;
  return stat(file->path, &about) != 0 || differs(file, &about);
}

/* Open, and still the file that was listed. */
static int awake(tv_mapped *file)
{
  struct stat about;
  if (file->descriptor < 0) {
    file->descriptor = open_plain(file->path, &about);
    if (file->descriptor < 0) {
      file->descriptor = -1;
      return TV_ERROR_FILE;
    }
  } else if (fstat(file->descriptor, &about)) {
    return tv_fail(TV_ERROR_FILE, "%s: cannot be read: %s", file->path, strerror(errno));
  }
  if (differs(file, &about))
    return tv_fail(
      TV_ERROR_STATE, "%s: has changed since it was opened: open it again", file->path);
  return 0;
}

int tv_mapped_read(tv_mapped *file, void *result, uint64_t offset, uint64_t count)
{
  if (offset > file->bytes || count > file->bytes - offset)
    return tv_fail(TV_ERROR_FORMAT, "%s: is cut off", file->path);
  const int status = awake(file);
  if (status)
    return status;
  for (uint64_t done = 0; done < count;) {
    const uint64_t left = count - done;
    const size_t piece = left < 1u << 30 ? (size_t)left : 1u << 30;
    const ssize_t got =
      pread(file->descriptor, (char *)result + done, piece, (off_t)(offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return tv_fail(TV_ERROR_FILE, "%s: cannot be read: %s", file->path,
        got ? strerror(errno) : "it is shorter than it was");
    done += (uint64_t)got;
  }
  return 0;
}

int tv_mapped_descriptor(int *descriptor, tv_mapped *file)
{
  const int status = awake(file);
  if (status)
    return status;
  *descriptor = fcntl(file->descriptor, F_DUPFD_CLOEXEC, 0);
  return *descriptor >= 0
           ? 0
           : tv_fail(TV_ERROR_FILE, "%s: cannot be opened: %s", file->path, strerror(errno));
}

const unsigned char *tv_mapped_memory(tv_mapped *file)
{
  if (awake(file) || !file->bytes || file->bytes > SIZE_MAX)
    return NULL;
  if (!file->memory) {
    void *memory = mmap(NULL, (size_t)file->bytes, PROT_READ, MAP_SHARED, file->descriptor, 0);
    if (memory != MAP_FAILED)
      file->memory = memory;
  }
  return file->memory;
}

void tv_mapped_rest(tv_mapped *file)
{
  if (file->memory)
    munmap(file->memory, (size_t)file->bytes);
  file->memory = NULL;
  if (file->descriptor >= 0)
    close(file->descriptor);
  file->descriptor = -1;
}

void tv_mapped_close(tv_mapped *file)
{
  if (!file->path)
    return;
  tv_mapped_rest(file);
  free(file->path);
  file->path = NULL;
}
