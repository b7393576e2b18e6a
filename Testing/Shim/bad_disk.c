/* SPDX-License-Identifier: BSD-3-Clause */
/* Preloaded into a writer: a disk that goes wrong at a chosen call, on run files only.
 *
 *   BAD_DISK_CALLS=...   which calls count, and go wrong: "pwrite ftruncate" unless told; any of
 *                        open, pread, pwrite, ftruncate, fsync, fdatasync, fstat, close
 *   BAD_DISK_AT=n        the n-th of them, counted from 1
 *   BAD_DISK_HOW=full    the disk is full from there on: what would make the file longer is cut at
 *                        a page boundary, and then fails with ENOSPC
 *                torn    the process is killed in it, as kill -9 does it: at the first page boundary
 *                        inside, or before it where there is none
 *                late    the process is killed right after it
 *                once    that call fails with EIO, and no other
 *                ever    that call and all later ones fail with EIO
 *
 * With BAD_DISK_AT=0 the number of calls is printed to stderr at the end. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static long at, calls;
static const char *how = "full", *which = "pwrite ftruncate";
static char ours[1024]; /* by descriptor: a run file */

#define REAL(name) static __typeof__(name) *real_##name
REAL(open);
REAL(pread);
REAL(pwrite);
REAL(ftruncate);
REAL(fsync);
REAL(fdatasync);
REAL(fstat);
REAL(close);

__attribute__((constructor)) static void load(void)
{
  const char *number = getenv("BAD_DISK_AT");
  at = number ? atol(number) : 0;
  how = getenv("BAD_DISK_HOW") ? getenv("BAD_DISK_HOW") : how;
  which = getenv("BAD_DISK_CALLS") ? getenv("BAD_DISK_CALLS") : which;
#define FIND(name) *(void **)&real_##name = dlsym(RTLD_NEXT, #name)
  FIND(open);
  FIND(pread);
  FIND(pwrite);
  FIND(ftruncate);
  FIND(fsync);
  FIND(fdatasync);
  FIND(fstat);
  FIND(close);
}

__attribute__((destructor)) static void report(void)
{
  if (at == 0 && calls > 0)
    fprintf(stderr, "%ld calls\n", calls);
}

static int chosen(const char *name)
{
  const size_t length = strlen(name);
  for (const char *text = which; (text = strstr(text, name)); ++text)
    if ((text == which || text[-1] == ' ') && (text[length] == ' ' || text[length] == 0))
      return 1;
  return 0;
}

/* Whether this call on that run file fails with EIO. -1: it is to go wrong in another way. */
static int fails(const char *name, int mine)
{
  if (!mine || !chosen(name))
    return 0;
  ++calls;
  if (at == 0 || calls < at)
    return 0;
  if (strcmp(how, "once") == 0 || strcmp(how, "ever") == 0) {
    if (calls > at && how[0] == 'o')
      return 0;
    errno = EIO;
    return 1;
  }
  return -1;
}

static int is_ours(int file)
{
  return file >= 0 && file < (int)sizeof ours && ours[file];
}

ssize_t pwrite(int file, const void *data, size_t size, off_t offset)
{
  const int bad = fails("pwrite", is_ours(file));
  if (bad >= 0)
    return bad ? -1 : real_pwrite(file, data, size, offset);
  if (strcmp(how, "late") == 0) {
    (void)!real_pwrite(file, data, size, offset);
    kill(getpid(), SIGKILL);
  }
  if (strcmp(how, "torn") == 0) {
    const size_t page = 4096 - (size_t)offset % 4096;
    if (page < size)
      (void)!real_pwrite(file, data, page, offset);
    kill(getpid(), SIGKILL);
  }
  const off_t room = (lseek(file, 0, SEEK_END) + 4095) / 4096 * 4096 - offset;
  if (room > 0)
    return real_pwrite(file, data, (size_t)room < size ? (size_t)room : size, offset);
  errno = ENOSPC;
  return -1;
}

ssize_t pwrite64(int file, const void *data, size_t size, off_t offset)
{
  return pwrite(file, data, size, offset);
}

ssize_t pread(int file, void *data, size_t size, off_t offset)
{
  return fails("pread", is_ours(file)) ? -1 : real_pread(file, data, size, offset);
}

ssize_t pread64(int file, void *data, size_t size, off_t offset)
{
  return pread(file, data, size, offset);
}

int ftruncate(int file, off_t size)
{
  const int bad = fails("ftruncate", is_ours(file));
  if (bad >= 0)
    return bad ? -1 : real_ftruncate(file, size);
  if (strcmp(how, "full") != 0)
    kill(getpid(), SIGKILL);
  errno = ENOSPC;
  return -1;
}

int ftruncate64(int file, off_t size)
{
  return ftruncate(file, size);
}

int fsync(int file)
{
  return fails("fsync", is_ours(file)) ? -1 : real_fsync(file);
}

int fdatasync(int file)
{
  return fails("fdatasync", is_ours(file)) ? -1 : real_fdatasync(file);
}

int fstat(int file, struct stat *status)
{
  return fails("fstat", is_ours(file)) ? -1 : real_fstat(file, status);
}

/* The descriptor is gone all the same, as in Linux. */
int close(int file)
{
  const int bad = fails("close", is_ours(file));
  if (file >= 0 && file < (int)sizeof ours)
    ours[file] = 0;
  const int status = real_close(file);
  if (bad > 0)
    errno = EIO;
  return bad ? -1 : status;
}

int open(const char *path, int flags, ...)
{
  va_list rest;
  va_start(rest, flags);
  const int mode = va_arg(rest, int);
  va_end(rest);
  const int mine = strstr(path, ".tvh5") != NULL;
  if (fails("open", mine))
    return -1;
  const int file = real_open(path, flags, mode);
  if (mine && file >= 0 && file < (int)sizeof ours)
    ours[file] = 1;
  return file;
}

int open64(const char *path, int flags, ...)
{
  va_list rest;
  va_start(rest, flags);
  const int mode = va_arg(rest, int);
  va_end(rest);
  return open(path, flags, mode);
}
