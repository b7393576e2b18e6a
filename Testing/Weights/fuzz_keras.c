/* SPDX-License-Identifier: BSD-3-Clause */
/* Damaged HDF5 files of weights, by Keras's layouts, through the readers and through HDF5 itself. Each
 * is a file, and must be read, or refused with a sentence that names it; whatever was opened of HDF5
 * must be closed again.
 *
 *   fuzz_keras COUNT SEED FILE...     damages each file COUNT times at random, and reads each result in
 *                                     a process of its own: a signal, or more than 20 s, fails
 *
 * With clang's libFuzzer, which looks for new ways by itself: fuzz.sh. HDF5 there is Debian's, without
 * sanitizers in it; what they say of memory that it was given, they say. */
#include "fuzzed.h"
#include "status.h"

#include <hdf5.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_file(const char *path, const unsigned char *data, size_t size)
{
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
    abort();
}

/* thorough: recognised first, and opened once more, which HDF5 takes its time for. */
static void read_file(const char *path, int thorough)
{
  tv_weights *weights;
  if (thorough)
    (void)tv_weights_recognise(path);
  if (tv_weights_open(&weights, path) == 0) {
    fuzzed_read(weights);
    if (thorough) {
      tv_weights_rest(weights);
      fuzzed_read(weights);
    }
    tv_weights_close(weights);
  } else if (strstr(tv_last_error(), path) != tv_last_error()) {
    abort();
  }
  if (H5Fget_obj_count(H5F_OBJ_ALL, H5F_OBJ_ALL) > 0)
    abort();
}

static const char *path_of_input(void)
{
  static char path[64];
  snprintf(path, sizeof path, "input%d.h5", (int)getpid());
  return path;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
  const char *path = path_of_input();
  write_file(path, data, size);
  read_file(path, size % 8 == 0);
  return 0;
}

#ifndef FUZZ_LIBRARY
/* 0 where the file was read, or refused. */
static int read_apart(const char *path)
{
  int status = -1;
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    read_file(path, 1);
    _exit(0);
  }
  return child < 0 || waitpid(child, &status, 0) != child ? -1 : status;
}

int main(int argc, char **argv)
{
  static unsigned char whole[1 << 16], spoilt[1 << 16];
  unsigned long long done = 0;
  int bad = 0;
  for (int f = 3; f < argc; ++f) {
    FILE *file = fopen(argv[f], "rb");
    const size_t size = file ? fread(whole, 1, sizeof whole, file) : 0;
    if (!size || size == sizeof whole || fclose(file) != 0)
      return 2;
    fuzzed_seed(strtoull(argv[2], NULL, 10) * 2654435761u + (uint64_t)f);
    for (long k = strtol(argv[1], NULL, 10); k > 0; --k, ++done) {
      const char *path = path_of_input();
      memcpy(spoilt, whole, size);
      write_file(path, spoilt, fuzzed_damage(spoilt, size));
      const int status = read_apart(path);
      if (status) {
        char kept[64];
        snprintf(kept, sizeof kept, "failed%llu.h5", done);
        rename(path, kept);
        printf("%s, damaged from %s: status %#x\n", kept, argv[f], (unsigned)status);
        ++bad;
      }
    }
  }
  remove(path_of_input());
  printf("%llu damaged files, %d failed\n", done, bad);
  return bad != 0;
}
#endif
