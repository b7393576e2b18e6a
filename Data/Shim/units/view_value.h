/* SPDX-License-Identifier: BSD-3-Clause */
/* tv_view_value() where it is wanted of each unit at each step. Internal. */
#ifndef TV_VIEW_VALUE_H
#define TV_VIEW_VALUE_H

#include "tensorview/units.h"

#include <math.h>

static inline double tv_value_of(int measure, const float *row)
{
  const float zeros = row[TV_MEASURE_ZEROS], silent = row[TV_MEASURE_SILENT];
  switch (measure) {
  case TV_VIEW_UPDATE_WEIGHT:
    return row[TV_MEASURE_UPDATE] == 0 ? 0.0 : (double)row[TV_MEASURE_UPDATE] / row[TV_MEASURE_RMS];
  case TV_VIEW_WEIGHT_MEAN:
  case TV_VIEW_ACTIVATION_MEAN:
    return row[TV_MEASURE_MEAN];
  case TV_VIEW_DEAD_SHARE: /* of a sum over a batch: all of it, or nothing is known but that */
    return isnan(silent) && !isnan(zeros) ? zeros >= 1 : silent;
  case TV_VIEW_ZEROS:
  case TV_VIEW_WEIGHT_ZEROS:
    return zeros;
  case TV_VIEW_NOT_FINITE:
    return row[TV_MEASURE_NONFINITE];
  default:
    return row[TV_MEASURE_RMS];
  }
}

#endif
