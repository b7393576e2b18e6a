/* SPDX-License-Identifier: BSD-3-Clause */
/* VGG16 (Simonyan and Zisserman 2014, configuration D), forward only, on oneDNN.
 *
 * Layers have the authors' names: conv1_1, conv1_2, pool1, ..., conv5_3, pool5, fc6, fc7, fc8.
 * Convolutions are 3 x 3, stride 1, padding 1, with ReLU; pooling is the greatest of 2 x 2; fc6 and
 * fc7 have ReLU, fc8 has none (its values are the logits).
 *
 * Functions return 0 or a negative tv_status; tv_last_error() has the sentence. */
#ifndef VGG_NETWORK_H
#define VGG_NETWORK_H

#include "weights_file.h"

#include <stddef.h>

typedef enum vgg_kind
{
  VGG_CONVOLUTION,
  VGG_POOLING,
  VGG_FULLY_CONNECTED
} vgg_kind;

enum
{
  VGG_LAYERS = 21
};

/* A layer for images of size x size: its activations are [batch, filters, side, side]. */
typedef struct vgg_layer
{
  const char *name;
  vgg_kind kind;
  size_t inputs, filters;
  size_t side;
} vgg_layer;

/* All layers in order, for images of size x size. Where pooling has left nothing, side is 0 and
 * inputs of fc6 are 0: there is no such layer. */
void vgg_describe(vgg_layer layers[VGG_LAYERS], size_t size);

typedef struct vgg_network vgg_network;

/* Called with a layer's activations as plain [batch, filters, side, side]; they are valid until it
 * returns. A negative return value ends the forward pass and is handed on. */
typedef int (*vgg_receive)(void *context, size_t layer, const float *activations);

/* Called with a layer's weights as they lie in the file. */
typedef int (*vgg_receive_weights)(void *context, size_t layer, const weights_layer *weights);

/* Builds the first layers (their number is layers, 1 to VGG_LAYERS), with batches of batch images
 * of size x size, and reads their weights. wanted[l]: whether receive shall get activations of
 * layer l. weights, if not NULL, is called once for each layer that has any. threads: of oneDNN, at
 * least 1. On failure *network is NULL. */
int vgg_create(vgg_network **network, weights_file *file, size_t layers, size_t batch, size_t size,
  const int wanted[VGG_LAYERS], vgg_receive_weights weights, void *context, int threads);

/* The forward pass of one batch, images [batch, 3, size, size]. */
int vgg_forward(vgg_network *network, const float *images, vgg_receive receive, void *context);

/* NULL is allowed. */
void vgg_destroy(vgg_network *network);

#endif
