/* SPDX-License-Identifier: BSD-3-Clause */
#include "layers.h"

#include "status.h"

#include <stdlib.h>

/* Filters of a convolution as oneDNN gets them. Of a number that fills no vector its backward
 * convolutions fall back to plain loops, a thousand times slower: filters of zeros are added. They
 * stay zero, for nothing reads them but weights of zero. */
static size_t padded(size_t filters)
{
  return filters == 1 ? 1 : (filters + 15) / 16 * 16;
}

static onednn_layout weights_layout(plan *p, const layer *l)
{
  const parameter *w = &l->weights;
  return l->kind == LAYER_CONVOLUTION
           ? plan_plain(p, 4, (w->rows + 15) / 16 * 16, padded(w->columns), 3, 3)
           : plan_plain(p, 2, w->rows, w->columns * w->inner, 0, 0);
}

/* A parameter [rows][columns][3][3] or [rows] where the network keeps it. */
static dnnl_memory_t plain_parameter(plan *p, const parameter *w, float *data, int axes)
{
  return plan_memory(p, plan_plain(p, axes, w->rows, w->columns, 3, 3), data);
}

/* A parameter of a convolution in the layout that an operation wants, brought there before it. */
static dnnl_memory_t read_parameter(
  plan *p, plan_pass pass, const parameter *w, onednn_layout wanted)
{
  return plan_as(p, pass, plain_parameter(p, w, w->value, onednn_axes(wanted)), wanted);
}

/* Where an operation leaves a gradient; write_gradient() brings it home after it. */
static dnnl_memory_t gradient_memory(plan *p, const parameter *w, onednn_layout found)
{
  const dnnl_memory_t plain = plain_parameter(p, w, w->gradient, onednn_axes(found));
  const int home = plan_status(p) == TV_OK && dnnl_memory_desc_equal(plan_layout(plain), found);
  return home ? plain : plan_memory(p, found, NULL);
}

static void write_gradient(plan *p, const parameter *w, dnnl_memory_t gradient)
{
  if (plan_status(p) == TV_OK && plan_data(gradient) != w->gradient)
    plan_copy(p, PLAN_BACKWARD, gradient,
      plain_parameter(p, w, w->gradient, onednn_axes(plan_layout(gradient))));
}

static void build_pooling(plan *p, layer_memories *m, size_t batch, const layer *l)
{
  onednn_layout any = plan_any(p, plan_plain(p, 4, batch, plan_size(plan_layout(m->activations), 1),
                                    l->height / 2, l->width / 2));
  if (plan_status(p) != TV_OK)
    return;
  plan_describe(p, &m->pooling,
    onednn_pooling(
      &m->pooling, plan_engine(p), dnnl_forward_training, plan_layout(m->activations), any));
  m->output = plan_memory(p, plan_query(p, m->pooling, dnnl_query_dst_md), NULL);
  m->indices = plan_memory(p, plan_query(p, m->pooling, dnnl_query_workspace_md), NULL);
  const plan_argument arguments[] = {{DNNL_ARG_SRC, m->activations}, {DNNL_ARG_DST, m->output},
    {DNNL_ARG_WORKSPACE, m->indices}, {0, NULL}};
  plan_add(p, PLAN_FORWARD, m->pooling, arguments);
}

static void build_convolution(plan *p, layer *l, size_t batch)
{
  layer_memories *m = l->memories;
  onednn_layout weights = plan_any(p, weights_layout(p, l));
  if (plan_status(p) != TV_OK)
    return;
  const size_t filters = plan_size(weights, 0);
  onednn_layout bias = plan_plain(p, 1, filters, 0, 0, 0);
  onednn_layout any = plan_any(p, plan_plain(p, 4, batch, filters, l->height, l->width));
  if (plan_status(p) != TV_OK)
    return;
  plan_describe(p, &m->forward,
    onednn_convolution(&m->forward, plan_engine(p), dnnl_forward_training, l->relu,
      plan_layout(m->input), weights, bias, any));
  onednn_layout wanted = plan_query(p, m->forward, dnnl_query_weights_md);
  m->activations = m->output = plan_memory(p, plan_query(p, m->forward, dnnl_query_dst_md), NULL);
  if (plan_status(p) != TV_OK)
    return;
  const plan_argument arguments[] = {{DNNL_ARG_SRC, m->input},
    {DNNL_ARG_WEIGHTS, read_parameter(p, PLAN_FORWARD, &l->weights, wanted)},
    {DNNL_ARG_BIAS, read_parameter(p, PLAN_FORWARD, &l->bias, bias)},
    {DNNL_ARG_DST, m->activations}, {0, NULL}};
  plan_add(p, PLAN_FORWARD, m->forward, arguments);
  if (l->pooled && plan_status(p) == TV_OK)
    build_pooling(p, m, batch, l);
}

static void build_fully_connected(plan *p, layer *l, size_t batch, const layer *before)
{
  layer_memories *m = l->memories;
  const size_t inputs = l->weights.columns * l->weights.inner;
  onednn_layout input = plan_plain(p, 2, batch, inputs, 0, 0);
  onednn_layout weights = weights_layout(p, l);
  onednn_layout bias = plan_plain(p, 1, l->weights.rows, 0, 0, 0);
  onednn_layout to = plan_plain(p, 2, batch, l->weights.rows, 0, 0);
  onednn_layout maps = plan_layout(m->input);
  if (plan_status(p) != TV_OK)
    return;
  if (onednn_axes(maps) == 4) { /* flattened in plain order, whatever order the maps are in */
    const size_t filters = before ? before->weights.rows : plan_size(maps, 1);
    onednn_layout plain = plan_plain(p, 4, batch, filters, plan_size(maps, 2), plan_size(maps, 3));
    m->input = plan_memory(p, input, plan_data(plan_as(p, PLAN_FORWARD, m->input, plain)));
  }
  if (plan_status(p) != TV_OK)
    return;
  plan_describe(p, &m->forward,
    onednn_product(
      &m->forward, plan_engine(p), dnnl_forward_training, l->relu, input, weights, bias, to));
  m->activations = m->output = plan_memory(p, to, NULL);
  const plan_argument arguments[] = {{DNNL_ARG_SRC, m->input},
    {DNNL_ARG_WEIGHTS, plan_memory(p, weights, l->weights.value)},
    {DNNL_ARG_BIAS, plan_memory(p, bias, l->bias.value)}, {DNNL_ARG_DST, m->output}, {0, NULL}};
  plan_add(p, PLAN_FORWARD, m->forward, arguments);
}

/* From the gradient of a layer's output to that before pooling and ReLU. ReLU comes first, on the
 * four times smaller maps: a maximum is 0 exactly where its pixel is, and no gradient reaches
 * other pixels. */
static dnnl_memory_t build_activation_backward(plan *p, const layer *l)
{
  const layer_memories *m = l->memories;
  onednn_layout output = plan_layout(m->output), maps = plan_layout(m->activations);
  dnnl_primitive_desc_t description = NULL;
  if (l->relu) {
    plan_describe(p, &description, onednn_relu_backward(&description, plan_engine(p), output));
    const plan_argument arguments[] = {{DNNL_ARG_DST, m->output}, {DNNL_ARG_DIFF_DST, m->gradient},
      {DNNL_ARG_DIFF_SRC, m->gradient}, {0, NULL}};
    plan_add(p, PLAN_BACKWARD, description, arguments);
  }
  if (!l->pooled || plan_status(p) != TV_OK)
    return m->gradient;
  plan_describe(p, &description,
    onednn_pooling_backward(&description, plan_engine(p), maps, output, m->pooling));
  dnnl_memory_t gradient = plan_memory(p, maps, NULL);
  const plan_argument arguments[] = {{DNNL_ARG_DIFF_DST, m->gradient},
    {DNNL_ARG_WORKSPACE, m->indices}, {DNNL_ARG_DIFF_SRC, gradient}, {0, NULL}};
  plan_add(p, PLAN_BACKWARD, description, arguments);
  return gradient;
}

static void build_convolution_backward(plan *p, layer *l, dnnl_memory_t gradient, layer *before)
{
  layer_memories *m = l->memories;
  onednn_layout input = plan_layout(m->input), maps = plan_layout(gradient);
  onednn_layout weights = plan_any(p, weights_layout(p, l));
  onednn_layout bias = plan_plain(p, 1, plan_size(maps, 1), 0, 0, 0);
  dnnl_primitive_desc_t by_weights = NULL, by_data = NULL;
  if (plan_status(p) != TV_OK)
    return;
  plan_describe(p, &by_weights,
    onednn_convolution_backward_weights(
      &by_weights, plan_engine(p), input, weights, bias, maps, m->forward));
  onednn_layout found = plan_query(p, by_weights, dnnl_query_diff_weights_md);
  if (plan_status(p) != TV_OK)
    return;
  dnnl_memory_t weights_gradient = gradient_memory(p, &l->weights, found);
  dnnl_memory_t bias_gradient = gradient_memory(p, &l->bias, bias);
  const plan_argument arguments[] = {{DNNL_ARG_SRC, m->input}, {DNNL_ARG_DIFF_DST, gradient},
    {DNNL_ARG_DIFF_WEIGHTS, weights_gradient}, {DNNL_ARG_DIFF_BIAS, bias_gradient}, {0, NULL}};
  plan_add(p, PLAN_BACKWARD, by_weights, arguments);
  write_gradient(p, &l->weights, weights_gradient);
  write_gradient(p, &l->bias, bias_gradient);
  if (!before || plan_status(p) != TV_OK)
    return;
  plan_describe(p, &by_data,
    onednn_convolution_backward_data(&by_data, plan_engine(p), input, weights, maps, m->forward));
  onednn_layout wanted = plan_query(p, by_data, dnnl_query_weights_md);
  if (plan_status(p) != TV_OK)
    return;
  const plan_argument data[] = {{DNNL_ARG_DIFF_DST, gradient},
    {DNNL_ARG_WEIGHTS, read_parameter(p, PLAN_BACKWARD, &l->weights, wanted)},
    {DNNL_ARG_DIFF_SRC, before->memories->gradient = plan_memory(p, input, NULL)}, {0, NULL}};
  plan_add(p, PLAN_BACKWARD, by_data, data);
}

/* The gradient of flattened maps, unflattened into the order that the maps are in. */
static void unflatten(plan *p, dnnl_memory_t flat, layer *before)
{
  onednn_layout maps = plan_layout(before->memories->output);
  before->memories->gradient = flat;
  if (onednn_axes(maps) != 4)
    return;
  onednn_layout plain = plan_plain(
    p, 4, plan_size(maps, 0), before->weights.rows, plan_size(maps, 2), plan_size(maps, 3));
  before->memories->gradient = plan_memory(p, maps, NULL);
  plan_copy(p, PLAN_BACKWARD, plan_memory(p, plain, plan_data(flat)), before->memories->gradient);
}

static void build_fully_connected_backward(plan *p, layer *l, dnnl_memory_t gradient, layer *before)
{
  layer_memories *m = l->memories;
  onednn_layout input = plan_layout(m->input), output = plan_layout(m->output);
  onednn_layout weights = weights_layout(p, l);
  onednn_layout bias = plan_plain(p, 1, l->weights.rows, 0, 0, 0);
  dnnl_primitive_desc_t by_weights = NULL, by_data = NULL;
  if (plan_status(p) != TV_OK)
    return;
  plan_describe(p, &by_weights,
    onednn_product_backward_weights(
      &by_weights, plan_engine(p), input, weights, bias, output, m->forward));
  const plan_argument arguments[] = {{DNNL_ARG_SRC, m->input}, {DNNL_ARG_DIFF_DST, gradient},
    {DNNL_ARG_DIFF_WEIGHTS, plan_memory(p, weights, l->weights.gradient)},
    {DNNL_ARG_DIFF_BIAS, plan_memory(p, bias, l->bias.gradient)}, {0, NULL}};
  plan_add(p, PLAN_BACKWARD, by_weights, arguments);
  if (!before || plan_status(p) != TV_OK)
    return;
  plan_describe(p, &by_data,
    onednn_product_backward_data(&by_data, plan_engine(p), input, weights, output, m->forward));
  dnnl_memory_t flat = plan_memory(p, input, NULL);
  const plan_argument data[] = {{DNNL_ARG_DIFF_DST, gradient},
    {DNNL_ARG_WEIGHTS, plan_memory(p, weights, l->weights.value)}, {DNNL_ARG_DIFF_SRC, flat},
    {0, NULL}};
  plan_add(p, PLAN_BACKWARD, by_data, data);
  if (plan_status(p) == TV_OK)
    unflatten(p, flat, before);
}

static int build_forward(network *n)
{
  plan *p = n->plan;
  dnnl_memory_t before =
    plan_memory(p, plan_plain(p, 4, n->batch, 1, n->height, n->width), n->images);
  for (size_t i = 0; i < n->layer_count && plan_status(p) == TV_OK; ++i) {
    layer *l = &n->layers[i];
    l->memories->input = before;
    if (l->kind == LAYER_CONVOLUTION)
      build_convolution(p, l, n->batch);
    else
      build_fully_connected(p, l, n->batch, i > 0 ? l - 1 : NULL);
    before = l->memories->output;
  }
  return plan_status(p);
}

int layers_build(network *n)
{
  plan *p = n->plan = plan_create();
  if (!p)
    return TV_ERROR_MEMORY;
  for (size_t i = 0; i < n->layer_count; ++i)
    if (!(n->layers[i].memories = calloc(1, sizeof(layer_memories))))
      return tv_fail(TV_ERROR_MEMORY, "no memory for the network");
  if (build_forward(n) != TV_OK)
    return plan_status(p);
  layer_memories *last = n->layers[n->layer_count - 1].memories;
  n->logits = plan_data(last->output);
  last->gradient = plan_memory(p, plan_layout(last->output), NULL);
  for (size_t i = n->layer_count; i-- > 0 && plan_status(p) == TV_OK;) {
    layer *l = &n->layers[i], *previous = i > 0 ? l - 1 : NULL;
    dnnl_memory_t gradient = build_activation_backward(p, l);
    if (plan_status(p) != TV_OK)
      break;
    if (l->kind == LAYER_CONVOLUTION)
      build_convolution_backward(p, l, gradient, previous);
    else
      build_fully_connected_backward(p, l, gradient, previous);
  }
  return plan_status(p);
}

void layers_free(network *n)
{
  plan_free(n->plan);
  n->plan = NULL;
  for (size_t i = 0; i < n->layer_count; ++i) {
    free(n->layers[i].memories);
    n->layers[i].memories = NULL;
  }
}
