/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics of units beside what is written. Internal. */
#ifndef TV_OBSERVE_H
#define TV_OBSERVE_H

#include "run.h"

/* Frees what tv_observe() keeps. */
void tv_observed_free(tv_run *run);

/* After a tensor was written with the result `written`: its statistics too, where they were asked
 * for. Returns the first failure. */
int tv_observed_write(
  tv_run *run, int tensor, int64_t step, const void *data, size_t samples, int written);

#endif
