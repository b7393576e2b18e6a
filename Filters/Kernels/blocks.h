/* SPDX-License-Identifier: BSD-3-Clause */
/* The weight grid's geometry: one cell for each value, a box, or flat.
 *
 * A box stands on its pixel from z = 0 to z = value * height (downwards where that is negative; a
 * value that is not finite has no height). It is one triangle strip of 14 points' numbers over 8
 * points, so that one cell is one weight in tables, selections and histograms. A flat block is
 * one quadrilateral at z = 0; those of a row touch and share their points, 2 * width + 2 of them.
 */
#ifndef TV_BLOCKS_H
#define TV_BLOCKS_H

#include "view.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tv_block
{
  TV_BOX,
  TV_FLAT
} tv_block;

/* Points of a row of width cells, and entries of the connectivity of one cell. */
size_t tv_block_points(tv_block block, size_t width);
size_t tv_block_corners(tv_block block);

/* Geometry of the cells of lines (tv_view_lines), in their order; cells = count * grid.width.
 * TV_ERROR_ARGUMENT where the connectivity's numbers would not fit 32 bits. */
int tv_blocks(float *points,                 /* out: [cells][tv_block_points()][3] */
  int *offsets,                              /* out: [cells + 1] */
  int *connectivity,                         /* out: [cells][tv_block_corners()] */
  const tv_view *view, const tv_line *lines, /* [count] */
  size_t count, const void *values, /* [count][grid.width], as tv_view_values() gives them */
  tv_type type,                     /* of values: TV_FLOAT32 or TV_FLOAT64 */
  tv_block block, double height,    /* z of value 1 in world units; not used where flat */
  double inset, /* blank margin on each side of a cell, as a part of it: 0 to 0.5 */
  const tv_execution *execution);

#ifdef __cplusplus
}
#endif
#endif
