/* SPDX-License-Identifier: BSD-3-Clause */
/* The inner loops with vector registers, written once: panels_avx2.c and panels_avx512.c include
 * this after saying what their registers are.
 *
 *   TARGET    attribute of every function
 *   WIDTH     numbers in a register
 *   COLUMNS   of a patch at a time: 2 x COLUMNS sums, 2 rows and 1 column fill the registers
 *   numbers   WIDTH floats, for LOAD STORE ALL ZERO KEEP ADD SUBTRACT MULTIPLY_ADD
 *             MULTIPLY_SUBTRACT LEAST GREATEST
 *   half      WIDTH / 2 floats, from LOWER UPPER, for WIDEN
 *   doubles   WIDTH / 2 doubles, for LOAD_D STORE_D ALL_D ZERO_D ADD_D MULTIPLY_D MULTIPLY_ADD_D
 *   transpose(numbers *) turns WIDTH rows of WIDTH into columns */
#if !defined(TV_PANELS_VECTOR_H) && defined(WIDTH)
#define TV_PANELS_VECTOR_H

#include "panels_inline.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

#define CHUNK 8          /* registers */
#define ROWS (2 * WIDTH) /* of a patch at a time */

/* As survey_float(), but sums are of differences to the first pixel, in pairs and pairs of pairs:
 * equal differences are then added without rounding, so that only one sum of CHUNK registers has to
 * be in double precision. Where such a difference is beyond a float survey_float() does it.
 * LEAST and GREATEST give their second operand where the first is NaN. */
TARGET static tv_row survey_vectors(const float *x, size_t pixels)
{
  const numbers first = ALL(x[0]);
  numbers low = first, high = first, d[CHUNK];
  doubles sum[2] = {ZERO_D(), ZERO_D()};
  double sums[WIDTH / 2], total = 0.0;
  float lows[WIDTH], highs[WIDTH], least = x[0], greatest = x[0];
  size_t pixel = 0;
  for (; pixel + CHUNK * WIDTH <= pixels; pixel += CHUNK * WIDTH) {
    for (int i = 0; i < CHUNK; ++i) {
      const numbers v = LOAD(x + pixel + i * WIDTH);
      low = LEAST(v, low);
      high = GREATEST(v, high);
      d[i] = SUBTRACT(v, first);
    }
    for (int step = CHUNK / 2; step > 0; step /= 2)
      for (int i = 0; i < step; ++i)
        d[i] = ADD(d[i], d[i + step]);
    sum[0] = ADD_D(sum[0], WIDEN(LOWER(d[0])));
    sum[1] = ADD_D(sum[1], WIDEN(UPPER(d[0])));
  }
  STORE(lows, low);
  STORE(highs, high);
  STORE_D(sums, ADD_D(sum[0], sum[1]));
#pragma omp simd reduction(min : least) reduction(max : greatest)
  for (int i = 0; i < WIDTH; ++i) {
    least = lows[i] < least ? lows[i] : least;
    greatest = highs[i] > greatest ? highs[i] : greatest;
  }
#pragma omp simd reduction(+ : total)
  for (int i = 0; i < WIDTH / 2; ++i)
    total += sums[i];
  for (; pixel < pixels; ++pixel) {
    least = x[pixel] < least ? x[pixel] : least;
    greatest = x[pixel] > greatest ? x[pixel] : greatest;
    total += (double)x[pixel] - (double)x[0];
  }
  if (!isfinite(total))
    return survey_float(x, pixels);
  return (tv_row){x[0], total / (double)pixels, (double)least, (double)greatest};
}

TARGET static tv_row survey(const void *row, tv_type type, size_t pixels)
{
  return type == TV_FLOAT32 ? survey_vectors(row, pixels) : survey_double(row, pixels);
}

/* What to do to WIDTH rows when they are columns: it takes four registers. */
typedef struct centring
{
  numbers scale, shift, rest, keep; /* keep: all bits of rows that are wanted, none of others */
} centring;

TARGET TV_INLINE centring centre(const tv_packing *packing, size_t rows)
{
  float scale[WIDTH] = {0}, shift[WIDTH] = {0}, rest[WIDTH] = {0};
  int32_t keep[WIDTH] = {0};
  for (size_t row = 0; row < rows; ++row) {
    scale[row] = (float)packing[row].scale;
    shift[row] = (float)packing[row].shift;
    rest[row] = (float)packing[row].rest;
    keep[row] = packing[row].scale != 0.0 ? -1 : 0;
  }
  return (centring){LOAD(scale), LOAD(shift), LOAD(rest), LOAD((const float *)keep)};
}

/* WIDTH pixels, or a last few. from: WIDTH rows, at their pixel; for those that are missing any. */
TARGET TV_INLINE void pack_square(
  float *panel, const float *const *from, size_t pixel, size_t count, centring c)
{
  numbers v[WIDTH];
  for (size_t row = 0; row < WIDTH; ++row)
    v[row] = LOAD(from[row] + pixel);
  transpose(v);
  for (size_t i = 0; i < count; ++i)
    STORE(panel + i * TV_PANEL,
      KEEP(SUBTRACT(MULTIPLY_SUBTRACT(v[i], c.scale, c.shift), c.rest), c.keep));
}

TARGET static void pack_rows(float *panel, const float *x, size_t stride, size_t rows,
  size_t pixels, const tv_packing *packing)
{
  const centring c = centre(packing, rows);
  const float *from[WIDTH];
  float last[WIDTH][WIDTH] = {{0}};
  size_t pixel = 0;
  for (size_t row = 0; row < WIDTH; ++row)
    from[row] = rows > 0 ? x + (row < rows ? row : 0) * stride : last[0];
  for (; pixel + WIDTH <= pixels && rows > 0; pixel += WIDTH)
    pack_square(panel + pixel * TV_PANEL, from, pixel, WIDTH, c);
  for (size_t row = 0; row < WIDTH; ++row) {
    if (row < rows && pixel < pixels)
      memcpy(last[row], from[row] + pixel, (pixels - pixel) * sizeof(float));
    from[row] = last[row];
  }
  for (; pixel < pixels; pixel += WIDTH)
    pack_square(
      panel + pixel * TV_PANEL, from, 0, pixels - pixel < WIDTH ? pixels - pixel : WIDTH, c);
}

TARGET static void pack(float *panel, const void *x, tv_type type, size_t stride, size_t rows,
  size_t pixels, const tv_packing *packing)
{
  if (type == TV_FLOAT64) {
    tv_panel_plain.pack(panel, x, type, stride, rows, pixels, packing);
    return;
  }
  for (size_t first = 0; first < TV_PANEL; first += WIDTH)
    pack_rows(panel + first, (const float *)x + first * stride, stride,
      rows <= first          ? 0
      : rows - first < WIDTH ? rows - first
                             : WIDTH,
      pixels, packing + first);
}

/* to[] += v * factor * of->factor[] + weighted * of->shift[], from that row on */
TARGET TV_INLINE void add(
  double *to, half v, size_t row, const tv_unpacking *of, doubles factor, doubles weighted)
{
  const doubles own = MULTIPLY_D(LOAD_D(of->factor + row), factor);
  doubles sum = MULTIPLY_ADD_D(WIDEN(v), own, LOAD_D(to + row));
  sum = MULTIPLY_ADD_D(LOAD_D(of->shift + row), weighted, sum);
  STORE_D(to + row, sum);
}

/* ROWS rows and COLUMNS columns of a patch; of the rows the upper half only if so said. */
TARGET TV_INLINE void multiply_piece(double *patch, const float *a, const float *b, size_t pixels,
  size_t row, size_t column, int upper, const tv_unpacking *of_a, const tv_unpacking *of_b,
  int shifts, tv_ahead *ahead)
{
  numbers total[COLUMNS][2];
  size_t first = 0;
  do {
    const size_t end = pixels - first < TV_SEGMENT ? pixels : first + TV_SEGMENT;
    numbers sum[COLUMNS][2];
    tv_look_ahead(ahead);
    for (int i = 0; i < COLUMNS; ++i)
      sum[i][0] = sum[i][1] = ZERO();
    for (size_t pixel = first; pixel < end; ++pixel) {
      const numbers low = LOAD(a + pixel * TV_PANEL + row);
      const numbers high = LOAD(a + pixel * TV_PANEL + row + WIDTH);
      for (int i = 0; i < COLUMNS; ++i) {
        const numbers factor = ALL(b[pixel * TV_PANEL + column + i]);
        if (!upper)
          sum[i][0] = MULTIPLY_ADD(low, factor, sum[i][0]);
        sum[i][1] = MULTIPLY_ADD(high, factor, sum[i][1]);
      }
    }
    for (int i = 0; i < COLUMNS; ++i)
      for (int j = upper; j < 2; ++j)
        total[i][j] = first == 0 ? sum[i][j] : ADD(total[i][j], sum[i][j]);
    first += TV_SEGMENT;
  } while (first < pixels);
  for (int i = 0; i < COLUMNS; ++i)
    for (int j = upper; j < 2; ++j) {
      double *to = patch + (column + i) * TV_PANEL;
      const size_t at = row + j * WIDTH;
      const doubles factor = ALL_D(of_b->factor[column + i]);
      const doubles weighted = ALL_D(shifts ? of_b->weighted[column + i] : 0.0);
      add(to, LOWER(total[i][j]), at, of_a, factor, weighted);
      add(to, UPPER(total[i][j]), at + WIDTH / 2, of_a, factor, weighted);
    }
}

TARGET static void multiply(double *patch, const float *a, const float *b, size_t pixels,
  const tv_unpacking *of_a, const tv_unpacking *of_b, int shifts, tv_ahead *ahead)
{
  for (size_t row = 0; row < TV_PANEL; row += ROWS)
    for (size_t column = 0; column < TV_PANEL; column += COLUMNS)
      if (a != b || column < row + WIDTH)
        multiply_piece(patch, a, b, pixels, row, column, 0, of_a, of_b, shifts, ahead);
      else if (column < row + ROWS) /* above the diagonal no one looks */
        multiply_piece(patch, a, b, pixels, row, column, 1, of_a, of_b, shifts, ahead);
}

#endif
