/* SPDX-License-Identifier: BSD-3-Clause */
#include "distribution.h"

#include "execution.h"

#include <math.h>

size_t tv_curves(tv_curve *curves, const tv_view *view, const tv_tensor *tensor)
{
  size_t count = 0;
  for (size_t window = 0; window < tensor->windows; ++window) {
    const size_t whole = tensor->first_window + window;
    const size_t filter = whole / tensor->whole.channels, channel = whole % tensor->whole.channels;
    const tv_region *region = &view->region;
    if (filter < region->filter[0] || filter >= region->filter[1] || channel < region->channel[0] ||
        channel >= region->channel[1])
      continue;
    if (tensor->state && !tensor->by_row && !tv_shown(tensor->state[filter]))
      continue;
    if (curves)
      curves[count] = (tv_curve){filter, channel, 0, 0, 0.0, 0.0};
    ++count;
  }
  return count;
}

/* One window's values, or those of some of its rows. */
typedef struct window
{
  const tv_tensor *tensor;
  const float *floats; /* one of these two is not NULL */
  const double *doubles;
  size_t pixels;     /* of the whole window */
  size_t first, end; /* of the pixels that lie here; floats and doubles begin at the first */
} window;

static window open_window(const tv_tensor *tensor, const tv_curve *curve)
{
  const size_t here = tensor->rows_here * tensor->whole.columns;
  const size_t first = tensor->first_row * tensor->whole.columns;
  const size_t at =
    (curve->filter * tensor->whole.channels + curve->channel - tensor->first_window) * here;
  window result = {
    tensor, NULL, NULL, tensor->whole.rows * tensor->whole.columns, first, first + here};
  if (tensor->type == TV_FLOAT64)
    result.doubles = (const double *)tensor->values + at;
  else
    result.floats = (const float *)tensor->values + at;
  return result;
}

/* A pixel's value; NaN where its row was pruned. */
static inline double value_at(const window *w, size_t pixel)
{
  const tv_tensor *tensor = w->tensor;
  if (tensor->by_row && tensor->state && !tv_shown(tensor->state[pixel / tensor->whole.columns]))
    return NAN;
  pixel -= w->first;
  return w->doubles ? w->doubles[pixel] : (double)w->floats[pixel];
}

/* Puts the pixels of [begin, end) that lie here and the envelope keeps into kept, in their order.
 */
static int pick(size_t kept[4], const window *w, size_t begin, size_t end)
{
  size_t first = 0, last = 0, least = 0, greatest = 0;
  double low = 0.0, high = 0.0;
  int any = 0;
  begin = begin > w->first ? begin : w->first;
  end = end < w->end ? end : w->end;
  for (size_t pixel = begin; pixel < end; ++pixel) {
    const double value = value_at(w, pixel);
    if (!isfinite(value))
      continue;
    if (!any) {
      any = 1;
      first = least = greatest = pixel;
      low = high = value;
    }
    last = pixel;
    if (value < low) {
      low = value;
      least = pixel;
    }
    if (value > high) {
      high = value;
      greatest = pixel;
    }
  }
  if (!any)
    return 0;
  const size_t middle[2] = {
    least < greatest ? least : greatest, least < greatest ? greatest : least};
  int count = 0;
  kept[count++] = first;
  for (int i = 0; i < 2; ++i)
    if (middle[i] > kept[count - 1])
      kept[count++] = middle[i];
  if (last > kept[count - 1])
    kept[count++] = last;
  return count;
}

/* Columns of a window's envelope; 0: every value is kept. */
static size_t slices_of(size_t pixels, size_t slices)
{
  return slices && (pixels - 1) / 4 >= slices ? slices : 0;
}

static size_t slice_begin(size_t slice, size_t slices, size_t pixels)
{
  /* pixels * slice / slices without overflow */
  return pixels / slices * slice + pixels % slices * slice / slices;
}

static void measure(tv_curve *curve, const tv_tensor *tensor, size_t slices)
{
  const window w = open_window(tensor, curve);
  size_t count = 0, kept[4];
  double low = INFINITY, high = -INFINITY;
  slices = slices_of(w.pixels, slices);
  for (size_t slice = 0; slice < slices; ++slice) {
    const int picked = pick(
      kept, &w, slice_begin(slice, slices, w.pixels), slice_begin(slice + 1, slices, w.pixels));
    for (int i = 0; i < picked; ++i) {
      const double value = value_at(&w, kept[i]);
      low = value < low ? value : low;
      high = value > high ? value : high;
    }
    count += (size_t)picked;
  }
  for (size_t pixel = w.first; slices == 0 && pixel < w.end; ++pixel) {
    const double value = value_at(&w, pixel);
    if (isfinite(value)) {
      low = value < low ? value : low;
      high = value > high ? value : high;
      ++count;
    }
  }
  curve->count = count;
  curve->low = count ? low : 0.0;
  curve->high = count ? high : 0.0;
}

size_t tv_curves_measure(tv_curve *curves, size_t count, const tv_tensor *tensor, size_t slices,
  const tv_execution *execution)
{
  size_t points = 0;
  const int threads = tv_execution_threads(execution);
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
  for (size_t i = 0; i < count; ++i)
    measure(&curves[i], tensor, slices);
  for (size_t i = 0; i < count; ++i) {
    curves[i].first = points;
    points += curves[i].count;
  }
  return points;
}

/* Where a curve stands and how it is scaled. */
typedef struct frame
{
  double x, y, low, scale;
} frame;

static void put(const tv_curve_points *out, size_t at, const window *w, const tv_curve *curve,
  const frame *place, size_t pixel)
{
  const tv_tensor *tensor = w->tensor;
  const double value = value_at(w, pixel);
  if (out->points) {
    float *point = out->points + 3 * at;
    const double x = w->pixels > 1 ? (double)pixel / (double)(w->pixels - 1) : 0.5;
    point[0] = (float)(place->x + x);
    point[1] = (float)(place->y + (value - place->low) * place->scale);
    point[2] = 0.0f;
  }
  if (out->values && w->doubles)
    ((double *)out->values)[at] = w->doubles[pixel - w->first];
  else if (out->values)
    ((float *)out->values)[at] = w->floats[pixel - w->first];
  if (out->filter)
    out->filter[at] = (int)curve->filter;
  if (out->channel)
    out->channel[at] = (int)curve->channel;
  if (out->pixel)
    out->pixel[at] = (int)pixel;
  if (out->group)
    out->group[at] =
      !tensor->group
        ? -1
        : tensor->group[tensor->by_row ? pixel / tensor->whole.columns : curve->filter];
}

static void write_curve(const tv_curve_points *out, const tv_curve *curve, const tv_tensor *tensor,
  const tv_grid *grid, size_t slices, const double range[2])
{
  const window w = open_window(tensor, curve);
  const double low = range ? range[0] : curve->low, high = range ? range[1] : curve->high;
  frame place = {0.0, 0.0, low, high > low ? 1.0 / (high - low) : 0.0};
  size_t at = curve->first, kept[4];
  tv_grid_square_window(grid, curve->filter, curve->channel, &place.x, &place.y);
  slices = slices_of(w.pixels, slices);
  for (size_t slice = 0; slice < slices; ++slice) {
    const int picked = pick(
      kept, &w, slice_begin(slice, slices, w.pixels), slice_begin(slice + 1, slices, w.pixels));
    for (int i = 0; i < picked; ++i)
      put(out, at++, &w, curve, &place, kept[i]);
  }
  for (size_t pixel = w.first; slices == 0 && pixel < w.end; ++pixel)
    if (isfinite(value_at(&w, pixel)))
      put(out, at++, &w, curve, &place, pixel);
}

void tv_curves_write(const tv_curve_points *out, const tv_curve *curves, size_t count,
  const tv_tensor *tensor, const tv_grid *grid, size_t slices, const double range[2],
  const tv_execution *execution)
{
  const int threads = tv_execution_threads(execution);
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
  for (size_t i = 0; i < count; ++i)
    write_curve(out, &curves[i], tensor, grid, slices, range);
}

/* Behind the last of the points from begin on whose pixel is below the limit. */
static size_t end_of_slice(const int *pixel, size_t begin, size_t count, size_t limit)
{
  while (begin < count && (size_t)pixel[begin] < limit)
    ++begin;
  return begin;
}

size_t tv_curve_thin(size_t *kept, const int *pixel, const void *values, tv_type type, size_t count,
  size_t pixels, size_t slices)
{
  const tv_tensor list = {
    .values = values, .type = type, .whole = {1, 1, 1, count}, .windows = 1, .rows_here = 1};
  const window points = open_window(&list, &(tv_curve){0});
  size_t begin = 0, thin = 0;
  slices = slices_of(pixels, slices);
  for (; slices == 0 && thin < count; ++thin)
    kept[thin] = thin;
  for (size_t slice = 0; slice < slices; ++slice) {
    const size_t end = end_of_slice(pixel, begin, count, slice_begin(slice + 1, slices, pixels));
    thin += (size_t)pick(kept + thin, &points, begin, end);
    begin = end;
  }
  return thin;
}

static inline float height(const float *points, size_t point)
{
  return points[3 * point + 1];
}

size_t tv_curve_path(
  size_t *path, const float *points, const int *pixel, size_t count, size_t pixels, size_t slices)
{
  size_t begin = 0, visited = 0;
  slices = slices_of(pixels, slices);
  for (; slices == 0 && visited < count; ++visited)
    path[visited] = visited;
  for (size_t slice = 0; slice < slices; ++slice) {
    const size_t end = end_of_slice(pixel, begin, count, slice_begin(slice + 1, slices, pixels));
    size_t least = begin, greatest = begin;
    if (end == begin)
      continue;
    for (size_t point = begin + 1; point < end; ++point) {
      if (height(points, point) < height(points, least))
        least = point;
      if (height(points, point) > height(points, greatest))
        greatest = point;
    }
    if (begin == 0 && least != 0 && greatest != 0)
      path[visited++] = 0;
    const float pen = visited > 0 ? height(points, path[visited - 1]) : 0.0f;
    const int rises =
      visited > 0 ? fabsf(pen - height(points, least)) <= fabsf(pen - height(points, greatest))
                  : least <= greatest;
    path[visited++] = rises ? least : greatest;
    if (least != greatest)
      path[visited++] = rises ? greatest : least;
    if (end == count && least != count - 1 && greatest != count - 1)
      path[visited++] = count - 1;
    begin = end;
  }
  return visited;
}
