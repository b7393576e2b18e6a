/* SPDX-License-Identifier: BSD-3-Clause */
#include "merge_work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int tv_keep_groups(unsigned char *keep, int32_t *representatives, const int32_t *groups,
  size_t filters, const double *moments)
{
  size_t kept = 0;
  if (!keep || !representatives || !groups)
    return tv_fail(TV_ERROR_ARGUMENT, "no groups to merge");
  int status = tv_merge_check_size(filters);
  if (status)
    return status;
  for (size_t i = 0; i < filters; ++i) {
    representatives[i] = (int32_t)i;
    for (size_t j = 0; j < i && groups[i] >= 0; ++j)
      if (groups[j] == groups[i]) {
        representatives[i] = (int32_t)j;
        break;
      }
    keep[i] = representatives[i] == (int32_t)i;
    kept += keep[i];
  }
  if (filters > 1 && kept == 1)
    return tv_fail(TV_ERROR_ARGUMENT,
      "all %zu filters are in one group: merging them would leave a layer of one filter", filters);
  if (!moments || kept == filters)
    return TV_OK;
  double *variance = malloc(filters * sizeof *variance);
  if (!variance)
    return tv_fail(TV_ERROR_MEMORY, "no memory to merge %zu filters", filters);
  tv_moments_statistics(NULL, variance, moments, filters);
  for (size_t i = 0; i < filters && !status; ++i)
    if (groups[i] >= 0 && variance[i] == 0.0)
      status = tv_fail(TV_ERROR_ARGUMENT,
        "filter %zu of group %d is dead (constant): it is similar to no other", i, (int)groups[i]);
  free(variance);
  return status;
}

/* Brings filter p into a regression of all filters on those that are in, or takes it out again (the
 * sweep operator: Goodnight, The American Statistician 33, 1979). With nothing in, a is the
 * covariance. Filters k, l being in and q, r out:
 *
 *   a[q][r] = what is left of their covariance     a[r][k] = r's coefficient on k
 *   a[k][l] = minus the inverse of the covariance of those that are in
 *
 * column is scratch, [n]. */
static void sweep(double *a, size_t n, size_t p, double *column)
{
  const double pivot = a[p * n + p];
  memcpy(column, a + p * n, n * sizeof *column);
  for (size_t i = 0; i < n; ++i) {
    const double factor = column[i] / pivot;
    for (size_t j = 0; j < n && factor != 0.0; ++j)
      a[i * n + j] -= factor * column[j];
  }
  for (size_t i = 0; i < n; ++i)
    a[i * n + p] = a[p * n + i] = column[i] / fabs(pivot);
  a[p * n + p] = -1.0 / pivot;
}

/* How much of the variance of all filters filter j explains, beyond those that are kept. */
static double gain(const tv_merge_statistics *s, const unsigned char *keep, size_t j)
{
  const double *row = s->covariance + j * s->filters;
  double sum = 0.0;
  if (!(row[j] > 1e-12 * s->variance[j]))
    return 0.0; /* explained already, to rounding */
  for (size_t i = 0; i < s->filters; ++i)
    sum += keep[i] ? 0.0 : row[i] * row[i];
  return sum / row[j];
}

/* Those that explain most come in, one by one. */
static void choose_most(unsigned char *keep, tv_merge_statistics *s, size_t number, double *column)
{
  memset(keep, 0, s->filters);
  for (size_t k = 0; k < number; ++k) {
    size_t best = s->filters;
    double most = -1.0;
    for (size_t j = 0; j < s->filters; ++j) {
      const double g = keep[j] ? -1.0 : s->variance[j] > 0.0 ? gain(s, keep, j) : -0.5;
      if (g > most) {
        most = g;
        best = j;
      }
    }
    keep[best] = 1;
    if (most > 0.0)
      sweep(s->covariance, s->filters, best, column);
  }
}

/* Brings in all filters but those that follow from others, to rounding; each time the one that
 * those before it explain least. Returns how many are in. */
static size_t bring_all_in(unsigned char *in, tv_merge_statistics *s, double *column)
{
  const size_t n = s->filters;
  memset(in, 0, n);
  for (size_t count = 0;; ++count) {
    size_t best = n;
    double most = 1e-10;
    for (size_t j = 0; j < n; ++j) {
      const double left =
        in[j] || s->variance[j] == 0.0 ? 0.0 : s->covariance[j * n + j] / s->variance[j];
      if (left > most) {
        most = left;
        best = j;
      }
    }
    if (best == n)
      return count;
    in[best] = 1;
    sweep(s->covariance, n, best, column);
  }
}

/* gram = W^T W: scalar products of what the next layer has for two filters. */
static void make_gram(double *gram, const tv_layer *next)
{
  const size_t n = next->inputs, window = next->window;
  memset(gram, 0, n * n * sizeof *gram);
  for (size_t o = 0; o < next->outputs; ++o)
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j <= i; ++j) {
        const float *a = next->weights + (o * n + i) * window;
        const float *b = next->weights + (o * n + j) * window;
        double sum = 0.0;
        for (size_t k = 0; k < window; ++k)
          sum += (double)a[k] * b[k];
        gram[i * n + j] += sum;
      }
  for (size_t i = 0; i < n; ++i)
    for (size_t j = i + 1; j < n; ++j)
      gram[i * n + j] = gram[j * n + i];
}

/* The next layer's weights for filter p, which is out, go to those that are in by its coefficients
 * on them, as tv_merge() will do; so their scalar products change. scratch is [2 n]. */
static void hand_over(
  double *gram, const tv_merge_statistics *s, const unsigned char *in, size_t p, double *scratch)
{
  const size_t n = s->filters;
  double *coefficient = scratch, *row = scratch + n;
  memcpy(row, gram + p * n, n * sizeof *row);
  for (size_t i = 0; i < n; ++i)
    coefficient[i] = in[i] ? s->covariance[p * n + i] : 0.0;
  for (size_t i = 0; i < n; ++i) {
    const double of_row = coefficient[i], of_coefficient = row[i] + coefficient[i] * row[p];
    for (size_t j = 0; j < n; ++j)
      gram[i * n + j] += of_row * row[j] + of_coefficient * coefficient[j];
  }
}

/* Those that cost least go, one by one. scratch is [2 n]. */
static void choose_least(unsigned char *keep, tv_merge_statistics *s, size_t number,
  const tv_layer *next, double *gram, double *scratch)
{
  const size_t n = s->filters;
  size_t kept = bring_all_in(keep, s, scratch);
  for (int constant = 0; constant < 2; ++constant) /* what follows from others, and is wanted */
    for (size_t i = 0; i < n && kept < number; ++i)
      if (!keep[i] && (s->variance[i] == 0.0) == constant) {
        keep[i] = 1;
        ++kept;
      }
  if (kept == number)
    return;
  make_gram(gram, next);
  for (size_t i = 0; i < n; ++i)
    if (!keep[i])
      hand_over(gram, s, keep, i, scratch);
  for (; kept > number; --kept) {
    size_t best = n;
    double least = 0.0;
    for (size_t j = 0; j < n; ++j) {
      /* the squares of the weights for j, times the variance of j that the others do not explain */
      const double cost = keep[j] ? gram[j * n + j] / -s->covariance[j * n + j] : 0.0;
      if (keep[j] && (best == n || cost <= least)) {
        least = cost;
        best = j;
      }
    }
    keep[best] = 0;
    sweep(s->covariance, n, best, scratch);
    hand_over(gram, s, keep, best, scratch);
  }
}

/* The kept filter that says most about filter r, with the covariances as they were. */
static int32_t closest(
  const double *moments, const tv_merge_statistics *s, const unsigned char *keep, size_t r)
{
  const size_t n = s->filters + 1;
  const double count = moments[s->filters * n + s->filters];
  int32_t best = -1;
  double most = -1.0;
  for (size_t k = 0; k < s->filters; ++k) {
    if (!keep[k])
      continue;
    const double c = moments[r * n + k] / count - s->mean[r] * s->mean[k];
    const double explained =
      s->variance[k] > 0.0 && s->variance[r] > 0.0 ? c * c / s->variance[k] : 0.0;
    if (explained > most) {
      most = explained;
      best = (int32_t)k;
    }
  }
  return best;
}

static int keep_number(unsigned char *keep, int32_t *representatives, double *explained,
  const double *moments, size_t filters, size_t number, const tv_layer *next)
{
  tv_merge_statistics s = {0};
  if (!keep || !representatives)
    return tv_fail(TV_ERROR_ARGUMENT, "no filters to choose from");
  int status = tv_merge_check_size(filters);
  if (status)
    return status;
  if (!moments)
    return tv_fail(TV_ERROR_ARGUMENT,
      "which filters to keep is chosen by second moments (kind \"moments\"), and there are none");
  if (number < 1 || number > filters)
    return tv_fail(TV_ERROR_ARGUMENT, "%zu of %zu filters cannot be kept", number, filters);
  if (number == 1 && filters > 1)
    return tv_fail(TV_ERROR_ARGUMENT,
      "merging all %zu filters into one would leave a layer of one filter", filters);
  if (next && (!next->weights || next->inputs != filters))
    return tv_fail(TV_ERROR_ARGUMENT, "the next layer reads %zu filters, and there are %zu",
      next->inputs, filters);
  status = tv_merge_statistics_make(&s, moments, filters);
  if (status)
    return status;
  double *scratch = malloc(2 * filters * sizeof *scratch);
  double *gram = next ? malloc(filters * filters * sizeof *gram) : NULL;
  if (!scratch || (next && !gram))
    status = tv_fail(TV_ERROR_MEMORY, "no memory to choose among %zu filters", filters);
  else {
    double all = 0.0, left = 0.0;
    if (next)
      choose_least(keep, &s, number, next, gram, scratch);
    else
      choose_most(keep, &s, number, scratch);
    for (size_t i = 0; i < filters; ++i) {
      all += s.variance[i];
      left += keep[i] ? 0.0 : fmax(s.covariance[i * filters + i], 0.0);
      representatives[i] = keep[i] ? (int32_t)i : closest(moments, &s, keep, i);
    }
    if (explained)
      *explained = all > 0.0 ? 1.0 - left / all : 1.0;
  }
  free(gram);
  free(scratch);
  tv_merge_statistics_free(&s);
  return status;
}

int tv_keep_number(unsigned char *keep, int32_t *representatives, double *explained,
  const double *moments, size_t filters, size_t number)
{
  return keep_number(keep, representatives, explained, moments, filters, number, NULL);
}

int tv_keep_number_for(unsigned char *keep, int32_t *representatives, double *explained,
  const double *moments, size_t filters, size_t number, const tv_layer *next)
{
  if (!next)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no next layer to choose filters for");
  return keep_number(keep, representatives, explained, moments, filters, number, next);
}
