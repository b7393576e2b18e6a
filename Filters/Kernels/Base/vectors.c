/* SPDX-License-Identifier: BSD-3-Clause */
#include "vectors.h"

#include <stddef.h>
#include <string.h>

static const char *const names[] = {"plain", "AVX2", "AVX-512"};

static tv_vectors limit = TV_VECTORS_AVX512;

tv_vectors tv_vectors_best(void)
{
  tv_vectors best = TV_VECTORS_PLAIN;
#ifdef TV_VECTORS_X86
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    best = TV_VECTORS_AVX2;
  if (best == TV_VECTORS_AVX2 && __builtin_cpu_supports("avx512f") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    best = TV_VECTORS_AVX512;
#endif
  return best < limit ? best : limit;
}

const char *tv_vectors_name(void)
{
  return names[tv_vectors_best()];
}

void tv_vectors_limit(const char *name)
{
  limit = TV_VECTORS_AVX512;
  for (int v = TV_VECTORS_PLAIN; name && v < TV_VECTORS_AVX512; ++v)
    if (strcmp(name, names[v]) == 0)
      limit = (tv_vectors)v;
}
