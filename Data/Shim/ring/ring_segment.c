/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ring_segment.h"

#include "tensorview/ring.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char FOLDER[] = "/dev/shm";

int64_t tv_clock(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void tv_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t nanoseconds)
{
  if (nanoseconds <= 0)
    return;
  const struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
  syscall(SYS_futex, word, FUTEX_WAIT, expected, &time, NULL, 0);
}

void tv_futex_advance(_Atomic uint32_t *word)
{
  atomic_fetch_add(word, 1);
  syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

int64_t tv_age(int64_t now, int64_t then)
{
  if (then >= now)
    return 0;
  const uint64_t age = (uint64_t)now - (uint64_t)then;
  return age > INT64_MAX ? INT64_MAX : (int64_t)age;
}

int tv_segment_name(char segment[TV_SEGMENT_NAME], const char *name)
{
  const size_t length = name ? strlen(name) : 0;
  if (length < 1 || length >= TV_RING_RUN || name[0] == '.' ||
      strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != length)
    return tv_fail(TV_ERROR_ARGUMENT,
      "ring \"%s\": a name is 1 to 63 letters, digits, dots, hyphens and underscores, and does "
      "not begin with a dot",
      name ? name : "");
  snprintf(segment, TV_SEGMENT_NAME, "/tensorview-%lu-%s", (unsigned long)geteuid(), name);
  return TV_OK;
}

int tv_segment_reserve(int file, size_t bytes)
{
  struct rlimit limit; /* to go over it is a signal that ends the program */
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && bytes > limit.rlim_cur)
    return EFBIG;
  int error;
  do
    error = posix_fallocate(file, 0, (off_t)bytes);
  while (error == EINTR);
  return error;
}

int tv_segment_named(int file, const char *segment)
{
  struct stat here, there;
  char path[TV_SEGMENT_NAME + sizeof FOLDER];
  snprintf(path, sizeof path, "%s%s", FOLDER, segment);
  return fstat(file, &here) == 0 && lstat(path, &there) == 0 && here.st_ino == there.st_ino &&
         here.st_dev == there.st_dev;
}

/* Whether the segment is one of ours, of this version. */
static int read_control(int file, tv_ring_control *control)
{
  return pread(file, control, sizeof *control, 0) == (ssize_t)sizeof *control &&
         control->magic == TV_RING_MAGIC && control->version == TV_RING_VERSION;
}

int tv_segment_whole(int file, size_t bytes)
{
  struct stat status;
  return fstat(file, &status) == 0 && (uint64_t)status.st_size >= bytes;
}

int tv_segment_write(int file, size_t offset, const void *data, size_t bytes)
{
  for (const char *from = data; bytes > 0;) {
    const ssize_t n = pwrite(file, from, bytes, (off_t)offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return -1;
    from += n;
    offset += (size_t)n;
    bytes -= (size_t)n;
  }
  return 0;
}

int tv_segment_read(int file, size_t offset, void *data, size_t bytes)
{
  for (char *to = data; bytes > 0;) {
    const ssize_t n = pread(file, to, bytes, (off_t)offset);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return -1;
    to += n;
    offset += (size_t)n;
    bytes -= (size_t)n;
  }
  return 0;
}

static int reader_lock(int file, unsigned reader, int command, short *type)
{
  struct flock lock = {.l_type = *type, .l_whence = SEEK_SET, .l_start = (off_t)reader, .l_len = 1};
  const int status = fcntl(file, command, &lock);
  *type = lock.l_type;
  return status;
}

int tv_reader_lock(int file, unsigned reader)
{
  short type = F_WRLCK;
  return reader_lock(file, reader, F_OFD_SETLK, &type) == 0 || (errno != EAGAIN && errno != EACCES)
           ? 0
           : -1;
}

void tv_reader_unlock(int file, unsigned reader)
{
  short type = F_UNLCK;
  reader_lock(file, reader, F_OFD_SETLK, &type);
}

int tv_reader_locked(int file, unsigned reader)
{
  short type = F_WRLCK;
  return reader_lock(file, reader, F_OFD_GETLK, &type) != 0 || type != F_UNLCK;
}

int tv_segment_stale(int file)
{
  if (flock(file, LOCK_SH | LOCK_NB) != 0)
    return 0;
  flock(file, LOCK_UN);
  return 1;
}

int tv_segment_remove_stale(int file, const char *segment)
{
  /* A run that creates the name just now finds its lock taken here, and begins again. */
  const int locked = flock(file, LOCK_EX | LOCK_NB) == 0;
  const int stale = locked || tv_segment_stale(file);
  if (stale && tv_segment_named(file, segment))
    shm_unlink(segment);
  if (locked)
    flock(file, LOCK_UN);
  return stale;
}

void tv_segment_sweep(void)
{
  char prefix[TV_SEGMENT_NAME], segment[TV_SEGMENT_NAME];
  DIR *folder = opendir(FOLDER);
  if (!folder)
    return;
  snprintf(prefix, sizeof prefix, "tensorview-%lu-", (unsigned long)geteuid());
  for (const struct dirent *entry; (entry = readdir(folder));) {
    if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
        strlen(entry->d_name) + 2 > sizeof segment)
      continue;
    snprintf(segment, sizeof segment, "/%.*s", TV_SEGMENT_NAME - 2, entry->d_name);
    const int file = shm_open(segment, O_RDWR, 0);
    if (file < 0)
      continue;
    struct stat status;
    tv_ring_control control;
    if (fstat(file, &status) == 0 && status.st_uid == geteuid() &&
        status.st_mtime + 60 < time(NULL) && read_control(file, &control) &&
        flock(file, LOCK_EX | LOCK_NB) == 0) {
      if (tv_segment_named(file, segment))
        shm_unlink(segment);
      flock(file, LOCK_UN);
    }
    close(file);
  }
  closedir(folder);
}
