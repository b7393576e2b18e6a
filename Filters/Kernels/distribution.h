/* SPDX-License-Identifier: BSD-3-Clause */
/* The distribution grid: each window's values as a curve, x the pixel's place, y its value.
 *
 * A window of P pixels is a curve in the square [0, 1] x [0, 1] inside its cell of the grid
 * (tv_grid_square_window): pixel p (row by row from the top) stands at x = p / (P - 1), at 0.5
 * where P is 1; a value v at y = (v - low) / (high - low), at 0 where low and high are equal.
 * Values that are not finite have no point.
 *
 * The envelope of a curve is what a screen can show of it: x is cut into slices, and of each
 * slice's values only the first, the last, the least and the greatest stay, in their order. A
 * line through these covers the same pixels of a screen as the line through all, as long as a
 * slice is no wider than a pixel of the screen (U. Jugel et al., "M4: a visualization-oriented
 * time series data aggregation", PVLDB 7(10), 2014). tv_curve_path() is a line that is drawn in
 * half the time and covers nearly the same pixels.
 *
 * Of a matrix that lies in several processes each makes the points of its own rows. One after the
 * other they are those of the whole matrix, where all use its range and tv_curve_thin() takes out
 * what slices that two of them share have too many. */
#ifndef TV_DISTRIBUTION_H
#define TV_DISTRIBUTION_H

#include "view.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One window that is shown and lies here, of a matrix the rows that do. */
typedef struct tv_curve
{
  size_t filter, channel;
  size_t first, count; /* of its points among all */
  double low, high;    /* of its finite values; 0 where there are none */
} tv_curve;

/* The windows of the view's filters and channels, in tensor order, with first and count 0.
 * curves may be NULL; otherwise it has room for what that call returned. */
size_t tv_curves(tv_curve *curves, const tv_view *view, const tv_tensor *tensor);

/* Counts each curve's points and finds its range; sets first so that curves follow each other.
 * Returns the number of all points. slices: of the envelope; 0: every value. An envelope of a
 * window with no more than four values a slice is every value, too. */
size_t tv_curves_measure(tv_curve *curves, size_t count, const tv_tensor *tensor, size_t slices,
  const tv_execution *execution);

/* Where the points' data goes; an array that is NULL is left out. */
typedef struct tv_curve_points
{
  float *points; /* [n][3], z = 0 */
  void *values;  /* [n] of the tensor's type */
  int *filter, *channel, *pixel, *group;
} tv_curve_points;

/* Writes the points of curves that were measured with the same slices.
 * range: NULL normalises each window by itself; otherwise low and high for all of them. */
void tv_curves_write(const tv_curve_points *out, const tv_curve *curves, size_t count,
  const tv_tensor *tensor, const tv_grid *grid, size_t slices, const double range[2],
  const tv_execution *execution);

/* Which of count points of a window of so many pixels its envelope of so many slices keeps, where
 * each process made an envelope of the rows that it has: puts their numbers into kept (room for
 * count), in order, and returns how many. pixel and values: of the points, by ascending pixel. */
size_t tv_curve_thin(size_t *kept, const int *pixel, const void *values, tv_type type, size_t count,
  size_t pixels, size_t slices);

/* The line to draw of an envelope of so many slices: through the least and the greatest of each
 * slice, from where it stands to the nearer one first. What the first and the last would add, the
 * way between a slice's extremes covers already; at the border of two slices the line may stand
 * out by half of what their extremes differ. It begins at the first point and ends at the last.
 * Where every value is kept it goes through all. Puts the numbers of the points that it visits into
 * path (room for count) and returns how many. points: [count][3], as tv_curves_write() makes them
 * of one curve; pixel: theirs, ascending. */
size_t tv_curve_path(
  size_t *path, const float *points, const int *pixel, size_t count, size_t pixels, size_t slices);

#ifdef __cplusplus
}
#endif
#endif
