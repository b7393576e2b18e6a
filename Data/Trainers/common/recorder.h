/* SPDX-License-Identifier: BSD-3-Clause */
/* Which tensors of a network are recorded, and how often: the trainer's side of the shim. */
#ifndef TRAINER_RECORDER_H
#define TRAINER_RECORDER_H

#include "network.h"
#include "options.h"
#include "statistics.h"
#include "stopwatch.h"

#include <tensorview/tensorview.h>

/* What is recorded of a layer. */
enum
{
  RECORD_WEIGHTS,
  RECORD_BIAS,
  RECORD_ACTIVATIONS,
  RECORD_GRADIENTS,
  RECORD_BIAS_GRADIENTS,
  RECORD_KINDS
};

typedef struct recorder
{
  tv_run *run;                                      /* NULL: nothing is recorded */
  int tensors[NETWORK_LAYERS][RECORD_KINDS];        /* their numbers in the run */
  uint64_t intervals[NETWORK_LAYERS][RECORD_KINDS]; /* 0: not recorded */
  int moments[NETWORK_LAYERS];                      /* never the last layer's */
  uint64_t moments_intervals[NETWORK_LAYERS];
  int32_t *states[NETWORK_LAYERS]; /* of the declared filters; NULL: not recorded */
  int changed[NETWORK_LAYERS];     /* 1: they are due */
  float *scratch;                  /* room for the largest of them as declared */
  stopwatch step, recording;       /* the last whole step; what recording took of it */
} recorder;

/* Opens the run that the options ask for and declares its tensors and scalars. */
int recorder_open(recorder *recorder, const options *options, const network *network);

/* A step begins, and the one before has ended. */
void recorder_begin_step(recorder *recorder);

/* Writes what the step before took: step_seconds; recording_seconds, of them in the calls that
 * record; recording_delay, of those spent waiting for a core, which says more of the machine. */
int recorder_write_times(recorder *recorder, uint64_t step);

/* Writes what is due at this step: weights, bias, activations, gradients as they are now, and what
 * became of filters. At the last step everything that is recorded at all is due. Filters that were
 * pruned keep their places, filled with NaN. */
int recorder_write(recorder *recorder, network *network, uint64_t step, int last);

/* Whether second moments of some layer are due (all: of each that records them at all), and writes
 * those; NaN for pruned filters. */
int recorder_moments_due(const recorder *recorder, uint64_t step, int all);
int recorder_write_moments(
  recorder *recorder, const network *network, const statistics *statistics, uint64_t step, int all);

/* Notes what became of a layer's filters; recorder_write() writes it. */
void recorder_note_filters(recorder *recorder, const network *network, size_t layer,
  const pruning_result *result, tv_merge_way way);

/* Closes the run; what the shim says of it. */
int recorder_close(recorder *recorder);

/* Whether something with that interval is due. */
static inline int recorder_due(uint64_t interval, uint64_t step, int last)
{
  return interval && (last || step % interval == 0);
}

#endif
