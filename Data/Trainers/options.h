/* What the trainer is told on its command line. */
#ifndef TRAINER_OPTIONS_H
#define TRAINER_OPTIONS_H

#include "network.h"
#include "optimizer.h"

#include <stdint.h>

typedef struct options
{
  const char *data;   /* folder of IDX files */
  const char *output; /* run file; NULL: none */
  const char *channel;
  double block_seconds;
  double flush_seconds;
  int overwrite, quiet, threads;

  uint64_t steps;   /* 0: as many as epochs need */
  uint64_t epochs;  /* used where steps is 0 */
  uint64_t samples; /* of the training set; 0: all */
  uint64_t seed, evaluate_every;
  uint64_t decay_every; /* the learning rate becomes that much smaller each so many steps */
  double decay;
  optimizer optimizer;
  network_shape shape; /* without what the data set decides: height, width */

  uint64_t record_weights, record_large, record_activations, record_gradients, record_scalars;
  const char *tensors; /* which of them: NULL: all */
} options;

/* Reads the command line over the defaults. 0: go on; 1: the help was printed, stop; negative
 * tv_status: the sentence is in tv_last_error(). Strings stay in argv. */
int options_read(options *options, int argc, char **argv);

#endif
