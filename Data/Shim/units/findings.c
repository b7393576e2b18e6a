/* SPDX-License-Identifier: BSD-3-Clause */
/* One pass over a run: the rules of unit_rules.h for every stream of units. */
#include "findings.h"

#include "status.h"

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

static int watch_stream(tv_findings *findings, tv_units *units, size_t index,
  const tv_bounds *bounds, const tv_execution *execution)
{
  const tv_unit_stream *streams;
  tv_units_streams(units, &streams);
  const tv_unit_stream *stream = streams + index;
  tv_rules *rules;
  int status = tv_rules_create(&rules, tv_role_of(stream->kind), stream->units, bounds);
  float *rows = malloc(stream->units * TV_MEASURES * sizeof *rows);
  if (status == TV_OK && !rows)
    status = tv_fail(TV_ERROR_MEMORY, "no memory left for %zu units", stream->units);
  for (size_t r = 0; r < stream->records && status == TV_OK; ++r) {
    status = tv_units_read(units, index, r, rows, execution);
    if (status == TV_OK)
      status = tv_rules_add(rules, stream->steps[r], rows);
    else if (is_damage(status))
      status = TV_OK;
    if (status == TV_OK && (r & 255) == 255 && execution && execution->progress &&
        execution->progress(execution->context, (double)index) != 0)
      status = tv_fail(TV_ERROR_CANCELLED, "looking for what is wrong was stopped");
  }
  shown s = {NULL, 0};
  if (status == TV_OK)
    status = tv_rules_found(rules, &s.episodes, &s.count);
  if (status == TV_OK)
    status = add_stream(findings, stream, &s, bounds);
  tv_rules_free(rules);
  free(rows);
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

int tv_findings_make(
  tv_findings **findings, tv_source *source, const tv_bounds *bounds, const tv_execution *execution)
{
  if (!findings || !source)
    return tv_fail(TV_ERROR_ARGUMENT, "findings need a place and a source, not NULL");
  *findings = NULL;
  const tv_bounds chosen = bounds ? *bounds : tv_default_bounds();
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
    status = watch_stream(made, units, s, &chosen, &each);
    if (status == TV_OK && tv_role_of(streams[s].kind) % 2 == 0) { /* weights and activations */
      status = tv_findings_redundant(made, source, streams + s, &chosen, &quiet);
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
