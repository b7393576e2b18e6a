/* SPDX-License-Identifier: BSD-3-Clause */
/* What a view shows of a tensor: which part, how coarsely, and where each value stands.
 *
 * A view keeps every filter and channel at its place in the grid (grid.h), shown or not. Rows and
 * columns outside the chosen ranges are cut off, so that windows become smaller. Where that is
 * still more cells than wanted, each window is cut into tiles of tile x tile elements, and each
 * tile becomes one cell: the mean of its elements, or the one of largest magnitude.
 *
 * Units are those of grid.h: the longer side of a whole window is 1. A layer of one window, a
 * matrix, keeps its place in the world whatever part of it is shown, so that a region in full lies
 * exactly over the overview. */
#ifndef TV_VIEW_H
#define TV_VIEW_H

#include "grid.h"
#include "status.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The part of a tensor [filters, channels, rows, columns] that lies in this process: some of its
 * windows, window = filter * channels + channel, or some rows of its only window, a matrix. Nothing
 * in here is owned. */
typedef struct tv_tensor
{
  const void *values;           /* [windows][rows_here][columns] of type */
  tv_type type;                 /* TV_FLOAT32 or TV_FLOAT64 */
  tv_windows whole;             /* all of the tensor */
  size_t first_window, windows; /* that lie here */
  size_t first_row, rows_here;  /* 0 and rows, unless there is one window only */
  const int *state; /* one for each filter, or NULL: all alive; tensorview/format.h has the codes */
  const int *group; /* one for each filter, or NULL: none; -1 is no group */
  int by_row;       /* 1: a matrix; state and group have one value for each row instead */
  size_t folded[3]; /* channels, rows and columns of a tensor that tv_view_fold() made a matrix,
                       otherwise 0 */
} tv_tensor;

/* Half-open ranges of indices: [0] is the first, [1] one behind the last. */
typedef struct tv_region
{
  size_t filter[2], channel[2], row[2], column[2];
} tv_region;

typedef enum tv_reduction
{
  TV_MEAN = 0,     /* a NaN in a tile makes its cell NaN */
  TV_MAGNITUDE = 1 /* the element of largest magnitude, with its sign; the first NaN wins */
} tv_reduction;

typedef struct tv_view
{
  tv_region region;
  tv_reduction reduction;
  size_t tile;      /* 1: every element is a cell */
  tv_grid grid;     /* of all filters and channels, height and width in cells */
  double origin[2]; /* of the mosaic's lower left, in world units: 0 where the view is of all */
} tv_view;

/* One row of cells of one window. */
typedef struct tv_line
{
  size_t filter, channel;
  size_t row; /* of cells, from the top of the window */
} tv_line;

/* 1 where a filter (or row) of this state has something to show: alive, or dead. 0: pruned away,
 * or merged into another. */
int tv_shown(int state);

/* Lays out a view of the region in full: tile is 1.
 * TV_ERROR_ARGUMENT where a range is empty or reaches beyond the tensor. */
int tv_view_full(tv_view *view, const tv_tensor *tensor, const tv_region *region);

/* Makes tiles as small as possible, but so large that there are at most maximum cells; one tile a
 * window where even that is not enough. gaps: 1 counts the blank cells of a mosaic too. */
int tv_view_reduce(tv_view *view, const tv_tensor *tensor, size_t maximum, int gaps);

/* For a layer of so many windows that one tile a window is still more than maximum cells: makes the
 * tensor the matrix that it is in memory, a row for each filter, a column for each of its weights
 * [channel, row, column], as one window, and reduces that. Indices of cells stay those of the
 * tensor. What lies here must be whole filters. Returns 1 where it did, 0 where there was no need,
 * or where rows or columns are cut off. */
int tv_view_fold(tv_view *view, tv_tensor *tensor, size_t maximum);

/* Smallest rectangle of cells of the mosaic that holds all windows of the region. */
void tv_view_rectangle(const tv_view *view, size_t *x, size_t *y, size_t *width, size_t *height);

/* The rows of the tensor that a row of cells covers: half-open, as in a region. */
void tv_view_rows(size_t rows[2], const tv_view *view, const tv_line *line);

/* The rows of cells that are shown and lie here, in tensor order. lines may be NULL; otherwise it
 * has room for what that call returned. Rows of pruned filters are left out. */
size_t tv_view_lines(tv_line *lines, const tv_view *view, const tv_tensor *tensor);

/* 1 where that row of cells is shown and lies here: all rows of the tensor that it covers. */
int tv_view_has(const tv_view *view, const tv_tensor *tensor, const tv_line *line);

/* The values of one such row: grid.width numbers of the tensor's type. */
void tv_view_row(void *values, const tv_view *view, const tv_tensor *tensor, const tv_line *line);

/* The group of one such row; -1 where there is none. */
int tv_view_group(const tv_view *view, const tv_tensor *tensor, const tv_line *line);

/* values: [count][grid.width], of the tensor's type. */
void tv_view_values(void *values, const tv_view *view, const tv_tensor *tensor,
  const tv_line *lines, size_t count, const tv_execution *execution);

/* The indices of each cell, those of its first element where it is a tile; [count][grid.width]
 * each. An array that is NULL is left out. */
typedef struct tv_indices
{
  int *filter, *channel, *row, *column, *group;
} tv_indices;

void tv_view_indices(const tv_indices *indices, const tv_view *view, const tv_tensor *tensor,
  const tv_line *lines, size_t count, const tv_execution *execution);

#ifdef __cplusplus
}
#endif
#endif
