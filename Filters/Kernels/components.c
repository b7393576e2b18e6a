/* SPDX-License-Identifier: BSD-3-Clause */
#include "components.h"

#include "moments.h"
#include "status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum
{
  LEAST_SLAB = 1 << 23, /* numbers of a slab: 32 MiB */
  MOST = 16,            /* components */
  SPARE = 5,            /* more are iterated, so that the last one asked for converges, too */
  ROUNDS = 2000,        /* of iteration, at most */
  SWEEPS = 40           /* of Jacobi's method for the small matrix */
};

int tv_gram_add(
  double *gram, float *slab, size_t records, size_t weights, const tv_execution *execution)
{
  if (!gram || !slab || records < 1 || weights < 1)
    return tv_fail(TV_ERROR_ARGUMENT, "products of records need records and weights");
  for (size_t r = records; r-- > 0;) /* the first last */
    for (size_t w = 0; w < weights; ++w)
      slab[r * weights + w] -= slab[w];
  const size_t side = records + 1;
  double *moments = calloc(tv_moments_size(records), sizeof *moments);
  if (!moments)
    return tv_fail(TV_ERROR_MEMORY, "no memory left for products of %zu records", records);
  const tv_rows rows = {slab, TV_FLOAT32, records, weights};
  const int status = tv_moments_add_rows(moments, &rows, NULL, execution);
  for (size_t r = 0; r < records && status == TV_OK; ++r)
    for (size_t s = 0; s < records; ++s)
      gram[r * records + s] += moments[r * side + s];
  free(moments);
  return status;
}

int tv_gram_stream(double *gram, size_t records, size_t weights, size_t step, tv_read_weights read,
  void *context, const tv_execution *execution)
{
  int overflow = 0, status = TV_OK;
  if (!gram || !read || records < 1 || weights < 1 || step < 1 || weights % step != 0)
    return tv_fail(
      TV_ERROR_ARGUMENT, "products of records need records, and weights in whole steps");
  const size_t room = 2 * weights > LEAST_SLAB ? 2 * weights : LEAST_SLAB; /* numbers */
  size_t width = room / records / step * step;
  width = width < step ? step : width > weights ? weights : width;
  const size_t bytes =
    tv_multiply(tv_multiply(width, records, &overflow), sizeof(float), &overflow);
  float *slab = overflow ? NULL : malloc(bytes);
  if (!slab)
    return tv_fail(
      TV_ERROR_MEMORY, "no memory left for %zu weights of %zu records", width, records);
  for (size_t first = 0; first < weights && status == TV_OK; first += width) {
    const size_t count = weights - first < width ? weights - first : width;
    for (size_t r = 0; r < records && status == TV_OK; ++r)
      status = read(context, r, first, count, slab + r * count);
    if (status == TV_OK)
      status = tv_gram_add(gram, slab, records, count, execution);
    if (status == TV_OK && execution && execution->progress &&
        execution->progress(execution->context, (double)(first + count) / (double)weights) != 0)
      status = tv_fail(TV_ERROR_CANCELLED, "principal components were stopped");
  }
  free(slab);
  return status;
}

/* A small symmetric matrix and its eigenvectors, by Jacobi's rotations. */
static void rotate(double *a, double *v, size_t n)
{
  for (size_t k = 0; k < n * n; ++k)
    v[k] = k % (n + 1) == 0;
  for (int sweep = 0; sweep < SWEEPS; ++sweep) {
    double off = 0, on = 0;
    for (size_t k = 0; k < n * n; ++k)
      *(k % (n + 1) ? &off : &on) += a[k] * a[k];
    if (off <= 1e-30 * on)
      return;
    for (size_t p = 0; p < n; ++p)
      for (size_t q = p + 1; q < n; ++q) {
        if (a[p * n + q] == 0)
          continue;
        const double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
        const double t = (theta < 0 ? -1 : 1) / (fabs(theta) + sqrt(theta * theta + 1));
        const double c = 1 / sqrt(t * t + 1), s = t * c;
        for (size_t k = 0; k < n; ++k) {
          const double x = a[k * n + p], y = a[k * n + q];
          a[k * n + p] = c * x - s * y;
          a[k * n + q] = s * x + c * y;
        }
        for (size_t k = 0; k < n; ++k) {
          const double x = a[p * n + k], y = a[q * n + k];
          a[p * n + k] = c * x - s * y;
          a[q * n + k] = s * x + c * y;
          const double i = v[k * n + p], j = v[k * n + q];
          v[k * n + p] = c * i - s * j;
          v[k * n + q] = s * i + c * j;
        }
      }
  }
}

/* Orthonormal columns of x [rows][n], by Gram and Schmidt, twice; a column that is 0 stays so. */
static void orthonormalise(double *x, size_t rows, size_t n)
{
  for (size_t k = 0; k < n; ++k) {
    double before = 0, squares = 0;
    for (size_t r = 0; r < rows; ++r)
      before += x[r * n + k] * x[r * n + k];
    for (int twice = 0; twice < 2; ++twice)
      for (size_t j = 0; j < k; ++j) {
        double dot = 0;
        for (size_t r = 0; r < rows; ++r)
          dot += x[r * n + j] * x[r * n + k];
        for (size_t r = 0; r < rows; ++r)
          x[r * n + k] -= dot * x[r * n + j];
      }
    for (size_t r = 0; r < rows; ++r)
      squares += x[r * n + k] * x[r * n + k];
    const double scale = squares > 1e-28 * before && squares > 0 ? 1 / sqrt(squares) : 0;
    for (size_t r = 0; r < rows; ++r)
      x[r * n + k] *= scale;
  }
}

/* y = a x, of symmetric a [rows][rows], x and y [rows][n]. */
static void multiply(double *y, const double *a, const double *x, size_t rows, size_t n)
{
  memset(y, 0, rows * n * sizeof *y);
  for (size_t r = 0; r < rows; ++r)
    for (size_t s = 0; s < rows; ++s)
      for (size_t k = 0; k < n; ++k)
        y[r * n + k] += a[r * rows + s] * x[s * n + k];
}

/* What the columns of x are under a: rotates them to the eigenvectors within their span, largest
 * first. y is a x and is rotated alike. */
static void settle(double *values, double *x, double *y, size_t rows, size_t n)
{
  double small[(MOST + SPARE) * (MOST + SPARE)], v[(MOST + SPARE) * (MOST + SPARE)];
  size_t order[MOST + SPARE];
  memset(small, 0, sizeof small);
  for (size_t r = 0; r < rows; ++r)
    for (size_t i = 0; i < n; ++i)
      for (size_t j = 0; j < n; ++j)
        small[i * n + j] += 0.5 * (x[r * n + i] * y[r * n + j] + x[r * n + j] * y[r * n + i]);
  rotate(small, v, n);
  for (size_t k = 0; k < n; ++k) {
    size_t at = k;
    for (; at > 0 && small[order[at - 1] * (n + 1)] < small[k * (n + 1)]; --at)
      order[at] = order[at - 1];
    order[at] = k;
  }
  for (size_t k = 0; k < n; ++k)
    values[k] = small[order[k] * (n + 1)];
  for (size_t r = 0; r < rows; ++r) {
    double old_x[MOST + SPARE], old_y[MOST + SPARE];
    memcpy(old_x, x + r * n, n * sizeof *x);
    memcpy(old_y, y + r * n, n * sizeof *y);
    for (size_t k = 0; k < n; ++k) {
      x[r * n + k] = y[r * n + k] = 0;
      for (size_t j = 0; j < n; ++j) {
        x[r * n + k] += old_x[j] * v[j * n + order[k]];
        y[r * n + k] += old_y[j] * v[j * n + order[k]];
      }
    }
  }
}

/* Whether the first count columns are eigenvectors: a x = value x. */
static int converged(
  const double *values, const double *x, const double *y, size_t rows, size_t n, size_t count)
{
  double worst = 0;
  for (size_t k = 0; k < count; ++k) {
    double squares = 0;
    for (size_t r = 0; r < rows; ++r) {
      const double d = y[r * n + k] - values[k] * x[r * n + k];
      squares += d * d;
    }
    worst = fmax(worst, squares);
  }
  return sqrt(worst) <= 1e-10 * fabs(values[0]);
}

/* The largest eigenvalues of a and their vectors, the columns of x [rows][n]. */
static int iterate(double *values, double *x, const double *a, size_t rows, size_t n, size_t count)
{
  double *y = malloc(rows * n * sizeof *y);
  if (!y)
    return tv_fail(TV_ERROR_MEMORY, "no memory left for components of %zu records", rows);
  unsigned state = 1;
  for (size_t k = 0; k < rows * n; ++k) {
    state = state * 1664525u + 1013904223u;
    x[k] = (double)(state >> 8) / 8388608.0 - 1;
  }
  for (int round = 0; round < ROUNDS; ++round) {
    orthonormalise(x, rows, n);
    multiply(y, a, x, rows, n);
    settle(values, x, y, rows, n);
    if (converged(values, x, y, rows, n, count))
      break;
    memcpy(x, y, rows * n * sizeof *x);
  }
  orthonormalise(x, rows, n);
  free(y);
  return TV_OK;
}

/* The records that are finite, and their products about the mean of all; how many. */
static size_t centre(double *a, size_t *kept, const double *gram, size_t records)
{
  size_t n = 0;
  double whole = 0;
  for (size_t r = 0; r < records; ++r)
    if (isfinite(gram[r * records + r]))
      kept[n++] = r;
  double *means = a + n * n; /* room for them: see tv_components() */
  for (size_t i = 0; i < n; ++i) {
    means[i] = 0;
    for (size_t j = 0; j < n; ++j)
      means[i] += gram[kept[i] * records + kept[j]] / (double)n;
    whole += means[i] / (double)n;
  }
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j < n; ++j)
      a[i * n + j] = gram[kept[i] * records + kept[j]] - means[i] - means[j] + whole;
  return n;
}

int tv_components(
  double *scores, double *explained, const double *gram, size_t records, size_t count)
{
  int overflow = 0;
  if (!scores || !explained || !gram || records < 1 || count < 1 || count > MOST)
    return tv_fail(TV_ERROR_ARGUMENT, "components are 1 to %d, of at least one record", MOST);
  const size_t room =
    tv_multiply(tv_multiply(records, records + 1, &overflow), sizeof(double), &overflow);
  double *a = overflow ? NULL : malloc(room), *x = malloc(records * (MOST + SPARE) * sizeof *x);
  size_t *kept = malloc(records * sizeof *kept);
  int status = a && x && kept ? TV_OK
                              : tv_fail(TV_ERROR_MEMORY,
                                  "no memory left for components of %zu records", records);
  if (status == TV_OK) {
    double values[MOST + SPARE] = {0}, whole = 0;
    const size_t n = centre(a, kept, gram, records), width = n < count + SPARE ? n : count + SPARE;
    for (size_t k = 0; k < records * count; ++k)
      scores[k] = NAN;
    for (size_t i = 0; i < n; ++i)
      whole += a[i * n + i];
    if (n > 0)
      status = iterate(values, x, a, n, width, count < width ? count : width);
    for (size_t k = 0; k < count && status == TV_OK; ++k) {
      const int there = k < width && values[k] > 1e-14 * whole && whole > 0;
      const double sign = there && x[(n - 1) * width + k] < 0 ? -1 : 1;
      explained[k] = there ? fmin(values[k] / whole, 1) : 0;
      for (size_t i = 0; i < n; ++i)
        scores[kept[i] * count + k] = there ? sign * sqrt(values[k]) * x[i * width + k] : 0;
    }
  }
  free(a);
  free(x);
  free(kept);
  return status;
}
