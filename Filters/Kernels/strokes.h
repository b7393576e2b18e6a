/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers drawn with lines: what stands beside a window and says which filter it is. Lines survive
 * every representation, every server and every export, where text does not. */
#ifndef TV_STROKES_H
#define TV_STROKES_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum
{
  TV_STROKE_POINTS = 16, /* no digit has more points */
  TV_STROKE_DIGITS = 20  /* of the largest number */
};

/* The digits of a number from the left, one polyline for each: fills points with x and y of every
 * point of one digit after the other, counts with the points of each digit, and returns the number
 * of digits. The lower left corner of the first is (x, y); digits are height high, and each takes
 * 0.8 * height of width, the gap to the next included.
 * points: [TV_STROKE_DIGITS * TV_STROKE_POINTS][2]; counts: [TV_STROKE_DIGITS]. */
size_t tv_strokes(
  float (*points)[2], size_t *counts, size_t number, double x, double y, double height);

/* The width of a number drawn so, in heights of a digit. */
double tv_strokes_width(size_t number);

#ifdef __cplusplus
}
#endif
#endif
