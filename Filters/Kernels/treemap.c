/* SPDX-License-Identifier: BSD-3-Clause */
#include "treemap.h"

#include "status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct map
{
  tv_box *boxes;
  const char *const *names;
  double *sizes;
} map;

/* Bytes of the part of a name at a depth, from its beginning: 6 for "layer1.0" at depth 0; all of it
 * where it has no more parts. */
static size_t part(const char *name, int depth)
{
  size_t at = strcspn(name, "./");
  while (depth-- > 0 && name[at])
    at += 1 + strcspn(name + at + 1, "./");
  return at;
}

static int same_group(const map *m, size_t one, size_t other, int depth)
{
  const size_t a = part(m->names[one], depth), b = part(m->names[other], depth);
  return a == b && strncmp(m->names[one], m->names[other], a) == 0;
}

/* Where to cut [first, last): a border of groups, or between any two where there is but one group of
 * whole names; first where there is no border. */
static size_t border(const map *m, size_t first, size_t last, int depth)
{
  double whole = 0, before = 0, best = INFINITY;
  size_t cut = first;
  for (size_t k = first; k < last; ++k)
    whole += m->sizes[k];
  for (size_t k = first; k + 1 < last; ++k) {
    before += m->sizes[k];
    const double difference = fabs(2 * before - whole);
    if (difference < best && !same_group(m, k, k + 1, depth)) {
      best = difference;
      cut = k + 1;
    }
  }
  return cut;
}

static void split(map *m, size_t first, size_t last, int depth, tv_box box)
{
  while (last - first > 1) {
    size_t cut = border(m, first, last, depth);
    if (cut == first && depth < 64) {
      ++depth; /* all of one group: into it */
      continue;
    }
    if (cut == first)
      cut = first + 1; /* the same name twice */
    double whole = 0, before = 0;
    for (size_t k = first; k < last; ++k)
      whole += m->sizes[k];
    for (size_t k = first; k < cut; ++k)
      before += m->sizes[k];
    const double share = before / whole;
    tv_box left = box, right = box;
    if (box.width >= box.height) {
      left.width = share * box.width;
      right.x += left.width;
      right.width -= left.width;
    } else {
      left.height = share * box.height;
      right.height -= left.height;
      left.y += right.height;
    }
    split(m, first, cut, depth, left);
    first = cut;
    box = right;
  }
  m->boxes[first] = box;
}

int tv_treemap(tv_box *boxes, const char *const *names, const double *sizes, size_t count,
  double width, double height, double least)
{
  double whole = 0;
  int good = boxes && names && sizes && count > 0 && width > 0 && height > 0 && least >= 0 &&
             least * (double)count <= 1;
  for (size_t k = 0; good && k < count; ++k) {
    good = names[k] && isfinite(sizes[k]) && sizes[k] >= 0;
    whole += sizes[k];
  }
  if (!good || !(whole > 0) || isinf(whole))
    return tv_fail(TV_ERROR_ARGUMENT, "a map of a network needs layers, their names and sizes");
  map m = {boxes, names, malloc(count * sizeof(double))};
  if (!m.sizes)
    return tv_fail(TV_ERROR_MEMORY, "no memory left for a map of %zu layers", count);
  for (size_t k = 0; k < count; ++k)
    m.sizes[k] = fmax(sizes[k], least * whole);
  split(&m, 0, count, 0, (tv_box){0, 0, width, height});
  free(m.sizes);
  return TV_OK;
}

void tv_unit_grid(size_t *columns, size_t *rows, size_t units, const tv_box *box)
{
  const double wide = sqrt((double)units * box->width / box->height);
  const size_t first = wide < 4 ? 1 : (size_t)(wide / 2);
  double best = INFINITY;
  for (size_t c = first; c <= units && (double)c <= 2 * wide + 1; ++c) {
    const size_t r = (units - 1) / c + 1;
    const double aspect = box->width / (double)c / (box->height / (double)r);
    const double empty = (double)(c * r - units) / (double)units;
    const double cost = fabs(log(aspect)) + 2 * empty;
    if (cost < best) {
      best = cost;
      *columns = c;
      *rows = r;
    }
  }
  if (!(best < INFINITY)) {
    *columns = wide < 1 ? 1 : units;
    *rows = (units - 1) / *columns + 1;
  }
}
