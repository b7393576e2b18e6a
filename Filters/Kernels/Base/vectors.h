/* SPDX-License-Identifier: BSD-3-Clause */
/* Which vector instructions kernels use: one answer for all of them. */
#ifndef TV_VECTORS_H
#define TV_VECTORS_H

#ifdef __cplusplus
extern "C" {
#endif

typedef enum tv_vectors
{
  TV_VECTORS_PLAIN = 0,
  TV_VECTORS_AVX2 = 1,  /* and fused multiply-add */
  TV_VECTORS_AVX512 = 2 /* F, DQ and VL, beside the above */
} tv_vectors;

/* Attributes of functions that are written for them: compiled for every x86-64, and called only
 * where tv_vectors_best() says so. */
#if defined(__x86_64__) && defined(__GNUC__)
#define TV_VECTORS_X86
#define TV_TARGET_AVX2 __attribute__((target("avx2,fma")))
#ifdef __clang__ /* does not know the preference, and does without it */
#define TV_TARGET_AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma")))
#else
#define TV_TARGET_AVX512                                                                           \
  __attribute__((target("avx512f,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512")))
#endif
#endif

/* The widest that this processor has, or what tv_vectors_limit() allows. */
tv_vectors tv_vectors_best(void);

/* Of the best: "AVX-512", "AVX2", "plain". */
const char *tv_vectors_name(void);

/* For tests and benchmarks: pretends that the processor has no more than "AVX2" or "plain"; NULL
 * or "" returns to what it has. Not while kernels run. */
void tv_vectors_limit(const char *name);

#ifdef __cplusplus
}
#endif
#endif
