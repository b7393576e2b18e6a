/* SPDX-License-Identifier: BSD-3-Clause */
/* Protocol buffers' wire format, as far as it takes to walk through a message in a file: by code of
 * our own. nanopb and protobuf-c hand out what they decoded, copied into memory; what is wanted
 * here is where the bytes of a tensor lie in the file. */
#ifndef TV_WIRE_H
#define TV_WIRE_H

#include "mapped.h"

#include <stdint.h>

typedef struct tv_wire_field
{
  uint64_t number; /* of the field */
  int type;        /* 0 varint, 1 eight bytes, 2 bytes with a length, 5 four bytes */
  uint64_t value;  /* types 0, 1, 5: little-endian bits; type 2: how many bytes */
  uint64_t at;     /* type 2: where they begin in the file; reading goes on behind them */
} tv_wire_field;

/* A number of up to 64 bits. */
int tv_wire_varint(tv_cursor *cursor, uint64_t *value);

/* The next field of the message in which the cursor is: 1, 0 at its end, or a negative tv_status.
 * A length that reaches beyond the message's end is a failure. */
int tv_wire_next(tv_cursor *cursor, tv_wire_field *field);

/* A cursor inside a field of type 2. */
void tv_wire_inside(tv_cursor *cursor, tv_mapped *file, const tv_wire_field *field);

/* A field of type 2 as text, cut to room - 1 bytes, ended by 0. */
int tv_wire_text(tv_mapped *file, const tv_wire_field *field, char *text, size_t room);

#endif
