/* SPDX-License-Identifier: BSD-3-Clause */
#include "stopwatch.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static double seconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Seconds for which this thread has waited for a core, since it began. */
static double delay_now(void)
{
  char text[80];
  unsigned long long delay;
  const int file = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return 0;
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  text[length > 0 ? length : 0] = 0;
  return sscanf(text, "%*u %llu", &delay) == 1 ? 1e-9 * (double)delay : 0;
}

void stopwatch_start(stopwatch *watch)
{
  if (!watch->on)
    return;
  watch->delay_before = delay_now();
  watch->began = seconds_now();
}

void stopwatch_stop(stopwatch *watch)
{
  if (!watch->on)
    return;
  watch->seconds = seconds_now() - watch->began;
  watch->delay = delay_now() - watch->delay_before;
  watch->sum += watch->seconds - watch->delay;
}
