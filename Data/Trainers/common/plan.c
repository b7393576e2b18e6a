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
  plan_step steps[2][ITEMS];
  int memory_count, description_count, step_count[2];
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

dnnl_memory_t plan_memory(plan *plan, const dnnl_memory_desc_t *shape, void *data)
{
  dnnl_memory_t memory = NULL;
  if (plan->status != TV_OK)
    return NULL;
  if (plan->memory_count == ITEMS)
    failed(plan, dnnl_out_of_memory, "memory");
  else if (!failed(plan,
             dnnl_memory_create(&memory, shape, plan->engine, data ? data : DNNL_MEMORY_ALLOCATE),
             "memory")) {
    plan->memories[plan->memory_count++] = memory;
    if (!data)
      memset(plan_data(memory), 0, dnnl_memory_desc_get_size(shape));
  }
  return memory;
}

dnnl_memory_desc_t plan_plain(int axes, size_t a, size_t b, size_t c, size_t d)
{
  static const dnnl_format_tag_t tags[] = {
    dnnl_format_tag_undef, dnnl_a, dnnl_ab, dnnl_abc, dnnl_abcd};
  const dnnl_dims_t sizes = {(dnnl_dim_t)a, (dnnl_dim_t)b, (dnnl_dim_t)c, (dnnl_dim_t)d};
  dnnl_memory_desc_t shape;
  memset(&shape, 0, sizeof shape);
  dnnl_memory_desc_init_by_tag(&shape, axes, sizes, dnnl_f32, tags[axes]);
  return shape;
}

dnnl_memory_desc_t plan_any(const dnnl_memory_desc_t *shape)
{
  dnnl_memory_desc_t any;
  memset(&any, 0, sizeof any);
  dnnl_memory_desc_init_by_tag(&any, shape->ndims, shape->dims, dnnl_f32, dnnl_format_tag_any);
  return any;
}

dnnl_memory_desc_t plan_narrow(dnnl_memory_desc_t shape, int axis, size_t size)
{
  const dnnl_blocking_desc_t *blocks = &shape.format_desc.blocking;
  dnnl_dim_t block = 1;
  for (int i = 0; i < blocks->inner_nblks; ++i)
    if (blocks->inner_idxs[i] == axis)
      block *= blocks->inner_blks[i];
  shape.dims[axis] = (dnnl_dim_t)size;
  shape.padded_dims[axis] = ((dnnl_dim_t)size + block - 1) / block * block;
  return shape;
}

static dnnl_primitive_desc_t keep_description(plan *plan, dnnl_primitive_desc_t description)
{
  if (plan->description_count == ITEMS) {
    dnnl_primitive_desc_destroy(description);
    failed(plan, dnnl_out_of_memory, "list of operations");
    return NULL;
  }
  return plan->descriptions[plan->description_count++] = description;
}

dnnl_primitive_desc_t plan_describe(
  plan *plan, const_dnnl_op_desc_t operation, int relu, const_dnnl_primitive_desc_t hint)
{
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_post_ops_t after = NULL;
  dnnl_primitive_desc_t description = NULL;
  if (plan->status != TV_OK)
    return NULL;
  if (relu) {
    failed(plan, dnnl_primitive_attr_create(&attributes), "activation");
    failed(plan, dnnl_post_ops_create(&after), "activation");
    failed(plan, dnnl_post_ops_append_eltwise(after, 1, dnnl_eltwise_relu, 0, 0), "activation");
    failed(plan, dnnl_primitive_attr_set_post_ops(attributes, after), "activation");
  }
  if (!failed(plan,
        dnnl_primitive_desc_create(&description, operation, attributes, plan->engine, hint),
        "operations"))
    description = keep_description(plan, description);
  if (after)
    dnnl_post_ops_destroy(after);
  if (attributes)
    dnnl_primitive_attr_destroy(attributes);
  return description;
}

dnnl_memory_desc_t plan_query(plan *plan, const_dnnl_primitive_desc_t of, dnnl_query_t what)
{
  dnnl_memory_desc_t shape;
  memset(&shape, 0, sizeof shape);
  if (plan->status != TV_OK)
    return shape;
  const dnnl_memory_desc_t *found = dnnl_primitive_desc_query_md(of, what, 0);
  if (!found)
    failed(plan, dnnl_unimplemented, "layout");
  return found ? *found : shape;
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

void plan_reorder(plan *plan, plan_pass pass, dnnl_memory_t from, dnnl_memory_t to)
{
  dnnl_primitive_desc_t description = NULL;
  if (plan->status != TV_OK)
    return;
  const dnnl_memory_desc_t source = plan_shape(from), target = plan_shape(to);
  if (failed(plan,
        dnnl_reorder_primitive_desc_create(
          &description, &source, plan->engine, &target, plan->engine, NULL),
        "change of layout"))
    return;
  const plan_argument arguments[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}, {0, NULL}};
  plan_add(plan, pass, keep_description(plan, description), arguments);
}

dnnl_memory_t plan_as(
  plan *plan, plan_pass pass, dnnl_memory_t memory, const dnnl_memory_desc_t *shape)
{
  if (plan->status != TV_OK)
    return NULL;
  const dnnl_memory_desc_t now = plan_shape(memory);
  if (dnnl_memory_desc_equal(&now, shape))
    return memory;
  dnnl_memory_t other = plan_memory(plan, shape, NULL);
  plan_reorder(plan, pass, memory, other);
  return other;
}

dnnl_memory_desc_t plan_shape(dnnl_memory_t memory)
{
  const dnnl_memory_desc_t *shape = NULL;
  dnnl_memory_desc_t none;
  memset(&none, 0, sizeof none); /* after a failure there is no memory, and nobody looks */
  if (memory)
    dnnl_memory_get_memory_desc(memory, &shape);
  return shape ? *shape : none;
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

int plan_read(plan *plan, dnnl_memory_t memory, float *out)
{
  const dnnl_memory_desc_t shape = plan_shape(memory);
  const dnnl_memory_desc_t plain = plan_plain(shape.ndims, (size_t)shape.dims[0],
    (size_t)shape.dims[1], (size_t)shape.dims[2], (size_t)shape.dims[3]);
  if (dnnl_memory_desc_equal(&shape, &plain)) {
    memcpy(out, plan_data(memory), dnnl_memory_desc_get_size(&shape));
    return TV_OK;
  }
  dnnl_memory_t target = NULL;
  dnnl_primitive_desc_t description = NULL;
  dnnl_primitive_t reorder = NULL;
  dnnl_status_t status = dnnl_memory_create(&target, &plain, plan->engine, out);
  if (status == dnnl_success)
    status = dnnl_reorder_primitive_desc_create(
      &description, &shape, plan->engine, &plain, plan->engine, NULL);
  if (status == dnnl_success)
    status = dnnl_primitive_create(&reorder, description);
  if (status == dnnl_success) {
    const dnnl_exec_arg_t arguments[] = {{DNNL_ARG_FROM, memory}, {DNNL_ARG_TO, target}};
    status = dnnl_primitive_execute(reorder, plan->stream, 2, arguments);
    dnnl_stream_wait(plan->stream);
  }
  if (reorder)
    dnnl_primitive_destroy(reorder);
  if (description)
    dnnl_primitive_desc_destroy(description);
  if (target)
    dnnl_memory_destroy(target);
  return status == dnnl_success
           ? TV_OK
           : tv_fail(TV_ERROR_UNSUPPORTED, "oneDNN cannot read the activations (its status %d)",
               (int)status);
}
