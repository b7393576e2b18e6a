/* The kernels that the Python package calls, under names of their own: a shared library whose
 * interface stays as it is while the kernels' may change. Loaded by tensorview/kernels.py. */
#include "correlate.h"
#include "group.h"

/* The sentence of the last failure of this thread, in this library. */
TV_API const char *tensorview_python_error(void);
TV_API int tensorview_python_correlate(
  float *matrix, const void *x, int type, size_t filters, size_t pixels, int metric, int threads);
TV_API int tensorview_python_group(int32_t *groups, int32_t *representatives, const float *matrix,
  size_t filters, double threshold, int linkage);

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
