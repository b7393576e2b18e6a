/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside pickle.h: the nodes, the stack and the memo of a program that is being read. */
#ifndef TV_PICKLE_WORK_H
#define TV_PICKLE_WORK_H

#include "pickle.h"

enum
{
  TV_PICKLE_BLOCK = 1024,
  TV_PICKLE_NODES = 2000000,
  TV_PICKLE_LINKS = 8000000
};

typedef struct tv_pickle_block
{
  struct tv_pickle_block *next;
  tv_pickle_node nodes[TV_PICKLE_BLOCK];
} tv_pickle_block;

typedef struct tv_pickle_text
{
  struct tv_pickle_text *next;
  char text[];
} tv_pickle_text;

struct tv_pickle
{
  const unsigned char *bytes;
  size_t length, at;
  const char *path, *name;
  tv_pickle_block *blocks;
  tv_pickle_text *texts;
  size_t nodes, links;
  tv_pickle_node **stack; /* NULL: a mark */
  size_t depth, stack_room;
  tv_pickle_node **memo;
  size_t memo_room, memo_count;
  tv_pickle_node none;
};

/* All return NULL or -1 with a sentence where something is wrong. */
int tv_pickle_broken(const tv_pickle *pickle, const char *what);
tv_pickle_node *tv_pickle_new(tv_pickle *pickle, tv_pickle_kind kind);
int tv_pickle_append(tv_pickle *pickle, tv_pickle_node *list, tv_pickle_node *item);
int tv_pickle_push(tv_pickle *pickle, tv_pickle_node *node); /* node may be NULL only as a mark */
tv_pickle_node *tv_pickle_pop(tv_pickle *pickle);
tv_pickle_node *tv_pickle_top(tv_pickle *pickle);

/* Where the items after the last mark begin in the stack; the mark itself is one before. */
int tv_pickle_marked(tv_pickle *pickle, size_t *first);

/* A node from the items from first on, which leave the stack with extra more below them. */
tv_pickle_node *tv_pickle_gather(
  tv_pickle *pickle, tv_pickle_kind kind, size_t first, size_t extra);

int tv_pickle_remember(tv_pickle *pickle, uint64_t index);
tv_pickle_node *tv_pickle_recall(tv_pickle *pickle, uint64_t index);

/* "module.name" as a node of kind NAME. */
tv_pickle_node *tv_pickle_named(tv_pickle *pickle, const char *module, size_t module_length,
  const char *name, size_t name_length);

/* What single opcodes do (pickle_push.c): 0, or -1 with a sentence. */
const unsigned char *tv_pickle_take(tv_pickle *pickle, uint64_t count);
int tv_pickle_push_integer(tv_pickle *pickle, tv_pickle_kind kind, int64_t value);
int tv_pickle_push_float(tv_pickle *pickle);
int tv_pickle_push_text(tv_pickle *pickle, int length_bytes);
int tv_pickle_push_global(tv_pickle *pickle);
int tv_pickle_push_stacked_global(tv_pickle *pickle);
int tv_pickle_push_tuple(tv_pickle *pickle, size_t count);
int tv_pickle_push_marked(tv_pickle *pickle, tv_pickle_kind kind);
int tv_pickle_extend(tv_pickle *pickle, size_t count, int pairs);
int tv_pickle_push_call(tv_pickle *pickle, int called);
int tv_pickle_build(tv_pickle *pickle);
int tv_pickle_persistent(tv_pickle *pickle);
int tv_pickle_refer(tv_pickle *pickle, int bytes);
int tv_pickle_put(tv_pickle *pickle, int bytes);
int tv_pickle_push_fixed(tv_pickle *pickle, int bytes);
int tv_pickle_push_empty(tv_pickle *pickle, tv_pickle_kind kind);
int tv_pickle_pop_mark(tv_pickle *pickle);
int tv_pickle_pop_one(tv_pickle *pickle);
int tv_pickle_push_again(tv_pickle *pickle);
int tv_pickle_object_with_keywords(tv_pickle *pickle);
int tv_pickle_push_long_of(tv_pickle *pickle, int length_bytes);

#endif
