/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit_sums.h"

#include "number.h"
#include "status.h"
#include "unit_sums_vector.h"

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
  PIECE = 2048, /* numbers of a run that are done at once, and stay in the first-level cache */
  BLOCK = 128,  /* rows of a strip, likewise */
};

#define WIDEN(source, target, value)                                                               \
  for (size_t k = 0; k < count; ++k) {                                                             \
    const source x = ((const source *)from)[k];                                                    \
    to[k] = (target)(value);                                                                       \
  }                                                                                                \
  break

/* A piece of a type that float32 holds. */
static void widen_float(float *restrict to, const void *from, tv_type type, size_t count)
{
  switch ((int)type) {
  case TV_FLOAT16:
    WIDEN(uint16_t, float, tv_from_float16(x));
  case TV_BFLOAT16:
    WIDEN(uint16_t, float, tv_from_bfloat16(x));
  case TV_INT8:
    WIDEN(int8_t, float, x);
  case TV_UINT8:
    WIDEN(uint8_t, float, x);
  case TV_BOOL:
    WIDEN(uint8_t, float, x != 0);
  default:
    WIDEN(float, float, x);
  }
}

/* A piece of one that it does not. */
static void widen_double(double *restrict to, const void *from, tv_type type, size_t count)
{
  switch ((int)type) {
  case TV_INT32:
    WIDEN(int32_t, double, x);
  case TV_INT64:
    WIDEN(int64_t, double, x);
  default:
    WIDEN(double, double, x);
  }
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

int tv_sums_float(tv_type type)
{
  return type != TV_FLOAT64 && type != TV_INT32 && type != TV_INT64;
}

unsigned tv_sums_take(
  tv_sums *total, const tv_side_by_side *found, size_t rows, int units, int known)
{
  unsigned left = 0;
  for (int u = 0; u < units; ++u) {
    if (!isfinite(found->squares[u]) || !isfinite(found->moved[u])) {
      left |= 1u << u;
      continue;
    }
    const float least = found->least[u], greatest = found->greatest[u];
    total[u].sum += found->sum[u];
    total[u].squares += found->squares[u];
    total[u].moved += found->moved[u];
    total[u].least = least < total[u].least ? least : total[u].least;
    total[u].greatest = greatest > total[u].greatest ? greatest : total[u].greatest;
    total[u].zeros += (size_t)found->zeros[u];
    total[u].silent += (size_t)found->silent[u];
    total[u].finite += rows;
    total[u].all += rows;
    total[u].compared += known ? rows : 0;
  }
  return left;
}

tv_sums_way tv_sums_choose(tv_type type, int known)
{
  tv_sums_way way = {.type = type, .known = known};
#ifdef TV_VECTORS_X86
  const tv_vectors best = tv_vectors_best();
  if (best >= TV_VECTORS_AVX2)
    way.vectors = best >= TV_VECTORS_AVX512 ? &tv_sums_avx512 : &tv_sums_avx2;
#endif
  return way;
}

/* Those of one unit, or of all, with care. each: as in unit_sums_vector.h. */
static void add_carefully(tv_sums *total, const float *x, const float *before, size_t stride,
  size_t rows, int units, size_t each)
{
  for (size_t begin = 0; begin < rows; begin += each ? each : rows) {
    const size_t end = each ? begin + each : rows;
    size_t zeros[TV_STRIP];
    for (int u = 0; u < units; ++u)
      zeros[u] = total[u].zeros;
    for (size_t row = begin; row < end; row += BLOCK) {
      const size_t at = row * stride, some = end - row < BLOCK ? end - row : BLOCK;
      add_columns(total, x + at, stride, some, units);
      if (before)
        compare_columns(total, x + at, before + at, stride, some, units);
    }
    for (int u = 0; u < units; ++u)
      total[u].silent += each && total[u].zeros - zeros[u] == each;
  }
}

/* Fewer than 2^31 rows. before: NULL, or to be compared with. */
static void add_rows(tv_sums *total, const tv_sums_way *way, const float *x, const float *before,
  size_t stride, size_t rows, int units, size_t each)
{
  if (!way->vectors) {
    add_carefully(total, x, before, stride, rows, units, each);
    return;
  }
  for (int first = 0; first < units; first += way->vectors->most_columns) {
    const int left_over = units - first, most = way->vectors->most_columns;
    const int some = left_over < most ? left_over : most;
    const float *then = before ? before + first : NULL;
    unsigned left = way->vectors->columns(total + first, x + first, then, stride, rows, some, each);
    for (int u = first; left; left >>= 1, ++u)
      if (left & 1)
        add_carefully(total + u, x + u, before ? before + u : NULL, stride, rows, 1, each);
  }
}

/* One sample, which is widened or copied block by block. */
static void add_sample(tv_sums *total, const tv_sums_way *way, const char *x, size_t stride,
  size_t rows, int units, char *before)
{
  const size_t size = tv_type_size(way->type);
  size_t zeros[TV_STRIP];
  for (int u = 0; u < units; ++u)
    zeros[u] = total[u].zeros;
  for (size_t begin = 0; begin < rows; begin += BLOCK) {
    const size_t some = rows - begin < BLOCK ? rows - begin : BLOCK;
    const char *from = x + begin * stride * size;
    char *old = before ? before + begin * stride * size : NULL;
    const int known = old && way->known;
    if (way->type == TV_FLOAT32)
      add_rows(
        total, way, (const float *)from, known ? (const float *)old : NULL, stride, some, units, 0);
    else {
      float now[BLOCK * TV_STRIP], was[BLOCK * TV_STRIP];
      for (size_t row = 0; row < some; ++row) {
        widen_float(now + row * TV_STRIP, from + row * stride * size, way->type, (size_t)units);
        if (known)
          widen_float(was + row * TV_STRIP, old + row * stride * size, way->type, (size_t)units);
      }
      add_rows(total, way, now, known ? was : NULL, TV_STRIP, some, units, 0);
    }
    for (size_t row = 0; old && row < some; ++row)
      memcpy(old + row * stride * size, from + row * stride * size, (size_t)units * size);
  }
  for (int u = 0; u < units; ++u)
    total[u].silent += total[u].zeros - zeros[u] == rows;
}

void tv_sums_rows(tv_sums *total, const tv_sums_way *way, const char *x, size_t stride,
  size_t samples, size_t rows, int units, char *before)
{
  const size_t bytes = rows * stride * tv_type_size(way->type);
  if (way->type != TV_FLOAT32 || before || rows > INT32_MAX) {
    for (size_t s = 0; s < samples; ++s)
      add_sample(
        total, way, x + s * bytes, stride, rows, units, before ? before + s * bytes : NULL);
    return;
  }
  /* Where not all units are done at once, the next find in the cache what these have read. */
  const size_t most_rows = way->vectors && way->vectors->most_columns >= units ? INT32_MAX : BLOCK;
  const size_t most = most_rows / rows > 0 ? most_rows / rows : 1;
  for (size_t s = 0; s < samples; s += most) {
    const size_t some = samples - s < most ? samples - s : most;
    add_rows(total, way, (const float *)(x + s * bytes), NULL, stride, some * rows, units, rows);
  }
}

/* At most PIECE numbers. */
static void add_piece(
  tv_sums *total, const tv_sums_way *way, const float *x, const float *before, size_t count)
{
  if (way->vectors && way->vectors->run(total, x, before, count))
    return;
  add_float(total, x, count);
  if (before)
    compare_float(total, x, before, count);
}

void tv_sums_run(tv_sums *total, const tv_sums_way *way, const char *x, size_t count, char *before)
{
  const size_t size = tv_type_size(way->type);
  for (size_t k = 0; k < count; k += PIECE) {
    const size_t part = count - k < PIECE ? count - k : PIECE;
    const char *from = x + k * size;
    char *old = before ? before + k * size : NULL;
    const int known = old && way->known;
    if (way->type == TV_FLOAT32)
      add_piece(total, way, (const float *)from, known ? (const float *)old : NULL, part);
    else if (tv_sums_float(way->type)) {
      float now[PIECE], was[PIECE];
      widen_float(now, from, way->type, part);
      if (known)
        widen_float(was, old, way->type, part);
      add_piece(total, way, now, known ? was : NULL, part);
    } else {
      double now[PIECE], was[PIECE];
      widen_double(now, from, way->type, part);
      add_double(total, now, part);
      if (known) {
        widen_double(was, old, way->type, part);
        compare_double(total, now, was, part);
      }
    }
    if (old)
      memcpy(old, from, part * size);
  }
}

/* One unit of maps, with care. */
static void add_unit(tv_sums *total, const tv_sums_way *way, const float *x, const float *before,
  size_t stride, size_t samples, size_t pixels)
{
  for (size_t s = 0; s < samples; ++s) {
    const size_t zeros = total->zeros;
    for (size_t k = 0; k < pixels; k += PIECE) {
      const size_t at = s * stride + k, part = pixels - k < PIECE ? pixels - k : PIECE;
      add_piece(total, way, x + at, before ? before + at : NULL, part);
    }
    total->silent += total->zeros - zeros == pixels;
  }
}

int tv_sums_maps(tv_sums *total, const tv_sums_way *way, const char *x, size_t stride,
  size_t samples, int units, size_t pixels, char *before)
{
  if (way->type != TV_FLOAT32 || !way->vectors || !way->vectors->maps ||
      (before && pixels > PIECE) || pixels > INT32_MAX / samples)
    return 0;
  const float *from = (const float *)x;
  float *old = (float *)before;
  const int most = before ? (int)(PIECE / pixels) : units; /* what is copied is in the cache yet */
  for (int first = 0; first < units; first += most) {
    const int some = units - first < most ? units - first : most;
    const size_t at = (size_t)first * pixels;
    const float *then = old && way->known ? old + at : NULL;
    unsigned left =
      way->vectors->maps(total + first, from + at, then, stride, samples, some, pixels);
    for (int u = 0; left; left >>= 1, ++u)
      if (left & 1) {
        const size_t unit = at + (size_t)u * pixels;
        add_unit(
          total + first + u, way, from + unit, then ? old + unit : NULL, stride, samples, pixels);
      }
    if (old)
      memcpy(old + at, from + at, (size_t)some * pixels * sizeof *old);
  }
  return 1;
}
