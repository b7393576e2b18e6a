/* The sum of a batch of activations over its samples. */
#ifndef TV_BATCH_SUM_H
#define TV_BATCH_SUM_H

#include "tensorview/types.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* sum[i] = data[0][i] + data[1][i] + ... + data[samples - 1][i]
 *
 * The batch is the slowest axis, so that nchw and nhwc are the same here. float32 is summed to
 * float32 and float64 to float64; float16 and bfloat16 are widened first and summed to float32.
 * The order of additions depends on samples alone, not on threads: the result is the same, bit for
 * bit, for any number of them. Four samples are added to each other first, so that the rounding
 * error is that of samples / 4 + 2 additions. NaN and infinity pass through as IEEE 754 has it.
 *
 * Reads data once and needs no memory of its own. */
int                     /* 0, or TV_ERROR_ARGUMENT: NULL, a type that does not exist, sizes that
                           overflow; nothing was written then */
tv_batch_sum(void *sum, /* out: [elements], float64 for TV_FLOAT64, otherwise float32; not data */
  const void *data,     /* [samples][elements] of type */
  tv_type type, size_t samples, /* at least 1 */
  size_t elements,              /* at least 1 */
  int threads);                 /* 1: serial; 0: what OpenMP would use */

#ifdef __cplusplus
}
#endif
#endif
