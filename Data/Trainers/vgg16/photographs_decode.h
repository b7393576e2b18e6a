/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside photographs: one file to pixels. */
#ifndef PHOTOGRAPHS_DECODE_H
#define PHOTOGRAPHS_DECODE_H

#include <stddef.h>

typedef struct photograph_pixels
{
  unsigned char *rgb; /* [height][width][3], freed by free() */
  size_t width, height;
} photograph_pixels;

/* Decodes a JPEG or PNG file to RGB. A JPEG whose shorter side has at least 2 * shorter pixels may
 * come halved, quartered or reduced eight times (its shorter side still has at least shorter).
 * Returns 0 or a negative tv_status with a sentence. */
int photograph_decode(photograph_pixels *pixels, const char *path, size_t shorter);

#endif
