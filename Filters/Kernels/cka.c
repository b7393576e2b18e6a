/* SPDX-License-Identifier: BSD-3-Clause */
#include "cka.h"

#include "execution.h"
#include "status.h"

#include <math.h>
#include <stdlib.h>

enum
{
  LANES = 8
};

/* About what the first sample gives, which changes nothing and keeps digits. */
static double product(const float *a, const float *b, const float *about, size_t values)
{
  double sum[LANES] = {0}, all = 0;
  for (size_t k = 0; k + LANES <= values; k += LANES)
    for (int l = 0; l < LANES; ++l)
      sum[l] += ((double)a[k + l] - about[k + l]) * ((double)b[k + l] - about[k + l]);
  for (size_t k = values - values % LANES; k < values; ++k)
    all += ((double)a[k] - about[k]) * ((double)b[k] - about[k]);
  for (int l = 0; l < LANES; ++l)
    all += sum[l];
  return all;
}

int tv_cka_products(
  double *products, const float *x, size_t samples, size_t values, const tv_execution *execution)
{
  if (!products || !x || samples < 1 || values < 1)
    return tv_fail(TV_ERROR_ARGUMENT, "products of samples need samples and values");
  double *means = malloc(samples * sizeof *means), whole = 0;
  if (!means)
    return tv_fail(TV_ERROR_MEMORY, "no memory left for products of %zu samples", samples);
  const int threads = tv_execution_threads(execution);
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(dynamic)
  for (ptrdiff_t i = 0; i < (ptrdiff_t)samples; ++i)
    for (size_t j = 0; j <= (size_t)i; ++j)
      products[(size_t)i * samples + j] = products[j * samples + (size_t)i] =
        product(x + (size_t)i * values, x + j * values, x, values);
  for (size_t i = 0; i < samples; ++i) {
    means[i] = 0;
    for (size_t j = 0; j < samples; ++j)
      means[i] += products[i * samples + j] / (double)samples;
    whole += means[i] / (double)samples;
  }
  for (size_t i = 0; i < samples; ++i)
    for (size_t j = 0; j < samples; ++j)
      products[i * samples + j] += whole - means[i] - means[j];
  free(means);
  return TV_OK;
}

double tv_cka(const double *one, const double *other, size_t samples)
{
  double across = 0, first = 0, second = 0;
  for (size_t k = 0; k < samples * samples; ++k) {
    across += one[k] * other[k];
    first += one[k] * one[k];
    second += other[k] * other[k];
  }
  const double value = across / (sqrt(first) * sqrt(second));
  return value > 1 ? 1 : value;
}
