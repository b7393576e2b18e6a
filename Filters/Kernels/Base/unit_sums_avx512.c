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
  AHEAD = 512, /* numbers */
  ROWS_AHEAD = 16,
  SMALL = 128,  /* pixels of maps which take less time than to fetch what is known of their unit: */
  TOGETHER = 8, /* so many samples are done at once */
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
  const size_t most = pixels < SMALL ? TOGETHER : 1;
  for (size_t first = 0; first < samples; first += most) {
    const size_t end = samples - first < most ? samples : first + most;
    for (int u = 0; u < units; ++u) {
      lanes now = l[u]; /* in registers */
      for (size_t s = first; s < end; ++s) {
        const size_t at = s * stride + (size_t)u * pixels;
        silent[u] += (unsigned)take_run(&now, x + at, before ? before + at : NULL, pixels);
      }
      l[u] = now;
    }
  }
  for (int u = 0; u < units; ++u)
    if (finish(total + u, l + u, samples * pixels, before != NULL))
      total[u].silent += silent[u];
    else
      left |= 1u << u;
  return left;
}

/* Adds what lanes hold of units side by side; those that are not finite are left out. */
INLINE unsigned finish_columns(
  tv_sums *total, const lanes *l, __m512i quiet, size_t rows, int units, int known)
{
  double sum[WIDTH], squares[WIDTH], moved[WIDTH];
  float least[WIDTH], greatest[WIDTH];
  int zeros[WIDTH], silent[WIDTH];
  for (int half = 0; half < 2; ++half) {
    _mm512_storeu_pd(sum + 8 * half, l->sum[half]);
    _mm512_storeu_pd(squares + 8 * half, l->squares[half]);
    _mm512_storeu_pd(moved + 8 * half, l->moved[half]);
  }
  _mm512_storeu_ps(least, l->least);
  _mm512_storeu_ps(greatest, l->greatest);
  _mm512_storeu_si512(zeros, l->zeros);
  _mm512_storeu_si512(silent, quiet);
  const tv_side_by_side found = {sum, squares, moved, least, greatest, zeros, silent};
  return tv_sums_take(total, &found, rows, units, known);
}

/* The next WIDTH units, or fewer, of a row. */
INLINE void take_row(lanes *l, const float *x, const float *before, __mmask16 here, size_t ahead)
{
  const __m512 v = _mm512_maskz_loadu_ps(here, x);
  _mm_prefetch((const char *)(x + ahead), _MM_HINT_T0);
  take(l, v, here);
  if (before) {
    _mm_prefetch((const char *)(before + ahead), _MM_HINT_T0);
    compare(l, v, _mm512_maskz_loadu_ps(here, before));
  }
}

/* Adds 1 for each unit of which the sample that just ended has so many zeros as rows. */
INLINE __m512i count_silent(__m512i silent, __m512i zeros, __m512i earlier, size_t rows)
{
  const __mmask16 all =
    _mm512_cmpeq_epi32_mask(_mm512_sub_epi32(zeros, earlier), _mm512_set1_epi32((int)rows));
  return _mm512_mask_add_epi32(silent, all, silent, _mm512_set1_epi32(1));
}

TARGET static unsigned add_columns(tv_sums *total, const float *x, const float *before,
  size_t stride, size_t rows, int units, size_t each)
{
  const int second = units > WIDTH, known = before != NULL;
  const __mmask16 here = first_lanes((size_t)units);
  const __mmask16 there = second ? first_lanes((size_t)units - WIDTH) : 0;
  const size_t ahead = ROWS_AHEAD * stride, sample = each ? each : rows;
  __m512i silent[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  lanes l[2];
  begin(l);
  begin(l + 1);
  for (size_t row = 0; row < rows; row += sample) {
    const __m512i zeros[2] = {l[0].zeros, l[1].zeros};
    for (size_t k = row; k < row + sample; ++k) {
      const float *from = x + k * stride, *old = before ? before + k * stride : NULL;
      take_row(l, from, old, here, ahead);
      if (second)
        take_row(l + 1, from + WIDTH, old ? old + WIDTH : NULL, there, ahead);
    }
    for (int part = 0; each && part < 2; ++part)
      silent[part] = count_silent(silent[part], l[part].zeros, zeros[part], each);
  }
  const unsigned left = finish_columns(total, l, silent[0], rows, second ? WIDTH : units, known);
  if (!second)
    return left;
  return left | finish_columns(total + WIDTH, l + 1, silent[1], rows, units - WIDTH, known)
                  << WIDTH;
}

const tv_sum_functions tv_sums_avx512 = {add_run, add_columns, 2 * WIDTH, add_maps};

#else
typedef int no_x86; /* a file must not be empty */
#endif
