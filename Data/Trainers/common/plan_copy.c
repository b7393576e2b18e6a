/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies between orders in memory. */
#include "plan.h"

#include "status.h"

#include <stdlib.h>
#include <string.h>

/* Appends a change of layout: of equal sizes. */
static void reorder(plan *plan, plan_pass pass, dnnl_memory_t from, dnnl_memory_t to)
{
  dnnl_primitive_desc_t description = NULL;
  if (plan_status(plan) != TV_OK)
    return;
  plan_describe(plan, &description,
    dnnl_reorder_primitive_desc_create(&description, plan_layout(from), plan_engine(plan),
      plan_layout(to), plan_engine(plan), NULL));
  const plan_argument arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}, {0, NULL}};
  plan_add(plan, pass, description, arguments);
}

static int larger(onednn_layout a, onednn_layout b)
{
  for (int axis = 0; axis < onednn_axes(a); ++axis)
    if (plan_size(a, axis) > plan_size(b, axis))
      return 1;
  return 0;
}

/* A plain memory of the sizes of `like`, and of it as a memory of its own the first `sizes`. */
static dnnl_memory_t new_plain(plan *plan, onednn_layout like)
{
  if (plan_status(plan) != TV_OK)
    return NULL;
  const int axes = onednn_axes(like);
  return plan_memory(
    plan, plan_new_layout(plan, axes, onednn_sizes(like), NULL, plan_plain_tag(axes)), NULL);
}

static dnnl_memory_t first_of(plan *plan, dnnl_memory_t plain, onednn_layout sizes)
{
  if (plan_status(plan) != TV_OK)
    return NULL;
  const int axes = onednn_axes(sizes);
  dnnl_dims_t strides = {0};
  dnnl_dim_t stride = 1;
  for (int axis = axes; axis-- > 0;) {
    strides[axis] = stride;
    stride *= onednn_sizes(plan_layout(plain))[axis];
  }
  return plan_memory(plan,
    plan_new_layout(plan, axes, onednn_sizes(sizes), strides, dnnl_format_tag_undef),
    plan_data(plain));
}

void plan_copy(plan *plan, plan_pass pass, dnnl_memory_t from, dnnl_memory_t to)
{
  if (plan_status(plan) != TV_OK)
    return;
  /* oneDNN knows no part of a tensor in an order of its own: the detour is a plain one. */
  onednn_layout source = plan_layout(from), target = plan_layout(to);
  if (larger(source, target)) {
    dnnl_memory_t plain = new_plain(plan, source);
    reorder(plan, pass, from, plain);
    reorder(plan, pass, first_of(plan, plain, target), to);
  } else if (larger(target, source)) {
    dnnl_memory_t plain = new_plain(plan, target);
    reorder(plan, pass, from, first_of(plan, plain, source));
    reorder(plan, pass, plain, to);
  } else
    reorder(plan, pass, from, to);
}

dnnl_memory_t plan_as(plan *plan, plan_pass pass, dnnl_memory_t memory, onednn_layout layout)
{
  if (plan_status(plan) != TV_OK || dnnl_memory_desc_equal(plan_layout(memory), layout))
    return memory;
  dnnl_memory_t other = plan_memory(plan, layout, NULL);
  plan_copy(plan, pass, memory, other);
  return other;
}

/* Changes the layout once, outside the lists. */
static dnnl_status_t read_plain(plan *plan, dnnl_memory_t memory, onednn_layout plain, float *out)
{
  dnnl_memory_t target = NULL;
  dnnl_primitive_desc_t description = NULL;
  dnnl_primitive_t reorder = NULL;
  dnnl_status_t status = dnnl_memory_create(&target, plain, plan_engine(plan), out);
  if (status == dnnl_success)
    status = dnnl_reorder_primitive_desc_create(
      &description, plan_layout(memory), plan_engine(plan), plain, plan_engine(plan), NULL);
  if (status == dnnl_success)
    status = dnnl_primitive_create(&reorder, description);
  if (status == dnnl_success) {
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, memory}, {DNNL_ARG_TO, target}};
    status = dnnl_primitive_execute(reorder, plan_stream(plan), 2, arguments);
    const dnnl_status_t waited = dnnl_stream_wait(plan_stream(plan));
    status = status == dnnl_success ? waited : status;
  }
  dnnl_primitive_destroy(reorder);
  dnnl_primitive_desc_destroy(description);
  dnnl_memory_destroy(target);
  return status;
}

int plan_read(plan *plan, dnnl_memory_t memory, size_t second, float *out)
{
  onednn_layout layout = plan_layout(memory), plain = NULL;
  const int axes = onednn_axes(layout);
  const dnnl_dim_t *sizes = onednn_sizes(layout);
  size_t row = 1; /* of one entry of the first axis, all there are of the second */
  for (int axis = 1; axis < axes; ++axis)
    row *= (size_t)sizes[axis];
  const size_t rows = (size_t)sizes[0], kept = row / (size_t)sizes[1] * second;
  float *whole = kept == row ? out : malloc(rows * row * sizeof *whole);
  if (!whole)
    return tv_fail(
      TV_ERROR_MEMORY, "no memory for activations of %zu bytes", rows * row * sizeof *whole);
  dnnl_status_t status = onednn_layout_create(&plain, axes, sizes, NULL, plan_plain_tag(axes));
  if (status == dnnl_success && dnnl_memory_desc_equal(layout, plain))
    memcpy(whole, plan_data(memory), rows * row * sizeof *whole);
  else if (status == dnnl_success)
    status = read_plain(plan, memory, plain, whole);
  for (size_t r = 0; whole != out && status == dnnl_success && r < rows; ++r)
    memcpy(out + r * kept, whole + r * row, kept * sizeof *out);
  onednn_layout_free(plain);
  if (whole != out)
    free(whole);
  return status == dnnl_success
           ? TV_OK
           : tv_fail(TV_ERROR_UNSUPPORTED, "oneDNN cannot read the activations (its status %d)",
               (int)status);
}
