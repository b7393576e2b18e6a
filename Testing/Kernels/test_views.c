/* SPDX-License-Identifier: BSD-3-Clause */
/* The views' kernels with no ParaView: random shapes, regions, tiles, states and parts of a tensor,
 * each cell against a plain loop. Made for sanitizers, too: arrays have not one element to spare.
 */
#include "blocks.h"
#include "distribution.h"
#include "mosaic.h"
#include "range.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const tv_execution two = {2, NULL, NULL}, all = {0, NULL, NULL};

static int failures;
#define CHECK(condition, ...)                                                                      \
  do {                                                                                             \
    if (!(condition) && ++failures < 20) {                                                         \
      printf("line %d: ", __LINE__);                                                               \
      printf(__VA_ARGS__);                                                                         \
      printf("\n");                                                                                \
    }                                                                                              \
  } while (0)

static unsigned long long state = 88172645463325252ULL;

static size_t below(size_t n)
{
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (size_t)(state % n);
}

static void *take(size_t count, size_t size)
{
  void *memory = malloc(count > 0 ? count * size : 1);
  if (!memory)
    exit(2);
  return memory;
}

static void range_below(size_t range[2], size_t n)
{
  range[0] = below(n);
  range[1] = range[0] + 1 + below(n - range[0]);
}

/* The mean of the tile that a cell covers. */
static double mean(const tv_view *view, const tv_tensor *tensor, const float *all, size_t filter,
  size_t channel, size_t row, size_t column)
{
  const tv_region *region = &view->region;
  double sum = 0;
  size_t count = 0;
  for (size_t y = 0; y < view->tile; ++y)
    for (size_t x = 0; x < view->tile; ++x) {
      const size_t r = region->row[0] + row * view->tile + y;
      const size_t c = region->column[0] + column * view->tile + x;
      if (r >= region->row[1] || c >= region->column[1])
        continue;
      sum += all[((filter * tensor->whole.channels + channel) * tensor->whole.rows + r) *
                   tensor->whole.columns +
                 c];
      ++count;
    }
  return sum / (double)count;
}

static void check_mosaic(
  const tv_view *view, const tv_tensor *tensor, const float *all, size_t shown)
{
  tv_rectangle rectangle;
  tv_view_rectangle(view, &rectangle.x, &rectangle.y, &rectangle.width, &rectangle.height);
  const size_t cells = rectangle.width * rectangle.height;
  float *values = take(cells, sizeof *values);
  tv_indices indices = {take(cells, sizeof(int)), take(cells, sizeof(int)),
    take(cells, sizeof(int)), take(cells, sizeof(int)), take(cells, sizeof(int))};
  const tv_execution some = {1 + (int)below(3), NULL, NULL};
  tv_mosaic(values, &indices, view, tensor, &rectangle, &some);
  size_t found = 0;
  for (size_t i = 0; i < cells; ++i) {
    if (indices.filter[i] < 0) {
      CHECK(isnan(values[i]) && indices.row[i] == -1, "a gap is not blank");
      continue;
    }
    ++found;
    const size_t row = ((size_t)indices.row[i] - view->region.row[0]) / view->tile;
    const size_t column = ((size_t)indices.column[i] - view->region.column[0]) / view->tile;
    const size_t filter = (size_t)indices.filter[i], channel = (size_t)indices.channel[i];
    const double expected = mean(view, tensor, all, filter, channel, row, column);
    CHECK(fabs(values[i] - expected) < 1e-5, "%g is not %g", values[i], expected);
    size_t x, y;
    tv_grid_window(&view->grid, filter, channel, &x, &y);
    x += column;
    y += view->grid.height - 1 - row;
    CHECK((y - rectangle.y) * rectangle.width + x - rectangle.x == i, "a cell is out of place");
  }
  CHECK(found == shown, "%zu cells of %zu", found, shown);
  free(values);
  free(indices.filter);
  free(indices.channel);
  free(indices.row);
  free(indices.column);
  free(indices.group);
}

static void check_blocks(
  const tv_view *view, const tv_tensor *tensor, const tv_line *lines, size_t count, tv_block block)
{
  const size_t width = view->grid.width, cells = count * width;
  const size_t points = count * tv_block_points(block, width);
  float *values = take(cells, sizeof *values), *place = take(3 * points, sizeof *place);
  int *offsets = take(cells + 1, sizeof *offsets);
  int *corners = take(cells * tv_block_corners(block), sizeof *corners);
  tv_view_values(values, view, tensor, lines, count, &two);
  CHECK(tv_blocks(place, offsets, corners, view, lines, count, values, TV_FLOAT32, block, 2.0, 0.1,
          &two) == TV_OK,
    "%s", tv_last_error());
  for (size_t i = 0; i < cells * tv_block_corners(block); ++i)
    CHECK(corners[i] >= 0 && (size_t)corners[i] < points, "a corner is no point");
  for (size_t i = 0; i < 3 * points; ++i)
    CHECK(isfinite(place[i]), "a point is nowhere");
  CHECK(offsets[cells] == (int)(cells * tv_block_corners(block)), "the last offset is wrong");
  free(values);
  free(place);
  free(offsets);
  free(corners);
}

static void check_curves(const tv_view *view, const tv_tensor *tensor, size_t columns)
{
  const size_t count = tv_curves(NULL, view, tensor);
  tv_curve *curves = take(count, sizeof *curves);
  tv_curves(curves, view, tensor);
  const size_t points = tv_curves_measure(curves, count, tensor, columns, &two);
  tv_curve_points out = {take(3 * points, sizeof(float)), take(points, sizeof(float)), NULL, NULL,
    take(points, sizeof(int)), NULL};
  tv_curves_write(&out, curves, count, tensor, &view->grid, columns, NULL, &two);
  for (size_t i = 0; i < count; ++i)
    for (size_t p = curves[i].first + 1; p < curves[i].first + curves[i].count; ++p)
      CHECK(out.pixel[p] > out.pixel[p - 1], "pixels of a curve are out of order");
  CHECK(!count || curves[count - 1].first + curves[count - 1].count == points, "points are lost");
  if (columns == 0)
    CHECK(
      points == count * tensor->rows_here * tensor->whole.columns, "not every value has a point");
  free(out.points);
  free(out.values);
  free(out.pixel);
  free(curves);
}

/* A matrix cut into parts by rows: their curves, one after the other and thinned, are its own. */
static void check_parts(void)
{
  const size_t rows = 1 + below(40), width = 1 + below(9), columns = below(30);
  float *all = take(rows * width, sizeof *all);
  for (size_t i = 0; i < rows * width; ++i)
    all[i] = below(20) ? (float)below(9) : NAN;
  tv_tensor tensor = {.type = TV_FLOAT32,
    .whole = {1, 1, rows, width},
    .windows = 1,
    .values = all,
    .rows_here = rows};
  const tv_region region = {{0, 1}, {0, 1}, {0, rows}, {0, width}};
  tv_view view;
  CHECK(tv_view_full(&view, &tensor, &region) == TV_OK, "%s", tv_last_error());
  tv_curve curve;
  tv_curves(&curve, &view, &tensor);
  const size_t most = rows * width;
  int *pixel = take(most, sizeof *pixel), *parts = take(most, sizeof *parts);
  float *values = take(most, sizeof *values);
  const tv_curve_points whole = {NULL, values, NULL, NULL, pixel, NULL};
  const size_t count = tv_curves_measure(&curve, 1, &tensor, columns, NULL);
  tv_curves_write(&whole, &curve, 1, &tensor, &view.grid, columns, NULL, NULL);
  size_t found = 0;
  while (tensor.first_row < rows) {
    tensor.rows_here = 1 + below(rows - tensor.first_row);
    float *here = take(tensor.rows_here * width, sizeof *here);
    memcpy(here, all + tensor.first_row * width, tensor.rows_here * width * sizeof *here);
    tensor.values = here;
    const size_t more = tv_curves_measure(&curve, 1, &tensor, columns, NULL);
    CHECK(found + more <= most, "more points than values");
    const tv_curve_points out = {NULL, values + found, NULL, NULL, parts + found, NULL};
    tv_curves_write(&out, &curve, 1, &tensor, &view.grid, columns, NULL, NULL);
    found += more;
    tensor.first_row += tensor.rows_here;
    free(here);
  }
  size_t *kept = take(found, sizeof *kept);
  const size_t thin = tv_curve_thin(kept, parts, values, TV_FLOAT32, found, most, columns);
  CHECK(thin == count, "%zu points of %zu", thin, count);
  for (size_t i = 0; i < thin && i < count; ++i)
    CHECK(parts[kept[i]] == pixel[i], "point %zu is pixel %d, not %d", i, parts[kept[i]], pixel[i]);
  free(kept);
  free(values);
  free(parts);
  free(pixel);
  free(all);
}

static void one_case(void)
{
  tv_tensor tensor = {
    .type = TV_FLOAT32, .whole = {1 + below(20), 1 + below(7), 1 + below(9), 1 + below(9)}};
  if (!below(4))
    tensor.whole.filters = tensor.whole.channels = 1;
  const size_t windows = tensor.whole.filters * tensor.whole.channels,
               pixels = tensor.whole.rows * tensor.whole.columns;
  float *all = take(windows * pixels, sizeof *all);
  for (size_t i = 0; i < windows * pixels; ++i)
    all[i] = (float)below(2000) / 1000.0f - 1.0f;
  int *pruned = take(tensor.whole.filters, sizeof *pruned);
  for (size_t i = 0; i < tensor.whole.filters; ++i)
    pruned[i] = below(4) ? -1 : below(2) ? -2 : (int)below(tensor.whole.filters);
  tensor.state = below(2) ? pruned : NULL;
  tensor.first_window = below(windows);
  tensor.windows = below(3) ? windows - tensor.first_window : 0;
  if (below(2)) {
    tensor.first_window = 0;
    tensor.windows = windows;
  }
  tensor.rows_here = tensor.whole.rows;
  if (windows == 1 && below(3)) {
    tensor.first_row = below(tensor.whole.rows);
    tensor.rows_here = below(tensor.whole.rows - tensor.first_row + 1);
  }
  const size_t first = tensor.first_window * pixels + tensor.first_row * tensor.whole.columns;
  const size_t here = tensor.windows * tensor.rows_here * tensor.whole.columns;
  float *mine = take(here, sizeof *mine);
  memcpy(mine, all + first, here * sizeof *mine);
  tensor.values = mine;

  tv_region region;
  range_below(region.filter, tensor.whole.filters);
  range_below(region.channel, tensor.whole.channels);
  range_below(region.row, tensor.whole.rows);
  range_below(region.column, tensor.whole.columns);
  tv_view view;
  CHECK(tv_view_full(&view, &tensor, &region) == TV_OK, "%s", tv_last_error());
  if (below(2))
    CHECK(tv_view_reduce(&view, &tensor, 1 + below(windows * pixels), (int)below(2)) == TV_OK, "%s",
      tv_last_error());
  const size_t count = tv_view_lines(NULL, &view, &tensor);
  tv_line *lines = take(count, sizeof *lines);
  CHECK(tv_view_lines(lines, &view, &tensor) == count, "lines come and go");
  check_mosaic(&view, &tensor, all, count * view.grid.width);
  check_blocks(&view, &tensor, lines, count, TV_BOX);
  check_blocks(&view, &tensor, lines, count, TV_FLAT);
  check_curves(&view, &tensor, 0);
  check_curves(&view, &tensor, 1 + below(10));

  const size_t most = 1 + below(50);
  if (tv_view_fold(&view, &tensor, most)) {
    CHECK(view.grid.width * view.grid.height <= most, "a folded view is too large");
    const size_t folded = tv_view_lines(NULL, &view, &tensor);
    tv_line *rows = take(folded, sizeof *rows);
    tv_view_lines(rows, &view, &tensor);
    check_blocks(&view, &tensor, rows, folded, TV_FLAT);
    free(rows);
  }
  free(lines);
  free(mine);
  free(pruned);
  free(all);
}

static void check_ranges(void)
{
  const double numbers[] = {NAN, 3.0, -2.0, NAN, 7.5};
  const double infinite[] = {1.0, INFINITY}, none[] = {NAN};
  const int integers[] = {4, -1, 9};
  double range[2] = {0, 0};
  CHECK(tv_range_float(range, numbers, TV_FLOAT64, 5, &two) && range[0] == -2.0 && range[1] == 7.5,
    "%g to %g", range[0], range[1]);
  CHECK(!tv_range_float(range, infinite, TV_FLOAT64, 2, NULL), "infinity has a range");
  CHECK(!tv_range_float(range, none, TV_FLOAT64, 1, NULL), "NaN has a range");
  CHECK(!tv_range_int(range, integers, 0, NULL), "nothing has a range");
  CHECK(tv_range_int(range, integers, 3, &all) && range[0] == -1 && range[1] == 9, "integers");
}

int main(void)
{
  tv_view view;
  const tv_tensor tensor = {.whole = {4, 1, 3, 3}};
  const tv_region beyond = {{0, 5}, {0, 1}, {0, 3}, {0, 3}};
  const tv_region empty = {{0, 4}, {0, 1}, {2, 2}, {0, 3}};
  CHECK(tv_view_full(&view, &tensor, &beyond) == TV_ERROR_ARGUMENT, "filter 4 of 4");
  CHECK(tv_view_full(&view, &tensor, &empty) == TV_ERROR_ARGUMENT, "no rows");
  check_ranges();
  for (int i = 0; i < 200; ++i)
    one_case();
  for (int i = 0; i < 100; ++i)
    check_parts();
  printf("%d failures\n", failures);
  return failures != 0;
}
