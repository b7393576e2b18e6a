/* What both sides of the channel need of Linux: clock, futex, processes, the segment's name. */
#ifndef TV_RING_SYSTEM_H
#define TV_RING_SYSTEM_H

#include "status.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* CLOCK_MONOTONIC in nanoseconds: the same for all processes. */
int64_t tv_clock(void);

/* Sleeps until *word is no longer expected, somebody wakes it, or the time is over; may return
 * earlier. Between processes. */
void tv_futex_wait(_Atomic uint32_t *word, uint32_t expected, int64_t nanoseconds);

/* One more, and wakes all that wait for it. */
void tv_futex_advance(_Atomic uint32_t *word);

/* Start time of a process (0: there is none, or it has ended and nobody has asked for its end). */
uint64_t tv_process_start(uint64_t process);

/* Whether that very process still runs; start 0 stands for any. */
int tv_process_alive(uint64_t process, uint64_t start);

/* The segment's name for shm_open() from the name of a run. TV_ERROR_ARGUMENT for a name that
 * cannot be one. */
enum
{
  TV_SEGMENT_NAME = 128
};
int tv_segment_name(char segment[TV_SEGMENT_NAME], const char *name);

/* Gives the open segment that size, all of it allocated. 0 or an error number; never a signal. */
int tv_segment_reserve(int file, size_t bytes);

/* 1: the name still means the open segment. */
int tv_segment_named(int file, const char *segment);

/* 1: the open segment's writer is gone. Takes, and gives back, the writer's lock. */
int tv_segment_stale(int file);

/* The same, and removes the name of one whose writer is gone. */
int tv_segment_remove_stale(int file, const char *segment);

/* Removes what runs of this user, of any name, left behind where nothing could be closed, a minute
 * ago or more. */
void tv_segment_sweep(void);

#endif
