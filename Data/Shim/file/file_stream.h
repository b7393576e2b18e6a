/* SPDX-License-Identifier: BSD-3-Clause */
/* A stream of the run file: values, steps, samples and checks, which grow together. Internal. */
#ifndef TV_FILE_STREAM_H
#define TV_FILE_STREAM_H

#include "record_dataset.h"
#include "tensorview/types.h"
#include "unit_ranges.h"

typedef struct tv_file_stream
{
  tv_record_dataset values, steps, samples, checks;
  int has_samples;
  char path[TV_PATH_LENGTH];     /* in the file */
  uint64_t *row_checks;          /* of one record, one for each piece */
  tv_unit_ranges *ranges;        /* of the statistics of units; NULL where it has none... */
  struct tv_file_stream *blocks; /* ...and the stream that gets them */
} tv_file_stream;

/* Writes "/layers/<layer>/<kind>" as the file has it, '/' of the layer as %2F. path has
 * TV_PATH_LENGTH bytes. Returns where the name of the layer's group begins, and its length. */
const char *tv_stream_path(char *path, size_t *length, const char *layer, const char *kind);

/* Nothing is open: may be freed. */
void tv_file_stream_clear(tv_file_stream *stream);

/* Creates the datasets in a group. budget: bytes that a chunk of values should have. */
int tv_file_stream_create(tv_file_stream *stream, hid_t group, tv_type type, const tv_shape *shape,
  int has_samples, size_t budget, tv_disk *disk);

int tv_file_stream_append(
  tv_file_stream *stream, int64_t step, int64_t samples, const void *row, int *begun);
int tv_file_stream_store(tv_file_stream *stream, int *begun);
int tv_file_stream_finish(tv_file_stream *stream);
void tv_file_stream_free(tv_file_stream *stream);

#endif
