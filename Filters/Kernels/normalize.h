/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows on a scale of their own: one bright filter does not make all others black. */
#ifndef TV_NORMALIZE_H
#define TV_NORMALIZE_H

#include "tensorview/types.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Each of count windows of size values, (value - least) / (greatest - least): from 0 to 1. A window
 * of equal values becomes 0; NaN stays NaN, and what is infinite becomes NaN; neither counts.
 * range: NULL, or the least and greatest value that all windows share. */
void tv_normalize(void *out, /* [count][size] of type; may be values itself */
  const void *values, tv_type type, size_t count, size_t size, const double *range,
  const tv_execution *execution);

#ifdef __cplusplus
}
#endif
#endif
