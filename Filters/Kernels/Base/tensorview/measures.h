/* SPDX-License-Identifier: BSD-3-Clause */
/* What is measured of every unit of a tensor, and from where on a measure means that something is
 * wrong.
 *
 * Measures are the columns of a "<kind>_statistics" tensor: of conv1/weights the statistics are the
 * tensor conv1/weights_statistics, float32, axes "cx": a row for each unit (filter), a column for
 * each measure, in the order below.
 *
 * Mean, root mean square, least and greatest are of the numbers that are finite; all four are NaN
 * where none is. Shares are of all numbers of the unit, 0 to 1. */
#ifndef TENSORVIEW_MEASURES_H
#define TENSORVIEW_MEASURES_H

#include <stddef.h>

typedef enum tv_measure
{
  TV_MEASURE_MEAN = 0,
  TV_MEASURE_RMS = 1, /* root mean square */
  TV_MEASURE_LEAST = 2,
  TV_MEASURE_GREATEST = 3,
  TV_MEASURE_ZEROS = 4,     /* share of numbers that are exactly 0 */
  TV_MEASURE_NONFINITE = 5, /* how many are NaN or infinite; a float counts exactly to 2^24 */
  TV_MEASURE_UPDATE = 6,    /* root mean square of the difference to the record before, over what is
                               finite in both; NaN at the first record and for batches */
  TV_MEASURE_SILENT = 7     /* share of the batch's samples for which the whole map is 0; NaN where
                               there is no batch */
} tv_measure;

#define TV_MEASURES 8
#define TV_MEASURE_NAMES "mean,rms,least,greatest,zeros,nonfinite,update,silent"
#define TV_STATISTICS_SUFFIX "_statistics" /* of a kind */
#define TV_STATISTICS_AXES "cx"

/* What can be wrong with a unit. */
typedef enum tv_fault
{
  TV_FAULT_STUCK = 0,         /* its updates are too small to matter, or no gradient reaches it */
  TV_FAULT_DEAD = 1,          /* its activation is 0 for every sample */
  TV_FAULT_SATURATED = 2,     /* its activation stands at the ends of a tanh or sigmoid */
  TV_FAULT_EXPLODING = 3,     /* updates as large as the weights, or gradients far beyond theirs */
  TV_FAULT_NOT_FINITE = 4,    /* NaN or infinity */
  TV_FAULT_OSCILLATING = 5,   /* its mean goes to and fro at every step, and not by little */
  TV_FAULT_REDUNDANT = 6,     /* another filter of its layer sees the same */
  TV_FAULT_NEVER_UPDATED = 7, /* not one of its weights ever changed */
  TV_FAULTS = 8
} tv_fault;

/* From where on. Start from tv_default_bounds(); unit_rules.c says why each default is what it is. */
typedef struct tv_bounds
{
  size_t size;         /* of this structure: lets it grow */
  double stuck;        /* update/weight below this: 1e-6 */
  double exploding;    /* update/weight from this on, twice in a row: 1 */
  double growth;       /* gradients from this many times their average on: 100 */
  double saturated;    /* share of the slope that is left, below this: 0.02 */
  double oscillating;  /* each move of the mean at least this share of the weights: 0.01 */
  double redundant;    /* Pearson's correlation with another filter from this on: 0.97 */
  size_t patience;     /* records in a row for which something must hold: 10 */
  size_t alternations; /* records in a row for which the mean must go to and fro: 24 */
} tv_bounds;

#endif
