/* SPDX-License-Identifier: BSD-3-Clause */
/* tensorview/source.h: which medium it is, and its lists. */
#include "source_medium.h"

#include "status.h"

#include <stdlib.h>
#include <string.h>

/* In this order they are asked whether a path is theirs. */
static const tv_medium *const media[] = {&tv_medium_ring, &tv_medium_run_file,
  &tv_medium_safetensors, &tv_medium_torch, &tv_medium_keras, &tv_medium_numpy, &tv_medium_onnx,
  &tv_medium_tensorflowjs};

enum
{
  MEDIA = sizeof media / sizeof *media
};

tv_source_options tv_source_default_options(void)
{
  return (tv_source_options){sizeof(tv_source_options), NULL};
}

static const tv_medium *find_medium(const char *name)
{
  for (size_t k = 0; k < MEDIA; ++k)
    if (strcmp(media[k]->name, name) == 0)
      return media[k];
  return NULL;
}

static const tv_medium *recognise(const char *path)
{
  for (size_t k = 0; k < MEDIA; ++k)
    if (media[k]->recognise(path))
      return media[k];
  return NULL;
}

int tv_source_recognise(const char *path, const char **medium)
{
  const tv_medium *found = path ? recognise(path) : NULL;
  if (medium)
    *medium = found ? found->name : NULL;
  return found != NULL;
}

/* After the lists have changed. */
static int make_index(tv_source *source)
{
  const size_t count = source->list.tensor_count;
  tv_name_index_free(&source->index);
  free(source->layouts);
  source->layouts = calloc(count + 1, sizeof *source->layouts);
  if (!source->layouts)
    return tv_fail(TV_ERROR_MEMORY, "there is not enough memory");
  for (size_t k = 0; k < count; ++k)
    if (tv_name_index_add(&source->index, source->list.tensors[k].name, k) != TV_OK)
      return TV_ERROR_MEMORY;
  return TV_OK;
}

int tv_source_open_medium(
  tv_source **result, const tv_medium *medium, const char *const *paths, size_t count)
{
  *result = NULL;
  tv_source *source = calloc(1, sizeof *source);
  if (!source)
    return tv_fail(TV_ERROR_MEMORY, "there is not enough memory");
  source->medium = medium;
  int status = medium->open(source, paths, count);
  if (status == TV_OK)
    status = make_index(source);
  if (status == TV_OK)
    *result = source;
  else
    tv_source_close(source);
  return status;
}

int tv_source_open(
  tv_source **result, const char *const *paths, size_t count, const tv_source_options *options)
{
  if (!result)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no place for the source");
  *result = NULL;
  if (!paths || count == 0)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no path to open");
  for (size_t k = 0; k < count; ++k)
    if (!paths[k] || !*paths[k])
      return tv_fail(TV_ERROR_ARGUMENT, "a path to open is empty");
  const char *name = options && options->size >= sizeof *options ? options->medium : NULL;
  const tv_medium *medium = name ? find_medium(name) : recognise(paths[0]);
  if (name && !medium)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no medium \"%s\"", name);
  /* what nobody knows: the run file says best what is wrong with it */
  return tv_source_open_medium(result, medium ? medium : &tv_medium_run_file, paths, count);
}

void tv_source_close(tv_source *source)
{
  if (!source)
    return;
  source->medium->close(source);
  tv_listing_free(&source->list);
  tv_name_index_free(&source->index);
  free(source->layouts);
  free(source);
}

int tv_source_changed(const tv_source *source)
{
  return source->medium->changed && source->medium->changed(source);
}

int tv_source_refresh(tv_source *source, tv_change *change)
{
  tv_change found = TV_CHANGE_NONE;
  int status = source->medium->refresh ? source->medium->refresh(source, &found) : TV_OK;
  if (status == TV_OK && found != TV_CHANGE_NONE)
    status = make_index(source);
  if (change)
    *change = found;
  return status;
}

void tv_source_rest(tv_source *source)
{
  if (source->medium->rest)
    source->medium->rest(source);
}

int tv_source_closed(const tv_source *source)
{
  return source->list.closed;
}

size_t tv_source_notes(const tv_source *source, const char *const **notes)
{
  if (notes)
    *notes = source->list.notes;
  return source->list.note_count;
}

size_t tv_source_tensors(const tv_source *source, const tv_source_tensor **tensors)
{
  if (tensors)
    *tensors = source->list.tensors;
  return source->list.tensor_count;
}

size_t tv_source_states_of(const tv_source *source, const tv_source_states **states)
{
  if (states)
    *states = source->list.states;
  return source->list.states_count;
}

void tv_source_scalars_of(const tv_source *source, tv_source_scalars *scalars)
{
  *scalars = source->list.scalars;
}

void tv_source_requests_of(const tv_source *source, tv_source_requests *requests)
{
  *requests = source->list.requests;
}

ptrdiff_t tv_source_find(const tv_source *source, const char *name)
{
  const size_t found = tv_name_index_find(&source->index, name);
  return found == SIZE_MAX ? -1 : (ptrdiff_t)found;
}

ptrdiff_t tv_source_record_at(const tv_source *source, size_t tensor, int64_t step)
{
  if (tensor >= source->list.tensor_count)
    return -1;
  const tv_source_tensor *t = &source->list.tensors[tensor];
  size_t from = 0, to = t->records; /* the first record after step is in from .. to */
  while (from < to) {
    const size_t middle = from + (to - from) / 2;
    if (t->steps[middle] <= step)
      from = middle + 1;
    else
      to = middle;
  }
  return (ptrdiff_t)from - 1;
}
