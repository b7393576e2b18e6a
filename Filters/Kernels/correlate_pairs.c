/* SPDX-License-Identifier: BSD-3-Clause */
/* Few pixels, or many filters: one part, on which all threads work together. */
#include "correlate_work.h"

#include <math.h>
#include <omp.h>
#include <string.h>

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
  while (tv_triangle(i) > task)
    --i;
  while (tv_triangle(i + 1) <= task)
    ++i;
  *row = i;
  *column = task - tv_triangle(i);
}

/* All pairs of two bundles of panels over a slab, but those of the diagonal. With one slab, patches
 * are needed for this long only. Pixels go outermost, so that both bundles' stretch stays cached. */
static void multiply_pairs(tv_work *w, size_t task, size_t depth, double *scratch, int last)
{
  tv_ahead nothing = {0};
  size_t row, column;
  place_of(task, &row, &column);
  const size_t row_end = tv_minimum(w->panels, (row + 1) * TV_BUNDLE);
  const size_t column_end = tv_minimum(w->panels, (column + 1) * TV_BUNDLE);
  if (scratch)
    memset(scratch, 0, TV_BUNDLE * TV_BUNDLE * TV_PATCH * sizeof *scratch);
  for (size_t pixel = 0; pixel < depth; pixel += w->stretch)
    for (size_t i = row * TV_BUNDLE; i < row_end; ++i)
      for (size_t j = column * TV_BUNDLE; j < column_end && j < i; ++j) {
        const size_t inside = (i - row * TV_BUNDLE) * TV_BUNDLE + j - column * TV_BUNDLE;
        double *patch =
          scratch ? scratch + inside * TV_PATCH : w->patch + (tv_triangle(i) + j) * TV_PATCH;
        tv_add_product(w, patch, packed_at(w, i, pixel), packed_at(w, j, pixel),
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
  return tv_fetch(w, row, tv_minimum(TV_PANEL, w->filters - row), start + pixel, pixels,
    TV_PANEL / 8 * (pixels / TV_SEGMENT));
}

/* Packs a panel of a slab, and multiplies it with itself. */
static void multiply_panel(tv_work *w, size_t panel, size_t start, size_t depth, int last)
{
  /* with scratch, w->patch has the patches of the diagonal only */
  double *patch = w->patch + (w->scratch ? panel : tv_triangle(panel) + panel) * (size_t)TV_PATCH;
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
    tv_add_product(w, patch, packed, packed, pixels, unpacking, unpacking, &ahead);
  }
  if (last) {
    tv_norms(w, patch, panel);
    tv_finish(w, patch, panel, panel);
  }
}

void tv_divide_pairs(tv_work *w, int threads)
{
  const size_t tasks = tv_triangle((w->panels + TV_BUNDLE - 1) / TV_BUNDLE);
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    double *scratch =
      w->scratch ? w->scratch + (size_t)omp_get_thread_num() * TV_BUNDLE * TV_BUNDLE * TV_PATCH
                 : NULL;
    for (size_t start = 0; start < w->pixels; start += w->slab_pixels) {
      const size_t depth = tv_minimum(w->slab_pixels, w->pixels - start);
      const int last = start + depth == w->pixels;
#pragma omp for schedule(dynamic)
      for (size_t panel = 0; panel < w->panels; ++panel)
        if (!tv_stopped(w)) {
          multiply_panel(w, panel, start, depth, last);
          tv_task_done(w);
        }
#pragma omp for schedule(dynamic)
      for (size_t task = 0; task < tasks; ++task)
        if (!tv_stopped(w)) {
          multiply_pairs(w, task, depth, scratch, last);
          tv_task_done(w);
        }
    }
  }
}
