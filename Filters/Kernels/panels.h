/* The inner loops of tv_correlate(): rows are packed into panels, and panels multiplied.
 *
 * A panel holds TV_PANEL rows side by side, pixel after pixel: panel[pixel][row]. So one vector
 * register holds the same pixel of several rows, and the product of two panels is a sum over
 * pixels of outer products, as in every fast matrix multiplication. Rows that do not exist, or are
 * to be ignored, are zero.
 *
 * A block is the product of two panels, in double precision: block[row of b][row of a]. Products
 * are summed in single precision over TV_SEGMENT pixels, these sums over TV_DEPTH pixels, and those
 * in double precision. One long sum would not do: activations are zero at most pixels, the same
 * product is added again and again, and then rounding errors have all the same sign. */
#ifndef TV_PANELS_H
#define TV_PANELS_H

#include "tensorview_status.h"

#include <stddef.h>

#define TV_PANEL 32  /* rows of a panel */
#define TV_DEPTH 256 /* pixels of a panel that are multiplied at a time */
#define TV_SEGMENT                                                                                 \
  16 /* products that are summed before that sum is added to another, see below                    \
      */
#define TV_BLOCK (TV_PANEL * TV_PANEL) /* numbers in a block */

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

typedef struct tv_panel_functions
{
  const char *name;
  tv_row (*survey)(const void *row, tv_type type, size_t pixels);
  /* rows of x, stride numbers apart, into panel[pixels][TV_PANEL] */
  void (*pack)(float *panel, const void *x, tv_type type, size_t stride, size_t rows, size_t pixels,
    const tv_packing *packing);
  /* block += b^T a over pixels, 1 to TV_DEPTH of them */
  void (*multiply)(double *block, const float *a, const float *b, size_t pixels);
} tv_panel_functions;

extern const tv_panel_functions tv_panel_plain;
#if defined(__x86_64__) && defined(__GNUC__)
#define TV_PANEL_X86
extern const tv_panel_functions tv_panel_avx2, tv_panel_avx512;
#endif

/* The fastest that this processor has, or what tv_correlate_limit_instructions() allows. */
const tv_panel_functions *tv_panel_best(void);

#endif
