/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include "execution.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifdef _OPENMP
#include <omp.h>

static int openmp_threads(void)
{
  return omp_get_max_threads();
}

/* Processors on which this process may run. */
static int openmp_processors(void)
{
  return omp_get_num_procs();
}
#else
static int openmp_threads(void)
{
  return 1;
}

static int openmp_processors(void)
{
  return 1;
}
#endif

int tv_execution_threads(const tv_execution *execution)
{
  const int threads = !execution                ? 1
                      : execution->threads == 0 ? openmp_threads()
                                                : execution->threads;
  return threads > 1 ? threads : 1;
}

int tv_execution_report(const tv_execution *execution, double done)
{
  return execution && execution->progress && execution->progress(execution->context, done) != 0;
}

int tv_threads(int processes)
{
  static const char *const names[] = {
    "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "PMI_LOCAL_SIZE", "SLURM_TASKS_PER_NODE"};
  const int threads = openmp_threads();
  int here = processes;
  if (processes <= 1 || getenv("OMP_NUM_THREADS") ||
      openmp_processors() < (int)sysconf(_SC_NPROCESSORS_ONLN))
    return threads > 0 ? threads : 1;
  for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
    const char *text = getenv(names[i]);
    if (text && atoi(text) > 0) {
      here = atoi(text);
      break;
    }
  }
  return threads / here > 0 ? threads / here : 1;
}

static int assume_idle;

void tv_assume_idle(int yes)
{
  assume_idle = yes;
}

/* Asked once: the answer costs as much time as correlating a small layer. */
static long processors(void)
{
  static _Atomic long online;
  if (online < 1)
    online = sysconf(_SC_NPROCESSORS_ONLN);
  return online;
}

/* Threads that run or wait for a processor now, this one among them; 0: the system does not say.
 * The file says it behind three averages, which are too slow for us. */
static int running_threads(void)
{
  char text[64] = "";
  int running = 0;
  const int file = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return 0;
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  return length > 0 && sscanf(text, "%*f %*f %*f %d/", &running) == 1 ? running : 0;
}

int tv_idle_threads(int most)
{
  if (most <= 1 || assume_idle)
    return most > 1 ? most : 1;
  const int running = running_threads();
  const long idle = running > 0 ? processors() - (running - 1) : most;
  return idle >= most ? most : idle > 1 ? (int)idle : 1;
}
