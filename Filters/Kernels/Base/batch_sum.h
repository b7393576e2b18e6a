/* SPDX-License-Identifier: BSD-3-Clause */
/* The sum of a batch of activations over its samples. */
#ifndef TV_BATCH_SUM_H
#define TV_BATCH_SUM_H

#include "shape.h"
#include "tensorview/types.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* sum[o][i] = data[o][0][i] + data[o][1][i] + ... + data[o][samples - 1][i]
 *
 * The batch stands between the slower axes, outer elements of them, and the faster ones, inner
 * elements (tv_shape_split_batch()): outer is 1 for "nchw" and "nhwc", and inner 1 for "chwn". Each
 * number is widened first, and the sum is of the type that tv_type_result() says: float64 for
 * float64, int32 and int64, and float32 for all others (sums of int8, uint8 and bool are exact
 * there up to 2^24).
 *
 * The order of additions depends on samples alone, not on threads: the result is the same, bit for
 * bit, for any number of them. Four samples are added to each other first, so that the rounding
 * error is that of samples / 4 + 2 additions. NaN and infinity pass through as IEEE 754 has it.
 *
 * Reads data once and needs no memory of its own. */
int                     /* 0, or TV_ERROR_ARGUMENT: NULL, a type that does not exist, sizes that
                           are 0 or overflow; nothing was written then */
tv_batch_sum(void *sum, /* out: [outer][inner]; not data */
  const void *data,     /* [outer][samples][inner] of type */
  tv_type type, const tv_batch *batch,
  const tv_execution *execution); /* or NULL; its progress is not called */

#ifdef __cplusplus
}
#endif
#endif
