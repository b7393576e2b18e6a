/* SPDX-License-Identifier: BSD-3-Clause */
/* Many records at once, where their ranges say all that the rules want to know. */
#include "unit_rules_work.h"

#include <math.h>

enum
{
  FORGOTTEN =
    768 /* records after which a running average has forgotten what was: 0.95^768 is 1e-17 */
};

/* Whether neither oscillates: no two means are so far apart as one move would have to be. */
static int is_steady(const tv_rules *rules, const tv_unit_memory *m, const tv_unit_range *r)
{
  const float low = rules->skipped ? m->low : m->mean, high = rules->skipped ? m->high : m->mean;
  const double width = (double)fmaxf(high, r->mean[1]) - (double)fminf(low, r->mean[0]);
  return width < 0.999 * rules->bounds.oscillating * r->rms[0];
}

/* A rule of a unit over the whole block: -1 it holds nowhere, 1 it holds everywhere, as it has before,
 * and with one value; 0 only records can tell. */
static int judge(
  const tv_rules *rules, size_t unit, tv_fault fault, const float *range, double below)
{
  if (range[0] >= below)
    return -1;
  const int goes_on = rules->streaks[unit * TV_FAULTS + fault].count > 0;
  return goes_on && range[1] < below && range[0] == range[1];
}

/* A unit that is gone: its rows are NaN, and were before. */
static int is_gone(const tv_unit_range *r)
{
  return isnan(r->bad) && isnan(r->rms[0]) && isnan(r->shown[0]);
}

/* Of one unit: whether its fault that lasts holds, as judge() says; 0 also where anything else could be
 * wrong. */
static int look(const tv_rules *rules, size_t unit, const tv_unit_range *r)
{
  const tv_bounds *b = &rules->bounds;
  if (is_gone(r))
    return -1;
  if (!(r->bad <= 0))
    return 0;
  switch (rules->role) {
  case TV_ROLE_WEIGHTS:
    if (!(r->shown[1] < b->exploding) || !is_steady(rules, rules->memories + unit, r))
      return 0;
    return judge(rules, unit, TV_FAULT_STUCK, r->shown, b->stuck);
  case TV_ROLE_GRADIENTS:
    if (!(r->rms[1] < 0.999 * b->growth * rules->largest_early))
      return 0;
    return judge(rules, unit, TV_FAULT_STUCK, r->rms, nextafter(0, 1));
  case TV_ROLE_ACTIVATIONS:
    if (!(rules->greatest > 1)) /* may still look like a tanh or a sigmoid */
      return 0;
    if (r->shown[1] < 1 && r->zeros < 1)
      return -1;
    return rules->streaks[unit * TV_FAULTS + TV_FAULT_DEAD].count > 0 && r->shown[0] >= 1;
  default:
    return -1;
  }
}

static int pass(tv_rules *rules, size_t unit, const tv_unit_range *r, int holds, size_t records,
  int64_t first, int64_t last)
{
  tv_unit_memory *m = rules->memories + unit;
  tv_streak *streaks = rules->streaks + unit * TV_FAULTS;
  const tv_fault lasts = rules->role == TV_ROLE_ACTIVATIONS ? TV_FAULT_DEAD : TV_FAULT_STUCK;
  for (int fault = 0; fault < TV_FAULTS && !is_gone(r); ++fault)
    if (holds < 0 || fault != (int)lasts)
      streaks[fault].count = 0;
  m->moved |= rules->role == TV_ROLE_WEIGHTS && r->shown[1] > 0;
  m->low = r->mean[0];
  m->high = r->mean[1];
  if (holds < 0)
    return TV_OK;
  const float value = rules->role == TV_ROLE_WEIGHTS ? r->shown[0] : lasts == TV_FAULT_DEAD;
  return tv_rules_hold(rules, unit, lasts, first, last, records, rules->bounds.patience, value);
}

int tv_rules_skip(
  tv_rules *rules, const tv_unit_range *ranges, size_t records, int64_t first, int64_t last)
{
  if (rules->records <= rules->bounds.patience)
    return 0;
  for (size_t u = 0; u < rules->units; ++u)
    if (look(rules, u, ranges + u) == 0)
      return 0;
  int status = TV_OK;
  for (size_t u = 0; u < rules->units && status == TV_OK; ++u)
    status = pass(rules, u, ranges + u, look(rules, u, ranges + u), records, first, last);
  rules->streaks[rules->units * TV_FAULTS + TV_FAULT_EXPLODING].count = 0;
  rules->last_step = last;
  rules->records += records;
  rules->skipped += records;
  return status < 0 ? status : 1;
}

size_t tv_rules_lacks(const tv_rules *rules)
{
  const size_t most = rules->role == TV_ROLE_WEIGHTS     ? 2
                      : rules->role == TV_ROLE_GRADIENTS ? FORGOTTEN
                                                         : 0;
  return rules->skipped < most ? rules->skipped : most;
}

void tv_rules_remember(tv_rules *rules, const float *rows)
{
  double squares = 0;
  size_t known = 0;
  const size_t lacks = tv_rules_lacks(rules);
  rules->skipped = lacks > 0 ? lacks - 1 : 0;
  for (size_t u = 0; u < rules->units; ++u) {
    const float *row = rows + u * TV_MEASURES;
    tv_unit_memory *m = rules->memories + u;
    m->move = row[TV_MEASURE_MEAN] - m->mean;
    m->mean = row[TV_MEASURE_MEAN];
    if (isfinite(row[TV_MEASURE_RMS])) {
      squares += (double)row[TV_MEASURE_RMS] * row[TV_MEASURE_RMS];
      ++known;
    }
  }
  if (rules->role == TV_ROLE_GRADIENTS && known > 0)
    tv_rules_average(
      rules, sqrt(squares / (double)known), fmax(rules->typical, rules->largest_early));
}
