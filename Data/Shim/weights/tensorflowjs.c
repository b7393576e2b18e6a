/* SPDX-License-Identifier: BSD-3-Clause */
/* TensorFlow.js: model.json, {"modelTopology": ..., "weightsManifest": [{"paths":
 * ["group1-shard1of2.bin", ...], "weights": [{"name": "conv1/kernel", "shape": [..], "dtype":
 * "float32", "quantization": {..}}, ...]}, ...]}. The shards of a group are one row of bytes,
 * little-endian, cut anywhere; its weights stand in it one after the other, row-major. The shards
 * stand beside the file, and are no links. Format: tensorflow/tfjs, tfjs-core/src/io/types.ts. */
#include "json.h"
#include "status.h"
#include "weights.h"

#include <stdlib.h>
#include <string.h>

enum
{
  LONGEST_MODEL = 64 << 20,
  MOST_AXES = 64
};

typedef struct group
{
  size_t first_file, first_tensor;
  uint64_t bytes;      /* of its shards */
  uint64_t at;         /* where the next weight begins */
  const char *unknown; /* a weight that may have any size: whatever follows cannot be found */
} group;

/* A regular file of that very name: what a link names may stand anywhere. */
static int open_shard(tv_weights *weights, group *of, const char *name)
{
  const ptrdiff_t number = tv_weights_add_beside(weights, name);
  if (number < 0)
    return (int)number;
  tv_mapped *file = weights->files + number;
  if (!tv_mapped_is_no_link(file))
    return tv_fail(TV_ERROR_FORMAT, "%s: names \"%.80s\", which is a link and not followed",
      weights->files[0].path, name);
  tv_mapped_rest(file); /* there may be more than a process can hold open */
  if (__builtin_add_overflow(of->bytes, file->bytes, &of->bytes))
    return tv_fail(TV_ERROR_FORMAT, "%s: its shards are too large", weights->files[0].path);
  return 0;
}

/* Bytes of a number by a name of TensorFlow.js; 0 where it has no fixed size or is not known. */
static uint64_t bytes_of(const char *type)
{
  return strcmp(type, "complex64") == 0 ? 8 : tv_stored_bytes(tv_stored_torch(type));
}

/* What is shown; others are listed with a problem. */
static tv_stored stored_of(const char *type)
{
  static const char *const shown[] = {"float32", "int32", "uint8", "bool"};
  for (size_t i = 0; i < sizeof shown / sizeof shown[0]; ++i)
    if (!strcmp(shown[i], type))
      return tv_stored_torch(type);
  return TV_STORED_NONE;
}

static void advance(group *of, const char *name, uint64_t each, const uint64_t *size, int rank)
{
  int overflow = !each;
  for (int axis = 0; axis < rank; ++axis)
    overflow |= __builtin_mul_overflow(each, size[axis], &each);
  if (overflow || __builtin_add_overflow(of->at, each, &of->at))
    of->unknown = name;
}

static int take_weight(tv_weights *weights, group *of, json_t *entry)
{
  uint64_t size[MOST_AXES];
  const char *name = json_string_value(json_object_get(entry, "name"));
  const char *type = json_string_value(json_object_get(entry, "dtype")), *packed = type;
  json_t *quantized = json_object_get(entry, "quantization");
  const int rank = tv_json_numbers(size, json_object_get(entry, "shape"), MOST_AXES);
  if (quantized)
    packed = json_string_value(json_object_get(quantized, "dtype"));
  if (!name || !*name || !type || !packed || rank < 0)
    return tv_fail(TV_ERROR_FORMAT, "%s: the weightsManifest is broken at weight \"%.80s\"",
      weights->files[0].path, name ? name : "");
  tv_weights_tensor *tensor = tv_weights_add(weights, name, strlen(name));
  if (!tensor)
    return TV_ERROR_FORMAT;
  tensor->stored = quantized ? TV_STORED_NONE : stored_of(type);
  tensor->offset = of->at;
  if (quantized)
    tv_weights_problem(tensor, "is quantized to %.20s, which is not shown", packed);
  else if (!tensor->stored)
    tv_weights_problem(tensor, "holds numbers of the type %.20s, which is not shown", type);
  tv_weights_shape(tensor, size, (size_t)rank);
  if (of->unknown)
    tv_weights_problem(tensor, "stands behind \"%.80s\", whose size is not known", of->unknown);
  else
    advance(of, name, bytes_of(packed), size, rank);
  return 0;
}

/* From places in the row of bytes to places in files. */
static void place(tv_weights *weights, const group *of)
{
  for (size_t i = of->first_tensor; i < weights->count; ++i) {
    tv_weights_tensor *tensor = weights->tensors + i;
    if (!of->unknown && of->at != of->bytes)
      tv_weights_problem(tensor, "is in shards of %llu bytes, whose weights need %llu",
        (unsigned long long)of->bytes, (unsigned long long)of->at);
    if (!tensor->problem &&
        (tensor->offset > of->bytes || tensor->span > of->bytes - tensor->offset))
      tv_weights_problem(tensor, "lies outside of its shards");
    if (tensor->problem)
      continue;
    tensor->file = of->first_file;
    while (tensor->offset >= weights->files[tensor->file].bytes)
      tensor->offset -= weights->files[tensor->file++].bytes;
    if (tensor->span > weights->files[tensor->file].bytes - tensor->offset)
      tensor->place = TV_PLACE_SHARDS;
  }
}

static int take_group(tv_weights *weights, json_t *json)
{
  group of = {.first_file = weights->file_count, .first_tensor = weights->count};
  json_t *paths = json_object_get(json, "paths"), *list = json_object_get(json, "weights");
  if (!json_is_array(paths) || !json_is_array(list))
    return tv_fail(TV_ERROR_FORMAT, "%s: a group of the weightsManifest has no paths or no weights",
      weights->files[0].path);
  int status = 0;
  for (size_t i = 0; !status && i < json_array_size(paths); ++i) {
    const char *name = json_string_value(json_array_get(paths, i));
    status = open_shard(weights, &of, name ? name : "");
  }
  for (size_t i = 0; !status && i < json_array_size(list); ++i)
    status = take_weight(weights, &of, json_array_get(list, i));
  if (!status)
    place(weights, &of);
  return status;
}

/* The whole file, which ends in a zero; NULL, with a sentence, where that cannot be. */
static char *read_text(tv_mapped *file)
{
  if (file->bytes > LONGEST_MODEL) {
    tv_fail(TV_ERROR_FORMAT, "%s: is too long for a model of TensorFlow.js", file->path);
    return NULL;
  }
  char *text = malloc((size_t)file->bytes + 1);
  if (!text) {
    tv_fail(TV_ERROR_MEMORY, "%s: no memory", file->path);
    return NULL;
  }
  if (tv_mapped_read(file, text, 0, file->bytes)) {
    free(text);
    return NULL;
  }
  text[file->bytes] = 0;
  return text;
}

int tv_tensorflowjs_recognise(tv_mapped *file)
{
  char head;
  if (tv_mapped_read(file, &head, 0, 1) || head != '{' || file->bytes > LONGEST_MODEL)
    return 0;
  char *text = read_text(file);
  const int found = text && strstr(text, "\"weightsManifest\"");
  free(text);
  return found;
}

int tv_read_tensorflowjs(tv_weights *weights)
{
  tv_mapped *file = weights->files;
  const size_t bytes = (size_t)file->bytes;
  char *text = read_text(file);
  if (!text)
    return TV_ERROR_FORMAT;
  json_t *json = tv_json_parse(text, bytes, weights->files[0].path, "the model");
  free(text);
  if (!json)
    return TV_ERROR_FORMAT;
  json_t *groups = json_object_get(json, "weightsManifest");
  int status = json_is_array(groups) && json_array_size(groups)
                 ? 0
                 : tv_fail(TV_ERROR_FORMAT, "%s: its weightsManifest has no groups of weights",
                     weights->files[0].path);
  for (size_t i = 0; !status && i < json_array_size(groups); ++i)
    status = take_group(weights, json_array_get(groups, i));
  json_decref(json);
  return status;
}
