#include "blocks.h"

#include <limits.h>
#include <math.h>
#include <omp.h>
#include <string.h>

/* Corner c of a box: x from bit 0, y from bit 1, z from bit 2. This order covers all six faces with
 * twelve triangles, all of them facing outwards. */
static const int strip[14] = {0, 1, 4, 5, 7, 1, 3, 0, 2, 4, 6, 7, 2, 3};

size_t tv_block_points(tv_block block)
{
  return block == TV_BOX ? 8 : 4;
}

size_t tv_block_corners(tv_block block)
{
  return block == TV_BOX ? 14 : 4;
}

static void put_box(
  float *points, int *corners, int first, const float x[2], const float y[2], const float z[2])
{
  for (int corner = 0; corner < 8; ++corner) {
    points[3 * corner] = x[corner & 1];
    points[3 * corner + 1] = y[corner >> 1 & 1];
    points[3 * corner + 2] = z[corner >> 2];
  }
  for (int i = 0; i < 14; ++i)
    corners[i] = first + strip[i];
}

static void put_tile(float *points, int *corners, int first, const float x[2], const float y[2])
{
  const float corner[12] = {x[0], y[0], 0, x[1], y[0], 0, x[1], y[1], 0, x[0], y[1], 0};
  memcpy(points, corner, sizeof corner);
  for (int i = 0; i < 4; ++i)
    corners[i] = first + i;
}

int tv_blocks(float *points, int *offsets, int *connectivity, const tv_view *view,
  const tv_line *lines, size_t count, const void *values, tv_type type, tv_block block,
  double height, double inset, int threads)
{
  const tv_grid *grid = &view->grid;
  const size_t width = grid->width;
  const int per_cell = (int)tv_block_points(block), corners = (int)tv_block_corners(block);
  const double pixel = grid->pixel, margin = inset * pixel;
  int overflow = 0;
  const size_t cells = tv_multiply(count, width, &overflow);
  if (overflow || cells > (size_t)(INT_MAX / corners))
    return tv_fail(TV_ERROR_ARGUMENT, "%zu x %zu cells are too many for one grid", count, width);
  if (threads < 1)
    threads = omp_get_max_threads();

#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
  for (size_t i = 0; i < count; ++i) {
    size_t left, bottom;
    tv_grid_window(grid, lines[i].filter, lines[i].channel, &left, &bottom);
    const double low = view->origin[1] + (double)(bottom + grid->height - 1 - lines[i].row) * pixel;
    const float y[2] = {(float)(low + margin), (float)(low + pixel - margin)};
    for (size_t column = 0; column < width; ++column) {
      const size_t cell = i * width + column;
      const double side = view->origin[0] + (double)(left + column) * pixel;
      const float x[2] = {(float)(side + margin), (float)(side + pixel - margin)};
      float *at = points + cell * (size_t)per_cell * 3;
      int *corner = connectivity + cell * (size_t)corners;
      offsets[cell] = (int)cell * corners;
      if (block == TV_BOX) {
        const double value =
          type == TV_FLOAT64 ? ((const double *)values)[cell] : ((const float *)values)[cell];
        const float top = isfinite(value) ? (float)(value * height) : 0.0f;
        /* From the lower to the higher end, or the box would be inside out. */
        const float z[2] = {top < 0 ? top : 0, top < 0 ? 0 : top};
        put_box(at, corner, (int)cell * per_cell, x, y, z);
      } else
        put_tile(at, corner, (int)cell * per_cell, x, y);
    }
  }
  offsets[cells] = (int)cells * corners;
  return TV_OK;
}
