/* SPDX-License-Identifier: BSD-3-Clause */
#include "merge_work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void tv_merge_statistics_free(tv_merge_statistics *s)
{
  free(s->mean);
  free(s->variance);
  free(s->covariance);
}

int tv_merge_statistics_make(tv_merge_statistics *s, const double *moments, size_t filters)
{
  const size_t n = filters + 1;
  const double count = moments[filters * n + filters];
  memset(s, 0, sizeof *s);
  for (size_t i = 0; i < n * n; ++i)
    if (!isfinite(moments[i]))
      return tv_fail(TV_ERROR_ARGUMENT,
        "the second moments of filter %zu are not finite: its activations are NaN or infinite",
        i / n < filters ? i / n : i % n);
  if (!(count >= 2.0))
    return tv_fail(TV_ERROR_ARGUMENT, "the second moments are of fewer than 2 pixels");
  s->filters = filters;
  s->mean = malloc(filters * sizeof *s->mean);
  s->variance = malloc(filters * sizeof *s->variance);
  s->covariance = malloc(filters * filters * sizeof *s->covariance);
  if (!s->mean || !s->variance || !s->covariance) {
    tv_merge_statistics_free(s);
    return tv_fail(TV_ERROR_MEMORY, "no memory to merge %zu filters", filters);
  }
  tv_moments_statistics(s->mean, s->variance, moments, filters);
  for (size_t i = 0; i < filters; ++i)
    for (size_t j = 0; j < filters; ++j) {
      const int constant = s->variance[i] == 0.0 || s->variance[j] == 0.0;
      s->covariance[i * filters + j] =
        constant ? 0.0 : moments[i * n + j] / count - s->mean[i] * s->mean[j];
    }
  return TV_OK;
}

int tv_merge_check_size(size_t filters)
{
  if (filters < 1 || filters > INT32_MAX || !tv_moments_size(filters))
    return tv_fail(TV_ERROR_ARGUMENT, "there are no filters to merge, or too many");
  return TV_OK;
}
