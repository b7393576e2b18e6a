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

/* A tensor that is measured at each step: tensorview/kernels.py has the same structure. */
typedef struct tensorview_python_item
{
  const void *data;  /* NULL: there is none this time */
  void *previous;    /* NULL, or of the data's size, for updates */
  size_t at;         /* in the results: of its first unit */
  tv_unit_view view; /* what tensorview_python_view() found */
  int type, known;   /* of previous; 1 after it was measured */
} tensorview_python_item;

TV_API int tensorview_python_view(tv_unit_view *view, const char *axes, const size_t *shape);
TV_API int tensorview_python_measure(tensorview_python_item *items, size_t count, float *results);

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

/* The sizes of a tensor in these axes as statistics need them. */
int tensorview_python_view(tv_unit_view *view, const char *axes, const size_t *shape)
{
  return tv_unit_view_axes(view, axes, shape);
}

/* tv_unit_statistics() of many tensors: results has TV_MEASURES numbers for each of their units. */
int tensorview_python_measure(tensorview_python_item *items, size_t count, float *results)
{
  int status = TV_OK;
  for (size_t k = 0; k < count && status == TV_OK; ++k) {
    tensorview_python_item *item = items + k;
    if (!item->data)
      continue;
    status = tv_unit_statistics(results + item->at * TV_MEASURES, item->data, (tv_type)item->type,
      &item->view, item->previous, item->known, 1);
    item->known = 1;
  }
  return status;
}
