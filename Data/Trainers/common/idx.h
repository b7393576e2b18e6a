/* SPDX-License-Identifier: BSD-3-Clause */
/* Image data sets in the IDX format of MNIST and Fashion-MNIST, plain or gzip-compressed.
 *
 * A folder holds four files: train-images-idx3-ubyte, train-labels-idx1-ubyte and the same with
 * t10k for the test, each with or without ".gz" (a dot before "idx" is accepted too). */
#ifndef TRAINER_IDX_H
#define TRAINER_IDX_H

#include <stddef.h>
#include <stdint.h>

#define IDX_CLASSES 10

typedef struct idx_images
{
  size_t samples, height, width; /* each at least 1 */
  uint8_t *pixels;               /* [samples][height][width], 0 ... 255 */
  uint8_t *labels;               /* [samples], 0 ... IDX_CLASSES - 1 */
} idx_images;

/* Reads "train" or "t10k" (the prefix) from a folder. Sizes in a header are believed only as far
 * as the bytes behind it exist. Returns 0 or a negative tv_status with the sentence in
 * tv_last_error(); on failure nothing is left to free. */
int idx_read(idx_images *images, const char *folder, const char *prefix);

void idx_free(idx_images *images);

/* Copies chosen samples as float32 in 0 ... 1 and their labels.
 *
 * out: [samples][height][width], labels [samples]; indices [samples], each below images->samples.
 * Any of labels and indices may be NULL: no labels; the samples from first on. */
void idx_copy(float *out, uint8_t *labels, const idx_images *images, const uint32_t *indices,
  size_t first, size_t samples);

#endif
