/* SPDX-License-Identifier: BSD-3-Clause */
#include "onnx.h"
#include "status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  DEEPEST = 8,          /* graphs in nodes of graphs */
  MOST_NODES = 1000000, /* in a model */
  LONGEST = 255,        /* of a node's names, as far as they matter */
  MOST_INPUTS = 16      /* of a node, as far as they matter */
};

/* The numbers of fields in ModelProto, GraphProto, NodeProto and AttributeProto. */
enum
{
  MODEL_GRAPH = 7,
  GRAPH_NODE = 1,
  GRAPH_INITIALIZER = 5,
  GRAPH_SPARSE = 15,
  NODE_INPUT = 1,
  NODE_OUTPUT = 2,
  NODE_NAME = 3,
  NODE_OP = 4,
  NODE_ATTRIBUTE = 5,
  ATTRIBUTE_NAME = 1,
  ATTRIBUTE_INTEGER = 3,
  ATTRIBUTE_TENSOR = 5,
  ATTRIBUTE_GRAPH = 6,
  ATTRIBUTE_GRAPHS = 11
};

typedef struct model
{
  tv_weights *weights;
  tv_weights_tensor **by_name; /* in the second pass: sorted */
  size_t nodes;
} model;

typedef struct node
{
  char name[LONGEST + 1], output[TV_WEIGHTS_NAME + 1], op[65];
  tv_wire_field input[MOST_INPUTS];
  int inputs, transposed;
  tv_wire_field value; /* of a Constant */
  int has_value;
} node;

int tv_onnx_recognise(tv_mapped *file)
{
  tv_cursor cursor;
  tv_wire_field field;
  tv_cursor_start(&cursor, file, 0, file->bytes);
  for (int fields = 0; fields < 1000 && tv_wire_next(&cursor, &field) == 1; ++fields) {
    if (!fields && (field.number != 1 || field.type != 0 || !field.value || field.value > 1000))
      return 0; /* ir_version */
    if (field.number == MODEL_GRAPH && field.type == 2)
      return 1;
  }
  return 0;
}

static int walk_graph(model *at, const tv_wire_field *graph, int depth, int second);

static int take_attribute(
  model *at, node *of, const tv_wire_field *attribute, int depth, int second)
{
  char name[33] = "";
  tv_cursor cursor;
  tv_wire_field field;
  int status = 0, more;
  tv_wire_inside(&cursor, at->weights->files, attribute);
  while (!status && (more = tv_wire_next(&cursor, &field)) != 0) {
    if (more < 0)
      status = more;
    else if (field.number == ATTRIBUTE_NAME && field.type == 2)
      status = tv_wire_text(at->weights->files, &field, name, sizeof name);
    else if (field.number == ATTRIBUTE_INTEGER && !strcmp(name, "transB"))
      of->transposed = field.value != 0;
    else if (field.number == ATTRIBUTE_TENSOR && field.type == 2 && !strcmp(name, "value")) {
      of->value = field;
      of->has_value = 1;
    } else if ((field.number == ATTRIBUTE_GRAPH || field.number == ATTRIBUTE_GRAPHS) &&
               field.type == 2)
      status = walk_graph(at, &field, depth + 1, second);
  }
  return status;
}

static int take_node(model *at, node *of, const tv_wire_field *from, int depth, int second)
{
  tv_cursor cursor;
  tv_wire_field field;
  tv_mapped *file = at->weights->files;
  int status = 0, more;
  memset(of, 0, sizeof *of);
  if (++at->nodes > MOST_NODES)
    return tv_fail(TV_ERROR_FORMAT, "%s: holds more than %d nodes", file->path, MOST_NODES);
  tv_wire_inside(&cursor, file, from);
  while (!status && (more = tv_wire_next(&cursor, &field)) != 0) {
    if (more < 0)
      status = more;
    else if (field.type != 2)
      continue;
    else if (field.number == NODE_INPUT && of->inputs < MOST_INPUTS)
      of->input[of->inputs++] = field;
    else if (field.number == NODE_OUTPUT && !of->output[0])
      status = tv_wire_text(file, &field, of->output, sizeof of->output);
    else if (field.number == NODE_NAME)
      status = tv_wire_text(file, &field, of->name, sizeof of->name);
    else if (field.number == NODE_OP)
      status = tv_wire_text(file, &field, of->op, sizeof of->op);
    else if (field.number == NODE_ATTRIBUTE)
      status = take_attribute(at, of, &field, depth, second);
  }
  return status;
}

static int compare(const void *a, const void *b)
{
  return strcmp((*(tv_weights_tensor *const *)a)->name, (*(tv_weights_tensor *const *)b)->name);
}

static tv_weights_tensor *find(const model *at, char *name)
{
  tv_weights_tensor key = {.name = name}, *wanted = &key;
  tv_weights_tensor **found =
    bsearch(&wanted, at->by_name, at->weights->count, sizeof wanted, compare);
  return found ? *found : NULL;
}

/* The layer that a node stands for: "/features/conv1/Conv" is features/conv1. */
static char *layer_of(const node *of)
{
  const char *name = of->name[0] ? of->name : of->output;
  name += *name == '/';
  const char *slash = strrchr(name, '/');
  return slash && slash > name && of->name[0] ? strndup(name, (size_t)(slash - name))
                                              : strdup(name);
}

/* Tells the tensors that a node takes what they are. */
static int use(model *at, const node *of)
{
  char name[TV_WEIGHTS_NAME + 1];
  const char *op = !strcmp(of->op, "Gemm") && of->transposed ? "GemmTransposed" : of->op;
  for (int i = 0; i < of->inputs; ++i) {
    const int status = tv_wire_text(at->weights->files, of->input + i, name, sizeof name);
    if (status)
      return status;
    tv_weights_tensor *tensor = *name ? find(at, name) : NULL;
    if (!tensor || tensor->order != UINT64_MAX)
      continue;
    tensor->order = (uint64_t)at->nodes * MOST_INPUTS + (uint64_t)i;
    tensor->node = layer_of(of);
    const tv_onnx_use *row = tv_onnx_find_use(op, i, tensor->rank);
    if (row) {
      tensor->role = row->kind;
      tensor->letters = row->axes;
    }
  }
  return 0;
}

static int walk_graph(model *at, const tv_wire_field *graph, int depth, int second)
{
  tv_cursor cursor;
  tv_wire_field field;
  node *of = malloc(sizeof *of);
  int status = 0, more;
  if (!of)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", at->weights->files[0].path);
  if (depth > DEEPEST)
    status = tv_fail(TV_ERROR_FORMAT, "%s: has graphs in graphs more than %d deep",
      at->weights->files[0].path, DEEPEST);
  tv_wire_inside(&cursor, at->weights->files, graph);
  while (!status && (more = tv_wire_next(&cursor, &field)) != 0) {
    if (more < 0) {
      status = more;
    } else if (field.number == GRAPH_NODE && field.type == 2) {
      status = take_node(at, of, &field, depth, second);
      if (!status && second && strcmp(of->op, "Identity") != 0)
        status = use(at, of); /* torch shares equal tensors so: what they are says their own node */
      else if (!status && of->has_value && of->output[0] && !strcmp(of->op, "Constant"))
        status = tv_onnx_tensor(at->weights, &of->value, of->output);
    } else if (field.number == GRAPH_INITIALIZER && field.type == 2 && !second) {
      status = tv_onnx_tensor(at->weights, &field, NULL);
    } else if (field.number == GRAPH_SPARSE && !second) {
      tv_weights_note(at->weights, "holds sparse tensors, which are left out");
    }
  }
  free(of);
  return status;
}

static int by_order(const void *a, const void *b)
{
  const tv_weights_tensor *x = a, *y = b;
  if (x->order != y->order)
    return x->order < y->order ? -1 : 1;
  return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* The graph of the model, once to list its tensors, and once to see who uses them. */
static int walk_model(model *at, int second)
{
  tv_cursor cursor;
  tv_wire_field field;
  tv_mapped *file = at->weights->files;
  int status = 0, more;
  at->nodes = 0;
  tv_cursor_start(&cursor, file, 0, file->bytes);
  while (!status && (more = tv_wire_next(&cursor, &field)) != 0) {
    if (more < 0)
      status = more;
    else if (field.number == MODEL_GRAPH && field.type == 2)
      status = walk_graph(at, &field, 0, second);
  }
  return status;
}

int tv_read_onnx(tv_weights *weights)
{
  model at = {.weights = weights};
  int status = walk_model(&at, 0);
  if (status)
    return status;
  at.by_name = malloc((weights->count + 1) * sizeof *at.by_name);
  if (!at.by_name)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", weights->files[0].path);
  for (size_t i = 0; i < weights->count; ++i)
    at.by_name[i] = weights->tensors + i;
  qsort(at.by_name, weights->count, sizeof *at.by_name, compare);
  for (size_t i = 1; !status && i < weights->count; ++i)
    if (!compare(at.by_name + i - 1, at.by_name + i))
      status = tv_fail(TV_ERROR_FORMAT, "%s: has two tensors of the name \"%s\"",
        weights->files[0].path, at.by_name[i]->name);
  if (!status)
    status = walk_model(&at, 1);
  free(at.by_name);
  if (!status && weights->count)
    qsort(weights->tensors, weights->count, sizeof *weights->tensors, by_order);
  return status;
}
