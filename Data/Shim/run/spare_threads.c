/* SPDX-License-Identifier: BSD-3-Clause */
#include "spare_threads.h"

#include "execution.h"

#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <time.h>

enum
{
  MOST = 64 /* more threads than that do not sum a batch faster */
};

static void *wait_for_end(void *end)
{
  while (sem_wait(end) != 0)
    continue;
  return NULL;
}

/* How many of so many more threads can run beside this one at the same time. */
static int try_threads(int more)
{
  pthread_t threads[MOST];
  sem_t end;
  int begun = 0;
  if (sem_init(&end, 0, 0) != 0)
    return 0;
  while (begun < more && pthread_create(&threads[begun], NULL, wait_for_end, &end) == 0)
    ++begun;
  for (int i = 0; i < begun; ++i)
    sem_post(&end);
  for (int i = 0; i < begun; ++i)
    pthread_join(threads[i], NULL);
  sem_destroy(&end);
  return begun;
}

int tv_threads_to_be_had(int wanted)
{
  static _Thread_local int had, asked; /* OpenMP's threads belong to the one that starts them */
  static _Thread_local time_t second;
  const tv_execution execution = {wanted, NULL, NULL};
  struct timespec now;
  int threads = wanted == 1 ? 1 : tv_execution_threads(&execution);
  threads = threads > MOST ? MOST : threads;
  if (threads <= 1)
    return 1;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (threads != asked || now.tv_sec != second) {
    asked = threads;
    second = now.tv_sec;
    had = 1 + try_threads(threads - 1);
  }
  return had;
}
