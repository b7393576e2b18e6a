/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit_sums.h"

#include "number.h"
#include "status.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* The inner loops once for any processor and once for those since 2013, chosen when loaded. */
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__) &&             \
  !defined(__SANITIZE_THREAD__) && !defined(__clang__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=haswell", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

enum
{
  LANES = 4,    /* sums side by side: what vector instructions want */
  PIECE = 1024, /* numbers that are widened at once, and stay in the first-level cache */
};

/* A piece as double: types that float32 does not hold, and the rare ones. */
static void widen(double *restrict to, const void *from, tv_type type, size_t count)
{
#define WIDEN(source, value)                                                                       \
  for (size_t k = 0; k < count; ++k) {                                                             \
    const source x = ((const source *)from)[k];                                                    \
    to[k] = (double)(value);                                                                       \
  }                                                                                                \
  break
  switch ((int)type) {
  case TV_FLOAT32:
    WIDEN(float, x);
  case TV_FLOAT16:
    WIDEN(uint16_t, tv_from_float16(x));
  case TV_BFLOAT16:
    WIDEN(uint16_t, tv_from_bfloat16(x));
  case TV_INT8:
    WIDEN(int8_t, x);
  case TV_UINT8:
    WIDEN(uint8_t, x);
  case TV_BOOL:
    WIDEN(uint8_t, x != 0);
  case TV_INT32:
    WIDEN(int32_t, x);
  case TV_INT64:
    WIDEN(int64_t, x);
  default:
    WIDEN(double, x);
  }
#undef WIDEN
}

/* Four numbers side by side, which the compiler maps to whatever the processor has. Comparisons
 * give a mask of all ones or none for each. */
typedef float float4 __attribute__((vector_size(4 * sizeof(float))));
typedef int32_t float4_mask __attribute__((vector_size(4 * sizeof(int32_t))));
typedef double double4 __attribute__((vector_size(4 * sizeof(double))));
typedef int64_t double4_mask __attribute__((vector_size(4 * sizeof(int64_t))));

#define CHOOSE(number, mask, yes, no)                                                              \
  ((number##4)(((mask) & (number##4_mask)(yes)) | (~(mask) & (number##4_mask)(no))))

/* add_TYPE(): a run of neighbours of one unit; compare_TYPE(): its update. Finite is what gives 0
 * where it is taken from itself. What is missing in the last four is NaN, and so not counted. */
#define DEFINE_ADD(number)                                                                         \
  FOR_EACH_PROCESSOR static void add_##number(                                                     \
    tv_sums *total, const number *restrict x, size_t count)                                        \
  {                                                                                                \
    const number##4 highest = (number##4){0} + (number)INFINITY;                                   \
    double4 sum = {0}, squares = {0};                                                              \
    number##4 least = highest, greatest = -highest;                                                \
    number##4_mask zeros = {0}, finite = {0};                                                      \
    for (size_t k = 0; k < count; k += LANES) {                                                    \
      number##4 v = {NAN, NAN, NAN, NAN};                                                          \
      if (count - k >= LANES)                                                                      \
        memcpy(&v, x + k, sizeof v);                                                               \
      else                                                                                         \
        memcpy(&v, x + k, (count - k) * sizeof *x);                                                \
      const number##4_mask good = (v - v) == 0;                                                    \
      const double4 d = __builtin_convertvector((number##4)((number##4_mask)v & good), double4);   \
      const number##4 low = CHOOSE(number, good, v, highest);                                      \
      const number##4 high = CHOOSE(number, good, v, -highest);                                    \
      sum += d;                                                                                    \
      squares += d * d;                                                                            \
      least = CHOOSE(number, low < least, low, least);                                             \
      greatest = CHOOSE(number, high > greatest, high, greatest);                                  \
      zeros -= v == 0;                                                                             \
      finite -= good;                                                                              \
    }                                                                                              \
    for (int l = 0; l < LANES; ++l) {                                                              \
      total->sum += sum[l];                                                                        \
      total->squares += squares[l];                                                                \
      total->least = least[l] < total->least ? least[l] : total->least;                            \
      total->greatest = greatest[l] > total->greatest ? greatest[l] : total->greatest;             \
      total->zeros += (size_t)zeros[l];                                                            \
      total->finite += (size_t)finite[l];                                                          \
    }                                                                                              \
    total->all += count;                                                                           \
  }                                                                                                \
                                                                                                   \
  FOR_EACH_PROCESSOR static void compare_##number(                                                 \
    tv_sums *total, const number *restrict x, const number *restrict before, size_t count)         \
  {                                                                                                \
    double4 moved = {0};                                                                           \
    double4_mask compared = {0};                                                                   \
    for (size_t k = 0; k < count; k += LANES) {                                                    \
      number##4 v = {NAN, NAN, NAN, NAN}, w = {0};                                                 \
      const size_t bytes = count - k >= LANES ? sizeof v : (count - k) * sizeof *x;                \
      if (bytes == sizeof v) {                                                                     \
        memcpy(&v, x + k, sizeof v);                                                               \
        memcpy(&w, before + k, sizeof w);                                                          \
      } else {                                                                                     \
        memcpy(&v, x + k, bytes);                                                                  \
        memcpy(&w, before + k, bytes);                                                             \
      }                                                                                            \
      const double4 d = __builtin_convertvector(v, double4) - __builtin_convertvector(w, double4); \
      const double4_mask good = (d - d) == 0;                                                      \
      const double4 step = (double4)((double4_mask)d & good);                                      \
      moved += step * step;                                                                        \
      compared -= good;                                                                            \
    }                                                                                              \
    for (int l = 0; l < LANES; ++l) {                                                              \
      total->moved += moved[l];                                                                    \
      total->compared += (size_t)compared[l];                                                      \
    }                                                                                              \
  }

DEFINE_ADD(float)
DEFINE_ADD(double)

/* Units are the fastest axis: as many sums as units, side by side. */
FOR_EACH_PROCESSOR static void add_columns(
  tv_sums *total, const float *restrict x, size_t stride, size_t rows, int units)
{
  double sum[TV_STRIP] = {0}, squares[TV_STRIP] = {0};
  float least[TV_STRIP], greatest[TV_STRIP], zeros[TV_STRIP] = {0}, finite[TV_STRIP] = {0};
  for (int u = 0; u < TV_STRIP; ++u) {
    least[u] = INFINITY;
    greatest[u] = -INFINITY;
  }
  for (size_t row = 0; row < rows; ++row, x += stride)
    for (int u = 0; u < units; ++u) {
      const float v = x[u];
      const int good = v - v == 0;
      const float low = good ? v : INFINITY, high = good ? v : -INFINITY;
      const double d = good ? v : 0;
      sum[u] += d;
      squares[u] += d * d;
      least[u] = low < least[u] ? low : least[u];
      greatest[u] = high > greatest[u] ? high : greatest[u];
      zeros[u] += v == 0 ? 1.0f : 0.0f;
      finite[u] += good ? 1.0f : 0.0f;
    }
  for (int u = 0; u < units; ++u) {
    total[u].sum += sum[u];
    total[u].squares += squares[u];
    total[u].least = fmin(total[u].least, least[u]);
    total[u].greatest = fmax(total[u].greatest, greatest[u]);
    total[u].zeros += (size_t)zeros[u];
    total[u].finite += (size_t)finite[u];
    total[u].all += rows;
  }
}

/* Their updates. */
FOR_EACH_PROCESSOR static void compare_columns(tv_sums *total, const float *restrict x,
  const float *restrict before, size_t stride, size_t rows, int units)
{
  double moved[TV_STRIP] = {0};
  float compared[TV_STRIP] = {0};
  for (size_t row = 0; row < rows; ++row, x += stride, before += stride)
    for (int u = 0; u < units; ++u) {
      const double d = (double)x[u] - (double)before[u];
      const int good = d - d == 0;
      moved[u] += good ? d * d : 0;
      compared[u] += good ? 1.0f : 0.0f;
    }
  for (int u = 0; u < units; ++u) {
    total[u].moved += moved[u];
    total[u].compared += (size_t)compared[u];
  }
}

/* Rows of a strip of units, of a type that float holds, and their updates. */
void tv_sums_rows(tv_sums *total, const char *x, tv_type type, size_t stride, size_t rows,
  int units, char *before, int known)
{
  const size_t size = tv_type_size(type);
  if (type == TV_FLOAT32) {
    add_columns(total, (const float *)x, stride, rows, units);
    if (before && known)
      compare_columns(total, (const float *)x, (const float *)before, stride, rows, units);
  } else
    for (size_t row = 0; row < rows; ++row) {
      double wide[TV_STRIP];
      float now[TV_STRIP] = {0}, was[TV_STRIP] = {0};
      widen(wide, x + row * stride * size, type, (size_t)units);
      for (int u = 0; u < units; ++u)
        now[u] = (float)wide[u];
      add_columns(total, now, TV_STRIP, 1, units);
      if (!before || !known)
        continue;
      widen(wide, before + row * stride * size, type, (size_t)units);
      for (int u = 0; u < units; ++u)
        was[u] = (float)wide[u];
      compare_columns(total, now, was, TV_STRIP, 1, units);
    }
  for (size_t row = 0; before && row < rows; ++row)
    memcpy(before + row * stride * size, x + row * stride * size, (size_t)units * size);
}

/* A run of neighbours of one unit, of any type, and its update. */
void tv_sums_run(tv_sums *total, const char *x, tv_type type, size_t count, char *before, int known)
{
  const size_t size = tv_type_size(type);
  for (size_t k = 0; k < count; k += PIECE) {
    const size_t part = count - k < PIECE ? count - k : PIECE;
    const char *from = x + k * size;
    char *old = before ? before + k * size : NULL;
    if (type == TV_FLOAT32) {
      add_float(total, (const float *)from, part);
      if (old && known)
        compare_float(total, (const float *)from, (const float *)old, part);
    } else {
      double wide[PIECE], was[PIECE];
      widen(wide, from, type, part);
      add_double(total, wide, part);
      if (old && known) {
        widen(was, old, type, part);
        compare_double(total, wide, was, part);
      }
    }
    if (old)
      memcpy(old, from, part * size);
  }
}
