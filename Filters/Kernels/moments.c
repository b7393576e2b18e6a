/* SPDX-License-Identifier: BSD-3-Clause */
#include "moments.h"

#include "execution.h"
#include "status.h"
#include "vectors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum
{
  PATCH = 8,            /* filters on each side of a patch of M */
  SLAB_BYTES = 2 << 20, /* of packed pixels at a time: a second-level cache, or two */
  STRETCH = 256,        /* pixels of a slab that one thread packs at a time */
  SMALL = 1 << 18       /* multiplications that are not worth waking a thread */
};

/* Where a number of the batch stands: filter * stride + offset of its pixel. */
typedef struct batch
{
  const char *data;
  tv_type type;
  const double *centre;
  size_t filters, padded;                 /* padded: to whole patches */
  size_t outer, middle, inner, stride[4]; /* n, h, w and their strides; stride[3]: of filters */
} batch;

size_t tv_moments_size(size_t filters)
{
  int overflow = filters == SIZE_MAX;
  const size_t size = tv_multiply(filters + 1, filters + 1, &overflow);
  return overflow ? 0 : size;
}

static int read_axes(batch *b, const char *axes, const size_t *shape)
{
  size_t size[4] = {1, 1, 1, 0}, stride = 1;
  int overflow = 0;
  const size_t rank = strlen(axes);
  for (size_t i = rank; i-- > 0;) {
    const char *letter = strchr("nhwc", axes[i]);
    if (!letter || rank > 4 || strchr(axes + i + 1, axes[i]))
      return tv_fail(TV_ERROR_ARGUMENT, "\"%s\" are not axes of activations", axes);
    size[letter - "nhwc"] = shape[i];
    b->stride[letter - "nhwc"] = stride;
    stride = tv_multiply(stride, shape[i], &overflow);
    if (shape[i] < 1)
      return tv_fail(TV_ERROR_ARGUMENT, "axis '%c' of the activations has no length", axes[i]);
  }
  if (size[3] < 1)
    return tv_fail(TV_ERROR_ARGUMENT, "the axes \"%s\" name no filters ('c')", axes);
  tv_multiply(stride, sizeof(double), &overflow);
  if (overflow || !tv_moments_size(size[3] + PATCH))
    return tv_fail(TV_ERROR_ARGUMENT, "the activations are too many for a matrix of moments");
  b->outer = size[0];
  b->middle = size[1];
  b->inner = size[2];
  b->filters = size[3];
  b->padded = (b->filters + PATCH) / PATCH * PATCH; /* room for the 1 */
  return TV_OK;
}

/* Pixels first to end, counted over all samples, as double: packed[pixel][padded], with the 1. */
static void pack(double *packed, const batch *b, size_t first, size_t end)
{
  for (size_t pixel = first; pixel < end; ++pixel, packed += b->padded) {
    const size_t sample = pixel / (b->middle * b->inner), rest = pixel % (b->middle * b->inner);
    const size_t at =
      sample * b->stride[0] + rest / b->inner * b->stride[1] + rest % b->inner * b->stride[2];
    if (b->type == TV_FLOAT32) {
      const float *from = (const float *)b->data + at;
      for (size_t filter = 0; filter < b->filters; ++filter)
        packed[filter] = (double)from[filter * b->stride[3]];
    } else {
      const double *from = (const double *)b->data + at;
      for (size_t filter = 0; filter < b->filters; ++filter)
        packed[filter] = from[filter * b->stride[3]];
    }
    for (size_t filter = 0; b->centre && filter < b->filters; ++filter)
      packed[filter] -= b->centre[filter];
    packed[b->filters] = 1.0;
    for (size_t filter = b->filters + 1; filter < b->padded; ++filter)
      packed[filter] = 0.0;
  }
}

/* sum[i][j] += products of filters row + i and column + j over the packed pixels. */
static inline __attribute__((always_inline)) void multiply_body(double *restrict sum,
  const double *restrict a, const double *restrict b, size_t stride, size_t pixels)
{
  double s[PATCH][PATCH];
  memcpy(s, sum, sizeof s);
  for (size_t pixel = 0; pixel < pixels; ++pixel, a += stride, b += stride)
#pragma GCC unroll 8
    for (size_t i = 0; i < PATCH; ++i)
#pragma GCC unroll 8
      for (size_t j = 0; j < PATCH; ++j)
        s[i][j] += a[i] * b[j];
  memcpy(sum, s, sizeof s);
}

typedef void multiply_function(double *, const double *, const double *, size_t, size_t);

static void multiply_plain(
  double *sum, const double *a, const double *b, size_t stride, size_t pixels)
{
  multiply_body(sum, a, b, stride, pixels);
}

#ifdef TV_VECTORS_X86
TV_TARGET_AVX2 static void multiply_avx2(
  double *sum, const double *a, const double *b, size_t stride, size_t pixels)
{
  multiply_body(sum, a, b, stride, pixels);
}

TV_TARGET_AVX512 static void multiply_avx512(
  double *sum, const double *a, const double *b, size_t stride, size_t pixels)
{
  multiply_body(sum, a, b, stride, pixels);
}
#endif

static multiply_function *best_multiply(void)
{
#ifdef TV_VECTORS_X86
  switch (tv_vectors_best()) {
  case TV_VECTORS_AVX512:
    return multiply_avx512;
  case TV_VECTORS_AVX2:
    return multiply_avx2;
  default:
    break;
  }
#endif
  return multiply_plain;
}

/* Adds the slab to the patches of one row of patches, lower triangle: each patch has one owner. */
static void add_row(double *patches, const double *packed, const batch *b, size_t row,
  size_t pixels, multiply_function *multiply)
{
  for (size_t column = 0; column <= row; ++column)
    multiply(patches + (row * (row + 1) / 2 + column) * PATCH * PATCH, packed + row * PATCH,
      packed + column * PATCH, b->padded, pixels);
}

static void add_batch(double *patches, double *packed, const batch *b, size_t slab, int threads)
{
  const size_t pixels = b->outer * b->middle * b->inner, rows = b->padded / PATCH;
  multiply_function *multiply = best_multiply();
#pragma omp parallel num_threads(threads) if (threads > 1)
  for (size_t first = 0; first < pixels; first += slab) {
    const size_t end = pixels - first < slab ? pixels : first + slab;
#pragma omp for schedule(dynamic)
    for (size_t start = first; start < end; start += STRETCH)
      pack(packed + (start - first) * b->padded, b, start,
        end - start < STRETCH ? end : start + STRETCH);
#pragma omp for schedule(dynamic)
    for (size_t row = 0; row < rows; ++row)
      add_row(patches, packed, b, rows - 1 - row, end - first, multiply); /* the longest first */
  }
}

int tv_moments_add(double *moments, const void *data, tv_type type, const char *axes,
  const size_t *shape, const double *centre, const tv_execution *execution)
{
  batch b = {.data = data, .type = type, .centre = centre};
  if (!moments || !data || !axes || !shape)
    return tv_fail(TV_ERROR_ARGUMENT, "no activations to take moments of");
  if (type != TV_FLOAT32 && type != TV_FLOAT64)
    return tv_fail(TV_ERROR_UNSUPPORTED, "only float32 and float64 values have moments here");
  const int status = read_axes(&b, axes, shape);
  if (status)
    return status;

  const size_t pixels = b.outer * b.middle * b.inner, rows = b.padded / PATCH;
  size_t slab = SLAB_BYTES / sizeof(double) / b.padded / STRETCH * STRETCH;
  slab = slab < STRETCH ? STRETCH : slab > pixels ? pixels : slab;
  double *patches = calloc(rows * (rows + 1) / 2, PATCH * PATCH * sizeof *patches);
  double *packed = malloc(slab * b.padded * sizeof *packed);
  if (!patches || !packed) {
    free(patches);
    free(packed);
    return tv_fail(TV_ERROR_MEMORY, "no memory for the moments of %zu filters", b.filters);
  }
  const int small = (double)b.filters * (double)b.filters * (double)pixels < SMALL;
  const int threads = small ? 1 : tv_idle_threads(tv_execution_threads(execution));
  add_batch(patches, packed, &b, slab, threads);

  const size_t n = b.filters + 1;
  for (size_t i = 0; i < n; ++i)
    for (size_t j = 0; j <= i; ++j) {
      const double *patch = patches + (i / PATCH * (i / PATCH + 1) / 2 + j / PATCH) * PATCH * PATCH;
      const double sum = patch[i % PATCH * PATCH + j % PATCH];
      moments[i * n + j] += sum;
      if (i != j)
        moments[j * n + i] += sum;
    }
  free(patches);
  free(packed);
  return TV_OK;
}

/* n * covariance of two filters. */
static double covariance(const double *moments, size_t filters, size_t i, size_t j)
{
  const size_t n = filters + 1;
  return moments[i * n + j] -
         moments[i * n + filters] * (moments[j * n + filters] / moments[filters * n + filters]);
}

/* n * variance, 0 for a constant filter. */
static double squares(const double *moments, size_t filters, size_t i)
{
  const double v = covariance(moments, filters, i, i);
  return v < 1e-12 * moments[i * (filters + 1) + i] ? 0.0 : v;
}

void tv_moments_statistics(double *mean, double *variance, const double *moments, size_t filters)
{
  const size_t n = filters + 1;
  const double count = moments[filters * n + filters];
  for (size_t i = 0; i < filters; ++i) {
    if (mean)
      mean[i] = moments[i * n + filters] / count;
    if (variance)
      variance[i] = squares(moments, filters, i) / count;
  }
}

/* Sum of products of two filters, the centre undone. */
static double raw_product(
  const double *moments, size_t filters, size_t i, size_t j, const double *centre)
{
  const size_t n = filters + 1;
  if (!centre)
    return moments[i * n + j];
  return moments[i * n + j] + centre[i] * moments[j * n + filters] +
         centre[j] * moments[i * n + filters] +
         centre[i] * centre[j] * moments[filters * n + filters];
}

int tv_correlate_moments(
  float *matrix, const double *moments, size_t filters, tv_metric metric, const double *centre)
{
  if (!matrix || !moments || filters < 1)
    return tv_fail(TV_ERROR_ARGUMENT, "no moments to correlate");
  if (metric != TV_PEARSON && metric != TV_COSINE)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no metric number %d", (int)metric);
  if (!(moments[filters * (filters + 1) + filters] >= 2.0))
    return tv_fail(TV_ERROR_ARGUMENT, "the moments are of fewer than 2 pixels");
  double *norm = malloc(filters * sizeof *norm);
  if (!norm)
    return tv_fail(TV_ERROR_MEMORY, "no memory to correlate %zu filters", filters);
  for (size_t i = 0; i < filters; ++i) {
    const double v = squares(moments, filters, i);
    const double all = metric == TV_COSINE ? raw_product(moments, filters, i, i, centre) : v;
    norm[i] = v > 0.0 && isfinite(v) ? 1.0 / sqrt(all) : NAN;
  }
  for (size_t i = 0; i < filters; ++i)
    for (size_t j = 0; j <= i; ++j) {
      const double product = metric == TV_COSINE ? raw_product(moments, filters, i, j, centre)
                                                 : covariance(moments, filters, i, j);
      double r = product * norm[i] * norm[j];
      r = r > 1.0 || (i == j && !isnan(r)) ? 1.0 : r < -1.0 ? -1.0 : r;
      matrix[i * filters + j] = matrix[j * filters + i] = (float)r;
    }
  free(norm);
  return TV_OK;
}

int tv_regress_moments(double *scale, double *offset, const double *moments, size_t filters,
  const int32_t *representatives, const double *centre)
{
  const size_t n = filters + 1;
  if (!scale || !offset || !moments || !representatives || filters < 1)
    return tv_fail(TV_ERROR_ARGUMENT, "no moments to regress");
  for (size_t i = 0; i < filters; ++i) {
    const int32_t r = representatives[i];
    if (r < -1 || (int64_t)r >= (int64_t)filters)
      return tv_fail(
        TV_ERROR_ARGUMENT, "filter %zu has representative %d of %zu filters", i, (int)r, filters);
    scale[i] = r < 0 ? NAN : 1.0;
    offset[i] = r < 0 ? NAN : 0.0;
    if (r < 0 || (size_t)r == i)
      continue;
    const double count = moments[filters * n + filters];
    const double mean_i = moments[i * n + filters] / count + (centre ? centre[i] : 0.0);
    const double mean_r = moments[(size_t)r * n + filters] / count + (centre ? centre[r] : 0.0);
    scale[i] = covariance(moments, filters, i, (size_t)r) /
               covariance(moments, filters, (size_t)r, (size_t)r);
    offset[i] = mean_i - scale[i] * mean_r;
  }
  return TV_OK;
}
