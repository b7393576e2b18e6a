/* SPDX-License-Identifier: BSD-3-Clause */
#include "mosaic.h"

#include "execution.h"

#include <math.h>
#include <string.h>

static void blank(void *values, tv_type type, size_t count)
{
  if (type == TV_FLOAT64)
    for (size_t i = 0; i < count; ++i)
      ((double *)values)[i] = NAN;
  else
    for (size_t i = 0; i < count; ++i)
      ((float *)values)[i] = NAN;
}

static void fill(int *array, size_t count, int value)
{
  for (size_t i = 0; array && i < count; ++i)
    array[i] = value;
}

static int *shift(int *array, size_t by)
{
  return array ? array + by : NULL;
}

static void fill_indices(
  const tv_indices *at, size_t width, const tv_view *view, const tv_line *line, int group)
{
  fill(at->filter, width, (int)line->filter);
  fill(at->channel, width, (int)line->channel);
  fill(at->row, width, (int)(view->region.row[0] + line->row * view->tile));
  fill(at->group, width, group);
  for (size_t i = 0; at->column && i < width; ++i)
    at->column[i] = (int)(view->region.column[0] + i * view->tile);
}

static tv_indices shift_all(const tv_indices *indices, size_t by)
{
  return (tv_indices){shift(indices->filter, by), shift(indices->channel, by),
    shift(indices->row, by), shift(indices->column, by), shift(indices->group, by)};
}

size_t tv_mosaic_height(const tv_view *view, const tv_line *line)
{
  size_t left, bottom;
  tv_grid_window(&view->grid, line->filter, line->channel, &left, &bottom);
  return bottom + view->grid.height - 1 - line->row;
}

void tv_mosaic_put(void *values, const tv_indices *indices, const tv_view *view, tv_type type,
  const tv_rectangle *rectangle, const tv_line *line, int group, const void *cells)
{
  const size_t size = tv_type_size(type), width = view->grid.width;
  size_t left, bottom;
  tv_grid_window(&view->grid, line->filter, line->channel, &left, &bottom);
  const size_t y = tv_mosaic_height(view, line);
  if (left < rectangle->x || left - rectangle->x + width > rectangle->width || y < rectangle->y ||
      y - rectangle->y >= rectangle->height)
    return;
  const size_t at = (y - rectangle->y) * rectangle->width + left - rectangle->x;
  const tv_indices here = shift_all(indices, at);
  if (values)
    memcpy((char *)values + at * size, cells, width * size);
  fill_indices(&here, width, view, line, group);
}

/* One row of the mosaic. */
static void mosaic_row(void *values, const tv_indices *indices, const tv_view *view,
  const tv_tensor *tensor, size_t y, size_t x0, size_t width)
{
  const tv_grid *grid = &view->grid;
  const size_t size = tv_type_size(tensor->type);
  const size_t sheet_height = grid->rows * (grid->height + grid->gap) - grid->gap;
  const size_t sheet_row = y / (sheet_height + grid->sheet_gap);
  const size_t in_sheet = y % (sheet_height + grid->sheet_gap);
  const size_t row = in_sheet / (grid->height + grid->gap);
  const size_t in_window = in_sheet % (grid->height + grid->gap);

  if (values)
    blank(values, tensor->type, width);
  fill(indices->filter, width, -1);
  fill(indices->channel, width, -1);
  fill(indices->row, width, -1);
  fill(indices->column, width, -1);
  fill(indices->group, width, -1);
  if (in_sheet >= sheet_height || in_window >= grid->height)
    return; /* a gap */

  for (size_t sheet = 0; sheet < grid->sheet_columns; ++sheet)
    for (size_t column = 0; column < grid->columns; ++column) {
      const tv_line line = {row * grid->columns + column, sheet_row * grid->sheet_columns + sheet,
        grid->height - 1 - in_window};
      size_t left, bottom;
      if (line.filter >= grid->filters || line.channel >= grid->channels ||
          !tv_view_has(view, tensor, &line))
        continue;
      tv_grid_window(grid, line.filter, line.channel, &left, &bottom);
      if (left < x0 || left - x0 + grid->width > width)
        continue;
      const size_t at = left - x0;
      if (values)
        tv_view_row((char *)values + at * size, view, tensor, &line);
      const tv_indices here = shift_all(indices, at);
      fill_indices(&here, grid->width, view, &line, tv_view_group(view, tensor, &line));
    }
}

void tv_mosaic(void *values, const tv_indices *indices, const tv_view *view,
  const tv_tensor *tensor, const tv_rectangle *rectangle, const tv_execution *execution)
{
  const size_t size = tv_type_size(tensor->type), width = rectangle->width;
  const int threads = tv_execution_threads(execution);
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
  for (size_t y = 0; y < rectangle->height; ++y) {
    const size_t at = y * width;
    const tv_indices row = shift_all(indices, at);
    mosaic_row(values ? (char *)values + at * size : NULL, &row, view, tensor, rectangle->y + y,
      rectangle->x, width);
  }
}

void tv_mosaic_points(float *points, const tv_view *view, const tv_line *lines, size_t count,
  const tv_execution *execution)
{
  const tv_grid *grid = &view->grid;
  const int threads = tv_execution_threads(execution);
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
  for (size_t i = 0; i < count; ++i) {
    size_t left, bottom;
    tv_grid_window(grid, lines[i].filter, lines[i].channel, &left, &bottom);
    const double y = (double)(bottom + grid->height - 1 - lines[i].row) + 0.5;
    for (size_t x = 0; x < grid->width; ++x) {
      float *point = points + (i * grid->width + x) * 3;
      point[0] = (float)(view->origin[0] + ((double)(left + x) + 0.5) * grid->pixel);
      point[1] = (float)(view->origin[1] + y * grid->pixel);
      point[2] = 0.0f;
    }
  }
}
