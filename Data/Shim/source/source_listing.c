/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists, names and the memory they stand in. */
#include "source_medium.h"

#include "status.h"

#include <stdlib.h>
#include <string.h>

struct tv_arena_block
{
  struct tv_arena_block *next;
  size_t used, room;
  max_align_t memory[];
};

void *tv_arena_take(tv_arena *arena, size_t bytes)
{
  const size_t unit = sizeof(max_align_t), least = 8192;
  struct tv_arena_block *block = arena->blocks;
  if (bytes > SIZE_MAX / 2) {
    tv_fail(TV_ERROR_MEMORY, "there is not enough memory");
    return NULL;
  }
  bytes = (bytes + unit - 1) / unit * unit;
  if (!block || block->room - block->used < bytes) {
    const size_t room = bytes > least ? bytes : least;
    struct tv_arena_block *fresh = calloc(1, sizeof *fresh + room);
    if (!fresh) {
      tv_fail(TV_ERROR_MEMORY, "there is not enough memory");
      return NULL;
    }
    fresh->room = room;
    fresh->next = block;
    arena->blocks = block = fresh;
  }
  void *memory = (char *)block->memory + block->used;
  block->used += bytes;
  return memory;
}

char *tv_arena_copy(tv_arena *arena, const char *text)
{
  const size_t length = strlen(text) + 1;
  char *copy = tv_arena_take(arena, length);
  return copy ? memcpy(copy, text, length) : NULL;
}

void tv_arena_free(tv_arena *arena)
{
  while (arena->blocks) {
    struct tv_arena_block *next = arena->blocks->next;
    free(arena->blocks);
    arena->blocks = next;
  }
}

static size_t hash(const char *text)
{
  uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
  for (; *text; ++text)
    h = (h ^ (unsigned char)*text) * UINT64_C(1099511628211);
  return (size_t)(h ^ h >> 32);
}

static size_t place(const tv_name_index *index, const char *name)
{
  size_t at = hash(name) & (index->room - 1);
  while (index->names[at] && strcmp(index->names[at], name) != 0)
    at = (at + 1) & (index->room - 1);
  return at;
}

static int grow_index(tv_name_index *index)
{
  tv_name_index larger = {.room = index->room ? 2 * index->room : 64};
  larger.names = calloc(larger.room, sizeof *larger.names);
  larger.numbers = calloc(larger.room, sizeof *larger.numbers);
  if (!larger.names || !larger.numbers) {
    tv_name_index_free(&larger);
    return tv_fail(TV_ERROR_MEMORY, "there is not enough memory");
  }
  for (size_t k = 0; k < index->room; ++k)
    if (index->names[k]) {
      const size_t at = place(&larger, index->names[k]);
      larger.names[at] = index->names[k];
      larger.numbers[at] = index->numbers[k];
    }
  larger.count = index->count;
  tv_name_index_free(index);
  *index = larger;
  return TV_OK;
}

int tv_name_index_add(tv_name_index *index, const char *name, size_t number)
{
  if (2 * (index->count + 1) > index->room && grow_index(index) != TV_OK)
    return TV_ERROR_MEMORY;
  const size_t at = place(index, name);
  if (!index->names[at]) {
    index->names[at] = name;
    index->numbers[at] = number;
    ++index->count;
  }
  return TV_OK;
}

size_t tv_name_index_find(const tv_name_index *index, const char *name)
{
  if (!index->room)
    return SIZE_MAX;
  const size_t at = place(index, name);
  return index->names[at] ? index->numbers[at] : SIZE_MAX;
}

void tv_name_index_free(tv_name_index *index)
{
  free(index->names);
  free(index->numbers);
  memset(index, 0, sizeof *index);
}

/* One more element at the end of a list, zeroed. */
static void *extend(void **list, size_t *count, size_t *room, size_t size)
{
  if (*count == *room) {
    const size_t more = *room ? 2 * *room : 16;
    void *larger = realloc(*list, more * size);
    if (!larger) {
      tv_fail(TV_ERROR_MEMORY, "there is not enough memory");
      return NULL;
    }
    *list = larger;
    *room = more;
  }
  return memset((char *)*list + (*count)++ * size, 0, size);
}

tv_source_tensor *tv_listing_add_tensor(tv_listing *list)
{
  tv_source_tensor *tensor =
    extend((void **)&list->tensors, &list->tensor_count, &list->tensor_room, sizeof *tensor);
  if (tensor)
    for (int a = 0; a < TV_RANK; ++a)
      tensor->shape.size[a] = 1;
  return tensor;
}

tv_source_states *tv_listing_add_states(tv_listing *list)
{
  return extend(
    (void **)&list->states, &list->states_count, &list->states_room, sizeof(tv_source_states));
}

int tv_listing_add_note(tv_listing *list, const char *sentence)
{
  for (size_t k = 0; k < list->note_count; ++k)
    if (strcmp(list->notes[k], sentence) == 0)
      return TV_OK;
  char *copy = tv_arena_copy(&list->arena, sentence);
  const char **note =
    copy ? extend((void **)&list->notes, &list->note_count, &list->note_room, sizeof *note) : NULL;
  if (!note)
    return TV_ERROR_MEMORY;
  *note = copy;
  return TV_OK;
}

void tv_listing_free(tv_listing *list)
{
  free(list->tensors);
  free(list->states);
  free(list->notes);
  tv_arena_free(&list->arena);
  memset(list, 0, sizeof *list);
}

int tv_kind_rank(const char *kind)
{
  static const char *const known[] = {"weights", "bias", "activations", "gradients"};
  int rank = 0;
  while (rank < 4 && strcmp(known[rank], kind) != 0)
    ++rank;
  return rank;
}
