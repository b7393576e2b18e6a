/* Preloaded into a writer: a disk that goes wrong at a chosen write.
 *
 *   BAD_DISK_AT=n        the n-th pwrite() or ftruncate(), counted from 1
 *   BAD_DISK_HOW=full    the disk is full from there on: what would make the file longer is cut at
 * a page boundary, and then fails with ENOSPC torn    the process is killed in it, as kill -9 does
 * it: at the first page boundary inside, or before it where there is none late    the process is
 * killed right after it
 *
 * With BAD_DISK_AT=0 the number of writes is printed to stderr at the end. */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static long at, calls;
static const char *how;
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);

__attribute__((constructor)) static void load(void)
{
  const char *number = getenv("BAD_DISK_AT");
  at = number ? atol(number) : 0;
  how = getenv("BAD_DISK_HOW");
  if (!how)
    how = "full";
  *(void **)&real_pwrite = dlsym(RTLD_NEXT, "pwrite");
  *(void **)&real_ftruncate = dlsym(RTLD_NEXT, "ftruncate");
}

__attribute__((destructor)) static void report(void)
{
  if (at == 0 && calls > 0)
    fprintf(stderr, "%ld writes\n", calls);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t offset)
{
  ++calls;
  if (at == 0 || calls < at)
    return real_pwrite(file, data, size, offset);
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

int ftruncate(int file, off_t size)
{
  ++calls;
  if (at == 0 || calls < at)
    return real_ftruncate(file, size);
  if (strcmp(how, "full") != 0)
    kill(getpid(), SIGKILL);
  errno = ENOSPC;
  return -1;
}

int ftruncate64(int file, off_t size)
{
  return ftruncate(file, size);
}
