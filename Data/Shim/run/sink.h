/* Where a run's records go: the run file, the channel in shared memory, or both. Internal.
 *
 * run.c checks what the trainer passes and keeps the steps; it knows nothing of HDF5 or of shared
 * memory. It talks to at most two sinks, the channel and the file, through the functions below.
 *
 * A batch is summed once, straight into memory that a sink lends: run.c asks the channel first,
 * then the file. What is built there is then offered to both with record(), and a sink that finds
 * its own memory there copies nothing. With a channel the batch is thus summed into the ring's
 * slot and the file is written from that slot; without one it is summed into the chunk that the
 * file writes. Weights are copied once into the slot. A step that the channel drops has no row
 * there, and costs nothing more than with no channel.
 *
 * The order of calls, never from two threads at once for one sink:
 *
 *   start                          once, all tensors and filter states are declared
 *   for each step:
 *     begin_step                   the number is greater than the last
 *     row?, record                 for each stream that has a record at this step
 *     end_step                     with the scalars; what belongs to the step may be shown now
 *   flush                          at any time between two steps
 *   close                          frees the sink, whatever happened before
 *
 * A function that is not needed may be NULL. Every int is 0 or a negative tv_status with a
 * sentence in tv_last_error(). A sink that fails goes on returning the same error, cheaply, does
 * no harm, and keeps what it has published. */
#ifndef TV_SINK_H
#define TV_SINK_H

#include "tensorview/format.h"
#include "tensorview/tensorview.h"

#define TV_MOST_STREAMS 4096 /* tensors and filter states of a run */
#define TV_MOST_SCALARS 256

#define TV_INT32 16 /* beside tv_type: the type of a stream of filter states */

/* A tensor, or the states of a layer's filters (kind "filters"): one record a step at most. */
typedef struct tv_stream
{
  char layer[TV_NAME_LENGTH + 1];
  char kind[TV_NAME_LENGTH + 1];
  char axes[TV_RANK + 1]; /* of a record, slowest first; "" for filter states */
  int type;               /* of a record: a tv_type, or TV_INT32 */
  int rank;               /* of a record: 1 to TV_RANK */
  size_t shape[TV_RANK];
  size_t elements;   /* of a record: product of shape */
  size_t bytes;      /* of a record */
  tv_type source;    /* the type of the trainer's data; a batch is summed to `type` */
  size_t samples;    /* the largest batch; 0: the data is no batch */
  int tensor;        /* the number that tv_declare() gave; -1 for filter states */
  int64_t last_step; /* of the last record; -1: none. run.c's own */
  int64_t file_step; /* of the last record that the file was given; -1: none. run.c's own */
} tv_stream;

/* The scalars of a step. Names are final from the first end_step on. */
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
  /* streams stays valid and in place until close. A stream is named by its index from here on. */
  int (*start)(tv_sink *sink, const tv_stream *streams, int count);

  int (*begin_step)(tv_sink *sink, int64_t step);

  /* Memory of stream->bytes in which to build this step's record, aligned for any number. NULL
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
};

/* The run file: creates it, refuses an existing one unless overwrite. On failure *sink is NULL. */
int tv_file_create(tv_sink **sink, const char *path, const tv_options *options);

/* The ring (ring/ring_sink.c): options->channel_slots steps in shared memory, found under name
 * (options->channel, or the value of TENSORVIEW_CHANNEL; never empty). Its size is known at start()
 * only: there it leaves room for TV_MOST_SCALARS. On failure *sink is NULL. */
int tv_ring_create(tv_sink **sink, const char *name, const tv_options *options);

#endif
