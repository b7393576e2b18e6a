/* SPDX-License-Identifier: BSD-3-Clause */
#include "pickle_work.h"
#include "status.h"

#include <stdlib.h>
#include <string.h>

int tv_pickle_broken(const tv_pickle *pickle, const char *what)
{
  tv_fail(TV_ERROR_FORMAT, "%s: %s in it is no pickle that torch writes: %s at byte %zu",
    pickle->path, pickle->name, what, pickle->at);
  return -1;
}

tv_pickle_node *tv_pickle_new(tv_pickle *pickle, tv_pickle_kind kind)
{
  const size_t place = pickle->nodes % TV_PICKLE_BLOCK;
  if (pickle->nodes >= TV_PICKLE_NODES) {
    tv_pickle_broken(pickle, "it describes more objects than any network has");
    return NULL;
  }
  if (!place) {
    tv_pickle_block *block = calloc(1, sizeof *block);
    if (!block) {
      tv_fail(TV_ERROR_MEMORY, "%s: no memory for %s", pickle->path, pickle->name);
      return NULL;
    }
    block->next = pickle->blocks;
    pickle->blocks = block;
  }
  ++pickle->nodes;
  tv_pickle_node *node = pickle->blocks->nodes + place;
  node->kind = kind;
  return node;
}

int tv_pickle_append(tv_pickle *pickle, tv_pickle_node *list, tv_pickle_node *item)
{
  if (++pickle->links > TV_PICKLE_LINKS)
    return tv_pickle_broken(pickle, "it describes more objects than any network has");
  if (list->count == list->room) {
    const size_t room = list->room ? 2 * list->room : 4;
    tv_pickle_node **more = realloc(list->items, room * sizeof *more);
    if (!more) {
      tv_fail(TV_ERROR_MEMORY, "%s: no memory for %s", pickle->path, pickle->name);
      return -1;
    }
    list->items = more;
    list->room = room;
  }
  list->items[list->count++] = item;
  return 0;
}

int tv_pickle_push(tv_pickle *pickle, tv_pickle_node *node)
{
  if (pickle->depth == pickle->stack_room) {
    const size_t room = pickle->stack_room ? 2 * pickle->stack_room : 64;
    tv_pickle_node **more =
      room <= TV_PICKLE_LINKS ? realloc(pickle->stack, room * sizeof *more) : NULL;
    if (!more)
      return tv_pickle_broken(pickle, "it describes more objects than any network has");
    pickle->stack = more;
    pickle->stack_room = room;
  }
  pickle->stack[pickle->depth++] = node;
  return 0;
}

tv_pickle_node *tv_pickle_top(tv_pickle *pickle)
{
  if (pickle->depth && pickle->stack[pickle->depth - 1])
    return pickle->stack[pickle->depth - 1];
  tv_pickle_broken(pickle, "something is missing");
  return NULL;
}

tv_pickle_node *tv_pickle_pop(tv_pickle *pickle)
{
  tv_pickle_node *node = tv_pickle_top(pickle);
  pickle->depth -= node != NULL;
  return node;
}

int tv_pickle_marked(tv_pickle *pickle, size_t *first)
{
  for (size_t i = pickle->depth; i > 0; --i)
    if (!pickle->stack[i - 1]) {
      *first = i;
      return 0;
    }
  return tv_pickle_broken(pickle, "a mark is missing");
}

tv_pickle_node *tv_pickle_gather(tv_pickle *pickle, tv_pickle_kind kind, size_t first, size_t extra)
{
  tv_pickle_node *node = tv_pickle_new(pickle, kind);
  for (size_t i = first; node && i < pickle->depth; ++i)
    if (tv_pickle_append(pickle, node, pickle->stack[i]))
      return NULL;
  pickle->depth = first - extra;
  return node;
}

int tv_pickle_remember(tv_pickle *pickle, uint64_t index)
{
  tv_pickle_node *node = tv_pickle_top(pickle);
  if (!node)
    return -1;
  if (index >= TV_PICKLE_NODES)
    return tv_pickle_broken(pickle, "it describes more objects than any network has");
  if (index >= pickle->memo_room) {
    size_t room = pickle->memo_room ? pickle->memo_room : 256;
    while (room <= index)
      room *= 2;
    tv_pickle_node **more = realloc(pickle->memo, room * sizeof *more);
    if (!more) {
      tv_fail(TV_ERROR_MEMORY, "%s: no memory for %s", pickle->path, pickle->name);
      return -1;
    }
    memset(more + pickle->memo_room, 0, (room - pickle->memo_room) * sizeof *more);
    pickle->memo = more;
    pickle->memo_room = room;
  }
  pickle->memo_count += !pickle->memo[index];
  pickle->memo[index] = node;
  return 0;
}

tv_pickle_node *tv_pickle_recall(tv_pickle *pickle, uint64_t index)
{
  if (index < pickle->memo_room && pickle->memo[index])
    return pickle->memo[index];
  tv_pickle_broken(pickle, "it refers to something that is not there");
  return NULL;
}

tv_pickle_node *tv_pickle_named(
  tv_pickle *pickle, const char *module, size_t module_length, const char *name, size_t name_length)
{
  tv_pickle_node *node = tv_pickle_new(pickle, TV_PICKLE_NAME);
  if (!node)
    return NULL;
  if (module_length > 1000 || name_length > 1000) {
    tv_pickle_broken(pickle, "a name is too long");
    return NULL;
  }
  tv_pickle_text *kept = malloc(sizeof *kept + module_length + 1 + name_length + 1);
  if (!kept) {
    tv_fail(TV_ERROR_MEMORY, "%s: no memory for %s", pickle->path, pickle->name);
    return NULL;
  }
  kept->next = pickle->texts;
  pickle->texts = kept;
  memcpy(kept->text, module, module_length);
  kept->text[module_length] = '.';
  memcpy(kept->text + module_length + 1, name, name_length);
  kept->text[module_length + 1 + name_length] = 0;
  for (char *c = kept->text; *c; ++c) /* it stands in sentences */
    if (*c < 32 || *c > 126)
      *c = '?';
  node->text = kept->text;
  node->length = strlen(kept->text);
  return node;
}

tv_pickle_node *tv_pickle_root(const tv_pickle *pickle)
{
  return pickle->stack[0];
}

void tv_pickle_free(tv_pickle *pickle)
{
  if (!pickle)
    return;
  while (pickle->blocks) {
    tv_pickle_block *block = pickle->blocks;
    pickle->blocks = block->next;
    for (size_t i = 0; i < TV_PICKLE_BLOCK; ++i)
      free(block->nodes[i].items);
    free(block);
  }
  while (pickle->texts) {
    tv_pickle_text *text = pickle->texts;
    pickle->texts = text->next;
    free(text);
  }
  free(pickle->stack);
  free(pickle->memo);
  free(pickle);
}

int tv_pickle_is(const tv_pickle_node *node, const char *text)
{
  return node && (node->kind == TV_PICKLE_TEXT || node->kind == TV_PICKLE_NAME) &&
         node->length == strlen(text) && !memcmp(node->text, text, node->length);
}

tv_pickle_node *tv_pickle_get(const tv_pickle_node *dict, const char *key)
{
  if (!dict || dict->kind != TV_PICKLE_DICT)
    return NULL;
  for (size_t i = 0; i + 1 < dict->count; i += 2)
    if (tv_pickle_is(dict->items[i], key))
      return dict->items[i + 1];
  return NULL;
}
