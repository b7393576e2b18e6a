/* From a tensor as its trainer has it to windows: axes, sizes, strides, and the conversion of any
 * type and axis order into [filter][channel][row][column].
 *
 * What the letters mean (those of tensorview/format.h; the batch 'n' is summed before it gets
 * here):
 *
 *   o  filters (outputs of a layer)        h  rows of a window
 *   i  channels (inputs of a layer)        w  columns of a window
 *   c  filters of activations              m  both axes of a matrix of moments
 *
 *   axes                       filters   channels   rows   columns   matrix
 *   -------------------------  --------  ---------  -----  --------  ------
 *   "oihw", "hwio", ... (1)    o         i          h      w         0
 *   "oi", "io"                 1         1          o      i         1
 *   "chw", "hwc", ... (1)      c         1          h      w         0
 *   "c", "o"                   c or o    1          1      1         0
 *   "mm"                       1         1          m      m         1
 *
 *   (1) in any order; 'h' or 'w' may be missing (one-dimensional convolutions) and is then 1.
 *
 * The result is float32, and float64 for float64 input. Nothing here needs VTK, HDF5 or a file: the
 * reader of run files and the one of shared memory both use it. */
#ifndef TV_LAYOUT_H
#define TV_LAYOUT_H

#include "tensorview/types.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tv_layout
{
  size_t filters, channels, rows, columns; /* each at least 1 */
  size_t windows;                          /* filters * channels */
  size_t pixels;                           /* of a window: rows * columns */
  size_t elements;                         /* windows * pixels */
  int matrix;       /* 1: one window, a row for each output, a column for each input */
  int identity;     /* 1: the source's order is the result's order already */
  int rank;         /* letters in axes, 1 to 4 */
  int axis[4];      /* which axis of the source is filter, channel, row, column; -1: none of them */
  size_t stride[4]; /* elements of the source between neighbours along filter, channel, row, column;
                       0 where there is no such axis */
} tv_layout;

/* The layout of a tensor.
 *
 * Returns 0; TV_ERROR_FORMAT where axes are not among those above, a size is 0, or the number of
 * bytes (at eight each) does not fit a size_t; the sentence names the axes, not the tensor. */
int tv_layout_axes(tv_layout *layout, /* out */
  const char *axes,                   /* as above */
  const size_t *shape); /* as many sizes as axes has letters; read only for valid axes */

/* 1 where the source's memory is the result as it stands, for any range of windows: the order is
 * the same and the type float32 or float64. Window k then begins at element k * pixels, and nothing
 * need be copied. */
int tv_layout_direct(const tv_layout *layout, tv_type type);

/* Bytes of one number of the result: 8 for TV_FLOAT64, otherwise 4. */
size_t tv_layout_result_size(tv_type type);

/* Where an element of [filter][channel][row][column] stands in the source, in elements; flat counts
 * in that order, and must be less than elements. */
size_t tv_layout_source(const tv_layout *layout, size_t flat);

/* Converts a range of windows: each byte is read once and written once, in order where the order of
 * the axes allows and in cache-sized tiles where it does not. NaN and infinity stay what they are.
 *
 * Returns 0, or TV_ERROR_ARGUMENT where the range or the type does not exist. */
int tv_layout_convert(void *result, /* out: [windows][rows][columns], float, or double for
                                       TV_FLOAT64; the caller's, and not the source's memory */
  const tv_layout *layout,          /* of the whole source */
  tv_type type,                     /* of the source */
  const void *source,               /* the whole tensor, layout->elements numbers */
  size_t first_window,              /* where the range begins */
  size_t windows,                   /* how many; 0 is allowed */
  int threads);                     /* 1: serial; 0: what OpenMP would use */

#ifdef __cplusplus
}
#endif
#endif
