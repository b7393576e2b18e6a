/* SPDX-License-Identifier: BSD-3-Clause */
#include "hdf5_input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const char image[] =
  "it carries an image of HDF5's cache, which HDF5 would believe unchecked";
static const char strange[] = "its superblock has an extension that is not understood";
static const char other[] = "its superblock is of a kind that is not understood";

enum
{
  CONTINUATION = 0x10,
  CACHE_IMAGE = 0x18,
  MOST_HEADER = 4096,
  SUPERBLOCK = 64 /* the longest: version 1 ends after 60 bytes, before its root group */
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

ptrdiff_t tv_hdf5_bytes(const tv_hdf5_input *input, uint64_t offset, void *to, size_t bytes)
{
  if (offset >= input->bytes && !input->live)
    return 0;
  const uint64_t left = input->live ? bytes : input->bytes - offset; /* it grows */
  const size_t count = bytes < left ? bytes : (size_t)left;
  if (input->memory) {
    memcpy(to, (const char *)input->memory + offset, count);
    return (ptrdiff_t)count;
  }
  size_t done = 0;
  while (done < count) {
    const ssize_t got = pread(
      input->descriptor, (char *)to + done, count - done, (off_t)(input->offset + offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return -1;
    if (got == 0)
      break; /* it has become shorter */
    done += (size_t)got;
  }
  return (ptrdiff_t)done;
}

/* The superblock's extension, of versions 2 and 3. */
static const char *check_extension(const tv_hdf5_input *input, uint64_t at)
{
  unsigned char header[MOST_HEADER];
  if (at == UINT64_MAX)
    return NULL;
  const ptrdiff_t got = tv_hdf5_bytes(input, at, header, sizeof header);
  return got <= 0 ? strange : check_header(header, (size_t)got);
}

const char *tv_hdf5_look(tv_hdf5_input *input)
{
  unsigned char head[SUPERBLOCK] = {0};
  input->end = 0;
  input->live = 0;
  const ptrdiff_t got = tv_hdf5_bytes(input, 0, head, sizeof head);
  if (got < 0)
    return "it cannot be read";
  if (got < 8 || memcmp(head, "\x89HDF\r\n\x1a\n", 8) != 0)
    return input->bytes == 0 ? "it is empty, not an HDF5 file" : "it is not an HDF5 file";
  if (got < (ptrdiff_t)sizeof head)
    return "it is cut off within its first bytes";
  const unsigned version = head[8];
  const int old = version < 2;
  if (version > 3 || head[old ? 13 : 9] != 8) /* bytes of an address */
    return other;
  /* HDF5 takes a superblock at the beginning for where it stands, whatever its base address says. */
  const unsigned char *addresses = head + (old ? 24 + 4 * version : 12); /* base, extension, end */
  if (little(addresses, 8) != 0)
    return other;
  input->live = version == 3 && (head[11] & 0x05) != 0;
  input->end = input->live ? 0 : little(addresses + 16, 8);
  return old ? NULL : check_extension(input, little(addresses + 8, 8));
}
