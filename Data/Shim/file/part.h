/* SPDX-License-Identifier: BSD-3-Clause */
/* One file of a run: the first, or a further part of it. Creates it, appends records, says what is
 * complete. Internal; a run is in file_sink.c.
 *
 * ints are TV_OK or TV_ERROR_FILE; the first failure is kept and returned from then on. */
#ifndef TV_PART_H
#define TV_PART_H

#include "sink.h"

typedef struct tv_part tv_part;

/* Takes the open descriptor of the new, empty file path, also on failure; *part is NULL then.
 * number: 0 for the first file of a run, 1 for run.part1.tvh5, ... */
int tv_part_create(
  tv_part **part, int descriptor, const char *path, int number, const tv_options *options);

/* Declares streams[first] to streams[count - 1], before the part is sealed. */
int tv_part_declare(tv_part *part, const tv_stream *streams, int first, int count);

/* 1: a step was complete, and nothing can be declared any more, nor scalars beyond `scalars`. */
int tv_part_sealed(const tv_part *part);
int tv_part_scalars(const tv_part *part);

void *tv_part_row(tv_part *part, int stream);
int tv_part_record(tv_part *part, int stream, int64_t step, int64_t samples, const void *row);

/* scalars: NULL where this step's are in the next part. */
int tv_part_end_step(tv_part *part, int64_t step, const tv_scalars *scalars);

/* A line about a request, for the step that ends next; an empty one only makes room for others, which
 * there is only where one came before the part was sealed. Lost where there is none. */
int tv_part_listens(const tv_part *part);

/* Takes back what was said since the last step ended: said has TV_REQUEST_TEXT bytes. */
void tv_part_take_said(tv_part *part, char *said);
void tv_part_say(tv_part *part, const char *line);

int tv_part_flush(tv_part *part);

/* Completes and closes the file and frees the part, whatever happened before. */
int tv_part_close(tv_part *part);

#endif
