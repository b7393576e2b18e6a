/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire.h"
#include "status.h"

int tv_wire_varint(tv_cursor *cursor, uint64_t *value)
{
  *value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    unsigned char byte;
    const int status = tv_cursor_take(cursor, &byte, 1);
    if (status)
      return status;
    if (shift < 64)
      *value |= (uint64_t)(byte & 127u) << shift;
    if (!(byte & 128u))
      return 0;
  }
  return tv_fail(
    TV_ERROR_FORMAT, "%s: has a number of more than 64 bits in it", cursor->file->path);
}

int tv_wire_next(tv_cursor *cursor, tv_wire_field *field)
{
  unsigned char bytes[8];
  uint64_t key;
  if (cursor->at >= cursor->end)
    return 0;
  int status = tv_wire_varint(cursor, &key);
  if (status)
    return status;
  field->number = key >> 3;
  field->type = (int)(key & 7);
  field->value = 0;
  if (!field->number || field->number >> 29)
    return tv_fail(TV_ERROR_FORMAT, "%s: is damaged: a field has no number", cursor->file->path);
  switch (field->type) {
  case 0:
    status = tv_wire_varint(cursor, &field->value);
    return status ? status : 1;
  case 1:
  case 5: {
    const int count = field->type == 1 ? 8 : 4;
    status = tv_cursor_take(cursor, bytes, (size_t)count);
    for (int i = count - 1; !status && i >= 0; --i)
      field->value = field->value << 8 | bytes[i];
    return status ? status : 1;
  }
  case 2:
    status = tv_wire_varint(cursor, &field->value);
    if (status)
      return status;
    if (field->value > cursor->end - cursor->at)
      return tv_fail(
        TV_ERROR_FORMAT, "%s: is cut off, or a length in it is too large", cursor->file->path);
    field->at = cursor->at;
    cursor->at += field->value;
    return 1;
  default:
    return tv_fail(
      TV_ERROR_FORMAT, "%s: is damaged: a field has an unknown type", cursor->file->path);
  }
}

void tv_wire_inside(tv_cursor *cursor, tv_mapped *file, const tv_wire_field *field)
{
  tv_cursor_start(cursor, file, field->at, field->at + field->value);
}

int tv_wire_text(tv_mapped *file, const tv_wire_field *field, char *text, size_t room)
{
  const size_t count = field->value < room - 1 ? (size_t)field->value : room - 1;
  const int status = tv_mapped_read(file, text, field->at, count);
  text[status ? 0 : count] = 0;
  return status;
}
