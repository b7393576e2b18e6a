/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside torch.c: what numpy leaves in a pickle, read as data. Arrays are calls of _reconstruct, with
 * type, shape and bytes in the state that is set afterwards, or, from protocol 5 on, of _frombuffer;
 * numbers are calls of scalar. Their bytes lie in the pickle itself. */
#ifndef TV_TORCH_NUMPY_H
#define TV_TORCH_NUMPY_H

#include "torch_tensor.h"

/* 1 for the names of functions that make arrays. */
int tv_torch_is_array(const char *function);

/* Lists the array that such a call would make. What cannot be shown has a problem; only memory can
 * fail. */
int tv_torch_array(tv_torch *torch, const char *name, const tv_pickle_node *call);

/* A number, of Python's own or of numpy's: 1 for a whole one, 2 for another one; 0 where node is
 * none. */
int tv_torch_number(double *number, tv_pickle_node *node);

#endif
