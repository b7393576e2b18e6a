/* SPDX-License-Identifier: BSD-3-Clause */
/* The central directory, after PKWARE's APPNOTE.TXT 6.3.10: 4.3.7 (local header), 4.3.12 (central
 * directory), 4.3.14 to 4.3.16 (end records), 4.5.3 (zip64). */
#include "zip.h"
#include "status.h"

#include <stdlib.h>
#include <string.h>

enum
{
  END_BYTES = 22,
  END64_BYTES = 56,
  LOCATOR_BYTES = 20,
  CENTRAL_BYTES = 46,
  LOCAL_BYTES = 30,
  LONGEST_COMMENT = 65535,
  LONGEST_NAME = 1023,
  MOST_ENTRIES = 1000000,
  LARGEST_RATIO = 1032 /* of deflate: zlib's technical details */
};
static const uint64_t largest_directory = 256u << 20;

static uint64_t number(const unsigned char *from, int bytes)
{
  uint64_t value = 0;
  for (int i = bytes - 1; i >= 0; --i)
    value = value << 8 | from[i];
  return value;
}

static int broken(const tv_zip *zip, const char *what)
{
  return tv_fail(TV_ERROR_FORMAT, "%s: is a damaged zip file: %s", zip->file->path, what);
}

/* Where the directory is, and how many entries it says it has. */
static int find_directory(tv_zip *zip, uint64_t *offset, uint64_t *bytes, uint64_t *count)
{
  tv_mapped *file = zip->file;
  const uint64_t most = END_BYTES + LONGEST_COMMENT;
  const size_t tail = (size_t)(file->bytes < most ? file->bytes : most);
  if (tail < END_BYTES)
    return broken(zip, "it is too short");
  unsigned char *end = malloc(tail);
  if (!end)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", file->path);
  int status = tv_mapped_read(file, end, file->bytes - tail, tail), found = 0;
  uint64_t at = 0;
  for (size_t i = tail - END_BYTES + 1; !status && !found && i-- > 0;)
    if (!memcmp(end + i, "PK\5\6", 4) && number(end + i + 20, 2) == tail - END_BYTES - i) {
      at = file->bytes - tail + i;
      *count = number(end + i + 10, 2);
      *bytes = number(end + i + 12, 4);
      *offset = number(end + i + 16, 4);
      found = number(end + i + 4, 2) == number(end + i + 6, 2) ? 1 : 2;
    }
  free(end);
  if (status)
    return status;
  if (found != 1)
    return broken(zip, found ? "it is one of several parts" : "it has no directory at its end");
  if (*count == 0xffff || *bytes == 0xffffffffu || *offset == 0xffffffffu) {
    unsigned char record[END64_BYTES];
    if (at < LOCATOR_BYTES + END64_BYTES)
      return broken(zip, "its directory is not there");
    status = tv_mapped_read(file, record, at - LOCATOR_BYTES, LOCATOR_BYTES);
    if (!status && !memcmp(record, "PK\6\7", 4)) {
      status = tv_mapped_read(file, record, number(record + 8, 8), END64_BYTES);
      if (status || memcmp(record, "PK\6\6", 4) != 0)
        return broken(zip, "its directory is not there");
      *count = number(record + 32, 8);
      *bytes = number(record + 40, 8);
      *offset = number(record + 48, 8);
    }
  }
  if (status)
    return status;
  if (*offset > at || *bytes > at - *offset)
    return broken(zip, "its directory lies outside of the file");
  if (*count > MOST_ENTRIES || *bytes > largest_directory || *count * CENTRAL_BYTES > *bytes)
    return broken(zip, "it lists more entries than its directory has room for");
  return 0;
}

/* Sizes and offset of more than 32 bits, from the extra field. */
static int take_zip64(tv_zip_entry *entry, const unsigned char *extra, size_t bytes)
{
  uint64_t *fields[] = {&entry->bytes, &entry->packed_bytes, &entry->header};
  while (bytes >= 4) {
    const size_t id = number(extra, 2), length = number(extra + 2, 2);
    extra += 4;
    bytes -= 4;
    if (length > bytes)
      return -1;
    if (id == 1) {
      size_t at = 0;
      for (int i = 0; i < 3; ++i) {
        if (*fields[i] != 0xffffffffu)
          continue;
        if (length - at < 8)
          return -1;
        *fields[i] = number(extra + at, 8);
        at += 8;
      }
      return 0;
    }
    extra += length;
    bytes -= length;
  }
  return 0;
}

/* One record of the directory; how many bytes it has, or a negative tv_status. */
static int64_t take_entry(tv_zip *zip, const unsigned char *record, uint64_t left)
{
  if (left < CENTRAL_BYTES || memcmp(record, "PK\1\2", 4) != 0)
    return broken(zip, "its directory is not what it should be");
  const uint64_t name = number(record + 28, 2), extra = number(record + 30, 2),
                 comment = number(record + 32, 2);
  const uint64_t all = CENTRAL_BYTES + name + extra + comment;
  if (all > left)
    return broken(zip, "its directory is cut off");
  if (!name || name > LONGEST_NAME || !tv_is_text((const char *)record + CENTRAL_BYTES, name))
    return broken(zip, "an entry's name is none");
  tv_zip_entry *entry = zip->entries + zip->count;
  memset(entry, 0, sizeof *entry);
  entry->packed_bytes = number(record + 20, 4);
  entry->bytes = number(record + 24, 4);
  entry->header = number(record + 42, 4);
  entry->name = strndup((const char *)record + CENTRAL_BYTES, name);
  if (!entry->name)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", zip->file->path);
  ++zip->count;
  const uint64_t method = number(record + 10, 2);
  const char *path = zip->file->path;
  if (number(record + 8, 2) & 1)
    return tv_fail(TV_ERROR_UNSUPPORTED, "%s: \"%s\" in it is encrypted", path, entry->name);
  if (method != 0 && method != 8)
    return tv_fail(TV_ERROR_UNSUPPORTED, "%s: \"%s\" in it is compressed by method %llu", path,
      entry->name, (unsigned long long)method);
  entry->deflated = method == 8;
  if (take_zip64(entry, record + CENTRAL_BYTES + name, (size_t)extra))
    return broken(zip, "an entry has no size");
  if (!entry->deflated && entry->bytes != entry->packed_bytes)
    return tv_fail(TV_ERROR_FORMAT, "%s: \"%s\" in it is stored with two sizes, %llu and %llu",
      path, entry->name, (unsigned long long)entry->packed_bytes, (unsigned long long)entry->bytes);
  if (entry->deflated && entry->bytes / LARGEST_RATIO > entry->packed_bytes)
    return tv_fail(TV_ERROR_FORMAT,
      "%s: \"%s\" in it claims to grow from %llu to %llu bytes, which deflate cannot do", path,
      entry->name, (unsigned long long)entry->packed_bytes, (unsigned long long)entry->bytes);
  return (int64_t)all;
}

static int by_name(const void *a, const void *b)
{
  const tv_zip_entry *const *x = a, *const *y = b;
  return strcmp((*x)->name, (*y)->name);
}

static int by_header(const void *a, const void *b)
{
  const tv_zip_entry *const *x = a, *const *y = b;
  return (*x)->header < (*y)->header ? -1 : (*x)->header > (*y)->header;
}

/* The local header of an entry, which must end with the entry's bytes before next. */
static int check_local(tv_zip *zip, tv_zip_entry *entry, uint64_t next)
{
  unsigned char local[LOCAL_BYTES];
  char name[LONGEST_NAME + 1];
  const size_t length = strlen(entry->name);
  if (entry->header > next || next - entry->header < LOCAL_BYTES)
    return tv_fail(TV_ERROR_FORMAT, "%s: \"%s\" in it lies outside of the file, or over another",
      zip->file->path, entry->name);
  int status = tv_mapped_read(zip->file, local, entry->header, LOCAL_BYTES);
  if (status)
    return status;
  const uint64_t from = LOCAL_BYTES + number(local + 26, 2) + number(local + 28, 2);
  if (memcmp(local, "PK\3\4", 4) != 0 || number(local + 26, 2) != length ||
      number(local + 8, 2) != (entry->deflated ? 8u : 0u))
    return tv_fail(TV_ERROR_FORMAT, "%s: \"%s\" in it is not where the directory says",
      zip->file->path, entry->name);
  if (from > next - entry->header || entry->packed_bytes > next - entry->header - from)
    return tv_fail(TV_ERROR_FORMAT, "%s: \"%s\" in it lies outside of the file, or over another",
      zip->file->path, entry->name);
  status = tv_mapped_read(zip->file, name, entry->header + LOCAL_BYTES, length);
  if (!status && memcmp(name, entry->name, length) != 0)
    return tv_fail(TV_ERROR_FORMAT, "%s: \"%s\" in it has another name in its own header",
      zip->file->path, entry->name);
  entry->offset = entry->header + from;
  return status;
}

static int check_entries(tv_zip *zip, uint64_t directory)
{
  tv_zip_entry **order = malloc((zip->count + 1) * sizeof *order);
  int status = 0;
  if (!order)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", zip->file->path);
  for (size_t i = 0; i < zip->count; ++i)
    order[i] = zip->entries + i;
  zip->by_name = malloc((zip->count + 1) * sizeof *zip->by_name);
  if (!zip->by_name) {
    free(order);
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", zip->file->path);
  }
  qsort(order, zip->count, sizeof *order, by_name);
  memcpy(zip->by_name, order, zip->count * sizeof *order);
  for (size_t i = 1; !status && i < zip->count; ++i)
    if (!strcmp(order[i - 1]->name, order[i]->name))
      status = tv_fail(
        TV_ERROR_FORMAT, "%s: has two entries of the name \"%s\"", zip->file->path, order[i]->name);
  qsort(order, zip->count, sizeof *order, by_header);
  for (size_t i = 0; !status && i < zip->count; ++i)
    status = check_local(zip, order[i], i + 1 < zip->count ? order[i + 1]->header : directory);
  free(order);
  return status;
}

int tv_zip_open(tv_zip *zip, tv_mapped *file)
{
  uint64_t offset = 0, bytes = 0, count = 0;
  memset(zip, 0, sizeof *zip);
  zip->file = file;
  int status = find_directory(zip, &offset, &bytes, &count);
  if (status)
    return status;
  unsigned char *directory = malloc((size_t)bytes + 1);
  zip->entries = calloc((size_t)count + 1, sizeof *zip->entries);
  if (!directory || !zip->entries)
    status = tv_fail(TV_ERROR_MEMORY, "%s: no memory for its directory", file->path);
  if (!status)
    status = tv_mapped_read(file, directory, offset, bytes);
  for (uint64_t at = 0; !status && zip->count < count;) {
    const int64_t taken = take_entry(zip, directory + at, bytes - at);
    if (taken < 0)
      status = (int)taken;
    else
      at += (uint64_t)taken;
  }
  free(directory);
  if (!status)
    status = check_entries(zip, offset);
  if (status)
    tv_zip_close(zip);
  return status;
}
