/* SPDX-License-Identifier: BSD-3-Clause */
/* Where the layers of a network stand when all of it is shown at once: rectangles that fill one
 * rectangle, each as large as its layer, in the order of the network, parts that belong together by
 * their names side by side ("layer1.0.conv1" and "layer1.0.conv2" in "layer1.0" in "layer1"). */
#ifndef TV_TREEMAP_H
#define TV_TREEMAP_H

#include "tensorview/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tv_box
{
  double x, y, width, height; /* y grows upwards; x, y is the lower left corner */
} tv_box;

/* Cuts the rectangle [0, width] x [0, height] again and again along its longer side, between groups
 * of names as long as there are several (Shneiderman and Wattenberg 2001, ordered treemaps), where
 * both halves are most alike in area. The first layer is at the upper left. Boxes touch; their areas
 * are in the proportion of sizes, each counted as least at least.
 *
 * Returns 0, or TV_ERROR_ARGUMENT for NULL, no layers, or sizes that are not finite, all 0, or
 * negative. */
int tv_treemap(tv_box *boxes, /* out: [count] */
  const char *const *names,   /* [count], in the order of the network; '.' and '/' part them */
  const double *sizes,        /* [count]: parameters, say */
  size_t count, double width, double height,
  double least); /* share of the whole that each has at least, 0 to 1 / count */

/* Rows and columns of a grid of units in a box, near to squares and with few empty places: columns * rows is at
 * least units. */
void tv_unit_grid(size_t *columns, size_t *rows, size_t units, const tv_box *box);

#ifdef __cplusplus
}
#endif
#endif
