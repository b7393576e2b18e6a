/* SPDX-License-Identifier: BSD-3-Clause */
/* The kernels that the Python package calls, under names of their own: a shared library whose
 * interface stays as it is while the kernels' may change. Loaded by tensorview/kernels.py. */
#include "correlate.h"
#include "group.h"
#include "unit_statistics.h"

/* The sentence of the last failure of this thread, in this library. */
TV_API const char *tensorview_python_error(void);
TV_API int tensorview_python_correlate(
  float *matrix, const void *x, int type, size_t filters, size_t pixels, int metric, int threads);
TV_API int tensorview_python_group(int32_t *groups, int32_t *representatives, const float *matrix,
  size_t filters, double threshold, int linkage);

TV_API int tensorview_python_units(size_t *units, const char *axes, const size_t *shape);
TV_API int tensorview_python_statistics(float *result, const void *data, int type, const char *axes,
  const size_t *shape, void *previous, int known);

const char *tensorview_python_error(void)
{
  return tv_last_error();
}

/* As tv_correlate(). */
int tensorview_python_correlate(
  float *matrix, const void *x, int type, size_t filters, size_t pixels, int metric, int threads)
{
  const tv_rows rows = {x, (tv_type)type, filters, pixels};
  const tv_execution execution = {threads, NULL, NULL};
  return tv_correlate(matrix, &rows, (tv_metric)metric, &execution);
}

/* As tv_group() and tv_representatives(). */
int tensorview_python_group(int32_t *groups, int32_t *representatives, const float *matrix,
  size_t filters, double threshold, int linkage)
{
  const int status = tv_group(groups, matrix, filters, threshold, (tv_linkage)linkage);
  if (status == TV_OK)
    tv_representatives(representatives, groups, matrix, filters);
  return status;
}

/* How many units a tensor of these axes has. */
int tensorview_python_units(size_t *units, const char *axes, const size_t *shape)
{
  tv_unit_view view;
  const int status = tv_unit_view_axes(&view, axes, shape);
  *units = status == TV_OK ? view.units : 0;
  return status;
}

/* As tv_unit_statistics(), of a tensor in these axes, on the caller's thread. */
int tensorview_python_statistics(float *result, const void *data, int type, const char *axes,
  const size_t *shape, void *previous, int known)
{
  tv_unit_view view;
  const int status = tv_unit_view_axes(&view, axes, shape);
  return status == TV_OK
           ? tv_unit_statistics(result, data, (tv_type)type, &view, previous, known, 1)
           : status;
}
