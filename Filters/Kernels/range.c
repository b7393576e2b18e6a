/* SPDX-License-Identifier: BSD-3-Clause */
#include "range.h"

#include "execution.h"

#include <limits.h>
#include <math.h>

int tv_range_int(double range[2], const int *values, size_t count, const tv_execution *execution)
{
  int low = INT_MAX, high = INT_MIN;
  const int threads = tv_execution_threads(execution);
/* clang-format off */
#pragma omp parallel for simd num_threads(threads) if (threads > 1) \
  reduction(min : low) reduction(max : high)
  /* clang-format on */
  for (size_t i = 0; i < count; ++i) {
    low = values[i] < low ? values[i] : low;
    high = values[i] > high ? values[i] : high;
  }
  if (count == 0)
    return 0;
  range[0] = low;
  range[1] = high;
  return 1;
}

static void float_range(float out[2], const float *values, size_t count, int threads)
{
  float low = (float)INFINITY, high = (float)-INFINITY;
/* clang-format off */
#pragma omp parallel for simd num_threads(threads) if (threads > 1) \
  reduction(min : low) reduction(max : high)
  /* clang-format on */
  for (size_t i = 0; i < count; ++i) { /* comparisons with NaN are false */
    low = values[i] < low ? values[i] : low;
    high = values[i] > high ? values[i] : high;
  }
  out[0] = low;
  out[1] = high;
}

static void double_range(double out[2], const double *values, size_t count, int threads)
{
  double low = (double)INFINITY, high = (double)-INFINITY;
/* clang-format off */
#pragma omp parallel for simd num_threads(threads) if (threads > 1) \
  reduction(min : low) reduction(max : high)
  /* clang-format on */
  for (size_t i = 0; i < count; ++i) { /* comparisons with NaN are false */
    low = values[i] < low ? values[i] : low;
    high = values[i] > high ? values[i] : high;
  }
  out[0] = low;
  out[1] = high;
}

int tv_range_float(
  double range[2], const void *values, tv_type type, size_t count, const tv_execution *execution)
{
  double found[2];
  const int threads = tv_execution_threads(execution);
  if (type == TV_FLOAT64)
    double_range(found, values, count, threads);
  else {
    float narrow[2];
    float_range(narrow, values, count, threads);
    found[0] = narrow[0];
    found[1] = narrow[1];
  }
  if (!isfinite(found[0]) || !isfinite(found[1]))
    return 0;
  range[0] = found[0];
  range[1] = found[1];
  return 1;
}
