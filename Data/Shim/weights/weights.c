/* SPDX-License-Identifier: BSD-3-Clause */
#include "weights.h"
#include "names.h"
#include "onnx.h"
#include "status.h"
#include "zip.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  MOST_NOTES = 20,
  MOST_SCALARS = 100
};

tv_weights_tensor *tv_weights_add(tv_weights *weights, const char *name, size_t length)
{
  const char *path = weights->files[0].path;
  /* Grows at each power of two. */
  if (!(weights->count & (weights->count - 1))) {
    const size_t room = weights->count ? 2 * weights->count : 1;
    tv_weights_tensor *more = realloc(weights->tensors, room * sizeof *more);
    if (!more) {
      tv_fail(TV_ERROR_MEMORY, "%s: no memory for its list of tensors", path);
      return NULL;
    }
    weights->tensors = more;
  }
  if (weights->count == TV_WEIGHTS_MOST) {
    tv_fail(TV_ERROR_FORMAT, "%s: holds more than %d tensors", path, TV_WEIGHTS_MOST);
    return NULL;
  }
  tv_weights_tensor *tensor = weights->tensors + weights->count;
  memset(tensor, 0, sizeof *tensor);
  tensor->name = strndup(name, length < TV_WEIGHTS_NAME ? length : TV_WEIGHTS_NAME);
  if (!tensor->name) {
    tv_fail(TV_ERROR_MEMORY, "%s: no memory for its list of tensors", path);
    return NULL;
  }
  if (!tv_is_text(tensor->name, strlen(tensor->name)))
    for (char *c = tensor->name; *c; ++c)
      if ((unsigned char)*c < 32 || (unsigned char)*c > 126)
        *c = '?';
  ++weights->count;
  return tensor;
}

void tv_weights_problem(tv_weights_tensor *tensor, const char *format, ...)
{
  char sentence[512];
  if (tensor->problem)
    return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  tensor->problem = strdup(sentence);
}

void tv_weights_note(tv_weights *weights, const char *format, ...)
{
  char sentence[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  for (size_t i = 0; i < weights->note_count; ++i)
    if (!strcmp(weights->notes[i], sentence))
      return;
  if (weights->note_count == MOST_NOTES)
    return;
  if (!weights->notes)
    weights->notes = calloc(MOST_NOTES, sizeof *weights->notes);
  if (weights->notes)
    weights->notes[weights->note_count] = strdup(sentence);
  if (weights->notes && weights->notes[weights->note_count])
    ++weights->note_count;
}

void tv_weights_shape(tv_weights_tensor *tensor, const uint64_t *size, size_t rank)
{
  const uint64_t bytes = tv_stored_read_bytes(tensor->stored),
                 own = tv_stored_bytes(tensor->stored);
  uint64_t all = bytes > own ? bytes : own, elements = 1;
  int overflow = 0;
  if (!all)
    all = 1;
  tensor->rank = rank > TV_RANK ? TV_RANK : (int)rank;
  for (size_t axis = 0; axis < TV_RANK; ++axis)
    tensor->size[axis] = axis < rank ? (size_t)size[axis] : 1;
  for (size_t axis = 0; axis < rank; ++axis) {
    overflow |= __builtin_mul_overflow(all, size[axis], &all);
    overflow |= __builtin_mul_overflow(elements, size[axis], &elements);
  }
  if (rank > TV_RANK)
    tv_weights_problem(tensor, "has %zu axes, and %d are the most", rank, TV_RANK);
  else if (!overflow && !elements)
    tv_weights_problem(tensor, "has no elements");
  else if (overflow || all > PTRDIFF_MAX)
    tv_weights_problem(tensor, "has more elements than memory can");
  tensor->elements = overflow ? 0 : (size_t)elements;
  tensor->span = overflow ? 0 : elements * own;
  tensor->contiguous = 1;
  size_t stride = 1;
  for (int axis = tensor->rank - 1; axis >= 0; --axis) {
    tensor->stride[axis] = stride;
    stride *= overflow ? 1 : tensor->size[axis];
  }
}

void tv_weights_turn_around(tv_weights_tensor *tensor)
{
  size_t stride = 1;
  for (int axis = 0; axis < tensor->rank; ++axis) {
    tensor->stride[axis] = stride;
    stride *= tensor->size[axis];
  }
  tensor->contiguous = tensor->rank < 2;
}

void tv_weights_add_scalar(tv_weights *weights, const char *name, double value)
{
  for (size_t i = 0; i < weights->scalar_count; ++i)
    if (!strcmp(weights->scalars[i].name, name))
      return;
  if (weights->scalar_count == MOST_SCALARS || !*name || !tv_is_text(name, strlen(name)))
    return;
  if (!weights->scalars)
    weights->scalars = calloc(MOST_SCALARS, sizeof *weights->scalars);
  char *copy = weights->scalars ? strdup(name) : NULL;
  if (copy)
    weights->scalars[weights->scalar_count++] = (tv_weights_scalar){copy, value};
}

ptrdiff_t tv_weights_add_file(tv_weights *weights, const char *path)
{
  tv_mapped *more = realloc(weights->files, (weights->file_count + 1) * sizeof *more);
  if (!more)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", path);
  weights->files = more;
  const int status = tv_mapped_open(more + weights->file_count, path);
  if (status)
    return status;
  return (ptrdiff_t)weights->file_count++;
}

/* What a zip file is for, by the names in it. */
static const char *kind_of_zip(tv_mapped *file)
{
  tv_zip zip;
  const char *kind = NULL;
  if (tv_zip_open(&zip, file))
    return NULL;
  for (size_t i = 0; !kind && i < zip.count; ++i) {
    const char *name = zip.entries[i].name, *slash = strrchr(name, '/');
    const size_t length = strlen(name);
    if (!strcmp(slash ? slash + 1 : name, "data.pkl"))
      kind = "torch";
    else if (length > 4 && !strcmp(name + length - 4, ".npy"))
      kind = "numpy";
    else if (!strcmp(name, "model.weights.h5"))
      kind = "keras";
  }
  tv_zip_close(&zip);
  return kind;
}

/* The medium of an open file. shards is 1 for an index, -1 for what is known and refused. */
static const char *recognise(tv_mapped *file, int *special)
{
  static const unsigned char hdf5[] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  static const unsigned char old_torch[] = {0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46};
  unsigned char head[10] = {0};
  *special = 0;
  if (file->bytes < 9 || tv_mapped_read(file, head, 0, 9))
    return NULL;
  if (!memcmp(head, hdf5, sizeof hdf5))
    return "keras";
  if (!memcmp(head, "PK\3\4", 4) || !memcmp(head, "PK\5\6", 4))
    return kind_of_zip(file);
  if (!memcmp(head, "\x93NUMPY", 6))
    return "numpy";
  if (!memcmp(head, old_torch, sizeof old_torch)) {
    *special = -1;
    return "torch";
  }
  uint64_t length = 0;
  for (int i = 7; i >= 0; --i)
    length = length << 8 | head[i];
  if (head[8] == '{' && length >= 2 && length <= file->bytes - 8)
    return "safetensors";
  const size_t name = strlen(file->path);
  *special = head[0] == '{' && name > 11 && !strcmp(file->path + name - 11, ".index.json");
  if (*special)
    return "safetensors";
  if (tv_tensorflowjs_recognise(file))
    return "tensorflow.js";
  return tv_onnx_recognise(file) ? "onnx" : NULL;
}

static int refuse_unknown(tv_mapped *file)
{
  unsigned char head[4] = {0};
  if (file->bytes < 9)
    return tv_fail(TV_ERROR_FORMAT, "%s: is too short for a file of weights", file->path);
  tv_zip zip;
  if (!tv_mapped_read(file, head, 0, 4) && !memcmp(head, "PK\3\4", 4)) {
    const int status = tv_zip_open(&zip, file);
    if (status)
      return status;
    tv_zip_close(&zip);
    return tv_fail(TV_ERROR_FORMAT,
      "%s: is a zip file in which neither torch nor numpy nor Keras left a network", file->path);
  }
  return tv_fail(TV_ERROR_FORMAT,
    "%s: is neither a safetensors, torch, Keras, numpy, ONNX nor TensorFlow.js file (or is cut "
    "off)",
    file->path);
}

static int read_list(tv_weights *weights)
{
  int special;
  tv_mapped *file = weights->files;
  weights->medium = recognise(file, &special);
  if (!weights->medium)
    return refuse_unknown(file);
  if (special < 0)
    return tv_fail(TV_ERROR_VERSION,
      "%s: is in the format of torch before version 1.6; convert it in Python: "
      "torch.save(torch.load(\"%s\", map_location=\"cpu\"), \"converted.pt\")",
      file->path, file->path);
  if (special)
    return tv_read_shards(weights);
  if (!strcmp(weights->medium, "tensorflow.js"))
    return tv_read_tensorflowjs(weights);
  switch (weights->medium[0]) {
  case 's':
    return tv_read_safetensors(weights, 0);
  case 't':
    return tv_read_torch(weights);
  case 'k':
    return tv_read_keras(weights);
  case 'n':
    return tv_read_numpy(weights);
  default:
    return tv_read_onnx(weights);
  }
}

int tv_weights_open(tv_weights **result, const char *path)
{
  *result = NULL;
  tv_weights *weights = calloc(1, sizeof *weights);
  if (!weights)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", path);
  weights->step = -1;
  const ptrdiff_t file = tv_weights_add_file(weights, path);
  int status = file < 0 ? (int)file : read_list(weights);
  if (!status)
    status = tv_names_apply(weights);
  if (status)
    tv_weights_close(weights);
  else
    *result = weights;
  return status;
}

void tv_weights_close(tv_weights *weights)
{
  if (!weights)
    return;
  tv_keras_close(weights);
  for (size_t i = 0; i < weights->count; ++i) {
    tv_weights_tensor *tensor = weights->tensors + i;
    free(tensor->name);
    free(tensor->problem);
    free(tensor->path);
    free(tensor->node);
    free(tensor->layer);
    free(tensor->kind);
  }
  for (size_t i = 0; i < weights->file_count; ++i)
    tv_mapped_close(weights->files + i);
  for (size_t i = 0; i < weights->note_count; ++i)
    free(weights->notes[i]);
  for (size_t i = 0; i < weights->scalar_count; ++i)
    free(weights->scalars[i].name);
  free(weights->scalars);
  free(weights->tensors);
  free(weights->files);
  free(weights->notes);
  free(weights);
}

void tv_weights_rest(tv_weights *weights)
{
  tv_keras_rest(weights);
  for (size_t i = 0; i < weights->file_count; ++i)
    tv_mapped_rest(weights->files + i);
}

const char *tv_weights_recognise(const char *path)
{
  tv_mapped file;
  int special;
  if (tv_mapped_open(&file, path))
    return NULL;
  const char *medium = recognise(&file, &special);
  if (medium && *medium == 'k' && file.bytes >= 8) {
    unsigned char head[4];
    if (!tv_mapped_read(&file, head, 0, 4) && head[0] == 0x89 && !tv_keras_recognise(path))
      medium = NULL;
  }
  tv_mapped_close(&file);
  return medium;
}
