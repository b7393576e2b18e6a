/* SPDX-License-Identifier: BSD-3-Clause */
#include "correlate.h"

#include "correlate_work.h"
#include "execution.h"
#include "moments.h"
#include "status.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Where pixels are many and filters are few, the stretches are cut into parts, and each part is one
 * thread's own work from start to end, with its own patches. Otherwise there is one part, on which
 * all threads work together: first each packs panels, then each multiplies pairs of panels.
 *
 * How the work is cut depends on the sizes alone, never on the number of threads, and sums are
 * joined in the order of the parts: so the result does not depend on the threads either. */
enum
{
  MOST_PARTS = 32,
  FEWEST_PARTS = 4,
  PART_BYTES = 256 << 10,    /* of input in a part, at least: then a thread is worth its while */
  STRETCH_BYTES = 256 << 10, /* of packed rows: a quarter of a usual second-level cache */
  LONGEST_STRETCH = 4 * TV_DEPTH,
  PATCH_BYTES = 16 << 20, /* of all parts' patches, at most */
  SLAB_BYTES = 64 << 20,  /* of packed panels, at most */
  SMALL = 1 << 20         /* multiplications that are not worth waking a thread */
};

static size_t round_up(size_t n, size_t multiple)
{
  return (n + multiple - 1) / multiple * multiple;
}

static void plan(tv_work *w)
{
  const size_t bytes = tv_type_size(w->type);
  w->panels = (w->filters + TV_PANEL - 1) / TV_PANEL;
  w->patches = tv_triangle(w->panels);
  w->stretch = STRETCH_BYTES / sizeof(float) / TV_PANEL / w->panels / TV_DEPTH * TV_DEPTH;
  w->stretch = w->stretch < TV_DEPTH ? TV_DEPTH : tv_minimum(w->stretch, LONGEST_STRETCH);
  size_t parts = tv_minimum(MOST_PARTS, w->filters * w->pixels * bytes / PART_BYTES);
  parts = tv_minimum(parts, w->pixels / w->stretch / 2);
  parts = tv_minimum(parts, PATCH_BYTES / sizeof(double) / TV_PATCH / w->patches);
  if (parts >= FEWEST_PARTS) {
    w->part_pixels = round_up((w->pixels + parts - 1) / parts, w->stretch);
    w->parts = (w->pixels + w->part_pixels - 1) / w->part_pixels;
    w->slab_pixels = w->stretch;
    w->tasks = w->parts;
  } else {
    const size_t bundles = (w->panels + TV_BUNDLE - 1) / TV_BUNDLE;
    const size_t fit = SLAB_BYTES / sizeof(float) / TV_PANEL / w->panels / w->stretch * w->stretch;
    w->parts = 1;
    w->part_pixels = w->pixels;
    w->slab_pixels =
      tv_minimum(round_up(w->pixels, w->stretch), fit > w->stretch ? fit : w->stretch);
    w->tasks =
      (w->pixels + w->slab_pixels - 1) / w->slab_pixels * (w->panels + tv_triangle(bundles));
  }
}

void tv_task_done(tv_work *w)
{
  size_t done;
#pragma omp atomic capture
  done = ++w->done;
  if (omp_get_thread_num() == 0 &&
      tv_execution_report(w->execution, (double)done / (double)w->tasks)) {
#pragma omp atomic write
    w->stop = 1;
  }
}

int tv_stopped(tv_work *w)
{
  int stop;
#pragma omp atomic read
  stop = w->stop;
  return stop;
}

void tv_add_product(const tv_work *w, double *patch, const float *a, const float *b, size_t pixels,
  const tv_unpacking *of_a, const tv_unpacking *of_b, tv_ahead *ahead)
{
  for (size_t pixel = 0; pixel < pixels; pixel += TV_DEPTH)
    w->functions->multiply(patch, a + pixel * TV_PANEL, b + pixel * TV_PANEL,
      tv_minimum(TV_DEPTH, pixels - pixel), of_a, of_b, pixel == 0, ahead);
}

tv_ahead tv_fetch(
  const tv_work *w, size_t row, size_t rows, size_t pixel, size_t pixels, size_t calls)
{
  const size_t size = tv_type_size(w->type);
  return (tv_ahead){.row = tv_row_at(w, row, pixel),
    .stride = w->pixels * size,
    .bytes = pixels * size,
    .rows = rows,
    .portion = rows * (pixels * size / 64 + 1) / (calls + 1) + 1};
}

/* count * size bytes on a cache line, or NULL. */
static void *allocate(size_t count, size_t size)
{
  int overflow = 0;
  const size_t bytes = tv_multiply(count, size, &overflow);
  void *memory = NULL;
  return overflow || posix_memalign(&memory, 64, bytes ? bytes : 64) ? NULL : memory;
}

static int correlate(tv_work *w, int threads)
{
  const int together = w->parts == 1;
  const int one_slab = together && w->slab_pixels >= w->pixels;
  const size_t n = (size_t)threads, sets = together ? 1 : n;
  const size_t patches = one_slab ? w->panels : w->parts * w->patches;
  w->reference = allocate(w->filters, sizeof *w->reference);
  w->totals = allocate(w->parts * w->filters, sizeof *w->totals);
  w->mean = allocate(w->filters, sizeof *w->mean);
  w->norm = allocate(w->filters, sizeof *w->norm);
  w->patch = allocate(patches, TV_PATCH * sizeof *w->patch);
  w->packed = allocate(sets * w->panels, w->slab_pixels * TV_PANEL * sizeof *w->packed);
  w->unpacking = allocate(sets * w->panels, w->slab_pixels / w->stretch * sizeof *w->unpacking);
  w->scratch = one_slab ? allocate(n, TV_BUNDLE * TV_BUNDLE * TV_PATCH * sizeof *w->scratch) : NULL;
  if (!w->reference || !w->totals || !w->mean || !w->norm || !w->patch || !w->packed ||
      !w->unpacking || (one_slab && !w->scratch))
    return tv_fail(
      TV_ERROR_MEMORY, "no memory to correlate %zu filters of %zu pixels", w->filters, w->pixels);
  if (tv_execution_report(w->execution, 0.0))
    w->stop = 1; /* asked here because a busy machine may give this thread no task at all */
  if (together) {
    memset(w->patch, 0, patches * TV_PATCH * sizeof *w->patch);
    tv_divide_pairs(w, threads);
  } else
    tv_divide_pixels(w, threads);
  return w->stop ? tv_fail(TV_ERROR_CANCELLED, "the correlation was cancelled") : TV_OK;
}

static int check(const tv_work *w, size_t fewest_pixels)
{
  int overflow = 0;
  if (!(w->matrix || w->moments) || !w->x)
    return tv_fail(TV_ERROR_ARGUMENT, "no matrix or no values to correlate");
  if (w->type != TV_FLOAT32 && w->type != TV_FLOAT64)
    return tv_fail(TV_ERROR_UNSUPPORTED, "only float32 and float64 values can be correlated");
  if (w->metric != TV_PEARSON && w->metric != TV_COSINE)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no metric number %d", (int)w->metric);
  if (w->filters < 1)
    return tv_fail(TV_ERROR_ARGUMENT, "there are no filters to correlate");
  if (w->pixels < fewest_pixels)
    return tv_fail(TV_ERROR_ARGUMENT,
      "correlation needs at least %zu pixel%s for each filter, and there is %zu", fewest_pixels,
      fewest_pixels == 1 ? "" : "s", w->pixels);
  tv_multiply(tv_multiply(w->filters, w->pixels, &overflow), sizeof(double), &overflow);
  tv_multiply(tv_multiply(w->filters + TV_PANEL, w->filters + TV_PANEL, &overflow),
    2 * sizeof(double), &overflow);
  if (overflow)
    return tv_fail(TV_ERROR_ARGUMENT, "%zu filters of %zu pixels are too many to correlate",
      w->filters, w->pixels);
  return TV_OK;
}

static int run(tv_work *w)
{
  const int small = (double)w->filters * (double)w->filters * (double)w->pixels < SMALL;
  plan(w);
  w->functions = tv_panel_best();
  const int status = correlate(w, small ? 1 : tv_idle_threads(tv_execution_threads(w->execution)));
  free(w->reference);
  free(w->totals);
  free(w->mean);
  free(w->norm);
  free(w->patch);
  free(w->packed);
  free(w->unpacking);
  free(w->scratch);
  return status;
}

int tv_correlate(
  float *matrix, const tv_rows *rows, tv_metric metric, const tv_execution *execution)
{
  if (!rows)
    return tv_fail(TV_ERROR_ARGUMENT, "there are no values to correlate: NULL");
  tv_work w = {.matrix = matrix,
    .x = rows->values,
    .type = rows->type,
    .filters = rows->filters,
    .pixels = rows->pixels,
    .metric = metric,
    .execution = execution};
  const int status = check(&w, 2);
  return status ? status : run(&w);
}

int tv_moments_add_rows(
  double *moments, const tv_rows *rows, const double *centre, const tv_execution *execution)
{
  if (!rows)
    return tv_fail(TV_ERROR_ARGUMENT, "there are no values to take moments of: NULL");
  tv_work w = {.moments = moments,
    .centre = centre,
    .x = rows->values,
    .type = rows->type,
    .filters = rows->filters,
    .pixels = rows->pixels,
    .metric = TV_PEARSON,
    .execution = execution};
  int status = check(&w, 1);
  if (!status)
    status = run(&w);
  if (!status)
    moments[tv_moments_size(w.filters) - 1] += (double)w.pixels;
  return status;
}
