/* SPDX-License-Identifier: BSD-3-Clause */
#include "strokes.h"

#include <string.h>

/* Each digit on a raster of 8 x 12: x and y of its points, each a digit to the base 16. */
static const char *const paths[10] = {"020a2c6c8a82602002", "2a4c40", "0a2c6c8a880080",
  "0a2c6c8a886636668482602002", "606c0484", "8c0c07678582602002", "8a6c2c0a0220608285672705",
  "0c8c30", "26080a2c6c8a88662604022060828466", "876525070a2c6c8a82602002"};

static int hexadecimal(char digit)
{
  return digit <= '9' ? digit - '0' : digit - 'a' + 10;
}

/* The digits of a number, the last one first. */
static size_t split(int reversed[TV_STROKE_DIGITS], size_t number)
{
  size_t count = 0;
  do
    reversed[count++] = (int)(number % 10);
  while ((number /= 10) > 0);
  return count;
}

double tv_strokes_width(size_t number)
{
  int reversed[TV_STROKE_DIGITS];
  return 0.8 * (double)split(reversed, number);
}

size_t tv_strokes(
  float (*points)[2], size_t *counts, size_t number, double x, double y, double height)
{
  int reversed[TV_STROKE_DIGITS];
  const size_t count = split(reversed, number);
  const double unit = height / 12.0;
  for (size_t i = 0; i < count; ++i, x += 0.8 * height) {
    const char *path = paths[reversed[count - 1 - i]];
    counts[i] = strlen(path) / 2;
    for (size_t k = 0; k < counts[i]; ++k, ++points) {
      (*points)[0] = (float)(x + unit * hexadecimal(path[2 * k]));
      (*points)[1] = (float)(y + unit * hexadecimal(path[2 * k + 1]));
    }
  }
  return count;
}
