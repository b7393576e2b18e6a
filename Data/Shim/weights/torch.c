/* SPDX-License-Identifier: BSD-3-Clause */
/* torch.save's zip format (since 1.6) and torch.jit.save's: NAME/data.pkl describes the objects,
 * NAME/data/KEY hold the storages' bytes. The older format is one pickle after another, and is
 * refused with a sentence that says how to convert it. */
#include "names.h"
#include "pickle.h"
#include "status.h"
#include "torch_numpy.h"
#include "weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  DEEPEST = 100
};
static const uint64_t longest_pickle = 128u << 20;

typedef struct walk
{
  tv_torch torch;
  char name[TV_WEIGHTS_NAME + 1];
  int depth;
} walk;

static int visit(walk *at, tv_pickle_node *node);

/* Adds a part to the name; how long the name was. */
static size_t enter(walk *at, const tv_pickle_node *key, size_t index)
{
  const size_t before = strlen(at->name), room = sizeof at->name - before;
  const char *dot = before ? "." : "";
  if (!key)
    snprintf(at->name + before, room, "%s%zu", dot, index);
  else if (key->kind == TV_PICKLE_INT)
    snprintf(at->name + before, room, "%s%lld", dot, (long long)key->integer);
  else if (key->kind == TV_PICKLE_TEXT)
    snprintf(at->name + before, room, "%s%.*s", dot,
      key->length < room ? (int)key->length : (int)room, key->text);
  else
    snprintf(at->name + before, room, "%s?", dot);
  return before;
}

static int visit_named(walk *at, const tv_pickle_node *key, size_t index, tv_pickle_node *node)
{
  const size_t before = enter(at, key, index), first = at->torch.weights->count;
  const int status = visit(at, node);
  if (!before && key)
    for (size_t i = first; !status && i < at->torch.weights->count; ++i)
      if (at->torch.weights->tensors[i].name[strlen(at->name)] == '.')
        at->torch.weights->tensors[i].wrapper = strlen(at->name) + 1;
  at->name[before] = 0;
  return status;
}

/* What the file says of itself beside the network: the step, and numbers such as the loss. */
static void take_number(walk *at, const tv_pickle_node *key, tv_pickle_node *value)
{
  char name[64], text[32];
  double number;
  const int kind = !at->name[0] && key->kind == TV_PICKLE_TEXT && key->length < sizeof name
                     ? tv_torch_number(&number, value)
                     : 0;
  if (!kind)
    return;
  memcpy(name, key->text, key->length);
  name[key->length] = 0;
  if (kind == 1)
    snprintf(text, sizeof text, "%.0f", number);
  const int step = kind == 1 && tv_names_step(at->torch.weights, name, text);
  if (!step && at->depth == 1)
    tv_weights_add_scalar(at->torch.weights, name, number);
}

/* Whether a dict is what a module is made of, and which of its parts bear no name of their own. */
static int is_module_part(const tv_pickle_node *key)
{
  return tv_pickle_is(key, "_parameters") || tv_pickle_is(key, "_buffers") ||
         tv_pickle_is(key, "_modules");
}

static int visit_pairs(walk *at, tv_pickle_node *const *items, size_t count)
{
  int status = 0, module = 0;
  for (size_t i = 0; i + 1 < count; i += 2)
    module |= tv_pickle_is(items[i], "_modules");
  for (size_t i = 0; !status && i + 1 < count; i += 2) {
    take_number(at, items[i], items[i + 1]);
    if (module && is_module_part(items[i]))
      status = visit(at, items[i + 1]);
    else
      status = visit_named(at, items[i], 0, items[i + 1]);
  }
  return status;
}

static int visit_list(walk *at, tv_pickle_node *const *items, size_t count)
{
  int status = 0;
  for (size_t i = 0; !status && i < count; ++i)
    if (items[i]->kind >= TV_PICKLE_LIST)
      status = visit_named(at, NULL, i, items[i]);
  return status;
}

/* Names that are containers, or of which nothing is lost. */
static int is_plain(const char *name)
{
  static const char *const plain[] = {"collections.OrderedDict", "collections.defaultdict",
    "builtins.set", "__builtin__.set", "builtins.list", "builtins.dict", "builtins.tuple",
    "builtins.frozenset", "torch.Size", "torch.device", "torch.Generator", "_codecs.encode",
    "torch.serialization._get_layout", "builtins.complex", "torch._C._nn.Module", "numpy.dtype",
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"};
  for (size_t i = 0; i < sizeof plain / sizeof plain[0]; ++i)
    if (!strcmp(plain[i], name))
      return 1;
  return !strncmp(name, "torch.nn.modules.", 17) || !strncmp(name, "torch.nn.parameter.", 19) ||
         !strncmp(name, "__torch__.", 10) || !strncmp(name, "torch.jit._pickle.", 18);
}

static int visit_call(walk *at, tv_pickle_node *call)
{
  tv_pickle_node *callee = call->items[0], *arguments = call->items[1];
  int status = 0;
  if (callee->kind == TV_PICKLE_NAME) {
    const char *name = callee->text;
    if (arguments->kind == TV_PICKLE_LIST && !strcmp(name, "torch._tensor._rebuild_from_type_v2") &&
        arguments->count >= 3 && arguments->items[0]->kind == TV_PICKLE_NAME) {
      name = arguments->items[0]->text;
      arguments = arguments->items[2];
    }
    if (arguments->kind == TV_PICKLE_LIST) {
      if (!strncmp(name, "torch._utils._rebuild_parameter", 31) && arguments->count)
        return visit(at, arguments->items[0]);
      if (tv_torch_is_tensor(name))
        return tv_torch_tensor(&at->torch, at->name, name, arguments);
    }
    if (tv_torch_is_array(name))
      return tv_torch_array(&at->torch, at->name, call);
    if (!is_plain(name))
      tv_weights_note(at->torch.weights,
        call->called ? "asks to call %.200s, which is not done; what it would give is left out"
                     : "holds an object of the class %.200s, which is not loaded; tensors in it "
                       "are shown",
        name);
  }
  if (call->visited)
    return 0;
  call->visited = 1;
  if (arguments->kind == TV_PICKLE_LIST)
    status = visit_list(at, arguments->items, arguments->count);
  if (!status && call->count > 2)
    status = visit_pairs(at, call->items + 2, call->count - 2);
  if (!status && call->state && callee->kind == TV_PICKLE_NAME &&
      strcmp(callee->text, "collections.OrderedDict") != 0)
    status = visit(at, call->state);
  return status;
}

/* Every list, dict and object once; a tensor as often as it is named. */
static int visit(walk *at, tv_pickle_node *node)
{
  int status = 0;
  if (node->kind < TV_PICKLE_LIST || node->kind == TV_PICKLE_NAME ||
      node->kind == TV_PICKLE_STORAGE)
    return 0;
  if (at->depth >= DEEPEST)
    return tv_fail(TV_ERROR_FORMAT, "%s: what it describes is nested more than %d deep",
      at->torch.zip.file->path, DEEPEST);
  ++at->depth;
  if (node->kind == TV_PICKLE_CALL) {
    status = visit_call(at, node);
  } else if (!node->visited) {
    node->visited = 1;
    status = node->kind == TV_PICKLE_DICT ? visit_pairs(at, node->items, node->count)
                                          : visit_list(at, node->items, node->count);
  }
  --at->depth;
  return status;
}

/* "NAME/data.pkl", with NAME/ as the prefix of everything else. */
static const tv_zip_entry *find_pickle(const tv_zip *zip, char *prefix, size_t room)
{
  static const char last[] = "data.pkl";
  for (size_t i = 0; i < zip->count; ++i) {
    const char *name = zip->entries[i].name, *slash = strchr(name, '/');
    const size_t before = slash ? (size_t)(slash - name) + 1 : 0;
    if (before < room && !strcmp(name + before, last)) {
      memcpy(prefix, name, before);
      prefix[before] = 0;
      return zip->entries + i;
    }
  }
  return NULL;
}

/* The byte order of the storages, which newer versions write down. */
static int take_byte_order(walk *at)
{
  char name[TV_WEIGHTS_NAME + 1], *text;
  snprintf(name, sizeof name, "%.*s%s", TV_WEIGHTS_NAME - 16, at->torch.prefix, "byteorder");
  const tv_zip_entry *entry = tv_zip_find(&at->torch.zip, name);
  if (!entry)
    return 0;
  const int status = tv_zip_load(&text, at->torch.zip.file, entry, 64);
  at->torch.swapped = !status && !strncmp(text, "big", 3);
  free(text);
  return status;
}

static int read_archive(walk *at)
{
  tv_pickle *pickle = NULL;
  char *bytes = NULL;
  const char *path = at->torch.zip.file->path;
  const tv_zip_entry *entry =
    find_pickle(&at->torch.zip, at->torch.prefix, sizeof at->torch.prefix);
  if (!entry)
    return tv_fail(
      TV_ERROR_FORMAT, "%s: is a zip file in which torch, numpy or Keras left nothing", path);
  int status = take_byte_order(at);
  if (!status)
    status = tv_zip_load(&bytes, at->torch.zip.file, entry, longest_pickle);
  at->torch.pickle = bytes;
  at->torch.pickle_entry = entry;
  if (!status)
    status = tv_pickle_read(&pickle, bytes, (size_t)entry->bytes, path, "data.pkl");
  if (!status)
    status = visit(at, tv_pickle_root(pickle));
  tv_pickle_free(pickle);
  free(bytes);
  if (!status && !at->torch.weights->count)
    status = tv_fail(TV_ERROR_FORMAT, "%s: holds no tensor%s%s", path,
      at->torch.weights->note_count ? "; it " : "",
      at->torch.weights->note_count ? at->torch.weights->notes[0] : "");
  return status;
}

int tv_read_torch(tv_weights *weights)
{
  walk *at = calloc(1, sizeof *at);
  if (!at)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", weights->files[0].path);
  at->torch.weights = weights;
  int status = tv_zip_open(&at->torch.zip, weights->files);
  if (!status)
    status = read_archive(at);
  tv_zip_close(&at->torch.zip);
  free(at);
  return status;
}
