/* SPDX-License-Identifier: BSD-3-Clause */
/* Taking filters out of a layer, so that the next layer notices as little as possible.
 *
 * Three steps, so that each can be looked at before the next:
 *
 *   1. which filters to keep    tv_keep_groups(): one of each group
 *                               tv_keep_number(), tv_keep_number_for(): as many as asked for
 *   2. how the kept ones        tv_combine(): each removed filter as a combination of kept ones and
 *      stand in for the rest    a constant, and what that leaves over; too bad ones are kept
 *   3. the surgery              tv_merge(): on both layers' weights and optimizer state, in place
 *
 * Removed filter r is written as  a_r = sum over kept k of C[r][k] a_k + C[r][filters].  The next
 * layer is linear in a, so its weights for k gain C[r][k] times those for r, and its bias gains
 * C[r][filters] times the sum of those for r:
 *
 *   TV_REMOVE       C = 0                          for comparison: what mere removal costs
 *   TV_SUM          C[r][representative] = 1       the paper's equation (3), w'1 + w'2
 *   TV_AFFINE       a_r = scale a_rep + offset     least squares: correlation ignores both
 *   TV_RECONSTRUCT  a_r = all kept and a constant  least squares, one Cholesky decomposition
 *
 * M, the second moments (moments.h), must be of what the next layer reads: after activation
 * function and pooling. Then the constant is exact in fully connected layers and in convolutions
 * without padding. With zero padding the next layer reads 0 where the constant is taken for
 * granted, and at the borders the result is off by the constant times the weights that lie outside.
 *
 * Filters count in the old order throughout; tv_merge() alone changes it. Weights are float32, as
 * trainers have them; moments, combinations and all arithmetic are double. */
#ifndef TV_MERGE_H
#define TV_MERGE_H

#include "tensorview/types.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tv_merge_way
{
  TV_REMOVE = 0,
  TV_SUM = 1,
  TV_AFFINE = 2,
  TV_RECONSTRUCT = 3
} tv_merge_way;

/* A layer's arrays, all the caller's. weights are [outputs][inputs][window], dense:
 *   a convolution "oihw"                    window = h * w of the kernel
 *   fully connected "oi"                    window = 1
 *   fully connected after flattening "chw"  inputs = c, window = h * w of the maps: what belongs
 *                                           to a filter are its h * w columns
 * Optimizer state (momentum, Adam's two moments) is any number of arrays shaped like weights, and
 * as many like bias. */
typedef struct tv_layer
{
  float *weights;
  float *bias; /* [outputs], or NULL */
  size_t outputs, inputs, window;
  float *const *weight_state; /* states arrays, or NULL */
  float *const *bias_state;   /* states arrays, or NULL */
  size_t states;
  int shared; /* 1: its weights, or what it reads, are used by another layer too; see tv_merge() */
} tv_layer;

/* Step 1: keep each group's representative, and every filter that is in no group.
 *
 * Refused: a group with a dead (constant) filter, where moments are given to tell; groups that
 * would leave one filter of several. */
int                         /* 0, or a negative tv_status */
tv_keep_groups(             /**/
  unsigned char *keep,      /* out: [filters]: 1 to keep, 0 to remove */
  int32_t *representatives, /* out: [filters]: who stands for it; itself where it is kept */
  const int32_t *groups,    /* [filters]: as from tv_group(); -1: none */
  size_t filters,           /**/
  const double *moments);   /* M, or NULL */

/* Step 1: keep a number of filters, chosen one by one: each time the one that explains most of the
 * variance of all filters that those chosen before leave unexplained (a pivoted Cholesky
 * decomposition of the covariance, where the pivot is the column with the largest sum of squares
 * over its diagonal). Of equals the lowest index. Constant filters are kept last.
 *
 * representatives: of each removed filter the kept one with which it correlates most, in absolute
 * value; for a constant one the first kept. explained: the part of all filters' variance that the
 * kept ones explain, 0 to 1; may be NULL. Time filters^2 * number. */
int                         /* 0, or a negative tv_status */
tv_keep_number(             /**/
  unsigned char *keep,      /* out: [filters] */
  int32_t *representatives, /* out: [filters] */
  double *explained,        /* out: one number, or NULL */
  const double *moments,    /* M; needed */
  size_t filters,           /**/
  size_t number);           /* 2 to filters, or 1 where filters is 1 */

/* The same for what the next layer makes of the filters: of all, one goes after the other, each
 * time the one without which least is lost of the variance of W a, the next layer's weights W being
 * adjusted by least squares (of each pixel by itself, where it reads windows). That is the one with
 * the least product of
 *
 *   the sum of squares of the next layer's weights for it, with what they took over before, and
 *   the variance that it has beyond what the others explain,
 *
 * which is Optimal Brain Surgeon's rule (Hassibi and Stork, NIPS 1992) with a filter in place of a
 * weight. Before that go constant filters, and those that follow from others (residual variance up
 * to 1e-10 of their own). As a rule it loses less than choosing one by one: filters that are
 * worth something only together are seen. Of equals the lowest index stays. explained is still that
 * of a. Needs 8 filters^2 bytes more, and time filters^2 (filters + size of W / inputs). */
int                         /* 0, or a negative tv_status */
tv_keep_number_for(         /**/
  unsigned char *keep,      /* out: [filters] */
  int32_t *representatives, /* out: [filters] */
  double *explained,        /* out: one number, or NULL */
  const double *moments,    /* M; needed */
  size_t filters,           /**/
  size_t number,            /* 2 to filters, or 1 where filters is 1 */
  const tv_layer *next);    /* weights, outputs, inputs = filters and window are read */

/* Step 2. residual is what a combination leaves over of a removed filter, relative to its variance:
 * the mean of (a_r - combination)^2 over all pixels, divided by the variance of a_r (for affine,
 * 1 - r^2); 0 for a kept one. A filter whose residual is above the bound is kept after all: keep,
 * representatives and combination say so, and *kept_back, unless NULL, counts them.
 *
 * A constant filter is a constant: residual 0 for TV_AFFINE and TV_RECONSTRUCT, and for the others
 * infinite unless it is 0 everywhere. Without moments TV_REMOVE and TV_SUM go on with residuals of
 * NaN where bound is infinite; everything else is refused. */
int                         /* 0, or a negative tv_status */
tv_combine(                 /**/
  double *combination,      /* out: [filters][filters + 1]: C; a unit row for a kept filter */
  double *residual,         /* out: [filters] */
  size_t *kept_back,        /* out: one number, or NULL */
  unsigned char *keep,      /* in and out: [filters] */
  int32_t *representatives, /* in and out: [filters] */
  const double *moments,    /* M, or NULL */
  size_t filters,           /**/
  tv_merge_way way,         /**/
  double bound);            /* e.g. 0.06; INFINITY: whatever it costs */

/* Step 3: changes both layers in place, to sizes that their structs then say; arrays keep their
 * beginning, and what lies behind the new size is unspecified. Filters keep their order.
 *
 * layer: rows of weights, bias and optimizer state of removed filters are taken out.
 * next: its inputs are combined as above, and removed; its optimizer state for removed inputs is
 * taken out, and that for kept ones stays, for it is the direction in which they were going.
 *
 * Refused, with nothing changed: sizes that do not fit each other; shared layers; no filter kept;
 * a constant to take up and no bias in the next layer (TV_AFFINE and TV_RECONSTRUCT, unless all
 * constants are 0). next may be NULL for a layer that nobody reads: then only removal happens. */
int                          /* 0, or a negative tv_status */
tv_merge(                    /**/
  tv_layer *layer,           /* the layer whose filters go: outputs = filters */
  tv_layer *next,            /* the layer that reads it: inputs = filters; or NULL */
  const unsigned char *keep, /* [filters] */
  const double *combination, /* [filters][filters + 1] */
  size_t filters);

#ifdef __cplusplus
}
#endif
#endif
