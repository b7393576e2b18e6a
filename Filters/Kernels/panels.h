/* SPDX-License-Identifier: BSD-3-Clause */
/* The inner loops of tv_correlate(): rows are packed into panels, and panels multiplied.
 *
 * A panel holds TV_PANEL rows side by side, pixel after pixel: panel[pixel][row]. So one vector
 * register holds the same pixel of several rows, and the product of two panels is a sum over
 * pixels of outer products, as in every fast matrix multiplication. Rows that do not exist, or are
 * to be ignored, are zero.
 *
 * A patch is the product of two panels, in double precision: patch[row of b][row of a]. Products
 * are summed in single precision over TV_SEGMENT pixels, these sums over TV_DEPTH pixels, and those
 * in double precision. One long sum would not do: activations are zero at most pixels, the same
 * product is added again and again, and then rounding errors have all the same sign. */
#ifndef TV_PANELS_H
#define TV_PANELS_H

#include "tensorview/types.h"
#include "vectors.h"

#include <stddef.h>

#define TV_PANEL 32                    /* rows of a panel */
#define TV_DEPTH 256                   /* pixels of a panel that are multiplied at a time */
#define TV_SEGMENT 16                  /* pixels whose products are one sum, see above */
#define TV_PATCH (TV_PANEL * TV_PANEL) /* numbers in a patch */

/* One row's pixels: what centring and scaling need. The mean is first + offset, kept apart because
 * it may need more digits than a double has; offset is not finite where a pixel is not. */
typedef struct tv_row
{
  double first, offset, low, high;
} tv_row;

/* How a row is packed: value * scale - shift - rest, in the type of the input for the first two.
 * scale is a power of two, so that scaling is exact; shift + rest is the scaled mean. */
typedef struct tv_packing
{
  double scale, shift, rest;
} tv_packing;

/* What turns sums of packed numbers into sums of products about a reference, one for each row: with
 * m the mean of the packed pixels, r the reference and n the number of pixels
 *   factor = 1 / scale, shift = m - r, weighted = n shift
 * and the sum of products of rows i and j is factor_i factor_j packed + shift_i weighted_j. */
typedef struct tv_unpacking
{
  double factor[TV_PANEL], shift[TV_PANEL], weighted[TV_PANEL];
} tv_unpacking;

/* Memory that will be read soon: rows of a matrix, fetched line by line while others are
 * multiplied. Processors do not look ahead beyond the end of a page, and rows are on many pages. */
typedef struct tv_ahead
{
  const char *row;          /* the row being fetched */
  size_t stride, bytes;     /* from row to row; to fetch of each */
  size_t at, rows, portion; /* in this row; left, this one counted; lines to fetch at a time */
} tv_ahead;

static inline void tv_look_ahead(tv_ahead *ahead)
{
  for (size_t i = 0; i < ahead->portion && ahead->rows; ++i) {
    __builtin_prefetch(ahead->row + ahead->at, 0, 2);
    ahead->at += 64;
    if (ahead->at >= ahead->bytes) {
      ahead->at = 0;
      ahead->row += ahead->stride;
      --ahead->rows;
    }
  }
}

typedef struct tv_panel_functions
{
  tv_row (*survey)(const void *row, tv_type type, size_t pixels);
  /* rows of x, stride numbers apart, into panel[pixels][TV_PANEL] */
  void (*pack)(float *panel, const void *x, tv_type type, size_t stride, size_t rows, size_t pixels,
    const tv_packing *packing);
  /* patch += sums of products of packed rows over pixels, 1 to TV_DEPTH of them, unpacked; shifts
   * are added only if asked for. Where a and b are the same panel only the lower triangle (row of a
   * not less than row of b) need be right. */
  void (*multiply)(double *patch, const float *a, const float *b, size_t pixels,
    const tv_unpacking *of_a, const tv_unpacking *of_b, int shifts, tv_ahead *ahead);
} tv_panel_functions;

extern const tv_panel_functions tv_panel_plain;
#ifdef TV_VECTORS_X86
extern const tv_panel_functions tv_panel_avx2, tv_panel_avx512;
#endif

/* Those for tv_vectors_best(). */
const tv_panel_functions *tv_panel_best(void);

#endif
