/* SPDX-License-Identifier: BSD-3-Clause */
#include "plan.h"

#include "status.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS 512 /* of each kind in one plan: a network of 16 layers needs about 300 */
#define ARGUMENTS 6

typedef struct plan_step
{
  dnnl_primitive_t primitive;
  dnnl_exec_arg_t arguments[ARGUMENTS];
  int count;
} plan_step;

struct plan
{
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  dnnl_memory_t memories[ITEMS];
  dnnl_primitive_desc_t descriptions[ITEMS];
  onednn_layout layouts[ITEMS];
  plan_step steps[2][ITEMS];
  int memory_count, description_count, layout_count, step_count[2];
  int status;
};

/* Notes the first failure; nonzero if there is one. */
static int failed(plan *plan, dnnl_status_t status, const char *what)
{
  if (plan->status == TV_OK && status != dnnl_success)
    plan->status = tv_fail(status == dnnl_out_of_memory ? TV_ERROR_MEMORY : TV_ERROR_UNSUPPORTED,
      "oneDNN cannot make the %s of this network (its status %d)", what, (int)status);
  return plan->status != TV_OK;
}

plan *plan_create(void)
{
  plan *plan = calloc(1, sizeof *plan);
  if (!plan) {
    tv_fail(TV_ERROR_MEMORY, "no memory for the network");
    return NULL;
  }
  if (failed(plan, dnnl_engine_create(&plan->engine, dnnl_cpu, 0), "engine") ||
      failed(plan, dnnl_stream_create(&plan->stream, plan->engine, dnnl_stream_default_flags),
        "stream")) {
    plan_free(plan);
    return NULL;
  }
  return plan;
}

void plan_free(plan *plan)
{
  if (!plan)
    return;
  for (int pass = 0; pass < 2; ++pass)
    for (int i = 0; i < plan->step_count[pass]; ++i)
      dnnl_primitive_destroy(plan->steps[pass][i].primitive);
  for (int i = 0; i < plan->description_count; ++i)
    dnnl_primitive_desc_destroy(plan->descriptions[i]);
  for (int i = 0; i < plan->memory_count; ++i)
    dnnl_memory_destroy(plan->memories[i]);
  for (int i = 0; i < plan->layout_count; ++i)
    onednn_layout_free(plan->layouts[i]);
  if (plan->stream)
    dnnl_stream_destroy(plan->stream);
  if (plan->engine)
    dnnl_engine_destroy(plan->engine);
  free(plan);
}

int plan_status(const plan *plan)
{
  return plan->status;
}

dnnl_memory_t plan_memory(plan *plan, onednn_layout layout, void *data)
{
  dnnl_memory_t memory = NULL;
  if (plan->status != TV_OK)
    return NULL;
  if (plan->memory_count == ITEMS)
    failed(plan, dnnl_out_of_memory, "memory");
  else if (!failed(plan,
             dnnl_memory_create(&memory, layout, plan->engine, data ? data : DNNL_MEMORY_ALLOCATE),
             "memory")) {
    plan->memories[plan->memory_count++] = memory;
    if (!data)
      memset(plan_data(memory), 0, dnnl_memory_desc_get_size(layout));
  }
  return memory;
}

onednn_layout plan_new_layout(
  plan *plan, int axes, const dnnl_dims_t sizes, const dnnl_dims_t strides, dnnl_format_tag_t tag)
{
  onednn_layout layout = NULL;
  if (plan->status != TV_OK)
    return NULL;
  if (plan->layout_count == ITEMS)
    failed(plan, dnnl_out_of_memory, "layouts");
  else if (!failed(plan, onednn_layout_create(&layout, axes, sizes, strides, tag), "layouts"))
    plan->layouts[plan->layout_count++] = layout;
  return layout;
}

dnnl_format_tag_t plan_plain_tag(int axes)
{
  static const dnnl_format_tag_t tags[] = {
    dnnl_format_tag_undef, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd};
  return tags[axes];
}

onednn_layout plan_plain(plan *plan, int axes, size_t a, size_t b, size_t c, size_t d)
{
  const dnnl_dims_t sizes = {(dnnl_dim_t)a, (dnnl_dim_t)b, (dnnl_dim_t)c, (dnnl_dim_t)d};
  return plan_new_layout(plan, axes, sizes, NULL, plan_plain_tag(axes));
}

onednn_layout plan_any(plan *plan, onednn_layout layout)
{
  return plan->status != TV_OK ? NULL
                               : plan_new_layout(plan, onednn_axes(layout), onednn_sizes(layout),
                                   NULL, dnnl_format_tag_any);
}

onednn_layout plan_layout(dnnl_memory_t memory)
{
  onednn_layout layout = NULL; /* after a failure there is no memory, and nobody looks */
  if (memory)
    dnnl_memory_get_memory_desc(memory, &layout);
  return layout;
}

onednn_layout plan_query(plan *plan, const_dnnl_primitive_desc_t of, dnnl_query_t what)
{
  if (plan->status != TV_OK)
    return NULL;
  onednn_layout found = dnnl_primitive_desc_query_md(of, what, 0);
  if (!found)
    failed(plan, dnnl_unimplemented, "layout");
  return found;
}

size_t plan_size(onednn_layout layout, int axis)
{
  return (size_t)onednn_sizes(layout)[axis];
}

dnnl_engine_t plan_engine(const plan *plan)
{
  return plan->engine;
}

dnnl_stream_t plan_stream(const plan *plan)
{
  return plan->stream;
}

void plan_describe(plan *plan, dnnl_primitive_desc_t *description, dnnl_status_t status)
{
  if (status != dnnl_success)
    *description = NULL;
  if (failed(plan, status, "operations") || plan->description_count == ITEMS) {
    dnnl_primitive_desc_destroy(*description);
    *description = NULL;
    failed(plan, dnnl_out_of_memory, "list of operations");
    return;
  }
  plan->descriptions[plan->description_count++] = *description;
}

void plan_add(
  plan *plan, plan_pass pass, const_dnnl_primitive_desc_t what, const plan_argument *arguments)
{
  if (plan->status != TV_OK)
    return;
  if (plan->step_count[pass] == ITEMS) {
    failed(plan, dnnl_out_of_memory, "list of operations");
    return;
  }
  plan_step *step = &plan->steps[pass][plan->step_count[pass]];
  if (failed(plan, dnnl_primitive_create(&step->primitive, what), "operations"))
    return;
  for (step->count = 0; step->count < ARGUMENTS && arguments[step->count].index; ++step->count) {
    step->arguments[step->count].arg = arguments[step->count].index;
    step->arguments[step->count].memory = arguments[step->count].memory;
  }
  ++plan->step_count[pass];
}

float *plan_data(dnnl_memory_t memory)
{
  void *data = NULL;
  if (memory)
    dnnl_memory_get_data_handle(memory, &data);
  return data;
}

int plan_run(plan *plan, plan_pass pass)
{
  dnnl_status_t status = dnnl_success;
  if (plan->status != TV_OK)
    return plan->status;
  for (int i = 0; status == dnnl_success && i < plan->step_count[pass]; ++i) {
    const plan_step *step = &plan->steps[pass][i];
    status = dnnl_primitive_execute(step->primitive, plan->stream, step->count, step->arguments);
  }
  const dnnl_status_t waited = dnnl_stream_wait(plan->stream);
  if (status != dnnl_success || waited != dnnl_success)
    return tv_fail(TV_ERROR_UNSUPPORTED, "oneDNN failed while it ran the network (its status %d)",
      (int)(status != dnnl_success ? status : waited));
  return TV_OK;
}
