/* SPDX-License-Identifier: BSD-3-Clause */
#include "progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void progress_start(progress *p, uint64_t steps, int quiet)
{
  p->quiet = quiet;
  p->terminal = isatty(STDERR_FILENO);
  p->started = p->shown = now();
  p->steps = steps;
}

void progress_show(progress *p, uint64_t step, double loss)
{
  const double time = now(), passed = time - p->started;
  if (p->quiet || time - p->shown < (p->terminal ? 0.5 : 10.0) || step == 0)
    return;
  p->shown = time;
  const double speed = (double)step / passed;
  const long left = (long)((double)(p->steps - step) / speed + 0.5);
  fprintf(stderr, "%sstep %llu of %llu, %.1f steps/s, loss %.4f, %ld:%02ld left%s",
    p->terminal ? "\r" : "", (unsigned long long)step, (unsigned long long)p->steps, speed, loss,
    left / 60, left % 60, p->terminal ? "\033[K" : "\n");
}

double progress_end(progress *p, uint64_t step)
{
  if (!p->quiet && p->terminal)
    fputs("\r\033[K", stderr);
  return (double)step / (now() - p->started);
}
