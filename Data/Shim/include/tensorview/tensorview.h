/* SPDX-License-Identifier: BSD-3-Clause */
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
 * error where something that only the environment asked for cannot be had: who set the variable has
 * no return code to look at. A failure never harms the training: after one, the calls that cannot
 * work go on returning an error, what was written stays readable, and NULL as a run is refused with
 * TV_ERROR_ARGUMENT, so that a trainer may ignore every return value. Once the disk has refused
 * something (it is full, say) nothing more is written to the file, also when there is room again.
 *
 * A run belongs to one thread at a time; several runs may be open. It belongs to the process that
 * opened it: a forked child is refused, and leaves it alone when it exits. A trainer that ends
 * without tv_close(), by exit() or by kill -9, loses what was not flushed, and nothing else.
 *
 * What a viewer asks for while the training goes on (merge these filters) comes by one call,
 * tv_poll(): tensorview/request.h.
 *
 * Steps count from 0 and never go back. A step is complete, and may be shown, when a later one
 * begins, at tv_end_step(), at tv_flush() and at tv_close(). Readers see complete steps only.
 *
 * What a flush promises: all complete steps can be read by others, while the run goes on and after
 * its process has ended, however it ended. A power cut, or a system that crashes, may cost what the
 * system had not yet written to the disk; what is left of the file is then shown up to there. With
 * durable, a flush also waits until the disk itself has it.
 *
 * The binary interface. What stands here is kept from one release to the next as long as the number
 * in the library's name (libtensorview.so.1) stays: functions are added, none is changed or taken
 * away, and tv_options has room to grow. The number goes up with the first release that breaks a
 * program, and with no other. 0 was that of the first release, 1 begins with the second. */
#ifndef TENSORVIEW_H
#define TENSORVIEW_H

#include "tensorview/request.h" /* tv_poll(): what a viewer asks the trainer for */
#include "tensorview/types.h"
#include "tensorview/version.h" /* TENSORVIEW_VERSION, e.g. "0.2.0" */

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tv_run tv_run;

/* What tv_open() may be told. Start from tv_default_options(), and change what you mean. What is
 * set here counts, whatever the environment says; what is left alone is the default, or what a
 * variable of the environment says. */
typedef struct tv_options
{
  size_t size;          /* of this structure, as tv_default_options() sets it: by it a library knows
                           which options its caller has; a larger one than its own is refused */
  int overwrite;        /* 0: an existing file is refused; 1: it, and further parts of it, are
                           replaced by new files, and who reads the old ones goes on reading them */
  int threads;          /* that sum a batch: 1 (default); 0: what OpenMP would use. Where the system
                           gives no more threads, fewer do */
  double flush_seconds; /* a step that completes this long after the last flush brings the next one:
                           1.0 (default); 0: each step; negative: none but tv_flush() and the first
                           step. With 0 or a negative number the same run gives the same file, byte
                           for byte, but for the second at which it was made, which HDF5 notes of
                           its own accord */
  const char *channel;  /* NULL (default): what the environment variable TENSORVIEW_CHANNEL says, or
                           none; "": none; otherwise the name under which tensorview-live finds this
                           run in shared memory (tensorview/ring.h). Where it cannot be had,
                           tv_open() or the first step fails, or, if only the environment and a path
                           were given, the run goes on without it and its user is told once on
                           standard error */
  size_t ring_slots;    /* steps that the ring in shared memory holds: 4 (default), 2 to 64 */
  double block_seconds; /* 0: steps that nobody fetched are dropped and counted; positive: wait that
                           long for a slow reader, then drop. TV_NOT_SET (default): what the
                           environment variable TENSORVIEW_BLOCK_SECONDS says, or 0 */
  size_t file_every; /* 1: the file gets every record; N: of each tensor none that comes less than
                           N steps after the last one that it got, while the ring gets them all:
                           weights at each step live, a snapshot now and then. Scalars and states of
                           filters are always written. 0 (default): what the environment variable
                           TENSORVIEW_FILE_EVERY says, or 1 */
  int durable;       /* 0 (default); 1: each flush waits until the disk has it (fdatasync, twice),
                           so that it survives a power cut: some milliseconds on a solid-state disk,
                           tens on a spinning one. The file's name is on the disk from the start */
  uint64_t reserved[8]; /* 0 */
} tv_options;

#define TV_NOT_SET (-1.0)

/* The values named above as default. */
TV_API tv_options tv_default_options(void);

/* The version of the library that runs, e.g. "0.2.0", where TENSORVIEW_VERSION is that of the
 * headers that a program was compiled with. */
TV_API const char *tv_version(void);

/* Opens a run that writes to the file path (*.tvh5), or to none if path is NULL and a ring is asked
 * for (channel). options may be NULL. On failure *run is NULL. */
TV_API int tv_open(tv_run **run, const char *path, const tv_options *options);

/* Declares a tensor. *tensor gets its number, from 0; at most 4096 tensors and filter states, 256
 * scalars. What is declared before the first step is complete stands in one file; what comes later
 * begins a further part of the run beside it (run.part1.tvh5, ...), which is opened with it. A ring
 * holds what is declared before the first write: later tensors are in the file only, and a run
 * without a file refuses them.
 *
 * layer: 1 to 255 bytes of UTF-8 without control characters; what frameworks use: "conv1",
 *        "layer1.0.conv2", "encoder/0/attention". Layers are shown in the order in which they are
 *        first declared.
 * kind:  1 to 255 characters a-z, 0-9, '_': "weights", "activations", "gradients", "bias", or one
 *        of your own, but not "filters". A layer has each kind once.
 * axes:  a letter for each axis of data, slowest first, as the trainer has it:
 *          weights       "oihw" (torch, oneDNN), "hwio" (TensorFlow); fully connected "oi", "io";
 *                        "oidhw" 3-D, "goihw" grouped, "ve" an embedding
 *          activations   "nchw", "nhwc"; fully connected "nc"; a sequence "nte"; attention "naqk";
 *                        without 'n' where there is no batch
 *          bias          "o"; one number ""
 *        o filters (outputs), i channels (inputs), c filters of activations, d slices, h rows, w
 *        columns; all of them in tensorview/format.h, Axes. Up to 8 letters a-z, each once, beside
 *        'n', samples of the batch, at any place: summed over, not stored. "mm" is for second
 *        moments, [filters + 1, filters + 1].
 * shape: as many sizes as axes has letters, each at least 1. For 'n' it is the largest batch.
 *
 * Sums of a batch are float32, but float64 for float64, int32 and int64; all else is stored as it
 * is. NaN and infinity are numbers like any other here. */
TV_API int tv_declare(int *tensor, tv_run *run, const char *layer, const char *kind, tv_type type,
  const char *axes, const size_t *shape);

/* Writes a tensor at a step. data is the caller's, in the declared axes and type, and is not
 * kept. A tensor is written at most once a step, and need not be written at every step. */
TV_API int tv_write(tv_run *run, int tensor, int64_t step, const void *data);

/* The same for several tensors at one step, for languages in which a call is dear: tv_write() for each
 * of count tensors, in order, until one fails. */
TV_API int tv_write_several(
  tv_run *run, size_t count, const int *tensors, int64_t step, const void *const *data);

/* The same for a batch of fewer samples than declared (the last one of an epoch). */
TV_API int tv_write_batch(tv_run *run, int tensor, int64_t step, const void *data, size_t samples);

/* The same for a sum that was made elsewhere, on a device or over micro-batches: data has the
 * declared axes without 'n', in the type of the sum, and is the sum of that many samples, 1 or
 * more. */
TV_API int tv_write_sum(tv_run *run, int tensor, int64_t step, const void *data, size_t samples);

/* Records what is measured of each unit of a tensor (tensorview/measures.h) instead of the tensor: a
 * small record, cheap at every step, under the kind "<kind>_statistics". In one pass over data, which
 * is as for tv_write(); of what is no batch a copy is kept, for the update since the last one.
 * samples: 0 for what was declared, or those of a smaller batch. The tensor itself may be written at
 * other steps, or never. TV_ERROR_UNSUPPORTED where the units of its axes are not side by side. */
TV_API int tv_observe(tv_run *run, int tensor, int64_t step, const void *data, size_t samples);

/* 1: each tv_write() and tv_write_batch() records the statistics beside the tensor, where its units
 * have any; 0 (at first): not. */
TV_API int tv_observe_writes(tv_run *run, int yes);

/* Records a scalar at a step: "loss", "accuracy", "learning_rate", or a name of your own (1 to 255
 * bytes of UTF-8, no control characters). Names need not be declared where the first step has
 * them all, or tv_declare_scalar() names those that come later; any other begins a further part of
 * the run, as above. Of several values at one step the last counts. */
TV_API int tv_record(tv_run *run, int64_t step, const char *name, double value);
TV_API int tv_declare_scalar(tv_run *run, const char *name);

/* The state of each filter of a layer, from this step on: filters values, each one of the codes
 * TV_FILTER_..., or the index of the filter into which it was merged. The layer must
 * have been declared with tv_declare_filters(). All filters are alive until the first call. */
TV_API int tv_declare_filters(tv_run *run, const char *layer, size_t filters);
TV_API int tv_write_filters(tv_run *run, const char *layer, int64_t step, const int32_t *state);

/* This step is complete: others may see it, and it is flushed if that is due (flush_seconds). */
TV_API int tv_end_step(tv_run *run, int64_t step);

/* Completes the step and flushes: what that promises stands above. */
TV_API int tv_flush(tv_run *run);

/* Completes, flushes, closes and frees the run, whatever happens; NULL is allowed. The return
 * value is that of the first thing that failed at closing. */
TV_API int tv_close(tv_run *run);

/* How many steps readers of the ring did not fetch in time. */
TV_API uint64_t tv_dropped(const tv_run *run);

#ifdef __cplusplus
}
#endif
#endif
