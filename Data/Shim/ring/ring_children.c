/* SPDX-License-Identifier: BSD-3-Clause */
/* Keeps a writer's segment, and with it its lock, from the children of its process. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ring_segment.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int *files, count, capacity;

static void before_fork(void)
{
  pthread_mutex_lock(&mutex);
}

static void in_parent(void)
{
  pthread_mutex_unlock(&mutex);
}

static void in_child(void)
{
  for (int i = 0; i < count; ++i)
    close(files[i]);
  count = 0;
  pthread_mutex_unlock(&mutex);
}

static void prepare(void)
{
  pthread_atfork(before_fork, in_parent, in_child);
}

int tv_segment_keep_from_children(int file)
{
  int status = 0;
  pthread_once(&once, prepare);
  pthread_mutex_lock(&mutex);
  if (count == capacity) {
    int *more = realloc(files, (size_t)(capacity + 8) * sizeof *files);
    if (more) {
      files = more;
      capacity += 8;
    }
  }
  if (count < capacity)
    files[count++] = file;
  else
    status = -1;
  pthread_mutex_unlock(&mutex);
  return status;
}

void tv_segment_close(int file)
{
  pthread_mutex_lock(&mutex);
  for (int i = 0; i < count; ++i) {
    if (files[i] == file) {
      files[i] = files[--count];
      break;
    }
  }
  close(file);
  pthread_mutex_unlock(&mutex);
}
