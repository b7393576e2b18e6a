/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers as weight files have them, and as what they are read. */
#ifndef TV_STORED_H
#define TV_STORED_H

#include "tensorview/types.h"

#include <stddef.h>
#include <stdint.h>

typedef enum tv_stored
{
  /*                    read as      how                        */
  TV_STORED_NONE = 0, /* no number that can be shown            */
  TV_STORED_F32,      /* float32     as it is                   */
  TV_STORED_F64,      /* float64     as it is                   */
  TV_STORED_F16,      /* float16     as it is                   */
  TV_STORED_BF16,     /* bfloat16    as it is                   */
  TV_STORED_I8,       /* int8        as it is                   */
  TV_STORED_U8,       /* uint8       as it is                   */
  TV_STORED_I32,      /* int32       as it is                   */
  TV_STORED_I64,      /* int64       as it is                   */
  TV_STORED_BOOL,     /* bool        anything but 0 becomes 1   */
  TV_STORED_I16,      /* int32       same value                 */
  TV_STORED_U16,      /* int32       same value                 */
  TV_STORED_U32,      /* int64       same value                 */
  TV_STORED_F8_E4M3,  /* float32     same value (OCP FP8, no infinity, NaN is S.1111.111) */
  TV_STORED_F8_E5M2   /* float16     same value: the upper half of one                    */
} tv_stored;

/* Bytes of one number in the file; 0 for TV_STORED_NONE. */
size_t tv_stored_bytes(tv_stored stored);

/* As what it is read. */
tv_type tv_stored_type(tv_stored stored);

/* Bytes of one number as it is read. */
size_t tv_stored_read_bytes(tv_stored stored);

/* 1 where a number is read as it stands. */
int tv_stored_same(tv_stored stored);

/* count numbers that stand step bytes apart, into result as tv_stored_type(). swapped: big-endian.
 * source and result may not overlap. */
void tv_stored_convert(void *result, tv_stored stored, int swapped, const unsigned char *source,
  size_t step, size_t count);

/* Bytes that Python's pickle wrote as text before it had bytes: each is a character from U+0000 to
 * U+00FF, in UTF-8. How many there are, of which the first most go into result; SIZE_MAX where the
 * text is no such thing. */
size_t tv_stored_latin1(
  unsigned char *result, size_t most, const unsigned char *text, size_t length);

/* One number as it is read, as a double. */
double tv_stored_double(tv_type type, const void *number);

/* The type by a name of safetensors ("F32", "BF16", ...), of numpy ("f4", "i8": kind and bytes) or
 * of torch's storages ("FloatStorage") and dtypes ("float32"); TV_STORED_NONE where it is none. */
tv_stored tv_stored_safetensors(const char *name);
tv_stored tv_stored_numpy(const char *name);
tv_stored tv_stored_torch(const char *name);

#endif
