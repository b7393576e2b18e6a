/* SPDX-License-Identifier: BSD-3-Clause */
/* Photographs from a folder, as batches of square crops for a network.
 *
 * JPEG and PNG files (by their first bytes, not by name), read in the order of their names, each
 * decoded once. Grey and transparent ones become RGB (transparent on white). Exif orientation is
 * not applied.
 *
 * Functions return 0 or a negative tv_status; tv_last_error() has the sentence. */
#ifndef PHOTOGRAPHS_H
#define PHOTOGRAPHS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct photographs photographs;

typedef enum photographs_crop
{
  PHOTOGRAPHS_RANDOM, /* as VGG was trained: the photograph is scaled so that its shorter side is a
                         random length from 256 to 512 (for crops of 224; other sizes in
                         proportion), but never enlarged beyond need; then a random square of it,
                         mirrored half of the times */
  PHOTOGRAPHS_CENTRE  /* the largest square in the middle, scaled; photographs in order of their
                         names. One of exactly the right size is used as it is. */
} photographs_crop;

/* How a pixel (0 to 255) becomes what a network was trained with:
 * (pixel * scale - mean[c]) / deviation[c], for the channels in the order that they are stored. */
typedef struct photographs_preparation
{
  const char *name;
  int bgr; /* 0: the first channel is red; 1: blue */
  float scale;
  float mean[3], deviation[3];
} photographs_preparation;

/* "torchvision", "keras" (BGR less the mean, as the Caffe original), "unit" (0 to 1), or NULL. */
const photographs_preparation *photographs_prepare(const char *name);

/* Opens all photographs of a folder whose shorter side has at least size pixels; those that cannot
 * be used are told to notes (may be NULL), a line each. Fails where none is left. */
int photographs_open(photographs **set, const char *folder, size_t size, FILE *notes);

size_t photographs_count(const photographs *set);

/* One crop, [3, size, size], prepared. index counts samples through the whole run: the same seed
 * and index give the same crop, whatever was asked for before. */
void photographs_sample(const photographs *set, float *sample, uint64_t index, uint64_t seed,
  photographs_crop crop, const photographs_preparation *preparation);

/* NULL is allowed. */
void photographs_close(photographs *set);

#endif
