/* SPDX-License-Identifier: BSD-3-Clause */
#include "hdf5_guard.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const char image[] =
  "it carries an image of HDF5's cache, which HDF5 would believe unchecked";
static const char strange[] = "its superblock has an extension that is not understood";

enum
{
  CONTINUATION = 0x10,
  CACHE_IMAGE = 0x18,
  MOST_HEADER = 4096
};

static uint64_t little(const unsigned char *bytes, unsigned count)
{
  uint64_t value = 0;
  for (unsigned k = 0; k < count; ++k)
    value |= (uint64_t)bytes[k] << (8 * k);
  return value;
}

/* The messages of an object header between two places in memory: before each its type and length in
 * so many bytes, and as many more behind them. */
static const char *find_image(
  const unsigned char *at, const unsigned char *end, unsigned type_bytes, unsigned more)
{
  const unsigned head = type_bytes + 2 + more;
  while (at + head <= end) {
    const uint64_t type = little(at, type_bytes), length = little(at + type_bytes, 2);
    if (type == CACHE_IMAGE)
      return image;
    if (type == CONTINUATION || length > (size_t)(end - at) - head)
      return strange;
    at += head + length;
  }
  return NULL;
}

/* An object header of either version. */
static const char *check_header(const unsigned char *header, size_t got)
{
  if (got >= 16 && header[0] == 1) { /* version, reserved, messages, references, length, padding */
    const uint64_t length = little(header + 8, 4);
    return length > got - 16 ? strange : find_image(header + 16, header + 16 + length, 2, 4);
  }
  if (got < 8 || memcmp(header, "OHDR\2", 5) != 0)
    return strange;
  const unsigned flags = header[5], width = 1u << (flags & 3);
  const size_t start = 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0) + width;
  if (start > got)
    return strange;
  const uint64_t length = little(header + start - width, width);
  return length > got - start
           ? strange
           : find_image(header + start, header + start + length, 1, flags & 4 ? 3 : 1);
}

const char *tv_hdf5_guard(tv_guard_read read, void *context)
{
  unsigned char head[48] = {0}, header[MOST_HEADER];
  if (read(context, 0, head, sizeof head) < (ptrdiff_t)sizeof head ||
      memcmp(head, "\x89HDF\r\n\x1a\n", 8) != 0 || head[8] < 2 || head[9] != 8)
    return NULL;
  const uint64_t base = little(head + 12, 8), extension = little(head + 20, 8);
  if (extension == UINT64_MAX)
    return NULL;
  const ptrdiff_t got =
    base + extension < base ? -1 : read(context, base + extension, header, sizeof header);
  return got <= 0 ? strange : check_header(header, (size_t)got);
}

static ptrdiff_t read_file(void *context, uint64_t offset, void *to, size_t bytes)
{
  return offset > INT64_MAX ? -1 : pread(*(const int *)context, to, bytes, (off_t)offset);
}

const char *tv_hdf5_guard_path(const char *path)
{
  int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0)
    return NULL; /* HDF5 will say so, too */
  const char *why = tv_hdf5_guard(read_file, &descriptor);
  close(descriptor);
  return why;
}

typedef struct memory_file
{
  const unsigned char *bytes;
  size_t count;
} memory_file;

static ptrdiff_t read_memory(void *context, uint64_t offset, void *to, size_t bytes)
{
  const memory_file *file = context;
  if (offset >= file->count)
    return 0;
  const size_t left = file->count - (size_t)offset, count = bytes < left ? bytes : left;
  memcpy(to, file->bytes + offset, count);
  return (ptrdiff_t)count;
}

const char *tv_hdf5_guard_memory(const void *memory, size_t bytes)
{
  memory_file file = {memory, bytes};
  return tv_hdf5_guard(read_memory, &file);
}
