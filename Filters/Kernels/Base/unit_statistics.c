/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit_statistics.h"

#include "execution.h"
#include "status.h"
#include "unit_sums.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum
{
  WORTH_A_THREAD = 1 << 16
};

static int is_filter(char letter)
{
  return letter == 'g' || letter == 'o' || letter == 'c' || letter == 'a';
}

/* The first and last axis of the units; last < first where there is none. */
static int find_units(const char *axes, int *first, int *last)
{
  const int rank = (int)strlen(axes);
  int filters = 0;
  *first = rank;
  *last = -1;
  for (int a = 0; a < rank; ++a)
    if (is_filter(axes[a])) {
      *first = filters++ ? *first : a;
      *last = a;
    }
  if (filters > 0)
    return *last - *first + 1 == filters;
  const char *i = strchr(axes, 'i');
  if (i)
    *first = *last = (int)(i - axes);
  else if (rank - (strchr(axes, 'n') != NULL) == 1)
    *first = *last = axes[0] == 'n';
  return 1;
}

int tv_unit_view_axes(tv_unit_view *view, const char *axes, const size_t *shape)
{
  int first, last, overflow = 0;
  memset(view, 0, sizeof *view);
  if (!axes || strlen(axes) > TV_RANK + 1 || (axes[0] && !shape))
    return tv_fail(TV_ERROR_FORMAT, "axes are at most %d letters beside 'n'", TV_RANK);
  if (!find_units(axes, &first, &last))
    return tv_fail(TV_ERROR_UNSUPPORTED,
      "the axes of the filters do not lie side by side in \"%s\": there are no statistics of them",
      axes);
  view->outer = view->units = view->inner = 1;
  const int batch = axes[0] == 'n';
  for (int a = 0; axes[a]; ++a) {
    if (shape[a] == 0)
      return tv_fail(TV_ERROR_FORMAT, "axis '%c' has size 0", axes[a]);
    size_t *size = last < 0 || a > last ? &view->inner : a < first ? &view->outer : &view->units;
    if (a == 0 && batch)
      view->samples = shape[0];
    else
      *size = tv_multiply(*size, shape[a], &overflow);
  }
  const size_t pixels =
    tv_multiply(tv_multiply(view->outer, view->inner, &overflow), view->units, &overflow);
  tv_multiply(
    tv_multiply(pixels, view->samples ? view->samples : 1, &overflow), sizeof(double), &overflow);
  return overflow ? tv_fail(TV_ERROR_FORMAT, "its sizes are too large to be real") : TV_OK;
}

static void finish(float *result, const tv_sums *s, const tv_unit_view *view)
{
  const double finite = (double)s->finite, all = (double)s->all;
  result[TV_MEASURE_MEAN] = s->finite ? (float)(s->sum / finite) : NAN;
  result[TV_MEASURE_RMS] = s->finite ? (float)sqrt(s->squares / finite) : NAN;
  result[TV_MEASURE_LEAST] = s->finite ? (float)s->least : NAN;
  result[TV_MEASURE_GREATEST] = s->finite ? (float)s->greatest : NAN;
  result[TV_MEASURE_ZEROS] = (float)((double)s->zeros / all);
  result[TV_MEASURE_NONFINITE] = (float)(s->all - s->finite);
  result[TV_MEASURE_UPDATE] = s->compared ? (float)sqrt(s->moved / (double)s->compared) : NAN;
  result[TV_MEASURE_SILENT] =
    view->samples ? (float)((double)s->silent / (double)view->samples) : NAN;
}

/* Units [first, first + count), count at most TV_STRIP, of all samples. */
static void do_units(float *result, const char *data, const tv_sums_way *way,
  const tv_unit_view *view, char *previous, size_t first, size_t count)
{
  const size_t size = tv_type_size(way->type), row = view->units * view->inner;
  const int single =
    view->outer * view->inner == 1; /* a number for each sample: samples are rows */
  const size_t samples = view->samples && !single ? view->samples : 1;
  const size_t outer = view->samples && single ? view->samples : view->outer;
  tv_sums total[TV_STRIP];
  for (size_t u = 0; u < count; ++u)
    total[u] = (tv_sums){.least = INFINITY, .greatest = -INFINITY};
  const size_t begin = first * view->inner * size;
  char *old = previous ? previous + begin : NULL;
  int whole = 0;
  if (view->inner == 1 && tv_sums_float(way->type)) {
    tv_sums_rows(total, way, data + begin, view->units, samples, outer, (int)count, old);
    whole = 1;
  } else if (view->inner > 1 && view->outer == 1)
    whole = tv_sums_maps(total, way, data + begin, row, samples, (int)count, view->inner, old);
  for (size_t s = 0; s < samples && !whole; ++s) {
    const size_t at = s * outer * row + first * view->inner;
    size_t zeros[TV_STRIP];
    for (size_t u = 0; u < count; ++u)
      zeros[u] = total[u].zeros;
    for (size_t r = 0; r < outer; ++r)
      for (size_t u = 0; u < count; ++u) {
        const size_t byte = (at + r * row + u * view->inner) * size;
        tv_sums_run(total + u, way, data + byte, view->inner, previous ? previous + byte : NULL);
      }
    for (size_t u = 0; u < count; ++u)
      total[u].silent += total[u].zeros - zeros[u] == outer * view->inner;
  }
  for (size_t u = 0; u < count; ++u) {
    total[u].silent = single ? total[u].zeros : total[u].silent;
    finish(result + (first + u) * TV_MEASURES, total + u, view);
  }
}

/* How many units are done side by side. Maps are done in the order in which they lie in memory. */
static size_t strip_of(const tv_unit_view *view, int threads)
{
  const size_t each = view->units / (size_t)threads;
  if (view->inner == 1 || each >= TV_STRIP)
    return TV_STRIP;
  return each > 1 ? each : 1;
}

int tv_unit_statistics(float *result, const void *data, tv_type type, const tv_unit_view *view,
  void *previous, int known, int threads)
{
  if (!result || !data || !view || tv_type_size(type) == 0 || view->outer < 1 || view->units < 1 ||
      view->inner < 1)
    return tv_fail(TV_ERROR_ARGUMENT, "statistics of units need data, sizes and a type");
  if (threads < 0)
    return tv_fail(TV_ERROR_ARGUMENT, "threads must be 0 or more, not %d", threads);
  if (view->samples)
    previous = NULL;
  const size_t elements =
    (view->samples ? view->samples : 1) * view->outer * view->units * view->inner;
  threads =
    elements < 2 * WORTH_A_THREAD ? 1 : tv_execution_threads(&(tv_execution){threads, NULL, NULL});
  const size_t strip = strip_of(view, threads);
  const ptrdiff_t strips = (ptrdiff_t)((view->units - 1) / strip + 1);
  const tv_sums_way way = tv_sums_choose(type, known);
  if (threads > strips)
    threads = (int)strips;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (ptrdiff_t k = 0; k < strips; ++k) {
    const size_t first = (size_t)k * strip;
    const size_t count = view->units - first < strip ? view->units - first : strip;
    do_units(result, data, &way, view, previous, first, count);
  }
  return TV_OK;
}
