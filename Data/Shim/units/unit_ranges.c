/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit_ranges.h"

#include "view_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct tv_unit_ranges
{
  size_t units, records;
  int measures[TV_VIEW_MEASURES], count;
  float *row; /* [units][count]{least, greatest} */
};

int tv_ranges_measures(int measures[TV_VIEW_MEASURES], const char *kind)
{
  int count = 0, bad = 0;
  for (int m = 0; m < TV_VIEW_MEASURES; ++m)
    if (strcmp(tv_view_kind(m), kind) == 0) {
      measures[count++] = m;
      bad |= m == TV_VIEW_NOT_FINITE;
    }
  if (!bad)
    measures[count++] = TV_VIEW_NOT_FINITE;
  return count;
}

int tv_ranges_column(int measure)
{
  int measures[TV_VIEW_MEASURES];
  const char *kind = tv_view_kind(measure);
  for (int k = kind ? tv_ranges_measures(measures, kind) : 0; k-- > 0;)
    if (measures[k] == measure)
      return 2 * k;
  return -1;
}

int tv_ranges_is_kind(const char *kind)
{
  const char *suffix = TV_STATISTICS_SUFFIX TV_RANGES_SUFFIX;
  const size_t length = strlen(kind), end = strlen(suffix);
  return length > end && strcmp(kind + length - end, suffix) == 0;
}

tv_unit_ranges *tv_ranges_create(const char *kind, size_t units)
{
  char shown[TV_NAME_LENGTH + 1];
  const size_t length = strlen(kind), suffix = strlen(TV_STATISTICS_SUFFIX);
  if (length <= suffix || length > TV_NAME_LENGTH - strlen(TV_RANGES_SUFFIX) ||
      strcmp(kind + length - suffix, TV_STATISTICS_SUFFIX) != 0)
    return NULL;
  memcpy(shown, kind, length - suffix);
  shown[length - suffix] = 0;
  tv_unit_ranges *made = calloc(1, sizeof *made);
  if (!made)
    return NULL;
  made->units = units;
  made->count = tv_ranges_measures(made->measures, shown);
  made->row = calloc(units, tv_ranges_columns(made) * sizeof *made->row);
  if (made->row)
    return made;
  free(made);
  return NULL;
}

void tv_ranges_free(tv_unit_ranges *ranges)
{
  if (ranges)
    free(ranges->row);
  free(ranges);
}

size_t tv_ranges_columns(const tv_unit_ranges *ranges)
{
  return 2 * (size_t)ranges->count;
}

/* One measure of all units. It is the same for the whole loop, so that it is looked at once. */
static void add_measure(
  float *range, size_t columns, size_t units, const float *statistics, int measure)
{
  for (size_t u = 0; u < units; ++u, range += columns, statistics += TV_MEASURES) {
    const float value = (float)tv_value_of(measure, statistics);
    range[0] = value < range[0] ? value : range[0];
    range[1] = value > range[1] ? value : range[1];
  }
}

const float *tv_ranges_add(tv_unit_ranges *ranges, const float *statistics)
{
  const size_t columns = tv_ranges_columns(ranges), numbers = ranges->units * columns;
  float *row = ranges->row;
  for (size_t k = 0; ranges->records == 0 && k < numbers; k += 2) {
    row[k] = INFINITY;
    row[k + 1] = -INFINITY;
  }
  for (int m = 0; m < ranges->count; ++m)
    add_measure(row + 2 * (size_t)m, columns, ranges->units, statistics, ranges->measures[m]);
  ranges->records = (ranges->records + 1) % TV_RANGES_RECORDS;
  if (ranges->records > 0)
    return NULL;
  for (size_t k = 0; k < numbers; k += 2)
    if (row[k] > row[k + 1]) /* nothing but NaN */
      row[k] = row[k + 1] = NAN;
  return row;
}
