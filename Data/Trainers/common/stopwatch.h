/* SPDX-License-Identifier: BSD-3-Clause */
/* How long something takes, and for how much of that the machine ran something else. */
#ifndef TRAINER_STOPWATCH_H
#define TRAINER_STOPWATCH_H

typedef struct stopwatch
{
  int on; /* 0: it does nothing, and costs nothing */
  double began, delay_before;
  double seconds; /* from the last start to the last stop */
  double delay;   /* of them this thread was ready to run, and no core was free; 0 where the system
                     does not say (Linux does, with schedstats) */
  double sum;     /* of all seconds so far, without the delays */
} stopwatch;

/* Both in the same thread. */
void stopwatch_start(stopwatch *watch);
void stopwatch_stop(stopwatch *watch);

#endif
