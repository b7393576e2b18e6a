/* SPDX-License-Identifier: BSD-3-Clause */
/* From a tensor as its trainer has it to windows: roles of axes, sizes, strides, and the conversion
 * of any type and order of axes into [filter][channel][row][column].
 *
 * Each axis has a role, by its letter (the batch 'n' is summed before it gets here, shape.h):
 *
 *   letter  means                                                          role
 *   ------  -------------------------------------------------------------  ---------------------
 *   g       groups of a grouped convolution: torch's [g * o, i, h, w] in   filter
 *           memory is "goihw"
 *   o       filters of weights (outputs of a layer)                        filter
 *   c       filters of activations, or of a vector                         filter
 *   a       attention heads                                                filter
 *   i       channels (inputs of a layer)                                   channel
 *   d       depth: slices of a volume                                      row
 *   h       rows of a picture                                              row
 *   w       columns of a picture                                           column
 *   t       positions in a sequence                                        column
 *   q  k    queries, keys                                                  row, column
 *   v  e    entries of a vocabulary, features of an embedding              row, column
 *   m  m    both axes of a matrix of moments                               row, column
 *   others  an axis of no known meaning                                    row
 *
 *   1. Axes of one role count as one, in the order in which they stand, slowest first: "oidhw" has
 *      d * h rows.
 *   2. Filters and channels, and neither rows nor columns: a matrix, which is one window, with a row
 *      for each filter and a column for each channel ("oi", "io", "goi").
 *   3. No filters: channels take their place ("ihw"); without channels, a single axis does ("e": so
 *      many filters of one pixel), and two or more are a matrix as they stand ("ve", "hw", "mm").
 *   4. Two or more axes of rows, and no columns: the last of them is the columns ("odh").
 *   5. No axes at all: one filter of one pixel.
 *
 *   for example  filters   channels   rows   columns   matrix
 *   -----------  --------  ---------  -----  --------  ------
 *   oihw, hwio   o         i          h      w         0
 *   oidhw        o         i          d*h    w         0
 *   goihw        g*o       i          h      w         0
 *   oi, io       1         1          o      i         1
 *   aqk          a         1          q      k         0
 *   ve           1         1          v      e         1
 *   chw, hwc     c         1          h      w         0
 *   c, o, e      c, o, e   1          1      1         0
 *   mm           1         1          m      m         1
 *
 * Nothing here needs VTK, HDF5 or a file. */
#ifndef TV_LAYOUT_H
#define TV_LAYOUT_H

#include "shape.h"
#include "tensorview/types.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tv_layout
{
  tv_shape shape;         /* of the source */
  tv_windows windows;     /* filters, channels, rows, columns */
  size_t count;           /* of windows: filters * channels */
  size_t pixels;          /* of a window: rows * columns */
  size_t elements;        /* count * pixels */
  int matrix;             /* 1: one window, each of its rows is an output (or what stands there) */
  int identity;           /* 1: the source's order is the result's order already */
  int order[TV_RANK];     /* the source's axes in the order of the result, slowest first: [rank] */
  size_t stride[TV_RANK]; /* elements of the source between neighbours along order[...]: [rank] */
  int leading;            /* how many of order make the filters, or a matrix's rows */
} tv_layout;

/* The layout of a tensor. Returns 0, or what tv_shape_check() returns. */
int tv_layout_of(tv_layout *layout, const tv_shape *shape);

/* The same, of the parts of a shape: tv_shape_make() and tv_layout_of(). */
int tv_layout_axes(tv_layout *layout, const char *axes, const size_t *sizes);

/* 1 where the source's memory is the result as it stands, for any range of windows: the order is
 * the same and the type float32 or float64. Window k then begins at element k * pixels, and nothing
 * need be copied. */
int tv_layout_direct(const tv_layout *layout, tv_type type);

/* Bytes of one number of the result: 8 for float64, int32 and int64, otherwise 4. */
size_t tv_layout_result_size(tv_type type);

/* Where an element of [filter][channel][row][column] stands in the source, in elements; flat counts
 * in that order, and must be less than elements. */
size_t tv_layout_source(const tv_layout *layout, size_t flat);

/* The smallest box of the source that holds some filters (rows, of a matrix) and can be read in one
 * piece: start [TV_RANK] is where it begins on each axis, part its own layout, and the filters are
 * elements skip and following of part's result. For an axis order in which filters are one axis,
 * skip is 0 and nothing else is in the box.
 *
 * Returns 0, or TV_ERROR_ARGUMENT where count is 0 or there are no such filters. */
int tv_layout_part(const tv_layout *layout, size_t first, size_t count, size_t *start,
  tv_layout *part, size_t *skip);

/* Converts a range of windows: each byte is read once and written once, in order where the order of
 * the axes allows and in cache-sized squares where it does not. NaN and infinity stay what they are;
 * of bool, what is not 0 is 1. result: [windows][rows][columns], float, or double for TV_FLOAT64,
 * TV_INT32 and TV_INT64; not the source's memory. source: the whole tensor. windows may be 0.
 * execution may be NULL; its progress is not called.
 *
 * Returns 0, or TV_ERROR_ARGUMENT where the range or the type does not exist. */
int tv_layout_convert(void *result, const tv_layout *layout, tv_type type, const void *source,
  size_t first_window, size_t windows, const tv_execution *execution);

/* The same for a range of elements, which count in the order of the result: rows of a matrix, or
 * what tv_layout_part() says. */
int tv_layout_convert_elements(void *result, const tv_layout *layout, tv_type type,
  const void *source, size_t first, size_t elements, const tv_execution *execution);

#ifdef __cplusplus
}
#endif
#endif
