/* SPDX-License-Identifier: BSD-3-Clause */
/* A run, as run.c and declare.c see it. Internal. */
#ifndef TV_RUN_H
#define TV_RUN_H

#include "sink.h"

#include <sys/types.h>

struct tv_run
{
  pid_t owner; /* a forked child must leave the run alone */
  tv_options options;
  char *ring_name;      /* NULL: no ring */
  tv_sink *file, *ring; /* NULL where there is none */
  int unasked;          /* the ring: its failures are not the trainer's */
  int told;             /* its user has been told of one */
  tv_stream *streams;   /* tensors and filter states, as declared */
  int count, capacity;
  int *tensors; /* the stream of each tensor number */
  int tensor_count;
  struct tv_observed *observed; /* what observe.c keeps, by tensor: [observed_count] */
  int observed_count;
  int observing; /* statistics beside each write */
  tv_scalars scalars;
  int started;  /* a step was begun, and the sinks know... */
  int given;    /* ...so many streams */
  int listens;  /* tv_poll() was called */
  int open;     /* a step is being written */
  int64_t step; /* that one, or the last complete; -1: none */
};

/* 0 where the caller may use the run: not NULL, and not that of a parent process. */
int tv_run_check(const tv_run *run);

/* The number of a scalar, or TV_ERROR_ARGUMENT, TV_ERROR_UNSUPPORTED where it is one too many. */
int tv_run_scalar(tv_run *run, const char *name);

#endif
