/* SPDX-License-Identifier: BSD-3-Clause */
#include "correlate.h"

#include "correlate_work.h"
#include "execution.h"
#include "moments.h"
#include "status.h"

#include <math.h>
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
  BUNDLE = 4,             /* panels of a task's side: two bundles fill a second-level cache */
  SMALL = 1 << 20,        /* multiplications that are not worth waking a thread */
  LOOKS = 4096            /* at the others, before sleeping: some 50 microseconds */
};

static size_t round_up(size_t n, size_t multiple)
{
  return (n + multiple - 1) / multiple * multiple;
}

static size_t triangle(size_t row)
{
  return row * (row + 1) / 2;
}

static void plan(tv_work *w)
{
  const size_t bytes = tv_type_size(w->type);
  w->panels = (w->filters + TV_PANEL - 1) / TV_PANEL;
  w->patches = triangle(w->panels);
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
    const size_t bundles = (w->panels + BUNDLE - 1) / BUNDLE;
    const size_t fit = SLAB_BYTES / sizeof(float) / TV_PANEL / w->panels / w->stretch * w->stretch;
    w->parts = 1;
    w->part_pixels = w->pixels;
    w->slab_pixels =
      tv_minimum(round_up(w->pixels, w->stretch), fit > w->stretch ? fit : w->stretch);
    w->tasks = (w->pixels + w->slab_pixels - 1) / w->slab_pixels * (w->panels + triangle(bundles));
  }
}

/* Called after each task: counts it, and asks the caller where this is the caller's thread. */
static void report(tv_work *w)
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

static int stopped(tv_work *w)
{
  int stop;
#pragma omp atomic read
  stop = w->stop;
  return stop;
}

/* patch += products of two panels of one stretch. */
static void add_product(const tv_work *w, double *patch, const float *a, const float *b,
  size_t pixels, const tv_unpacking *of_a, const tv_unpacking *of_b, tv_ahead *ahead)
{
  for (size_t pixel = 0; pixel < pixels; pixel += TV_DEPTH)
    w->functions->multiply(patch, a + pixel * TV_PANEL, b + pixel * TV_PANEL,
      tv_minimum(TV_DEPTH, pixels - pixel), of_a, of_b, pixel == 0, ahead);
}

static size_t pixels_of(const tv_work *w, size_t part)
{
  return tv_minimum(w->part_pixels, w->pixels - part * w->part_pixels);
}

static size_t claim(tv_work *w)
{
  size_t part;
#pragma omp atomic capture
  part = w->next_part++;
  return part;
}

/* That many rows, as wide, from that number on, to be fetched in the course of that many calls of
 * tv_look_ahead(). */
static tv_ahead fetch(
  const tv_work *w, size_t row, size_t rows, size_t pixel, size_t pixels, size_t calls)
{
  const size_t size = tv_type_size(w->type);
  return (tv_ahead){.row = tv_row_at(w, row, pixel),
    .stride = w->pixels * size,
    .bytes = pixels * size,
    .rows = rows,
    .portion = rows * (pixels * size / 64 + 1) / (calls + 1) + 1};
}

/* What to fetch while a stretch of that many pixels is multiplied: the next one of the part, which
 * begins at pixel, or else the first of the part that waits for a thread. */
static tv_ahead look_ahead(tv_work *w, size_t part, size_t pixel, size_t pixels)
{
  if (pixel >= pixels_of(w, part)) {
#pragma omp atomic read
    part = w->next_part;
    pixel = 0;
  }
  if (part >= w->parts)
    return (tv_ahead){0};
  return fetch(w, 0, w->filters, part * w->part_pixels + pixel,
    tv_minimum(w->stretch, pixels_of(w, part) - pixel),
    w->patches * (TV_PANEL / 8) * (pixels / TV_SEGMENT));
}

/* A part from start to end, by one thread. */
static void multiply_part(tv_work *w, size_t part, float *packed, tv_unpacking *unpacking)
{
  const size_t end = pixels_of(w, part);
  const size_t panel_floats = w->stretch * TV_PANEL;
  double *patch = w->patch + part * w->patches * TV_PATCH;
  memset(patch, 0, w->patches * TV_PATCH * sizeof *patch);
  for (size_t i = 0; i < w->panels; ++i)
    tv_start_totals(w, part, i);
  for (size_t pixel = 0; pixel < end; pixel += w->stretch) {
    const size_t pixels = tv_minimum(w->stretch, end - pixel);
    tv_ahead ahead = look_ahead(w, part, pixel + pixels, pixels);
    for (size_t i = 0; i < w->panels; ++i)
      tv_pack(w, packed + i * panel_floats, &unpacking[i], part, i, pixel, pixels);
    for (size_t i = 0; i < w->panels; ++i)
      for (size_t j = 0; j <= i; ++j)
        add_product(w, patch + (triangle(i) + j) * TV_PATCH, packed + i * panel_floats,
          packed + j * panel_floats, pixels, &unpacking[i], &unpacking[j], &ahead);
  }
}

/* Until the others are done too, but not for long: a thread that sleeps is woken late. */
static void linger(tv_work *w, int threads)
{
  int finished;
#pragma omp atomic capture
  finished = ++w->finished;
  for (int look = 0; look < LOOKS && finished < threads && omp_get_thread_num() == 0; ++look) {
#ifdef TV_VECTORS_X86
    __builtin_ia32_pause();
#endif
#pragma omp atomic read
    finished = w->finished;
  }
}

static void divide_pixels(tv_work *w, int threads)
{
  /* Waking a thread for one panel takes longer than doing without it. */
  const int most = w->panels < 2 * (size_t)threads ? 1 : threads;
#pragma omp parallel for num_threads(most) if (most > 1) schedule(dynamic)
  for (size_t panel = 0; panel < w->panels; ++panel)
    tv_refer(w, panel);
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    const size_t thread = (size_t)omp_get_thread_num();
    float *packed = w->packed + thread * w->panels * w->slab_pixels * TV_PANEL;
    /* a loop over parts with dynamic schedule, but one that can be looked into */
    for (size_t part = claim(w); part < w->parts && !stopped(w); part = claim(w)) {
      multiply_part(w, part, packed, w->unpacking + thread * w->panels);
      report(w);
    }
    linger(w, threads);
  }
  if (w->stop)
    return;
#pragma omp parallel for num_threads(most) if (most > 1) schedule(dynamic)
  for (size_t panel = 0; panel < w->panels; ++panel)
    tv_norms(w, w->patch + (triangle(panel) + panel) * TV_PATCH, panel);
#pragma omp parallel for num_threads(most) if (most > 1) schedule(dynamic)
  for (size_t i = 0; i < w->panels; ++i)
    for (size_t j = 0; j <= i; ++j)
      tv_finish(w, w->patch + (triangle(i) + j) * TV_PATCH, i, j);
}

static float *packed_at(const tv_work *w, size_t panel, size_t pixel)
{
  return w->packed + (panel * w->slab_pixels + pixel) * TV_PANEL;
}

static tv_unpacking *unpacking_at(const tv_work *w, size_t panel, size_t pixel)
{
  return w->unpacking + panel * (w->slab_pixels / w->stretch) + pixel / w->stretch;
}

/* The task (row, column) in a triangle of bundles, counted row by row. */
static void place_of(size_t task, size_t *row, size_t *column)
{
  size_t i = (size_t)((sqrt(8.0 * (double)task + 1.0) - 1.0) / 2.0);
  while (triangle(i) > task)
    --i;
  while (triangle(i + 1) <= task)
    ++i;
  *row = i;
  *column = task - triangle(i);
}

/* All pairs of two bundles of panels over a slab, but those of the diagonal. With one slab, patches
 * are needed for this long only. Pixels go outermost, so that both bundles' stretch stays cached. */
static void multiply_pairs(tv_work *w, size_t task, size_t depth, double *scratch, int last)
{
  tv_ahead nothing = {0};
  size_t row, column;
  place_of(task, &row, &column);
  const size_t row_end = tv_minimum(w->panels, (row + 1) * BUNDLE);
  const size_t column_end = tv_minimum(w->panels, (column + 1) * BUNDLE);
  if (scratch)
    memset(scratch, 0, BUNDLE * BUNDLE * TV_PATCH * sizeof *scratch);
  for (size_t pixel = 0; pixel < depth; pixel += w->stretch)
    for (size_t i = row * BUNDLE; i < row_end; ++i)
      for (size_t j = column * BUNDLE; j < column_end && j < i; ++j) {
        const size_t inside = (i - row * BUNDLE) * BUNDLE + j - column * BUNDLE;
        double *patch =
          scratch ? scratch + inside * TV_PATCH : w->patch + (triangle(i) + j) * TV_PATCH;
        add_product(w, patch, packed_at(w, i, pixel), packed_at(w, j, pixel),
          tv_minimum(w->stretch, depth - pixel), unpacking_at(w, i, pixel),
          unpacking_at(w, j, pixel), &nothing);
        if (last && pixel + w->stretch >= depth)
          tv_finish(w, patch, i, j);
      }
}

/* What to fetch while a panel's stretch is multiplied that ends at that pixel of a slab: the next
 * one, or else the first of the panel that this thread may well be given next. */
static tv_ahead look_ahead_in_slab(
  const tv_work *w, size_t panel, size_t start, size_t pixel, size_t depth)
{
  if (pixel >= depth) {
    panel += (size_t)omp_get_num_threads();
    pixel = 0;
  }
  if (panel >= w->panels)
    return (tv_ahead){0};
  const size_t pixels = tv_minimum(w->stretch, depth - pixel), row = panel * TV_PANEL;
  return fetch(w, row, tv_minimum(TV_PANEL, w->filters - row), start + pixel, pixels,
    TV_PANEL / 8 * (pixels / TV_SEGMENT));
}

/* Packs a panel of a slab, and multiplies it with itself. */
static void multiply_panel(tv_work *w, size_t panel, size_t start, size_t depth, int last)
{
  /* with scratch, w->patch has the patches of the diagonal only */
  double *patch = w->patch + (w->scratch ? panel : triangle(panel) + panel) * (size_t)TV_PATCH;
  if (start == 0) {
    tv_refer(w, panel);
    tv_start_totals(w, 0, panel);
  }
  for (size_t pixel = 0; pixel < depth; pixel += w->stretch) {
    const size_t pixels = tv_minimum(w->stretch, depth - pixel);
    float *packed = packed_at(w, panel, pixel);
    tv_unpacking *unpacking = unpacking_at(w, panel, pixel);
    tv_ahead ahead = look_ahead_in_slab(w, panel, start, pixel + pixels, depth);
    tv_pack(w, packed, unpacking, 0, panel, start + pixel, pixels);
    add_product(w, patch, packed, packed, pixels, unpacking, unpacking, &ahead);
  }
  if (last) {
    tv_norms(w, patch, panel);
    tv_finish(w, patch, panel, panel);
  }
}

static void divide_pairs(tv_work *w, int threads)
{
  const size_t tasks = triangle((w->panels + BUNDLE - 1) / BUNDLE);
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    double *scratch =
      w->scratch ? w->scratch + (size_t)omp_get_thread_num() * BUNDLE * BUNDLE * TV_PATCH : NULL;
    for (size_t start = 0; start < w->pixels; start += w->slab_pixels) {
      const size_t depth = tv_minimum(w->slab_pixels, w->pixels - start);
      const int last = start + depth == w->pixels;
#pragma omp for schedule(dynamic)
      for (size_t panel = 0; panel < w->panels; ++panel)
        if (!stopped(w)) {
          multiply_panel(w, panel, start, depth, last);
          report(w);
        }
#pragma omp for schedule(dynamic)
      for (size_t task = 0; task < tasks; ++task)
        if (!stopped(w)) {
          multiply_pairs(w, task, depth, scratch, last);
          report(w);
        }
    }
  }
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
  w->scratch = one_slab ? allocate(n, BUNDLE * BUNDLE * TV_PATCH * sizeof *w->scratch) : NULL;
  if (!w->reference || !w->totals || !w->mean || !w->norm || !w->patch || !w->packed ||
      !w->unpacking || (one_slab && !w->scratch))
    return tv_fail(
      TV_ERROR_MEMORY, "no memory to correlate %zu filters of %zu pixels", w->filters, w->pixels);
  if (tv_execution_report(w->execution, 0.0))
    w->stop = 1; /* asked here because a busy machine may give this thread no task at all */
  if (together) {
    memset(w->patch, 0, patches * TV_PATCH * sizeof *w->patch);
    divide_pairs(w, threads);
  } else
    divide_pixels(w, threads);
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
