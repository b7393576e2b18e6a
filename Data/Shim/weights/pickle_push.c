/* SPDX-License-Identifier: BSD-3-Clause */
#include "pickle_work.h"
#include "status.h"

#include <stdlib.h>
#include <string.h>

/* The next count bytes; NULL where they end before. */
const unsigned char *tv_pickle_take(tv_pickle *pickle, uint64_t count)
{
  if (count > pickle->length - pickle->at) {
    tv_pickle_broken(pickle, "it ends too early");
    return NULL;
  }
  const unsigned char *from = pickle->bytes + pickle->at;
  pickle->at += (size_t)count;
  return from;
}

static int tv_pickle_take_number(tv_pickle *pickle, int bytes, uint64_t *value)
{
  const unsigned char *from = tv_pickle_take(pickle, (uint64_t)bytes);
  *value = 0;
  for (int i = bytes - 1; from && i >= 0; --i)
    *value = *value << 8 | from[i];
  return from ? 0 : -1;
}

int tv_pickle_push_integer(tv_pickle *pickle, tv_pickle_kind kind, int64_t value)
{
  tv_pickle_node *node = tv_pickle_new(pickle, kind);
  if (!node)
    return -1;
  node->integer = value;
  return tv_pickle_push(pickle, node);
}

/* An integer of any length: beyond 64 bits only its lower ones are kept. */
static int tv_pickle_push_long(tv_pickle *pickle, uint64_t bytes)
{
  const unsigned char *from = tv_pickle_take(pickle, bytes);
  uint64_t value = from && bytes && from[bytes - 1] & 0x80 ? UINT64_MAX : 0;
  if (!from)
    return -1;
  for (uint64_t i = bytes < 8 ? bytes : 8; i-- > 0;)
    value = value << 8 | from[i];
  return tv_pickle_push_integer(pickle, TV_PICKLE_INT, (int64_t)value);
}

int tv_pickle_push_float(tv_pickle *pickle)
{
  const unsigned char *from = tv_pickle_take(pickle, 8);
  tv_pickle_node *node = from ? tv_pickle_new(pickle, TV_PICKLE_FLOAT) : NULL;
  uint64_t bits = 0;
  if (!node)
    return -1;
  for (int i = 0; i < 8; ++i)
    bits = bits << 8 | from[i];
  memcpy(&node->real, &bits, sizeof bits);
  return tv_pickle_push(pickle, node);
}

int tv_pickle_push_text(tv_pickle *pickle, int length_bytes)
{
  uint64_t length;
  if (tv_pickle_take_number(pickle, length_bytes, &length))
    return -1;
  const unsigned char *from = tv_pickle_take(pickle, length);
  tv_pickle_node *node = from ? tv_pickle_new(pickle, TV_PICKLE_TEXT) : NULL;
  if (!node)
    return -1;
  node->text = (const char *)from;
  node->length = (size_t)length;
  return tv_pickle_push(pickle, node);
}

/* Two lines: module and name. */
int tv_pickle_push_global(tv_pickle *pickle)
{
  const char *part[2];
  size_t length[2];
  for (int i = 0; i < 2; ++i) {
    part[i] = (const char *)pickle->bytes + pickle->at;
    const char *end = memchr(part[i], '\n', pickle->length - pickle->at);
    if (!end)
      return tv_pickle_broken(pickle, "it ends too early");
    length[i] = (size_t)(end - part[i]);
    pickle->at += length[i] + 1;
  }
  tv_pickle_node *node = tv_pickle_named(pickle, part[0], length[0], part[1], length[1]);
  return node ? tv_pickle_push(pickle, node) : -1;
}

int tv_pickle_push_stacked_global(tv_pickle *pickle)
{
  tv_pickle_node *name = tv_pickle_pop(pickle);
  tv_pickle_node *module = name ? tv_pickle_pop(pickle) : NULL;
  if (!module)
    return -1;
  if (name->kind != TV_PICKLE_TEXT || module->kind != TV_PICKLE_TEXT)
    return tv_pickle_broken(pickle, "a name is no text");
  tv_pickle_node *node =
    tv_pickle_named(pickle, module->text, module->length, name->text, name->length);
  return node ? tv_pickle_push(pickle, node) : -1;
}

/* The last count items of the stack as a tuple. */
int tv_pickle_push_tuple(tv_pickle *pickle, size_t count)
{
  tv_pickle_node *tuple = tv_pickle_new(pickle, TV_PICKLE_LIST);
  if (!tuple || pickle->depth < count)
    return tuple ? tv_pickle_broken(pickle, "something is missing") : -1;
  for (size_t i = pickle->depth - count; i < pickle->depth; ++i) {
    if (!pickle->stack[i])
      return tv_pickle_broken(pickle, "something is missing");
    if (tv_pickle_append(pickle, tuple, pickle->stack[i]))
      return -1;
  }
  pickle->depth -= count;
  return tv_pickle_push(pickle, tuple);
}

int tv_pickle_push_marked(tv_pickle *pickle, tv_pickle_kind kind)
{
  size_t first;
  if (tv_pickle_marked(pickle, &first))
    return -1;
  tv_pickle_node *node = tv_pickle_gather(pickle, kind, first, 1);
  return node ? tv_pickle_push(pickle, node) : -1;
}

/* Appends the items after the last mark, or the last count, to what stands below them. */
int tv_pickle_extend(tv_pickle *pickle, size_t count, int pairs)
{
  size_t first = pickle->depth - count;
  const size_t marks = count == 0;
  if (pickle->depth < count + 1 || (!count && tv_pickle_marked(pickle, &first)))
    return count ? tv_pickle_broken(pickle, "something is missing") : -1;
  if (first < marks + 1 || !pickle->stack[first - marks - 1])
    return tv_pickle_broken(pickle, "something is missing");
  tv_pickle_node *whole = pickle->stack[first - marks - 1];
  if (whole->kind != (pairs ? TV_PICKLE_DICT : TV_PICKLE_LIST) && whole->kind != TV_PICKLE_CALL)
    return tv_pickle_broken(pickle, "something is put into what holds nothing");
  if (pairs && (pickle->depth - first) % 2)
    return tv_pickle_broken(pickle, "a value is missing");
  for (size_t i = first; i < pickle->depth; ++i) {
    if (!pickle->stack[i])
      return tv_pickle_broken(pickle, "something is missing");
    if (tv_pickle_append(pickle, whole, pickle->stack[i]))
      return -1;
  }
  pickle->depth = first - marks;
  return 0;
}

/* A call, or an object of a class: a node that says so. */
int tv_pickle_push_call(tv_pickle *pickle, int called)
{
  tv_pickle_node *arguments = tv_pickle_pop(pickle);
  tv_pickle_node *callee = arguments ? tv_pickle_pop(pickle) : NULL;
  tv_pickle_node *call = callee ? tv_pickle_new(pickle, TV_PICKLE_CALL) : NULL;
  if (!call || tv_pickle_append(pickle, call, callee) || tv_pickle_append(pickle, call, arguments))
    return -1;
  call->called = called;
  return tv_pickle_push(pickle, call);
}

int tv_pickle_build(tv_pickle *pickle)
{
  tv_pickle_node *state = tv_pickle_pop(pickle);
  tv_pickle_node *object = state ? tv_pickle_top(pickle) : NULL;
  if (!object)
    return -1;
  if (object->kind == TV_PICKLE_CALL)
    object->state = state;
  return 0;
}

int tv_pickle_persistent(tv_pickle *pickle)
{
  tv_pickle_node *what = tv_pickle_pop(pickle);
  tv_pickle_node *storage = what ? tv_pickle_new(pickle, TV_PICKLE_STORAGE) : NULL;
  if (!storage || tv_pickle_append(pickle, storage, what))
    return -1;
  return tv_pickle_push(pickle, storage);
}

int tv_pickle_refer(tv_pickle *pickle, int bytes)
{
  uint64_t index;
  if (tv_pickle_take_number(pickle, bytes, &index))
    return -1;
  tv_pickle_node *node = tv_pickle_recall(pickle, index);
  return node ? tv_pickle_push(pickle, node) : -1;
}

int tv_pickle_put(tv_pickle *pickle, int bytes)
{
  uint64_t index;
  return tv_pickle_take_number(pickle, bytes, &index) ? -1 : tv_pickle_remember(pickle, index);
}

int tv_pickle_push_fixed(tv_pickle *pickle, int bytes)
{
  uint64_t value;
  if (tv_pickle_take_number(pickle, bytes, &value))
    return -1;
  return tv_pickle_push_integer(
    pickle, TV_PICKLE_INT, bytes == 4 ? (int64_t)(int32_t)(uint32_t)value : (int64_t)value);
}

int tv_pickle_push_empty(tv_pickle *pickle, tv_pickle_kind kind)
{
  tv_pickle_node *node = tv_pickle_new(pickle, kind);
  return node ? tv_pickle_push(pickle, node) : -1;
}

/* Drops everything down to the last mark, and the mark. */
int tv_pickle_pop_mark(tv_pickle *pickle)
{
  size_t first;
  if (tv_pickle_marked(pickle, &first))
    return -1;
  pickle->depth = first - 1;
  return 0;
}

int tv_pickle_pop_one(tv_pickle *pickle)
{
  if (!pickle->depth)
    return tv_pickle_broken(pickle, "something is missing");
  --pickle->depth;
  return 0;
}

int tv_pickle_push_again(tv_pickle *pickle)
{
  tv_pickle_node *node = tv_pickle_top(pickle);
  return node ? tv_pickle_push(pickle, node) : -1;
}

int tv_pickle_object_with_keywords(tv_pickle *pickle)
{
  return tv_pickle_pop(pickle) ? tv_pickle_push_call(pickle, 0) : -1;
}

int tv_pickle_push_long_of(tv_pickle *pickle, int length_bytes)
{
  uint64_t bytes;
  return tv_pickle_take_number(pickle, length_bytes, &bytes) ? -1
                                                             : tv_pickle_push_long(pickle, bytes);
}
