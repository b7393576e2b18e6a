/* SPDX-License-Identifier: BSD-3-Clause */
#include "names.h"
#include "names_unique.h"
#include "status.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A name that is being taken apart. */
typedef struct parts
{
  char layer[TV_WEIGHTS_NAME + 1];
  char last[TV_WEIGHTS_NAME + 1];
} parts;

/* Where the last part begins: behind the last '/', or where there is none the last '.'. */
static const char *last_part(const char *name)
{
  const char *cut = strrchr(name, '/');
  if (!cut)
    cut = strrchr(name, '.');
  return cut && cut[1] ? cut + 1 : name;
}

/* The layer "conv1/conv1" of Keras 2 is conv1. */
static void drop_repeated(char *layer)
{
  char *slash = strrchr(layer, '/');
  if (!slash)
    return;
  const size_t length = strlen(slash + 1);
  const size_t before = (size_t)(slash - layer);
  if (before >= length && !memcmp(slash - length, slash + 1, length) &&
      (before == length || slash[-(ptrdiff_t)length - 1] == '/'))
    *slash = 0;
}

static void take_apart(parts *of, const char *name)
{
  char whole[TV_WEIGHTS_NAME + 1];
  snprintf(whole, sizeof whole, "%s", name);
  char *colon = strrchr(whole, ':'); /* "kernel:0" */
  if (colon && colon > whole && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1))
    *colon = 0;
  const char *last = last_part(whole);
  snprintf(of->last, sizeof of->last, "%s", last);
  snprintf(of->layer, sizeof of->layer, "%.*s", last > whole ? (int)(last - whole - 1) : 0, whole);
  const size_t length = strlen(of->layer);
  if (length > 5 && !strcmp(of->layer + length - 5, "/vars")) { /* Keras 3 */
    of->layer[length - 5] = 0;
    snprintf(of->last, sizeof of->last, "vars/%.200s", last);
  }
  drop_repeated(of->layer);
  /* "block1_conv1/block1_conv1_W_1" of Keras 1 */
  const char *layer = strrchr(of->layer, '/');
  layer = layer ? layer + 1 : of->layer;
  const size_t own = strlen(layer);
  if (own && !strncmp(of->last, layer, own) && of->last[own] == '_' && of->last[own + 1])
    memmove(of->last, of->last + own + 1, strlen(of->last + own + 1) + 1);
}

static int contains(const char *text, const char *part)
{
  const size_t length = strlen(part);
  if (*part == '^')
    return !strncasecmp(text, part + 1, length - 1);
  for (; *text; ++text)
    if (!strncasecmp(text, part, length))
      return 1;
  return !length;
}

static const tv_rule *find_rule(const parts *of, int rank)
{
  for (size_t i = 0; i < tv_rule_count; ++i) {
    const tv_rule *rule = tv_rules + i;
    const size_t length = strlen(rule->last);
    const int star = length && rule->last[length - 1] == '*';
    if (rule->rank >= 0 && rule->rank != rank)
      continue;
    if (star ? strncmp(rule->last, of->last, length - 1) != 0 : strcmp(rule->last, of->last) != 0)
      continue;
    if (contains(of->layer, rule->layer))
      return rule;
  }
  return NULL;
}

/* GPT-2's projections: c_fc and c_attn have more outputs than inputs, whichever way round. */
static const char *widening(const tv_weights *weights)
{
  for (size_t i = 0; i < weights->count; ++i) {
    const tv_weights_tensor *tensor = weights->tensors + i;
    if (tensor->rank == 2 && tensor->size[0] != tensor->size[1] &&
        (strstr(tensor->name, "c_attn.weight") || strstr(tensor->name, "c_fc.weight")))
      return tensor->size[1] > tensor->size[0] ? "io" : "oi";
  }
  return "oi";
}

static void set_axes(tv_weights_tensor *tensor, const char *axes)
{
  static const char none[] = "xyzrsupf";
  memset(tensor->axes, 0, sizeof tensor->axes);
  if (axes && strlen(axes) == (size_t)tensor->rank)
    memcpy(tensor->axes, axes, (size_t)tensor->rank);
  else
    memcpy(tensor->axes, none, (size_t)tensor->rank);
}

static int set_names(
  tv_weights *weights, tv_weights_tensor *tensor, const char *layer, const char *kind)
{
  while (*layer == '/' || *layer == '.')
    ++layer;
  tensor->layer = strdup(*layer ? layer : "model");
  tensor->kind = strdup(*kind ? kind : "values");
  if (!tensor->layer || !tensor->kind)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", weights->files[0].path);
  for (char *c = tensor->kind; *c; ++c)
    if (*c == '/')
      *c = '_';
  return 0;
}

/* Numbers that count, or say one thing, make no picture. */
static int is_offered(const tv_weights_tensor *tensor)
{
  const tv_type type = tv_stored_type(tensor->stored);
  return tensor->elements > 1 && type != TV_INT64 && type != TV_BOOL;
}

/* There "class_token" is the network's own, and watch() calls it model/class_token, too. */
static int from_torch(const tv_weights *weights)
{
  return !strcmp(weights->medium, "torch") || !strcmp(weights->medium, "safetensors");
}

static int apply(tv_weights *weights, tv_weights_tensor *tensor, parts *of, const char *name)
{
  take_apart(of, name);
  const tv_rule *rule = find_rule(of, tensor->rank);
  const char *kind = rule && rule->kind[0] ? rule->kind : of->last, *layer = of->layer;
  const char *axes = rule ? rule->axes : NULL;
  if (axes && *axes == '?')
    axes = widening(weights);
  tensor->offered = (!rule || rule->offered) && is_offered(tensor);
  if (!*layer && !rule && !from_torch(weights)) { /* one word, and none that is known */
    layer = of->last;
    kind = "values";
  }
  if (tensor->role && !rule) { /* what the graph knows and the name does not */
    layer = tensor->node;
    kind = tensor->role;
  }
  if (tensor->letters)
    axes = tensor->letters;
  set_axes(tensor, axes);
  return set_names(weights, tensor, layer, kind);
}

/* The name without the keys under which a network lies. */
static const char *unwrapped(const tv_weights *weights, const tv_weights_tensor *tensor)
{
  const char *name = tensor->name;
  for (int again = 0; again < 2; ++again)
    for (size_t i = 0; i < tv_wrapper_count; ++i) {
      const size_t length = strlen(tv_wrappers[i]);
      const int group = tv_wrappers[i][length - 1] == '/';
      if (strncmp(name, tv_wrappers[i], length) != 0)
        continue;
      if (group ? strcmp(weights->medium, "torch") != 0
                : name == tensor->name && tensor->wrapper == length)
        name += length;
    }
  return name;
}

/* DataParallel puts "module." before every name. */
static int all_in_module(const tv_weights *weights)
{
  size_t inside = 0;
  for (size_t i = 0; i < weights->count; ++i)
    if (!tv_names_is_optimizer(weights->tensors[i].name)) {
      if (strncmp(unwrapped(weights, weights->tensors + i), "module.", 7) != 0)
        return 0;
      ++inside;
    }
  return inside > 0;
}

/* The bias of a normalisation, which stands beside its weights, is one of channels, as they are. */
static void follow_weights(tv_weights *weights, size_t at)
{
  tv_weights_tensor *bias = weights->tensors + at;
  if (bias->rank != 1 || !bias->kind || strcmp(bias->kind, "bias") != 0)
    return;
  for (size_t other = at ? at - 1 : 1; other < weights->count && other <= at + 1; other += 2) {
    const tv_weights_tensor *tensor = weights->tensors + other;
    if (tensor->layer && !strcmp(tensor->layer, bias->layer) && !strcmp(tensor->axes, "c") &&
        !strcmp(tensor->kind, "weights") && tensor->size[0] == bias->size[0])
      bias->axes[0] = 'c';
  }
}

int tv_names_apply(tv_weights *weights)
{
  parts *of = malloc(sizeof *of);
  int status = 0;
  if (!of)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", weights->files[0].path);
  const size_t module = all_in_module(weights) ? 7 : 0;
  for (size_t i = 0; !status && i < weights->count; ++i) {
    tv_weights_tensor *tensor = weights->tensors + i;
    if (!tv_names_is_optimizer(tensor->name))
      status = apply(weights, tensor, of, unwrapped(weights, tensor) + module);
  }
  free(of);
  for (size_t i = 0; !status && i < weights->count; ++i)
    follow_weights(weights, i);
  if (!status)
    status = tv_names_optimizer(weights);
  return status ? status : tv_names_unique(weights);
}
