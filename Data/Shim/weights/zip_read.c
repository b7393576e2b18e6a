/* SPDX-License-Identifier: BSD-3-Clause */
#include "status.h"
#include "zip.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

void tv_zip_close(tv_zip *zip)
{
  for (size_t i = 0; i < zip->count; ++i)
    free(zip->entries[i].name);
  free(zip->entries);
  free(zip->by_name);
  memset(zip, 0, sizeof *zip);
}

const tv_zip_entry *tv_zip_find(const tv_zip *zip, const char *name)
{
  size_t first = 0, end = zip->count;
  while (first < end) {
    const size_t middle = first + (end - first) / 2;
    const int order = strcmp(zip->by_name[middle]->name, name);
    if (!order)
      return zip->by_name[middle];
    if (order < 0)
      first = middle + 1;
    else
      end = middle;
  }
  return NULL;
}

/* Inflates skip bytes that nobody wants, then count into result. */
static int inflate_part(z_stream *stream, tv_mapped *file, const tv_zip_entry *entry, uint64_t skip,
  uint64_t count, unsigned char *result)
{
  unsigned char in[16384], out[16384];
  uint64_t taken = 0, done = 0;
  int code = Z_OK;
  while (done < skip + count) {
    if (!stream->avail_in && taken < entry->packed_bytes) {
      const uint64_t left = entry->packed_bytes - taken;
      const size_t piece = left < sizeof in ? (size_t)left : sizeof in;
      const int status = tv_mapped_read(file, in, entry->offset + taken, piece);
      if (status)
        return status;
      taken += piece;
      stream->next_in = in;
      stream->avail_in = (uInt)piece;
    }
    const int wanted = done >= skip;
    const uint64_t left = wanted ? skip + count - done : skip - done;
    const uint64_t room = wanted ? 1u << 30 : sizeof out;
    stream->next_out = wanted ? result + (done - skip) : out;
    stream->avail_out = (uInt)(left < room ? left : room);
    const uInt before = stream->avail_out;
    code = inflate(stream, Z_NO_FLUSH);
    done += before - stream->avail_out;
    if (code != Z_OK && !(code == Z_STREAM_END && done == skip + count))
      break;
    if (before == stream->avail_out && !stream->avail_in && taken == entry->packed_bytes)
      break;
  }
  return done == skip + count ? 0 : TV_ERROR_FORMAT;
}

int tv_zip_read(
  tv_mapped *file, const tv_zip_entry *entry, uint64_t skip, uint64_t count, void *result)
{
  if (skip > entry->bytes || count > entry->bytes - skip)
    return tv_fail(TV_ERROR_FORMAT, "%s: is cut off", file->path);
  if (!entry->deflated)
    return tv_mapped_read(file, result, entry->offset + skip, count);
  z_stream stream;
  memset(&stream, 0, sizeof stream);
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", file->path);
  const int status = inflate_part(&stream, file, entry, skip, count, result);
  inflateEnd(&stream);
  if (status == TV_ERROR_FORMAT)
    return tv_fail(TV_ERROR_FORMAT, "%s: \"%s\" in it cannot be decompressed: it is damaged",
      file->path, entry->name ? entry->name : "a tensor");
  return status;
}

int tv_zip_load(char **result, tv_mapped *file, const tv_zip_entry *entry, uint64_t most)
{
  *result = NULL;
  if (entry->bytes > most)
    return tv_fail(TV_ERROR_FORMAT, "%s: \"%s\" in it has %llu bytes, and %llu are the most",
      file->path, entry->name, (unsigned long long)entry->bytes, (unsigned long long)most);
  char *memory = malloc((size_t)entry->bytes + 1);
  if (!memory)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory for \"%s\"", file->path, entry->name);
  const int status = tv_zip_read(file, entry, 0, entry->bytes, memory);
  memory[entry->bytes] = 0;
  if (status)
    free(memory);
  else
    *result = memory;
  return status;
}
