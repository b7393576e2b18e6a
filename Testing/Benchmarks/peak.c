/* SPDX-License-Identifier: BSD-3-Clause */
/* What this machine can do at most, for benchmarks: measured, not looked up. */
#include "vectors.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum
{
  ROUNDS = 20,
  CHAINS = 16,
  STEPS = 400000
};

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#if defined(__x86_64__)
__attribute__((target("avx512f"))) static float chains_avx512(void)
{
  __m512 sum[CHAINS], x = _mm512_set1_ps(0.5f);
  for (int i = 0; i < CHAINS; ++i)
    sum[i] = _mm512_set1_ps((float)i);
  for (int step = 0; step < STEPS; ++step) {
    for (int i = 0; i < CHAINS; ++i)
      sum[i] = _mm512_fmadd_ps(sum[i], x, x);
    __asm__ volatile("" : "+v"(x));
  }
  for (int i = 1; i < CHAINS; ++i)
    sum[0] = _mm512_add_ps(sum[0], sum[i]);
  return _mm512_cvtss_f32(sum[0]);
}

__attribute__((target("avx2,fma"))) static float chains_avx2(void)
{
  __m256 sum[CHAINS - 4], x = _mm256_set1_ps(0.5f);
  for (int i = 0; i < CHAINS - 4; ++i)
    sum[i] = _mm256_set1_ps((float)i);
  for (int step = 0; step < STEPS; ++step) {
    for (int i = 0; i < CHAINS - 4; ++i)
      sum[i] = _mm256_fmadd_ps(sum[i], x, x);
    __asm__ volatile("" : "+x"(x));
  }
  for (int i = 1; i < CHAINS - 4; ++i)
    sum[0] = _mm256_add_ps(sum[0], sum[i]);
  return _mm256_cvtss_f32(sum[0]);
}
#endif

/* Single-precision operations a second, a fused multiply-add being two, of all threads; with the
 * instructions that kernels use. 0 where that cannot be measured. In 1e9. */
double tv_peak_arithmetic(int threads)
{
  double best = 0.0;
#if defined(__x86_64__)
  const int wide = strcmp(tv_vectors_name(), "AVX-512") == 0;
  if (!wide && strcmp(tv_vectors_name(), "AVX2") != 0)
    return 0.0;
  const double operations = wide ? 2.0 * 16 * CHAINS : 2.0 * 8 * (CHAINS - 4);
  for (int round = 0; round < ROUNDS; ++round) {
    float sum = 0.0f;
    const double start = now();
#pragma omp parallel num_threads(threads) reduction(+ : sum)
    sum += wide ? chains_avx512() : chains_avx2();
    __asm__ volatile("" : : "x"(sum)); /* used: not optimised away */
    const double rate = operations * STEPS * threads / (now() - start) / 1e9;
    best = rate > best ? rate : best;
  }
#endif
  return best;
}

/* Bytes a second read from memory by all threads, in 1e9; 0 where there is no memory to try. */
double tv_peak_bandwidth(int threads)
{
  const size_t count = (size_t)64 << 20; /* 256 MiB: beyond every cache */
  float *x = malloc(count * sizeof *x);
  double best = 0.0;
  if (!x)
    return 0.0;
#pragma omp parallel for num_threads(threads)
  for (size_t i = 0; i < count; ++i)
    x[i] = 1.0f;
  for (int round = 0; round < ROUNDS; ++round) {
    float sum = 0.0f;
    const double start = now();
#pragma omp parallel for simd num_threads(threads) reduction(+ : sum)
    for (size_t i = 0; i < count; ++i)
      sum += x[i];
    __asm__ volatile("" : : "m"(sum));
    const double rate = (double)count * sizeof *x / (now() - start) / 1e9;
    best = rate > best ? rate : best;
  }
  free(x);
  return best;
}
