/* SPDX-License-Identifier: BSD-3-Clause */
/* oneDNN 3: layouts are objects of its own, and operations are described in one call. */
#include "onednn.h"

static const dnnl_dims_t one = {1, 1}, two = {2, 2}, zero = {0, 0};

dnnl_status_t onednn_layout_create(onednn_layout *layout, int axes, const dnnl_dims_t sizes,
  const dnnl_dims_t strides, dnnl_format_tag_t tag)
{
  dnnl_memory_desc_t made = NULL;
  const dnnl_status_t status =
    strides ? dnnl_memory_desc_create_with_strides(&made, axes, sizes, dnnl_f32, strides)
            : dnnl_memory_desc_create_with_tag(&made, axes, sizes, dnnl_f32, tag);
  if (status == dnnl_success)
    *layout = made;
  return status;
}

void onednn_layout_free(onednn_layout layout)
{
  if (layout) /* what onednn_layout_create() made is const for everybody else */
    dnnl_memory_desc_destroy((dnnl_memory_desc_t)layout);
}

int onednn_axes(onednn_layout layout)
{
  int axes = 0;
  dnnl_memory_desc_query(layout, dnnl_query_ndims_s32, &axes);
  return axes;
}

const dnnl_dim_t *onednn_sizes(onednn_layout layout)
{
  const dnnl_dims_t *sizes = NULL;
  dnnl_memory_desc_query(layout, dnnl_query_dims, (void *)&sizes);
  return *sizes;
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
    status = dnnl_post_ops_append_eltwise(after, dnnl_eltwise_relu, 0, 0);
  if (status == dnnl_success)
    status = dnnl_primitive_attr_create(attributes);
  if (status == dnnl_success)
    status = dnnl_primitive_attr_set_post_ops(*attributes, after);
  dnnl_post_ops_destroy(after);
  return status;
}

dnnl_status_t onednn_convolution(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  dnnl_prop_kind_t kind, int relu, onednn_layout source, onednn_layout weights, onednn_layout bias,
  onednn_layout result)
{
  dnnl_primitive_attr_t attributes;
  dnnl_status_t status = followed_by(&attributes, relu);
  if (status == dnnl_success)
    status = dnnl_convolution_forward_primitive_desc_create(description, engine, kind,
      dnnl_convolution_direct, source, weights, bias, result, one, zero, one, one, attributes);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}

dnnl_status_t onednn_convolution_backward_weights(dnnl_primitive_desc_t *description,
  dnnl_engine_t engine, onednn_layout source, onednn_layout weights, onednn_layout bias,
  onednn_layout result, const_dnnl_primitive_desc_t forward)
{
  return dnnl_convolution_backward_weights_primitive_desc_create(description, engine,
    dnnl_convolution_direct, source, weights, bias, result, one, zero, one, one, forward, NULL);
}

dnnl_status_t onednn_convolution_backward_data(dnnl_primitive_desc_t *description,
  dnnl_engine_t engine, onednn_layout source, onednn_layout weights, onednn_layout result,
  const_dnnl_primitive_desc_t forward)
{
  return dnnl_convolution_backward_data_primitive_desc_create(description, engine,
    dnnl_convolution_direct, source, weights, result, one, zero, one, one, forward, NULL);
}

/* Negative padding leaves out an odd last row or column. */
static void odd_end(dnnl_dims_t end, onednn_layout source)
{
  const dnnl_dim_t *sizes = onednn_sizes(source);
  end[0] = -(sizes[2] % 2);
  end[1] = -(sizes[3] % 2);
}

dnnl_status_t onednn_pooling(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  dnnl_prop_kind_t kind, onednn_layout source, onednn_layout result)
{
  dnnl_dims_t end;
  odd_end(end, source);
  return dnnl_pooling_forward_primitive_desc_create(
    description, engine, kind, dnnl_pooling_max, source, result, two, two, zero, zero, end, NULL);
}

dnnl_status_t onednn_pooling_backward(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  onednn_layout source, onednn_layout result, const_dnnl_primitive_desc_t forward)
{
  dnnl_dims_t end;
  odd_end(end, source);
  return dnnl_pooling_backward_primitive_desc_create(description, engine, dnnl_pooling_max, source,
    result, two, two, zero, zero, end, forward, NULL);
}

dnnl_status_t onednn_product(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  dnnl_prop_kind_t kind, int relu, onednn_layout source, onednn_layout weights, onednn_layout bias,
  onednn_layout result)
{
  dnnl_primitive_attr_t attributes;
  dnnl_status_t status = followed_by(&attributes, relu);
  if (status == dnnl_success)
    status = dnnl_inner_product_forward_primitive_desc_create(
      description, engine, kind, source, weights, bias, result, attributes);
  dnnl_primitive_attr_destroy(attributes);
  return status;
}

dnnl_status_t onednn_product_backward_weights(dnnl_primitive_desc_t *description,
  dnnl_engine_t engine, onednn_layout source, onednn_layout weights, onednn_layout bias,
  onednn_layout result, const_dnnl_primitive_desc_t forward)
{
  return dnnl_inner_product_backward_weights_primitive_desc_create(
    description, engine, source, weights, bias, result, forward, NULL);
}

dnnl_status_t onednn_product_backward_data(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  onednn_layout source, onednn_layout weights, onednn_layout result,
  const_dnnl_primitive_desc_t forward)
{
  return dnnl_inner_product_backward_data_primitive_desc_create(
    description, engine, source, weights, result, forward, NULL);
}

dnnl_status_t onednn_relu_backward(
  dnnl_primitive_desc_t *description, dnnl_engine_t engine, onednn_layout result)
{
  dnnl_primitive_desc_t forward = NULL;
  dnnl_status_t status = dnnl_eltwise_forward_primitive_desc_create(&forward, engine,
    dnnl_forward_training, dnnl_eltwise_relu_use_dst_for_bwd, result, result, 0, 0, NULL);
  if (status != dnnl_success)
    return status;
  status = dnnl_eltwise_backward_primitive_desc_create(description, engine,
    dnnl_eltwise_relu_use_dst_for_bwd, result, result, result, 0, 0, forward, NULL);
  dnnl_primitive_desc_destroy(forward);
  return status;
}
