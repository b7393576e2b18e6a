/* SPDX-License-Identifier: BSD-3-Clause */
/* A plain file that is read by places: as little of it as is asked for. */
#ifndef TV_MAPPED_H
#define TV_MAPPED_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

typedef struct tv_mapped
{
  char *path;
  int descriptor; /* -1: resting */
  uint64_t bytes;
  uint64_t device, inode;
  struct timespec changed;
  unsigned char *memory; /* the whole file, once somebody asked for it */
} tv_mapped;

/* A regular file that can be read; a link to one is followed. */
int tv_mapped_open(tv_mapped *file, const char *path);

/* Reads count bytes from offset on: all of them, or TV_ERROR_FORMAT where the file is shorter.
 * TV_ERROR_STATE where it is not the file any more that was opened. */
int tv_mapped_read(tv_mapped *file, void *result, uint64_t offset, uint64_t count);

/* A descriptor of the same open file, which the caller closes, for whoever reads it without us.
 * TV_ERROR_STATE where it is not the file any more that was opened. */
int tv_mapped_descriptor(int *descriptor, tv_mapped *file);

/* The whole file as memory, or NULL; that it is still the file that was opened, and as long, is
 * looked at in each call. Pages are read when they are touched: where somebody cut the file short
 * after the call, that is SIGBUS. tv_mapped_read() fails instead. */
const unsigned char *tv_mapped_memory(tv_mapped *file);

/* 1 where the last name of its path is that file itself, 0 where it is a link to it. */
int tv_mapped_is_no_link(const tv_mapped *file);

/* 1 where there is no such file any more, or another one, or it has been written to. */
int tv_mapped_changed(const tv_mapped *file);

/* Closes the file until it is needed again, and forgets its memory. */
void tv_mapped_rest(tv_mapped *file);

void tv_mapped_close(tv_mapped *file);

/* A place in a file that moves on, through a buffer. */
typedef struct tv_cursor
{
  tv_mapped *file;
  uint64_t at, end; /* the next byte, and where reading ends */
  uint64_t first;   /* of the buffer */
  size_t held;
  unsigned char buffer[8192];
} tv_cursor;

/* Starts at a place, up to end (cut to the file's). */
void tv_cursor_start(tv_cursor *cursor, tv_mapped *file, uint64_t at, uint64_t end);

/* The next count bytes: 0, or a failure where they end before. */
int tv_cursor_take(tv_cursor *cursor, void *result, size_t count);

/* Whether length bytes are UTF-8 without control characters: fit to be a name, and to stand in a
 * sentence. */
int tv_is_text(const char *text, size_t length);

#endif
