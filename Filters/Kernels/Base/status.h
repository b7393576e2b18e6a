/* SPDX-License-Identifier: BSD-3-Clause */
/* How our own C code reports a failure: return tv_fail(TV_ERROR_..., "sentence", ...); and what is
 * to be known of each type of number. */
#ifndef TV_STATUS_H
#define TV_STATUS_H

#include "tensorview/types.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Keeps the sentence for tv_last_error() of this thread (cut at 1023 bytes), returns status.
 * No full stop, no newline at its end: callers put it into sentences of their own. */
int tv_fail(tv_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* a * b, or 0 and *overflow = 1 (never reset to 0 here) where that does not fit. */
size_t tv_multiply(size_t a, size_t b, int *overflow);

/* Bytes of one number of that type; 0 for a type that does not exist. */
size_t tv_type_size(tv_type type);

/* "float32", "bool", ... as numpy calls them; "" for a type that does not exist. */
const char *tv_type_name(tv_type type);

/* The type in which numbers of that type are shown and summed: TV_FLOAT64 for float64, int32 and
 * int64 (exact up to 2^53), otherwise TV_FLOAT32 (exact for int8, uint8 and bool). */
tv_type tv_type_result(tv_type type);

#ifdef __cplusplus
}
#endif
#endif
