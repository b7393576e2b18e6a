/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside torch.c: what torch._utils._rebuild_... would make. */
#ifndef TV_TORCH_TENSOR_H
#define TV_TORCH_TENSOR_H

#include "pickle.h"
#include "weights.h"
#include "zip.h"

typedef struct tv_torch
{
  tv_weights *weights;
  tv_zip zip;
  char prefix[TV_WEIGHTS_NAME + 1]; /* "archive/" */
  int swapped;
  const char *pickle; /* the program, and the entry that it comes from */
  const tv_zip_entry *pickle_entry;
} tv_torch;

enum
{
  TV_TORCH_AXES = 64
};

/* A tuple of whole numbers from 0; how many, TV_TORCH_AXES at most, or -1. */
int tv_torch_sizes(uint64_t *sizes, const tv_pickle_node *tuple);

/* 1 for the names of functions that make tensors. */
int tv_torch_is_tensor(const char *function);

/* Lists the tensor that such a function would make of its arguments. What cannot be shown has a
 * problem; only memory can fail. */
int tv_torch_tensor(
  tv_torch *torch, const char *name, const char *function, const tv_pickle_node *arguments);

#endif
