/* SPDX-License-Identifier: BSD-3-Clause */
/* Filters that see the same: Pearson's correlation of their maps, and of their weights. */
#include "findings.h"

#include "status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum
{
  FEWEST_PIXELS = 49, /* on smaller maps chance looks like likeness */
  FEWEST_WEIGHTS = 8,
  MOST_UNITS = 4096 /* pairs are compared */
};

/* Weights are as good as equal; maps as SimilarityGroups has it. */
static const double bound_of_weights = 0.9999;

/* One record as rows of double [units][size], each of mean 0 and length 1; 0 where it is constant or
 * not finite. */
typedef struct rows
{
  size_t units, size;
  double *values, *raw;
} rows;

static int read_rows(rows *r, tv_source *source, const tv_source_tensor *tensor, size_t index,
  size_t record, const tv_execution *execution)
{
  const size_t elements = r->units * r->size;
  const int wide =
    tensor->type == TV_FLOAT64 || tensor->type == TV_INT32 || tensor->type == TV_INT64;
  const int status = tv_source_read_windows(source, index, record, 0, r->units, r->raw, execution);
  if (status < 0)
    return status;
  for (size_t k = 0; k < elements; ++k)
    r->values[k] = wide ? r->raw[k] : (double)((const float *)r->raw)[k];
  for (size_t u = 0; u < r->units; ++u) {
    double *row = r->values + u * r->size, mean = 0, squares = 0, largest = 0;
    for (size_t k = 0; k < r->size; ++k) {
      mean += row[k] / (double)r->size;
      largest = fmax(largest, fabs(row[k]));
    }
    for (size_t k = 0; k < r->size; ++k) {
      row[k] -= mean;
      squares += row[k] * row[k];
    }
    const int varies = isfinite(squares) && sqrt(squares) > 1e-7 * largest * sqrt((double)r->size);
    for (size_t k = 0; k < r->size; ++k)
      row[k] = varies ? row[k] / sqrt(squares) : 0;
  }
  return TV_OK;
}

static double correlation(const rows *r, size_t one, size_t other)
{
  const double *a = r->values + one * r->size, *b = r->values + other * r->size;
  double lanes[4] = {0};
  for (size_t k = 0; k + 4 <= r->size; k += 4)
    for (int l = 0; l < 4; ++l)
      lanes[l] += a[k + l] * b[k + l];
  for (size_t k = r->size - r->size % 4; k < r->size; ++k)
    lanes[0] += a[k] * b[k];
  return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

/* The lowest filter that each is like, itself where there is none. */
static void find_like(const rows *r, double bound, size_t *like, double *value)
{
  for (size_t u = 0; u < r->units; ++u) {
    like[u] = u;
    for (size_t v = 0; v < u && like[u] == u; ++v)
      if (like[v] == v && (value[u] = correlation(r, v, u)) >= bound)
        like[u] = v;
  }
}

/* Whether a layer's unit is told to be redundant already, by its weights say. */
static int said_already(const tv_findings *findings, const char *layer, size_t unit)
{
  for (size_t k = findings->count; k-- > 0 && strcmp(findings->list[k].layer, layer) == 0;)
    if (findings->list[k].fault == TV_FAULT_REDUNDANT && findings->list[k].unit == (int64_t)unit)
      return 1;
  return 0;
}

/* How far back each likeness goes, by records 1, 2, 4, ... before the last. */
static int find_since(rows *r, tv_source *source, const tv_source_tensor *tensor, size_t index,
  double bound, const size_t *like, size_t *since, const tv_execution *execution)
{
  const size_t last = tensor->records - 1;
  for (size_t u = 0; u < r->units; ++u)
    since[u] = last;
  for (size_t back = 1, before = last; before > 0; back *= 2) {
    const size_t record = back < last ? last - back : 0;
    const int status = read_rows(r, source, tensor, index, record, execution);
    size_t held = 0;
    if (status < 0)
      return status;
    for (size_t u = 0; u < r->units; ++u)
      if (like[u] != u && since[u] == before && correlation(r, like[u], u) >= bound) {
        since[u] = record;
        ++held;
      }
    if (held == 0)
      break;
    before = record;
  }
  return TV_OK;
}

static int add_pairs(tv_findings *findings, const tv_unit_stream *stream,
  const tv_source_tensor *tensor, const size_t *like, const size_t *since, const double *value,
  const tv_bounds *bounds)
{
  int status = TV_OK;
  for (size_t u = 0; u < stream->units && status == TV_OK; ++u)
    if (like[u] != u && !said_already(findings, stream->layer, u))
      status = tv_findings_add(findings, stream->layer, stream->kind, stream->units,
        &(tv_episode){.unit = (ptrdiff_t)u,
          .fault = TV_FAULT_REDUNDANT,
          .since = tensor->steps[since[u]],
          .until = tensor->steps[tensor->records - 1],
          .value = value[u]},
        like[u], bounds);
  return status;
}

int tv_findings_redundant(tv_findings *findings, tv_source *source, const tv_unit_stream *stream,
  const tv_bounds *bounds, const tv_execution *execution)
{
  char name[2 * TV_NAME_LENGTH + 2];
  const tv_source_tensor *tensors;
  stpcpy(stpcpy(stpcpy(name, stream->layer), "/"), stream->kind);
  const ptrdiff_t index = tv_source_find(source, name);
  tv_source_tensors(source, &tensors);
  const tv_source_tensor *tensor = index < 0 ? NULL : tensors + index;
  const int weights = tv_role_of(stream->kind) == TV_ROLE_WEIGHTS;
  rows r = {.units = stream->units, .size = stream->numbers / stream->units};
  if (!tensor || tensor->problem || tensor->records == 0 || stream->units < 2 ||
      stream->units > MOST_UNITS || r.size < (weights ? FEWEST_WEIGHTS : FEWEST_PIXELS))
    return TV_OK;
  const double bound = weights ? bound_of_weights : bounds->redundant;
  size_t *like = calloc(2 * r.units, sizeof *like);
  double *value = calloc(r.units, sizeof *value);
  r.values = malloc(stream->numbers * sizeof *r.values);
  r.raw = malloc(stream->numbers * sizeof *r.raw);
  int status = TV_ERROR_MEMORY;
  if (like && value && r.values && r.raw)
    status = read_rows(&r, source, tensor, (size_t)index, tensor->records - 1, execution);
  else
    tv_fail(TV_ERROR_MEMORY, "no memory left to compare the filters of \"%s\"", name);
  if (status == TV_OK) {
    find_like(&r, bound, like, value);
    status = find_since(&r, source, tensor, (size_t)index, bound, like, like + r.units, execution);
  }
  if (status == TV_OK)
    status = add_pairs(findings, stream, tensor, like, like + r.units, value, bounds);
  free(like);
  free(value);
  free(r.values);
  free(r.raw);
  return status;
}
