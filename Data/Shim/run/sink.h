/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a run's records go: the run file, the ring in shared memory, or both. Internal.
 *
 * run.c checks what the trainer passes and keeps the steps; it knows nothing of HDF5 or of shared
 * memory. It talks to at most two sinks, the file and the ring, through the functions below.
 *
 * A batch is summed once, into memory that a sink lends: run.c asks the file first, then the ring.
 * What is built there is then offered to both with record(), and a sink that finds its own memory
 * there copies nothing. What a sink lends is this process's own memory, never shared: what others
 * can write to never gets into the file. The ring then copies a sum once more, which is a part in
 * 2 * samples of the memory traffic of making it. A step that the ring drops has no row there, and
 * costs nothing more than with no ring.
 *
 * The order of calls, never from two threads at once for one sink:
 *
 *   start                          all tensors and filter states that are declared by then;
 *                                  again where there are more: those before stay as they are
 *   for each step:
 *     begin_step                   the number is greater than the last
 *     row?, record                 for each stream that has a record at this step
 *     end_step                     with the scalars; what belongs to the step may be shown now
 *   flush                          at any time between two steps
 *   close                          frees the sink, whatever happened before
 *
 * flush, dropped, poll, answer and say may be NULL where they mean nothing. Every int is 0 or a negative
 * tv_status with a sentence in tv_last_error(). A sink that fails goes on returning the same error,
 * cheaply, does no harm, and keeps what it has published. */
#ifndef TV_SINK_H
#define TV_SINK_H

#include "shape.h"
#include "tensorview/format.h"
#include "tensorview/tensorview.h"

#define TV_MOST_STREAMS 4096 /* tensors and filter states of a run */
#define TV_MOST_SCALARS 256

/* A tensor, or the states of a layer's filters (kind "filters"): one record a step at most. */
typedef struct tv_stream
{
  char layer[TV_NAME_LENGTH + 1];
  char kind[TV_NAME_LENGTH + 1];
  tv_shape shape;    /* of a record */
  tv_type type;      /* of a record */
  size_t elements;   /* of a record */
  size_t bytes;      /* of a record */
  tv_type source;    /* the type of the trainer's data; a batch is summed to `type` */
  tv_batch batch;    /* of the trainer's data; samples is the largest number; axis -1: no batch */
  int tensor;        /* the number that tv_declare() gave; -1 for filter states */
  int64_t last_step; /* of the last record; -1: none. run.c's own */
  int64_t file_step; /* of the last record that the file was given; -1: none. run.c's own */
} tv_stream;

/* The scalars of a step. Names are added at the end, never changed. */
typedef struct tv_scalars
{
  int count;                                      /* of names: 0 to TV_MOST_SCALARS */
  char name[TV_MOST_SCALARS][TV_NAME_LENGTH + 1]; /* in the order of their columns */
  double value[TV_MOST_SCALARS];                  /* NaN where this step has none */
  int recorded;                                   /* how many tv_record() gave at this step */
} tv_scalars;

typedef struct tv_sink tv_sink;
struct tv_sink
{
  /* A stream is named by its index from here on. streams is valid until the next start. */
  int (*start)(tv_sink *sink, const tv_stream *streams, int count);

  int (*begin_step)(tv_sink *sink, int64_t step);

  /* Memory of stream->bytes in which to build this step's record, aligned for its numbers. NULL
   * where the sink lends none: the step is dropped, or it would gain nothing. Valid until record
   * of the same stream, or end_step. */
  void *(*row)(tv_sink *sink, int stream);

  /* Takes the record: row is what row() of this sink returned, or memory of somebody else that is
   * valid during the call only. samples: how many it is the sum of; 0 where it is no sum. For a
   * step that the sink drops: does nothing, and succeeds. A batch that no sink lent memory for (all
   * dropped it, or the file has failed) was not summed; row is NULL for the file then. */
  int (*record)(tv_sink *sink, int stream, int64_t step, int64_t samples, const void *row);

  int (*end_step)(tv_sink *sink, int64_t step, const tv_scalars *scalars);

  /* Makes everything up to here safe against the end of this process. */
  int (*flush)(tv_sink *sink);

  int (*close)(tv_sink *sink);

  /* How many steps were dropped because no reader fetched them. */
  uint64_t (*dropped)(const tv_sink *sink);

  /* What a reader asks for, unchecked: 1, or 0 where there is nothing; and its answer. */
  int (*poll)(tv_sink *sink, tv_request *request);
  void (*answer)(tv_sink *sink, uint64_t number, int accepted, const char *sentence);

  /* A line about a request, for the step that is being written or the next. An empty one says only
   * that requests may come. */
  void (*say)(tv_sink *sink, const char *line);
};

/* The run file: creates it, refuses an existing one unless overwrite. On failure *sink is NULL. */
int tv_file_create(tv_sink **sink, const char *path, const tv_options *options);

/* The ring (ring/ring_sink.c): options->ring_slots steps in shared memory, found under name
 * (options->channel, or the value of TENSORVIEW_CHANNEL; never empty). block_seconds is what the
 * options or the environment say. Its size is known at start() only: there it leaves room for
 * TV_MOST_SCALARS. It holds what the first start() has, and leaves out what comes later. On failure
 * *sink is NULL. */
int tv_ring_create(tv_sink **sink, const char *name, const tv_options *options);

#endif
