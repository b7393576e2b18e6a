/* SPDX-License-Identifier: BSD-3-Clause */
/* What ring_attach.c (coming and going) and ring_reader.c (steps) share of the reader's side. */
#ifndef TV_RING_READER_STATE_H
#define TV_RING_READER_STATE_H

#include "ring_reader.h"
#include "ring_segment.h"
#include "tensorview/ring.h"

struct tv_ring_reader
{
  char segment[TV_SEGMENT_NAME], name[TV_RING_RUN];
  int file;
  tv_ring_control *control; /* read-write */
  const char *memory;       /* the whole, read-only */
  size_t bytes;
  double block_seconds;
  size_t slots, tensor_count, layer_count;
  size_t names_offset, slots_offset, slot_bytes;
  tv_ring_reader_tensor *tensors;
  uint64_t *offsets, *strides; /* [tensor] */
  tv_ring_reader_layer *layers;
  size_t *state_offsets;                     /* [layer], in a slot's states */
  char names[TV_RING_SCALARS][TV_RING_NAME]; /* copies, as asked for */
  char *glance;                              /* a slot, copied */
  unsigned entry;
  uint64_t owner;
  uint64_t taken; /* number + 1 of the last step taken */
  int64_t looked; /* when the writer was last looked for */
  int gone;
};

/* 1: the segment is as long as it was; otherwise nothing of it may be touched any more. */
int tv_ring_reader_whole(const tv_ring_reader *reader);

/* Maps the segment of that name and checks what it says of itself, in a reader that is all 0;
 * tv_ring_reader_detach() lets go of it, also after a failure. */
int tv_ring_reader_open(tv_ring_reader *reader, const char *name);

/* Takes a free place among the readers. */
int tv_ring_reader_enter(tv_ring_reader *reader);

#endif
