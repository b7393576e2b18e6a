/* SPDX-License-Identifier: BSD-3-Clause */
/* Where each filter's window stands: one near-square grid, the same for all views of a layer.
 *
 * Filter 0 stands at the lower left, counting right, then up. Rows never outnumber columns:
 * the grid is exact where the filters divide into rows x columns with columns <= 2 rows
 * (16: 4 x 4, 32: 4 x 8, 64: 8 x 8, 12: 3 x 4), and otherwise floor(sqrt(filters)) rows with the
 * last one left incomplete (7: 2 x 4, 17: 4 x 5); 1 to 3 filters stand in one row.
 *
 * A layer with several input channels has one such grid for each channel, a sheet: up to four
 * sheets (RGB, RGBA) side by side, more in a near-square grid of sheets of their own, channel 0
 * at the lower left.
 *
 * Units: the longer side of a window is 1. Pictures stand upright inside a window: row 0 at its
 * top. All functions are pure and cheap; none fails for arguments within the stated ranges. */
#ifndef TV_GRID_H
#define TV_GRID_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tv_grid
{
  size_t filters, channels; /* how many windows, each at least 1 */
  size_t height, width;     /* of a window in pixels (or weights), each at least 1 */
  size_t rows, columns;     /* windows of one sheet */
  size_t sheet_rows, sheet_columns;
  size_t gap;       /* blank pixels between two windows; 0 where a window is one pixel */
  size_t sheet_gap; /* blank pixels between two sheets */
  double pixel;     /* the side of a pixel in world units: 1 / max(height, width) */
} tv_grid;

/* Rows and columns of the near-square grid of n windows, n at least 1. */
void tv_near_square(size_t n, size_t *rows, size_t *columns);

/* The grid of a tensor [filters, channels, height, width], each at least 1. */
void tv_grid_layout(tv_grid *grid, size_t filters, size_t channels, size_t height, size_t width);

/* Size of the whole mosaic in pixels, gaps included. Returns 0, or TV_ERROR_ARGUMENT where the
 * number of pixels does not fit a size_t. */
int tv_grid_pixels(const tv_grid *grid, size_t *width, size_t *height);

/* Lower left pixel of a window in the mosaic, counted from the mosaic's lower left.
 * World position = pixel position * grid->pixel. */
void tv_grid_window(const tv_grid *grid, size_t filter, size_t channel, size_t *x, size_t *y);

/* Lower left corner, in world units, of the square [0, 1] x [0, 1] window of the distribution
 * grid. For square feature maps it is the corner that tv_grid_window() gives; for others the
 * cells of the grid are made square. */
void tv_grid_square_window(
  const tv_grid *grid, size_t filter, size_t channel, double *x, double *y);

#ifdef __cplusplus
}
#endif
#endif
