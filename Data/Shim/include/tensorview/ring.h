/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring, version 2: the last steps of a run in POSIX shared memory, one segment for each run.
 *
 * The trainer (one writer) leaves the tensors of a step there and goes on. Readers, up to eight
 * processes such as tensorview-live, come and go. This page is the manual of the memory's layout;
 * in the sources Data/Shim/ring/ring_writer.h writes it, and Data/Shim/ring/ring_reader.h reads it.
 *
 * Who may. The segment is /dev/shm/tensorview-<uid>-<name>, mode 0600: only its owner can open
 * it. name is 1 to 63 of the characters a-z A-Z 0-9 . _ - and does not begin with a full stop.
 *
 * Who lives is known by locks, which end with their process and mean the same in every container
 * that shares /dev/shm; numbers of processes do not, and are only there to be looked at.
 *   the writer   holds flock(LOCK_EX) on the segment (its children let go of it). A segment that
 *                nobody has locked is stale: a reader that finds it removes it, and so does the next
 *                run of that name or, a minute later, of any.
 *   reader r     holds a lock of its open file (fcntl, F_OFD_SETLK) on byte r of the segment, 0 to
 *                7, before it touches readers[r], and for as long as it is attached.
 *
 * Layout, in bytes from the start. All numbers are in the machine's own byte order; float16 and
 * bfloat16 are not converted. All of the memory is allocated when the first step begins, so that a
 * full /dev/shm is an error there and never a SIGBUS later.
 *
 *   0                  tv_ring_control: what both sides write, atomics only (mapped read-write
 *                      by both; all that follows is mapped read-only by readers)
 *   tensors_offset     tv_ring_tensor [tensors]
 *   layers_offset      tv_ring_layer [layers]: the layers whose filters have a state
 *   names_offset       char [TV_RING_SCALARS][TV_RING_NAME]: names of scalars, ended by 0; the
 *                      first control.scalars of them are valid, and never change; more may come
 *   slots_offset       slots of slot_bytes each:
 *                        tv_ring_slot
 *                        tv_ring_record [tensors]
 *                        double [TV_RING_SCALARS]    NaN where a scalar has no value
 *                        int32_t [...]                  states, tv_ring_layer.offset into it
 *   requests_offset    tv_ring_request, tv_ring_answer: see Requests
 *   tensor.offset      the tensor's buffers: slots + 1 of tensor.stride bytes each
 *
 * A slot is a step. It holds one reference for each tensor: the buffer with the last record of
 * that tensor up to this step, and that record's own step and samples (-1: none yet). A tensor
 * that was not written at a step so refers to the same buffer as the step before, and nothing is
 * copied for it. A buffer is overwritten only when no slot refers to it: there is one more than
 * slots. While no reader is there, only one step every half second comes into the ring, so that
 * one that comes finds something to show. Tensors are those declared before the first step.
 *
 * The state of a slot is one 64-bit word, words[slot]:
 *   bits 0..7     the readers that hold it: bit r is the reader in readers[r]
 *   bits 8..15    the readers that hold it still and have done with it (a writer that waits for
 *                 its readers, block_seconds, need not wait for these)
 *   bit 16        published: a reader may take it
 *   bit 17        fetched: some reader has taken it
 *   bits 24..63   generation: one more each time the writer takes the slot for a new step
 * Each change is one compare-and-exchange on that word:
 *   writer takes  published, no living reader's bit    ->  generation + 1, all bits 0
 *   publishes     generation g                         ->  generation g, published
 *   reader takes  generation g, published              ->  its bit and fetched set
 *   has done      generation g, its bit                ->  its bit of done set
 *   lets go       generation g, its bit                ->  its two bits cleared
 * Nobody ever waits for a word to change hands, so that no death leaves a lock behind. A reader
 * that finds another generation when it lets go has lost its slot: what it read may be mixed.
 *
 * Leases. A reader changes its beat several times a second, to the time of CLOCK_MONOTONIC in
 * nanoseconds. The writer ends the leases of a reader whose beat has not changed for 0.5 s and
 * whose lock is gone, and of any reader whose beat has not changed for 10 s, by setting its owner to
 * 0 and its bits to 0.
 *
 * Holding the training. A reader that wants the training to stand still (a user's pause or
 * breakpoint) writes the time into its hold and renews it; 0 lets go. The writer stands still
 * after publishing a step for as long as a living reader's hold has changed within 10 s.
 *
 * Requests. A viewer that asks the trainer for something (tensorview/request.h) holds a lock of its
 * open file on byte 8 of the segment, and need not be a reader. It writes the request and then a new
 * number, not 0, to asked. The writer, where its trainer polls, counts that in polls; it looks at a
 * number in asked that it has not seen yet once, and only while somebody holds that lock. It writes
 * the answer, then the request's number to answered, and one more to answers. A viewer that will not
 * wait any longer sets asked to 0. requests_offset is 0 where the writer's library takes no requests.
 *
 * Trust. What stands in the memory can come from anybody of the same user, and be garbage.
 *   The writer takes nothing from it but the words, owner, beat and hold of the readers, and, where
 *   its trainer polls, one request at a time, which it copies and then checks; it
 *   measures with its own clock how long a beat or a hold has not changed (one that lies in the
 *   past is as old as it says, one in the future is of now). So no value delays it beyond the 10 s
 *   of a lease, and what it writes to a file never comes from here.
 *   Somebody who truncates the segment ends the ring, not the trainer: it writes everything but the
 *   control block with pwrite(), which no truncation can turn into a signal, and looks at the size
 *   before each time it touches the control block. What remains is a truncation in the microsecond
 *   between that look and the touch: SIGBUS cannot be had any rarer without a signal handler, and
 *   sealed memory (memfd) has no name that others can open.
 *   Readers check every offset and size against the segment's real size, look at that size before
 *   each step, and copy what is small with pread(). They read tensors in place, where a truncation
 *   meanwhile is SIGBUS, or copy them with pread(), where it is an error (tv_ring_reader_copy()).
 *
 * latest is (number of steps published so far) << 8 | slot of the last one; 0 before the first. */
#ifndef TENSORVIEW_RING_H
#define TENSORVIEW_RING_H

#include "tensorview/request.h"
#include "tensorview/types.h"

#include <stdint.h>

#ifdef __cplusplus
#include <atomic>
#define TV_RING_ATOMIC(type) std::atomic<type>
#else
#include <assert.h>
#include <stdatomic.h>
#define TV_RING_ATOMIC(type) _Atomic type
#endif

#define TV_RING_MAGIC UINT64_C(0x314e414843205654) /* "TV CHAN1", little-endian; of all versions */
#define TV_RING_VERSION 2

enum
{
  TV_RING_READERS = 8,
  TV_RING_SLOTS = 64,     /* most slots; at least 2 */
  TV_RING_SCALARS = 256,  /* most scalars */
  TV_RING_TENSORS = 4096, /* most tensors, and most layers */
  TV_RING_NAME = 256,     /* bytes of a layer's, kind's or scalar's name, its final 0 included */
  TV_RING_RUN = 64,       /* bytes of a run's name, its final 0 included */
  TV_RING_CONTROL_BYTES = 8192,
  TV_RING_ALIGN = 64,
  TV_RING_ASKER = 8 /* the byte that a viewer locks while it asks */
};

#define TV_RING_LEASE 10000000000ll /* nanoseconds without a beat until a lease ends */
#define TV_RING_GONE 500000000ll    /* until its lock is looked for */

#define TV_SLOT_READERS UINT64_C(0xff)
#define TV_SLOT_DONE 8 /* shift */
#define TV_SLOT_PUBLISHED UINT64_C(0x10000)
#define TV_SLOT_FETCHED UINT64_C(0x20000)
#define TV_SLOT_GENERATION 24 /* shift */

/* control.state */
enum
{
  TV_RING_DECLARING = 0, /* the name is taken; nothing but the control block is valid */
  TV_RING_OPEN = 1,      /* the layout is valid, steps may come */
  TV_RING_CLOSED = 2     /* the writer has closed the run */
};

typedef struct tv_ring_reader_entry
{
  TV_RING_ATOMIC(uint64_t) owner;   /* a number that no other reader has, not 0; 0: free */
  TV_RING_ATOMIC(uint64_t) process; /* its number, where it lives: only to be looked at */
  TV_RING_ATOMIC(int64_t) beat;     /* nanoseconds of CLOCK_MONOTONIC */
  TV_RING_ATOMIC(int64_t) hold;     /* the same; 0: the training need not stand still */
  uint64_t reserved[4];
} tv_ring_reader_entry;

typedef struct tv_ring_control
{
  uint64_t magic;
  uint32_t version;
  TV_RING_ATOMIC(uint32_t) state;
  uint64_t process; /* of the writer, where it lives: only to be looked at */
  uint64_t unused;
  uint64_t segment_bytes; /* of the whole; at most the size of the file */
  uint64_t slots, tensors, layers;
  uint64_t tensors_offset, layers_offset, names_offset, slots_offset, slot_bytes;
  double block_seconds; /* what the writer was asked for; readers take every step if not 0 */
  TV_RING_ATOMIC(uint32_t) published; /* futex: one more at each step and when closed */
  TV_RING_ATOMIC(uint32_t)
  released; /* futex: one more when a reader lets go, holds, comes or leaves */
  TV_RING_ATOMIC(uint32_t) scalars;
  TV_RING_ATOMIC(uint32_t) standing; /* 1 while the training stands still for a reader */
  TV_RING_ATOMIC(uint64_t) latest;
  TV_RING_ATOMIC(uint64_t) dropped;  /* steps that readers were there for and nobody fetched */
  uint64_t requests_offset;          /* 0: none are taken */
  TV_RING_ATOMIC(uint64_t) asked;    /* the number of the request that stands there; 0: none */
  TV_RING_ATOMIC(uint64_t) answered; /* the number of the request that was answered last */
  TV_RING_ATOMIC(uint32_t) polls;    /* how often the trainer has looked; 0: it does not listen */
  TV_RING_ATOMIC(uint32_t) answers;  /* futex: one more at each answer */
  uint64_t reserved[4];
  tv_ring_reader_entry readers[TV_RING_READERS];
  struct
  {
    TV_RING_ATOMIC(uint64_t) word;
    uint64_t reserved[7]; /* a cache line each */
  } words[TV_RING_SLOTS];
} tv_ring_control;
static_assert(sizeof(tv_ring_control) <= TV_RING_CONTROL_BYTES, "it fits its place");

typedef struct tv_ring_tensor
{
  char layer[TV_RING_NAME], kind[TV_RING_NAME];
  tv_shape shape; /* axes without 'n', ended by 0; sizes are 1 beyond rank */
  uint32_t type;  /* tv_type */
  uint32_t unused;
  uint64_t bytes;  /* product of shape.size * size of type */
  uint64_t stride; /* from one buffer to the next */
  uint64_t offset; /* of the first buffer */
} tv_ring_tensor;

typedef struct tv_ring_layer
{
  char layer[TV_RING_NAME];
  uint64_t filters;
  uint64_t offset; /* in int32_t, into the states of a slot */
} tv_ring_layer;

typedef struct tv_ring_slot
{
  int64_t step;
  uint64_t number; /* of steps published before */
} tv_ring_slot;

typedef struct tv_ring_record
{
  int64_t step;     /* of the record; -1: there is none yet */
  int64_t samples;  /* that it sums; 0: not a sum */
  uint32_t buffer;  /* at most slots */
  uint32_t written; /* 1: at this very step */
} tv_ring_record;

typedef struct tv_ring_request
{
  int32_t kind;
  uint32_t count;
  char layer[TV_RING_NAME];
  int32_t filter[TV_MOST_MERGED], into[TV_MOST_MERGED];
} tv_ring_request;

typedef struct tv_ring_answer
{
  uint64_t number; /* of the request */
  int32_t accepted;
  uint32_t unused;
  char sentence[TV_SENTENCE];
} tv_ring_answer;

#endif
