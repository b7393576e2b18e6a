/* SPDX-License-Identifier: BSD-3-Clause */
#include "normalize.h"

#include "execution.h"

#include <math.h>

static double at(const void *values, tv_type type, size_t i)
{
  return type == TV_FLOAT64 ? ((const double *)values)[i] : ((const float *)values)[i];
}

static void put(void *values, tv_type type, size_t i, double value)
{
  if (type == TV_FLOAT64)
    ((double *)values)[i] = value;
  else
    ((float *)values)[i] = (float)value;
}

static void find_range(double range[2], const void *values, tv_type type, size_t first, size_t size)
{
  range[0] = INFINITY;
  range[1] = -INFINITY;
  for (size_t i = first; i < first + size; ++i) {
    const double value = at(values, type, i);
    if (!isfinite(value))
      continue;
    range[0] = value < range[0] ? value : range[0];
    range[1] = value > range[1] ? value : range[1];
  }
}

void tv_normalize(void *out, const void *values, tv_type type, size_t count, size_t size,
  const double *range, const tv_execution *execution)
{
  const int threads = tv_execution_threads(execution);
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
  for (size_t window = 0; window < count; ++window) {
    double own[2];
    if (range) {
      own[0] = range[0];
      own[1] = range[1];
    } else
      find_range(own, values, type, window * size, size);
    /* Halves, so that the span of the largest numbers is one, too. */
    const double span = own[1] / 2 - own[0] / 2;
    for (size_t i = window * size; i < (window + 1) * size; ++i) {
      const double value = at(values, type, i);
      put(out, type, i, !isfinite(value) ? NAN : span > 0 ? (value / 2 - own[0] / 2) / span : 0);
    }
  }
}
