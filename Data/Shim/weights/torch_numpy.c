/* SPDX-License-Identifier: BSD-3-Clause */
#include "torch_numpy.h"

#include <math.h>
#include <string.h>

/* numpy 2 moved what numpy 1 had in numpy.core. */
static int is_numpys(const char *function, const char *which)
{
  if (!strncmp(function, "numpy.core.", 11))
    return !strcmp(function + 11, which);
  return !strncmp(function, "numpy._core.", 12) && !strcmp(function + 12, which);
}

int tv_torch_is_array(const char *function)
{
  return is_numpys(function, "multiarray._reconstruct") ||
         is_numpys(function, "numeric._frombuffer");
}

/* Bytes in a pickle: as they are, or as text of which each character is one (protocol 2). */
typedef struct data
{
  const tv_pickle_node *text; /* NULL: none */
  uint64_t bytes;             /* SIZE_MAX where it is no such text */
  int latin1;
} data;

/* The arguments of a call of that function, at least count of them; NULL where node is none. */
static const tv_pickle_node *arguments_of(
  const tv_pickle_node *node, const char *function, size_t count)
{
  if (node->kind != TV_PICKLE_CALL || !tv_pickle_is(node->items[0], function) ||
      node->items[1]->kind != TV_PICKLE_LIST || node->items[1]->count < count)
    return NULL;
  return node->items[1];
}

/* A text that many arrays share is looked through once: its length is kept in its count. */
static data take_data(tv_pickle_node *node)
{
  const tv_pickle_node *call;
  if (node->kind == TV_PICKLE_TEXT)
    return (data){node, node->length, 0};
  if (arguments_of(node, "__builtin__.bytes", 0) || arguments_of(node, "builtins.bytes", 0))
    return (data){node, node->items[1]->count ? SIZE_MAX : 0, 0};
  call = arguments_of(node, "_codecs.encode", 2);
  if (!call || call->items[0]->kind != TV_PICKLE_TEXT || !tv_pickle_is(call->items[1], "latin1"))
    return (data){NULL, 0, 0};
  tv_pickle_node *text = call->items[0];
  if (!text->visited)
    text->count = tv_stored_latin1(NULL, 0, (const unsigned char *)text->text, text->length);
  text->visited = 1;
  return (data){text, text->count, 1};
}

/* A type of numpy's. */
typedef struct type
{
  char name[16]; /* "f8" */
  tv_stored stored;
  int swapped;
} type;

/* numpy.dtype('f8', False, True), and in its state the byte order, then what records have: 0 where it
 * is something else, or has those. */
static int take_type(type *result, const tv_pickle_node *dtype)
{
  const tv_pickle_node *arguments = arguments_of(dtype, "numpy.dtype", 1);
  const tv_pickle_node *name = arguments ? arguments->items[0] : NULL, *state = dtype->state;
  memset(result, 0, sizeof *result);
  if (!name || name->kind != TV_PICKLE_TEXT || name->length >= sizeof result->name ||
      !tv_is_text(name->text, name->length))
    return 0;
  memcpy(result->name, name->text, name->length);
  result->stored = tv_stored_numpy(result->name);
  if (!state)
    return 1;
  if (state->kind != TV_PICKLE_LIST || state->count < 4 ||
      state->items[1]->kind != TV_PICKLE_TEXT || state->items[1]->length != 1 ||
      state->items[2]->kind != TV_PICKLE_NONE || state->items[3]->kind != TV_PICKLE_NONE)
    return 0;
  result->swapped = *state->items[1]->text == '>';
  return 1;
}

static void set_type(tv_weights_tensor *tensor, const tv_pickle_node *dtype)
{
  type found;
  if (!take_type(&found, dtype))
    tv_weights_problem(tensor, "holds records, or numbers of a type that is not known here");
  else if (*found.name == 'O')
    tv_weights_problem(tensor, "holds Python objects, which are never loaded");
  else if (!found.stored)
    tv_weights_problem(
      tensor, "holds numbers of the type %s, which are not shown here", found.name);
  tensor->stored = found.stored;
  tensor->swapped = found.swapped;
}

/* Type, shape, order and bytes of an array. */
typedef struct array
{
  tv_pickle_node *shape, *dtype, *bytes;
  int turned;
} array;

static int take_parts(array *parts, const tv_pickle_node *call)
{
  const int buffer = is_numpys(call->items[0]->text, "numeric._frombuffer");
  const tv_pickle_node *from = buffer ? call->items[1] : call->state;
  if (!from || from->kind != TV_PICKLE_LIST || from->count != (buffer ? 4 : 5))
    return 0;
  tv_pickle_node *const *item = from->items;
  if (buffer) /* bytes, type, shape, 'C' or 'F' */
    *parts = (array){item[2], item[1], item[0], tv_pickle_is(item[3], "F")};
  else /* version, shape, type, whether the first index runs fastest, bytes */
    *parts =
      (array){item[1], item[2], item[4], item[3]->kind == TV_PICKLE_BOOL && item[3]->integer != 0};
  return buffer ? parts->turned || tv_pickle_is(item[3], "C") : item[3]->kind == TV_PICKLE_BOOL;
}

/* Where the bytes are in the file: in the pickle, an entry of the zip file. */
static void place(tv_torch *torch, tv_weights_tensor *tensor, const data *found)
{
  const tv_zip_entry *entry = torch->pickle_entry;
  tensor->place = entry->deflated ? TV_PLACE_DEFLATED : TV_PLACE_FLAT;
  tensor->offset =
    (entry->deflated ? 0 : entry->offset) + (uint64_t)(found->text->text - torch->pickle);
  tensor->packed = entry->offset;
  tensor->packed_bytes = entry->packed_bytes;
  tensor->latin1_bytes = found->latin1 ? found->text->length : 0;
}

int tv_torch_array(tv_torch *torch, const char *name, const tv_pickle_node *call)
{
  uint64_t size[TV_TORCH_AXES];
  array parts;
  tv_weights_tensor *tensor =
    tv_weights_add(torch->weights, *name ? name : "array", strlen(*name ? name : "array"));
  if (!tensor)
    return TV_ERROR_MEMORY;
  const int whole = take_parts(&parts, call);
  const int rank = whole ? tv_torch_sizes(size, parts.shape) : -1;
  if (rank < 0) {
    tv_weights_problem(tensor, "has no shape, or no type");
    return 0;
  }
  set_type(tensor, parts.dtype);
  tv_weights_shape(tensor, size, (size_t)rank);
  if (tensor->problem)
    return 0;
  const data found = take_data(parts.bytes);
  if (!found.text || found.bytes == SIZE_MAX)
    tv_weights_problem(tensor, "has something else than bytes where its numbers would be");
  else if (found.bytes != tensor->span)
    tv_weights_problem(tensor, "has %llu bytes of numbers, and its shape needs %llu",
      (unsigned long long)found.bytes, (unsigned long long)tensor->span);
  else
    place(torch, tensor, &found);
  if (parts.turned && !tensor->problem)
    tv_weights_turn_around(tensor);
  return 0;
}

/* numpy.core.multiarray.scalar(dtype, bytes) */
static int take_scalar(double *number, const tv_pickle_node *call)
{
  unsigned char bytes[8], read[8];
  type found;
  const tv_pickle_node *arguments = call->items[1];
  if (call->items[0]->kind != TV_PICKLE_NAME ||
      !is_numpys(call->items[0]->text, "multiarray.scalar") || arguments->kind != TV_PICKLE_LIST ||
      arguments->count != 2 || !take_type(&found, arguments->items[0]) || !found.stored)
    return 0;
  const size_t each = tv_stored_bytes(found.stored);
  const data value = take_data(arguments->items[1]);
  if (!value.text || value.bytes != each)
    return 0;
  if (value.latin1)
    tv_stored_latin1(
      bytes, sizeof bytes, (const unsigned char *)value.text->text, value.text->length);
  else
    memcpy(bytes, value.text->text, each);
  tv_stored_convert(read, found.stored, found.swapped, bytes, each, 1);
  *number = tv_stored_double(tv_stored_type(found.stored), read);
  return 1;
}

int tv_torch_number(double *number, tv_pickle_node *node)
{
  if (node->kind == TV_PICKLE_INT)
    *number = (double)node->integer;
  else if (node->kind == TV_PICKLE_FLOAT)
    *number = node->real;
  else if (node->kind != TV_PICKLE_CALL || !take_scalar(number, node))
    return 0;
  return node->kind != TV_PICKLE_FLOAT && *number == floor(*number) && fabs(*number) < 0x1p53 ? 1
                                                                                              : 2;
}
