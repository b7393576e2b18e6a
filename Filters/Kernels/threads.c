#define _GNU_SOURCE
#include "threads.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int tv_threads(int processes)
{
  static const char *const names[] = {
    "OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "PMI_LOCAL_SIZE", "SLURM_TASKS_PER_NODE"};
  const int threads = omp_get_max_threads();
  int here = processes;
  if (processes <= 1 || getenv("OMP_NUM_THREADS") ||
      omp_get_num_procs() < (int)sysconf(_SC_NPROCESSORS_ONLN))
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

int tv_idle_threads(int most)
{
  int running = 0;
  FILE *file = most > 1 && !assume_idle ? fopen("/proc/loadavg", "re") : NULL;
  /* three averages, which are too slow for us, and then running/existing threads of this moment */
  if (file && fscanf(file, "%*f %*f %*f %d/", &running) != 1)
    running = 0;
  if (file)
    fclose(file);
  const long others = running > 1 ? running - 1 : 0; /* this thread is one of them */
  const long idle = sysconf(_SC_NPROCESSORS_ONLN) - others;
  const long threads = running > 0 && idle < most ? idle : most;
  return threads > 1 ? (int)threads : 1;
}
