/* SPDX-License-Identifier: BSD-3-Clause */
/* The layers of a network as oneDNN primitives. Only network.c uses this. */
#ifndef TRAINER_LAYERS_H
#define TRAINER_LAYERS_H

#include "network.h"
#include "plan.h"

/* oneDNN's memories of a layer, each in the order that it prefers. */
typedef struct layer_memories
{
  dnnl_memory_t input;       /* fully connected: [batch][inputs] */
  dnnl_memory_t activations; /* after ReLU, before pooling; with filters that fill a vector */
  dnnl_memory_t output;      /* what the next layer sees; the same */
  dnnl_memory_t gradient;    /* of the loss by output */
  dnnl_memory_t indices;     /* where each maximum of the pooling was */
  dnnl_primitive_desc_t forward, pooling;
} layer_memories;

/* Builds the plan for the parameters as they are now; called again after they lost filters.
 * layers_free() frees what it made, and may be called twice. */
int layers_build(network *network);
void layers_free(network *network);

#endif
