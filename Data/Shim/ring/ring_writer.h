/* SPDX-License-Identifier: BSD-3-Clause */
/* The writer's side of the ring (tensorview/ring.h): what ring_sink.c calls.
 *
 *   tv_ring_open()                        tv_open(): the name is taken
 *   tv_ring_declare(), _filters()         tv_declare(), tv_declare_filters()
 *   tv_ring_begin()                       the first write of a step
 *   tv_ring_wants(), tv_ring_put()        for each tensor: is it wanted; here it is
 *   tv_ring_record_scalar(), _states()    scalars, states of filters
 *   tv_ring_publish()                     the step is complete
 *   tv_ring_poll(), _answer_to()          what a viewer asks for
 *   tv_ring_close()                       tv_close()
 *
 * All sizes come from the writer's own memory, never from the segment, so that nothing that
 * readers write there can lead the trainer astray. No call waits for a reader but
 * tv_ring_publish(), and that only where its user asked for it (block_seconds) or a reader
 * holds the training (a pause), never longer than the lease. The first tv_ring_begin() of a
 * ring with block_seconds waits as long for a first reader to come. */
#ifndef TV_RING_WRITER_H
#define TV_RING_WRITER_H

#include "status.h"
#include "tensorview/request.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tv_ring tv_ring;

/* Takes the name, after removing a segment that a dead run left under it, and others of this user
 * that nobody has any more.
 * slots: 2 to 64. block_seconds: 0, never wait; positive, wait that long for readers.
 * On failure *ring is NULL: TV_ERROR_ARGUMENT for a name that cannot be one, TV_ERROR_STATE
 * where a living run has it, TV_ERROR_FILE where the system refuses. */
int tv_ring_open(tv_ring **ring, const char *name, size_t slots, double block_seconds);

/* Declares the next tensor, as it is stored: shape without 'n', type of the sums. Numbers count
 * from 0. Before the first step only. */
int tv_ring_declare(int *tensor, tv_ring *ring, const char *layer, const char *kind, tv_type type,
  const tv_shape *shape);

/* Declares that a layer's filters have states. Numbers count from 0. Before the first step only. */
int tv_ring_filters(int *layer_number, tv_ring *ring, const char *layer, size_t filters);

/* Begins a step, which must be greater than the one before. Publishes the one before if that was
 * not done. The first one allocates the memory: TV_ERROR_MEMORY where /dev/shm has not enough.
 * TV_ERROR_FILE where somebody has cut the segment off. The ring is then closed, and every later
 * call returns TV_ERROR_STATE. */
int tv_ring_begin(tv_ring *ring, int64_t step);

/* 0: the tensor of this step is not wanted, because no reader is there and it is written at nearly
 * every step. What is written more rarely (eight steps or more apart) is always wanted, so that a
 * reader that comes finds its last record, and so is one whole step every half second. */
int tv_ring_wants(tv_ring *ring, int tensor);

/* Copies it; not yet visible to anybody. samples is how many the record sums, 0 where it is no sum.
 * Never a signal, whatever has become of the segment. */
void tv_ring_put(tv_ring *ring, int tensor, const void *data, int64_t samples);

/* A scalar of this step. TV_ERROR_UNSUPPORTED from the 257th name on. */
int tv_ring_record_scalar(tv_ring *ring, const char *name, double value);

/* The states of a layer's filters from this step on. */
void tv_ring_states(tv_ring *ring, int layer_number, const int32_t *states);

/* The step is complete: readers may have it. Then waits, see above. */
void tv_ring_publish(tv_ring *ring);

/* A request that has not been seen yet, as it stands there: 1, or 0 where there is none or nobody
 * who asks. Its layer ends with 0; nothing else of it is checked. */
int tv_ring_poll(tv_ring *ring, tv_request *request);

/* Answers the request of that number. */
void tv_ring_answer_to(tv_ring *ring, uint64_t number, int accepted, const char *sentence);

/* Publishes what is begun, tells the readers that the run is over, removes the name. Memory that
 * readers have mapped stays theirs until they let go. NULL is allowed. */
void tv_ring_close(tv_ring *ring);

/* Steps that readers were there for and nobody fetched. */
uint64_t tv_ring_dropped(const tv_ring *ring);

#ifdef __cplusplus
}
#endif
#endif
