/* SPDX-License-Identifier: BSD-3-Clause */
/* The image grid: all windows of a view as one picture, or as one point for each value. */
#ifndef TV_MOSAIC_H
#define TV_MOSAIC_H

#include "view.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A rectangle of cells of the mosaic, from its lower left, upwards. */
typedef struct tv_rectangle
{
  size_t x, y, width, height;
} tv_rectangle;

/* Fills that rectangle of the mosaic, [height][width], row by row from the bottom.
 * Blank cells (gaps, pruned filters, what does not lie here) are NaN in values and -1 in indices;
 * so are windows that stick out at the rectangle's sides. */
void tv_mosaic(void *values, /* out: of the tensor's type; or NULL */
  const tv_indices *indices, /* out: arrays that are NULL are left out */
  const tv_view *view, const tv_tensor *tensor, const tv_rectangle *rectangle,
  const tv_execution *execution);

/* Puts one row of cells, from wherever it came, into such a rectangle that has its place; what
 * does not lie in the rectangle is left out. cells: grid.width numbers of that type. */
void tv_mosaic_put(void *values, const tv_indices *indices, const tv_view *view, tv_type type,
  const tv_rectangle *rectangle, const tv_line *line, int group, const void *cells);

/* The row of the mosaic on which a row of cells stands. */
size_t tv_mosaic_height(const tv_view *view, const tv_line *line);

/* The middle of each cell of lines (tv_view_lines), at z = 0.
 * points: [count][grid.width][3] */
void tv_mosaic_points(float *points, const tv_view *view, const tv_line *lines, size_t count,
  const tv_execution *execution);

#ifdef __cplusplus
}
#endif
#endif
