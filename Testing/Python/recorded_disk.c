/* SPDX-License-Identifier: BSD-3-Clause */
/* Preloaded into a writer: what it does to its run file, in the order in which it does it.
 *
 * To the file that the environment variable RECORDED_DISK names it appends, of each write, change of
 * length and wait for the disk, three int64 and the bytes: 0 a write, its offset, how many bytes; 1 a
 * length, the length, 0; 2 a wait, 0, 0. power.py makes power cuts of it. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static void record(int descriptor, int64_t kind, int64_t where, const void *data, size_t bytes)
{
  char link[64], name[4096];
  const char *path = getenv("RECORDED_DISK");
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t length = readlink(link, name, sizeof name);
  if (!path || length < 5 || memcmp(name + length - 5, ".tvh5", 5) != 0)
    return;
  const int64_t head[3] = {kind, where, (int64_t)bytes};
  const struct iovec both[2] = {
    {(void *)(uintptr_t)head, sizeof head}, {(void *)(uintptr_t)data, bytes}};
  const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0 || writev(file, both, 2) != (ssize_t)(sizeof head + bytes) || close(file) != 0)
    abort(); /* the test is of no use without it */
}

ssize_t pwrite(int descriptor, const void *data, size_t bytes, off_t offset)
{
  ssize_t (*real)(int, const void *, size_t, off_t);
  *(void **)&real = dlsym(RTLD_NEXT, "pwrite");
  const ssize_t done = real(descriptor, data, bytes, offset);
  if (done > 0)
    record(descriptor, 0, offset, data, (size_t)done);
  return done;
}

int ftruncate(int descriptor, off_t length)
{
  int (*real)(int, off_t);
  *(void **)&real = dlsym(RTLD_NEXT, "ftruncate");
  const int status = real(descriptor, length);
  if (status == 0)
    record(descriptor, 1, length, NULL, 0);
  return status;
}

int fdatasync(int descriptor)
{
  int (*real)(int);
  *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
  const int status = real(descriptor);
  if (status == 0)
    record(descriptor, 2, 0, NULL, 0);
  return status;
}
