/* SPDX-License-Identifier: BSD-3-Clause */
/* Many pixels of few filters: each part of them is one thread's own work. */
#include "correlate_work.h"

#include "vectors.h"

#include <omp.h>
#include <string.h>

enum
{
  LOOKS = 4096 /* at the others, before sleeping: some 50 microseconds */
};

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
  return tv_fetch(w, 0, w->filters, part * w->part_pixels + pixel,
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
        tv_add_product(w, patch + (tv_triangle(i) + j) * TV_PATCH, packed + i * panel_floats,
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

void tv_divide_pixels(tv_work *w, int threads)
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
    for (size_t part = claim(w); part < w->parts && !tv_stopped(w); part = claim(w)) {
      multiply_part(w, part, packed, w->unpacking + thread * w->panels);
      tv_task_done(w);
    }
    linger(w, threads);
  }
  if (w->stop)
    return;
#pragma omp parallel for num_threads(most) if (most > 1) schedule(dynamic)
  for (size_t panel = 0; panel < w->panels; ++panel)
    tv_norms(w, w->patch + (tv_triangle(panel) + panel) * TV_PATCH, panel);
#pragma omp parallel for num_threads(most) if (most > 1) schedule(dynamic)
  for (size_t i = 0; i < w->panels; ++i)
    for (size_t j = 0; j <= i; ++j)
      tv_finish(w, w->patch + (tv_triangle(i) + j) * TV_PATCH, i, j);
}
