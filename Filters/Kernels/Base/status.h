/* How our own C code reports a failure: return tv_fail(TV_ERROR_..., "sentence", ...). */
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

/* Bytes of one number of that type: 4, 8, 2, 2; 0 for a type that does not exist. */
size_t tv_type_size(tv_type type);

#ifdef __cplusplus
}
#endif
#endif
