/* SPDX-License-Identifier: BSD-3-Clause */
#include "weights_list.h"
#include "status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  MOST_NOTES = 100,
  MOST_SCALARS = 100
};

/* A tensor while it is being collected over the files. */
typedef struct found
{
  const tv_weights_tensor *first;
  char *name;
  size_t layer; /* in the order of first appearance */
  size_t order, count, other, other_file;
  tv_weights_record *records; /* [files] */
} found;

typedef struct gathering
{
  tv_listing *list;
  tv_weights_state *state;
  found *found;
  size_t count, room;
  tv_name_index names, layers;
} gathering;

static int no_memory(void)
{
  return tv_fail(TV_ERROR_MEMORY, "there is not enough memory");
}

static int note(tv_listing *list, const char *sentence)
{
  return list->note_count < MOST_NOTES ? tv_listing_add_note(list, sentence) : 0;
}

static found *add(gathering *at, const tv_weights_tensor *tensor)
{
  char name[2 * TV_WEIGHTS_NAME + 64];
  if (at->count == at->room) {
    const size_t room = at->room ? 2 * at->room : 64;
    found *more = realloc(at->found, room * sizeof *more);
    if (!more)
      return NULL;
    at->found = more;
    at->room = room;
  }
  snprintf(name, sizeof name, "%s/%s", tensor->layer, tensor->kind);
  found *one = at->found + at->count;
  memset(one, 0, sizeof *one);
  one->first = tensor;
  one->order = at->count;
  one->name = tv_arena_copy(&at->list->arena, name);
  one->records = tv_arena_take(&at->list->arena, at->state->count * sizeof *one->records);
  if (!one->name || !one->records || tv_name_index_add(&at->names, one->name, at->count) != TV_OK)
    return NULL;
  one->layer = tv_name_index_find(&at->layers, tensor->layer);
  if (one->layer == SIZE_MAX) {
    one->layer = at->layers.count;
    if (tv_name_index_add(&at->layers, tensor->layer, one->layer) != TV_OK)
      return NULL;
  }
  ++at->count;
  return one;
}

static int same_kind(const tv_weights_tensor *a, const tv_weights_tensor *b)
{
  return a->rank == b->rank && memcmp(a->size, b->size, sizeof a->size) == 0 &&
         tv_stored_type(a->stored) == tv_stored_type(b->stored) && !a->problem == !b->problem;
}

static int gather(gathering *at, size_t file)
{
  char name[2 * TV_WEIGHTS_NAME + 64];
  const tv_weights *weights = at->state->files[file];
  for (size_t i = 0; i < weights->count; ++i) {
    const tv_weights_tensor *tensor = weights->tensors + i;
    snprintf(name, sizeof name, "%s/%s", tensor->layer, tensor->kind);
    const size_t number = tv_name_index_find(&at->names, name);
    found *one = number == SIZE_MAX ? add(at, tensor) : at->found + number;
    if (!one)
      return no_memory();
    if (same_kind(one->first, tensor)) {
      one->records[one->count++] = (tv_weights_record){file, tensor};
    } else {
      ++one->other;
      one->other_file = file;
    }
  }
  return 0;
}

static int compare(const void *a, const void *b)
{
  const found *x = a, *y = b;
  if (x->layer != y->layer)
    return x->layer < y->layer ? -1 : 1;
  const int rank = tv_kind_rank(x->first->kind) - tv_kind_rank(y->first->kind);
  if (rank != 0)
    return rank;
  return (x->order > y->order) - (x->order < y->order);
}

static int note_gaps(gathering *at, const found *one)
{
  char sentence[3 * TV_WEIGHTS_NAME];
  tv_weights *const *files = at->state->files;
  if (one->other) {
    snprintf(sentence, sizeof sentence,
      "%s has another shape or type in %zu of %zu files, the last of them %s, and is left out "
      "there",
      one->name, one->other, at->state->count, files[one->other_file]->files[0].path);
    return note(at->list, sentence);
  }
  if (one->count == at->state->count ||
      !one->first->offered) /* an optimizer begins with no state */
    return 0;
  size_t missing = 0; /* the first file without it */
  while (missing < one->count && one->records[missing].file == missing)
    ++missing;
  snprintf(sentence, sizeof sentence, "%s is missing in %zu of %zu files, the first of them %s",
    one->name, at->state->count - one->count, at->state->count, files[missing]->files[0].path);
  return note(at->list, sentence);
}

/* One tensor of the listing. */
static int put(gathering *at, const found *one, size_t number)
{
  tv_listing *list = at->list;
  const tv_weights_tensor *first = one->first;
  tv_source_tensor *tensor = tv_listing_add_tensor(list);
  int64_t *steps = tv_arena_take(&list->arena, (one->count + 1) * sizeof *steps);
  if (!tensor || !steps)
    return TV_ERROR_MEMORY;
  tensor->name = one->name;
  tensor->layer = first->layer;
  tensor->kind = first->kind;
  tensor->type = tv_stored_type(first->stored);
  tensor->shape.rank = first->rank;
  memcpy(tensor->shape.axes, first->axes, sizeof tensor->shape.axes);
  for (int axis = 0; axis < first->rank; ++axis)
    tensor->shape.size[axis] = first->size[axis];
  for (size_t r = 0; r < one->count; ++r)
    steps[r] = at->state->steps[one->records[r].file];
  tensor->records = one->count;
  tensor->steps = steps;
  tensor->offered = first->offered && !first->problem;
  if (first->problem) {
    char sentence[3 * TV_WEIGHTS_NAME];
    snprintf(sentence, sizeof sentence, "%s: \"%s\" %s",
      at->state->files[one->records[0].file]->files[first->file].path, first->name, first->problem);
    tensor->problem = tv_arena_copy(&list->arena, sentence);
    if (!tensor->problem)
      return TV_ERROR_MEMORY;
  }
  at->state->entries[number] = (tv_weights_entry){one->records, 0, 0};
  return note_gaps(at, one);
}

static int is_float(tv_type type)
{
  return type == TV_FLOAT32 || type == TV_FLOAT64 || type == TV_FLOAT16 || type == TV_BFLOAT16;
}

/* The change of a tensor from file to file. */
static int put_update(gathering *at, const found *one, size_t of)
{
  char kind[TV_WEIGHTS_NAME + 64], name[2 * TV_WEIGHTS_NAME + 128];
  tv_listing *list = at->list;
  const tv_weights_tensor *first = one->first;
  if (one->count < 2 || !first->offered || first->problem ||
      !is_float(tv_stored_type(first->stored)))
    return 0;
  const int weights = strcmp(first->kind, "weights") == 0;
  snprintf(kind, sizeof kind, "%s%supdates", weights ? "" : first->kind, weights ? "" : "_");
  snprintf(name, sizeof name, "%s/%s", first->layer, kind);
  if (tv_name_index_find(&at->names, name) != SIZE_MAX)
    return 0;
  const size_t number = list->tensor_count;
  tv_source_tensor *tensor = tv_listing_add_tensor(list);
  if (!tensor)
    return TV_ERROR_MEMORY;
  *tensor = list->tensors[of];
  tensor->name = tv_arena_copy(&list->arena, name);
  tensor->kind = tv_arena_copy(&list->arena, kind);
  if (!tensor->name || !tensor->kind)
    return TV_ERROR_MEMORY;
  tensor->type = tensor->type == TV_FLOAT64 ? TV_FLOAT64 : TV_FLOAT32;
  tensor->records = one->count - 1;
  tensor->steps += 1;
  tensor->offered = 0;
  at->state->entries[number] = (tv_weights_entry){one->records + 1, 1, of};
  return 0;
}

static int put_all(gathering *at)
{
  int status = 0;
  if (at->count)
    qsort(at->found, at->count, sizeof *at->found, compare);
  at->state->entries = calloc(2 * at->count + 1, sizeof *at->state->entries);
  if (!at->state->entries)
    return no_memory();
  for (size_t i = 0; status == 0 && i < at->count; ++i) {
    const size_t number = at->list->tensor_count;
    status = put(at, at->found + i, number);
    if (status == 0)
      status = put_update(at, at->found + i, number);
  }
  return status;
}

/* A column for each name that any file has. */
static int put_scalars(gathering *at)
{
  tv_name_index index = {0};
  tv_listing *list = at->list;
  const size_t files = at->state->count;
  size_t room = 0;
  for (size_t file = 0; file < files; ++file)
    room += at->state->files[file]->scalar_count;
  const char **names = room ? tv_arena_take(&list->arena, room * sizeof *names) : NULL;
  int status = room && !names ? TV_ERROR_MEMORY : TV_OK;
  for (size_t file = 0; status == TV_OK && file < files; ++file) {
    const tv_weights *weights = at->state->files[file];
    for (size_t k = 0; status == TV_OK && k < weights->scalar_count; ++k)
      if (tv_name_index_find(&index, weights->scalars[k].name) == SIZE_MAX) {
        names[index.count] = weights->scalars[k].name;
        status = tv_name_index_add(&index, names[index.count], index.count);
      }
  }
  const size_t width = index.count < MOST_SCALARS ? index.count : MOST_SCALARS;
  double *table =
    width && status == TV_OK ? tv_arena_take(&list->arena, files * width * sizeof *table) : NULL;
  for (size_t file = 0; table && file < files; ++file) {
    const tv_weights *weights = at->state->files[file];
    for (size_t k = 0; k < width; ++k)
      table[file * width + k] = __builtin_nan("");
    for (size_t k = 0; k < weights->scalar_count; ++k) {
      const size_t column = tv_name_index_find(&index, weights->scalars[k].name);
      if (column < width)
        table[file * width + column] = weights->scalars[k].value;
    }
  }
  tv_name_index_free(&index);
  if (status == TV_OK && width && !table)
    status = TV_ERROR_MEMORY;
  at->state->scalars = table;
  if (table)
    list->scalars = (tv_source_scalars){width, names, files, at->state->steps};
  return status;
}

int tv_weights_list(tv_listing *list, tv_weights_state *state)
{
  gathering at = {.list = list, .state = state};
  char sentence[2048];
  int status = 0;
  for (size_t file = 0; status == 0 && file < state->count; ++file) {
    const tv_weights *weights = state->files[file];
    status = gather(&at, file);
    for (size_t i = 0; status == 0 && i < weights->note_count; ++i) {
      snprintf(sentence, sizeof sentence, "%s: %s", weights->files[0].path, weights->notes[i]);
      status = note(list, sentence);
    }
  }
  if (status == 0)
    status = put_all(&at);
  if (status == 0)
    status = put_scalars(&at);
  if (status == 0 && list->tensor_count == 0)
    status = tv_fail(TV_ERROR_FORMAT, "%s: holds no tensor", state->files[0]->files[0].path);
  list->closed = 1;
  tv_name_index_free(&at.names);
  tv_name_index_free(&at.layers);
  free(at.found);
  return status;
}
