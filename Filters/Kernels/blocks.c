/* SPDX-License-Identifier: BSD-3-Clause */
#include "blocks.h"

#include "execution.h"

#include <limits.h>
#include <math.h>

/* Corner c of a box: x from bit 0, y from bit 1, z from bit 2. This order covers all six faces with
 * twelve triangles, all of them facing outwards. */
static const int strip[14] = {0, 1, 4, 5, 7, 1, 3, 0, 2, 4, 6, 7, 2, 3};

size_t tv_block_points(tv_block block, size_t width)
{
  return block == TV_BOX ? 8 * width : 2 * width + 2;
}

size_t tv_block_corners(tv_block block)
{
  return block == TV_BOX ? 14 : 4;
}

static void put_point(float *point, double x, double y, double z)
{
  point[0] = (float)x;
  point[1] = (float)y;
  point[2] = (float)z;
}

/* Where a row of cells lies. */
typedef struct row_place
{
  double left, bottom, pixel; /* lower left corner of its first cell, and the side of each */
} row_place;

/* A row of boxes; point is the number of its first. */
static void put_boxes(float *points, int *connectivity, int point, const row_place *place,
  size_t width, const void *values, tv_type type, double height, double inset)
{
  const double margin = inset * place->pixel;
  for (size_t column = 0; column < width; ++column) {
    const double value =
      type == TV_FLOAT64 ? ((const double *)values)[column] : ((const float *)values)[column];
    const double top = isfinite((float)(value * height)) ? value * height : 0.0;
    const double left = place->left + (double)column * place->pixel;
    const double x[2] = {left + margin, left + place->pixel - margin};
    const double y[2] = {place->bottom + margin, place->bottom + place->pixel - margin};
    /* From the lower to the higher end, or the box would be inside out. */
    const double z[2] = {top < 0 ? top : 0, top < 0 ? 0 : top};
    for (int corner = 0; corner < 8; ++corner, points += 3)
      put_point(points, x[corner & 1], y[corner >> 1 & 1], z[corner >> 2]);
    for (int i = 0; i < 14; ++i)
      *connectivity++ = point + strip[i];
    point += 8;
  }
}

/* A row of flat blocks: all points below, from the left, then all above. */
static void put_flat(
  float *points, int *connectivity, int point, const row_place *place, size_t width)
{
  const int above = (int)width + 1;
  for (size_t i = 0; i <= width; ++i) {
    const double x = place->left + (double)i * place->pixel;
    put_point(points + 3 * i, x, place->bottom, 0.0);
    put_point(points + 3 * (i + width + 1), x, place->bottom + place->pixel, 0.0);
  }
  for (size_t column = 0; column < width; ++column, ++point) {
    const int corners[4] = {point, point + 1, point + 1 + above, point + above};
    for (int i = 0; i < 4; ++i)
      *connectivity++ = corners[i];
  }
}

int tv_blocks(float *points, int *offsets, int *connectivity, const tv_view *view,
  const tv_line *lines, size_t count, const void *values, tv_type type, tv_block block,
  double height, double inset, const tv_execution *execution)
{
  const tv_grid *grid = &view->grid;
  const size_t width = grid->width, size = tv_type_size(type);
  const size_t corners = tv_block_corners(block), row_points = tv_block_points(block, width);
  int overflow = 0;
  const size_t cells = tv_multiply(count, width, &overflow);
  if (!isfinite(height))
    return tv_fail(TV_ERROR_ARGUMENT, "the scale of the blocks' height is not a finite number");
  if (overflow || cells > (size_t)INT_MAX / corners)
    return tv_fail(TV_ERROR_ARGUMENT, "%zu x %zu cells are too many for one grid", count, width);
  const int threads = tv_execution_threads(execution);

#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
  for (size_t i = 0; i < count; ++i) {
    size_t left, bottom;
    tv_grid_window(grid, lines[i].filter, lines[i].channel, &left, &bottom);
    const row_place place = {view->origin[0] + (double)left * grid->pixel,
      view->origin[1] + (double)(bottom + grid->height - 1 - lines[i].row) * grid->pixel,
      grid->pixel};
    float *at = points + 3 * i * row_points;
    int *corner = connectivity + i * width * corners;
    const int point = (int)(i * row_points);
    if (block == TV_BOX)
      put_boxes(at, corner, point, &place, width, (const char *)values + i * width * size, type,
        height, inset);
    else
      put_flat(at, corner, point, &place, width);
    for (size_t cell = i * width; cell < (i + 1) * width; ++cell)
      offsets[cell] = (int)(cell * corners);
  }
  offsets[cells] = (int)(cells * corners);
  return TV_OK;
}
