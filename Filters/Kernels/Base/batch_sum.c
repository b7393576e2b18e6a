#include "batch_sum.h"

#include "status.h"

#include <stdint.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

/* Elements that are summed over all samples before going on: their sums stay in the first-level
 * cache, and each sample gives a run that is long enough for the processor to fetch ahead. */
#define BLOCK 2048

static inline float from_float32(float x)
{
  return x;
}

static inline double from_float64(double x)
{
  return x;
}

static inline float from_bits(uint32_t bits)
{
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static inline float from_bfloat16(uint16_t x)
{
  return from_bits((uint32_t)x << 16);
}

/* Exponent and mantissa move to float32's places; one multiplication by 2^112 corrects the
 * exponent's bias, for denormal numbers too. Infinity and NaN have their exponent filled up. */
static inline float from_float16(uint16_t x)
{
  const uint32_t magnitude = (uint32_t)(x & 0x7fff) << 13;
  const float value = from_bits(magnitude) * 0x1p112f;
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  bits |= magnitude >= 0x0f800000u ? 0x7f800000u : 0;
  return from_bits(bits | (uint32_t)(x & 0x8000) << 16);
}

/* sum_TYPE(): elements [begin, end) of all samples. */
#define DEFINE_SUM(name, source, target)                                                           \
  static void sum_##name(target *restrict sum, const source *restrict data, size_t samples,        \
    size_t elements, size_t begin, size_t end)                                                     \
  {                                                                                                \
    const size_t n = end - begin;                                                                  \
    target *restrict out = sum + begin;                                                            \
    size_t b = samples % 4;                                                                        \
    if (b == 0)                                                                                    \
      for (size_t i = 0; i < n; ++i)                                                               \
        out[i] = 0;                                                                                \
    else                                                                                           \
      for (size_t i = 0; i < n; ++i)                                                               \
        out[i] = from_##name(data[begin + i]);                                                     \
    for (size_t s = 1; s < b; ++s) {                                                               \
      const source *restrict x = data + s * elements + begin;                                      \
      for (size_t i = 0; i < n; ++i)                                                               \
        out[i] += from_##name(x[i]);                                                               \
    }                                                                                              \
    for (; b < samples; b += 4) {                                                                  \
      const source *restrict x0 = data + b * elements + begin;                                     \
      const source *restrict x1 = x0 + elements;                                                   \
      const source *restrict x2 = x1 + elements;                                                   \
      const source *restrict x3 = x2 + elements;                                                   \
      for (size_t i = 0; i < n; ++i)                                                               \
        out[i] +=                                                                                  \
          (from_##name(x0[i]) + from_##name(x1[i])) + (from_##name(x2[i]) + from_##name(x3[i]));   \
    }                                                                                              \
  }

DEFINE_SUM(float32, float, float)
DEFINE_SUM(float64, double, double)
DEFINE_SUM(float16, uint16_t, float)
DEFINE_SUM(bfloat16, uint16_t, float)

int tv_batch_sum(
  void *sum, const void *data, tv_type type, size_t samples, size_t elements, int threads)
{
  int overflow = 0;
  const size_t size = tv_type_size(type);
  if (!sum || !data || size == 0 || samples == 0 || elements == 0 || threads < 0)
    return tv_fail(TV_ERROR_ARGUMENT, "a batch to sum needs data, samples, elements and a type");
  tv_multiply(tv_multiply(samples, elements, &overflow), size, &overflow);
  if (overflow)
    return tv_fail(
      TV_ERROR_ARGUMENT, "a batch of %zu samples of %zu numbers is too large", samples, elements);

  const ptrdiff_t blocks = (ptrdiff_t)((elements - 1) / BLOCK + 1);
#ifdef _OPENMP
  if (threads == 0)
    threads = omp_get_max_threads();
  if (threads > blocks)
    threads = (int)blocks;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1)
#endif
  for (ptrdiff_t block = 0; block < blocks; ++block) {
    const size_t begin = (size_t)block * BLOCK;
    const size_t end = elements - begin < BLOCK ? elements : begin + BLOCK;
    switch (type) {
    case TV_FLOAT32:
      sum_float32(sum, data, samples, elements, begin, end);
      break;
    case TV_FLOAT64:
      sum_float64(sum, data, samples, elements, begin, end);
      break;
    case TV_FLOAT16:
      sum_float16(sum, data, samples, elements, begin, end);
      break;
    case TV_BFLOAT16:
      sum_bfloat16(sum, data, samples, elements, begin, end);
      break;
    default: /* refused above: no size */
      break;
    }
  }
  return TV_OK;
}
