#include "merge.h"

#include "moments.h"
#include "status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What tv_keep_number() and tv_combine() compute with: the moments as means and covariances. */
typedef struct statistics
{
  size_t filters;
  double *mean, *variance; /* [filters] */
  double *covariance;      /* [filters][filters]: G */
  double *read; /* NULL, or [filters][filters]: G W^T W G, W being what the next layer reads with */
} statistics;

static void free_statistics(statistics *s)
{
  free(s->mean);
  free(s->variance);
  free(s->covariance);
  free(s->read);
}

static int make_statistics(statistics *s, const double *moments, size_t filters)
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
    free_statistics(s);
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

static int check_size(size_t filters)
{
  if (filters < 1 || filters > INT32_MAX || !tv_moments_size(filters))
    return tv_fail(TV_ERROR_ARGUMENT, "there are no filters to merge, or too many");
  return TV_OK;
}

int tv_keep_groups(unsigned char *keep, int32_t *representatives, const int32_t *groups,
  size_t filters, const double *moments)
{
  size_t kept = 0;
  if (!keep || !representatives || !groups)
    return tv_fail(TV_ERROR_ARGUMENT, "no groups to merge");
  int status = check_size(filters);
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

/* How much of the variance of all filters (or, with the next layer known, of its inputs) one column
 * of what is left explains. */
static double gain(const statistics *s, size_t j)
{
  const double pivot = s->covariance[j * s->filters + j];
  double sum = 0.0;
  if (!(pivot > 1e-12 * s->variance[j]))
    return 0.0; /* explained already, to rounding */
  if (s->read)
    return fmax(s->read[j * s->filters + j], 0.0) / pivot;
  for (size_t i = 0; i < s->filters; ++i)
    sum += s->covariance[j * s->filters + i] * s->covariance[j * s->filters + i];
  return sum / pivot;
}

/* G becomes G - g g^T / d, with its column g and diagonal d = g_p, and so H = G W^T W G becomes
 * H - (g h^T + h g^T) / d + H_pp g g^T / d^2 with its column h: G W^T W g = H e_p. */
static void explain_read(statistics *s, size_t p, const double *g, double *h)
{
  const double d = g[p], both = s->read[p * s->filters + p] / (d * d);
  memcpy(h, s->read + p * s->filters, s->filters * sizeof *h);
  for (size_t i = 0; i < s->filters; ++i)
    for (size_t j = 0; j < s->filters; ++j)
      s->read[i * s->filters + j] += both * g[i] * g[j] - (g[i] * h[j] + h[i] * g[j]) / d;
}

/* Takes out of the covariance what filter p explains; column is scratch of 2 columns. */
static void explain(statistics *s, size_t p, double *column)
{
  const double pivot = s->covariance[p * s->filters + p];
  if (!(pivot > 1e-12 * s->variance[p]))
    return;
  memcpy(column, s->covariance + p * s->filters, s->filters * sizeof *column);
  if (s->read)
    explain_read(s, p, column, column + s->filters);
  for (size_t i = 0; i < s->filters; ++i) {
    const double factor = column[i] / pivot;
    double *row = s->covariance + i * s->filters;
    for (size_t j = 0; j < s->filters && factor != 0.0; ++j)
      row[j] -= factor * column[j];
  }
}

static void choose(unsigned char *keep, statistics *s, size_t number, double *column)
{
  memset(keep, 0, s->filters);
  for (size_t k = 0; k < number; ++k) {
    size_t best = s->filters;
    double most = -1.0;
    for (size_t j = 0; j < s->filters; ++j) {
      const double g = keep[j] ? -1.0 : s->variance[j] > 0.0 ? gain(s, j) : -0.5;
      if (g > most) {
        most = g;
        best = j;
      }
    }
    keep[best] = 1;
    explain(s, best, column);
  }
}

/* The kept filter that says most about filter r, with the covariances as they were. */
static int32_t closest(
  const double *moments, const statistics *s, const unsigned char *keep, size_t r)
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

/* s->read from the covariance and the weights of the next layer. */
static int make_read(statistics *s, const tv_layer *next)
{
  const size_t n = s->filters;
  if (!next->weights || next->inputs != n)
    return tv_fail(
      TV_ERROR_ARGUMENT, "the next layer reads %zu filters, and there are %zu", next->inputs, n);
  double *gram = calloc(n * n, sizeof *gram), *half = malloc(n * n * sizeof *half);
  s->read = malloc(n * n * sizeof *s->read);
  if (!gram || !half || !s->read) {
    free(gram);
    free(half);
    return tv_fail(TV_ERROR_MEMORY, "no memory to choose among %zu filters", n);
  }
  for (size_t o = 0; o < next->outputs; ++o)
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j <= i; ++j) {
        const float *a = next->weights + (o * n + i) * next->window;
        const float *b = next->weights + (o * n + j) * next->window;
        double sum = 0.0;
        for (size_t k = 0; k < next->window; ++k)
          sum += (double)a[k] * b[k];
        gram[i * n + j] += sum;
      }
  for (size_t i = 0; i < n; ++i)
    for (size_t j = i + 1; j < n; ++j)
      gram[i * n + j] = gram[j * n + i];
  for (int second = 0; second < 2; ++second) { /* half = W^T W G, then read = G half */
    const double *left = second ? s->covariance : gram, *right = second ? half : s->covariance;
    double *out = second ? s->read : half;
    memset(out, 0, n * n * sizeof *out);
    for (size_t i = 0; i < n; ++i)
      for (size_t k = 0; k < n; ++k)
        for (size_t j = 0; j < n; ++j)
          out[i * n + j] += left[i * n + k] * right[k * n + j];
  }
  free(gram);
  free(half);
  return TV_OK;
}

static int keep_number(unsigned char *keep, int32_t *representatives, double *explained,
  const double *moments, size_t filters, size_t number, const tv_layer *next)
{
  statistics s;
  if (!keep || !representatives)
    return tv_fail(TV_ERROR_ARGUMENT, "no filters to choose from");
  int status = check_size(filters);
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
  status = make_statistics(&s, moments, filters);
  if (status)
    return status;
  double *column = malloc(2 * filters * sizeof *column);
  if (!column)
    status = tv_fail(TV_ERROR_MEMORY, "no memory to merge %zu filters", filters);
  else if (next)
    status = make_read(&s, next);
  if (!status) {
    double all = 0.0, left = 0.0;
    choose(keep, &s, number, column);
    for (size_t i = 0; i < filters; ++i) {
      all += s.variance[i];
      left += keep[i] ? 0.0 : fmax(s.covariance[i * filters + i], 0.0);
      representatives[i] = keep[i] ? (int32_t)i : closest(moments, &s, keep, i);
    }
    if (explained)
      *explained = all > 0.0 ? 1.0 - left / all : 1.0;
  }
  free(column);
  free_statistics(&s);
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
static int reconstruct(double *combination, const statistics *s, const unsigned char *keep)
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

static int combine_rows(double *combination, const statistics *s, const unsigned char *keep,
  const int32_t *representatives, size_t filters, tv_merge_way way)
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
static double residual_of(const double *row, const statistics *s, size_t i)
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
  const int status = check_size(filters);
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
  statistics s = {0};
  size_t back = 0, changed = 1;
  if (!combination || !residual || !keep || !representatives)
    return tv_fail(TV_ERROR_ARGUMENT, "no filters to combine");
  int status = check_combination(keep, representatives, moments, filters, way, bound);
  if (!status && moments)
    status = make_statistics(&s, moments, filters);
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
  free_statistics(&s);
  return status;
}

/* Keeps some of rows * [filters] * size numbers, and closes the gaps. */
static void compact(
  float *array, size_t rows, size_t filters, size_t size, const unsigned char *keep)
{
  float *to = array;
  for (size_t row = 0; array && row < rows; ++row)
    for (size_t i = 0; i < filters; ++i)
      if (keep[i]) {
        const float *from = array + (row * filters + i) * size;
        if (to != from)
          memmove(to, from, size * sizeof *to);
        to += size;
      }
}

/* One output of the next layer: its weights for the removed filters go to the kept ones. sum is
 * scratch, [filters][window]. */
static void combine_weights(float *weights, float *bias, const tv_layer *next,
  const unsigned char *keep, const double *combination, double *sum)
{
  const size_t filters = next->inputs, window = next->window;
  double constant = 0.0;
  for (size_t i = 0; i < filters * window; ++i)
    sum[i] = (double)weights[i];
  for (size_t r = 0; r < filters; ++r) {
    const double *row = combination + r * (filters + 1);
    const float *removed = weights + r * window;
    if (keep[r])
      continue;
    for (size_t k = 0; k < filters; ++k)
      for (size_t at = 0; at < window && row[k] != 0.0; ++at)
        sum[k * window + at] += row[k] * (double)removed[at];
    for (size_t at = 0; at < window; ++at)
      constant += row[filters] * (double)removed[at];
  }
  for (size_t i = 0; i < filters * window; ++i)
    weights[i] = (float)sum[i];
  if (bias)
    *bias = (float)((double)*bias + constant);
}

static int check_layers(const tv_layer *layer, const tv_layer *next, const unsigned char *keep,
  const double *combination, size_t filters)
{
  size_t kept = 0;
  if (layer->outputs != filters || !layer->weights)
    return tv_fail(TV_ERROR_ARGUMENT, "the layer has %zu filters, and %zu are to be merged",
      layer->outputs, filters);
  for (size_t i = 0; i < filters; ++i)
    kept += keep[i] != 0;
  if (kept == 0)
    return tv_fail(TV_ERROR_ARGUMENT, "no filter is kept");
  if (layer->shared)
    return tv_fail(TV_ERROR_UNSUPPORTED,
      "the layer's weights are shared with another layer, which would lose its filters too");
  if (!next)
    return TV_OK;
  if (next->inputs != filters || !next->weights)
    return tv_fail(
      TV_ERROR_ARGUMENT, "the next layer reads %zu filters, not %zu", next->inputs, filters);
  if (next->shared)
    return tv_fail(TV_ERROR_UNSUPPORTED,
      "the next layer is shared: what else uses its weights, or reads the same filters, would "
      "change too");
  for (size_t r = 0; r < filters && !next->bias; ++r)
    if (!keep[r] && combination[r * (filters + 1) + filters] != 0.0)
      return tv_fail(TV_ERROR_UNSUPPORTED,
        "the next layer has no bias that could take up the constant part of filter %zu", r);
  return TV_OK;
}

int tv_merge(tv_layer *layer, tv_layer *next, const unsigned char *keep, const double *combination,
  size_t filters)
{
  size_t kept = 0;
  if (!layer || !keep || !combination)
    return tv_fail(TV_ERROR_ARGUMENT, "no layer to merge filters of");
  int status = check_size(filters);
  if (!status)
    status = check_layers(layer, next, keep, combination, filters);
  if (status)
    return status;
  for (size_t i = 0; i < filters; ++i)
    kept += keep[i] != 0;
  double *sum = next ? malloc(filters * next->window * sizeof *sum) : NULL;
  if (next && !sum)
    return tv_fail(TV_ERROR_MEMORY, "no memory to merge %zu filters", filters);

  const size_t row = layer->inputs * layer->window;
  compact(layer->weights, 1, filters, row, keep);
  compact(layer->bias, 1, filters, 1, keep);
  for (size_t i = 0; i < layer->states; ++i) {
    compact(layer->weight_state ? layer->weight_state[i] : NULL, 1, filters, row, keep);
    compact(layer->bias_state ? layer->bias_state[i] : NULL, 1, filters, 1, keep);
  }
  layer->outputs = kept;
  if (!next)
    return TV_OK;

  for (size_t output = 0; output < next->outputs; ++output)
    combine_weights(next->weights + output * filters * next->window,
      next->bias ? next->bias + output : NULL, next, keep, combination, sum);
  free(sum);
  compact(next->weights, next->outputs, filters, next->window, keep);
  for (size_t i = 0; i < next->states; ++i)
    compact(next->weight_state ? next->weight_state[i] : NULL, next->outputs, filters, next->window,
      keep);
  next->inputs = kept;
  return TV_OK;
}
