/* SPDX-License-Identifier: BSD-3-Clause */
#include "merge_work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Cholesky decomposition of a symmetric matrix [n][n], in place, lower triangle. A pivot that is
 * nothing but rounding (its filter follows from those before it) becomes 0 and is left out. */
static void cholesky(double *a, size_t n)
{
  for (size_t j = 0; j < n; ++j) {
    const double diagonal = a[j * n + j];
    double pivot = diagonal;
    for (size_t k = 0; k < j; ++k)
      pivot -= a[j * n + k] * a[j * n + k];
    const double root = pivot > 1e-12 * diagonal ? sqrt(pivot) : 0.0;
    a[j * n + j] = root;
    for (size_t i = j + 1; i < n; ++i) {
      double sum = a[i * n + j];
      for (size_t k = 0; k < j; ++k)
        sum -= a[i * n + k] * a[j * n + k];
      a[i * n + j] = root > 0.0 ? sum / root : 0.0;
    }
  }
}

/* Solves a x = b, x in b's place, after cholesky(). */
static void solve(double *b, const double *a, size_t n)
{
  for (size_t i = 0; i < n; ++i) {
    for (size_t k = 0; k < i; ++k)
      b[i] -= a[i * n + k] * b[k];
    b[i] = a[i * n + i] > 0.0 ? b[i] / a[i * n + i] : 0.0;
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k)
      b[i] -= a[k * n + i] * b[k];
    b[i] = a[i * n + i] > 0.0 ? b[i] / a[i * n + i] : 0.0;
  }
}

/* Rows of the combination for all removed filters, least squares on all that are kept. */
static int reconstruct(double *combination, const tv_merge_statistics *s, const unsigned char *keep)
{
  const size_t filters = s->filters;
  size_t kept = 0;
  size_t *index = malloc(filters * sizeof *index);
  double *matrix = malloc(filters * filters * sizeof *matrix);
  double *right = malloc(filters * sizeof *right);
  if (!index || !matrix || !right) {
    free(index);
    free(matrix);
    free(right);
    return tv_fail(TV_ERROR_MEMORY, "no memory to merge %zu filters", filters);
  }
  for (size_t i = 0; i < filters; ++i)
    if (keep[i])
      index[kept++] = i;
  for (size_t i = 0; i < kept; ++i)
    for (size_t j = 0; j < kept; ++j)
      matrix[i * kept + j] = s->covariance[index[i] * filters + index[j]];
  cholesky(matrix, kept);
  for (size_t r = 0; r < filters; ++r) {
    if (keep[r])
      continue;
    double *row = combination + r * (filters + 1);
    for (size_t k = 0; k < kept; ++k)
      right[k] = s->covariance[r * filters + index[k]];
    solve(right, matrix, kept);
    row[filters] = s->mean[r];
    for (size_t k = 0; k < kept; ++k) {
      row[index[k]] = right[k];
      row[filters] -= right[k] * s->mean[index[k]];
    }
  }
  free(index);
  free(matrix);
  free(right);
  return TV_OK;
}

static int combine_rows(double *combination, const tv_merge_statistics *s,
  const unsigned char *keep, const int32_t *representatives, size_t filters, tv_merge_way way)
{
  memset(combination, 0, filters * (filters + 1) * sizeof *combination);
  for (size_t i = 0; i < filters; ++i) {
    double *row = combination + i * (filters + 1);
    const size_t r = (size_t)representatives[i];
    if (keep[i])
      row[i] = 1.0;
    else if (way == TV_SUM)
      row[r] = 1.0;
    else if (way == TV_AFFINE) {
      row[r] = s->variance[r] > 0.0 ? s->covariance[i * filters + r] / s->variance[r] : 0.0;
      row[filters] = s->mean[i] - row[r] * s->mean[r];
    }
  }
  return way == TV_RECONSTRUCT ? reconstruct(combination, s, keep) : TV_OK;
}

/* Mean of (a_i - combination)^2 over the variance of a_i. */
static double residual_of(const double *row, const tv_merge_statistics *s, size_t i)
{
  const size_t filters = s->filters;
  double mean = s->mean[i] - row[filters], sum = s->covariance[i * filters + i];
  for (size_t k = 0; k < filters; ++k) {
    double inner = 0.0;
    if (row[k] == 0.0)
      continue;
    for (size_t j = 0; j < filters; ++j)
      inner += row[j] * s->covariance[k * filters + j];
    sum += row[k] * (inner - 2.0 * s->covariance[k * filters + i]);
    mean -= row[k] * s->mean[k];
  }
  sum = fmax(sum, 0.0) + mean * mean;
  if (s->variance[i] > 0.0)
    return sum / s->variance[i];
  return sum <= 1e-24 * s->mean[i] * s->mean[i] ? 0.0 : INFINITY;
}

static int check_combination(const unsigned char *keep, const int32_t *representatives,
  const double *moments, size_t filters, tv_merge_way way, double bound)
{
  size_t kept = 0;
  const int status = tv_merge_check_size(filters);
  if (status)
    return status;
  if ((int)way < TV_REMOVE || way > TV_RECONSTRUCT)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no way number %d to merge", (int)way);
  if (isnan(bound))
    return tv_fail(TV_ERROR_ARGUMENT, "the bound of residuals is not a number");
  if (!moments && (way == TV_AFFINE || way == TV_RECONSTRUCT || bound < INFINITY))
    return tv_fail(TV_ERROR_ARGUMENT,
      "%s needs second moments (kind \"moments\"), and there are none",
      way == TV_RECONSTRUCT ? "merging by reconstruction"
      : way == TV_AFFINE    ? "affine merging"
                            : "a bound of residuals");
  for (size_t i = 0; i < filters; ++i) {
    const int32_t r = representatives[i];
    kept += keep[i] != 0;
    if (keep[i] ? r != (int32_t)i : r < 0 || (size_t)r >= filters || !keep[r])
      return tv_fail(TV_ERROR_ARGUMENT,
        "filter %zu has the representative %d, which is not a filter that is kept", i, (int)r);
  }
  return kept > 0 ? TV_OK : tv_fail(TV_ERROR_ARGUMENT, "no filter is kept");
}

int tv_combine(double *combination, double *residual, size_t *kept_back, unsigned char *keep,
  int32_t *representatives, const double *moments, size_t filters, tv_merge_way way, double bound)
{
  tv_merge_statistics s = {0};
  size_t back = 0, changed = 1;
  if (!combination || !residual || !keep || !representatives)
    return tv_fail(TV_ERROR_ARGUMENT, "no filters to combine");
  int status = check_combination(keep, representatives, moments, filters, way, bound);
  if (!status && moments)
    status = tv_merge_statistics_make(&s, moments, filters);
  if (status)
    return status;
  /* A filter that is kept back can only help the others that reconstruct from it. */
  while (!status && changed) {
    changed = 0;
    status = combine_rows(combination, &s, keep, representatives, filters, way);
    for (size_t i = 0; i < filters && !status; ++i) {
      residual[i] = keep[i]   ? 0.0
                    : moments ? residual_of(combination + i * (filters + 1), &s, i)
                              : NAN;
      if (residual[i] > bound) {
        keep[i] = 1;
        representatives[i] = (int32_t)i;
        ++changed;
      }
    }
    back += changed;
  }
  if (kept_back)
    *kept_back = back;
  tv_merge_statistics_free(&s);
  return status;
}
