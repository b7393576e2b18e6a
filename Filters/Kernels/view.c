/* SPDX-License-Identifier: BSD-3-Clause */
#include "view.h"

#include "execution.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

int tv_shown(int state)
{
  return state == -1 || state == -3; /* TV_FILTER_ALIVE, TV_FILTER_DEAD */
}

static int check_range(const size_t range[2], size_t size, const char *what)
{
  if (range[0] >= range[1] || range[1] > size)
    return tv_fail(TV_ERROR_ARGUMENT, "the range %td to %td of %s is empty or not within 0 to %zu",
      (ptrdiff_t)range[0], (ptrdiff_t)range[1] - 1, what, size - 1);
  return TV_OK;
}

/* Layout for that tile; the pixel stays as large as that many elements of the whole window. */
static void lay_out(tv_view *view, const tv_tensor *tensor, size_t tile)
{
  const size_t rows = view->region.row[1] - view->region.row[0];
  const size_t columns = view->region.column[1] - view->region.column[0];
  const size_t longest =
    tensor->whole.rows > tensor->whole.columns ? tensor->whole.rows : tensor->whole.columns;
  const double element = 1.0 / (double)longest;
  view->tile = tile;
  tv_grid_layout(&view->grid, tensor->whole.filters, tensor->whole.channels,
    (rows + tile - 1) / tile, (columns + tile - 1) / tile);
  view->grid.pixel = (double)tile * element;
  view->origin[0] = view->origin[1] = 0.0;
  if (tensor->whole.filters == 1 && tensor->whole.channels == 1) {
    /* The top stays where it is; the last row of tiles may hang over the bottom. */
    const double top = (double)(tensor->whole.rows - view->region.row[0]) * element;
    view->origin[0] = (double)view->region.column[0] * element;
    if (tile > 1 || view->region.row[1] != tensor->whole.rows)
      view->origin[1] = top - (double)view->grid.height * view->grid.pixel;
  }
}

int tv_view_full(tv_view *view, const tv_tensor *tensor, const tv_region *region)
{
  if (check_range(region->filter, tensor->whole.filters, "filters") ||
      check_range(region->channel, tensor->whole.channels, "channels") ||
      check_range(region->row, tensor->whole.rows, "rows") ||
      check_range(region->column, tensor->whole.columns, "columns"))
    return TV_ERROR_ARGUMENT;
  view->region = *region;
  view->reduction = TV_MEAN;
  lay_out(view, tensor, 1);
  return TV_OK;
}

/* How many cells the region has as it is laid out; SIZE_MAX where that does not fit. */
static size_t count_cells(const tv_view *view, int gaps)
{
  const tv_region *region = &view->region;
  int overflow = 0;
  size_t cells;
  if (gaps) {
    size_t x, y, width, height;
    if (tv_grid_pixels(&view->grid, &width, &height))
      return SIZE_MAX;
    tv_view_rectangle(view, &x, &y, &width, &height);
    cells = tv_multiply(width, height, &overflow);
  } else {
    cells = tv_multiply(
      region->filter[1] - region->filter[0], region->channel[1] - region->channel[0], &overflow);
    cells = tv_multiply(cells, view->grid.height, &overflow);
    cells = tv_multiply(cells, view->grid.width, &overflow);
  }
  return overflow ? SIZE_MAX : cells;
}

int tv_view_reduce(tv_view *view, const tv_tensor *tensor, size_t maximum, int gaps)
{
  const size_t rows = view->region.row[1] - view->region.row[0];
  const size_t columns = view->region.column[1] - view->region.column[0];
  const size_t longest = rows > columns ? rows : columns;
  size_t tile = 1;
  size_t cells = count_cells(view, gaps);
  while (cells > maximum && tile < longest) {
    /* At least as coarse as the ratio says, and at least one more. */
    const double ratio = sqrt((double)cells / (double)(maximum ? maximum : 1));
    const size_t guess = (size_t)((double)tile * (ratio > 1.2 ? ratio * 0.8 : 1.0));
    tile = guess > tile ? guess : tile + 1;
    if (tile > longest)
      tile = longest;
    lay_out(view, tensor, tile);
    cells = count_cells(view, gaps);
  }
  if (cells == SIZE_MAX)
    return tv_fail(TV_ERROR_ARGUMENT, "%zu x %zu windows are more than can be laid out",
      tensor->whole.filters, tensor->whole.channels);
  return TV_OK;
}

int tv_view_fold(tv_view *view, tv_tensor *tensor, size_t maximum)
{
  tv_region *region = &view->region;
  const size_t rows = tensor->whole.rows, columns = tensor->whole.columns;
  if (count_cells(view, 0) <= maximum || tensor->whole.filters * tensor->whole.channels == 1 ||
      (tensor->windows && (tensor->first_window % tensor->whole.channels ||
                            tensor->windows % tensor->whole.channels)) ||
      region->row[1] - region->row[0] != rows || region->column[1] - region->column[0] != columns)
    return 0;
  const tv_region folded = {{0, 1}, {0, 1}, {region->filter[0], region->filter[1]},
    {region->channel[0] * rows * columns, region->channel[1] * rows * columns}};
  tensor->folded[0] = tensor->whole.channels;
  tensor->folded[1] = rows;
  tensor->folded[2] = columns;
  tensor->first_row = tensor->first_window / tensor->whole.channels;
  tensor->rows_here = tensor->windows / tensor->whole.channels;
  tensor->whole.rows = tensor->whole.filters;
  tensor->whole.columns = tensor->whole.channels * rows * columns;
  tensor->whole.filters = tensor->whole.channels = 1;
  tensor->first_window = 0;
  tensor->windows = tensor->rows_here > 0;
  tensor->by_row = 1;
  *region = folded;
  lay_out(view, tensor, 1);
  return tv_view_reduce(view, tensor, maximum, 0) == TV_OK;
}

void tv_view_rectangle(const tv_view *view, size_t *x, size_t *y, size_t *width, size_t *height)
{
  const tv_grid *grid = &view->grid;
  const tv_region *region = &view->region;
  size_t low[2] = {SIZE_MAX, SIZE_MAX}, high[2] = {0, 0};
  /* Within a sheet and among sheets alike, only first and last rows bound the rest. */
  for (size_t channel = region->channel[0]; channel < region->channel[1]; ++channel)
    for (size_t filter = region->filter[0]; filter < region->filter[1]; ++filter) {
      size_t at[2];
      tv_grid_window(grid, filter, channel, &at[0], &at[1]);
      const size_t end[2] = {at[0] + grid->width, at[1] + grid->height};
      for (int axis = 0; axis < 2; ++axis) {
        low[axis] = at[axis] < low[axis] ? at[axis] : low[axis];
        high[axis] = end[axis] > high[axis] ? end[axis] : high[axis];
      }
    }
  *x = low[0];
  *y = low[1];
  *width = high[0] - low[0];
  *height = high[1] - low[1];
}

void tv_view_rows(size_t rows[2], const tv_view *view, const tv_line *line)
{
  const size_t begin = view->region.row[0] + line->row * view->tile, end = view->region.row[1];
  rows[0] = begin;
  rows[1] = end - begin < view->tile ? end : begin + view->tile;
}

int tv_view_has(const tv_view *view, const tv_tensor *tensor, const tv_line *line)
{
  const tv_region *region = &view->region;
  const size_t window = line->filter * tensor->whole.channels + line->channel;
  if (line->filter < region->filter[0] || line->filter >= region->filter[1] ||
      line->channel < region->channel[0] || line->channel >= region->channel[1])
    return 0;
  if (window < tensor->first_window || window - tensor->first_window >= tensor->windows)
    return 0;
  size_t rows[2];
  tv_view_rows(rows, view, line);
  if (rows[0] < tensor->first_row || rows[1] - tensor->first_row > tensor->rows_here)
    return 0;
  if (!tensor->state)
    return 1;
  if (!tensor->by_row)
    return tv_shown(tensor->state[line->filter]);
  for (size_t row = rows[0]; row < rows[1]; ++row)
    if (tv_shown(tensor->state[row]))
      return 1;
  return 0;
}

size_t tv_view_lines(tv_line *lines, const tv_view *view, const tv_tensor *tensor)
{
  size_t count = 0;
  for (size_t window = 0; window < tensor->windows; ++window) {
    const size_t whole = tensor->first_window + window;
    tv_line line = {whole / tensor->whole.channels, whole % tensor->whole.channels, 0};
    for (; line.row < view->grid.height; ++line.row)
      if (tv_view_has(view, tensor, &line)) {
        if (lines)
          lines[count] = line;
        ++count;
      } else if (!tensor->by_row && tensor->rows_here == tensor->whole.rows)
        break; /* neither is any other row of this window */
  }
  return count;
}

/* One row of tiles, of these rows of the tensor. Sums are kept in double precision. */
#define DEFINE_TILES(TYPE, NAME, ABSOLUTE)                                                         \
  static void NAME(TYPE *out, const tv_view *view, const tv_tensor *tensor, const TYPE *values,    \
    const size_t range[2])                                                                         \
  {                                                                                                \
    const size_t first = view->region.column[0], last = view->region.column[1];                    \
    const size_t width = view->grid.width, tile = view->tile;                                      \
    for (size_t cell = 0; cell < width; ++cell) {                                                  \
      const size_t from = first + cell * tile;                                                     \
      const size_t to = from + tile < last ? from + tile : last;                                   \
      double sum = 0.0;                                                                            \
      TYPE largest = 0;                                                                            \
      size_t rows = 0;                                                                             \
      const TYPE *at = values;                                                                     \
      for (size_t row = range[0]; row < range[1]; ++row, at += tensor->whole.columns) {            \
        if (tensor->by_row && tensor->state && !tv_shown(tensor->state[row]))                      \
          continue;                                                                                \
        ++rows;                                                                                    \
        if (view->reduction == TV_MEAN) {                                                          \
          double part = 0.0;                                                                       \
          _Pragma("omp simd reduction(+ : part)") for (size_t i = from; i < to; ++i) part +=       \
            (double)at[i];                                                                         \
          sum += part;                                                                             \
        } else                                                                                     \
          for (size_t i = from; i < to; ++i)                                                       \
            if (!(ABSOLUTE(at[i]) <= ABSOLUTE(largest)) && largest == largest)                     \
              largest = at[i];                                                                     \
      }                                                                                            \
      out[cell] =                                                                                  \
        view->reduction == TV_MEAN ? (TYPE)(sum / (double)(rows * (to - from))) : largest;         \
    }                                                                                              \
  }
DEFINE_TILES(float, float_tiles, fabsf)
DEFINE_TILES(double, double_tiles, fabs)

void tv_view_row(void *values, const tv_view *view, const tv_tensor *tensor, const tv_line *line)
{
  const size_t size = tv_type_size(tensor->type);
  const size_t window =
    line->filter * tensor->whole.channels + line->channel - tensor->first_window;
  size_t rows[2];
  tv_view_rows(rows, view, line);
  const char *at =
    (const char *)tensor->values +
    (window * tensor->rows_here + rows[0] - tensor->first_row) * tensor->whole.columns * size;
  if (view->tile == 1)
    memcpy(values, at + view->region.column[0] * size, view->grid.width * size);
  else if (tensor->type == TV_FLOAT64)
    double_tiles(values, view, tensor, (const double *)at, rows);
  else
    float_tiles(values, view, tensor, (const float *)at, rows);
}

int tv_view_group(const tv_view *view, const tv_tensor *tensor, const tv_line *line)
{
  if (!tensor->group)
    return -1;
  return tensor
    ->group[tensor->by_row ? view->region.row[0] + line->row * view->tile : line->filter];
}

void tv_view_values(void *values, const tv_view *view, const tv_tensor *tensor,
  const tv_line *lines, size_t count, const tv_execution *execution)
{
  const size_t size = tv_type_size(tensor->type) * view->grid.width;
  const int threads = tv_execution_threads(execution);
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
  for (size_t i = 0; i < count; ++i)
    tv_view_row((char *)values + i * size, view, tensor, &lines[i]);
}

static void fill(int *array, size_t count, int value)
{
  for (size_t i = 0; array && i < count; ++i)
    array[i] = value;
}

/* Channel, row and column of the cells of a row of a folded tensor. */
static void unfold(const tv_indices *at, const tv_view *view, const tv_tensor *tensor)
{
  const size_t columns = tensor->folded[2], window = tensor->folded[1] * columns;
  for (size_t x = 0; x < view->grid.width; ++x) {
    const size_t weight = view->region.column[0] + x * view->tile;
    if (at->channel)
      at->channel[x] = (int)(weight / window);
    if (at->row)
      at->row[x] = (int)(weight % window / columns);
    if (at->column)
      at->column[x] = (int)(weight % columns);
  }
}

void tv_view_indices(const tv_indices *indices, const tv_view *view, const tv_tensor *tensor,
  const tv_line *lines, size_t count, const tv_execution *execution)
{
  const size_t width = view->grid.width;
  const int tile = (int)view->tile;
#define AT(array) (indices->array ? indices->array + i * width : NULL)
  const int threads = tv_execution_threads(execution);
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
  for (size_t i = 0; i < count; ++i) {
    const tv_line *line = &lines[i];
    const size_t row = view->region.row[0] + line->row * view->tile;
    const int folded = tensor->folded[0] > 0;
    fill(AT(filter), width, (int)(folded ? row : line->filter));
    fill(AT(group), width, tv_view_group(view, tensor, line));
    if (folded) {
      const tv_indices here = {NULL, AT(channel), AT(row), AT(column), NULL};
      unfold(&here, view, tensor);
      continue;
    }
    fill(AT(channel), width, (int)line->channel);
    fill(AT(row), width, (int)row);
    int *column = AT(column);
    for (size_t x = 0; column && x < width; ++x)
      column[x] = (int)view->region.column[0] + (int)x * tile;
  }
#undef AT
}
