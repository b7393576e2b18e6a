/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside onnx.c: ONNX models, after onnx.proto of ONNX 1.16. */
#ifndef TV_ONNX_H
#define TV_ONNX_H

#include "weights.h"
#include "wire.h"

/* 1 where a file's first bytes, and the fields that follow, are those of a model. Silent. */
int tv_onnx_recognise(tv_mapped *file);

/* Lists a TensorProto that stands in a field, under a name of its own or, where name is not NULL,
 * that name. */
int tv_onnx_tensor(tv_weights *weights, const tv_wire_field *field, const char *name);

/* What an operator takes at an input: kind and axes. */
typedef struct tv_onnx_use
{
  const char *op;
  int input;
  int rank; /* -1: any */
  const char *kind, *axes;
} tv_onnx_use;

/* The row of the table, in onnx_tensor.c; NULL where there is none. */
const tv_onnx_use *tv_onnx_find_use(const char *op, int input, int rank);

#endif
