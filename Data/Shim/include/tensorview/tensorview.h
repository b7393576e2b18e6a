/* TensorView: hand the tensors of a training run to ParaView.
 *
 * Five verbs: open a run, declare its tensors, write a step, record scalars, close.
 *
 *   tv_run *run;
 *   int weights, activations;
 *   size_t w[] = { 16, 1, 3, 3 }, a[] = { 50, 16, 28, 28 };
 *   tv_open(&run, "lenet.tvh5", NULL);
 *   tv_declare(&weights, run, "conv1", "weights", TV_FLOAT32, "oihw", w);
 *   tv_declare(&activations, run, "conv1", "activations", TV_FLOAT32, "nchw", a);
 *   for (int step = 0; step < steps; ++step) {
 *     ... train ...
 *     tv_write(run, weights, step, w_data);
 *     tv_write(run, activations, step, a_data);   // the batch is summed here
 *     tv_record(run, step, "loss", loss);
 *   }
 *   tv_close(run);
 *
 * Every function returns 0 or a negative tv_status; tv_last_error() has the sentence. No
 * function exits, aborts or changes a signal handler, and none prints, but for one line on standard
 * error where a channel that only the environment asked for cannot be had: who set the variable has
 * no return code to look at. A failure never harms the training: after one, the calls that cannot
 * work go on returning an error, what was written stays readable, and NULL as a run is refused with
 * TV_ERROR_ARGUMENT, so that a trainer may ignore every return value. Once the disk has refused
 * something (it is full, say) nothing more is written to the file, also when there is room again.
 *
 * A run belongs to one thread at a time; several runs may be open. It belongs to the process that
 * opened it: a forked child is refused, and leaves it alone when it exits. A trainer that ends
 * without tv_close(), by exit() or by kill -9, loses what was not flushed, and nothing else.
 *
 * Steps count from 0 and never go back. A step is complete, and may be shown, when a later one
 * begins, at tv_end_step(), at tv_flush() and at tv_close(). Readers see complete steps only. */
#ifndef TENSORVIEW_H
#define TENSORVIEW_H

#include "tensorview/types.h"
#include "tensorview/version.h" /* TENSORVIEW_VERSION, e.g. "0.1.0" */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tv_run tv_run;

/* What tv_open() may be told. Start from tv_default_options(). */
typedef struct tv_options
{
  int overwrite;        /* 0: an existing file is refused; 1: it is replaced by a new one, and who
                           reads the old one goes on reading it */
  int threads;          /* that sum a batch: 1 (default); 0: what OpenMP would use */
  double flush_seconds; /* a step that completes this long after the last flush brings the next one,
                           which makes all complete steps visible to readers and safe against the
                           end of this process: 1.0 (default); 0: each step; negative: none but
                           tv_flush() and the first step. With 0 or a negative number the same run
                           gives the same file, byte for byte, but for the second at which it was
                           made, which HDF5 notes of its own accord */
  const char *channel;  /* NULL (default): none, or what the environment variable
                           TENSORVIEW_CHANNEL says; otherwise the name under which
                           tensorview-live finds this run in shared memory. Where it cannot be
                           had, tv_open() or the first step fails, or, if only the environment
                           and a path were given, the run goes on without it and its user is told
                           once on standard error */
  size_t channel_slots; /* steps that the ring holds: 4 (default), at least 2 */
  double block_seconds; /* 0 (default): steps that nobody fetched are dropped and counted;
                           positive: wait that long for a slow reader, then drop. Where it is 0
                           the environment variable TENSORVIEW_BLOCK_SECONDS may say more */
  size_t file_every;    /* 1 (default): the file gets every record; N: of each tensor none that
                           comes less than N steps after the last one that it got, while the
                           channel gets them all: weights at each step live, a snapshot now and
                           then. Scalars and states of filters are always written. Where it is 1
                           the environment variable TENSORVIEW_FILE_EVERY may say more */
} tv_options;

/* The values named above as default. */
TV_API tv_options tv_default_options(void);

/* Opens a run that writes to the file path (*.tvh5), or to none if path is NULL and a channel is
 * asked for. options may be NULL. On failure *run is NULL. */
TV_API int tv_open(tv_run **run, const char *path, const tv_options *options);

/* Declares a tensor, before the first step is written. *tensor gets its number, from 0; at most
 * 4096 tensors and filter states, 256 scalars.
 *
 * layer: 1 to 63 bytes of UTF-8, no '/' and no control characters, not "." or "..".
 *        Layers are shown in the order in which they are first declared.
 * kind:  1 to 63 characters a-z, 0-9, '_': "weights", "activations", "gradients", "bias", or one
 *        of your own. A layer has each kind once.
 * axes:  a letter for each axis of data, slowest first, as the trainer has it:
 *          weights       "oihw" (torch, oneDNN), "hwio" (TensorFlow); fully connected "oi", "io"
 *          activations   "nchw", "nhwc"; fully connected "nc"; without 'n' where there is no batch
 *          bias          "o"
 *        o filters (outputs), i channels (inputs), c filters of activations, h rows, w columns,
 *        n samples of the batch: summed over, not stored; the slowest axis, first in axes.
 *        "mm" is for second moments [filters, filters].
 * shape: as many sizes as axes has letters, each at least 1. For 'n' it is the largest batch.
 *
 * Sums of a batch are float32, or float64 for float64 data; all else is stored as it is. NaN and
 * infinity are numbers like any other here. */
TV_API int tv_declare(int *tensor, tv_run *run, const char *layer, const char *kind, tv_type type,
  const char *axes, const size_t *shape);

/* Writes a tensor at a step. data is the caller's, in the declared axes and type, and is not
 * kept. A tensor is written at most once a step, and need not be written at every step. */
TV_API int tv_write(tv_run *run, int tensor, int64_t step, const void *data);

/* The same for a batch of fewer samples than declared (the last one of an epoch). */
TV_API int tv_write_batch(tv_run *run, int tensor, int64_t step, const void *data, size_t samples);

/* Records a scalar at a step: "loss", "accuracy", "learning_rate", or a name of your own (1 to 63
 * bytes of UTF-8, no control characters). Names need not be declared where the first step has
 * them all; one that comes later must have been declared by tv_declare_scalar(). Of several values
 * at one step the last counts. */
TV_API int tv_record(tv_run *run, int64_t step, const char *name, double value);
TV_API int tv_declare_scalar(tv_run *run, const char *name);

/* The state of each filter of a layer, from this step on: filters values, each one of the codes
 * in tensorview/format.h, or the index of the filter into which it was merged. The layer must
 * have been declared with tv_declare_filters(). All filters are alive until the first call. */
TV_API int tv_declare_filters(tv_run *run, const char *layer, size_t filters);
TV_API int tv_write_filters(tv_run *run, const char *layer, int64_t step, const int32_t *state);

/* This step is complete: publish it now. */
TV_API int tv_end_step(tv_run *run, int64_t step);

/* Completes the step and makes everything up to here safe against the end of this process. */
TV_API int tv_flush(tv_run *run);

/* Completes, flushes, closes and frees the run, whatever happens; NULL is allowed. The return
 * value is that of the first thing that failed at closing. */
TV_API int tv_close(tv_run *run);

/* How many steps readers in shared memory did not fetch in time. */
TV_API uint64_t tv_dropped(const tv_run *run);

#ifdef __cplusplus
}
#endif
#endif
