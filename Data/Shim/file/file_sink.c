/* SPDX-License-Identifier: BSD-3-Clause */
/* The run file as a sink: a file, and further parts of it for what is declared too late for the
 * one before (tensorview/format.h, Further parts). */
#include "part.h"
#include "part_names.h"
#include "sink.h"
#include "status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct file_sink
{
  tv_sink sink; /* first: what the rest of the shim sees */
  char *path;
  tv_options options;
  tv_part *part; /* NULL: the next one could not be had */
  int number;    /* of that part */
  int listens;   /* requests may come */
  const tv_stream *streams;
  int count;
  int64_t open_step; /* of which the part has records already; -1: none */
  char failure[400]; /* why there is no part */
} file_sink;

static int no_part(const file_sink *self)
{
  return tv_fail(TV_ERROR_FILE, "%s", self->failure);
}

/* Creates the file of a part. */
static int create(file_sink *self, int number)
{
  char *path = tv_part_path(self->path, number);
  if (!path)
    return tv_fail(TV_ERROR_MEMORY, "no memory left for a run file");
  int descriptor;
  int status = tv_create_file(&descriptor, path, self->options.durable);
  if (status == TV_OK) {
    status = tv_part_create(&self->part, descriptor, path, number, &self->options);
    if (status < 0)
      unlink(path);
  }
  if (status == TV_OK && self->listens)
    tv_part_say(self->part, "");
  free(path);
  self->number = number;
  return status;
}

/* Closes the part and begins the next one, which has all streams there are. */
static int next_part(file_sink *self)
{
  char said[TV_REQUEST_TEXT];
  int status = TV_OK;
  tv_part_take_said(self->part, said);
  if (self->open_step >= 0)
    status = tv_part_end_step(self->part, self->open_step, NULL);
  self->open_step = -1;
  const int closed = tv_part_close(self->part);
  self->part = NULL;
  if (status == TV_OK)
    status = closed;
  if (status == TV_OK)
    status = create(self, self->number + 1);
  if (status == TV_OK)
    status = tv_part_declare(self->part, self->streams, 0, self->count);
  if (status == TV_OK && said[0])
    tv_part_say(self->part, said);
  if (status < 0)
    snprintf(self->failure, sizeof self->failure, "%s", tv_last_error());
  return status;
}

/* The functions of the sink. */

static int file_start(tv_sink *sink, const tv_stream *streams, int count)
{
  file_sink *self = (file_sink *)sink;
  const int first = self->count;
  self->streams = streams;
  self->count = count;
  if (!self->part)
    return no_part(self);
  return tv_part_sealed(self->part) ? next_part(self)
                                    : tv_part_declare(self->part, streams, first, count);
}

static void *file_row(tv_sink *sink, int stream)
{
  file_sink *self = (file_sink *)sink;
  return self->part ? tv_part_row(self->part, stream) : NULL;
}

static int file_record(tv_sink *sink, int stream, int64_t step, int64_t samples, const void *row)
{
  file_sink *self = (file_sink *)sink;
  if (!self->part)
    return no_part(self);
  self->open_step = step;
  return tv_part_record(self->part, stream, step, samples, row);
}

static int file_end_step(tv_sink *sink, int64_t step, const tv_scalars *scalars)
{
  file_sink *self = (file_sink *)sink;
  int status = TV_OK;
  if (!self->part)
    return no_part(self);
  if (tv_part_sealed(self->part) && scalars->count > tv_part_scalars(self->part))
    status = next_part(self);
  self->open_step = -1;
  return status < 0 ? status : tv_part_end_step(self->part, step, scalars);
}

static int file_flush(tv_sink *sink)
{
  file_sink *self = (file_sink *)sink;
  return self->part ? tv_part_flush(self->part) : no_part(self);
}

static void file_say(tv_sink *sink, const char *line)
{
  file_sink *self = (file_sink *)sink;
  self->listens = 1;
  if (self->part && line[0] && tv_part_sealed(self->part) && !tv_part_listens(self->part))
    next_part(self); /* the trainer began to listen after the first step; a failure is kept */
  if (self->part)
    tv_part_say(self->part, line);
}

static int file_close(tv_sink *sink)
{
  file_sink *self = (file_sink *)sink;
  const int status = self->part ? tv_part_close(self->part) : no_part(self);
  free(self->path);
  free(self);
  return status;
}

int tv_file_create(tv_sink **sink, const char *path, const tv_options *options)
{
  *sink = NULL;
  file_sink *self = calloc(1, sizeof *self);
  char *copy = strdup(path);
  if (!self || !copy) {
    free(self);
    free(copy);
    return tv_fail(TV_ERROR_MEMORY, "no memory left for a run file");
  }
  self->path = copy;
  self->options = *options;
  self->open_step = -1;
  self->sink = (tv_sink){
    .start = file_start,
    .row = file_row,
    .record = file_record,
    .end_step = file_end_step,
    .flush = file_flush,
    .close = file_close,
    .say = file_say,
  };
  int status = tv_clear_the_way(path, options->overwrite);
  if (status == TV_OK)
    status = create(self, 0);
  if (status < 0) {
    free(copy);
    free(self);
    return status;
  }
  *sink = &self->sink;
  return TV_OK;
}
