/* SPDX-License-Identifier: BSD-3-Clause */
#include "merge_plan.h"

#include "moments.h"
#include "status.h"

#include <math.h>
#include <stdlib.h>

static double value_at(const tv_rows *rows, size_t i)
{
  return rows->type == TV_FLOAT64 ? ((const double *)rows->values)[i]
                                  : (double)((const float *)rows->values)[i];
}

void tv_plan_merges(
  int32_t *into, const int32_t *representatives, const int32_t *states, size_t filters)
{
  for (size_t i = 0; i < filters; ++i) {
    into[i] = states[i] >= 0 ? states[i] : -1;
    if (states[i] == TV_FILTER_ALIVE && representatives[i] != (int32_t)i)
      into[i] = representatives[i];
  }
}

void tv_row_variances(double *variance, const tv_rows *rows)
{
  for (size_t f = 0; f < rows->filters; ++f) {
    const size_t first = f * rows->pixels;
    double mean = 0.0, sum = 0.0;
    for (size_t p = 0; p < rows->pixels; ++p)
      mean += value_at(rows, first + p);
    mean /= (double)rows->pixels;
    for (size_t p = 0; p < rows->pixels; ++p) {
      const double d = value_at(rows, first + p) - mean;
      sum += d * d;
    }
    variance[f] = isfinite(sum) ? sum / (double)rows->pixels : NAN;
  }
}

/* The variance of what the next layer makes; filters that have no correlation are constant. */
static double made(
  const float *correlation, const double *variance, const double *gram, size_t filters)
{
  double sum = 0.0;
  for (size_t k = 0; k < filters; ++k)
    for (size_t l = 0; l < filters; ++l) {
      const double part =
        k == l ? variance[k]
               : (double)correlation[k * filters + l] * sqrt(variance[k] * variance[l]);
      const double product = part * gram[k * (filters + 1) + l];
      sum += isfinite(product) ? product : 0.0;
    }
  return sum;
}

int tv_plan_costs(double *residual, double *cost, const float *correlation, const double *variance,
  const int32_t *representatives, size_t filters, const tv_rows *reads,
  const tv_execution *execution)
{
  for (size_t i = 0; i < filters; ++i) {
    const int32_t j = representatives[i];
    if (j >= 0 && (size_t)j >= filters)
      return tv_fail(
        TV_ERROR_ARGUMENT, "filter %zu cannot stand for %d of %zu", i, (int)j, filters);
    const double r = j < 0 ? NAN : (double)correlation[i * filters + (size_t)j];
    residual[i] = (size_t)j == i ? 0.0 : fmax(0.0, 1.0 - r * r);
    if (isnan(r))
      residual[i] = NAN;
    cost[i] = NAN;
  }
  if (!reads)
    return TV_OK;
  double *gram = calloc(tv_moments_size(filters), sizeof *gram);
  if (!gram)
    return tv_fail(TV_ERROR_MEMORY, "no memory for what %zu filters cost", filters);
  const int status = tv_moments_add_rows(gram, reads, NULL, execution);
  const double whole = status ? 0.0 : made(correlation, variance, gram, filters);
  for (size_t i = 0; i < filters && whole > 0.0; ++i)
    cost[i] =
      residual[i] == 0.0 ? 0.0 : residual[i] * variance[i] * gram[i * (filters + 1) + i] / whole;
  free(gram);
  return status;
}
