/* SPDX-License-Identifier: BSD-3-Clause */
/* Panels with AVX2 and fused multiply-add: 8 numbers in a register. Compiled for every x86-64,
 * called only where the processor has the instructions. */
#include "panels.h"

#ifdef TV_VECTORS_X86

#include <immintrin.h>

#define TARGET TV_TARGET_AVX2
#define WIDTH 8
#define COLUMNS 4
typedef __m256 numbers;
typedef __m256d doubles;
typedef __m128 half;
#define LOAD _mm256_loadu_ps
#define STORE _mm256_storeu_ps
#define ALL _mm256_set1_ps
#define ZERO _mm256_setzero_ps
#define KEEP _mm256_and_ps
#define ADD _mm256_add_ps
#define SUBTRACT _mm256_sub_ps
#define MULTIPLY_ADD _mm256_fmadd_ps
#define MULTIPLY_SUBTRACT _mm256_fmsub_ps
#define LEAST _mm256_min_ps
#define GREATEST _mm256_max_ps
#define LOWER _mm256_castps256_ps128
#define UPPER(v) _mm256_extractf128_ps(v, 1)
#define WIDEN _mm256_cvtps_pd
#define LOAD_D _mm256_loadu_pd
#define STORE_D _mm256_storeu_pd
#define ALL_D _mm256_set1_pd
#define ZERO_D _mm256_setzero_pd
#define ADD_D _mm256_add_pd
#define MULTIPLY_D _mm256_mul_pd
#define MULTIPLY_ADD_D _mm256_fmadd_pd

/* In three steps of ever larger pieces. */
TARGET static inline __attribute__((always_inline)) void transpose(__m256 *v)
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

#include "panels_vector.h"

const tv_panel_functions tv_panel_avx2 = {survey, pack, multiply};

#else
typedef int no_x86; /* a file must not be empty */
#endif
