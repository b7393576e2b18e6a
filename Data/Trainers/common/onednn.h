/* SPDX-License-Identifier: BSD-3-Clause */
/* oneDNN 2 and oneDNN 3 behind one interface: the few calls that the trainers need and in which
 * the two differ. onednn2.c or onednn3.c is built, whichever fits the library that is installed.
 *
 * All values are float32. Functions return oneDNN's own status, and leave what they write to alone
 * unless it is dnnl_success. The caller destroys the descriptions (dnnl_primitive_desc_destroy). */
#ifndef TRAINER_ONEDNN_H
#define TRAINER_ONEDNN_H

#include <dnnl.h>
#include <stddef.h>

/* Sizes and order in memory of a tensor. Those that oneDNN hands out (of a memory, of a primitive
 * description) live as long as what they were asked of; those of onednn_layout_create() live until
 * onednn_layout_free(). */
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t onednn_layout;
#else
typedef const dnnl_memory_desc_t *onednn_layout;
#endif

/* By strides (in elements), or, where strides is NULL, by tag. */
dnnl_status_t onednn_layout_create(onednn_layout *layout, int axes, const dnnl_dims_t sizes,
  const dnnl_dims_t strides, dnnl_format_tag_t tag);
/* NULL is allowed. */
void onednn_layout_free(onednn_layout layout);
int onednn_axes(onednn_layout layout);
/* As many as there are axes. */
const dnnl_dim_t *onednn_sizes(onednn_layout layout);

/* Convolutions of 3 x 3 pixels with a border of one zero, stride 1. In every layout but a bias the
 * tag `any` leaves the order to oneDNN. relu != 0 applies max(0, x) to the result; forward is the
 * description of the forward pass. */
dnnl_status_t onednn_convolution(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  dnnl_prop_kind_t kind, int relu, onednn_layout source, onednn_layout weights, onednn_layout bias,
  onednn_layout result);
dnnl_status_t onednn_convolution_backward_weights(dnnl_primitive_desc_t *description,
  dnnl_engine_t engine, onednn_layout source, onednn_layout weights, onednn_layout bias,
  onednn_layout result, const_dnnl_primitive_desc_t forward);
dnnl_status_t onednn_convolution_backward_data(dnnl_primitive_desc_t *description,
  dnnl_engine_t engine, onednn_layout source, onednn_layout weights, onednn_layout result,
  const_dnnl_primitive_desc_t forward);

/* The greatest of each 2 x 2 pixels; an odd last row or column is left out, as in torch. */
dnnl_status_t onednn_pooling(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  dnnl_prop_kind_t kind, onednn_layout source, onednn_layout result);
dnnl_status_t onednn_pooling_backward(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  onednn_layout source, onednn_layout result, const_dnnl_primitive_desc_t forward);

/* Fully connected layers. */
dnnl_status_t onednn_product(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  dnnl_prop_kind_t kind, int relu, onednn_layout source, onednn_layout weights, onednn_layout bias,
  onednn_layout result);
dnnl_status_t onednn_product_backward_weights(dnnl_primitive_desc_t *description,
  dnnl_engine_t engine, onednn_layout source, onednn_layout weights, onednn_layout bias,
  onednn_layout result, const_dnnl_primitive_desc_t forward);
dnnl_status_t onednn_product_backward_data(dnnl_primitive_desc_t *description, dnnl_engine_t engine,
  onednn_layout source, onednn_layout weights, onednn_layout result,
  const_dnnl_primitive_desc_t forward);

/* ReLU's gradient from its result; the gradient may be written over the one that it reads. */
dnnl_status_t onednn_relu_backward(
  dnnl_primitive_desc_t *description, dnnl_engine_t engine, onednn_layout result);

#endif
