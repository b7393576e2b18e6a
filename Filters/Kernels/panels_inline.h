/* SPDX-License-Identifier: BSD-3-Clause */
/* Bodies that panels.c, panels_avx2.c and panels_avx512.c share: plain loops that the compiler
 * turns into the vector instructions of the function into which they are inlined. */
#ifndef TV_PANELS_INLINE_H
#define TV_PANELS_INLINE_H

#include "panels.h"

#define TV_INLINE static inline __attribute__((always_inline, unused))

/* A double adds up floats with digits to spare: a constant row has exactly its value as mean. */
TV_INLINE tv_row survey_float(const float *x, size_t pixels)
{
  double sum = 0.0;
  float low = x[0], high = x[0];
#pragma omp simd reduction(+ : sum) reduction(min : low) reduction(max : high)
  for (size_t pixel = 0; pixel < pixels; ++pixel) {
    sum += (double)x[pixel];
    low = x[pixel] < low ? x[pixel] : low;
    high = x[pixel] > high ? x[pixel] : high;
  }
  return (tv_row){0.0, sum / (double)pixels, (double)low, (double)high};
}

/* Doubles are summed as differences to the first, which also makes a constant row's mean exact. */
TV_INLINE tv_row survey_double(const double *x, size_t pixels)
{
  const double first = x[0];
  double sum = 0.0, low = first, high = first;
#pragma omp simd reduction(+ : sum) reduction(min : low) reduction(max : high)
  for (size_t pixel = 0; pixel < pixels; ++pixel) {
    sum += x[pixel] - first;
    low = x[pixel] < low ? x[pixel] : low;
    high = x[pixel] > high ? x[pixel] : high;
  }
  return (tv_row){first, sum / (double)pixels, low, high};
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
