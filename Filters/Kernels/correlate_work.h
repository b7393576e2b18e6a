/* SPDX-License-Identifier: BSD-3-Clause */
/* What correlate.c (how the work is cut), correlate_parts.c and correlate_pairs.c (who does what, in
 * which order) and correlate_rows.c (what is done to rows and patches) share, for tv_correlate() and for tv_moments_add_rows(). Not for others.
 *
 * Pixels are cut into stretches short enough for the cache. In each stretch every row is centred by
 * its own mean there and packed; products are taken in single precision, and added up in double
 * precision as products about one reference for each row, the mean of its first stretch. The true
 * mean comes in at the end. Moments are these products, about a reference of the caller's. */
#ifndef TV_CORRELATE_WORK_H
#define TV_CORRELATE_WORK_H

#include "correlate.h"
#include "panels.h"
#include "status.h"

#define TV_BUNDLE 4 /* panels of a task's side: two bundles fill a second-level cache */

/* A row in one part. */
typedef struct tv_total
{
  double shift; /* sum over stretches of pixels * (mean - reference) */
  double low, high;
  int lost; /* 1: not finite, or with too large a range */
} tv_total;

typedef struct tv_work
{
  float *matrix;        /* the result, or */
  double *moments;      /* the result: [filters + 1][filters + 1] */
  const double *centre; /* what moments are about, or NULL */
  const char *x;
  tv_type type;
  size_t filters, pixels;
  tv_metric metric;
  const tv_execution *execution;
  const tv_panel_functions *functions;
  size_t panels, patches; /* patches of the lower triangle, diagonal included */
  size_t stretch;         /* pixels */
  size_t parts, part_pixels;
  size_t slab_pixels; /* packed at a time: whole stretches */
  size_t next_part;   /* that no thread has begun */
  size_t tasks, done; /* for progress */
  int stop;
  int finished;            /* threads that have no more parts */
  tv_row *reference;       /* [filters] */
  tv_total *totals;        /* [parts][filters] */
  double *patch;           /* [parts][patches][TV_PATCH]; with one part see correlate_pairs.c */
  float *packed;           /* [threads, or 1][panels][slab_pixels][TV_PANEL] */
  tv_unpacking *unpacking; /* [threads, or 1][panels][stretches of a slab] */
  double *scratch; /* [threads][TV_BUNDLE * TV_BUNDLE][TV_PATCH], with one part and one slab */
  double *mean;    /* [filters]: less the reference; with moments 0 */
  double *norm;    /* [filters]: 1 / sqrt(sum of squares), with moments 1; NaN for a row without */
} tv_work;

static inline size_t tv_minimum(size_t a, size_t b)
{
  return a < b ? a : b;
}

/* Pairs of rows before this one, with itself: where its patches begin. */
static inline size_t tv_triangle(size_t row)
{
  return row * (row + 1) / 2;
}

/* The first number of a row's pixel. */
static inline const char *tv_row_at(const tv_work *w, size_t filter, size_t pixel)
{
  return w->x + (filter * w->pixels + pixel) * tv_type_size(w->type);
}

/* The reference of a panel's rows: the mean of their first stretch, or with moments the centre. */
void tv_refer(tv_work *w, size_t panel);

/* Before the first stretch of a part. */
void tv_start_totals(tv_work *w, size_t part, size_t panel);

/* Packs one panel of one stretch, which begins at that pixel of its part. */
void tv_pack(tv_work *w, float *packed, tv_unpacking *unpacking, size_t part, size_t panel,
  size_t pixel, size_t pixels);

/* After the last stretch: means of a panel's rows from all parts' totals, and their norms from the
 * panel's patch of the diagonal (the first part's; the others' are found behind it). With moments,
 * what they have of single rows. */
void tv_norms(tv_work *w, const double *patch, size_t panel);

/* After the norms of both: a patch of panels i >= j into both triangles of the result. */
void tv_finish(const tv_work *w, const double *patch, size_t i, size_t j);

/* Called after each task: counts it, and asks the caller where this is the caller's thread. */
void tv_task_done(tv_work *w);
int tv_stopped(tv_work *w);

/* patch += products of two panels of one stretch. */
void tv_add_product(const tv_work *w, double *patch, const float *a, const float *b, size_t pixels,
  const tv_unpacking *of_a, const tv_unpacking *of_b, tv_ahead *ahead);

/* That many rows, as wide, from that number on, to be fetched in the course of that many calls of
 * tv_look_ahead(). */
tv_ahead tv_fetch(
  const tv_work *w, size_t row, size_t rows, size_t pixel, size_t pixels, size_t calls);

/* The whole result, where each part is one thread's own work. */
void tv_divide_pixels(tv_work *w, int threads);

/* The whole result, where there is one part. */
void tv_divide_pairs(tv_work *w, int threads);

#endif
