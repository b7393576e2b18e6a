/* SPDX-License-Identifier: BSD-3-Clause */
#include "grid.h"

#include "status.h"

void tv_near_square(size_t n, size_t *rows, size_t *columns)
{
  size_t root = 1;
  while ((root + 1) <= n / (root + 1))
    ++root; /* floor(sqrt(n)), exact, and without overflow */
  for (size_t r = root; r > 0 && n / r <= 2 * r; --r)
    if (n % r == 0) {
      *rows = r;
      *columns = n / r;
      return;
    }
  *rows = root;
  *columns = (n + root - 1) / root;
}

void tv_grid_layout(tv_grid *grid, size_t filters, size_t channels, size_t height, size_t width)
{
  const size_t longest = height > width ? height : width;
  grid->filters = filters;
  grid->channels = channels;
  grid->height = height;
  grid->width = width;
  tv_near_square(filters, &grid->rows, &grid->columns);
  if (channels <= 4) {
    grid->sheet_rows = 1;
    grid->sheet_columns = channels;
  } else
    tv_near_square(channels, &grid->sheet_rows, &grid->sheet_columns);
  grid->gap = longest == 1 ? 0 : longest < 16 ? 1 : longest / 16;
  grid->sheet_gap = 3 * (grid->gap ? grid->gap : 1);
  grid->pixel = 1.0 / (double)longest;
}

/* Pixels of n windows of that size with that gap between them. */
static size_t span(size_t n, size_t size, size_t gap, int *overflow)
{
  size_t gaps = tv_multiply(n - 1, gap, overflow), total = tv_multiply(n, size, overflow);
  if (__builtin_add_overflow(total, gaps, &total))
    *overflow = 1;
  return total;
}

int tv_grid_pixels(const tv_grid *grid, size_t *width, size_t *height)
{
  int overflow = 0;
  size_t sheet_width = span(grid->columns, grid->width, grid->gap, &overflow);
  size_t sheet_height = span(grid->rows, grid->height, grid->gap, &overflow);
  *width = span(grid->sheet_columns, sheet_width, grid->sheet_gap, &overflow);
  *height = span(grid->sheet_rows, sheet_height, grid->sheet_gap, &overflow);
  tv_multiply(*width, *height, &overflow);
  if (overflow)
    return tv_fail(TV_ERROR_ARGUMENT, "the mosaic of %zu x %zu windows of %zu x %zu is too large",
      grid->filters, grid->channels, grid->height, grid->width);
  return TV_OK;
}

/* The window's place in the sheets' and the sheet's own grid, in windows of that size. */
static void place(const tv_grid *grid, size_t filter, size_t channel, size_t width, size_t height,
  size_t *x, size_t *y)
{
  const size_t sheet_width = grid->columns * width + (grid->columns - 1) * grid->gap;
  const size_t sheet_height = grid->rows * height + (grid->rows - 1) * grid->gap;
  *x = channel % grid->sheet_columns * (sheet_width + grid->sheet_gap) +
       filter % grid->columns * (width + grid->gap);
  *y = channel / grid->sheet_columns * (sheet_height + grid->sheet_gap) +
       filter / grid->columns * (height + grid->gap);
}

void tv_grid_window(const tv_grid *grid, size_t filter, size_t channel, size_t *x, size_t *y)
{
  place(grid, filter, channel, grid->width, grid->height, x, y);
}

void tv_grid_square_window(const tv_grid *grid, size_t filter, size_t channel, double *x, double *y)
{
  const size_t longest = grid->height > grid->width ? grid->height : grid->width;
  size_t column, row;
  tv_grid square = *grid;
  size_t side = longest;
  if (longest == 1) { /* windows of one pixel touch in a mosaic; curves need air between them */
    side = 8;
    square.gap = 1;
    square.sheet_gap = 3;
  }
  place(&square, filter, channel, side, side, &column, &row);
  *x = (double)column / (double)side;
  *y = (double)row / (double)side;
}
