/* SPDX-License-Identifier: BSD-3-Clause */
/* The command line of vgg16. */
#ifndef VGG_OPTIONS_H
#define VGG_OPTIONS_H

#include "photographs.h"
#include "vgg_network.h"
#include "weights_file.h"

#include <stdint.h>

typedef struct vgg_options
{
  const char *weights, *images, *output, *record;
  long batches;
  size_t batch, size;
  size_t layers; /* how many are computed: up to the last one whose activations are recorded, or
                    whose weights are */
  uint64_t seed;
  int threads, overwrite, quiet;
  photographs_crop crop;
  const photographs_preparation *preparation; /* NULL until settled, if --prepare was not given */
  int record_input;
  int record_weights[VGG_LAYERS], record_activations[VGG_LAYERS];
} vgg_options;

/* Reads the command line. 0; a negative tv_status with a sentence; 1 where --help was asked for and
 * has been printed. */
int vgg_options_read(vgg_options *options, int count, char **arguments);

/* Settles what depends on the weights: the preparation of images that they need, and that the file
 * has the layers. */
int vgg_options_settle(vgg_options *options, const weights_file *file);

/* How many bytes the run file will hold. */
double vgg_options_bytes(const vgg_options *options);

#endif
