/* SPDX-License-Identifier: BSD-3-Clause */
#include "pruning.h"

#include "correlate.h"
#include "moments.h"
#include "status.h"

#include <tensorview/format.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The place of a word in a list that NULL ends. */
static int find_word(int *place, const char *text, const char *const *words)
{
  char list[128] = "";
  for (*place = 0; words[*place]; ++*place) {
    if (strcmp(text, words[*place]) == 0)
      return TV_OK;
    const size_t length = strlen(list);
    snprintf(list + length, sizeof list - length, "%s%s", length ? ", " : "", words[*place]);
  }
  return tv_fail(TV_ERROR_ARGUMENT, "%s is none of %s", text, list);
}

int pruning_read_way(void *way, const char *text)
{
  int place;
  const int status =
    find_word(&place, text, (const char *const[]){"remove", "sum", "affine", "reconstruct", NULL});
  if (status == TV_OK)
    *(tv_merge_way *)way = (tv_merge_way)place;
  return status;
}

int pruning_read_linkage(void *linkage, const char *text)
{
  int single;
  const int status = find_word(&single, text, (const char *const[]){"complete", "single", NULL});
  if (status == TV_OK)
    *(tv_linkage *)linkage = single ? TV_SINGLE : TV_COMPLETE;
  return status;
}

int pruning_read_similarity(void *similarity, const char *text)
{
  int moments;
  const int status = find_word(&moments, text, (const char *const[]){"maps", "moments", NULL});
  if (status == TV_OK)
    *(pruning_similarity *)similarity = moments ? SIMILARITY_MOMENTS : SIMILARITY_MAPS;
  return status;
}

/* Groups of similar filters by maps or moments. matrix: [filters][filters], scratch. */
static int find_groups(
  int32_t *groups, float *matrix, const layer_statistics *s, const pruning_options *o)
{
  const int maps = o->similarity == SIMILARITY_MAPS && s->pixels > 1;
  const tv_rows rows = {s->maps, TV_FLOAT32, s->filters, s->pixels};
  int status = maps ? tv_correlate(matrix, &rows, TV_PEARSON, NULL)
                    : tv_correlate_moments(matrix, s->moments, s->filters, TV_PEARSON, NULL);
  if (status == TV_OK)
    status = tv_group(groups, matrix, s->filters, o->threshold, o->linkage);
  return status;
}

/* Dead filters stand in no group: they are taken out beside what the groups decide. */
static int remove_dead(pruning_result *r)
{
  size_t first = 0, kept = 0;
  while (first < r->filters && (!r->keep[first] || r->dead[first]))
    ++first;
  for (size_t f = 0; first < r->filters && f < r->filters; ++f)
    if (r->keep[f] && r->dead[f]) {
      r->keep[f] = 0;
      r->representatives[f] = (int32_t)first;
    }
  for (size_t f = 0; f < r->filters; ++f)
    kept += r->keep[f];
  if (kept < 2 && r->filters > 1)
    return tv_fail(TV_ERROR_ARGUMENT,
      "of %zu filters only one would be left, the others being like it or dead", r->filters);
  return TV_OK;
}

/* Which filter now stands at a place; -1: none. */
static int32_t at_place(const pruning_result *r, int32_t place)
{
  for (size_t f = 0; f < r->filters; ++f)
    if (r->places[f] == (size_t)place)
      return (int32_t)f;
  return -1;
}

static int keep_as_asked(pruning_result *r, const tv_request *request)
{
  for (size_t f = 0; f < r->filters; ++f) {
    r->keep[f] = 1;
    r->representatives[f] = (int32_t)f;
  }
  for (uint32_t i = 0; i < request->count; ++i) {
    const int32_t goes = at_place(r, request->filter[i]), into = at_place(r, request->into[i]);
    if (goes < 0 || into < 0)
      return tv_fail(TV_ERROR_ARGUMENT, "filter %d of %s is not there any more",
        (int)(goes < 0 ? request->filter[i] : request->into[i]), request->layer);
    r->keep[goes] = 0;
    r->representatives[goes] = into;
  }
  if (request->count + 1 == r->filters)
    return tv_fail(TV_ERROR_ARGUMENT, "only one of the %zu filters of %s would be left", r->filters,
      request->layer);
  return TV_OK;
}

static int decide(pruning_result *r, double *combination, int32_t *groups, float *matrix,
  const tv_layer *next, const layer_statistics *s, const pruning_options *o,
  const tv_request *request)
{
  int status;
  for (size_t f = 0; f < r->filters; ++f)
    r->dead[f] = s->variances[f] == 0.0;
  if (request)
    status = keep_as_asked(r, request);
  else if (o->number)
    status = tv_keep_number_for(
      r->keep, r->representatives, NULL, s->moments, s->filters, o->number, next);
  else if ((status = find_groups(groups, matrix, s, o)) == TV_OK) {
    /* Summed maps may say that a filter lives which no single pixel of the moments confirms. */
    for (size_t f = 0; f < r->filters; ++f)
      if (r->dead[f])
        groups[f] = TV_NO_GROUP;
    status = tv_keep_groups(r->keep, r->representatives, groups, s->filters, s->moments);
    if (status == TV_OK && o->dead)
      status = remove_dead(r);
  }
  if (status == TV_OK)
    status = tv_combine(combination, r->residuals, &r->kept_back, r->keep, r->representatives,
      s->moments, s->filters, o->way, o->bound);
  return status;
}

static int apply(pruning_result *r, network *n, size_t layer, const layer_statistics *s,
  const pruning_options *o, const tv_request *request)
{
  const size_t filters = s->filters;
  memset(r, 0, sizeof *r);
  if (layer + 1 >= n->layer_count)
    return tv_fail(TV_ERROR_ARGUMENT, "%s is the last layer: its filters are the classes",
      n->layers[layer].name);
  if (filters != n->layers[layer].weights.rows)
    return tv_fail(TV_ERROR_ARGUMENT, "the statistics of %s are of %zu filters, and it has %zu",
      n->layers[layer].name, filters, n->layers[layer].weights.rows);
  const parameter *w = &n->layers[layer + 1].weights;
  const tv_layer next = {
    .weights = w->value, .outputs = w->rows, .inputs = w->columns, .window = w->inner};
  r->filters = filters;
  r->keep = malloc(filters);
  r->dead = malloc(filters);
  r->representatives = malloc(filters * sizeof *r->representatives);
  r->residuals = malloc(filters * sizeof *r->residuals);
  r->places = malloc(filters * sizeof *r->places);
  double *combination = malloc(filters * (filters + 1) * sizeof *combination);
  float *matrix = malloc(filters * filters * sizeof *matrix);
  int32_t *groups = malloc(filters * sizeof *groups);
  int status;
  if (!r->keep || !r->dead || !r->representatives || !r->residuals || !r->places || !combination ||
      !matrix || !groups)
    status = tv_fail(TV_ERROR_MEMORY, "no memory for merging %zu filters", filters);
  else {
    memcpy(r->places, n->layers[layer].places, filters * sizeof *r->places);
    status = decide(r, combination, groups, matrix, &next, s, o, request);
  }
  for (size_t f = 0; status == TV_OK && f < filters; ++f)
    r->kept += r->keep[f];
  if (status == TV_OK && r->kept < filters)
    status = network_merge(n, layer, r->keep, combination);
  free(combination);
  free(matrix);
  free(groups);
  return status;
}

int pruning_apply(
  pruning_result *r, network *n, size_t layer, const layer_statistics *s, const pruning_options *o)
{
  return apply(r, n, layer, s, o, NULL);
}

int pruning_merge(pruning_result *r, network *n, size_t layer, const layer_statistics *s,
  const pruning_options *o, const tv_request *request)
{
  return apply(r, n, layer, s, o, request);
}

void pruning_free(pruning_result *r)
{
  free(r->keep);
  free(r->dead);
  free(r->representatives);
  free(r->residuals);
  free(r->places);
  memset(r, 0, sizeof *r);
}

void pruning_states(int32_t *states, size_t declared, const pruning_result *r, tv_merge_way way)
{
  for (size_t f = 0; f < r->filters; ++f) {
    const size_t place = r->places[f];
    if (r->keep[f]) {
      states[place] = r->dead[f] ? TV_FILTER_DEAD : TV_FILTER_ALIVE;
      continue;
    }
    const int merged = !r->dead[f] && way != TV_REMOVE;
    const int32_t now = merged ? (int32_t)r->places[r->representatives[f]] : TV_FILTER_PRUNED;
    for (size_t d = 0; d < declared; ++d)
      if (states[d] == (int32_t)place)
        states[d] = now;
    states[place] = now;
  }
}
