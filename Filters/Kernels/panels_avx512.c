/* Panels with AVX-512: 16 numbers in a register. Compiled for every x86-64, called only where the
 * processor has the instructions. */
#include "panels_inline.h"

#ifdef TV_PANEL_X86

#include <immintrin.h>

#ifdef __clang__ /* does not know the preference, and does without it */
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma")))
#else
#define AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")))
#endif
#define WIDTH 16
#define COLUMNS 8 /* of a block at a time: 2 x 8 sums, 2 rows and 1 column fill the registers */

AVX512 static tv_row survey(const void *row, tv_type type, size_t pixels)
{
  return type == TV_FLOAT32 ? survey_float(row, pixels) : survey_double(row, pixels);
}

/* Sixteen rows of sixteen become columns, in four steps of ever larger pieces. */
AVX512 TV_INLINE void transpose(__m512 *v)
{
  __m512 t[WIDTH];
  for (int i = 0; i < WIDTH; i += 2) {
    t[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
  }
  for (int i = 0; i < WIDTH; i += 4)
    for (int j = 0; j < 2; ++j) {
      const __m512d low = _mm512_castps_pd(t[i + j]), high = _mm512_castps_pd(t[i + j + 2]);
      v[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
      v[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
    }
  for (int i = 0; i < WIDTH; i += 8)
    for (int j = 0; j < 4; ++j) {
      t[i + j] = _mm512_shuffle_f32x4(v[i + j], v[i + j + 4], 0x88);
      t[i + j + 4] = _mm512_shuffle_f32x4(v[i + j], v[i + j + 4], 0xdd);
    }
  for (int j = 0; j < 8; ++j) {
    v[j] = _mm512_shuffle_f32x4(t[j], t[j + 8], 0x88);
    v[j + 8] = _mm512_shuffle_f32x4(t[j], t[j + 8], 0xdd);
  }
}

AVX512 static void pack_sixteen(float *panel, const float *x, size_t stride, size_t rows,
  size_t pixels, const tv_packing *packing)
{
  __m512 scale[WIDTH], shift[WIDTH], rest[WIDTH];
  for (size_t row = 0; row < rows; ++row) {
    scale[row] = _mm512_set1_ps((float)packing[row].scale);
    shift[row] = _mm512_set1_ps((float)packing[row].shift);
    rest[row] = _mm512_set1_ps((float)packing[row].rest);
  }
  for (size_t pixel = 0; pixel < pixels; pixel += WIDTH) {
    const size_t count = pixels - pixel < WIDTH ? pixels - pixel : WIDTH;
    const __mmask16 some = (__mmask16)((1u << count) - 1);
    __m512 v[WIDTH];
    for (size_t row = 0; row < WIDTH; ++row)
      if (row < rows && packing[row].scale != 0.0) {
        v[row] = _mm512_maskz_loadu_ps(some, x + row * stride + pixel);
        v[row] = _mm512_sub_ps(_mm512_fmsub_ps(v[row], scale[row], shift[row]), rest[row]);
      } else
        v[row] = _mm512_setzero_ps();
    transpose(v);
    for (size_t i = 0; i < count; ++i)
      _mm512_storeu_ps(panel + (pixel + i) * TV_PANEL, v[i]);
  }
}

AVX512 static void pack(float *panel, const void *x, tv_type type, size_t stride, size_t rows,
  size_t pixels, const tv_packing *packing)
{
  if (type == TV_FLOAT64) {
    tv_panel_plain.pack(panel, x, type, stride, rows, pixels, packing);
    return;
  }
  for (size_t half = 0; half < TV_PANEL; half += WIDTH)
    pack_sixteen(panel + half, (const float *)x + half * stride, stride,
      rows <= half          ? 0
      : rows - half < WIDTH ? rows - half
                            : WIDTH,
      pixels, packing + half);
}

/* to[8] += v * factor * of->factor[8] + weighted * of->shift[8] */
AVX512 TV_INLINE void add(
  double *to, __m256 v, size_t row, const tv_unpacking *of, __m512d factor, __m512d weighted)
{
  const __m512d own = _mm512_mul_pd(_mm512_loadu_pd(of->factor + row), factor);
  __m512d sum = _mm512_fmadd_pd(_mm512_cvtps_pd(v), own, _mm512_loadu_pd(to + row));
  sum = _mm512_fmadd_pd(_mm512_loadu_pd(of->shift + row), weighted, sum);
  _mm512_storeu_pd(to + row, sum);
}

/* Some columns of a block; half: the rows from there on, 0 (all) or 1 (the upper half). */
AVX512 TV_INLINE void multiply_columns(double *block, const float *a, const float *b, size_t pixels,
  size_t column, int half, const tv_unpacking *of_a, const tv_unpacking *of_b, int shifts,
  tv_ahead *ahead)
{
  __m512 total[COLUMNS][2];
  size_t first = 0;
  do {
    const size_t end = pixels - first < TV_SEGMENT ? pixels : first + TV_SEGMENT;
    __m512 sum[COLUMNS][2];
    tv_look_ahead(ahead);
    for (int i = 0; i < COLUMNS; ++i)
      sum[i][0] = sum[i][1] = _mm512_setzero_ps();
    for (size_t pixel = first; pixel < end; ++pixel) {
      const __m512 low = _mm512_loadu_ps(a + pixel * TV_PANEL);
      const __m512 high = _mm512_loadu_ps(a + pixel * TV_PANEL + WIDTH);
      for (int i = 0; i < COLUMNS; ++i) {
        const __m512 factor = _mm512_set1_ps(b[pixel * TV_PANEL + column + i]);
        if (half == 0)
          sum[i][0] = _mm512_fmadd_ps(low, factor, sum[i][0]);
        sum[i][1] = _mm512_fmadd_ps(high, factor, sum[i][1]);
      }
    }
    for (int i = 0; i < COLUMNS; ++i)
      for (int j = half; j < 2; ++j)
        total[i][j] = first == 0 ? sum[i][j] : _mm512_add_ps(total[i][j], sum[i][j]);
    first += TV_SEGMENT;
  } while (first < pixels);
  for (int i = 0; i < COLUMNS; ++i)
    for (int j = half; j < 2; ++j) {
      double *to = block + (column + i) * TV_PANEL;
      const __m512d factor = _mm512_set1_pd(of_b->factor[column + i]);
      const __m512d weighted = _mm512_set1_pd(shifts ? of_b->weighted[column + i] : 0.0);
      add(to, _mm512_castps512_ps256(total[i][j]), j * WIDTH, of_a, factor, weighted);
      add(
        to, _mm512_extractf32x8_ps(total[i][j], 1), j * WIDTH + WIDTH / 2, of_a, factor, weighted);
    }
}

AVX512 static void multiply(double *block, const float *a, const float *b, size_t pixels,
  const tv_unpacking *of_a, const tv_unpacking *of_b, int shifts, tv_ahead *ahead)
{
  for (size_t column = 0; column < TV_PANEL; column += COLUMNS)
    if (a == b && column >= WIDTH)
      multiply_columns(block, a, b, pixels, column, 1, of_a, of_b, shifts, ahead);
    else
      multiply_columns(block, a, b, pixels, column, 0, of_a, of_b, shifts, ahead);
}

const tv_panel_functions tv_panel_avx512 = {"AVX-512", survey, pack, multiply};

#else
typedef int no_x86; /* a file must not be empty */
#endif
