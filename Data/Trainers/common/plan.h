/* SPDX-License-Identifier: BSD-3-Clause */
/* A fixed list of oneDNN primitives with their arguments: built once, run at every step.
 *
 * A plan owns the memories and primitives that it made. Functions return 0 or a negative
 * tv_status, and do nothing after the first failure, so that a builder may check once at its
 * end with plan_status(). */
#ifndef TRAINER_PLAN_H
#define TRAINER_PLAN_H

#include <dnnl.h>
#include <stddef.h>

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
dnnl_memory_t plan_memory(plan *plan, const dnnl_memory_desc_t *shape, void *data);

/* A plain (row-major) float32 shape of 1, 2 or 4 axes; axes 2 and 3 are ignored below 4. */
dnnl_memory_desc_t plan_plain(int axes, size_t a, size_t b, size_t c, size_t d);
/* The same sizes in whatever order oneDNN prefers. */
dnnl_memory_desc_t plan_any(const dnnl_memory_desc_t *shape);

/* The first of the sizes along an axis of a shape, where they lie. */
dnnl_memory_desc_t plan_narrow(dnnl_memory_desc_t shape, int axis, size_t size);

/* A primitive descriptor for an operation, which plan_free() destroys. relu != 0 applies it to
 * the result; hint may be NULL. */
dnnl_primitive_desc_t plan_describe(
  plan *plan, const_dnnl_op_desc_t operation, int relu, const_dnnl_primitive_desc_t hint);
dnnl_memory_desc_t plan_query(plan *plan, const_dnnl_primitive_desc_t of, dnnl_query_t what);

/* Appends a primitive to one of the lists; arguments end with index 0. */
void plan_add(
  plan *plan, plan_pass pass, const_dnnl_primitive_desc_t what, const plan_argument *arguments);

/* The memory itself where it has that shape already; otherwise new memory, and a reorder into
 * it at this place of the list. */
dnnl_memory_t plan_as(
  plan *plan, plan_pass pass, dnnl_memory_t memory, const dnnl_memory_desc_t *shape);
/* Appends a reorder from one memory to another. */
void plan_reorder(plan *plan, plan_pass pass, dnnl_memory_t from, dnnl_memory_t to);

dnnl_memory_desc_t plan_shape(dnnl_memory_t memory);
float *plan_data(dnnl_memory_t memory);

/* Runs one of the lists and waits for it. */
int plan_run(plan *plan, plan_pass pass);

/* Reads a memory as plain [a, b, c, d] into out, once, outside the lists. */
int plan_read(plan *plan, dnnl_memory_t memory, float *out);

#endif
