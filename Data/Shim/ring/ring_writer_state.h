/* SPDX-License-Identifier: BSD-3-Clause */
/* What ring_writer.c (the name, declaring, the memory) and ring_steps.c (steps) share of the
 * writer's side. */
#ifndef TV_RING_WRITER_STATE_H
#define TV_RING_WRITER_STATE_H

#include "ring_segment.h"
#include "ring_writer.h"
#include "tensorview/ring.h"

/* A tensor as the writer knows it. */
typedef struct tv_ring_source
{
  tv_ring_tensor public;
  int64_t step, samples; /* of the last record; -1: none */
  uint32_t buffer;       /* that holds it */
  int64_t asked;         /* the step at which it was last asked for, to know what is rare */
  int wanted;            /* the answer */
} tv_ring_source;

/* What the writer has seen of a reader, by its own clock: no value in the segment can be older or
 * younger than that. */
typedef struct tv_ring_watch
{
  uint64_t owner;
  int64_t beat, hold;           /* the values */
  int64_t beat_seen, hold_seen; /* when they were first seen */
} tv_ring_watch;

struct tv_ring
{
  char segment[TV_SEGMENT_NAME], name[TV_RING_RUN];
  int file;
  int started, failed;
  tv_ring_control *control; /* mapped; all else is written with pwrite() */
  size_t bytes;             /* of the segment */
  size_t slots;
  int64_t block; /* nanoseconds */
  tv_ring_source *tensors;
  size_t tensor_count;
  tv_ring_layer *layers;
  size_t layer_count, state_count;
  int32_t *states;
  char names[TV_RING_SCALARS][TV_RING_NAME];
  double scalars[TV_RING_SCALARS];
  uint32_t scalar_count;
  size_t slots_offset, slot_bytes, names_offset;
  char *slot;                            /* one of slot_bytes, to be written as a whole */
  uint32_t (*references)[TV_RING_SLOTS]; /* [tensor][slot]: buffer; UINT32_MAX: none */
  uint64_t numbers[TV_RING_SLOTS];       /* of each slot; 0: never published */
  int64_t step;                          /* begun */
  int begun, wanted;
  unsigned live; /* readers, a bit each, at the last look */
  tv_ring_watch watch[TV_RING_READERS];
  int64_t last_publish;
  uint64_t published;
  int late;         /* a reader was too slow: do not wait until it has let go of something */
  uint32_t late_at; /* control->released at that time */
  uint64_t dropped;
  size_t requests_offset;
  uint64_t asked; /* the last request that was looked at */
  uint32_t polls;
};

/* All sizes are known: lays out the segment and allocates all of it. */
int tv_ring_lay_out(tv_ring *ring);

/* Whether the segment is whole. Where somebody has cut it off the ring is given up. */
int tv_ring_whole(tv_ring *ring);

/* Removes the name, tells readers that the run is over, and lets go of the memory. */
void tv_ring_give_up(tv_ring *ring);

#endif
