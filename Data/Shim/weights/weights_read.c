/* SPDX-License-Identifier: BSD-3-Clause */
#include "status.h"
#include "weights.h"
#include "wire.h"
#include "zip.h"

#include <stdlib.h>
#include <string.h>

static int no_memory(const tv_weights *weights, const tv_weights_tensor *tensor)
{
  return tv_fail(
    TV_ERROR_MEMORY, "%s: no memory for \"%s\"", weights->files[tensor->file].path, tensor->name);
}

/* Whether each number is where its offset says. */
static int is_plain(const tv_weights_tensor *tensor)
{
  return !tensor->latin1_bytes &&
         (tensor->place == TV_PLACE_FLAT || tensor->place == TV_PLACE_SHARDS);
}

/* Whether the file's bytes, in order, are what is wanted. */
static int is_direct(const tv_weights_tensor *tensor)
{
  return tensor->contiguous && !tensor->swapped && tv_stored_same(tensor->stored) &&
         tensor->place != TV_PLACE_VARINTS;
}

/* The bytes of a tensor that goes on in the next files, from skip on. */
static int fetch_shards(
  tv_weights *weights, const tv_weights_tensor *tensor, uint64_t skip, uint64_t count, char *result)
{
  uint64_t at = tensor->offset + skip;
  for (size_t k = tensor->file; count && k < weights->file_count; ++k) {
    tv_mapped *file = weights->files + k;
    if (at >= file->bytes) {
      at -= file->bytes;
      continue;
    }
    const uint64_t some = count < file->bytes - at ? count : file->bytes - at;
    const int status = tv_mapped_read(file, result, at, some);
    if (status)
      return status;
    result += some;
    count -= some;
    at = 0;
  }
  return count ? tv_fail(TV_ERROR_FORMAT, "%s: is cut off", weights->files[0].path) : 0;
}

/* The bytes of a tensor from skip on, as the file has them, or of the text in their place. */
static int fetch_stored(
  tv_weights *weights, const tv_weights_tensor *tensor, uint64_t skip, uint64_t count, void *result)
{
  tv_mapped *file = weights->files + tensor->file;
  if (tensor->place == TV_PLACE_SHARDS)
    return fetch_shards(weights, tensor, skip, count, result);
  if (tensor->place == TV_PLACE_FLAT)
    return tv_mapped_read(file, result, tensor->offset + skip, count);
  const tv_zip_entry entry = {.name = tensor->name,
    .offset = tensor->packed,
    .packed_bytes = tensor->packed_bytes,
    .bytes = tensor->offset + (tensor->latin1_bytes ? tensor->latin1_bytes : tensor->span),
    .deflated = 1};
  return tv_zip_read(file, &entry, tensor->offset + skip, count, result);
}

/* All bytes of a tensor that stand as text. */
static int fetch_latin1(tv_weights *weights, const tv_weights_tensor *tensor, void *result)
{
  const size_t length = (size_t)tensor->latin1_bytes, span = (size_t)tensor->span;
  unsigned char *text = malloc(length);
  if (!text)
    return no_memory(weights, tensor);
  int status = fetch_stored(weights, tensor, 0, length, text);
  if (!status && tv_stored_latin1(result, span, text, length) != span)
    status = tv_fail(TV_ERROR_FORMAT, "%s: \"%s\" has changed since it was opened",
      weights->files[tensor->file].path, tensor->name);
  free(text);
  return status;
}

/* The bytes of a tensor from skip on; of text, only all of them. */
static int fetch(
  tv_weights *weights, const tv_weights_tensor *tensor, uint64_t skip, uint64_t count, void *result)
{
  return tensor->latin1_bytes ? fetch_latin1(weights, tensor, result)
                              : fetch_stored(weights, tensor, skip, count, result);
}

/* A contiguous tensor whose numbers must be made wider or turned around, piece by piece. */
static int read_pieces(tv_weights *weights, const tv_weights_tensor *tensor, char *result)
{
  unsigned char piece[8 * 4096];
  const size_t bytes = tv_stored_bytes(tensor->stored);
  const size_t each = tv_stored_read_bytes(tensor->stored), most = sizeof piece / bytes;
  int status = 0;
  for (size_t done = 0; !status && done < tensor->elements;) {
    const size_t some = tensor->elements - done < most ? tensor->elements - done : most;
    status = fetch(weights, tensor, (uint64_t)done * bytes, (uint64_t)some * bytes, piece);
    if (!status)
      tv_stored_convert(result + done * each, tensor->stored, tensor->swapped, piece, bytes, some);
    done += some;
  }
  return status;
}

/* Any strides: from the bytes of the whole span. */
static void gather(const tv_weights_tensor *tensor, const unsigned char *source, char *result)
{
  const size_t bytes = tv_stored_bytes(tensor->stored), each = tv_stored_read_bytes(tensor->stored);
  const int last = tensor->rank - 1;
  const size_t row = tensor->rank ? tensor->size[last] : 1;
  const size_t step = tensor->rank ? tensor->stride[last] : 1;
  size_t index[TV_RANK] = {0}, from = 0;
  for (size_t done = 0; done < tensor->elements; done += row) {
    tv_stored_convert(result + done * each, tensor->stored, tensor->swapped, source + from * bytes,
      step * bytes, row);
    for (int axis = last - 1; axis >= 0; --axis) {
      from += tensor->stride[axis];
      if (++index[axis] < tensor->size[axis])
        break;
      from -= tensor->stride[axis] * tensor->size[axis];
      index[axis] = 0;
    }
  }
}

static int read_strided(tv_weights *weights, const tv_weights_tensor *tensor, char *result)
{
  unsigned char *source = malloc((size_t)tensor->span);
  if (!source)
    return no_memory(weights, tensor);
  const int status = fetch(weights, tensor, 0, tensor->span, source);
  if (!status)
    gather(tensor, source, result);
  free(source);
  return status;
}

/* A varint for each number; of narrow types, and of float16's bits, the lower bytes count. */
static int read_varints(tv_weights *weights, const tv_weights_tensor *tensor, char *result)
{
  tv_cursor cursor;
  const size_t bytes = tv_stored_bytes(tensor->stored), each = tv_stored_read_bytes(tensor->stored);
  tv_cursor_start(
    &cursor, weights->files + tensor->file, tensor->offset, tensor->offset + tensor->span);
  for (size_t i = 0; i < tensor->elements; ++i) {
    uint64_t value;
    unsigned char number[8];
    const int status = tv_wire_varint(&cursor, &value);
    if (status)
      return status;
    for (size_t k = 0; k < sizeof number; ++k)
      number[k] = (unsigned char)(value >> 8 * k);
    tv_stored_convert(result + i * each, tensor->stored, 0, number, bytes, 1);
  }
  return 0;
}

int tv_weights_read(tv_weights *weights, const tv_weights_tensor *tensor, void *result)
{
  if (tensor->problem)
    return tv_fail(TV_ERROR_UNSUPPORTED, "%s: \"%s\" %s", weights->files[tensor->file].path,
      tensor->name, tensor->problem);
  if (tensor->place == TV_PLACE_HDF5)
    return tv_keras_values(weights, tensor, result);
  if (tensor->place == TV_PLACE_VARINTS)
    return read_varints(weights, tensor, result);
  if (is_direct(tensor))
    return fetch(weights, tensor, 0, tensor->span, result);
  if (tensor->contiguous && is_plain(tensor))
    return read_pieces(weights, tensor, result);
  return read_strided(weights, tensor, result);
}

const void *tv_weights_map(tv_weights *weights, const tv_weights_tensor *tensor)
{
  const size_t bytes = tv_stored_bytes(tensor->stored);
  if (tensor->problem || tensor->place != TV_PLACE_FLAT || tensor->latin1_bytes ||
      !is_direct(tensor) || tensor->offset % bytes)
    return NULL;
  const unsigned char *memory = tv_mapped_memory(weights->files + tensor->file);
  return memory ? memory + tensor->offset : NULL;
}

/* Where an element, by its flat index, is in the source, in elements. */
static size_t place_of(const tv_weights_tensor *tensor, size_t element)
{
  size_t place = 0;
  if (tensor->contiguous)
    return element;
  for (int axis = tensor->rank - 1; axis >= 0; --axis) {
    place += element % tensor->size[axis] * tensor->stride[axis];
    element /= tensor->size[axis];
  }
  return place;
}

int tv_weights_elements(tv_weights *weights, const tv_weights_tensor *tensor,
  const size_t *elements, size_t count, double *result)
{
  const size_t bytes = tv_stored_bytes(tensor->stored), each = tv_stored_read_bytes(tensor->stored);
  const tv_type type = tv_stored_type(tensor->stored);
  if (!tensor->problem && is_plain(tensor)) {
    for (size_t k = 0; k < count; ++k) {
      unsigned char number[8], read[8];
      const int status =
        fetch(weights, tensor, (uint64_t)place_of(tensor, elements[k]) * bytes, bytes, number);
      if (status)
        return status;
      tv_stored_convert(read, tensor->stored, tensor->swapped, number, bytes, 1);
      result[k] = tv_stored_double(type, read);
    }
    return 0;
  }
  char *values = malloc(tensor->problem ? 1 : tensor->elements * each);
  if (!values)
    return no_memory(weights, tensor);
  const int status = tv_weights_read(weights, tensor, values);
  for (size_t k = 0; !status && k < count; ++k)
    result[k] = tv_stored_double(type, values + elements[k] * each);
  free(values);
  return status;
}
