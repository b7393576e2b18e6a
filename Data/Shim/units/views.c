/* SPDX-License-Identifier: BSD-3-Clause */
/* What pictures of units can show. */
#include "view_value.h"

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
  return tv_value_of(measure, row);
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
