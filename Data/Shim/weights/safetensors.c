/* SPDX-License-Identifier: BSD-3-Clause */
/* The safetensors format: 8 bytes with the length of a JSON header, the header
 * {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, ..., "__metadata__": {}},
 * then the data, little-endian and row-major. Offsets count from the end of the header. */
#include "json.h"
#include "names.h"
#include "status.h"
#include "weights.h"

#include <stdlib.h>
#include <string.h>

enum
{
  LONGEST_HEADER = 100 * 1000 * 1000, /* as the format's own library */
  MOST_AXES = 64
};

static int take_tensor(
  tv_weights *weights, size_t file, const char *name, json_t *entry, uint64_t data)
{
  const tv_mapped *mapped = weights->files + file;
  uint64_t size[MOST_AXES], place[2];
  const char *type = json_string_value(json_object_get(entry, "dtype"));
  const int rank = tv_json_numbers(size, json_object_get(entry, "shape"), MOST_AXES);
  if (!type || rank < 0 || tv_json_numbers(place, json_object_get(entry, "data_offsets"), 2) != 2)
    return tv_fail(
      TV_ERROR_FORMAT, "%s: the safetensors header is broken at tensor \"%s\"", mapped->path, name);
  if (place[0] > place[1] || place[1] > mapped->bytes - data)
    return tv_fail(TV_ERROR_FORMAT,
      "%s: tensor \"%s\" lies outside of the file (bytes %llu to %llu of %llu)", mapped->path, name,
      (unsigned long long)place[0], (unsigned long long)place[1],
      (unsigned long long)(mapped->bytes - data));
  tv_weights_tensor *tensor = tv_weights_add(weights, name, strlen(name));
  if (!tensor)
    return TV_ERROR_FORMAT;
  tensor->stored = tv_stored_safetensors(type);
  tensor->file = file;
  tensor->offset = data + place[0];
  if (!tensor->stored)
    tv_weights_problem(tensor, "holds numbers of the type %.20s, which is not known here", type);
  tv_weights_shape(tensor, size, (size_t)rank);
  uint64_t bytes = tv_stored_bytes(tensor->stored);
  int overflow = 0;
  for (int axis = 0; axis < rank; ++axis)
    overflow |= __builtin_mul_overflow(bytes, size[axis], &bytes);
  if (tensor->stored && (overflow || bytes != place[1] - place[0]))
    return tv_fail(TV_ERROR_FORMAT,
      "%s: tensor \"%s\" has %llu bytes, which is not what its shape and type need", mapped->path,
      name, (unsigned long long)(place[1] - place[0]));
  return 0;
}

static int by_offset(const void *a, const void *b)
{
  const tv_weights_tensor *const *x = a, *const *y = b;
  if ((*x)->offset != (*y)->offset)
    return (*x)->offset < (*y)->offset ? -1 : 1;
  return (*x)->span < (*y)->span ? -1 : (*x)->span > (*y)->span;
}

/* The format's own library allows no byte to belong to two tensors. */
static int check_overlaps(tv_weights *weights, size_t first, const char *path)
{
  const size_t count = weights->count - first;
  const tv_weights_tensor **order = malloc((count + 1) * sizeof *order);
  int status = 0;
  if (!order)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", path);
  for (size_t i = 0; i < count; ++i)
    order[i] = weights->tensors + first + i;
  qsort(order, count, sizeof *order, by_offset);
  for (size_t i = 1; !status && i < count; ++i)
    if (order[i - 1]->offset + order[i - 1]->span > order[i]->offset)
      status = tv_fail(TV_ERROR_FORMAT, "%s: tensors \"%s\" and \"%s\" overlap", path,
        order[i - 1]->name, order[i]->name);
  free(order);
  return status;
}

static int by_numbers(const void *a, const void *b)
{
  return tv_names_compare(
    ((const tv_weights_tensor *)a)->name, ((const tv_weights_tensor *)b)->name);
}

/* The format's own library sorts names as text: features.10 before features.2. Where that was done,
 * they are sorted by their numbers; any other order is the writer's, and stays. */
static void order_by_numbers(tv_weights *weights, size_t first)
{
  const size_t count = weights->count - first;
  for (size_t i = 1; i < count; ++i)
    if (strcmp(weights->tensors[first + i - 1].name, weights->tensors[first + i].name) > 0)
      return;
  if (count)
    qsort(weights->tensors + first, count, sizeof *weights->tensors, by_numbers);
}

static int take_header(tv_weights *weights, size_t file, json_t *header, uint64_t data)
{
  const char *name;
  json_t *entry;
  const size_t first = weights->count;
  json_object_foreach(header, name, entry)
  {
    if (!strcmp(name, "__metadata__")) {
      const char *key;
      json_t *value;
      json_object_foreach(entry, key, value)
      {
        if (json_is_string(value))
          (void)tv_names_step(weights, key, json_string_value(value));
      }
      continue;
    }
    const int status = take_tensor(weights, file, name, entry, data);
    if (status)
      return status;
  }
  const int status = check_overlaps(weights, first, weights->files[file].path);
  if (!status)
    order_by_numbers(weights, first);
  return status;
}

int tv_read_safetensors(tv_weights *weights, size_t file)
{
  unsigned char size[8];
  uint64_t length = 0;
  tv_mapped *mapped = weights->files + file;
  int status = tv_mapped_read(mapped, size, 0, sizeof size);
  if (status)
    return status;
  for (int i = 7; i >= 0; --i)
    length = length << 8 | size[i];
  if (length < 2 || length > LONGEST_HEADER || length > mapped->bytes - 8)
    return tv_fail(TV_ERROR_FORMAT,
      "%s: is no safetensors file, or cut off: its header would have %llu bytes", mapped->path,
      (unsigned long long)length);
  char *text = malloc((size_t)length);
  if (!text)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory for the header", mapped->path);
  status = tv_mapped_read(mapped, text, 8, length);
  json_t *header =
    status ? NULL : tv_json_parse(text, (size_t)length, mapped->path, "the safetensors header");
  free(text);
  if (!status)
    status = !header ? TV_ERROR_FORMAT
             : !json_is_object(header)
               ? tv_fail(TV_ERROR_FORMAT, "%s: the safetensors header is no object", mapped->path)
               : take_header(weights, file, header, 8 + length);
  json_decref(header);
  return status;
}
