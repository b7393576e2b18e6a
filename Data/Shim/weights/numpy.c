/* SPDX-License-Identifier: BSD-3-Clause */
/* numpy's .npy, and .npz, a zip file of them. The header of an .npy: "\x93NUMPY", two bytes of
 * version, two or four bytes of length, and a Python dict as text:
 * {'descr': '<f4', 'fortran_order': False, 'shape': (64, 3, 3, 3), }. numpy.lib.format tells. */
#include "status.h"
#include "weights.h"
#include "zip.h"

#include <stdlib.h>
#include <string.h>

enum
{
  MOST_AXES = 64,
  LONGEST_HEADER = 1 << 16
};

/* What stands after 'key': in the header; NULL where there is none. */
static const char *value_of(const char *header, const char *key)
{
  const size_t length = strlen(key);
  for (const char *at = header; (at = strstr(at, key)); at += length) {
    const char quote = at > header ? at[-1] : 0;
    if ((quote == '\'' || quote == '"') && at[length] == quote) {
      at += length + 1;
      at += strspn(at, " \t");
      if (*at == ':')
        return at + 1 + strspn(at + 1, " \t");
    }
  }
  return NULL;
}

/* "(64, 3, 3, 3)"; how many, or -1. */
static int take_shape(uint64_t *size, const char *text)
{
  int rank = 0;
  if (!text || *text++ != '(')
    return -1;
  for (;;) {
    text += strspn(text, " ");
    if (*text == ')')
      return rank;
    if (*text < '0' || *text > '9' || rank == MOST_AXES)
      return -1;
    uint64_t value = 0;
    for (; *text >= '0' && *text <= '9'; ++text)
      if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
          __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
        return -1;
    size[rank++] = value;
    text += strspn(text, " L"); /* Python 2 wrote 64L */
    if (*text == ',')
      ++text;
    else if (*text != ')')
      return -1;
  }
}

/* "'<f4'": byte order, kind, bytes. */
static void take_type(tv_weights_tensor *tensor, const char *text)
{
  char name[16];
  const char quote = text ? *text : 0;
  const char *end = quote == '\'' || quote == '"' ? strchr(text + 1, quote) : NULL;
  if (!end || end - text - 1 < 2 || end - text - 1 >= (ptrdiff_t)sizeof name) {
    tv_weights_problem(tensor, "holds records or objects, which are not read");
    return;
  }
  memcpy(name, text + 1, (size_t)(end - text - 1));
  name[end - text - 1] = 0;
  const char *kind = strchr("<>|=", name[0]) ? name + 1 : name;
  if (*kind == 'O') {
    tv_weights_problem(tensor, "holds Python objects, which are never loaded");
    return;
  }
  tensor->stored = tv_stored_numpy(kind);
  tensor->swapped = name[0] == '>';
  if (!tensor->stored)
    tv_weights_problem(tensor, "holds numbers of the type %s, which are not shown here", name);
}

/* Lists what begins with the bytes of head; data is where its numbers would begin, bytes how many
 * there are in all, both counted from the beginning of the array's own file. */
static int take_array(tv_weights *weights, const char *name, size_t length, char *head, size_t held,
  uint64_t *data, uint64_t bytes)
{
  uint64_t size[MOST_AXES];
  const char *path = weights->files[0].path;
  const unsigned char *raw = (const unsigned char *)head;
  const int major = held >= 12 && !memcmp(head, "\x93NUMPY", 6) ? raw[6] : 0;
  const size_t start = major == 1 ? 10 : 12;
  const size_t header =
    raw[8] | (size_t)raw[9] << 8 | (major == 1 ? 0 : (size_t)raw[10] << 16 | (size_t)raw[11] << 24);
  if (major < 1 || major > 3)
    return tv_fail(TV_ERROR_FORMAT, "%s: \"%.*s\" is no array of numpy's", path, (int)length, name);
  if (header > held - start)
    return tv_fail(TV_ERROR_FORMAT,
      "%s: the header of \"%.*s\" would have %zu bytes: it is damaged or cut off", path,
      (int)length, name, header);
  char after = head[start + header];
  head[start + header] = 0;
  const char *order = value_of(head + start, "fortran_order");
  const int rank = take_shape(size, value_of(head + start, "shape"));
  tv_weights_tensor *tensor = tv_weights_add(weights, name, length);
  if (tensor)
    take_type(tensor, value_of(head + start, "descr"));
  const int turned = order && !strncmp(order, "True", 4);
  head[start + header] = after;
  if (!tensor)
    return TV_ERROR_MEMORY;
  if (rank < 0 || !order)
    return tv_fail(TV_ERROR_FORMAT, "%s: the header of \"%s\" is not numpy's", path, tensor->name);
  *data = start + header;
  tv_weights_shape(tensor, size, (size_t)rank);
  if (!tensor->problem && tensor->span > bytes - *data)
    return tv_fail(TV_ERROR_FORMAT,
      "%s: \"%s\" has %llu bytes of numbers, and its shape needs %llu", path, tensor->name,
      (unsigned long long)(bytes - *data), (unsigned long long)tensor->span);
  if (turned && !tensor->problem)
    tv_weights_turn_around(tensor);
  return 0;
}

static int read_entry(tv_weights *weights, const tv_zip_entry *entry, char *head)
{
  uint64_t data = 0;
  const size_t length = strlen(entry->name);
  if (length <= 4 || strcmp(entry->name + length - 4, ".npy") != 0)
    return 0;
  const size_t held = (size_t)(entry->bytes < LONGEST_HEADER ? entry->bytes : LONGEST_HEADER);
  int status = tv_zip_read(weights->files, entry, 0, held, head);
  if (!status)
    status = take_array(weights, entry->name, length - 4, head, held, &data, entry->bytes);
  if (status)
    return status;
  tv_weights_tensor *tensor = weights->tensors + weights->count - 1;
  tensor->place = entry->deflated ? TV_PLACE_DEFLATED : TV_PLACE_FLAT;
  tensor->offset = (entry->deflated ? 0 : entry->offset) + data;
  tensor->packed = entry->offset;
  tensor->packed_bytes = entry->packed_bytes;
  return 0;
}

int tv_read_numpy(tv_weights *weights)
{
  tv_zip zip = {0};
  uint64_t data = 0;
  tv_mapped *file = weights->files;
  char *head = malloc(LONGEST_HEADER + 1);
  if (!head)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", file->path);
  const size_t held = (size_t)(file->bytes < LONGEST_HEADER ? file->bytes : LONGEST_HEADER);
  int status = tv_mapped_read(file, head, 0, held);
  if (!status && held > 6 && !memcmp(head, "\x93NUMPY", 6)) {
    status = take_array(weights, "array", 5, head, held, &data, file->bytes);
    if (!status)
      weights->tensors[0].offset = data;
  } else if (!status) {
    status = tv_zip_open(&zip, file);
    for (size_t i = 0; !status && i < zip.count; ++i)
      status = read_entry(weights, zip.entries + i, head);
    tv_zip_close(&zip);
  }
  free(head);
  return status;
}
