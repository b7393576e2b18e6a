/* SPDX-License-Identifier: BSD-3-Clause */
#include "idx.h"

#include "status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define LARGEST_IMAGE 4096
#define LARGEST_FILE ((size_t)1 << 32)

/* The path of the file as it exists in the folder, in one of its four spellings. */
static int find(
  char *path, size_t size, const char *folder, const char *prefix, const char *what, int dimensions)
{
  static const char *const dots[] = {"-", "."}, *const ends[] = {"", ".gz"};
  for (int dot = 0; dot < 2; ++dot)
    for (int end = 0; end < 2; ++end) {
      int length = snprintf(path, size, "%s/%s-%s%sidx%d-ubyte%s", folder, prefix, what, dots[dot],
        dimensions, ends[end]);
      if (length < 0 || (size_t)length >= size)
        return tv_fail(TV_ERROR_ARGUMENT, "the name of the data folder is too long");
      if (access(path, F_OK) == 0)
        return TV_OK;
    }
  return tv_fail(TV_ERROR_FILE, "the data folder '%s' has no file %s-%s-idx%d-ubyte (or .gz)",
    folder, prefix, what, dimensions);
}

/* Exactly that many bytes; memory grows with what arrives, not with what the header claims. */
static int read_bytes(uint8_t **bytes, size_t count, gzFile file, const char *path)
{
  size_t have = 0, capacity = 0;
  uint8_t *data = NULL;
  while (have < count) {
    if (have == capacity) {
      capacity = capacity ? 2 * capacity : (size_t)1 << 20;
      capacity = capacity < count ? capacity : count;
      uint8_t *larger = realloc(data, capacity);
      if (!larger) {
        free(data);
        return tv_fail(TV_ERROR_MEMORY, "no memory for the %zu bytes of '%s'", count, path);
      }
      data = larger;
    }
    size_t wanted = capacity - have;
    int got = gzread(file, data + have, wanted > (1u << 30) ? 1u << 30 : (unsigned)wanted);
    if (got <= 0) {
      free(data);
      return tv_fail(TV_ERROR_FORMAT,
        got < 0 ? "'%s' is damaged: its compressed data end after %zu of %zu bytes"
                : "'%s' is too short: its data end after %zu of %zu bytes",
        path, have, count);
    }
    have += (size_t)got;
  }
  *bytes = data;
  return TV_OK;
}

/* One IDX file of unsigned bytes: the sizes of its axes and its data. */
static int read_file(uint8_t **bytes, size_t *sizes, int dimensions, const char *path)
{
  uint8_t header[16];
  const unsigned length = 4u + 4u * (unsigned)dimensions;
  gzFile file = gzopen(path, "rb");
  if (!file)
    return tv_fail(TV_ERROR_FILE, "'%s' cannot be opened", path);
  gzbuffer(file, 1u << 18);
  int status = TV_OK;
  if (gzread(file, header, length) != (int)length)
    status = tv_fail(TV_ERROR_FORMAT, "'%s' is too short to be an IDX file", path);
  else if (header[0] || header[1] || header[2] != 8 || header[3] != dimensions)
    status = tv_fail(TV_ERROR_FORMAT, "'%s' is not an IDX file of unsigned bytes in %d dimension%s",
      path, dimensions, dimensions > 1 ? "s" : "");
  size_t total = 1;
  int overflow = 0;
  for (int axis = 0; status == TV_OK && axis < dimensions; ++axis) {
    const uint8_t *at = header + 4 + 4 * axis;
    sizes[axis] = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
    total = tv_multiply(total, sizes[axis], &overflow);
    if (sizes[axis] == 0 || (axis > 0 && sizes[axis] > LARGEST_IMAGE))
      status = tv_fail(
        TV_ERROR_FORMAT, "'%s' claims a size of %zu along axis %d", path, sizes[axis], axis);
  }
  if (status == TV_OK && (overflow || total > LARGEST_FILE))
    status =
      tv_fail(TV_ERROR_FORMAT, "'%s' claims more data than the 4 GiB that are possible", path);
  if (status == TV_OK)
    status = read_bytes(bytes, total, file, path);
  gzclose(file);
  return status;
}

int idx_read(idx_images *images, const char *folder, const char *prefix)
{
  char path[2][4096];
  size_t sizes[3], labels = 0;
  int status;
  memset(images, 0, sizeof *images);
  if ((status = find(path[0], sizeof path[0], folder, prefix, "images", 3)) != TV_OK ||
      (status = find(path[1], sizeof path[1], folder, prefix, "labels", 1)) != TV_OK ||
      (status = read_file(&images->pixels, sizes, 3, path[0])) != TV_OK ||
      (status = read_file(&images->labels, &labels, 1, path[1])) != TV_OK) {
    idx_free(images);
    return status;
  }
  images->samples = sizes[0];
  images->height = sizes[1];
  images->width = sizes[2];
  if (labels != sizes[0])
    status = tv_fail(TV_ERROR_FORMAT, "'%s' has %zu images and '%s' %zu labels", path[0], sizes[0],
      path[1], labels);
  for (size_t i = 0; status == TV_OK && i < labels; ++i)
    if (images->labels[i] >= IDX_CLASSES)
      status = tv_fail(TV_ERROR_FORMAT, "label %zu in '%s' is %d, and there are %d classes", i,
        path[1], images->labels[i], IDX_CLASSES);
  if (status != TV_OK)
    idx_free(images);
  return status;
}

void idx_free(idx_images *images)
{
  free(images->pixels);
  free(images->labels);
  memset(images, 0, sizeof *images);
}

void idx_copy(float *out, uint8_t *labels, const idx_images *images, const uint32_t *indices,
  size_t first, size_t samples)
{
  const size_t pixels = images->height * images->width;
  for (size_t i = 0; i < samples; ++i) {
    const size_t sample = indices ? indices[i] : first + i;
    const uint8_t *from = images->pixels + sample * pixels;
    for (size_t p = 0; p < pixels; ++p)
      out[i * pixels + p] = (float)from[p] * (1.0f / 255.0f);
    if (labels)
      labels[i] = images->labels[sample];
  }
}
