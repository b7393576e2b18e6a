/* SPDX-License-Identifier: BSD-3-Clause */
/* Activations as the kernels of similarity take them: a row of pixels for each filter. */
#ifndef TV_ROWS_H
#define TV_ROWS_H

#include "tensorview/types.h"

#include <stddef.h>

typedef struct tv_rows
{
  const void *values;     /* [filters][pixels], row-major, of type; not owned */
  tv_type type;           /* TV_FLOAT32 or TV_FLOAT64 */
  size_t filters, pixels; /* at least 1 */
} tv_rows;

#endif
