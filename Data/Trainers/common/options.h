/* SPDX-License-Identifier: BSD-3-Clause */
/* What the trainer is told on its command line. */
#ifndef TRAINER_OPTIONS_H
#define TRAINER_OPTIONS_H

#include "network.h"
#include "optimizer.h"
#include "pruning.h"

#include <stdint.h>

#define OPTIONS_PRUNINGS 64 /* most steps in --prune-at */

typedef struct options
{
  const char *data;    /* folder of IDX files */
  uint64_t samples;    /* of the training set; 0: all */
  network_shape shape; /* without what the data set decides: height, width */

  uint64_t steps;  /* 0: as many as epochs need */
  uint64_t epochs; /* used where steps is 0 */
  optimizer optimizer;
  uint64_t decay_every; /* the learning rate becomes that much smaller each so many steps */
  double decay;
  uint64_t seed, evaluate_every, threads;

  const char *output, *channel; /* NULL: none */
  double block_seconds, flush_seconds;
  int overwrite, quiet;
  uint64_t record_weights, record_large, record_activations, record_gradients, record_scalars;
  uint64_t record_moments, record_times, file_every;
  const char *tensors; /* which of them; NULL: all */

  pruning_options pruning;
  size_t prune_at[OPTIONS_PRUNINGS], prune_count;
  uint64_t prune_every;     /* 0: not by itself */
  const char *prune_layers; /* names, with commas */
  uint64_t statistics_batches;
} options;

/* What --help names as defaults; the learning rate is NaN until options_read() knows. */
void options_default(options *options);

/* Reads the command line over the defaults. 0: go on; 1: the help was printed, stop; negative
 * tv_status: the sentence is in tv_last_error(). Strings stay in argv. */
int options_read(options *options, int argc, char **argv);

/* Whether a list of names with commas, or NULL for all, has that name. */
int options_lists(const char *list, const char *name);

/* Whether layers are looked at for similar filters before this step, and whether at all. */
int options_prune_now(const options *options, uint64_t step);
int options_prune(const options *options);

#endif
