/* SPDX-License-Identifier: BSD-3-Clause */
#include "batch_sum.h"

#include "execution.h"
#include "number.h"
#include "status.h"

#include <stdint.h>
#include <string.h>

/* Elements that are summed over all samples before going on: their sums stay in the first-level
 * cache, and each sample gives a run that is long enough for the processor to fetch ahead. */
#define TOGETHER 2048

/* Not number.h's, which costs almost twice as much here: exponent and mantissa move to float32's
 * places, and one multiplication by 2^112 corrects the exponent's bias, for denormal numbers too.
 * Infinity and NaN have their exponent filled up. */
static inline float from_float16(uint16_t x)
{
  const uint32_t magnitude = (uint32_t)(x & 0x7fff) << 13;
  float value;
  memcpy(&value, &magnitude, sizeof value);
  value *= 0x1p112f;
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  bits |= (magnitude >= 0x0f800000u ? 0x7f800000u : 0) | (uint32_t)(x & 0x8000) << 16;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* sum_TYPE(): n elements of all samples, which are stride elements apart. */
#define DEFINE_SUM(name, source, target, widen)                                                    \
  static void sum_##name(                                                                          \
    target *restrict out, const source *restrict data, size_t samples, size_t stride, size_t n)    \
  {                                                                                                \
    size_t b = samples % 4;                                                                        \
    if (b == 0)                                                                                    \
      for (size_t i = 0; i < n; ++i)                                                               \
        out[i] = 0;                                                                                \
    else                                                                                           \
      for (size_t i = 0; i < n; ++i)                                                               \
        out[i] = widen(data[i]);                                                                   \
    for (size_t s = 1; s < b; ++s) {                                                               \
      const source *restrict x = data + s * stride;                                                \
      for (size_t i = 0; i < n; ++i)                                                               \
        out[i] += widen(x[i]);                                                                     \
    }                                                                                              \
    for (; b < samples; b += 4) {                                                                  \
      const source *restrict x0 = data + b * stride;                                               \
      const source *restrict x1 = x0 + stride;                                                     \
      const source *restrict x2 = x1 + stride;                                                     \
      const source *restrict x3 = x2 + stride;                                                     \
      for (size_t i = 0; i < n; ++i)                                                               \
        out[i] += (widen(x0[i]) + widen(x1[i])) + (widen(x2[i]) + widen(x3[i]));                   \
    }                                                                                              \
  }

DEFINE_SUM(float32, float, float, tv_from_float32)
DEFINE_SUM(float64, double, double, tv_from_float64)
DEFINE_SUM(float16, uint16_t, float, from_float16)
DEFINE_SUM(bfloat16, uint16_t, float, tv_from_bfloat16)
DEFINE_SUM(int8, int8_t, float, tv_from_int8)
DEFINE_SUM(uint8, uint8_t, float, tv_from_uint8)
DEFINE_SUM(int32, int32_t, double, tv_from_int32)
DEFINE_SUM(int64, int64_t, double, tv_from_int64)
DEFINE_SUM(bool, uint8_t, float, tv_from_bool)

static void sum_some(
  void *out, const void *data, tv_type type, size_t samples, size_t stride, size_t n)
{
  switch (type) {
  case TV_FLOAT32:
    sum_float32(out, data, samples, stride, n);
    break;
  case TV_FLOAT64:
    sum_float64(out, data, samples, stride, n);
    break;
  case TV_FLOAT16:
    sum_float16(out, data, samples, stride, n);
    break;
  case TV_BFLOAT16:
    sum_bfloat16(out, data, samples, stride, n);
    break;
  case TV_INT8:
    sum_int8(out, data, samples, stride, n);
    break;
  case TV_UINT8:
    sum_uint8(out, data, samples, stride, n);
    break;
  case TV_INT32:
    sum_int32(out, data, samples, stride, n);
    break;
  case TV_INT64:
    sum_int64(out, data, samples, stride, n);
    break;
  case TV_BOOL:
    sum_bool(out, data, samples, stride, n);
    break;
  }
}

int tv_batch_sum(
  void *sum, const void *data, tv_type type, const tv_batch *batch, const tv_execution *execution)
{
  const size_t from = tv_type_size(type), to = tv_type_size(tv_type_result(type));
  if (!sum || !data || from == 0 || !batch || !batch->outer || !batch->samples || !batch->inner)
    return tv_fail(TV_ERROR_ARGUMENT, "a batch to sum needs data, samples, elements and a type");
  int overflow = 0;
  const size_t outer = batch->outer, samples = batch->samples, inner = batch->inner;
  const size_t elements = tv_multiply(outer, inner, &overflow);
  tv_multiply(tv_multiply(samples, elements, &overflow), to > from ? to : from, &overflow);
  if (overflow)
    return tv_fail(
      TV_ERROR_ARGUMENT, "a batch of %zu samples of %zu numbers is too large", samples, elements);

  /* Pieces: so many of inner, of one of outer. */
  const size_t of_each = (inner - 1) / TOGETHER + 1;
  const ptrdiff_t pieces = (ptrdiff_t)(outer * of_each);
  int threads = tv_execution_threads(execution);
  if ((size_t)threads > (elements - 1) / TOGETHER + 1)
    threads = (int)((elements - 1) / TOGETHER + 1);
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
  for (ptrdiff_t piece = 0; piece < pieces; ++piece) {
    const size_t o = (size_t)piece / of_each, begin = (size_t)piece % of_each * TOGETHER;
    const size_t n = inner - begin < TOGETHER ? inner - begin : TOGETHER;
    sum_some((char *)sum + (o * inner + begin) * to,
      (const char *)data + (o * samples * inner + begin) * from, type, samples, inner, n);
  }
  return TV_OK;
}
