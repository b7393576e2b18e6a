/* SPDX-License-Identifier: BSD-3-Clause */
/* The similarity kernels at odd sizes in buffers of exactly their size, against plain loops in
 * double precision. Built once as usual and once with the address and undefined-behaviour
 * sanitizers, for which the Python tests are blind. */
#include "correlate.h"
#include "execution.h"
#include "group.h"
#include "merge.h"
#include "moments.h"
#include "vectors.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CHECK(condition, ...)                                                                      \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                              \
      fprintf(stderr, __VA_ARGS__);                                                                \
      fprintf(stderr, " (%s)\n", tv_last_error());                                                 \
      ++failures;                                                                                  \
    }                                                                                              \
  } while (0)

static double uniform(void)
{
  static uint64_t state = 1;
  state = state * 6364136223846793005u + 1442695040888963407u;
  return (double)(state >> 11) / 9007199254740992.0;
}

/* Rectified and shared in part, so that rows are zero at many pixels and some are alike. */
static void fill(double *x, size_t filters, size_t pixels)
{
  for (size_t pixel = 0; pixel < pixels; ++pixel) {
    const double shared = uniform();
    for (size_t i = 0; i < filters; ++i) {
      const double value = (i % 3 ? shared : 0.0) + 0.5 * uniform() - 0.4;
      x[i * pixels + pixel] = value > 0.0 ? value * (double)(1 + i % 5) : 0.0;
    }
  }
}

static double mean_of(const double *x, size_t pixels)
{
  double sum = 0.0;
  for (size_t i = 0; i < pixels; ++i)
    sum += x[i];
  return sum / (double)pixels;
}

static double product(const double *a, const double *b, size_t pixels, int centred)
{
  const double mean_a = centred ? mean_of(a, pixels) : 0.0;
  const double mean_b = centred ? mean_of(b, pixels) : 0.0;
  double sum = 0.0;
  for (size_t i = 0; i < pixels; ++i)
    sum += (a[i] - mean_a) * (b[i] - mean_b);
  return sum;
}

static void compare(
  const float *matrix, const double *x, size_t filters, size_t pixels, tv_metric metric)
{
  for (size_t i = 0; i < filters; ++i)
    for (size_t j = 0; j <= i; j += 1 + filters / 40) {
      const int centred = metric == TV_PEARSON;
      const double *a = x + i * pixels, *b = x + j * pixels;
      const double r = product(a, b, pixels, centred) /
                       sqrt(product(a, a, pixels, centred) * product(b, b, pixels, centred));
      const int constant = product(a, a, pixels, 1) == 0.0 || product(b, b, pixels, 1) == 0.0;
      const float found = matrix[i * filters + j];
      CHECK(constant ? isnan(found) : fabs((double)found - r) < 1e-6,
        "%zu x %zu, filters %zu and %zu: %g is not %g", filters, pixels, i, j, (double)found, r);
    }
}

static int stop(void *context, double done)
{
  (void)done;
  ++*(int *)context;
  return 1;
}

static void correlate(size_t filters, size_t pixels)
{
  const size_t count = filters * pixels;
  double *x = malloc(count * sizeof *x);
  float *narrow = malloc(count * sizeof *narrow);
  float *matrix = malloc(filters * filters * sizeof *matrix);
  float *again = malloc(filters * filters * sizeof *again);
  const char *instructions[] = {"plain", "AVX2", ""};
  fill(x, filters, pixels);
  for (size_t i = 0; i < count; ++i)
    x[i] = (double)(narrow[i] = (float)x[i]);
  for (size_t n = 0; n < 3; ++n)
    for (int metric = TV_PEARSON; metric <= TV_COSINE; ++metric)
      for (int type = TV_FLOAT32; type <= TV_FLOAT64; ++type) {
        const void *values = type == TV_FLOAT32 ? (const void *)narrow : (const void *)x;
        int calls = 0;
        const tv_rows rows = {values, (tv_type)type, filters, pixels};
        const tv_execution serial = {1, NULL, NULL}, three = {3, NULL, NULL},
                           stopped = {2, stop, &calls};
        tv_vectors_limit(instructions[n]);
        CHECK(!tv_correlate(matrix, &rows, (tv_metric)metric, &serial), "serial");
        CHECK(!tv_correlate(again, &rows, (tv_metric)metric, &three), "threads");
        CHECK(memcmp(matrix, again, filters * filters * sizeof *matrix) == 0,
          "%zu x %zu: threads change the result", filters, pixels);
        compare(matrix, x, filters, pixels, (tv_metric)metric);
        CHECK(tv_correlate(again, &rows, (tv_metric)metric, &stopped) == TV_ERROR_CANCELLED &&
                calls > 0,
          "not cancelled");
      }
  free(x);
  free(narrow);
  free(matrix);
  free(again);
}

static void moments(size_t samples, size_t filters, size_t pixels)
{
  const size_t n = filters + 1, total = samples * pixels;
  double *x = malloc(filters * total * sizeof *x); /* [filters][samples * pixels] */
  double *nchw = malloc(filters * total * sizeof *nchw);
  float *nhwc = malloc(filters * total * sizeof *nhwc);
  double *m = calloc(n * n, sizeof *m), *other = calloc(n * n, sizeof *other);
  float *matrix = malloc(filters * filters * sizeof *matrix);
  fill(x, filters, total);
  for (size_t i = 0; i < filters; ++i)
    for (size_t at = 0; at < total; ++at) {
      const float value = (float)x[i * total + at];
      x[i * total + at] = (double)value;
      nchw[at / pixels * filters * pixels + i * pixels + at % pixels] = (double)value;
      nhwc[at * filters + i] = value;
    }
  const size_t first[] = {samples, filters, pixels, 1}, last[] = {samples, pixels, 1, filters};
  CHECK(!tv_moments_add(m, nchw, TV_FLOAT64, "nchw", first, NULL, NULL), "nchw");
  CHECK(
    !tv_moments_add(other, nhwc, TV_FLOAT32, "nhwc", last, NULL, &(tv_execution){3, NULL, NULL}),
    "nhwc");
  CHECK(memcmp(m, other, n * n * sizeof *m) == 0, "the order of axes changes the moments");
  for (size_t i = 0; i < filters; ++i)
    for (size_t j = 0; j < filters; j += 1 + filters / 20) {
      const double wanted = product(x + i * total, x + j * total, total, 0);
      CHECK(fabs(m[i * n + j] - wanted) <= 1e-12 * (1.0 + fabs(wanted)), "moment %zu %zu", i, j);
    }
  if (total >= 2) {
    CHECK(!tv_correlate_moments(matrix, m, filters, TV_PEARSON, NULL), "from moments");
    compare(matrix, x, filters, total, TV_PEARSON);
  }
  free(x);
  free(nchw);
  free(nhwc);
  free(m);
  free(other);
  free(matrix);
}

/* From pixels to a smaller layer, in buffers that any step too far would leave. */
static void merge(size_t filters, size_t pixels, size_t number, tv_merge_way way)
{
  const size_t n = filters + 1, row = 2 * 9, window = 4, outputs = 3;
  const size_t shape[] = {filters, pixels};
  double *x = malloc(filters * pixels * sizeof *x), *m = calloc(n * n, sizeof *m);
  double *combination = malloc(filters * n * sizeof *combination);
  double *residual = malloc(filters * sizeof *residual), explained;
  unsigned char *keep = malloc(filters);
  int32_t *representatives = malloc(filters * sizeof *representatives);
  int32_t *groups = malloc(filters * sizeof *groups);
  float *matrix = malloc(filters * filters * sizeof *matrix);
  float *own = calloc(filters * row, sizeof *own), *bias = calloc(filters, sizeof *bias);
  float *next = calloc(outputs * filters * window, sizeof *next);
  float *momentum = calloc(outputs * filters * window, sizeof *momentum);
  float next_bias[3] = {0};
  float *states[] = {momentum};
  size_t kept = 0, back;
  fill(x, filters, pixels);
  const tv_execution two = {2, NULL, NULL};
  const tv_rows rows = {x, TV_FLOAT64, filters, pixels};
  CHECK(!tv_moments_add(m, x, TV_FLOAT64, "cw", shape, NULL, &two), "moments");
  CHECK(!tv_correlate(matrix, &rows, TV_PEARSON, &two), "matrix");
  CHECK(!tv_group(groups, matrix, filters, 0.5, TV_COMPLETE), "groups");
  tv_keep_groups(keep, representatives, groups, filters, m);
  CHECK(!tv_keep_number(keep, representatives, &explained, m, filters, number), "number");
  for (size_t i = 0; i < outputs * filters * window; ++i)
    next[i] = (float)(i % 7) - 3.0f;
  tv_layer layer = {.weights = own, .bias = bias, .outputs = filters, .inputs = 2, .window = 9};
  tv_layer reader = {.weights = next,
    .bias = next_bias,
    .outputs = outputs,
    .inputs = filters,
    .window = window,
    .weight_state = states,
    .states = 1};
  CHECK(!tv_keep_number_for(keep, representatives, &explained, m, filters, number, &reader),
    "number for the next layer");
  CHECK(!tv_combine(combination, residual, &back, keep, representatives, m, filters, way, INFINITY),
    "combine");
  for (size_t i = 0; i < filters; ++i)
    kept += keep[i];
  CHECK(!tv_merge(&layer, &reader, keep, combination, filters), "merge");
  CHECK(kept == number && layer.outputs == number && reader.inputs == number, "%zu kept", kept);
  free(x);
  free(m);
  free(combination);
  free(residual);
  free(keep);
  free(representatives);
  free(groups);
  free(matrix);
  free(own);
  free(bias);
  free(next);
  free(momentum);
}

int main(void)
{
  static const size_t sizes[][2] = {{1, 2}, {2, 2}, {7, 13}, {17, 91}, {31, 255}, {32, 256},
    {33, 257}, {63, 17}, {65, 784}, {5, 70001}, {130, 4200}, {512, 20}};
  CHECK(tv_idle_threads(1) == 1 && tv_idle_threads(3) >= 1 && tv_idle_threads(3) <= 3, "idle");
  tv_assume_idle(1);
  CHECK(tv_idle_threads(3) == 3, "assumed idle");
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; ++i)
    correlate(sizes[i][0], sizes[i][1]);
  moments(1, 1, 1);
  moments(3, 7, 13);
  moments(5, 8, 1);
  moments(9, 17, 33);
  moments(2, 65, 300);
  for (int way = TV_REMOVE; way <= TV_RECONSTRUCT; ++way) {
    merge(2, 9, 2, (tv_merge_way)way);
    merge(7, 50, 3, (tv_merge_way)way);
    merge(33, 200, 20, (tv_merge_way)way);
    merge(20, 10, 15, (tv_merge_way)way); /* fewer pixels than filters: no full rank */
  }
  printf("%d failures\n", failures);
  return failures ? 1 : 0;
}
