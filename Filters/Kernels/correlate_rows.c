/* SPDX-License-Identifier: BSD-3-Clause */
#include "correlate_work.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

enum
{
  LARGEST_POWER = 440 /* of two, of a range whose squares are sure to fit a double */
};

/* 2^exponent, of exponents as here; ldexp() is a call for each row of each stretch. */
static double power_of_two(int exponent)
{
  const uint64_t bits = (uint64_t)(exponent + 1023) << 52;
  double power;
  memcpy(&power, &bits, sizeof power);
  return power;
}

/* The exponent of the power of two that brings numbers up to range to 1/2 .. 1, within the type's
 * exponents. */
static int exponent_for(const tv_work *w, double range)
{
  const int most = w->type == TV_FLOAT32 ? 126 : LARGEST_POWER;
  uint64_t bits;
  memcpy(&bits, &range, sizeof bits);
  const int exponent = 1022 - (int)(bits >> 52 & 2047);
  return exponent < -most ? -most : exponent > most ? most : exponent;
}

static double range_of(const tv_work *w, double low, double high)
{
  const double largest = fabs(low) > fabs(high) ? fabs(low) : fabs(high);
  return w->metric == TV_COSINE ? largest : high - low;
}

static int too_large(const tv_work *w, double low, double high)
{
  return !(range_of(w, low, high) < power_of_two(LARGEST_POWER));
}

static size_t end_of(const tv_work *w, size_t panel)
{
  return tv_minimum(w->filters, (panel + 1) * TV_PANEL);
}

void tv_refer(tv_work *w, size_t panel)
{
  const size_t pixels = tv_minimum(w->stretch, w->pixels);
  for (size_t i = panel * TV_PANEL; i < end_of(w, panel); ++i)
    w->reference[i] = w->moments ? (tv_row){.first = w->centre ? w->centre[i] : 0.0}
                                 : w->functions->survey(tv_row_at(w, i, 0), w->type, pixels);
}

void tv_start_totals(tv_work *w, size_t part, size_t panel)
{
  for (size_t i = panel * TV_PANEL; i < end_of(w, panel); ++i)
    w->totals[part * w->filters + i] = (tv_total){0.0, INFINITY, -INFINITY, 0};
}

/* How a row of a stretch is packed and unpacked; adds it to its total. A scale of 0 leaves it out.
 */
static void prepare(const tv_work *w, tv_total *all, const tv_row *row, const tv_row *reference,
  size_t pixels, tv_packing *packing, tv_unpacking *unpacking, size_t at)
{
  const double range = range_of(w, row->low, row->high);
  memset(packing, 0, sizeof *packing);
  all->low = row->low < all->low ? row->low : all->low;
  all->high = row->high > all->high ? row->high : all->high;
  if (!isfinite(row->offset) || !isfinite(reference->first + reference->offset) ||
      too_large(w, row->low, row->high))
    all->lost = 1;
  if (all->lost)
    return;
  if (range > 0.0) {
    const int exponent = exponent_for(w, range);
    packing->scale = power_of_two(exponent);
    unpacking->factor[at] = power_of_two(-exponent);
  }
  if (w->metric == TV_COSINE)
    return;
  unpacking->shift[at] = row->first - reference->first + (row->offset - reference->offset);
  unpacking->weighted[at] = unpacking->shift[at] * (double)pixels;
  all->shift += unpacking->weighted[at];
  if (w->type == TV_FLOAT32) { /* the nearest float takes all digits from the pixels */
    const double mean = row->first + row->offset;
    packing->shift = (double)(float)mean * packing->scale;
    packing->rest = (mean - (double)(float)mean) * packing->scale;
  } else {
    packing->shift = row->first * packing->scale;
    packing->rest = row->offset * packing->scale;
  }
}

void tv_pack(tv_work *w, float *packed, tv_unpacking *unpacking, size_t part, size_t panel,
  size_t pixel, size_t pixels)
{
  const size_t first = panel * TV_PANEL, rows = end_of(w, panel) - first;
  const size_t start = part * w->part_pixels + pixel;
  tv_packing packing[TV_PANEL];
  memset(unpacking, 0, sizeof *unpacking);
  for (size_t i = 0; i < rows; ++i) {
    const tv_row row = w->functions->survey(tv_row_at(w, first + i, start), w->type, pixels);
    prepare(w, &w->totals[part * w->filters + first + i], &row, &w->reference[first + i], pixels,
      &packing[i], unpacking, i);
  }
  w->functions->pack(packed, tv_row_at(w, first, start), w->type, w->pixels, rows, pixels, packing);
}

/* A row's total of all parts. */
static tv_total join_totals(const tv_work *w, size_t row)
{
  tv_total all = w->totals[row];
  for (size_t part = 1; part < w->parts; ++part) {
    const tv_total *t = &w->totals[part * w->filters + row];
    all.shift += t->shift;
    all.low = t->low < all.low ? t->low : all.low;
    all.high = t->high > all.high ? t->high : all.high;
    all.lost |= t->lost;
  }
  all.lost |= too_large(w, all.low, all.high);
  return all;
}

/* The means of a panel's rows, less their references; NaN into the norm of rows that have none. */
static void means(tv_work *w, size_t panel)
{
  for (size_t i = panel * TV_PANEL; i < end_of(w, panel); ++i) {
    const tv_total all = join_totals(w, i);
    const double range = range_of(w, all.low, all.high);
    const int constant = !(all.high > all.low);
    const int lost = all.lost || !(range > power_of_two(-LARGEST_POWER));
    w->mean[i] = lost ? 0.0 : all.shift / (double)w->pixels;
    w->norm[i] = lost || constant ? NAN : 1.0;
  }
}

/* The sums of a panel's rows, less the centre, into the last row and column of the moments. */
static void add_sums(tv_work *w, size_t panel)
{
  const size_t n = w->filters + 1;
  for (size_t i = panel * TV_PANEL; i < end_of(w, panel); ++i) {
    const tv_total all = join_totals(w, i);
    w->mean[i] = 0.0;
    w->norm[i] = all.lost ? NAN : 1.0;
    w->moments[i * n + w->filters] += w->norm[i] * all.shift;
    w->moments[w->filters * n + i] += w->norm[i] * all.shift;
  }
}

/* The sums of products of two panels i >= j over all pixels, about their means, into sum. */
static void join_blocks(const tv_work *w, double *sum, const double *patch, size_t i, size_t j)
{
  const size_t rows = end_of(w, i) - i * TV_PANEL, columns = end_of(w, j) - j * TV_PANEL;
  const double *row_mean = w->mean + i * TV_PANEL, *column_mean = w->mean + j * TV_PANEL;
  memcpy(sum, patch, TV_PATCH * sizeof *sum);
  for (size_t part = 1; part < w->parts; ++part) {
    patch += w->patches * TV_PATCH;
    for (size_t at = 0; at < TV_PATCH; ++at)
      sum[at] += patch[at];
  }
  for (size_t column = 0; column < columns; ++column) {
    const double weighted = (double)w->pixels * column_mean[column];
    for (size_t row = 0; row < rows; ++row)
      sum[column * TV_PANEL + row] -= row_mean[row] * weighted;
  }
}

void tv_norms(tv_work *w, const double *patch, size_t panel)
{
  double sum[TV_PATCH];
  if (w->moments) {
    add_sums(w, panel);
    return;
  }
  means(w, panel);
  join_blocks(w, sum, patch, panel, panel);
  for (size_t row = 0; row < end_of(w, panel) - panel * TV_PANEL; ++row) {
    const double squares = sum[row * TV_PANEL + row];
    double *norm = &w->norm[panel * TV_PANEL + row];
    *norm = squares > 0.0 ? *norm / sqrt(squares) : NAN;
  }
}

/* A patch of panels i >= j, from sums about the centre. */
static void add_products(const tv_work *w, const double *sum, size_t i, size_t j)
{
  const size_t n = w->filters + 1;
  for (size_t column = j * TV_PANEL; column < end_of(w, j); ++column)
    for (size_t row = i > j ? i * TV_PANEL : column; row < end_of(w, i); ++row) {
      const double product = sum[column % TV_PANEL * TV_PANEL + row % TV_PANEL];
      w->moments[row * n + column] += product * w->norm[row] * w->norm[column];
      w->moments[column * n + row] = w->moments[row * n + column];
    }
}

void tv_finish(const tv_work *w, const double *patch, size_t i, size_t j)
{
  const size_t rows = end_of(w, i) - i * TV_PANEL, columns = end_of(w, j) - j * TV_PANEL;
  const double *row_norm = w->norm + i * TV_PANEL, *column_norm = w->norm + j * TV_PANEL;
  double sum[TV_PATCH];
  float r[TV_PANEL][TV_PANEL]; /* [column][row] */
  join_blocks(w, sum, patch, i, j);
  if (w->moments) {
    add_products(w, sum, i, j);
    return;
  }
  for (size_t column = 0; column < columns; ++column)
    for (size_t row = 0; row < rows; ++row) {
      double v = sum[column * TV_PANEL + row] * row_norm[row] * column_norm[column];
      v = v > 1.0 ? 1.0 : v; /* neither changes NaN */
      v = v < -1.0 ? -1.0 : v;
      r[column][row] = (float)v;
    }
  if (i == j) /* only the lower triangle of such a patch is right */
    for (size_t column = 0; column < columns; ++column) {
      r[column][column] = isnan(r[column][column]) ? NAN : 1.0f;
      for (size_t row = 0; row < column; ++row)
        r[column][row] = r[row][column];
    }
  for (size_t column = 0; column < columns; ++column)
    memcpy(w->matrix + (j * TV_PANEL + column) * w->filters + i * TV_PANEL, r[column],
      rows * sizeof(float));
  if (i != j)
    for (size_t row = 0; row < rows; ++row)
      for (size_t column = 0; column < columns; ++column)
        w->matrix[(i * TV_PANEL + row) * w->filters + j * TV_PANEL + column] = r[column][row];
}
