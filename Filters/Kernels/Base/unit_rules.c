/* SPDX-License-Identifier: BSD-3-Clause */
#include "unit_rules_work.h"

#include "status.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* stuck: around 1e-3 is healthy (Karpathy, CS231n "Neural Networks Part 3", ratio of weights to
 *   updates); at a thousandth of that a weight needs a million steps to change by its own size,
 *   and a single float32 hardly moves (its rounding is 6e-8).
 * exploding: from 1 on a step replaces the filter by something else.
 * growth: gradients are usually clipped at half to ten times their average (Pascanu, Mikolov and
 *   Bengio 2013, section 3.2); ten times the upper end is beyond doubt.
 * saturated: E[1 - y^2] of tanh, 4 E[y (1 - y)] of a sigmoid, is the share of the slope that is left
 *   (Glorot and Bengio 2010, section 3); at 0.02 learning is fifty times as slow.
 * oscillating: mean moves of alternating sign; by chance 24 in a row come once in 16 million, and
 *   those of less than 1 % of the weights do no harm (Cohen et al. 2021: training at the edge of
 *   stability oscillates by little).
 * redundant: the threshold of SimilarityGroups.
 * patience: a ReLU that is silent for 10 batches in a row is dead for practical purposes. */
tv_bounds tv_rules_default_bounds(void)
{
  return (tv_bounds){.size = sizeof(tv_bounds),
    .stuck = 1e-6,
    .exploding = 1.0,
    .growth = 100.0,
    .saturated = 0.02,
    .oscillating = 0.01,
    .redundant = 0.97,
    .patience = 10,
    .alternations = 24};
}

tv_role tv_role_of(const char *kind)
{
  static const char *const kinds[] = {"weights", "gradients", "activations"};
  for (int k = 0; k < 3; ++k)
    if (kind && strcmp(kind, kinds[k]) == 0)
      return (tv_role)k;
  return TV_ROLE_OTHER;
}

int tv_rules_create(tv_rules **rules, tv_role role, size_t units, const tv_bounds *bounds)
{
  int overflow = 0;
  *rules = NULL;
  if (units < 1 || !bounds || bounds->patience < 1 || bounds->alternations < 1)
    return tv_fail(TV_ERROR_ARGUMENT, "rules need units, and a patience of at least one record");
  const size_t rows = units + 1;
  tv_multiply(tv_multiply(rows, TV_FAULTS, &overflow), sizeof(tv_streak), &overflow);
  tv_rules *made = overflow ? NULL : calloc(1, sizeof *made);
  if (made) {
    made->streaks = calloc(rows * TV_FAULTS, sizeof(tv_streak));
    made->memories = calloc(rows, sizeof(tv_unit_memory));
  }
  if (!made || !made->streaks || !made->memories) {
    tv_rules_free(made);
    return tv_fail(TV_ERROR_MEMORY, "no memory left to watch %zu units", units);
  }
  made->role = role;
  made->bounds = *bounds;
  made->units = units;
  made->least = INFINITY;
  made->greatest = -INFINITY;
  for (size_t k = 0; k < rows * TV_FAULTS; ++k)
    made->streaks[k].episode = -1;
  for (size_t u = 0; u < rows; ++u)
    made->memories[u].mean = made->memories[u].move = NAN;
  *rules = made;
  return TV_OK;
}

void tv_rules_free(tv_rules *rules)
{
  if (!rules)
    return;
  free(rules->streaks);
  free(rules->memories);
  free(rules->episodes);
  free(rules->found);
  free(rules);
}

static int add_episode(tv_rules *rules, const tv_episode *episode)
{
  if (rules->count == rules->capacity) {
    const size_t capacity = rules->capacity ? 2 * rules->capacity : 64;
    tv_episode *more = realloc(rules->episodes, capacity * sizeof *more);
    if (!more)
      return tv_fail(TV_ERROR_MEMORY, "no memory left for what was found");
    rules->episodes = more;
    rules->capacity = capacity;
  }
  rules->episodes[rules->count++] = *episode;
  return TV_OK;
}

int tv_rules_hold(tv_rules *rules, size_t unit, tv_fault fault, int64_t first, int64_t end,
  size_t records, size_t patience, float value)
{
  tv_streak *s = rules->streaks + unit * TV_FAULTS + fault;
  const size_t record = rules->records + records - 1;
  if (s->count == 0) {
    s->since = first;
    s->first = rules->records;
  }
  s->count += records;
  s->last = end;
  s->value = value;
  if (s->count < patience)
    return TV_OK;
  tv_episode *last = s->episode >= 0 ? rules->episodes + s->episode : NULL;
  if (last && (last->last >= s->first || s->first - last->last <= rules->bounds.patience)) {
    last->until = end;
    last->last = record;
    last->value = value;
    return TV_OK;
  }
  s->episode = (ptrdiff_t)rules->count;
  return add_episode(rules, &(tv_episode){.unit = unit == rules->units ? -1 : (ptrdiff_t)unit,
                              .fault = fault,
                              .since = s->since,
                              .until = end,
                              .first = s->first,
                              .last = record,
                              .value = value});
}

/* Whether a rule holds at this record. */
static int feed(tv_rules *rules, size_t unit, tv_fault fault, int64_t step, int holds,
  size_t patience, float value)
{
  if (holds)
    return tv_rules_hold(rules, unit, fault, step, step, 1, patience, value);
  rules->streaks[unit * TV_FAULTS + fault].count = 0;
  return TV_OK;
}

static int add_weights(tv_rules *rules, size_t unit, int64_t step, const float *row)
{
  const tv_bounds *b = &rules->bounds;
  tv_unit_memory *m = rules->memories + unit;
  const float rms = row[TV_MEASURE_RMS], update = row[TV_MEASURE_UPDATE];
  const float mean = row[TV_MEASURE_MEAN], move = mean - m->mean;
  const double ratio = update == 0 ? 0 : (double)update / rms;
  int status = TV_OK;
  if (!isnan(update)) {
    m->moved |= update != 0;
    status = feed(rules, unit, TV_FAULT_STUCK, step, ratio < b->stuck, b->patience, (float)ratio);
    if (status == TV_OK)
      status = feed(rules, unit, TV_FAULT_EXPLODING, step, ratio >= b->exploding, 2, (float)ratio);
  }
  const int alternates = move * m->move < 0 && fabsf(move) >= b->oscillating * rms;
  if (status == TV_OK)
    status = feed(rules, unit, TV_FAULT_OSCILLATING, step, alternates, b->alternations,
      rms > 0 ? fabsf(move) / rms : 0);
  m->move = move;
  m->mean = mean;
  return status;
}

void tv_rules_average(tv_rules *rules, double now, double usual)
{
  rules->typical = usual > 0 ? 0.95 * rules->typical + 0.05 * now : now;
}

/* Gradients of the layer as a whole: single units come to life and die down again. */
static int add_gradients(tv_rules *rules, int64_t step, const float *rows)
{
  const tv_bounds *b = &rules->bounds;
  double squares = 0;
  size_t known = 0;
  int status = TV_OK;
  for (size_t u = 0; u < rules->units && status == TV_OK; ++u) {
    const float rms = rows[u * TV_MEASURES + TV_MEASURE_RMS];
    if (isfinite(rms)) {
      squares += (double)rms * rms;
      ++known;
    }
    status = feed(rules, u, TV_FAULT_STUCK, step, rms == 0, b->patience, 0);
  }
  if (known == 0 || status < 0)
    return status;
  const double now = sqrt(squares / (double)known);
  const double usual = fmax(rules->typical, rules->largest_early);
  const int explodes = usual > 0 && now >= b->growth * usual;
  status = feed(rules, rules->units, TV_FAULT_EXPLODING, step, explodes, 1, (float)(now / usual));
  if (explodes) /* is not what is usual */
    return status;
  if (rules->records < b->patience)
    rules->largest_early = fmax(rules->largest_early, now);
  tv_rules_average(rules, now, usual);
  return status;
}

/* The share of the slope that is left, where the layer looks like a tanh or a sigmoid: all of it in
 * [-1, 1] with both ends, or in [0, 1] with no exact 0, which a ReLU has. NaN where it does not. */
static double slope_left(const tv_rules *rules, const float *row)
{
  const double rms = row[TV_MEASURE_RMS];
  if (rules->greatest > 1 || rules->greatest < 0.5f)
    return NAN;
  if (rules->least >= -1 && rules->least < -0.5f)
    return 1 - rms * rms;
  if (rules->least > 0 && !rules->zeros)
    return 4 * (row[TV_MEASURE_MEAN] - rms * rms);
  return NAN;
}

static int add_activations(tv_rules *rules, int64_t step, const float *rows)
{
  const tv_bounds *b = &rules->bounds;
  for (size_t u = 0; u < rules->units; ++u) {
    const float *row = rows + u * TV_MEASURES;
    rules->least = fminf(rules->least, row[TV_MEASURE_LEAST]);
    rules->greatest = fmaxf(rules->greatest, row[TV_MEASURE_GREATEST]);
    rules->zeros |= row[TV_MEASURE_ZEROS] > 0;
  }
  for (size_t u = 0; u < rules->units; ++u) {
    const float *row = rows + u * TV_MEASURES;
    const float zeros = row[TV_MEASURE_ZEROS], silent = row[TV_MEASURE_SILENT];
    const double slope = slope_left(rules, row);
    int status = feed(rules, u, TV_FAULT_DEAD, step, silent >= 1 || zeros >= 1, b->patience, 1);
    if (status == TV_OK && !isnan(silent)) /* sums of a batch say nothing of its samples */
      status =
        feed(rules, u, TV_FAULT_SATURATED, step, slope < b->saturated, b->patience, (float)slope);
    if (status < 0)
      return status;
  }
  return TV_OK;
}

int tv_rules_add(tv_rules *rules, int64_t step, const float *rows)
{
  int status = TV_OK;
  if (rules->records == 0)
    rules->first_step = step;
  rules->last_step = step;
  rules->skipped = 0;
  for (size_t u = 0; u < rules->units && status == TV_OK; ++u) {
    const float bad = rows[u * TV_MEASURES + TV_MEASURE_NONFINITE];
    status = feed(rules, u, TV_FAULT_NOT_FINITE, step, bad > 0, 1, bad);
    if (rules->role == TV_ROLE_WEIGHTS && status == TV_OK)
      status = add_weights(rules, u, step, rows + u * TV_MEASURES);
  }
  if (rules->role == TV_ROLE_GRADIENTS && status == TV_OK)
    status = add_gradients(rules, step, rows);
  if (rules->role == TV_ROLE_ACTIVATIONS && status == TV_OK)
    status = add_activations(rules, step, rows);
  ++rules->records;
  return status;
}

static int by_unit(const void *one, const void *other)
{
  const tv_episode *a = one, *b = other;
  if (a->unit != b->unit)
    return a->unit < b->unit ? -1 : 1;
  if (a->since != b->since)
    return a->since < b->since ? -1 : 1;
  return (int)a->fault - (int)b->fault;
}

/* Of short runs: what held from the first record that could tell to the last. */
static int add_short(tv_rules *rules)
{
  static const tv_fault lasting[] = {TV_FAULT_STUCK, TV_FAULT_DEAD, TV_FAULT_SATURATED};
  const size_t least = rules->role == TV_ROLE_WEIGHTS ? rules->records - 1 : rules->records;
  int status = TV_OK;
  for (size_t u = 0; u < rules->units; ++u)
    for (int k = 0; k < 3 && status == TV_OK; ++k) {
      const tv_streak *s = rules->streaks + u * TV_FAULTS + lasting[k];
      if (s->count >= least && s->count < rules->bounds.patience)
        status = add_episode(rules, &(tv_episode){(ptrdiff_t)u, lasting[k], s->since, s->last,
                                      s->first, rules->records - 1, s->value});
    }
  return status;
}

int tv_rules_found(tv_rules *rules, const tv_episode **episodes, size_t *count)
{
  const size_t before = rules->count;
  int status =
    rules->records >= 3 && rules->records <= rules->bounds.patience ? add_short(rules) : TV_OK;
  free(rules->found);
  *count = rules->count;
  rules->found = malloc((rules->count + 1) * sizeof *rules->found);
  if (status == TV_OK && !rules->found)
    status = tv_fail(TV_ERROR_MEMORY, "no memory left for what was found");
  if (status == TV_OK) {
    if (rules->count > 0)
      memcpy(rules->found, rules->episodes, rules->count * sizeof *rules->found);
    for (size_t e = 0; e < *count; ++e) { /* stuck from the start, and exactly */
      tv_episode *episode = rules->found + e;
      if (rules->role == TV_ROLE_WEIGHTS && episode->fault == TV_FAULT_STUCK &&
          !rules->memories[episode->unit].moved) {
        episode->fault = TV_FAULT_NEVER_UPDATED;
        episode->since = rules->first_step;
      }
    }
    qsort(rules->found, *count, sizeof *rules->found, by_unit);
  }
  rules->count = before;
  *episodes = rules->found;
  return status;
}
