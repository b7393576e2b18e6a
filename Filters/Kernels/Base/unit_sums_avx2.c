/* SPDX-License-Identifier: BSD-3-Clause */
/* Sums over float32 with AVX2: all that is measured in one reading, 8 numbers at a time, sums in
 * doubles. Compiled for every x86-64, called only where the processor has the instructions.
 *
 * Nothing is masked: a sum of squares that is finite says that all numbers were (the square of the
 * largest float is 1e77), and whoever calls does again with care what was not. */
#include "unit_sums_vector.h"

#ifdef TV_VECTORS_X86

#include <immintrin.h>
#include <math.h>

#define TARGET TV_TARGET_AVX2
#define INLINE TV_TARGET_AVX2 static inline __attribute__((always_inline))

enum
{
  WIDTH = 8,
  ROWS_AHEAD = 16 /* asked for before they are needed */
};

/* Of 8 numbers side by side. Two sets of them take turns, for an addition needs several cycles. */
typedef struct lanes
{
  __m256d sum[2], squares[2], moved[2];
  __m256 least, greatest;
  __m256i zeros;
} lanes;

INLINE void begin(lanes *l)
{
  for (int half = 0; half < 2; ++half)
    l->sum[half] = l->squares[half] = l->moved[half] = _mm256_setzero_pd();
  l->least = _mm256_set1_ps(INFINITY);
  l->greatest = _mm256_set1_ps(-INFINITY);
  l->zeros = _mm256_setzero_si256();
}

INLINE void add_squares(__m256d *squares, __m256d low, __m256d high)
{
  squares[0] = _mm256_fmadd_pd(low, low, squares[0]);
  squares[1] = _mm256_fmadd_pd(high, high, squares[1]);
}

INLINE __m256d low_half(__m256 v)
{
  return _mm256_cvtps_pd(_mm256_castps256_ps128(v));
}

INLINE __m256d high_half(__m256 v)
{
  return _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1));
}

INLINE void take(lanes *l, __m256 v)
{
  const __m256d low = low_half(v), high = high_half(v);
  const __m256 zero = _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_EQ_OQ);
  l->sum[0] = _mm256_add_pd(l->sum[0], low);
  l->sum[1] = _mm256_add_pd(l->sum[1], high);
  add_squares(l->squares, low, high);
  l->least = _mm256_min_ps(l->least, v);
  l->greatest = _mm256_max_ps(l->greatest, v);
  l->zeros = _mm256_sub_epi32(l->zeros, _mm256_castps_si256(zero));
}

/* here: lanes that count, all ones; others hold 0 in v. */
INLINE void take_some(lanes *l, __m256 v, __m256 here)
{
  const __m256 least = l->least, greatest = l->greatest;
  take(l, v);
  l->least = _mm256_blendv_ps(least, l->least, here);
  l->greatest = _mm256_blendv_ps(greatest, l->greatest, here);
  l->zeros = _mm256_sub_epi32(
    l->zeros, _mm256_andnot_si256(_mm256_castps_si256(here), _mm256_set1_epi32(1)));
}

INLINE void compare(lanes *l, __m256 v, __m256 w)
{
  const __m256 step = _mm256_sub_ps(v, w); /* rounded as float32 is: 6e-8 of it */
  add_squares(l->moved, low_half(step), high_half(step));
}

INLINE __m256 first_lanes(size_t count)
{
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_castsi256_ps(_mm256_cmpgt_epi32(_mm256_set1_epi32((int)count), lane));
}

INLINE double total_of(__m256d a, __m256d b)
{
  const __m256d s = _mm256_add_pd(a, b);
  const __m128d t = _mm_add_pd(_mm256_castpd256_pd128(s), _mm256_extractf128_pd(s, 1));
  return _mm_cvtsd_f64(_mm_add_sd(t, _mm_unpackhi_pd(t, t)));
}

INLINE float least_of(__m256 v)
{
  __m128 t = _mm_min_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  t = _mm_min_ps(t, _mm_movehl_ps(t, t));
  return _mm_cvtss_f32(_mm_min_ss(t, _mm_movehdup_ps(t)));
}

INLINE size_t count_of(__m256i v)
{
  __m128i t = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  t = _mm_add_epi32(t, _mm_unpackhi_epi64(t, t));
  return (size_t)_mm_cvtsi128_si32(_mm_add_epi32(t, _mm_shuffle_epi32(t, 1)));
}

TARGET static int add_run(tv_sums *total, const float *x, const float *before, size_t count)
{
  lanes l[2];
  begin(l);
  begin(l + 1);
  size_t k = 0;
  if (before)
    for (; k + 2 * WIDTH <= count; k += 2 * WIDTH)
      for (int turn = 0; turn < 2; ++turn) {
        const __m256 v = _mm256_loadu_ps(x + k + turn * WIDTH);
        take(l + turn, v);
        compare(l + turn, v, _mm256_loadu_ps(before + k + turn * WIDTH));
      }
  else
    for (; k + 2 * WIDTH <= count; k += 2 * WIDTH)
      for (int turn = 0; turn < 2; ++turn)
        take(l + turn, _mm256_loadu_ps(x + k + turn * WIDTH));
  for (; k < count; k += WIDTH) {
    const __m256 here = first_lanes(count - k < WIDTH ? count - k : WIDTH);
    const __m256 v = _mm256_maskload_ps(x + k, _mm256_castps_si256(here));
    take_some(l, v, here);
    if (before)
      compare(l, v, _mm256_maskload_ps(before + k, _mm256_castps_si256(here)));
  }
  for (int half = 0; half < 2; ++half) {
    l->sum[half] = _mm256_add_pd(l->sum[half], l[1].sum[half]);
    l->squares[half] = _mm256_add_pd(l->squares[half], l[1].squares[half]);
    l->moved[half] = _mm256_add_pd(l->moved[half], l[1].moved[half]);
  }
  const double squares = total_of(l->squares[0], l->squares[1]);
  const double moved = total_of(l->moved[0], l->moved[1]);
  if (!isfinite(squares) || !isfinite(moved))
    return 0;
  const float least = least_of(_mm256_min_ps(l->least, l[1].least));
  const __m256 sign = _mm256_set1_ps(-0.0f);
  const float greatest = -least_of(_mm256_xor_ps(sign, _mm256_max_ps(l->greatest, l[1].greatest)));
  total->sum += total_of(l->sum[0], l->sum[1]);
  total->squares += squares;
  total->moved += moved;
  total->least = least < total->least ? least : total->least;
  total->greatest = greatest > total->greatest ? greatest : total->greatest;
  total->zeros += count_of(_mm256_add_epi32(l->zeros, l[1].zeros));
  total->finite += count;
  total->all += count;
  total->compared += before ? count : 0;
  return 1;
}

/* Adds what lanes hold of units side by side; those that are not finite are left out. */
INLINE unsigned finish_columns(
  tv_sums *total, const lanes *l, __m256i quiet, size_t rows, int units, int known)
{
  double sum[WIDTH], squares[WIDTH], moved[WIDTH];
  float least[WIDTH], greatest[WIDTH];
  int zeros[WIDTH], silent[WIDTH];
  for (int half = 0; half < 2; ++half) {
    _mm256_storeu_pd(sum + 4 * half, l->sum[half]);
    _mm256_storeu_pd(squares + 4 * half, l->squares[half]);
    _mm256_storeu_pd(moved + 4 * half, l->moved[half]);
  }
  _mm256_storeu_ps(least, l->least);
  _mm256_storeu_ps(greatest, l->greatest);
  _mm256_storeu_si256((__m256i *)zeros, l->zeros);
  _mm256_storeu_si256((__m256i *)silent, quiet);
  const tv_side_by_side found = {sum, squares, moved, least, greatest, zeros, silent};
  return tv_sums_take(total, &found, rows, units, known);
}

TARGET static unsigned add_columns(tv_sums *total, const float *x, const float *before,
  size_t stride, size_t rows, int units, size_t each)
{
  const __m256i here = _mm256_castps_si256(first_lanes((size_t)units));
  const size_t ahead = ROWS_AHEAD * stride, sample = each ? each : rows;
  __m256i silent = _mm256_setzero_si256();
  lanes l;
  begin(&l);
  for (size_t row = 0; row < rows; row += sample) {
    const __m256i zeros = l.zeros;
    for (size_t k = row; k < row + sample; ++k) {
      const float *from = x + k * stride;
      const __m256 v = _mm256_maskload_ps(from, here);
      _mm_prefetch((const char *)(from + ahead), _MM_HINT_T0);
      take(&l, v);
      if (before)
        compare(&l, v, _mm256_maskload_ps(before + k * stride, here));
    }
    const __m256i all =
      _mm256_cmpeq_epi32(_mm256_sub_epi32(l.zeros, zeros), _mm256_set1_epi32((int)sample));
    silent = each ? _mm256_sub_epi32(silent, all) : silent;
  }
  return finish_columns(total, &l, silent, rows, units, before != NULL);
}

const tv_sum_functions tv_sums_avx2 = {add_run, add_columns, WIDTH, NULL};

#else
typedef int no_x86; /* a file must not be empty */
#endif
