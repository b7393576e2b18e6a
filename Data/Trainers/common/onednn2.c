/* SPDX-License-Identifier: BSD-3-Clause */
/* oneDNN 2: a layout is a struct of the caller's, an operation a struct that is initialised. */
#include "onednn.h"

#include <stdlib.h>

static const dnnl_dims_t one = {1, 1}, two = {2, 2}, zero = {0, 0};

dnnl_status_t onednn_layout_create(onednn_layout *layout, int axes, const dnnl_dims_t sizes,
  const dnnl_dims_t strides, dnnl_format_tag_t tag)
{
  dnnl_memory_desc_t *made = calloc(1, sizeof *made);
  if (!made)
    return dnnl_out_of_memory;
  const dnnl_status_t status =
    strides ? dnnl_memory_desc_init_by_strides(made, axes, sizes, dnnl_f32, strides)
            : dnnl_memory_desc_init_by_tag(made, axes, sizes, dnnl_f32, tag);
  if (status == dnnl_success)
    *layout = made;
  else
    free(made);
  return status;
}

void onednn_layout_free(onednn_layout layout)
{
  free((void *)layout); /* what onednn_layout_create() made is const for everybody else */
}

int onednn_axes(onednn_layout layout)
{
  return layout->ndims;
}

const dnnl_dim_t *onednn_sizes(onednn_layout layout)
{
  return layout->dims;
}

/* The attributes under which an operation is followed by ReLU; NULL where it is not. */
static dnnl_status_t followed_by(dnnl_primitive_attr_t *attributes, int relu)
{
  dnnl_post_ops_t after = NULL;
  *attributes = NULL;
  if (!relu)
    return dnnl_success;
  dnnl_status_t status = dnnl_post_ops_create(&after);
  if (status == dnnl_success)
    status = dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_relu, 0, 0);
  if (status == dnnl_success)
    status = dnnl_primitive_attr_create(attributes);
  if (status == dnnl_success)
    status = dnnl_primitive_attr_set_post_ops(*attributes, after);
  dnnl_post_ops_destroy(after);
  return status;
}

static dnnl_status_t describe(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  dnnl_status_t initialised, const_dnnl_op_desc_t operation, int relu,
  const_dnnl_primitive_desc_t forward)
{
  dnnl_primitive_attr_t attributes;
  if (initialised != dnnl_success)
    return initialised;
  dnnl_status_t status = followed_by(&attributes, relu);
  if (status == dnnl_success)
    status = dnnl_primitive_desc_create(description, operation, attributes, engine, forward);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}

dnnl_status_t onednn_convolution(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  dnnl_prop_kind_t kind, int relu, onednn_layout source, onednn_layout weights, onednn_layout bias,
  onednn_layout result)
{
  dnnl_convolution_desc_t operation;
  const dnnl_status_t status = dnnl_convolution_forward_desc_init(
    &operation, kind, dnnl_convolution_direct, source, weights, bias, result, one, one, one);
  return describe(description, engine, status, &operation, relu, NULL);
}

dnnl_status_t onednn_convolution_backward_weights(dnnl_primitive_desc_t *description,
  dnnl_engine_t engine, onednn_layout source, onednn_layout weights, onednn_layout bias,
  onednn_layout result, const_dnnl_primitive_desc_t forward)
{
  dnnl_convolution_desc_t operation;
  const dnnl_status_t status = dnnl_convolution_backward_weights_desc_init(
    &operation, dnnl_convolution_direct, source, weights, bias, result, one, one, one);
  return describe(description, engine, status, &operation, 0, forward);
}

dnnl_status_t onednn_convolution_backward_data(dnnl_primitive_desc_t *description,
  dnnl_engine_t engine, onednn_layout source, onednn_layout weights, onednn_layout result,
  const_dnnl_primitive_desc_t forward)
{
  dnnl_convolution_desc_t operation;
  const dnnl_status_t status = dnnl_convolution_backward_data_desc_init(
    &operation, dnnl_convolution_direct, source, weights, result, one, one, one);
  return describe(description, engine, status, &operation, 0, forward);
}

/* Negative padding leaves out an odd last row or column. */
static void odd_end(dnnl_dims_t end, onednn_layout source)
{
  end[0] = -(source->dims[2] % 2);
  end[1] = -(source->dims[3] % 2);
}

dnnl_status_t onednn_pooling(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  dnnl_prop_kind_t kind, onednn_layout source, onednn_layout result)
{
  dnnl_pooling_desc_t operation;
  dnnl_dims_t end;
  odd_end(end, source);
  const dnnl_status_t status = dnnl_pooling_forward_desc_init(
    &operation, kind, dnnl_pooling_max, source, result, two, two, zero, end);
  return describe(description, engine, status, &operation, 0, NULL);
}

dnnl_status_t onednn_pooling_backward(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  onednn_layout source, onednn_layout result, const_dnnl_primitive_desc_t forward)
{
  dnnl_pooling_desc_t operation;
  dnnl_dims_t end;
  odd_end(end, source);
  const dnnl_status_t status = dnnl_pooling_backward_desc_init(
    &operation, dnnl_pooling_max, source, result, two, two, zero, end);
  return describe(description, engine, status, &operation, 0, forward);
}

dnnl_status_t onednn_product(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  dnnl_prop_kind_t kind, int relu, onednn_layout source, onednn_layout weights, onednn_layout bias,
  onednn_layout result)
{
  dnnl_inner_product_desc_t operation;
  const dnnl_status_t status =
    dnnl_inner_product_forward_desc_init(&operation, kind, source, weights, bias, result);
  return describe(description, engine, status, &operation, relu, NULL);
}

dnnl_status_t onednn_product_backward_weights(dnnl_primitive_desc_t *description,
  dnnl_engine_t engine, onednn_layout source, onednn_layout weights, onednn_layout bias,
  onednn_layout result, const_dnnl_primitive_desc_t forward)
{
  dnnl_inner_product_desc_t operation;
  const dnnl_status_t status =
    dnnl_inner_product_backward_weights_desc_init(&operation, source, weights, bias, result);
  return describe(description, engine, status, &operation, 0, forward);
}

dnnl_status_t onednn_product_backward_data(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  onednn_layout source, onednn_layout weights, onednn_layout result,
  const_dnnl_primitive_desc_t forward)
{
  dnnl_inner_product_desc_t operation;
  const dnnl_status_t status =
    dnnl_inner_product_backward_data_desc_init(&operation, source, weights, result);
  return describe(description, engine, status, &operation, 0, forward);
}

dnnl_status_t onednn_relu_backward(
  dnnl_primitive_desc_t *description, dnnl_engine_t engine, onednn_layout result)
{
  dnnl_primitive_desc_t forward = NULL;
  dnnl_eltwise_desc_t operation;
  dnnl_status_t status = dnnl_eltwise_forward_desc_init(
    &operation, dnnl_forward_training, dnnl_eltwise_relu_use_dst_for_bwd, result, 0, 0);
  status = describe(&forward, engine, status, &operation, 0, NULL);
  if (status != dnnl_success)
    return status;
  status = dnnl_eltwise_backward_desc_init(
    &operation, dnnl_eltwise_relu_use_dst_for_bwd, result, result, 0, 0);
  status = describe(description, engine, status, &operation, 0, forward);
  dnnl_primitive_desc_destroy(forward);
  return status;
}
