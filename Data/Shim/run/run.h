/* A run, as run.c and declare.c see it. Internal. */
#ifndef TV_RUN_H
#define TV_RUN_H

#include "sink.h"

#include <sys/types.h>

struct tv_run
{
  pid_t owner; /* a forked child must leave the run alone */
  tv_options options;
  char *channel_name;      /* NULL: no channel */
  tv_sink *file, *channel; /* NULL where there is none */
  int unasked;             /* the channel: its failures are not the trainer's */
  int told;                /* its user has been told of one */
  tv_stream *streams;      /* tensors and filter states, as declared */
  int count, capacity;
  int *tensors; /* the stream of each tensor number */
  int tensor_count;
  tv_scalars scalars;
  int started;  /* nothing can be declared any more */
  int named;    /* nor scalars: the first step is complete */
  int open;     /* a step is being written */
  int64_t step; /* that one, or the last complete; -1: none */
};

/* 0 where the caller may use the run: not NULL, and not that of a parent process. */
int tv_run_check(const tv_run *run);

/* The column of a scalar, or TV_ERROR_ARGUMENT, TV_ERROR_STATE where it is new and too late. */
int tv_run_scalar(tv_run *run, const char *name);

#endif
