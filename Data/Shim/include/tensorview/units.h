/* SPDX-License-Identifier: BSD-3-Clause */
/* TensorView: every unit of every layer at every step.
 *
 * A unit is a filter of a convolution, a row of a fully connected layer, an entry of a vector. What
 * is measured of it stands in tensorview/measures.h. Where a trainer recorded statistics
 * (tv_observe(), or "<kind>_statistics" tensors of its own) they are read; otherwise they are
 * computed from the tensors, which costs reading those.
 *
 *   tv_units *units;
 *   tv_units_open(&units, source);
 *   const tv_unit_stream *streams;
 *   size_t count = tv_units_streams(units, &streams);
 *   float *rows = malloc(streams[0].units * TV_MEASURES * sizeof *rows);
 *   tv_units_read(units, 0, streams[0].records - 1, rows, NULL);
 *   tv_units_close(units);
 *
 * Every int is 0 or a negative tv_status, and tv_last_error() has the sentence. A tv_units belongs
 * to one thread at a time, and to its source, which must live longer; tv_source_refresh() ends it:
 * close it and open it again, which reads no values. */
#ifndef TENSORVIEW_UNITS_H
#define TENSORVIEW_UNITS_H

#include "tensorview/measures.h"
#include "tensorview/source.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tv_units tv_units;

/* The statistics of one tensor's units over time. Names are the source's. */
typedef struct tv_unit_stream
{
  const char *layer;
  const char *kind; /* of the tensor: "weights", also where only its statistics are recorded */
  size_t units;
  size_t records;
  const int64_t *steps; /* [records] */
  size_t numbers;       /* of a record of the tensor; 0 where it was not declared */
  int recorded;         /* 1: the statistics themselves; 0: computed from the tensor */
} tv_unit_stream;

/* Lists the streams, in the order of the network. Tensors that cannot be read, are not offered, or
 * whose units are not side by side, are left out. On failure *units is NULL. */
TV_API int tv_units_open(tv_units **units, tv_source *source);
TV_API void tv_units_close(tv_units *units); /* NULL is allowed */
TV_API size_t tv_units_streams(const tv_units *units, const tv_unit_stream **streams);

/* One record: result[unit][TV_MEASURES]. A unit that was pruned, or merged into another, is NaN from
 * the step on at which it was. Records in order are quickest. */
TV_API int tv_units_read(
  tv_units *units, size_t stream, size_t record, float *result, const tv_execution *execution);

/* What a picture of all units can show. */
typedef enum tv_view_measure
{
  TV_VIEW_UPDATE_WEIGHT = 0, /* rms of the update / rms of the weights; around 1e-3 is healthy */
  TV_VIEW_GRADIENT_RMS = 1,
  TV_VIEW_WEIGHT_RMS = 2,
  TV_VIEW_WEIGHT_MEAN = 3,
  TV_VIEW_DEAD_SHARE = 4, /* share of samples for which the activation is 0 everywhere */
  TV_VIEW_ACTIVATION_MEAN = 5,
  TV_VIEW_ACTIVATION_RMS = 6,
  TV_VIEW_ZEROS = 7,        /* share of activations that are 0 */
  TV_VIEW_WEIGHT_ZEROS = 8, /* share of weights that are 0 */
  TV_VIEW_NOT_FINITE = 9,   /* how many weights are not */
  TV_VIEW_MEASURES = 10
} tv_view_measure;

/* "Update/Weight", ... as views name them; NULL for a number that does not exist. */
TV_API const char *tv_view_name(int measure);
/* 1 where people read its logarithm. */
TV_API int tv_view_logarithmic(int measure);
/* The kind of tensor that it is a measure of, "weights". */
TV_API const char *tv_view_kind(int measure);
/* The measure of one unit, from its row of statistics. */
TV_API double tv_view_value(int measure, const float *row);
/* The same as pictures show it: where logarithm is not 0, log10 of what is read so, -12 at least. */
TV_API float tv_view_shown(int measure, const float *row, int logarithm);
TV_API float tv_view_scaled(int measure, float value, int logarithm); /* of the measure itself */

/* What tv_timeline_make() may be told. Start from tv_timeline_defaults(). */
typedef struct tv_timeline_options
{
  size_t size;                                     /* of this structure: lets it grow */
  int measure;                                     /* TV_VIEW_UPDATE_WEIGHT */
  int (*wanted)(void *context, const char *layer); /* NULL: all layers; otherwise those for which
                                                      it does not return 0 */
  void *context;
  int64_t first_step, last_step; /* all of them: 0, INT64_MAX */
  int least;                     /* where several steps share a column: 0 their greatest, 1 their
                                    least value */
  int logarithm;                 /* 1: log10, from 1e-12 on, of what is read so; 0: values */
  int plan_only;       /* 1: only rows, columns, shared and together, from the lists alone */
  size_t most_columns; /* 4096 */
  size_t most_cells;   /* 4 million: what a large screen has pixels */
} tv_timeline_options;

TV_API tv_timeline_options tv_timeline_defaults(void);

/* A picture: a row for each unit, a column for each step at which one of them was recorded. */
typedef struct tv_timeline
{
  size_t rows, columns;
  float *values;   /* [rows][columns]; NaN in gaps, before a unit's first record, and after it was
                      pruned. Between two records the last one stands */
  int32_t *layer;  /* [rows]: number of the layer, -1 in gaps between layers */
  int32_t *unit;   /* [rows]: of its layer, the first where several share a row; -1 in gaps */
  int64_t *steps;  /* [columns]: the first step of each */
  int64_t last;    /* the last step of all */
  size_t layers;   /* shown */
  char **names;    /* [layers] */
  size_t shared;   /* units that share a row, 1: none do */
  size_t together; /* steps of a column at most */
} tv_timeline;

/* Nothing is skipped: where there are more steps (or units) than columns (rows), each shows the
 * greatest or the least of all that it stands for. Where nothing is there to show, rows is 0. On
 * failure the timeline is empty. */
TV_API int tv_timeline_make(tv_timeline *timeline, tv_units *units,
  const tv_timeline_options *options, const tv_execution *execution);
TV_API void tv_timeline_free(tv_timeline *timeline);

#ifdef __cplusplus
}
#endif
#endif
