/* SPDX-License-Identifier: BSD-3-Clause */
/* What was found, in words. */
#include "findings.h"

#include "status.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[TV_FAULTS] = {"stuck", "dead", "saturated", "exploding",
  "not finite", "oscillating", "redundant", "never updated"};

const char *tv_fault_name(tv_fault fault)
{
  return (unsigned)fault < TV_FAULTS ? names[fault] : "";
}

/* "conv1: unit 3", "conv1: all 16 units", "conv1". */
static void who(char *text, size_t room, const char *layer, size_t units, ptrdiff_t unit)
{
  if (unit >= 0)
    snprintf(text, room, "%.255s, unit %td", layer, unit);
  else if (units > 1)
    snprintf(text, room, "%.255s, all %zu units", layer, units);
  else
    snprintf(text, room, "%.255s", layer);
}

static void say_weights(char *text, size_t room, const tv_episode *e, const tv_bounds *b)
{
  switch (e->fault) {
  case TV_FAULT_STUCK:
    snprintf(text, room,
      "update/weight is %.1e, under %.0e: this learns nothing any more; see whether a gradient "
      "reaches it, and try a larger learning rate",
      e->value, b->stuck);
    break;
  case TV_FAULT_EXPLODING:
    snprintf(text, room,
      "a step changes it by %.2g times its size; try a learning rate ten times smaller", e->value);
    break;
  case TV_FAULT_OSCILLATING:
    snprintf(text, room,
      "goes to and fro at each step, by %.1f %% of its weights; try a smaller learning rate or "
      "less "
      "momentum",
      100 * e->value);
    break;
  default: /* never updated */
    snprintf(text, room,
      "no weight has changed; if that is not meant, see whether it is given to the optimizer, not "
      "frozen, and used in the forward pass");
  }
}

static void say_other(char *text, size_t room, const char *kind, const tv_episode *e, size_t other)
{
  const int gradients = strcmp(kind, "gradients") == 0;
  switch (e->fault) {
  case TV_FAULT_STUCK:
    snprintf(text, room,
      "its gradient is exactly 0: nothing behind it passes one on; see whether the layers after it "
      "are dead or saturated");
    break;
  case TV_FAULT_DEAD:
    snprintf(text, room,
      "its activation is 0 for every sample; try a smaller learning rate, a larger bias to begin "
      "with, or a leaky ReLU");
    break;
  case TV_FAULT_SATURATED:
    snprintf(text, room,
      "only %.1f %% of the slope is left, it hardly passes a gradient on; normalise its input, or "
      "begin with smaller weights",
      100 * (e->value > 0 ? e->value : 0));
    break;
  case TV_FAULT_EXPLODING:
    snprintf(text, room,
      "gradients are %.3g times what they were on average; clip them, or try a smaller learning "
      "rate",
      e->value);
    break;
  case TV_FAULT_REDUNDANT:
    snprintf(text, room,
      "sees the same as unit %zu (correlation %.4f): the two can be merged into one", other,
      e->value);
    break;
  default:
    snprintf(text, room,
      "%.0f of its %s are NaN or infinite; look at what the first of them is computed from: the "
      "learning rate, a division, a logarithm, float16%s",
      e->value, kind, gradients ? " without loss scaling" : "");
  }
}

int tv_findings_add(tv_findings *findings, const char *layer, const char *kind, size_t units,
  const tv_episode *episode, size_t other, const tv_bounds *bounds)
{
  char subject[400], what[400], sentence[900];
  if (findings->count == findings->capacity) {
    const size_t capacity = findings->capacity ? 2 * findings->capacity : 64;
    tv_finding *more = realloc(findings->list, capacity * sizeof *more);
    if (!more)
      return tv_fail(TV_ERROR_MEMORY, "no memory left for what was found");
    findings->list = more;
    findings->capacity = capacity;
  }
  who(subject, sizeof subject, layer, units, episode->unit);
  if (strcmp(kind, "weights") == 0 && episode->fault != TV_FAULT_NOT_FINITE &&
      episode->fault != TV_FAULT_REDUNDANT)
    say_weights(what, sizeof what, episode, bounds);
  else
    say_other(what, sizeof what, kind, episode, other);
  snprintf(sentence, sizeof sentence, "%s, from step %" PRId64 " to %" PRId64 ": %s", subject,
    episode->since, episode->until, what);
  tv_finding *finding = findings->list + findings->count;
  *finding = (tv_finding){.layer = strdup(layer),
    .unit = episode->unit,
    .since = episode->since,
    .until = episode->until,
    .fault = episode->fault,
    .value = episode->value,
    .sentence = strdup(sentence)};
  if (finding->layer && finding->sentence) {
    ++findings->count;
    return TV_OK;
  }
  free((char *)finding->layer);
  free((char *)finding->sentence);
  return tv_fail(TV_ERROR_MEMORY, "no memory left for what was found");
}

size_t tv_findings_list(const tv_findings *findings, const tv_finding **list)
{
  if (list)
    *list = findings ? findings->list : NULL;
  return findings ? findings->count : 0;
}

void tv_findings_free(tv_findings *findings)
{
  if (!findings)
    return;
  for (size_t k = 0; k < findings->count; ++k) {
    free((char *)findings->list[k].layer);
    free((char *)findings->list[k].sentence);
  }
  free(findings->list);
  free(findings);
}
