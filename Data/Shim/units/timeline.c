/* SPDX-License-Identifier: BSD-3-Clause */
/* Every unit at every step as one picture. */
#include "status.h"
#include "unit_ranges.h"
#include "units_work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum
{
  FEWEST_COLUMNS = 256, /* rather do units share a row than that steps are told apart no more */
  MOST_READ = 1 << 26   /* numbers: beyond, columns are as wide as the blocks of the file are */
};

tv_timeline_options tv_timeline_defaults(void)
{
  return (tv_timeline_options){.size = sizeof(tv_timeline_options),
    .last_step = INT64_MAX,
    .logarithm = 1,
    .most_columns = 4096,
    .most_cells = 4000000};
}

void tv_timeline_free(tv_timeline *timeline)
{
  if (!timeline)
    return;
  for (size_t k = 0; timeline->names && k < timeline->layers; ++k)
    free(timeline->names[k]);
  free(timeline->names);
  free(timeline->values);
  free(timeline->layer);
  free(timeline->unit);
  free(timeline->steps);
  memset(timeline, 0, sizeof *timeline);
}

/* What is being made. */
typedef struct work
{
  tv_units *units;
  const tv_timeline_options *options;
  const tv_unit_stream *streams;
  size_t *chosen, count; /* numbers of streams, in order */
  size_t most_units;     /* of one of them */
  int64_t *steps;        /* all steps of all of them, in order */
  size_t step_count;
  size_t records, done;
  size_t phase; /* columns begin where (number of the step + phase) is a multiple of together */
} work;

static int wanted(const work *w, const tv_unit_stream *stream)
{
  return strcmp(stream->kind, tv_view_kind(w->options->measure)) == 0 &&
         (!w->options->wanted || w->options->wanted(w->options->context, stream->layer));
}

/* Adds the steps of a stream to those that are there, each once. */
static int add_steps(work *w, const tv_unit_stream *stream)
{
  size_t first = 0, last = stream->records, a = 0, n = 0;
  while (first < last && stream->steps[first] < w->options->first_step)
    ++first;
  while (last > first && stream->steps[last - 1] > w->options->last_step)
    --last;
  const size_t more = last - first;
  w->records += more;
  if (more == 0 || (more == w->step_count &&
                     memcmp(w->steps, stream->steps + first, more * sizeof *w->steps) == 0))
    return TV_OK;
  int64_t *merged = malloc((w->step_count + more) * sizeof *merged);
  if (!merged)
    return tv_fail(TV_ERROR_MEMORY, "no memory left for %zu steps", w->step_count + more);
  for (size_t b = first; a < w->step_count || b < last;) {
    const int64_t left = a < w->step_count ? w->steps[a] : INT64_MAX;
    const int64_t right = b < last ? stream->steps[b] : INT64_MAX;
    merged[n++] = left < right ? left : right;
    a += left <= right && a < w->step_count;
    b += right <= left && b < last;
  }
  free(w->steps);
  w->steps = merged;
  w->step_count = n;
  return TV_OK;
}

static int choose(work *w)
{
  const size_t count = tv_units_streams(w->units, &w->streams);
  w->chosen = malloc((count + 1) * sizeof *w->chosen);
  if (!w->chosen)
    return tv_fail(TV_ERROR_MEMORY, "no memory left to choose among %zu tensors", count);
  for (size_t s = 0; s < count; ++s)
    if (wanted(w, w->streams + s)) {
      const int status = add_steps(w, w->streams + s);
      if (status < 0)
        return status;
      w->chosen[w->count++] = s;
      if (w->streams[s].units > w->most_units)
        w->most_units = w->streams[s].units;
    }
  return TV_OK;
}

/* Rows of all units, so many sharing one, and the gaps between layers. */
static size_t rows_of(const work *w, size_t shared, size_t *gap)
{
  size_t rows = 0;
  for (size_t k = 0; k < w->count; ++k)
    rows += (w->streams[w->chosen[k]].units - 1) / shared + 1;
  const size_t share = w->count < 28 ? 160 : 20 + 5 * w->count; /* many gaps: smaller ones */
  *gap = w->count > 1 ? 1 + rows / share : 0;
  return rows + *gap * (w->count - 1);
}

/* Columns of whole blocks, where many records share one, or where too much would have to be read. */
static void fit_blocks(tv_timeline *t, work *w)
{
  const size_t whole = TV_RANGES_RECORDS;
  const double numbers = (double)w->step_count * (double)(t->rows * t->shared) * TV_MEASURES;
  const tv_unit_block *blocks;
  const int many = numbers > MOST_READ && w->step_count > FEWEST_COLUMNS * whole;
  if (t->together < 2 || (t->together < whole / 2 && !many))
    return;
  for (size_t k = 0; k < w->count; ++k) {
    const tv_unit_stream *stream = w->streams + w->chosen[k];
    const size_t count = tv_units_blocks(w->units, w->chosen[k], &blocks);
    for (size_t b = 0; b < count; ++b)
      if (stream->steps[blocks[b].first] >= w->steps[0]) {
        size_t at = 0; /* of the first block's first step */
        while (at < w->step_count && w->steps[at] < stream->steps[blocks[b].first])
          ++at;
        t->together = (t->together + whole - 1) / whole * whole;
        w->phase = (whole - at % whole) % whole;
        return;
      }
  }
}

/* How large the picture will be. */
static void plan(tv_timeline *t, work *w, size_t *gap)
{
  const size_t most =
    w->options->most_cells > FEWEST_COLUMNS ? w->options->most_cells : FEWEST_COLUMNS;
  const size_t least = w->step_count < FEWEST_COLUMNS ? w->step_count : FEWEST_COLUMNS;
  t->shared = 1;
  t->rows = rows_of(w, 1, gap);
  while (t->rows > most / least && t->shared < w->most_units)
    t->rows = rows_of(w, ++t->shared, gap);
  t->columns = w->step_count;
  if (w->options->most_columns > 0 && t->columns > w->options->most_columns)
    t->columns = w->options->most_columns;
  if (t->columns > most / t->rows)
    t->columns = most / t->rows > 0 ? most / t->rows : 1;
  t->together = (w->step_count - 1) / t->columns + 1;
  fit_blocks(t, w);
  t->columns = (w->step_count - 1 + w->phase) / t->together + 1;
}

static int allocate(tv_timeline *t, const work *w)
{
  int overflow = 0;
  const size_t cells = tv_multiply(t->rows, t->columns, &overflow);
  const size_t bytes = tv_multiply(cells, sizeof *t->values, &overflow);
  t->values = overflow ? NULL : malloc(bytes);
  t->layer = malloc(t->rows * sizeof *t->layer);
  t->unit = malloc(t->rows * sizeof *t->unit);
  t->steps = malloc(t->columns * sizeof *t->steps);
  t->names = calloc(w->count, sizeof *t->names);
  if (!t->values || !t->layer || !t->unit || !t->steps || !t->names)
    return tv_fail(TV_ERROR_MEMORY, "no memory left for a picture of %zu units and %zu steps",
      t->rows, t->columns);
  for (size_t c = 0; c < cells; ++c)
    t->values[c] = NAN;
  for (size_t r = 0; r < t->rows; ++r)
    t->layer[r] = t->unit[r] = -1;
  for (size_t c = 0; c < t->columns; ++c)
    t->steps[c] = w->steps[c ? c * t->together - w->phase : 0];
  t->last = w->steps[w->step_count - 1];
  t->layers = w->count;
  return TV_OK;
}

/* Joins what units show into the columns [from, to): into the first what else happened there, into
 * the rest that it still stands. */
static void join(tv_timeline *t, const work *w, size_t row, size_t units, const float *shown,
  size_t from, size_t to, int fresh)
{
  for (size_t u = 0; u < units; ++u) {
    const float value = shown[u];
    float *line = t->values + (row + u / t->shared) * t->columns;
    for (size_t c = from; c < to; ++c) {
      const int first = u % t->shared == 0 && (fresh || c > from);
      const int better = w->options->least ? value < line[c] : value > line[c];
      if (first || isnan(line[c]) || better)
        line[c] = isnan(value) && !first ? line[c] : value;
    }
  }
}

/* What is being drawn of a stream. */
typedef struct pen
{
  size_t index, row;
  const tv_unit_block *blocks;
  size_t block_count, block; /* the next that may be used */
  size_t at;                 /* number of the step at which the record begins */
  size_t filled;             /* columns that have something */
  float *statistics, *shown; /* of a record; of all units */
} pen;

static size_t column_of(const tv_timeline *t, const work *w, size_t step)
{
  return (step + w->phase) / t->together;
}

/* The number of the last step at which record r still stands. p->at is that of its own. */
static size_t end_of(const work *w, const tv_unit_stream *stream, size_t r, size_t at)
{
  const int64_t next = r + 1 < stream->records ? stream->steps[r + 1] : INT64_MAX;
  while (at + 1 < w->step_count && w->steps[at + 1] < next)
    ++at;
  return at;
}

/* Draws the block that begins with record r, if there is one and all of it is in one column. Returns
 * how many records it has, or 0. */
static size_t draw_block(tv_timeline *t, work *w, const tv_unit_stream *stream, size_t r, pen *p)
{
  while (p->block < p->block_count && p->blocks[p->block].first < r)
    ++p->block;
  if (p->block == p->block_count || p->blocks[p->block].first != r ||
      stream->steps[r] < w->steps[0])
    return 0;
  const size_t last = r + p->blocks[p->block].count - 1;
  if (stream->steps[last] > w->options->last_step)
    return 0;
  size_t end = p->at;
  while (w->steps[end] < stream->steps[last])
    ++end;
  end = end_of(w, stream, last, end);
  const size_t column = column_of(t, w, p->at);
  const int measure = w->options->measure, least = w->options->least;
  if (column_of(t, w, end) != column ||
      tv_units_read_block(w->units, p->index, p->block, measure, least, p->shown) < 0)
    return 0;
  for (size_t u = 0; u < stream->units; ++u)
    p->shown[u] = tv_view_scaled(measure, p->shown[u], w->options->logarithm);
  join(t, w, p->row, stream->units, p->shown, column, column + 1, column >= p->filled);
  p->filled = column + 1;
  return last + 1 - r;
}

static int draw_record(tv_timeline *t, work *w, const tv_unit_stream *stream, size_t r, pen *p,
  const tv_execution *execution)
{
  const int status = tv_units_read(w->units, p->index, r, p->statistics, execution);
  if (status == TV_ERROR_FORMAT || status == TV_ERROR_FILE)
    return TV_OK; /* a damaged record costs itself */
  if (status < 0)
    return status;
  for (size_t u = 0; u < stream->units; ++u)
    p->shown[u] =
      tv_view_shown(w->options->measure, p->statistics + u * TV_MEASURES, w->options->logarithm);
  const size_t from = column_of(t, w, p->at);
  const size_t to = column_of(t, w, end_of(w, stream, r, p->at)) + 1;
  join(t, w, p->row, stream->units, p->shown, from, to, from >= p->filled);
  p->filled = to;
  return TV_OK;
}

static int draw(
  tv_timeline *t, work *w, const tv_unit_stream *stream, pen *p, const tv_execution *execution)
{
  for (size_t r = 0, count; r < stream->records; r += count) {
    const int64_t next = r + 1 < stream->records ? stream->steps[r + 1] : INT64_MAX;
    count = 1;
    if (next <= w->steps[0]) /* what is drawn begins later */
      continue;
    if (stream->steps[r] > w->options->last_step)
      break;
    while (w->steps[p->at] < stream->steps[r])
      ++p->at;
    count = draw_block(t, w, stream, r, p);
    if (count == 0) {
      const int status = draw_record(t, w, stream, r, p, execution);
      if (status < 0)
        return status;
      count = 1;
    }
    const size_t before = w->done / 256;
    w->done += count;
    if (execution && execution->progress && w->done / 256 != before &&
        execution->progress(execution->context, (double)w->done / (double)w->records) != 0)
      return tv_fail(TV_ERROR_CANCELLED, "drawing the units was stopped");
  }
  return TV_OK;
}

static int draw_all(tv_timeline *t, work *w, size_t gap, const tv_execution *execution)
{
  size_t row = 0;
  int status = TV_OK;
  float *statistics = malloc(w->most_units * (TV_MEASURES + 1) * sizeof *statistics);
  if (!statistics)
    return tv_fail(TV_ERROR_MEMORY, "no memory left for statistics of %zu units", w->most_units);
  for (size_t k = 0; k < w->count && status == TV_OK; ++k) {
    const tv_unit_stream *stream = w->streams + w->chosen[k];
    const size_t rows = (stream->units - 1) / t->shared + 1;
    t->names[k] = strdup(stream->layer);
    for (size_t r = 0; r < rows; ++r) {
      t->layer[row + r] = (int32_t)k;
      t->unit[row + r] = (int32_t)(r * t->shared);
    }
    pen p = {.index = w->chosen[k],
      .row = row,
      .statistics = statistics,
      .shown = statistics + w->most_units * TV_MEASURES};
    p.block_count = tv_units_blocks(w->units, p.index, &p.blocks);
    status = t->names[k] ? draw(t, w, stream, &p, execution)
                         : tv_fail(TV_ERROR_MEMORY, "no memory left for the name of a layer");
    row += rows + gap;
  }
  free(statistics);
  return status;
}

int tv_timeline_make(tv_timeline *timeline, tv_units *units, const tv_timeline_options *options,
  const tv_execution *execution)
{
  if (!timeline)
    return tv_fail(TV_ERROR_ARGUMENT, "a timeline needs a place, not NULL");
  memset(timeline, 0, sizeof *timeline);
  const tv_timeline_options chosen = options ? *options : tv_timeline_defaults();
  if (!units || !tv_view_kind(chosen.measure) || chosen.first_step > chosen.last_step)
    return tv_fail(TV_ERROR_ARGUMENT,
      "a timeline needs units, a measure from 0 to %d and steps in order", TV_VIEW_MEASURES - 1);
  work w = {.units = units, .options = &chosen};
  size_t gap = 0;
  int status = choose(&w);
  if (status == TV_OK && w.step_count > 0) {
    plan(timeline, &w, &gap);
    status = chosen.plan_only ? TV_OK : allocate(timeline, &w);
    if (status == TV_OK && !chosen.plan_only)
      status = draw_all(timeline, &w, gap, execution);
  }
  free(w.chosen);
  free(w.steps);
  if (status < 0)
    tv_timeline_free(timeline);
  return status;
}
