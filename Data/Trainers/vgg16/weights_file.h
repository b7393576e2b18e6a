/* SPDX-License-Identifier: BSD-3-Clause */
/* VGG16's weights from a file that the user has.
 *
 *   what                                          names
 *   --------------------------------------------  ---------------------------------------------
 *   torchvision's vgg16()                         features.0.weight, ..., classifier.6.bias
 *   Keras's VGG16, with or without the top        block1_conv1 as a part of the name, fc1, fc2,
 *   (vgg16_weights_tf_dim_ordering_tf_kernels.h5, predictions; or Keras 3's counted conv2d_1
 *   ..._notop.h5, model.save_weights())
 *   the first layer of @upscalerjs/esrgan-thick   Pre_blocks_conv/kernel
 *   (fetch_first_layer.sh writes it): the shape
 *   of VGG16's first layer, and not VGG16
 *
 * in any file that the library opens: safetensors, torch's .pth, HDF5, .keras, .npz (weights.h).
 *
 * The file is not trusted: names, types, shapes and places are checked against the network and the
 * file's size before anything is read or allocated; links that leave an HDF5 file and filters that
 * HDF5 does not bring itself are refused. float32, and float16, bfloat16 and float64, which are
 * converted to float32.
 *
 * Functions return 0 or a negative tv_status; tv_last_error() has the sentence. */
#ifndef WEIGHTS_FILE_H
#define WEIGHTS_FILE_H

#include <stddef.h>

typedef enum weights_origin
{
  WEIGHTS_TORCHVISION, /* convolutions "oihw", fully connected "oi", flattened [c, h, w] */
  WEIGHTS_KERAS,       /* convolutions "hwio", fully connected "io", flattened [h, w, c] */
  WEIGHTS_FIRST_LAYER  /* one convolution "hwio", under the name conv1_1 */
} weights_origin;

typedef struct weights_file weights_file;

/* The weights of one layer, as they lie in the file. */
typedef struct weights_layer
{
  float *weights;
  float *bias;      /* [outputs] */
  const char *axes; /* of weights: "oihw", "hwio", "oi" or "io" */
} weights_layer;

/* Opens a file and finds out what it is. On failure *file is NULL. */
int weights_open(weights_file **file, const char *path);

weights_origin weights_file_origin(const weights_file *file);

/* A sentence for the user, without a full stop: what these weights are. */
const char *weights_file_description(const weights_file *file);

/* Whether the file has weights and bias of that layer: "conv1_1" to "conv5_3", "fc6", "fc7", "fc8".
 * 0, or a negative tv_status where one is not there, or twice. */
int weights_check(const weights_file *file, const char *layer);

/* Reads a convolution [outputs, inputs, side, side], or, if side is 0, a fully connected layer
 * [outputs, inputs]. The file must have exactly these sizes, and finite values.
 * weights_layer_free() frees it; after a failure there is nothing to free. */
int weights_read(weights_layer *layer, weights_file *file, const char *name, size_t outputs,
  size_t inputs, size_t side);

void weights_layer_free(weights_layer *layer);

/* NULL is allowed. */
void weights_close(weights_file *file);

#endif
