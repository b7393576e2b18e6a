/* SPDX-License-Identifier: BSD-3-Clause */
#include "keras_attributes.h"

#include <stdlib.h>
#include <string.h>

enum
{
  ATTRIBUTE = 0x0c,
  CONTINUATION = 0x10,
  SHARED = 2, /* a flag of a message that is somewhere else */
  MOST_BLOCKS = 32,
  LARGEST_BLOCK = 1 << 20,
  LARGEST_HEAP = 1 << 24,
  MOST_OBJECTS = 10000000, /* looked at in heaps, for all strings together */
  REFERENCE = 16,          /* bytes: length, address of the heap, number in it */
  MOST_STRINGS = 100000,
  LONGEST = 255
};

static uint64_t little(const unsigned char *bytes, unsigned count)
{
  uint64_t value = 0;
  for (unsigned k = 0; k < count; ++k)
    value |= (uint64_t)bytes[k] << (8 * k);
  return value;
}

/* bytes of the file, of which the caller frees the copy; NULL where they are not all there. */
static unsigned char *copy(const tv_hdf5_input *input, uint64_t offset, uint64_t bytes)
{
  unsigned char *result =
    offset < input->bytes && bytes <= input->bytes - offset ? malloc((size_t)bytes + 1) : NULL;
  if (result && tv_hdf5_bytes(input, offset, result, (size_t)bytes) != (ptrdiff_t)bytes) {
    free(result);
    result = NULL;
  }
  return result;
}

/* The blocks of an object header: the first, and those that others continue in. */
typedef struct header
{
  int version;
  unsigned head; /* bytes before each message */
  size_t count;
  struct
  {
    uint64_t offset, bytes;
  } blocks[MOST_BLOCKS];
} header;

static int open_header(header *object, const tv_hdf5_input *input, uint64_t address)
{
  unsigned char first[40] = {0};
  if (address >= input->bytes || tv_hdf5_bytes(input, address, first, sizeof first) < 16)
    return 0;
  memset(object, 0, sizeof *object);
  object->count = 1;
  if (first[0] == 1) {
    object->version = 1;
    object->head = 8;
    object->blocks[0].offset = address + 16;
    object->blocks[0].bytes = little(first + 8, 4);
    return 1;
  }
  if (memcmp(first, "OHDR\2", 5) != 0)
    return 0;
  const unsigned flags = first[5], width = 1u << (flags & 3);
  const unsigned start = 6 + (flags & 0x20 ? 16 : 0) + (flags & 0x10 ? 4 : 0);
  object->version = 2;
  object->head = flags & 4 ? 6 : 4;
  object->blocks[0].offset = address + start + width;
  object->blocks[0].bytes = little(first + start, width);
  return 1;
}

/* A message that says where the header goes on. The blocks of version 2 have a signature and a check. */
static void go_on(header *object, const unsigned char *message, size_t length)
{
  const uint64_t offset = length >= 16 ? little(message, 8) : 0;
  const uint64_t bytes = length >= 16 ? little(message + 8, 8) : 0;
  const unsigned before = object->version == 2 ? 4 : 0;
  if (object->count == MOST_BLOCKS || bytes < 2 * before || bytes > LARGEST_BLOCK)
    return;
  object->blocks[object->count].offset = offset + before;
  object->blocks[object->count++].bytes = bytes - 2 * before;
}

/* Parts of an attribute's message. */
typedef struct attribute
{
  unsigned char *block; /* that it lies in */
  const unsigned char *type, *space, *values;
  size_t type_bytes, space_bytes, bytes; /* of values */
} attribute;

/* The parts of the message, where it is that attribute's. */
static int take_attribute(
  attribute *found, const unsigned char *message, size_t length, const char *name)
{
  const size_t given = strlen(name) + 1;
  if (length < 9 || message[0] < 1 || message[0] > 3)
    return 0;
  size_t at = message[0] == 3 ? 9 : 8;
  const size_t up = message[0] == 1 ? 7 : 0; /* the first version fills up to 8 bytes */
  const size_t size = (size_t)little(message + 2, 2);
  if (size != given || length - at < given || memcmp(message + at, name, given) != 0)
    return 0;
  found->type_bytes = (size_t)little(message + 4, 2);
  found->space_bytes = (size_t)little(message + 6, 2);
  at += (size + up) & ~up;
  found->type = message + at;
  at += (found->type_bytes + up) & ~up;
  found->space = message + at;
  at += (found->space_bytes + up) & ~up;
  found->values = message + at;
  found->bytes = at <= length ? length - at : 0;
  return at <= length;
}

/* Looks through one block. */
static int find_in_block(
  header *object, const unsigned char *block, size_t bytes, const char *name, attribute *found)
{
  const int old = object->version == 1;
  for (size_t at = 0; bytes - at >= object->head;) {
    const uint64_t type = little(block + at, old ? 2 : 1);
    const uint64_t length = little(block + at + (old ? 2 : 1), 2);
    const unsigned flags = block[at + (old ? 4 : 3)];
    const unsigned char *message = block + at + object->head;
    at += object->head;
    if (length > bytes - at)
      return 0;
    at += length;
    if (type == CONTINUATION)
      go_on(object, message, length);
    if (type == ATTRIBUTE && !(flags & SHARED) && take_attribute(found, message, length, name))
      return 1;
  }
  return 0;
}

/* The caller frees found->block. */
static int find_attribute(
  attribute *found, const tv_hdf5_input *input, uint64_t address, const char *name)
{
  header object;
  memset(found, 0, sizeof *found);
  if (!open_header(&object, input, address))
    return 0;
  for (size_t k = 0; k < object.count; ++k) {
    const uint64_t bytes = object.blocks[k].bytes;
    found->block = bytes <= LARGEST_BLOCK ? copy(input, object.blocks[k].offset, bytes) : NULL;
    if (found->block && find_in_block(&object, found->block, (size_t)bytes, name, found))
      return 1;
    free(found->block);
    found->block = NULL;
  }
  return 0;
}

int tv_keras_has_attribute(const tv_hdf5_input *input, uint64_t header, const char *name)
{
  attribute found;
  const int has = find_attribute(&found, input, header, name);
  free(found.block);
  return has;
}

/* How many values the dataspace has, 0 where there are none or too many. */
static size_t count_of(const attribute *found)
{
  const unsigned char *space = found->space;
  const size_t start = found->space_bytes >= 4 ? (space[0] == 1 ? 8 : 4) : SIZE_MAX;
  uint64_t count = 1;
  if (start > found->space_bytes || space[0] < 1 || space[0] > 2 ||
      (found->space_bytes - start) / 8 < space[1] || (space[0] == 2 && space[3] > 1))
    return 0;
  for (unsigned axis = 0; axis < space[1]; ++axis)
    if (__builtin_mul_overflow(count, little(space + start + 8 * axis, 8), &count))
      return 0;
  return count <= MOST_STRINGS ? (size_t)count : 0;
}

/* The heap that was read last, and where in it the object before was. */
typedef struct heap
{
  uint64_t address;
  unsigned char *bytes;
  size_t size, at;
  size_t looked; /* at so many objects in all */
} heap;

static int load(heap *held, const tv_hdf5_input *input, uint64_t address)
{
  unsigned char head[16];
  if (held->bytes && held->address == address)
    return 1;
  free(held->bytes);
  held->bytes = NULL;
  if (address >= input->bytes || tv_hdf5_bytes(input, address, head, sizeof head) != sizeof head ||
      memcmp(head, "GCOL\1", 5) != 0)
    return 0;
  const uint64_t size = little(head + 8, 8);
  if (size < sizeof head || size > LARGEST_HEAP)
    return 0;
  held->bytes = copy(input, address, size);
  held->address = address;
  held->size = (size_t)size;
  held->at = sizeof head;
  return held->bytes != NULL;
}

/* The object of that number, from the place of the one before on, and then from the beginning. */
static const unsigned char *find(heap *held, uint64_t number, uint64_t *bytes)
{
  int again = held->at > 16;
  for (size_t at = held->at;;) {
    if (held->size - at < 16 || little(held->bytes + at, 2) == 0) { /* the rest is free */
      if (!again)
        return NULL;
      again = 0;
      at = 16;
      continue;
    }
    const uint64_t size = little(held->bytes + at + 8, 8), left = held->size - at - 16;
    if (size > left || ++held->looked > MOST_OBJECTS)
      return NULL;
    if (little(held->bytes + at, 2) == number) {
      held->at = at;
      *bytes = size;
      return held->bytes + at + 16;
    }
    at += 16 + (size_t)(size + 7 < left ? (size + 7) & ~(uint64_t)7 : left);
  }
}

/* Strings of variable length: a reference for each. */
static int take_from_heaps(const tv_hdf5_input *input, const unsigned char *references,
  size_t count, size_t stride, char *strings)
{
  heap held = {0};
  int good = 1;
  for (size_t k = 0; k < count && good; ++k) {
    const unsigned char *one = references + k * REFERENCE;
    const uint64_t length = little(one, 4);
    uint64_t bytes = 0;
    if (!length)
      continue;
    const unsigned char *text =
      load(&held, input, little(one + 4, 8)) ? find(&held, little(one + 12, 4), &bytes) : NULL;
    good = text && length <= bytes;
    if (good)
      memcpy(strings + k * stride, text, length < stride ? (size_t)length : stride - 1);
  }
  free(held.bytes);
  return good;
}

char *tv_keras_attribute_strings(
  const tv_hdf5_input *input, uint64_t header, const char *name, size_t *count, size_t *stride)
{
  attribute found;
  char *strings = NULL;
  if (!find_attribute(&found, input, header, name))
    return NULL;
  const int kind = found.type_bytes >= 8 ? found.type[0] & 15 : -1;
  const int variable = kind == 9 && (found.type[1] & 15) == 1; /* a sequence of characters */
  const size_t each = kind == 3 || variable ? (size_t)little(found.type + 4, 4) : 0;
  *count = each && (!variable || each == REFERENCE) ? count_of(&found) : 0;
  *stride = LONGEST + 1;
  if (*count && found.bytes / each >= *count)
    strings = calloc(*count, *stride);
  int good = strings != NULL;
  if (good && variable)
    good = take_from_heaps(input, found.values, *count, *stride, strings);
  for (size_t k = 0; good && !variable && k < *count; ++k)
    memcpy(strings + k * *stride, found.values + k * each, each < *stride ? each : *stride - 1);
  free(found.block);
  if (good)
    return strings;
  free(strings);
  return NULL;
}
