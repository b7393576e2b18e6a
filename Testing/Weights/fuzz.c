/* SPDX-License-Identifier: BSD-3-Clause */
/* Damaged weight files by the thousand. The readers are linked with a file that is memory (the
 * functions of mapped.h, below) and without HDF5, so that each takes microseconds.
 *
 *   fuzz_weights COUNT SEED FILE...     damages each file COUNT times at random and reads the result
 *
 * Each must be read, or refused with a sentence that names it; anything else is a crash, or, built
 * with sanitizers, their report. With clang's libFuzzer, which looks for new ways by itself:
 * fuzz.sh. */
#include "fuzzed.h"
#include "mapped.h"
#include "status.h"
#include "weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A file that lists others, as JSON, ends at the first zero; what follows is each of those. */
static const char json_name[] = "file.index.json", tensorflow_name[] = "model.json";
static struct
{
  unsigned char *memory; /* of its own size: a sanitizer sees what is read beyond it */
  size_t bytes;
} first, other;

static int copy_of(unsigned char **memory, const unsigned char *data, size_t size)
{
  *memory = malloc(size + !size);
  if (*memory)
    memcpy(*memory, data, size);
  return *memory != NULL;
}

/* The name of the first file; NULL where there is no memory. */
static const char *take(const unsigned char *data, size_t size)
{
  const unsigned char *zero = size && *data == '{' ? memchr(data, 0, size) : NULL;
  first.bytes = zero ? (size_t)(zero - data) : size;
  other.bytes = zero ? size - first.bytes - 1 : 0;
  if (!copy_of(&first.memory, data, first.bytes))
    return NULL;
  if (!copy_of(&other.memory, data + size - other.bytes, other.bytes)) {
    free(first.memory);
    return NULL;
  }
  return memmem(data, first.bytes, "weightsManifest", 15) ? tensorflow_name : json_name;
}

int tv_mapped_open(tv_mapped *file, const char *path)
{
  const int is_first = !strcmp(path, json_name) || !strcmp(path, tensorflow_name);
  memset(file, 0, sizeof *file);
  file->path = strdup(path);
  file->memory = is_first ? first.memory : other.memory;
  file->bytes = is_first ? first.bytes : other.bytes;
  return file->path ? 0 : TV_ERROR_MEMORY;
}

int tv_mapped_is_no_link(const tv_mapped *file)
{
  return file->path != NULL;
}

int tv_mapped_read(tv_mapped *file, void *result, uint64_t offset, uint64_t count)
{
  if (offset > file->bytes || count > file->bytes - offset)
    return tv_fail(TV_ERROR_FORMAT, "%s: is cut off", file->path);
  if (count)
    memcpy(result, file->memory + offset, (size_t)count);
  return 0;
}

const unsigned char *tv_mapped_memory(tv_mapped *file)
{
  return file->memory;
}

void tv_mapped_rest(tv_mapped *file)
{
  (void)file;
}

void tv_mapped_close(tv_mapped *file)
{
  free(file->path);
  file->path = NULL;
}

/* HDF5 needs a file: fuzz_keras.c. */
int tv_read_keras(tv_weights *weights)
{
  return tv_fail(TV_ERROR_UNSUPPORTED, "%s: is HDF5", weights->files[0].path);
}
int tv_keras_recognise(const char *path)
{
  return path == NULL;
}
int tv_keras_values(tv_weights *weights, const tv_weights_tensor *tensor, void *result)
{
  return weights && tensor && result ? TV_ERROR_STATE : TV_ERROR_ARGUMENT;
}
void tv_keras_rest(tv_weights *weights)
{
  (void)weights;
}
void tv_keras_close(tv_weights *weights)
{
  (void)weights;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
  tv_weights *weights;
  const char *name = take(data, size);
  if (!name)
    return 0;
  if (tv_weights_open(&weights, name) == 0) {
    fuzzed_read(weights);
    tv_weights_close(weights);
  } else if (strstr(tv_last_error(), ": ") ==
             NULL) { /* the name of the file, or of a shard, and why */
    abort();
  }
  free(first.memory);
  free(other.memory);
  return 0;
}

#ifndef FUZZ_LIBRARY
int main(int argc, char **argv)
{
  static unsigned char whole[1 << 20], spoilt[1 << 20];
  unsigned long long done = 0;
  for (int f = 3; f < argc; ++f) {
    FILE *file = fopen(argv[f], "rb");
    const size_t size = file ? fread(whole, 1, sizeof whole, file) : 0;
    if (!size)
      return 2;
    fclose(file);
    fuzzed_seed(strtoull(argv[2], NULL, 10) * 2654435761u + (uint64_t)f);
    for (long k = strtol(argv[1], NULL, 10); k > 0; --k, ++done) {
      memcpy(spoilt, whole, size);
      LLVMFuzzerTestOneInput(spoilt, fuzzed_damage(spoilt, size));
    }
  }
  printf("%llu damaged files\n", done);
  return 0;
}
#endif
