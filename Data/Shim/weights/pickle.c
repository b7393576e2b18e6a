/* SPDX-License-Identifier: BSD-3-Clause */
#include "pickle_work.h"
#include "status.h"

#include <stdlib.h>
#include <string.h>

/* Opcodes that put something new on the stack; 1 where it is none of them. */
static int push_opcode(tv_pickle *pickle, unsigned char opcode)
{
  switch (opcode) {
  case 'N':
    return tv_pickle_push(pickle, &pickle->none);
  case 0x88: /* True */
  case 0x89: /* False */
    return tv_pickle_push_integer(pickle, TV_PICKLE_BOOL, opcode == 0x88);
  case 'J':
    return tv_pickle_push_fixed(pickle, 4);
  case 'K':
    return tv_pickle_push_fixed(pickle, 1);
  case 'M':
    return tv_pickle_push_fixed(pickle, 2);
  case 0x8a: /* LONG1 */
    return tv_pickle_push_long_of(pickle, 1);
  case 0x8b: /* LONG4 */
    return tv_pickle_push_long_of(pickle, 4);
  case 'G':
    return tv_pickle_push_float(pickle);
  case 'U':  /* SHORT_BINSTRING */
  case 'C':  /* SHORT_BINBYTES */
  case 0x8c: /* SHORT_BINUNICODE */
    return tv_pickle_push_text(pickle, 1);
  case 'T': /* BINSTRING */
  case 'B': /* BINBYTES */
  case 'X': /* BINUNICODE */
    return tv_pickle_push_text(pickle, 4);
  case 0x8d: /* BINUNICODE8 */
  case 0x8e: /* BINBYTES8 */
  case 0x96: /* BYTEARRAY8 */
    return tv_pickle_push_text(pickle, 8);
  case ')':
  case ']':
  case 0x8f: /* EMPTY_SET */
    return tv_pickle_push_empty(pickle, TV_PICKLE_LIST);
  case '}':
    return tv_pickle_push_empty(pickle, TV_PICKLE_DICT);
  case 'c':
    return tv_pickle_push_global(pickle);
  case 'h':
    return tv_pickle_refer(pickle, 1);
  case 'j':
    return tv_pickle_refer(pickle, 4);
  case '(':
    return tv_pickle_push(pickle, NULL);
  case '2':
    return tv_pickle_push_again(pickle);
  default:
    return 1;
  }
}

/* Opcodes that work on what stands on the stack; 1 where it is none of them. */
static int stack_opcode(tv_pickle *pickle, unsigned char opcode)
{
  switch (opcode) {
  case 't':
  case 'l':
  case 0x91: /* FROZENSET */
    return tv_pickle_push_marked(pickle, TV_PICKLE_LIST);
  case 'd':
    return tv_pickle_push_marked(pickle, TV_PICKLE_DICT);
  case 0x85: /* TUPLE1 to TUPLE3 */
  case 0x86:
  case 0x87:
    return tv_pickle_push_tuple(pickle, opcode - 0x84u);
  case 'a':
    return tv_pickle_extend(pickle, 1, 0);
  case 'e':
  case 0x90: /* ADDITEMS */
    return tv_pickle_extend(pickle, 0, 0);
  case 's':
    return tv_pickle_extend(pickle, 2, 1);
  case 'u':
    return tv_pickle_extend(pickle, 0, 1);
  case 0x93: /* STACK_GLOBAL */
    return tv_pickle_push_stacked_global(pickle);
  case 'R':
  case 0x81: /* NEWOBJ */
    return tv_pickle_push_call(pickle, opcode == 'R');
  case 0x92: /* NEWOBJ_EX */
    return tv_pickle_object_with_keywords(pickle);
  case 'b':
    return tv_pickle_build(pickle);
  case 'Q':
    return tv_pickle_persistent(pickle);
  case 'q':
    return tv_pickle_put(pickle, 1);
  case 'r':
    return tv_pickle_put(pickle, 4);
  case 0x94: /* MEMOIZE */
    return tv_pickle_remember(pickle, pickle->memo_count);
  case '0':
    return tv_pickle_pop_one(pickle);
  case '1':
    return tv_pickle_pop_mark(pickle);
  case 0x80: /* PROTO */
    return tv_pickle_take(pickle, 1) ? 0 : -1;
  case 0x95: /* FRAME */
    return tv_pickle_take(pickle, 8) ? 0 : -1;
  default:
    return 1;
  }
}

/* The whole program. */
static int run(tv_pickle *pickle)
{
  for (;;) {
    const unsigned char *opcode = tv_pickle_take(pickle, 1);
    if (!opcode)
      return -1;
    if (*opcode == '.')
      break;
    int status = push_opcode(pickle, *opcode);
    if (status == 1)
      status = stack_opcode(pickle, *opcode);
    if (status == 1) {
      tv_fail(TV_ERROR_UNSUPPORTED,
        "%s: %s in it has the opcode 0x%02x at byte %zu, which torch does not write", pickle->path,
        pickle->name, *opcode, pickle->at - 1);
      return -1;
    }
    if (status)
      return -1;
  }
  if (pickle->depth != 1 || !pickle->stack[0])
    return tv_pickle_broken(pickle, "it does not describe one thing");
  return 0;
}

int tv_pickle_read(
  tv_pickle **result, const char *bytes, size_t length, const char *path, const char *name)
{
  tv_pickle *pickle = calloc(1, sizeof *pickle);
  *result = NULL;
  if (!pickle)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", path);
  pickle->bytes = (const unsigned char *)bytes;
  pickle->length = length;
  pickle->path = path;
  pickle->name = name;
  if (run(pickle)) {
    tv_pickle_free(pickle);
    return TV_ERROR_FORMAT;
  }
  *result = pickle;
  return 0;
}
