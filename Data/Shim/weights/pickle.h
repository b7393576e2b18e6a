/* SPDX-License-Identifier: BSD-3-Clause */
/* Python's pickle as data: what objects a program of opcodes would describe. Nothing is executed,
 * imported or called: a name of a class or function is a name, and a call of it is a node that says
 * which name with which arguments.
 *
 * Opcodes: those that torch.save and torch.jit.save write (protocols 2 to 5, no text opcodes, no
 * extension registry, no buffers out of band). Any other is refused with its number. Limits: 2 million
 * nodes, 8 million links between them.
 *
 * The format: Python's Lib/pickletools.py. */
#ifndef TV_PICKLE_H
#define TV_PICKLE_H

#include <stddef.h>
#include <stdint.h>

typedef enum tv_pickle_kind
{
  TV_PICKLE_NONE,
  TV_PICKLE_BOOL,   /* integer */
  TV_PICKLE_INT,    /* integer; cut to 64 bits */
  TV_PICKLE_FLOAT,  /* real */
  TV_PICKLE_TEXT,   /* text, of length bytes; str and bytes alike */
  TV_PICKLE_LIST,   /* items; tuples, lists, sets */
  TV_PICKLE_DICT,   /* items: key, value, key, value, ... */
  TV_PICKLE_NAME,   /* text: "module.name" */
  TV_PICKLE_CALL,   /* items[0]: what is called (or made an object of), items[1]: its arguments;
                       then what was set in it: items[2...], as of a dict; state */
  TV_PICKLE_STORAGE /* items[0]: what the persistent number is, a list */
} tv_pickle_kind;

typedef struct tv_pickle_node
{
  tv_pickle_kind kind;
  int visited; /* for whoever walks the nodes, which may form cycles */
  union {
    int64_t integer;
    double real;
    size_t length;
    int called; /* TV_PICKLE_CALL: 1 for a call, 0 for an object of a class */
  };
  const char *text; /* not ended by 0, but for TV_PICKLE_NAME */
  struct tv_pickle_node **items;
  size_t count, room;
  struct tv_pickle_node *state; /* TV_PICKLE_CALL: what BUILD gave it; NULL */
} tv_pickle_node;

typedef struct tv_pickle tv_pickle;

/* Reads length bytes, which must stay as long as the result. path and name ("data.pkl") are for
 * sentences. */
int tv_pickle_read(
  tv_pickle **pickle, const char *bytes, size_t length, const char *path, const char *name);

/* What it describes. */
tv_pickle_node *tv_pickle_root(const tv_pickle *pickle);

/* NULL is allowed. */
void tv_pickle_free(tv_pickle *pickle);

/* 1 where node is that text, or that name. */
int tv_pickle_is(const tv_pickle_node *node, const char *text);

/* The value of a key of a dict; NULL where there is none. */
tv_pickle_node *tv_pickle_get(const tv_pickle_node *dict, const char *key);

#endif
