/* SPDX-License-Identifier: BSD-3-Clause */
#include "group.h"

#include "execution.h"
#include "status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct clusters
{
  float *similarity; /* [filters][filters], both triangles; rows of joined clusters are stale */
  size_t *nearest;   /* [filters]: the most similar later cluster; filters: none */
  size_t *parent;    /* [filters]: the cluster that a filter, or a joined cluster, is now in */
  unsigned char *active;
  size_t filters;
} clusters;

/* The most similar of the later clusters, the first of equals. */
static void find_nearest(clusters *c, size_t i)
{
  const float *row = c->similarity + i * c->filters;
  c->nearest[i] = c->filters;
  for (size_t j = i + 1; j < c->filters; ++j)
    if (c->active[j] && row[j] > -INFINITY &&
        (c->nearest[i] == c->filters || row[j] > row[c->nearest[i]]))
      c->nearest[i] = j;
}

/* Cluster b becomes part of a, a < b; the new similarities are the least of both. */
static void unite(clusters *c, size_t a, size_t b)
{
  float *row_a = c->similarity + a * c->filters;
  const float *row_b = c->similarity + b * c->filters;
  c->active[b] = 0;
  c->parent[b] = a;
  for (size_t k = 0; k < c->filters; ++k)
    if (c->active[k] && k != a) {
      row_a[k] = row_a[k] < row_b[k] ? row_a[k] : row_b[k];
      c->similarity[k * c->filters + a] = row_a[k];
    }
  find_nearest(c, a);
  for (size_t k = 0; k < b; ++k)
    if (c->active[k] && (c->nearest[k] == a || c->nearest[k] == b))
      find_nearest(c, k); /* similarities only fall, so nobody else's nearest changes */
}

static void complete_linkage(clusters *c, double threshold)
{
  for (size_t i = 0; i < c->filters; ++i)
    if (c->active[i])
      find_nearest(c, i);
  for (;;) {
    size_t best = c->filters;
    float most = -INFINITY;
    for (size_t i = 0; i < c->filters; ++i)
      if (c->active[i] && c->nearest[i] < c->filters) {
        const float s = c->similarity[i * c->filters + c->nearest[i]];
        if (s > most) {
          most = s;
          best = i;
        }
      }
    if (best == c->filters || !((double)most >= threshold))
      return;
    unite(c, best, c->nearest[best]);
  }
}

static size_t root_of(size_t *parent, size_t i)
{
  while (parent[i] != i)
    i = parent[i] = parent[parent[i]];
  return i;
}

/* Chains of pairs are connected components; the order of joining does not matter. */
static void single_linkage(size_t *parent, const float *matrix, size_t filters, double threshold,
  const unsigned char *active)
{
  for (size_t i = 0; i < filters; ++i)
    for (size_t j = 0; j < i && active[i]; ++j)
      if (active[j] && (double)matrix[i * filters + j] >= threshold) {
        const size_t a = root_of(parent, i), b = root_of(parent, j);
        parent[a > b ? a : b] = a < b ? a : b;
      }
}

/* The root of a cluster is its lowest filter, and names it. size is scratch. */
static void name_groups(int32_t *groups, size_t *parent, size_t *size, size_t filters)
{
  memset(size, 0, filters * sizeof *size);
  for (size_t i = 0; i < filters; ++i)
    ++size[root_of(parent, i)];
  for (size_t i = 0; i < filters; ++i) {
    const size_t root = root_of(parent, i);
    groups[i] = size[root] < 2 ? TV_NO_GROUP : (int32_t)root;
  }
}

static void mirror(float *full, const float *matrix, size_t filters)
{
  for (size_t i = 0; i < filters; ++i)
    for (size_t j = 0; j <= i; ++j) {
      const float s = matrix[i * filters + j];
      full[i * filters + j] = full[j * filters + i] = isnan(s) ? -INFINITY : s;
    }
}

int tv_group(
  int32_t *groups, const float *matrix, size_t filters, double threshold, tv_linkage linkage)
{
  clusters c = {.filters = filters};
  int overflow = 0, status = TV_OK;
  if (!groups || !matrix || filters < 1 || filters > INT32_MAX)
    return tv_fail(TV_ERROR_ARGUMENT, "no similarities to group, or too many");
  if (isnan(threshold))
    return tv_fail(TV_ERROR_ARGUMENT, "the threshold of similarity is not a number");
  if (linkage != TV_COMPLETE && linkage != TV_SINGLE)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no linkage number %d", (int)linkage);
  const size_t bytes =
    tv_multiply(tv_multiply(filters, filters, &overflow), sizeof(float), &overflow);
  if (overflow)
    return tv_fail(TV_ERROR_ARGUMENT, "%zu filters are too many to group", filters);
  c.similarity = linkage == TV_COMPLETE ? malloc(bytes) : NULL;
  c.nearest = malloc(filters * sizeof *c.nearest);
  c.parent = malloc(filters * sizeof *c.parent);
  c.active = malloc(filters);
  if (!c.nearest || !c.parent || !c.active || (linkage == TV_COMPLETE && !c.similarity))
    status = tv_fail(TV_ERROR_MEMORY, "no memory to group %zu filters", filters);
  else {
    for (size_t i = 0; i < filters; ++i) {
      c.parent[i] = i;
      c.active[i] = !isnan(matrix[i * filters + i]);
    }
    if (linkage == TV_COMPLETE) {
      mirror(c.similarity, matrix, filters);
      complete_linkage(&c, threshold);
    } else
      single_linkage(c.parent, matrix, filters, threshold, c.active);
    name_groups(groups, c.parent, c.nearest, filters);
  }
  free(c.similarity);
  free(c.nearest);
  free(c.parent);
  free(c.active);
  return status;
}

void tv_representatives(
  int32_t *representatives, const int32_t *groups, const float *matrix, size_t filters)
{
  for (size_t i = 0; i < filters; ++i)
    representatives[i] = isnan(matrix[i * filters + i]) ? -1
                         : groups[i] == TV_NO_GROUP     ? (int32_t)i
                                                        : groups[i];
}

void tv_keep_group_names(int32_t *groups, const int32_t *into, size_t filters)
{
  for (size_t gone = 0; gone < filters; ++gone) {
    int32_t now = into[gone];
    for (size_t i = 0; i < filters && now >= 0 && (size_t)now < filters && into[now] >= 0; ++i)
      now = into[now]; /* what it went into was merged itself; no longer than once around */
    if (into[gone] < 0 || now < 0 || (size_t)now >= filters || groups[now] <= (int32_t)gone)
      continue; /* alive, or in no group, or in one with a lower name */
    const int32_t name = groups[now];
    for (size_t i = 0; i < filters; ++i)
      if (groups[i] == name)
        groups[i] = (int32_t)gone;
  }
}

void tv_exclude(float *matrix, size_t filters, size_t filter)
{
  for (size_t i = 0; i < filters; ++i)
    matrix[i * filters + filter] = matrix[filter * filters + i] = NAN;
}

static double value_of(const tv_rows *rows, size_t filter, size_t pixel)
{
  const size_t at = filter * rows->pixels + pixel;
  return rows->type == TV_FLOAT32 ? (double)((const float *)rows->values)[at]
                                  : ((const double *)rows->values)[at];
}

void tv_constant_rows(unsigned char *constant, const tv_rows *rows)
{
  for (size_t i = 0; i < rows->filters; ++i) {
    const double first = value_of(rows, i, 0);
    size_t pixel = 0;
    while (pixel < rows->pixels && value_of(rows, i, pixel) == first)
      ++pixel;
    constant[i] = pixel == rows->pixels;
  }
}

/* Filter b on filter a. */
static void regress(double *scale, double *offset, const tv_rows *rows, size_t b, size_t a)
{
  const double first_a = value_of(rows, a, 0), first_b = value_of(rows, b, 0);
  double mean_a = 0.0, mean_b = 0.0, squares = 0.0, products = 0.0;
  for (size_t pixel = 0; pixel < rows->pixels; ++pixel) {
    mean_a += value_of(rows, a, pixel) - first_a;
    mean_b += value_of(rows, b, pixel) - first_b;
  }
  mean_a = first_a + mean_a / (double)rows->pixels;
  mean_b = first_b + mean_b / (double)rows->pixels;
  for (size_t pixel = 0; pixel < rows->pixels; ++pixel) {
    const double d = value_of(rows, a, pixel) - mean_a;
    squares += d * d;
    products += d * (value_of(rows, b, pixel) - mean_b);
  }
  *scale = products / squares;
  *offset = mean_b - *scale * mean_a;
}

int tv_regress(double *scale, double *offset, const tv_rows *rows, const int32_t *representatives,
  const tv_execution *execution)
{
  int overflow = 0;
  if (!scale || !offset || !rows || !rows->values || !representatives || rows->filters < 1 ||
      rows->pixels < 2)
    return tv_fail(TV_ERROR_ARGUMENT, "a regression needs at least 2 pixels of each filter");
  const size_t filters = rows->filters, pixels = rows->pixels;
  if (rows->type != TV_FLOAT32 && rows->type != TV_FLOAT64)
    return tv_fail(TV_ERROR_UNSUPPORTED, "only float32 and float64 values can be regressed");
  tv_multiply(tv_multiply(filters, pixels, &overflow), sizeof(double), &overflow);
  if (overflow)
    return tv_fail(TV_ERROR_ARGUMENT, "%zu filters of %zu pixels are too many", filters, pixels);
  for (size_t i = 0; i < filters; ++i)
    if (representatives[i] < -1 || (int64_t)representatives[i] >= (int64_t)filters)
      return tv_fail(TV_ERROR_ARGUMENT, "filter %zu has representative %d of %zu filters", i,
        (int)representatives[i], filters);
  const int n = tv_idle_threads(tv_execution_threads(execution));
#pragma omp parallel for schedule(dynamic) num_threads(n) if (n > 1)
  for (size_t i = 0; i < filters; ++i) {
    const int32_t representative = representatives[i];
    scale[i] = representative < 0 ? NAN : 1.0;
    offset[i] = representative < 0 ? NAN : 0.0;
    if (representative >= 0 && (size_t)representative != i)
      regress(&scale[i], &offset[i], rows, i, (size_t)representative);
  }
  return TV_OK;
}
