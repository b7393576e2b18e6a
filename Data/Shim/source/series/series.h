/* SPDX-License-Identifier: BSD-3-Clause */
/* One or several run files as one continued run. Internal.
 *
 * A run that was stopped and went on in another file is a series. Runs are taken in the order of
 * their first steps, whatever the order of their names; from the first step of a later run on, what
 * an earlier one has is superseded (training that went back to a checkpoint). Tensors and scalars
 * are the union of those of all runs; a tensor must have the same axes, sizes and type in all of
 * them.
 *
 * Further parts of a run (run.part1.tvh5 beside run.tvh5; tensorview/format.h) go on where the part
 * before them ends: nothing is superseded, and what does not continue is left out. */
#ifndef TV_SERIES_H
#define TV_SERIES_H

#include "run_file.h"

/* Some records of one stream of one file. */
typedef struct tv_segment
{
  size_t file, stream; /* in the series; in the file's streams */
  size_t begin, count; /* of the track's records, which is the file's record 0; how many */
} tv_segment;

/* The records of a tensor (or of states, scalars, requests) through all files. */
typedef struct tv_track
{
  tv_segment *segments; /* in order */
  size_t count, room;
  size_t records;
  int64_t *steps, *samples; /* where there are several segments: the series' own */
} tv_track;

/* A run: a file, and the parts that go on with it. */
typedef struct tv_series_run
{
  size_t first, count; /* of the series' files */
  int64_t start;       /* its first step; INT64_MAX where it has no records */
} tv_series_run;

typedef struct tv_series
{
  tv_run_file **files;
  size_t count, room;
  tv_series_run *runs; /* in order of their first steps */
  size_t run_count;
  char **paths; /* as they were asked for */
  size_t path_count;
  tv_track *tensors, *states; /* of the source's lists, in order */
  size_t tensor_count, states_count;
  tv_track scalars, requests;
} tv_series;

/* Fills a list, and the tracks of a series whose files are open and listed (series_list.c). */
int tv_series_list(tv_series *series, tv_listing *list);
void tv_series_free_tracks(tv_series *series);

/* Where a record of a track is. */
const tv_segment *tv_track_segment(const tv_track *track, size_t record);

/* The name of part number of a run, in an allocation that the caller frees; NULL where there is no
 * such regular file, or no memory. */
char *tv_series_part(const char *path, int number);

/* The medium's functions that open files and look at them again (series.c); those that read are in
 * series_read.c. */
int tv_series_open(tv_source *source, const char *const *paths, size_t count);
void tv_series_close(tv_source *source);
void tv_series_rest(tv_source *source);
int tv_series_changed(const tv_source *source);
int tv_series_refresh(tv_source *source, tv_change *change);

#endif
