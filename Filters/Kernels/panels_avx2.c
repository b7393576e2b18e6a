/* Panels with AVX2 and fused multiply-add: 8 numbers in a register. Compiled for every x86-64,
 * called only where the processor has the instructions. */
#include "panels_inline.h"

#ifdef TV_PANEL_X86

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma")))
#define WIDTH 8
#define ROWS 16   /* of a block at a time, with */
#define COLUMNS 4 /* columns: 2 x 4 sums, 2 rows and 1 column; more would not hide more latency */

AVX2 static tv_row survey(const void *row, tv_type type, size_t pixels)
{
  return type == TV_FLOAT32 ? survey_float(row, pixels) : survey_double(row, pixels);
}

/* Eight rows of eight become columns. */
AVX2 TV_INLINE void transpose(__m256 *v)
{
  __m256 t[WIDTH], u[WIDTH];
  for (int i = 0; i < WIDTH; i += 2) {
    t[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
    t[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
  }
  for (int i = 0; i < WIDTH; i += 4)
    for (int j = 0; j < 2; ++j) {
      u[i + 2 * j] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0x44);
      u[i + 2 * j + 1] = _mm256_shuffle_ps(t[i + j], t[i + j + 2], 0xee);
    }
  for (int j = 0; j < 4; ++j) {
    v[j] = _mm256_permute2f128_ps(u[j], u[j + 4], 0x20);
    v[j + 4] = _mm256_permute2f128_ps(u[j], u[j + 4], 0x31);
  }
}

AVX2 static void pack_eight(float *panel, const float *x, size_t stride, size_t rows, size_t pixels,
  const tv_packing *packing)
{
  size_t pixel = 0;
  for (; pixel + WIDTH <= pixels; pixel += WIDTH) {
    __m256 v[WIDTH];
    for (size_t row = 0; row < WIDTH; ++row)
      if (row < rows && packing[row].scale != 0.0) {
        v[row] = _mm256_fmsub_ps(_mm256_loadu_ps(x + row * stride + pixel),
          _mm256_set1_ps((float)packing[row].scale), _mm256_set1_ps((float)packing[row].shift));
        v[row] = _mm256_sub_ps(v[row], _mm256_set1_ps((float)packing[row].rest));
      } else
        v[row] = _mm256_setzero_ps();
    transpose(v);
    for (size_t i = 0; i < WIDTH; ++i)
      _mm256_storeu_ps(panel + (pixel + i) * TV_PANEL, v[i]);
  }
  for (size_t row = 0; row < WIDTH; ++row)
    if (row < rows)
      pack_float(
        panel + pixel * TV_PANEL + row, x + row * stride + pixel, pixels - pixel, &packing[row]);
    else
      pack_zero(panel + pixel * TV_PANEL + row, pixels - pixel);
}

AVX2 static void pack(float *panel, const void *x, tv_type type, size_t stride, size_t rows,
  size_t pixels, const tv_packing *packing)
{
  if (type == TV_FLOAT64) {
    tv_panel_plain.pack(panel, x, type, stride, rows, pixels, packing);
    return;
  }
  for (size_t part = 0; part < TV_PANEL; part += WIDTH)
    pack_eight(panel + part, (const float *)x + part * stride, stride,
      rows <= part          ? 0
      : rows - part < WIDTH ? rows - part
                            : WIDTH,
      pixels, packing + part);
}

/* to[4] += v * factor * of->factor[4] + weighted * of->shift[4] */
AVX2 TV_INLINE void add(
  double *to, __m128 v, size_t row, const tv_unpacking *of, __m256d factor, __m256d weighted)
{
  const __m256d own = _mm256_mul_pd(_mm256_loadu_pd(of->factor + row), factor);
  __m256d sum = _mm256_fmadd_pd(_mm256_cvtps_pd(v), own, _mm256_loadu_pd(to + row));
  sum = _mm256_fmadd_pd(_mm256_loadu_pd(of->shift + row), weighted, sum);
  _mm256_storeu_pd(to + row, sum);
}

/* ROWS rows and COLUMNS columns of a block. */
AVX2 TV_INLINE void multiply_piece(double *block, const float *a, const float *b, size_t pixels,
  size_t row, size_t column, const tv_unpacking *of_a, const tv_unpacking *of_b, int shifts,
  tv_ahead *ahead)
{
  __m256 total[COLUMNS][2];
  size_t first = 0;
  do {
    const size_t end = pixels - first < TV_SEGMENT ? pixels : first + TV_SEGMENT;
    __m256 sum[COLUMNS][2];
    tv_look_ahead(ahead);
    for (int i = 0; i < COLUMNS; ++i)
      sum[i][0] = sum[i][1] = _mm256_setzero_ps();
    for (size_t pixel = first; pixel < end; ++pixel) {
      const __m256 low = _mm256_loadu_ps(a + pixel * TV_PANEL + row);
      const __m256 high = _mm256_loadu_ps(a + pixel * TV_PANEL + row + WIDTH);
      for (int i = 0; i < COLUMNS; ++i) {
        const __m256 factor = _mm256_broadcast_ss(b + pixel * TV_PANEL + column + i);
        sum[i][0] = _mm256_fmadd_ps(low, factor, sum[i][0]);
        sum[i][1] = _mm256_fmadd_ps(high, factor, sum[i][1]);
      }
    }
    for (int i = 0; i < COLUMNS; ++i)
      for (int j = 0; j < 2; ++j)
        total[i][j] = first == 0 ? sum[i][j] : _mm256_add_ps(total[i][j], sum[i][j]);
    first += TV_SEGMENT;
  } while (first < pixels);
  for (int i = 0; i < COLUMNS; ++i)
    for (int j = 0; j < 2; ++j) {
      double *to = block + (column + i) * TV_PANEL;
      const size_t at = row + j * WIDTH;
      const __m256d factor = _mm256_set1_pd(of_b->factor[column + i]);
      const __m256d weighted = _mm256_set1_pd(shifts ? of_b->weighted[column + i] : 0.0);
      add(to, _mm256_castps256_ps128(total[i][j]), at, of_a, factor, weighted);
      add(to, _mm256_extractf128_ps(total[i][j], 1), at + WIDTH / 2, of_a, factor, weighted);
    }
}

AVX2 static void multiply(double *block, const float *a, const float *b, size_t pixels,
  const tv_unpacking *of_a, const tv_unpacking *of_b, int shifts, tv_ahead *ahead)
{
  for (size_t row = 0; row < TV_PANEL; row += ROWS)
    for (size_t column = 0; column < TV_PANEL; column += COLUMNS)
      if (a != b || column < row + ROWS)
        multiply_piece(block, a, b, pixels, row, column, of_a, of_b, shifts, ahead);
}

const tv_panel_functions tv_panel_avx2 = {"AVX2", survey, pack, multiply};

#else
typedef int no_x86; /* a file must not be empty */
#endif
