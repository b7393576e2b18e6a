/* SPDX-License-Identifier: BSD-3-Clause */
/* Hugging Face's index of a network in several safetensors files, model.safetensors.index.json:
 * {"metadata": {...}, "weight_map": {"name of a tensor": "model-00001-of-00003.safetensors", ...}}.
 * The shards stand beside the index: a name with a folder in it is refused. */
#include "json.h"
#include "status.h"
#include "weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  LONGEST_INDEX = 64 << 20,
  MOST_SHARDS = 10000
};

ptrdiff_t tv_weights_add_beside(tv_weights *weights, const char *name)
{
  const char *index = weights->files[0].path, *slash = strrchr(index, '/');
  const size_t folder = slash ? (size_t)(slash - index) + 1 : 0, length = strlen(name);
  if (!length || length > 255 || strchr(name, '/') || name[0] == '.')
    return tv_fail(
      TV_ERROR_FORMAT, "%s: names \"%.80s\", which is no file in its folder", index, name);
  if (weights->file_count > MOST_SHARDS)
    return tv_fail(TV_ERROR_FORMAT, "%s: names more than %d files", index, MOST_SHARDS);
  char *path = malloc(folder + length + 1);
  if (!path)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", index);
  memcpy(path, index, folder);
  memcpy(path + folder, name, length + 1);
  const ptrdiff_t file = tv_weights_add_file(weights, path);
  free(path);
  return file;
}

/* Opens a shard and lists what is in it. */
static int open_shard(tv_weights *weights, const char *name)
{
  const size_t length = strlen(name);
  if (length < 12 || strcmp(name + length - 12, ".safetensors") != 0)
    return tv_fail(TV_ERROR_FORMAT,
      "%s: names \"%.80s\", which is no safetensors file in its folder", weights->files[0].path,
      name);
  const ptrdiff_t file = tv_weights_add_beside(weights, name);
  return file < 0 ? (int)file : tv_read_safetensors(weights, (size_t)file);
}

static int compare(const void *a, const void *b)
{
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int take_index(tv_weights *weights, json_t *json)
{
  json_t *map = json_object_get(json, "weight_map"), *value;
  const char *key, *index = weights->files[0].path;
  size_t count = 0;
  int status = 0;
  if (!json_is_object(map) || !json_object_size(map))
    return tv_fail(
      TV_ERROR_FORMAT, "%s: has no \"weight_map\": it is no index of safetensors files", index);
  const char **names = malloc(json_object_size(map) * sizeof *names);
  if (!names)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", index);
  json_object_foreach(map, key, value)
  {
    if (!json_is_string(value))
      status = tv_fail(TV_ERROR_FORMAT, "%s: names no file for \"%.80s\"", index, key);
    else
      names[count++] = json_string_value(value);
  }
  qsort(names, count, sizeof *names, compare);
  for (size_t i = 0; !status && i < count; ++i)
    if (!i || strcmp(names[i], names[i - 1]) != 0)
      status = open_shard(weights, names[i]);
  free(names);
  return status;
}

int tv_read_shards(tv_weights *weights)
{
  tv_mapped *file = weights->files;
  const uint64_t bytes = file->bytes;
  if (bytes > LONGEST_INDEX)
    return tv_fail(
      TV_ERROR_FORMAT, "%s: is too long for an index of safetensors files", file->path);
  char *text = malloc((size_t)bytes + 1);
  if (!text)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", file->path);
  int status = tv_mapped_read(file, text, 0, bytes);
  json_t *json = status ? NULL : tv_json_parse(text, (size_t)bytes, file->path, "the index");
  free(text);
  if (!status)
    status = json ? take_index(weights, json) : TV_ERROR_FORMAT;
  json_decref(json);
  return status;
}
