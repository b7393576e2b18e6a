/* SPDX-License-Identifier: BSD-3-Clause */
/* Least and greatest of many numbers, in one threaded pass. */
#ifndef TV_RANGE_H
#define TV_RANGE_H

#include "tensorview/types.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* NaNs are passed over. Returns 1; 0 where there is no number but NaN, or an infinite one, and
 * range is left as it was. execution may be NULL; its progress is not called. */
int tv_range_int(double range[2], const int *values, size_t count, const tv_execution *execution);
int tv_range_float(
  double range[2], const void *values, tv_type type, size_t count, const tv_execution *execution);

#ifdef __cplusplus
}
#endif
#endif
