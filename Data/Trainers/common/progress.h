/* SPDX-License-Identifier: BSD-3-Clause */
/* One line that says how a training goes: on a terminal rewritten twice a second, elsewhere a
 * line every ten seconds. */
#ifndef TRAINER_PROGRESS_H
#define TRAINER_PROGRESS_H

#include <stdint.h>

typedef struct progress
{
  int quiet, terminal;
  double started, shown;
  uint64_t steps;
} progress;

void progress_start(progress *progress, uint64_t steps, int quiet);
void progress_show(progress *progress, uint64_t step, double loss);
/* Clears the line; returns the steps of each second. */
double progress_end(progress *progress, uint64_t step);

#endif
