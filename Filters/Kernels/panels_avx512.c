/* SPDX-License-Identifier: BSD-3-Clause */
/* Panels with AVX-512: 16 numbers in a register. Compiled for every x86-64, called only where the
 * processor has the instructions. */
#include "panels.h"

#ifdef TV_VECTORS_X86

#include <immintrin.h>

#define TARGET TV_TARGET_AVX512
#define WIDTH 16
#define COLUMNS 8
typedef __m512 numbers;
typedef __m512d doubles;
typedef __m256 half;
#define LOAD _mm512_loadu_ps
#define STORE _mm512_storeu_ps
#define ALL _mm512_set1_ps
#define ZERO _mm512_setzero_ps
#define KEEP _mm512_and_ps
#define ADD _mm512_add_ps
#define SUBTRACT _mm512_sub_ps
#define MULTIPLY_ADD _mm512_fmadd_ps
#define MULTIPLY_SUBTRACT _mm512_fmsub_ps
#define LEAST _mm512_min_ps
#define GREATEST _mm512_max_ps
#define LOWER _mm512_castps512_ps256
#define UPPER(v) _mm512_extractf32x8_ps(v, 1)
#define WIDEN _mm512_cvtps_pd
#define LOAD_D _mm512_loadu_pd
#define STORE_D _mm512_storeu_pd
#define ALL_D _mm512_set1_pd
#define ZERO_D _mm512_setzero_pd
#define ADD_D _mm512_add_pd
#define MULTIPLY_D _mm512_mul_pd
#define MULTIPLY_ADD_D _mm512_fmadd_pd

/* In four steps of ever larger pieces. */
TARGET static inline __attribute__((always_inline)) void transpose(__m512 *v)
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

#include "panels_vector.h"

const tv_panel_functions tv_panel_avx512 = {survey, pack, multiply};

#else
typedef int no_x86; /* a file must not be empty */
#endif
