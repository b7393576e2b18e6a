/* SPDX-License-Identifier: BSD-3-Clause */
/* What both sides of the ring need of Linux: clock, futex, locks, the segment and its name. */
#ifndef TV_RING_SEGMENT_H
#define TV_RING_SEGMENT_H

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

/* then - now in nanoseconds, never negative: a time that is still to come is now. Any values. */
int64_t tv_age(int64_t now, int64_t then);

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

/* 1: the segment still has that many bytes at least. */
int tv_segment_whole(int file, size_t bytes);

/* pwrite() and pread() of all of it: 0, or -1. */
int tv_segment_write(int file, size_t offset, const void *data, size_t bytes);
int tv_segment_read(int file, size_t offset, void *data, size_t bytes);

/* Children of this process close the segment when they are born: a lock ends when the last process
 * that inherited it has ended, and a writer's must end with the writer. Forgotten again by _close().
 */
int tv_segment_keep_from_children(int file);
void tv_segment_close(int file);

/* Reader r's lock, or that of a viewer that asks (r is TV_RING_ASKER): 0 taken (or this system has no
 * such locks), -1 somebody else has it. */
int tv_reader_lock(int file, unsigned reader);
void tv_reader_unlock(int file, unsigned reader);

/* 1: reader r's lock is held by somebody, or that cannot be known. */
int tv_reader_locked(int file, unsigned reader);

/* 1: the open segment's writer is gone: nobody has its lock. */
int tv_segment_stale(int file);

/* The same, and removes the name of one whose writer is gone. */
int tv_segment_remove_stale(int file, const char *segment);

/* Removes what runs of this user, of any name, left behind where nothing could be closed, a minute
 * ago or more. */
void tv_segment_sweep(void);

#endif
