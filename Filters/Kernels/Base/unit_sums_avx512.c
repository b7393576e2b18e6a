/* SPDX-License-Identifier: BSD-3-Clause */
/* The same as unit_sums_avx2.c with AVX-512, 16 numbers at a time; and whole maps of several units in
 * the order in which they lie in memory, which asks for what comes next before it is needed: what a
 * layer has just written has left the processor's caches. Nothing is masked here either. */
#include "unit_sums_vector.h"

#ifdef TV_VECTORS_X86

#include <immintrin.h>
#include <math.h>

#define TARGET TV_TARGET_AVX512
#define INLINE TV_TARGET_AVX512 static inline __attribute__((always_inline))

enum
{
  WIDTH = 16,
  AHEAD = 512 /* numbers */
};

typedef struct lanes
{
  __m512d sum[2], squares[2], moved[2];
  __m512 least, greatest;
  __m512i zeros;
} lanes;

INLINE void begin(lanes *l)
{
  for (int half = 0; half < 2; ++half)
    l->sum[half] = l->squares[half] = l->moved[half] = _mm512_setzero_pd();
  l->least = _mm512_set1_ps(INFINITY);
  l->greatest = _mm512_set1_ps(-INFINITY);
  l->zeros = _mm512_setzero_si512();
}

INLINE __m512d half_of(__m512 v, int high)
{
  return _mm512_cvtps_pd(high ? _mm512_extractf32x8_ps(v, 1) : _mm512_castps512_ps256(v));
}

/* Those lanes of v that are here. Returns which are 0. */
INLINE __mmask16 take(lanes *l, __m512 v, __mmask16 here)
{
  const __mmask16 zero = _mm512_mask_cmp_ps_mask(here, v, _mm512_setzero_ps(), _CMP_EQ_OQ);
  for (int half = 0; half < 2; ++half) { /* where nothing is here v holds 0 */
    const __m512d d = half_of(v, half);
    l->sum[half] = _mm512_add_pd(l->sum[half], d);
    l->squares[half] = _mm512_fmadd_pd(d, d, l->squares[half]);
  }
  l->least = _mm512_mask_min_ps(l->least, here, l->least, v);
  l->greatest = _mm512_mask_max_ps(l->greatest, here, l->greatest, v);
  l->zeros = _mm512_mask_add_epi32(l->zeros, zero, l->zeros, _mm512_set1_epi32(1));
  return zero;
}

INLINE void compare(lanes *l, __m512 v, __m512 w)
{
  const __m512 step = _mm512_sub_ps(v, w); /* rounded as float32 is: 6e-8 of it */
  for (int half = 0; half < 2; ++half) {
    const __m512d d = half_of(step, half);
    l->moved[half] = _mm512_fmadd_pd(d, d, l->moved[half]);
  }
}

INLINE __mmask16 first_lanes(size_t count)
{
  return count >= WIDTH ? (__mmask16)0xFFFF : (__mmask16)((1u << count) - 1);
}

/* Neighbours of one unit. Returns 1 where all of them are 0. */
INLINE int take_run(lanes *l, const float *x, const float *before, size_t count)
{
  unsigned zero = 1;
  size_t k = 0;
  for (; k + WIDTH <= count; k += WIDTH) {
    const __m512 v = _mm512_loadu_ps(x + k);
    _mm_prefetch((const char *)(x + k + AHEAD), _MM_HINT_T0); /* of no memory: does nothing */
    zero &= take(l, v, 0xFFFF) == 0xFFFF;
    if (before) {
      _mm_prefetch((const char *)(before + k + AHEAD), _MM_HINT_T0);
      compare(l, v, _mm512_loadu_ps(before + k));
    }
  }
  if (k < count) {
    const __mmask16 here = first_lanes(count - k);
    const __m512 v = _mm512_maskz_loadu_ps(here, x + k);
    zero &= take(l, v, here) == here;
    if (before)
      compare(l, v, _mm512_maskz_loadu_ps(here, before + k));
  }
  return (int)zero;
}

/* Returns 0, and adds nothing, where something was not finite. */
INLINE int finish(tv_sums *total, const lanes *l, size_t count, int known)
{
  const double squares = _mm512_reduce_add_pd(_mm512_add_pd(l->squares[0], l->squares[1]));
  const double moved = _mm512_reduce_add_pd(_mm512_add_pd(l->moved[0], l->moved[1]));
  if (!isfinite(squares) || !isfinite(moved))
    return 0;
  const float least = _mm512_reduce_min_ps(l->least);
  const float greatest = _mm512_reduce_max_ps(l->greatest);
  total->sum += _mm512_reduce_add_pd(_mm512_add_pd(l->sum[0], l->sum[1]));
  total->squares += squares;
  total->moved += moved;
  total->least = least < total->least ? least : total->least;
  total->greatest = greatest > total->greatest ? greatest : total->greatest;
  total->zeros += (size_t)_mm512_reduce_add_epi32(l->zeros);
  total->finite += count;
  total->all += count;
  total->compared += known ? count : 0;
  return 1;
}

TARGET static int add_run(tv_sums *total, const float *x, const float *before, size_t count)
{
  lanes l;
  begin(&l);
  take_run(&l, x, before, count);
  return finish(total, &l, count, before != NULL);
}

TARGET static unsigned add_maps(tv_sums *total, const float *x, const float *before, size_t stride,
  size_t samples, int units, size_t pixels)
{
  lanes l[TV_STRIP];
  unsigned silent[TV_STRIP] = {0}, left = 0;
  for (int u = 0; u < units; ++u)
    begin(l + u);
  for (size_t s = 0; s < samples; ++s)
    for (int u = 0; u < units; ++u) {
      const size_t at = s * stride + (size_t)u * pixels;
      lanes now = l[u]; /* in registers */
      silent[u] += (unsigned)take_run(&now, x + at, before ? before + at : NULL, pixels);
      l[u] = now;
    }
  for (int u = 0; u < units; ++u)
    if (finish(total + u, l + u, samples * pixels, before != NULL))
      total[u].silent += silent[u];
    else
      left |= 1u << u;
  return left;
}

/* Adds what lanes hold of units side by side; those that are not finite are left out. */
INLINE unsigned finish_columns(tv_sums *total, const lanes *l, size_t rows, int units, int known)
{
  double sum[WIDTH], squares[WIDTH], moved[WIDTH];
  float least[WIDTH], greatest[WIDTH];
  int zeros[WIDTH];
  for (int half = 0; half < 2; ++half) {
    _mm512_storeu_pd(sum + 8 * half, l->sum[half]);
    _mm512_storeu_pd(squares + 8 * half, l->squares[half]);
    _mm512_storeu_pd(moved + 8 * half, l->moved[half]);
  }
  _mm512_storeu_ps(least, l->least);
  _mm512_storeu_ps(greatest, l->greatest);
  _mm512_storeu_si512(zeros, l->zeros);
  return tv_sums_take(
    total, &(tv_side_by_side){sum, squares, moved, least, greatest, zeros}, rows, units, known);
}

TARGET static unsigned add_columns(
  tv_sums *total, const float *x, const float *before, size_t stride, size_t rows, int units)
{
  const int second = units > WIDTH;
  const __mmask16 here = first_lanes((size_t)units);
  const __mmask16 there = second ? first_lanes((size_t)units - WIDTH) : 0;
  lanes l[2];
  begin(l);
  begin(l + 1);
  for (size_t row = 0; row < rows; ++row) {
    const float *from = x + row * stride, *old = before ? before + row * stride : NULL;
    const __m512 v = _mm512_maskz_loadu_ps(here, from);
    take(l, v, here);
    if (old)
      compare(l, v, _mm512_maskz_loadu_ps(here, old));
    if (second) {
      const __m512 w = _mm512_maskz_loadu_ps(there, from + WIDTH);
      take(l + 1, w, there);
      if (old)
        compare(l + 1, w, _mm512_maskz_loadu_ps(there, old + WIDTH));
    }
  }
  const int known = before != NULL;
  const unsigned left = finish_columns(total, l, rows, second ? WIDTH : units, known);
  return second ? left | finish_columns(total + WIDTH, l + 1, rows, units - WIDTH, known) << WIDTH
                : left;
}

const tv_sum_functions tv_sums_avx512 = {add_run, add_columns, 2 * WIDTH, add_maps};

#else
typedef int no_x86; /* a file must not be empty */
#endif
