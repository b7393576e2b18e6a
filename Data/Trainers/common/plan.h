/* SPDX-License-Identifier: BSD-3-Clause */
/* A fixed list of oneDNN primitives with their arguments: built once, run at every step.
 *
 * A plan owns the memories and primitives that it made. Functions return 0 or a negative
 * tv_status, and do nothing after the first failure, so that a builder may check once at its
 * end with plan_status(). */
#ifndef TRAINER_PLAN_H
#define TRAINER_PLAN_H

#include "onednn.h"

typedef struct plan plan;

typedef struct plan_argument
{
  int index; /* DNNL_ARG_... */
  dnnl_memory_t memory;
} plan_argument;

/* The two lists of a plan. */
typedef enum plan_pass
{
  PLAN_FORWARD,
  PLAN_BACKWARD
} plan_pass;

/* NULL where memory or oneDNN fails, with the sentence in tv_last_error(). */
plan *plan_create(void);
void plan_free(plan *plan);

/* What failed first while building, or 0. */
int plan_status(const plan *plan);

/* Memory over the caller's data, or of its own (zeros) where data is NULL. */
dnnl_memory_t plan_memory(plan *plan, onednn_layout layout, void *data);

/* The order in memory of a plain (row-major) tensor of 1, 2 or 4 axes; axes 2 and 3 are ignored
 * below 4. Layouts live as long as the plan; NULL after a failure. */
onednn_layout plan_plain(plan *plan, int axes, size_t a, size_t b, size_t c, size_t d);
dnnl_format_tag_t plan_plain_tag(int axes);
/* By strides, or by a tag where strides is NULL. */
onednn_layout plan_new_layout(
  plan *plan, int axes, const dnnl_dims_t sizes, const dnnl_dims_t strides, dnnl_format_tag_t tag);
/* The same sizes in whatever order oneDNN prefers. */
onednn_layout plan_any(plan *plan, onednn_layout layout);
/* The layout of a memory, and one that a description asks for. */
onednn_layout plan_layout(dnnl_memory_t memory);
onednn_layout plan_query(plan *plan, const_dnnl_primitive_desc_t of, dnnl_query_t what);
size_t plan_size(onednn_layout layout, int axis);

dnnl_engine_t plan_engine(const plan *plan);
dnnl_stream_t plan_stream(const plan *plan);
/* Keeps a description that a function of onednn.h wrote to *description with that status, until
 * plan_free(); *description becomes NULL after a failure:
 *   plan_describe(plan, &d, onednn_pooling(&d, plan_engine(plan), ...)); */
void plan_describe(plan *plan, dnnl_primitive_desc_t *description, dnnl_status_t status);

/* Appends a primitive to one of the lists; arguments end with index 0. */
void plan_add(
  plan *plan, plan_pass pass, const_dnnl_primitive_desc_t what, const plan_argument *arguments);

/* Appends a copy from one memory to another, whatever their orders. Where one of them is larger
 * along the first two axes, the part that both have is copied, and the rest of a larger `to` is
 * zero. */
void plan_copy(plan *plan, plan_pass pass, dnnl_memory_t from, dnnl_memory_t to);
/* The memory itself where it has that layout already; otherwise new memory, and a copy into it at
 * this place of the list. */
dnnl_memory_t plan_as(plan *plan, plan_pass pass, dnnl_memory_t memory, onednn_layout layout);

float *plan_data(dnnl_memory_t memory);

/* Runs one of the lists and waits for it. */
int plan_run(plan *plan, plan_pass pass);

/* Reads a memory as plain [a, b, c, d] into out, once, outside the lists; of the second axis only
 * the first so many. */
int plan_read(plan *plan, dnnl_memory_t memory, size_t second, float *out);

#endif
