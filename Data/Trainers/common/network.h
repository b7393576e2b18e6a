/* SPDX-License-Identifier: BSD-3-Clause */
/* A network as a short list of layers: convolutions (3 x 3, stride 1, padding 1), then fully
 * connected ones, any widths; ReLU after each but the last; softmax and cross-entropy at the end.
 * LeNet-5 is two convolutions with pooling and two fully connected layers; LeNet-300-100 has
 * fully connected ones only.
 *
 * Parameters are plain arrays in the order of oneDNN and torch; what oneDNN needs in another
 * order it gets inside network_forward() and network_backward(). */
#ifndef TRAINER_NETWORK_H
#define TRAINER_NETWORK_H

#include "optimizer.h"

#include <stdint.h>

#define NETWORK_LAYERS 16 /* most layers of a network */

typedef enum layer_kind
{
  LAYER_CONVOLUTION,
  LAYER_FULLY_CONNECTED
} layer_kind;

typedef struct layer
{
  char name[16]; /* conv1, conv2, ..., fc1, fc2, ... */
  layer_kind kind;
  int relu;             /* all but the last layer */
  int pooled;           /* maximum of each 2 x 2 pixels after ReLU (convolutions) */
  size_t height, width; /* of the activations, before pooling; 1 x 1 if fully connected */
  parameter weights;    /* convolution [filters][channels][9], else [outputs][before][pixels] */
  parameter bias;       /* [filters][1][1] */
  size_t declared;      /* filters at the beginning */
  size_t *places;       /* [filters]: which of those each filter is; a pruned one has no more */
  struct layer_memories *memories;
} layer;

typedef struct network
{
  size_t batch, height, width, classes, layer_count;
  layer layers[NETWORK_LAYERS];
  float *images;   /* [batch][1][height][width]: write them here before network_forward() */
  uint8_t *labels; /* [batch]: and their classes here before network_loss() */
  float *logits;   /* [batch][classes]: the result of network_forward() */
  struct plan *plan;
} network;

typedef struct network_shape
{
  size_t batch, height, width, classes;
  size_t convolutions, filters[NETWORK_LAYERS]; /* each with pooling behind it */
  size_t hidden_layers, hidden[NETWORK_LAYERS]; /* fully connected, before the last layer */
  double deviation; /* of the first weights, which are normal; 0: sqrt(2 / inputs), and sqrt(1 /
                       inputs) in the last layer (He et al., 2015) */
} network_shape;

/* Makes a network with weights drawn by the seed, and biases of 0. On failure *network is NULL. */
int network_create(network **network, const network_shape *shape, uint64_t seed);
void network_free(network *network);

/* images -> logits and the activations of all layers. */
int network_forward(network *network);

/* Cross-entropy of the first samples of the batch, as their mean, and how many are right (their
 * largest logit is that of the label). The gradient for network_backward() is left inside. */
void network_loss(double *loss, size_t *correct, network *network, size_t samples);

/* The gradients of all parameters, after network_forward() and network_loss(). */
int network_backward(network *network);

/* The activations of a layer, after ReLU and before pooling, as plain [batch][filters][height]
 * [width]. */
int network_activations(float *out, network *network, size_t layer);

/* What the next layer sees of a layer, after ReLU and pooling: plain [batch][filters][height / 2]
 * [width / 2] of a pooled one, else as network_activations(). */
int network_output(float *out, network *network, size_t layer);

/* Takes the filters of a layer whose keep[] is 0 out of it and of the next layer's inputs, and
 * lets the kept ones stand in for them: tv_merge() in Filters/Kernels/merge.h, on weights, bias
 * and optimizer state alike. The last layer keeps its classes. */
int network_merge(
  network *network, size_t layer, const unsigned char *keep, const double *combination);

/* Numbers that are learned, and multiplications for one sample. */
size_t network_parameters(const network *network);
size_t network_multiplications(const network *network);

#endif
