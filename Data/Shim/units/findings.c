/* SPDX-License-Identifier: BSD-3-Clause */
/* One pass over a run: the rules of unit_rules.h for every stream of units, record by record, or where
 * the ranges of a block say that nothing changes in it, block by block. */
#include "findings.h"

#include "status.h"
#include "unit_ranges.h"
#include "units_work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

tv_bounds tv_default_bounds(void)
{
  return tv_rules_default_bounds();
}

/* What one stream shows. The list is the rules'. */
typedef struct shown
{
  const tv_episode *episodes;
  size_t count;
} shown;

/* A fault that every unit has at the end of the same stretch is the layer's: one row, from the step
 * on at which the last of them has it. common: [TV_FAULTS], fault -1 where it is not so. */
static void find_common(tv_episode *common, const shown *s, size_t units)
{
  for (int fault = 0; fault < TV_FAULTS; ++fault) {
    tv_episode all = {.unit = -1, .fault = (tv_fault)fault, .since = -1, .until = INT64_MAX};
    size_t have = 0;
    ptrdiff_t last = -1;
    for (size_t e = 0; e < s->count; ++e) {
      const tv_episode *one = s->episodes + e;
      if ((int)one->fault != fault || one->unit < 0)
        continue;
      have += one->unit != last;
      last = one->unit;
      all.since = one->since > all.since ? one->since : all.since;
      all.until = one->until < all.until ? one->until : all.until;
      all.value = one->value;
    }
    common[fault] = all;
    if (units < 2 || have < units || all.since > all.until)
      common[fault].since = -1;
  }
}

/* Gradients of 0 say again what the weights of the layer say, unless they say it earlier: an
 * optimizer with a memory goes on for a while. */
static int said_already(const tv_findings *findings, const char *layer, const tv_episode *e)
{
  for (size_t k = findings->count; k-- > 0;) {
    const tv_finding *f = findings->list + k;
    if (strcmp(f->layer, layer) != 0)
      return 0;
    if ((f->fault == TV_FAULT_NEVER_UPDATED || f->fault == e->fault) &&
        (f->unit == e->unit || f->unit == -1) && f->since <= e->since && e->since <= f->until)
      return 1;
  }
  return 0;
}

/* Whether an episode is told by that of its layer. What is not finite spreads: where it began is told
 * all the same. */
static int is_part(const tv_episode *one, const tv_episode *common)
{
  const int began_here = one->fault == TV_FAULT_NOT_FINITE && one->since < common->since;
  return one->unit >= 0 && common->since >= 0 && !began_here;
}

static int add_stream(
  tv_findings *findings, const tv_unit_stream *stream, const shown *s, const tv_bounds *bounds)
{
  tv_episode common[TV_FAULTS];
  const int gradients = tv_role_of(stream->kind) == TV_ROLE_GRADIENTS;
  int status = TV_OK;
  find_common(common, s, stream->units);
  for (size_t e = 0; e < TV_FAULTS + s->count && status == TV_OK; ++e) {
    const tv_episode *one = e < TV_FAULTS ? common + e : s->episodes + e - TV_FAULTS;
    if (one->since < 0 || (e >= TV_FAULTS && is_part(one, common + one->fault)))
      continue;
    if (gradients && one->fault == TV_FAULT_STUCK && said_already(findings, stream->layer, one))
      continue;
    status = tv_findings_add(findings, stream->layer, stream->kind, stream->units, one, 0, bounds);
  }
  return status;
}

/* Whether a failure is a tensor's own: it costs that, and the others are looked at. */
static int is_damage(int status)
{
  return status == TV_ERROR_FORMAT || status == TV_ERROR_FILE || status == TV_ERROR_UNSUPPORTED;
}

/* How far a stream was looked at. */
typedef struct watched
{
  char *layer, *kind;
  size_t units, next; /* the record */
  int64_t first_step, last_step;
  tv_rules *rules;
} watched;

struct tv_watch
{
  tv_bounds bounds;
  watched *streams;
  size_t count;
};

int tv_watch_create(tv_watch **watch, const tv_bounds *bounds)
{
  if (!watch)
    return tv_fail(TV_ERROR_ARGUMENT, "a watch needs a place, not NULL");
  *watch = calloc(1, sizeof **watch);
  if (!*watch)
    return tv_fail(TV_ERROR_MEMORY, "no memory left for what is found");
  (*watch)->bounds = bounds ? *bounds : tv_default_bounds();
  return TV_OK;
}

static void forget(watched *w)
{
  tv_rules_free(w->rules);
  free(w->layer);
  free(w->kind);
  *w = (watched){.next = 0};
}

void tv_watch_free(tv_watch *watch)
{
  if (!watch)
    return;
  for (size_t k = 0; k < watch->count; ++k)
    forget(watch->streams + k);
  free(watch->streams);
  free(watch);
}

static int is_of(const watched *w, const tv_unit_stream *stream)
{
  return w->rules && strcmp(w->layer, stream->layer) == 0 && strcmp(w->kind, stream->kind) == 0;
}

/* Whether what was looked at is still what it was. */
static int goes_on(const watched *w, const tv_unit_stream *stream)
{
  return w->units == stream->units && w->next <= stream->records &&
         (w->next == 0 ||
           (stream->steps[0] == w->first_step && stream->steps[w->next - 1] == w->last_step));
}

/* What is known of a stream; begins anew where that is of another run. guess: its place last time. */
static watched *find_watched(tv_watch *watch, const tv_unit_stream *stream, size_t guess)
{
  watched *w = NULL;
  if (guess < watch->count && is_of(watch->streams + guess, stream))
    w = watch->streams + guess;
  for (size_t k = 0; k < watch->count && !w; ++k)
    w = is_of(watch->streams + k, stream) ? watch->streams + k : NULL;
  if (w && goes_on(w, stream))
    return w;
  if (w)
    forget(w);
  else {
    watched *more = realloc(watch->streams, (watch->count + 1) * sizeof *more);
    if (!more)
      return NULL;
    watch->streams = more;
    w = more + watch->count++;
  }
  *w =
    (watched){.layer = strdup(stream->layer), .kind = strdup(stream->kind), .units = stream->units};
  if (w->layer && w->kind &&
      tv_rules_create(&w->rules, tv_role_of(stream->kind), stream->units, &watch->bounds) == TV_OK)
    return w;
  forget(w);
  return NULL;
}

/* The ranges of a block as the rules want them; those that the file does not have are NaN. */
static void name_ranges(
  tv_unit_range *ranges, const double *row, size_t columns, size_t units, const char *kind)
{
  int measures[TV_VIEW_MEASURES];
  const int count = tv_ranges_measures(measures, kind);
  for (size_t u = 0; u < units; ++u, row += columns) {
    tv_unit_range *r = ranges + u;
    *r = (tv_unit_range){{NAN, NAN}, {NAN, NAN}, {NAN, NAN}, NAN, NAN};
    for (int k = 0; k < count && 2 * (size_t)k + 1 < columns; ++k) {
      const float low = (float)row[2 * k], high = (float)row[2 * k + 1];
      float *pair = NULL;
      switch (measures[k]) {
      case TV_VIEW_UPDATE_WEIGHT:
      case TV_VIEW_DEAD_SHARE:
        pair = r->shown;
        break;
      case TV_VIEW_GRADIENT_RMS:
      case TV_VIEW_WEIGHT_RMS:
      case TV_VIEW_ACTIVATION_RMS:
        pair = r->rms;
        break;
      case TV_VIEW_WEIGHT_MEAN:
        pair = r->mean;
        break;
      case TV_VIEW_ZEROS:
        r->zeros = high;
        break;
      case TV_VIEW_NOT_FINITE:
        r->bad = high;
        break;
      default:
        break;
      }
      if (pair) {
        pair[0] = low;
        pair[1] = high;
      }
    }
  }
}

/* What is at work on a stream. */
typedef struct pass
{
  tv_units *units;
  size_t index;
  const tv_unit_stream *stream;
  watched *w;
  const tv_unit_block *blocks;
  size_t block_count, block; /* the next that may be used */
  tv_unit_range *ranges;     /* of all units */
  float *rows;               /* of a record */
  const tv_execution *execution;
} pass;

/* The block that begins with the next record, if the rules need no more than its ranges. Returns how many
 * records that were, 0 for none. */
static int64_t skip_block(pass *p)
{
  while (p->block < p->block_count && p->blocks[p->block].first < p->w->next)
    ++p->block;
  if (p->block == p->block_count || p->blocks[p->block].first != p->w->next)
    return 0;
  size_t columns;
  const tv_unit_block *block = p->blocks + p->block;
  const double *row = tv_units_read_ranges(p->units, p->index, p->block, &columns);
  if (!row)
    return 0;
  name_ranges(p->ranges, row, columns, p->stream->units, p->stream->kind);
  const int64_t *steps = p->stream->steps + block->first;
  const int status =
    tv_rules_skip(p->w->rules, p->ranges, block->count, steps[0], steps[block->count - 1]);
  return status == 1 ? (int64_t)block->count : status;
}

static int look_at(pass *p)
{
  tv_rules *rules = p->w->rules;
  int status = TV_OK;
  for (size_t k = tv_rules_lacks(rules); k > 0; --k)
    if (tv_units_read(p->units, p->index, p->w->next - k, p->rows, p->execution) == TV_OK)
      tv_rules_remember(rules, p->rows);
  status = tv_units_read(p->units, p->index, p->w->next, p->rows, p->execution);
  if (status == TV_OK)
    return tv_rules_add(rules, p->stream->steps[p->w->next], p->rows);
  return is_damage(status) ? TV_OK : status;
}

static int look_at_all(pass *p)
{
  const tv_execution *execution = p->execution;
  watched *w = p->w;
  for (int64_t count; w->next < p->stream->records;) {
    count = skip_block(p);
    if (count < 0)
      return (int)count;
    const int status = count == 0 ? look_at(p) : TV_OK;
    if (status < 0)
      return status;
    const size_t before = w->next / 256;
    w->next += count ? (size_t)count : 1;
    w->first_step = p->stream->steps[0];
    w->last_step = p->stream->steps[w->next - 1];
    if (w->next / 256 != before && execution && execution->progress &&
        execution->progress(execution->context, (double)p->index) != 0)
      return tv_fail(TV_ERROR_CANCELLED, "looking for what is wrong was stopped");
  }
  return TV_OK;
}

static int watch_stream(tv_watch *watch, tv_findings *findings, tv_units *units, size_t index,
  const tv_execution *execution)
{
  const tv_unit_stream *streams;
  tv_units_streams(units, &streams);
  pass p = {.units = units,
    .index = index,
    .stream = streams + index,
    .w = find_watched(watch, streams + index, index),
    .execution = execution};
  const size_t count = p.stream->units;
  p.ranges = malloc(count * sizeof *p.ranges);
  p.rows = malloc(count * TV_MEASURES * sizeof *p.rows);
  p.block_count = tv_units_blocks(units, index, &p.blocks);
  int status = p.w && p.ranges && p.rows
                 ? look_at_all(&p)
                 : tv_fail(TV_ERROR_MEMORY, "no memory left for %zu units", count);
  shown s = {NULL, 0};
  if (status == TV_OK)
    status = tv_rules_found(p.w->rules, &s.episodes, &s.count);
  if (status == TV_OK)
    status = add_stream(findings, p.stream, &s, &watch->bounds);
  free(p.ranges);
  free(p.rows);
  return status;
}

/* Progress of the streams together. */
typedef struct part
{
  const tv_execution *whole;
  double streams;
} part;

static int pass_on(void *context, double stream)
{
  const part *p = context;
  return p->whole->progress(p->whole->context, stream / p->streams);
}

int tv_watch_find(
  tv_watch *watch, tv_findings **findings, tv_source *source, const tv_execution *execution)
{
  if (!watch || !findings || !source)
    return tv_fail(TV_ERROR_ARGUMENT, "findings need a watch, a place and a source, not NULL");
  *findings = NULL;
  tv_units *units;
  int status = tv_units_open(&units, source);
  if (status < 0)
    return status;
  const tv_unit_stream *streams;
  const size_t count = tv_units_streams(units, &streams);
  part p = {execution, (double)(count ? count : 1)};
  tv_execution each = {
    execution ? execution->threads : 1, execution && execution->progress ? pass_on : NULL, &p};
  tv_findings *made = calloc(1, sizeof *made);
  if (!made)
    status = tv_fail(TV_ERROR_MEMORY, "no memory left for what is found");
  const tv_execution quiet = {each.threads, NULL, NULL};
  for (size_t s = 0; s < count && status == TV_OK; ++s) {
    status = watch_stream(watch, made, units, s, &each);
    if (status == TV_OK && tv_role_of(streams[s].kind) % 2 == 0) { /* weights and activations */
      status = tv_findings_redundant(made, source, streams + s, &watch->bounds, &quiet);
      status = is_damage(status) ? TV_OK : status;
    }
  }
  tv_units_close(units);
  if (status < 0) {
    tv_findings_free(made);
    return status;
  }
  *findings = made;
  return TV_OK;
}

int tv_findings_make(
  tv_findings **findings, tv_source *source, const tv_bounds *bounds, const tv_execution *execution)
{
  if (!findings || !source)
    return tv_fail(TV_ERROR_ARGUMENT, "findings need a place and a source, not NULL");
  *findings = NULL;
  tv_watch *watch;
  int status = tv_watch_create(&watch, bounds);
  if (status == TV_OK)
    status = tv_watch_find(watch, findings, source, execution);
  tv_watch_free(watch);
  return status;
}
