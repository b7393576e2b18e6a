/* SPDX-License-Identifier: BSD-3-Clause */
#include "names_unique.h"
#include "names.h"
#include "status.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

int tv_names_is_optimizer(const char *name)
{
  for (const char *part = name; part && *part;) {
    if (!strncasecmp(part, "optim", 5))
      return 1;
    const char *next = strpbrk(part, "./");
    part = next ? next + 1 : NULL;
  }
  return 0;
}

int tv_names_compare(const char *a, const char *b)
{
  while (*a && *b) {
    if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
      a += strspn(a, "0");
      b += strspn(b, "0");
      const size_t x = strspn(a, "0123456789"), y = strspn(b, "0123456789");
      if (x != y)
        return x < y ? -1 : 1;
      const int order = strncmp(a, b, x);
      if (order)
        return order;
      a += x;
      b += y;
    } else if (*a != *b) {
      return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
    } else {
      ++a;
      ++b;
    }
  }
  return *a ? 1 : *b ? -1 : 0;
}

int tv_names_step(tv_weights *weights, const char *key, const char *value)
{
  static const char *const keys[] = {"global_step", "step", "steps", "iteration", "iterations",
    "iter", "train_step", "training_step", "epoch"};
  enum
  {
    KEYS = sizeof keys / sizeof keys[0]
  };
  size_t which = 0;
  while (which < KEYS && strcmp(keys[which], key) != 0)
    ++which;
  const size_t digits = strspn(value, "0123456789");
  if (which == KEYS || !digits || value[digits] || digits > 18)
    return 0;
  const int epoch = which == KEYS - 1;
  if (weights->step < 0 || (weights->step_is_epoch && !epoch)) {
    weights->step = strtoll(value, NULL, 10);
    weights->step_is_epoch = epoch;
  }
  return 1;
}

/* What an optimizer counts through: no buffers. */
static int is_parameter(const tv_weights_tensor *tensor)
{
  return tensor->layer && strcmp(tensor->kind, "running_mean") != 0 &&
         strcmp(tensor->kind, "running_var") != 0 &&
         strcmp(tensor->kind, "num_batches_tracked") != 0;
}

/* "optimizer.state.12.exp_avg": 12, and where "exp_avg" begins; -1 where it is no such name. */
static long state_number(const char *name, const char **slot)
{
  const char *state = strstr(name, "state.");
  for (const char *next = state; next; next = strstr(next + 1, "state."))
    state = next;
  if (!state || !isdigit((unsigned char)state[6]))
    return -1;
  char *end;
  const long number = strtol(state + 6, &end, 10);
  if (*end != '.' || !end[1] || strchr(end + 1, '.'))
    return -1;
  *slot = end + 1;
  return number;
}

static int set(tv_weights *weights, tv_weights_tensor *tensor, const char *layer, size_t length,
  const char *kind)
{
  static const char none[] = "xyzrsupf";
  for (; length && (*layer == '/' || *layer == '.'); --length)
    ++layer;
  tensor->layer = strndup(length ? layer : "optimizer", length ? length : 9);
  tensor->kind = strdup(kind);
  tensor->offered = 0;
  if (!tensor->axes[0])
    memcpy(tensor->axes, none, (size_t)tensor->rank);
  if (!tensor->layer || !tensor->kind)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", weights->files[0].path);
  for (char *c = tensor->kind; *c; ++c)
    if (*c == '/')
      *c = '_';
  return 0;
}

static int name_state(
  tv_weights *weights, tv_weights_tensor *tensor, const size_t *parameters, size_t count)
{
  char kind[TV_WEIGHTS_NAME + 1];
  const char *slot = NULL;
  const long number = state_number(tensor->name, &slot);
  if (number >= 0 && (size_t)number < count) {
    const tv_weights_tensor *of = weights->tensors + parameters[number];
    const int same = of->rank == tensor->rank && !memcmp(of->size, tensor->size, sizeof of->size);
    if (same)
      memcpy(tensor->axes, of->axes, sizeof tensor->axes);
    if (same || !tensor->rank) {
      snprintf(kind, sizeof kind, "%.250s_%.500s", of->kind, slot);
      return set(weights, tensor, of->layer, strlen(of->layer), kind);
    }
  }
  const char *last = strrchr(tensor->name, '/');
  last = last ? last : strrchr(tensor->name, '.');
  const size_t length = last && last[1] ? (size_t)(last - tensor->name) : 0;
  snprintf(kind, sizeof kind, "%s", length ? last + 1 : tensor->name);
  return set(weights, tensor, tensor->name, length, kind);
}

int tv_names_optimizer(tv_weights *weights)
{
  size_t count = 0;
  int status = 0;
  size_t *parameters = malloc((weights->count + 1) * sizeof *parameters);
  if (!parameters)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", weights->files[0].path);
  for (size_t i = 0; i < weights->count; ++i)
    if (is_parameter(weights->tensors + i))
      parameters[count++] = i;
  for (size_t i = 0; !status && i < weights->count; ++i)
    if (!weights->tensors[i].layer)
      status = name_state(weights, weights->tensors + i, parameters, count);
  free(parameters);
  return status;
}

static int compare(const void *a, const void *b)
{
  const tv_weights_tensor *x = *(tv_weights_tensor *const *)a;
  const tv_weights_tensor *y = *(tv_weights_tensor *const *)b;
  int order = strcmp(x->layer, y->layer);
  if (!order)
    order = strcmp(x->kind, y->kind);
  return order ? order : (x > y) - (x < y);
}

static int same(const tv_weights_tensor *a, const tv_weights_tensor *b)
{
  return !strcmp(a->layer, b->layer) && !strcmp(a->kind, b->kind);
}

/* A longer layer or kind in place of the one there is. */
static int replace(tv_weights *weights, char **text, const char *with)
{
  char *copy = strdup(with);
  if (!copy)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", weights->files[0].path);
  free(*text);
  *text = copy;
  return 0;
}

static int make_different(tv_weights *weights, tv_weights_tensor **order, int round)
{
  char text[TV_WEIGHTS_NAME + 32];
  int status = 0;
  qsort(order, weights->count, sizeof *order, compare);
  size_t first = 0; /* of those that are the same */
  for (size_t i = 1; !status && i < weights->count; ++i) {
    tv_weights_tensor *tensor = order[i];
    if (!same(order[first], tensor)) {
      first = i;
      continue;
    }
    if (round) {
      snprintf(text, sizeof text, "%.900s~%zu", tensor->kind, i - first + 1);
      status = replace(weights, &tensor->kind, text);
    } else {
      const char *name = tensor->name + strspn(tensor->name, "/.");
      if (*name)
        status = replace(weights, &tensor->layer, name);
    }
  }
  return status;
}

int tv_names_unique(tv_weights *weights)
{
  tv_weights_tensor **order = malloc((weights->count + 1) * sizeof *order);
  int status = 0;
  if (!order)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", weights->files[0].path);
  for (size_t i = 0; i < weights->count; ++i)
    order[i] = weights->tensors + i;
  for (int round = 0; !status && round < 2; ++round)
    status = make_different(weights, order, round);
  free(order);
  return status;
}
