/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader's side of the ring (tensorview/ring.h): attach to a run by its name, take
 * steps, let them go.
 *
 *   tv_ring_reader *reader;
 *   tv_ring_reader_step step;
 *   tv_ring_reader_attach(&reader, "lenet");
 *   while (tv_ring_reader_wait(reader, 1.0) >= 0)
 *     while (tv_ring_reader_take(reader, &step, 1) > 0) {
 *       ... step.step, tv_ring_reader_data(reader, &step, tensor, &record) ...
 *       tv_ring_reader_done(reader, &step);
 *       tv_ring_reader_release(reader, &step);
 *     }
 *   tv_ring_reader_detach(reader);
 *
 * A segment can come from anybody: every offset and size in it is checked against its real size
 * before use, once, and kept in this process's own memory. Data is mapped read-only. Where somebody
 * has cut the segment off, the run is over: functions return TV_ERROR_STATE, or nothing. Only data
 * that is read in place while it is being cut off is a signal (SIGBUS): tv_ring_reader_copy() is
 * for those who cannot have that.
 *
 * Some thread must call tv_ring_reader_beat() several times a second for as long as the reader is
 * attached, whatever else goes on: the trainer takes back what a silent reader holds (after half a
 * second if its lock is gone, otherwise after ten). All functions may be called from several
 * threads at once, but tv_ring_reader_take(), _done() and _release() only from one. */
#ifndef TV_RING_READER_H
#define TV_RING_READER_H

#include "status.h"
#include "tensorview/types.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tv_ring_reader tv_ring_reader;

typedef struct tv_ring_reader_tensor
{
  char layer[TV_NAME_LENGTH + 1], kind[TV_NAME_LENGTH + 1];
  tv_type type;
  tv_shape shape; /* without 'n' */
  size_t bytes;
} tv_ring_reader_tensor;

typedef struct tv_ring_reader_layer
{
  char layer[TV_NAME_LENGTH + 1];
  size_t filters;
} tv_ring_reader_layer;

/* A record of a tensor: the last one up to a step. */
typedef struct tv_ring_reader_record
{
  int64_t step;    /* of the record; -1: there is none yet */
  int64_t samples; /* that it sums; 0: no sum */
  int written;     /* 1: at the step asked for */
} tv_ring_reader_record;

/* A step that this reader holds. */
typedef struct tv_ring_reader_step
{
  int64_t step;
  uint64_t number; /* of steps published before it; gaps are steps that were dropped or passed by */
  int slot;        /* -1: none */
  uint64_t generation;
} tv_ring_reader_step;

/* Attaches to a run. On failure *reader is NULL: TV_ERROR_ARGUMENT for a name that cannot be one,
 * TV_ERROR_FILE where there is no such run or it is another user's, TV_ERROR_STATE where it has
 * not begun its first step, has ended without closing (the segment is then removed) or has eight
 * readers, TV_ERROR_VERSION and TV_ERROR_FORMAT where the segment is not what it must be. */
int tv_ring_reader_attach(tv_ring_reader **reader, const char *name);

/* Lets go of everything; step data becomes invalid. NULL is allowed. Where the writer has died its
 * segment is removed. */
void tv_ring_reader_detach(tv_ring_reader *reader);

size_t tv_ring_reader_tensors(const tv_ring_reader *reader, const tv_ring_reader_tensor **tensors);
size_t tv_ring_reader_layers(const tv_ring_reader *reader, const tv_ring_reader_layer **layers);

/* Scalars so far, at most 256, and the name of one, below that number. */
size_t tv_ring_reader_scalars(const tv_ring_reader *reader);
const char *tv_ring_reader_scalar(tv_ring_reader *reader, size_t scalar);

/* block_seconds of the run: not 0 where the trainer waits for its readers. */
double tv_ring_reader_block_seconds(const tv_ring_reader *reader);

/* Waits for a step newer than the last one taken: 1 there is one, 0 the time is over,
 * TV_ERROR_STATE the run is over (closed, or its writer is gone) and there is none left. */
int tv_ring_reader_wait(tv_ring_reader *reader, double seconds);

/* Takes a step newer than the last one taken: the newest (in_order 0) or the oldest still there
 * (in_order 1). 1 taken, 0 none there. */
int tv_ring_reader_take(tv_ring_reader *reader, tv_ring_reader_step *step, int in_order);

/* Data of a tensor at a step that is held, in place; NULL (and record->step -1) where there is none
 * yet. Valid until the step is let go; 64-byte aligned. record may be NULL. */
const void *tv_ring_reader_data(const tv_ring_reader *reader, const tv_ring_reader_step *step,
  size_t tensor, tv_ring_reader_record *record);

/* The same, copied: 1 copied, 0 there is none yet, TV_ERROR_STATE where the segment was cut off. */
int tv_ring_reader_copy(const tv_ring_reader *reader, const tv_ring_reader_step *step,
  size_t tensor, void *result, tv_ring_reader_record *record);

/* Scalars of a step that is held, [256], NaN where there is no value; states of a layer's filters.
 */
const double *tv_ring_reader_step_scalars(
  const tv_ring_reader *reader, const tv_ring_reader_step *step);
const int32_t *tv_ring_reader_step_states(
  const tv_ring_reader *reader, const tv_ring_reader_step *step, size_t layer);

/* This reader has done with the step: a trainer that waits goes on. It stays held, and its data
 * valid, until it is let go. TV_ERROR_TIMEOUT where the trainer has taken it back: what was read
 * may be mixed with a later step. */
int tv_ring_reader_done(tv_ring_reader *reader, const tv_ring_reader_step *step);
int tv_ring_reader_release(tv_ring_reader *reader, tv_ring_reader_step *step);

/* I am alive. TV_ERROR_TIMEOUT where the trainer had taken back all that this reader held; it is
 * then attached anew. */
int tv_ring_reader_beat(tv_ring_reader *reader);

/* The training stands still (1), from the step on that it has reached, or goes on (0). Standing
 * still must be renewed before ten seconds are over. */
void tv_ring_reader_hold(tv_ring_reader *reader, int hold);

/* One number of a tensor. */
typedef struct tv_ring_reader_element
{
  size_t tensor;
  size_t source; /* in elements of the tensor as it is stored */
} tv_ring_reader_element;

/* Looks at the oldest step after *number, and holds nothing: copies its scalars [256] and the
 * elements asked for (NaN where the tensor was not written at that step), and sets *number to its
 * own. 1 seen, 0 none there. May miss steps, never mixes them. *number begins at 0. */
int tv_ring_reader_glance(tv_ring_reader *reader, uint64_t *number, int64_t *step, double *scalars,
  const tv_ring_reader_element *elements, size_t count, double *values);

/* Sleeps until a step is published that came after the last call with this ticket (begins at 0), or
 * the time is over. For a thread that glances. */
void tv_ring_reader_sleep(tv_ring_reader *reader, uint32_t *ticket, double seconds);

/* Steps that nobody fetched in time, as the trainer counts them. */
uint64_t tv_ring_reader_dropped(const tv_ring_reader *reader);

/* 1 while the trainer stands still. */
int tv_ring_reader_standing(const tv_ring_reader *reader);

#ifdef __cplusplus
}
#endif
#endif
