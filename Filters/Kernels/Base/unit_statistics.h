/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics of every unit (filter) of a tensor, in one pass over its memory. */
#ifndef TV_UNIT_STATISTICS_H
#define TV_UNIT_STATISTICS_H

#include "tensorview/measures.h"
#include "tensorview/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A tensor as loops, slowest first: data[samples][outer][units][inner]. Weights "oihw" are
 * 1 x 1 x o x (i h w), "hwio" 1 x (h w i) x o x 1; activations "nchw" n x 1 x c x (h w), "nhwc"
 * n x (h w) x c x 1. */
typedef struct tv_unit_view
{
  size_t samples; /* of the batch; 0 where there is none, and then 1 pass over outer */
  size_t outer, units, inner;
} tv_unit_view;

/* Which axes are the units: g, o, c and a (filters); where there is none of them, i, or the only
 * axis there is; otherwise the tensor is one unit. All letters are those of layout.h, and 'n' may be
 * among them: where it is not the slowest, the batch is seen as one sample.
 *
 * Returns 0, or TV_ERROR_UNSUPPORTED where the axes of the units do not lie side by side ("oihwg"),
 * TV_ERROR_FORMAT where sizes do not fit; the sentence names the axes, not the tensor. */
int tv_unit_view_axes(tv_unit_view *view, /* out */
  const char *axes,                       /* "" is a tensor of one number */
  const size_t *shape);                   /* a size for each letter */

/* result[u * TV_MEASURES + m] is measure m (tensorview/measures.h) of unit u. Sums are of doubles;
 * the result does not depend on threads, bit for bit.
 *
 * previous is memory of the data's size, or NULL. Where known is not 0 it holds the record before,
 * and the update is measured; in any case it holds data afterwards. Ignored for batches.
 *
 * Returns 0, or TV_ERROR_ARGUMENT for NULL, a type that does not exist, or a size of 0. */
int tv_unit_statistics(float *result, /* out: [units][TV_MEASURES] */
  const void *data,                   /* [samples][outer][units][inner] of type */
  tv_type type, const tv_unit_view *view, void *previous, int known,
  int threads); /* 1: serial; 0: what OpenMP would use */

#ifdef __cplusplus
}
#endif
#endif
