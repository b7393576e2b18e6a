/* SPDX-License-Identifier: BSD-3-Clause */
/* Which axes a tensor may have, and how large it is. What writes and what reads asks here, so that
 * nobody accepts what another refuses. What the letters mean: layout.h. */
#ifndef TV_SHAPE_H
#define TV_SHAPE_H

#include "tensorview/types.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Checks a shape: rank from 0 to TV_RANK; so many letters from a to z, each once, but for 'm', which
 * stands twice or not at all, and without 'n', for a batch is summed and not stored; each size at
 * least 1; no more than PTRDIFF_MAX bytes at eight for each element.
 *
 * Returns 0, or TV_ERROR_FORMAT. The sentence says what is wrong with the axes or sizes and not
 * whose they are: callers put the tensor's name, and where it comes from, before it. */
int tv_shape_check(const tv_shape *shape);

/* A shape of its parts, checked as above: a letter of axes for each axis, slowest first, and as many
 * sizes, which are read only where the axes are right. On failure rank is 0 and axes is "". */
int tv_shape_make(tv_shape *shape, const char *axes, const size_t *sizes);

/* Where the samples of a batch stand in memory: [outer][samples][inner]. */
typedef struct tv_batch
{
  int axis;       /* of 'n' in axes; -1: there is none, and samples is 1 */
  size_t outer;   /* elements of all axes before it: 1 for "nchw" */
  size_t samples; /* the size of 'n' */
  size_t inner;   /* elements of all axes behind it */
} tv_batch;

/* What tv_shape_make() does, of axes that may have an 'n' at any place beside TV_RANK others: shape
 * is what is left without it, that of the sum. The whole batch must fit PTRDIFF_MAX bytes, too. */
int tv_shape_split_batch(tv_shape *shape, tv_batch *batch, const char *axes, const size_t *sizes);

/* The product of the sizes, 1 for a tensor without axes; 0 where it does not fit a size_t. */
size_t tv_shape_elements(const tv_shape *shape);

/* And in bytes; 0 where they do not fit a size_t, or there is no such type. */
size_t tv_shape_bytes(const tv_shape *shape, tv_type type);

#ifdef __cplusplus
}
#endif
#endif
