/* Bodies that panels.c, panels_avx2.c and panels_avx512.c share: plain loops that the compiler
 * turns into the vector instructions of the function into which they are inlined. */
#ifndef TV_PANELS_INLINE_H
#define TV_PANELS_INLINE_H

#include "panels.h"

#define TV_INLINE static inline __attribute__((always_inline, unused))
#define LANES 16 /* sums side by side, so that they can be a vector */

TV_INLINE tv_row survey_end(
  const double *sum, const double *low, const double *high, double first, size_t pixels)
{
  tv_row row = {first, 0.0, low[0], high[0]};
  for (size_t lane = 0; lane < LANES; ++lane) {
    row.offset += sum[lane];
    row.low = low[lane] < row.low ? low[lane] : row.low;
    row.high = high[lane] > row.high ? high[lane] : row.high;
  }
  row.offset /= (double)pixels;
  return row;
}

/* The differences to the first pixel are summed: a constant row has exactly its value as mean. */
TV_INLINE tv_row survey_float(const float *x, size_t pixels)
{
  const double first = (double)x[0];
  double sum[LANES] = {0}, low_wide[LANES], high_wide[LANES];
  float low[LANES], high[LANES];
  size_t pixel = 0;
  for (size_t lane = 0; lane < LANES; ++lane)
    low[lane] = high[lane] = x[0];
  for (; pixel + LANES <= pixels; pixel += LANES)
    for (size_t lane = 0; lane < LANES; ++lane) {
      const float value = x[pixel + lane];
      sum[lane] += (double)value - first;
      low[lane] = value < low[lane] ? value : low[lane];
      high[lane] = value > high[lane] ? value : high[lane];
    }
  for (size_t lane = 0; pixel < pixels; ++pixel, ++lane) {
    const float value = x[pixel];
    sum[lane] += (double)value - first;
    low[lane] = value < low[lane] ? value : low[lane];
    high[lane] = value > high[lane] ? value : high[lane];
  }
  for (size_t lane = 0; lane < LANES; ++lane) {
    low_wide[lane] = (double)low[lane];
    high_wide[lane] = (double)high[lane];
  }
  return survey_end(sum, low_wide, high_wide, first, pixels);
}

TV_INLINE tv_row survey_double(const double *x, size_t pixels)
{
  const double first = x[0];
  double sum[LANES] = {0}, low[LANES], high[LANES];
  size_t pixel = 0;
  for (size_t lane = 0; lane < LANES; ++lane)
    low[lane] = high[lane] = first;
  for (; pixel + LANES <= pixels; pixel += LANES)
    for (size_t lane = 0; lane < LANES; ++lane) {
      const double value = x[pixel + lane];
      sum[lane] += value - first;
      low[lane] = value < low[lane] ? value : low[lane];
      high[lane] = value > high[lane] ? value : high[lane];
    }
  for (size_t lane = 0; pixel < pixels; ++pixel, ++lane) {
    const double value = x[pixel];
    sum[lane] += value - first;
    low[lane] = value < low[lane] ? value : low[lane];
    high[lane] = value > high[lane] ? value : high[lane];
  }
  return survey_end(sum, low, high, first, pixels);
}

/* One row (or the rest of one) into its column of a panel. A scale of 0 means: ignore this row. */
TV_INLINE void pack_zero(float *column, size_t pixels)
{
  for (size_t pixel = 0; pixel < pixels; ++pixel)
    column[pixel * TV_PANEL] = 0.0f;
}

TV_INLINE void pack_float(float *column, const float *x, size_t pixels, const tv_packing *packing)
{
  const float scale = (float)packing->scale;
  const float shift = (float)packing->shift, rest = (float)packing->rest;
  if (scale == 0.0f)
    pack_zero(column, pixels);
  else
    for (size_t pixel = 0; pixel < pixels; ++pixel)
      column[pixel * TV_PANEL] = (x[pixel] * scale - shift) - rest;
}

TV_INLINE void pack_double(float *column, const double *x, size_t pixels, const tv_packing *packing)
{
  const double scale = packing->scale, shift = packing->shift, rest = packing->rest;
  if (scale == 0.0)
    pack_zero(column, pixels);
  else
    for (size_t pixel = 0; pixel < pixels; ++pixel)
      column[pixel * TV_PANEL] = (float)((x[pixel] * scale - shift) - rest);
}

#endif
