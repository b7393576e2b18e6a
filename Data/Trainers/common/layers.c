/* SPDX-License-Identifier: BSD-3-Clause */
#include "layers.h"

#include "status.h"

#include <stdlib.h>

static const dnnl_dims_t one = {1, 1}, two = {2, 2}, zero = {0, 0};

/* Filters of a convolution as oneDNN gets them. Of a number that fills no vector its backward
 * convolutions fall back to plain loops, a thousand times slower: filters of zeros are added. They
 * stay zero, for nothing reads them but weights of zero. */
static size_t padded(size_t filters)
{
  return filters == 1 ? 1 : (filters + 15) / 16 * 16;
}

static dnnl_memory_desc_t weights_shape(const layer *l)
{
  const parameter *w = &l->weights;
  return l->kind == LAYER_CONVOLUTION
           ? plan_plain(4, (w->rows + 15) / 16 * 16, padded(w->columns), 3, 3)
           : plan_plain(2, w->rows, w->columns * w->inner, 0, 0);
}

static dnnl_memory_desc_t bias_shape(const layer *l)
{
  return plan_plain(1, (size_t)weights_shape(l).dims[0], 0, 0, 0);
}

/* A plain parameter [rows][columns][3][3] or [rows] inside of a padded memory. */
static dnnl_memory_t inside(plan *p, const parameter *w, dnnl_memory_t memory)
{
  dnnl_memory_desc_t shape = plan_narrow(plan_shape(memory), 0, w->rows);
  if (shape.ndims == 4)
    shape = plan_narrow(shape, 1, w->columns);
  return plan_memory(p, &shape, plan_data(memory));
}

static dnnl_memory_t plain_parameter(plan *p, const parameter *w, float *data, int axes)
{
  const dnnl_memory_desc_t shape = plan_plain(axes, w->rows, w->columns, 3, 3);
  return plan_memory(p, &shape, data);
}

/* A parameter of a convolution in the shape that an operation wants, brought there before it. */
static dnnl_memory_t read_parameter(
  plan *p, plan_pass pass, const parameter *w, const dnnl_memory_desc_t *wanted)
{
  const dnnl_memory_t plain = plain_parameter(p, w, w->value, wanted->ndims);
  const dnnl_memory_desc_t shape = plan_shape(plain);
  if (dnnl_memory_desc_equal(&shape, wanted))
    return plain;
  dnnl_memory_t memory = plan_memory(p, wanted, NULL);
  if (plan_status(p) == TV_OK)
    plan_reorder(p, pass, plain, inside(p, w, memory));
  return memory;
}

/* Where an operation leaves a gradient; write_gradient() brings it home after it. */
static dnnl_memory_t gradient_memory(plan *p, const parameter *w, const dnnl_memory_desc_t *found)
{
  const dnnl_memory_t plain = plain_parameter(p, w, w->gradient, found->ndims);
  const dnnl_memory_desc_t shape = plan_shape(plain);
  return dnnl_memory_desc_equal(&shape, found) ? plain : plan_memory(p, found, NULL);
}

static void write_gradient(plan *p, const parameter *w, dnnl_memory_t gradient)
{
  if (plan_status(p) == TV_OK && plan_data(gradient) != w->gradient)
    plan_reorder(p, PLAN_BACKWARD, inside(p, w, gradient),
      plain_parameter(p, w, w->gradient, plan_shape(gradient).ndims));
}

/* Maps without the filters that were added. */
static dnnl_memory_t real_maps(plan *p, dnnl_memory_t maps, const layer *l)
{
  const dnnl_memory_desc_t shape = plan_narrow(plan_shape(maps), 1, l->weights.rows);
  return plan_memory(p, &shape, plan_data(maps));
}

static void build_pooling(plan *p, layer_memories *m, size_t batch, const layer *l)
{
  const dnnl_memory_desc_t from = plan_shape(m->activations);
  const dnnl_memory_desc_t plain =
    plan_plain(4, batch, padded(l->weights.rows), l->height / 2, l->width / 2);
  const dnnl_memory_desc_t any = plan_any(&plain);
  /* An odd last row or column is left out, as in torch: negative padding does that. */
  const dnnl_dims_t end = {-(dnnl_dim_t)(l->height % 2), -(dnnl_dim_t)(l->width % 2)};
  dnnl_pooling_desc_t operation;
  dnnl_pooling_forward_desc_init(
    &operation, dnnl_forward_training, dnnl_pooling_max, &from, &any, two, two, zero, end);
  m->pooling = plan_describe(p, &operation, 0, NULL);
  const dnnl_memory_desc_t to = plan_query(p, m->pooling, dnnl_query_dst_md);
  const dnnl_memory_desc_t indices = plan_query(p, m->pooling, dnnl_query_workspace_md);
  m->output = plan_memory(p, &to, NULL);
  m->indices = plan_memory(p, &indices, NULL);
  const plan_argument arguments[] = {{DNNL_ARG_SRC, m->activations}, {DNNL_ARG_DST, m->output},
    {DNNL_ARG_WORKSPACE, m->indices}, {0, NULL}};
  plan_add(p, PLAN_FORWARD, m->pooling, arguments);
}

static void build_convolution(plan *p, layer *l, size_t batch)
{
  layer_memories *m = l->memories;
  const dnnl_memory_desc_t input = plan_shape(m->input), weights = weights_shape(l);
  const dnnl_memory_desc_t any_weights = plan_any(&weights), bias = bias_shape(l);
  const dnnl_memory_desc_t plain =
    plan_plain(4, batch, (size_t)weights.dims[0], l->height, l->width);
  const dnnl_memory_desc_t any = plan_any(&plain);
  dnnl_convolution_desc_t operation;
  dnnl_convolution_forward_desc_init(&operation, dnnl_forward_training, dnnl_convolution_direct,
    &input, &any_weights, &bias, &any, one, one, one);
  m->forward = plan_describe(p, &operation, l->relu, NULL);
  const dnnl_memory_desc_t wanted = plan_query(p, m->forward, dnnl_query_weights_md);
  const dnnl_memory_desc_t to = plan_query(p, m->forward, dnnl_query_dst_md);
  if (plan_status(p) != TV_OK)
    return;
  m->activations = m->output = plan_memory(p, &to, NULL);
  const plan_argument arguments[] = {{DNNL_ARG_SRC, m->input},
    {DNNL_ARG_WEIGHTS, read_parameter(p, PLAN_FORWARD, &l->weights, &wanted)},
    {DNNL_ARG_BIAS, read_parameter(p, PLAN_FORWARD, &l->bias, &bias)},
    {DNNL_ARG_DST, m->activations}, {0, NULL}};
  plan_add(p, PLAN_FORWARD, m->forward, arguments);
  if (l->pooled && plan_status(p) == TV_OK)
    build_pooling(p, m, batch, l);
  if (plan_status(p) != TV_OK)
    return;
  m->real_activations = real_maps(p, m->activations, l);
  m->real_output = real_maps(p, m->output, l);
}

static void build_fully_connected(plan *p, layer *l, size_t batch, dnnl_memory_t before)
{
  layer_memories *m = l->memories;
  const size_t inputs = l->weights.columns * l->weights.inner;
  const dnnl_memory_desc_t input = plan_plain(2, batch, inputs, 0, 0);
  const dnnl_memory_desc_t weights = weights_shape(l);
  const dnnl_memory_desc_t bias = plan_plain(1, l->weights.rows, 0, 0, 0);
  const dnnl_memory_desc_t to = plan_plain(2, batch, l->weights.rows, 0, 0);
  const dnnl_memory_desc_t maps = plan_shape(before);
  if (maps.ndims == 4) { /* flattened in plain order, whatever order the maps are in */
    const dnnl_memory_desc_t plain =
      plan_plain(4, batch, (size_t)maps.dims[1], (size_t)maps.dims[2], (size_t)maps.dims[3]);
    dnnl_memory_t flat = plan_as(p, PLAN_FORWARD, before, &plain);
    if (plan_status(p) != TV_OK)
      return;
    m->input = plan_memory(p, &input, plan_data(flat));
  } else
    m->input = before;
  dnnl_inner_product_desc_t operation;
  dnnl_inner_product_forward_desc_init(
    &operation, dnnl_forward_training, &input, &weights, &bias, &to);
  m->forward = plan_describe(p, &operation, l->relu, NULL);
  m->activations = m->output = plan_memory(p, &to, NULL);
  m->real_activations = m->real_output = m->output;
  const plan_argument arguments[] = {{DNNL_ARG_SRC, m->input},
    {DNNL_ARG_WEIGHTS, plan_memory(p, &weights, l->weights.value)},
    {DNNL_ARG_BIAS, plan_memory(p, &bias, l->bias.value)}, {DNNL_ARG_DST, m->output}, {0, NULL}};
  plan_add(p, PLAN_FORWARD, m->forward, arguments);
}

/* From the gradient of a layer's output to that before pooling and ReLU. ReLU comes first, on the
 * four times smaller maps: a maximum is 0 exactly where its pixel is, and no gradient reaches
 * other pixels. */
static dnnl_memory_t build_activation_backward(plan *p, const layer *l)
{
  const layer_memories *m = l->memories;
  const dnnl_memory_desc_t output = plan_shape(m->output), maps = plan_shape(m->activations);
  if (l->relu) {
    dnnl_eltwise_desc_t forward, backward;
    dnnl_eltwise_forward_desc_init(
      &forward, dnnl_forward_training, dnnl_eltwise_relu_use_dst_for_bwd, &output, 0, 0);
    dnnl_primitive_desc_t hint = plan_describe(p, &forward, 0, NULL);
    dnnl_eltwise_backward_desc_init(
      &backward, dnnl_eltwise_relu_use_dst_for_bwd, &output, &output, 0, 0);
    const plan_argument arguments[] = {{DNNL_ARG_DST, m->output}, {DNNL_ARG_DIFF_DST, m->gradient},
      {DNNL_ARG_DIFF_SRC, m->gradient}, {0, NULL}};
    plan_add(p, PLAN_BACKWARD, plan_describe(p, &backward, 0, hint), arguments);
  }
  if (!l->pooled)
    return m->gradient;
  const dnnl_dims_t end = {-(dnnl_dim_t)(l->height % 2), -(dnnl_dim_t)(l->width % 2)};
  dnnl_pooling_desc_t operation;
  dnnl_pooling_backward_desc_init(
    &operation, dnnl_pooling_max, &maps, &output, two, two, zero, end);
  dnnl_memory_t gradient = plan_memory(p, &maps, NULL);
  const plan_argument arguments[] = {{DNNL_ARG_DIFF_DST, m->gradient},
    {DNNL_ARG_WORKSPACE, m->indices}, {DNNL_ARG_DIFF_SRC, gradient}, {0, NULL}};
  plan_add(p, PLAN_BACKWARD, plan_describe(p, &operation, 0, m->pooling), arguments);
  return gradient;
}

static void build_convolution_backward(plan *p, layer *l, dnnl_memory_t gradient, layer *before)
{
  layer_memories *m = l->memories;
  const dnnl_memory_desc_t input = plan_shape(m->input), maps = plan_shape(gradient);
  const dnnl_memory_desc_t weights = weights_shape(l), any_weights = plan_any(&weights);
  const dnnl_memory_desc_t bias = bias_shape(l);
  dnnl_convolution_desc_t operation;
  dnnl_convolution_backward_weights_desc_init(
    &operation, dnnl_convolution_direct, &input, &any_weights, &bias, &maps, one, one, one);
  dnnl_primitive_desc_t by_weights = plan_describe(p, &operation, 0, m->forward);
  const dnnl_memory_desc_t found = plan_query(p, by_weights, dnnl_query_diff_weights_md);
  if (plan_status(p) != TV_OK)
    return;
  dnnl_memory_t weights_gradient = gradient_memory(p, &l->weights, &found);
  dnnl_memory_t bias_gradient = gradient_memory(p, &l->bias, &bias);
  const plan_argument arguments[] = {{DNNL_ARG_SRC, m->input}, {DNNL_ARG_DIFF_DST, gradient},
    {DNNL_ARG_DIFF_WEIGHTS, weights_gradient}, {DNNL_ARG_DIFF_BIAS, bias_gradient}, {0, NULL}};
  plan_add(p, PLAN_BACKWARD, by_weights, arguments);
  write_gradient(p, &l->weights, weights_gradient);
  write_gradient(p, &l->bias, bias_gradient);
  if (!before || plan_status(p) != TV_OK)
    return;
  dnnl_convolution_backward_data_desc_init(
    &operation, dnnl_convolution_direct, &input, &any_weights, &maps, one, one, one);
  dnnl_primitive_desc_t by_data = plan_describe(p, &operation, 0, m->forward);
  const dnnl_memory_desc_t wanted = plan_query(p, by_data, dnnl_query_weights_md);
  if (plan_status(p) != TV_OK)
    return;
  const plan_argument data[] = {{DNNL_ARG_DIFF_DST, gradient},
    {DNNL_ARG_WEIGHTS, read_parameter(p, PLAN_BACKWARD, &l->weights, &wanted)},
    {DNNL_ARG_DIFF_SRC, before->memories->gradient = plan_memory(p, &input, NULL)}, {0, NULL}};
  plan_add(p, PLAN_BACKWARD, by_data, data);
}

static void build_fully_connected_backward(plan *p, layer *l, dnnl_memory_t gradient, layer *before)
{
  layer_memories *m = l->memories;
  const dnnl_memory_desc_t input = plan_shape(m->input), weights = weights_shape(l);
  const dnnl_memory_desc_t bias = plan_plain(1, l->weights.rows, 0, 0, 0);
  const dnnl_memory_desc_t output = plan_shape(m->output);
  dnnl_inner_product_desc_t operation;
  dnnl_inner_product_backward_weights_desc_init(&operation, &input, &weights, &bias, &output);
  const plan_argument arguments[] = {{DNNL_ARG_SRC, m->input}, {DNNL_ARG_DIFF_DST, gradient},
    {DNNL_ARG_DIFF_WEIGHTS, plan_memory(p, &weights, l->weights.gradient)},
    {DNNL_ARG_DIFF_BIAS, plan_memory(p, &bias, l->bias.gradient)}, {0, NULL}};
  plan_add(p, PLAN_BACKWARD, plan_describe(p, &operation, 0, m->forward), arguments);
  if (!before)
    return;
  dnnl_inner_product_backward_data_desc_init(&operation, &input, &weights, &output);
  dnnl_memory_t flat = plan_memory(p, &input, NULL);
  const plan_argument data[] = {{DNNL_ARG_DIFF_DST, gradient},
    {DNNL_ARG_WEIGHTS, plan_memory(p, &weights, l->weights.value)}, {DNNL_ARG_DIFF_SRC, flat},
    {0, NULL}};
  plan_add(p, PLAN_BACKWARD, plan_describe(p, &operation, 0, m->forward), data);
  if (plan_status(p) != TV_OK)
    return;
  before->memories->gradient = flat;
  const dnnl_memory_desc_t maps = plan_shape(before->memories->real_output);
  if (maps.ndims == 4) {
    const dnnl_memory_desc_t plain = plan_plain(
      4, (size_t)maps.dims[0], (size_t)maps.dims[1], (size_t)maps.dims[2], (size_t)maps.dims[3]);
    dnnl_memory_t unflattened = plan_memory(p, &plain, plan_data(flat));
    const dnnl_memory_desc_t output = plan_shape(before->memories->output);
    before->memories->gradient = plan_memory(p, &output, NULL);
    if (plan_status(p) == TV_OK)
      plan_reorder(p, PLAN_BACKWARD, unflattened, real_maps(p, before->memories->gradient, before));
  }
}

int layers_build(network *n)
{
  plan *p = n->plan = plan_create();
  if (!p)
    return TV_ERROR_MEMORY;
  for (size_t i = 0; i < n->layer_count; ++i)
    if (!(n->layers[i].memories = calloc(1, sizeof(layer_memories))))
      return tv_fail(TV_ERROR_MEMORY, "no memory for the network");
  const dnnl_memory_desc_t images = plan_plain(4, n->batch, 1, n->height, n->width);
  dnnl_memory_t before = plan_memory(p, &images, n->images);
  for (size_t i = 0; i < n->layer_count && plan_status(p) == TV_OK; ++i) {
    layer *l = &n->layers[i];
    l->memories->input = before;
    if (l->kind == LAYER_CONVOLUTION)
      build_convolution(p, l, n->batch);
    else
      build_fully_connected(p, l, n->batch, before);
    /* A convolution reads the added filters as well, a fully connected layer does not. */
    const int flattens = i + 1 < n->layer_count && l[1].kind == LAYER_FULLY_CONNECTED;
    before = flattens ? l->memories->real_output : l->memories->output;
  }
  if (plan_status(p) != TV_OK)
    return plan_status(p);
  layer_memories *last = n->layers[n->layer_count - 1].memories;
  const dnnl_memory_desc_t logits = plan_shape(last->output);
  n->logits = plan_data(last->output);
  last->gradient = plan_memory(p, &logits, NULL);
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
