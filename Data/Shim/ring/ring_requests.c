/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer's side of requests: one is copied, and answered. */
#include "ring_writer_state.h"

#include <stdio.h>
#include <string.h>

int tv_ring_poll(tv_ring *ring, tv_request *request)
{
  tv_ring_request there;
  if (!ring->started || !tv_ring_whole(ring))
    return 0;
  ring->polls += ring->polls + 1 != 0; /* it never becomes 0 again */
  atomic_store(&ring->control->polls, ring->polls);
  const uint64_t asked = atomic_load(&ring->control->asked);
  if (asked == 0 || asked == ring->asked)
    return 0;
  ring->asked = asked;
  if (!tv_reader_locked(ring->file, TV_RING_ASKER) ||
      tv_segment_read(ring->file, ring->requests_offset, &there, sizeof there) < 0)
    return 0;
  memset(request, 0, sizeof *request);
  request->number = asked;
  request->kind = there.kind;
  request->count = there.count;
  memcpy(request->layer, there.layer, sizeof there.layer - 1);
  memcpy(request->filter, there.filter, sizeof there.filter);
  memcpy(request->into, there.into, sizeof there.into);
  return 1;
}

void tv_ring_answer_to(tv_ring *ring, uint64_t number, int accepted, const char *sentence)
{
  if (!ring->started || !tv_ring_whole(ring))
    return;
  tv_ring_answer answer = {.number = number, .accepted = accepted};
  snprintf(answer.sentence, sizeof answer.sentence, "%s", sentence);
  if (tv_segment_write(
        ring->file, ring->requests_offset + sizeof(tv_ring_request), &answer, sizeof answer) < 0 ||
      !tv_ring_whole(ring))
    return;
  atomic_store(&ring->control->answered, number);
  tv_futex_advance(&ring->control->answers);
}
