/* SPDX-License-Identifier: BSD-3-Clause */
/* What pictures of units can show. */
#include "tensorview/units.h"

#include <math.h>
#include <stddef.h>

static const struct
{
  const char *name, *kind;
  int logarithmic;
} views[TV_VIEW_MEASURES] = {
  [TV_VIEW_UPDATE_WEIGHT] = {"Update/Weight", "weights", 1},
  [TV_VIEW_GRADIENT_RMS] = {"Gradient RMS", "gradients", 1},
  [TV_VIEW_WEIGHT_RMS] = {"Weight RMS", "weights", 1},
  [TV_VIEW_WEIGHT_MEAN] = {"Weight mean", "weights", 0},
  [TV_VIEW_DEAD_SHARE] = {"Dead share", "activations", 0},
  [TV_VIEW_ACTIVATION_MEAN] = {"Activation mean", "activations", 0},
  [TV_VIEW_ACTIVATION_RMS] = {"Activation RMS", "activations", 1},
  [TV_VIEW_ZEROS] = {"Zeros", "activations", 0},
  [TV_VIEW_WEIGHT_ZEROS] = {"Weight zeros", "weights", 0},
  [TV_VIEW_NOT_FINITE] = {"Not finite", "weights", 0},
};

static int exists(int measure)
{
  return measure >= 0 && measure < TV_VIEW_MEASURES;
}

const char *tv_view_name(int measure)
{
  return exists(measure) ? views[measure].name : NULL;
}

int tv_view_logarithmic(int measure)
{
  return exists(measure) && views[measure].logarithmic;
}

const char *tv_view_kind(int measure)
{
  return exists(measure) ? views[measure].kind : NULL;
}

double tv_view_value(int measure, const float *row)
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

float tv_view_shown(int measure, const float *row, int logarithm)
{
  return tv_view_scaled(measure, (float)tv_view_value(measure, row), logarithm);
}

float tv_view_scaled(int measure, float value, int logarithm)
{
  if (!logarithm || !tv_view_logarithmic(measure) || isnan(value))
    return value;
  return value > 1e-12f ? log10f(value) : -12.0f;
}
