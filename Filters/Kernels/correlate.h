/* Similarity of every pair of filters' activations: Pearson's correlation, and its relatives. */
#ifndef TV_CORRELATE_H
#define TV_CORRELATE_H

#include "tensorview/types.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tv_metric
{
  TV_PEARSON = 0, /* sum (a - mean a)(b - mean b) / sqrt(sum (a - mean a)^2 sum (b - mean b)^2) */
  TV_COSINE = 1   /* sum a b / sqrt(sum a^2 sum b^2): as Pearson's, without the means */
} tv_metric;

/* The similarity of every pair of rows.
 *
 * The diagonal is 1, all else is between -1 and 1, and the matrix is exactly symmetric.
 * Within 1e-6 of a double-precision reference, also where the mean is 1e6 times the deviation:
 * stretches of pixels are centred by their own means, multiplied in single precision, and added up
 * in double precision.
 *
 * NaN, in its own row and column only and on the diagonal too, where a row
 *   is constant (all pixels equal; such a filter is dead), whatever the metric;
 *   holds NaN or infinity;
 *   has a range (for TV_COSINE: a largest magnitude) whose square does not fit a double with room
 *   to spare: beyond 1e132, or within 1e-132.
 *
 * Threads are used as far as processors are idle at this moment (tv_idle_threads()). The result is
 * the same, bit for bit, for any number of threads on one kind of processor;
 * processors with AVX-512, with AVX2 and with neither may differ from each other by rounding.
 *
 * Memory beside the matrix: up to 64 MiB, and where filters and pixels are both many (more than
 * about 1000 filters, and more numbers than 64 MiB hold) 4 filters^2 bytes more. x is read from
 * memory once. */
int                     /* 0, or a negative tv_status; the matrix is then not to be used */
tv_correlate(           /**/
  float *matrix,        /* out: [filters][filters], the caller's */
  const void *x,        /* [filters][pixels], row-major, of that type */
  tv_type type,         /* TV_FLOAT32 or TV_FLOAT64 */
  size_t filters,       /* at least 1 */
  size_t pixels,        /* at least 2 */
  tv_metric metric,     /**/
  int threads,          /* at most; 1: serial; 0: what OpenMP would use */
  tv_progress progress, /* may be NULL */
  void *context);       /* handed to progress */

/* Which vector instructions tv_correlate() uses here: "AVX-512", "AVX2", "plain". */
const char *tv_correlate_instructions(void);

/* For tests and benchmarks: pretends that the processor has no more than "AVX2" or "plain"; NULL
 * or "" returns to what it has. Not while tv_correlate() runs. */
void tv_correlate_limit_instructions(const char *name);

#ifdef __cplusplus
}
#endif
#endif
