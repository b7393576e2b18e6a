/* SPDX-License-Identifier: BSD-3-Clause */
/* What units.c and unit_blocks.c share. Internal. */
#ifndef TV_UNITS_WORK_H
#define TV_UNITS_WORK_H

#include "tensorview/units.h"
#include "unit_statistics.h"

/* Records of which the range of each measure is known. */
typedef struct tv_unit_block
{
  size_t first, count; /* of the stream's records */
  size_t record;       /* of the stream of ranges */
} tv_unit_block;

/* Some records of small streams, all read at once. */
typedef struct tv_fetched
{
  double *rows;
  size_t room; /* for so many numbers */
  size_t first, end, stream;
  int failed; /* they could not be read */
} tv_fetched;

/* Where the statistics of a stream come from, and what is kept between two records. */
typedef struct tv_unit_origin
{
  size_t tensor;  /* of the statistics, or of the tensor itself */
  size_t columns; /* of recorded statistics */
  tv_type type;
  tv_unit_view view;
  size_t bytes;    /* of a record */
  void *record;    /* memory for one */
  void *previous;  /* and for the one before, where updates are measured */
  ptrdiff_t held;  /* the record that previous holds; -1: none */
  int64_t *pruned; /* [units]: the step from which on there is no such unit; NULL: all live on */
  int states_asked;
  size_t next, in_order; /* the record that would be read in order, and how many were */

  ptrdiff_t ranges;      /* the tensor that has the ranges of blocks; -1: none */
  tv_unit_block *blocks; /* in order; NULL until they are asked for */
  size_t block_count;
  int blocks_asked;
} tv_unit_origin;

struct tv_units
{
  tv_source *source;
  tv_unit_stream *streams;
  tv_unit_origin *origins;
  size_t count;
  tv_fetched records; /* [units][columns] of each */
  tv_fetched ranges;  /* [units] of each: one column, ... */
  size_t column;      /* ...this one; or SIZE_MAX: all of them */
};

/* Asks from which step on each unit is gone, once. */
int tv_units_ask_states(tv_units *units, size_t stream);

/* The blocks of a stream whose ranges are recorded. */
size_t tv_units_blocks(tv_units *units, size_t stream, const tv_unit_block **blocks);

/* The least or greatest value of a measure over a block: result[unit], NaN where there is none, and
 * for units that were pruned before. TV_ERROR_UNSUPPORTED where a unit is pruned within, where the
 * measure is not there, or where the range cannot be read: then the records have to be. */
int tv_units_read_block(
  tv_units *units, size_t stream, size_t block, int measure, int least, float *result);

/* All that is known of a block: the numbers of ranges, result[unit][columns], columns as the file has
 * them. Fails where tv_units_read_block() does. NULL: they cannot be had. */
const double *tv_units_read_ranges(tv_units *units, size_t stream, size_t block, size_t *columns);

/* Most records of so many numbers that are read at once. */
size_t tv_units_most(size_t numbers);

/* Reads elements[0] to [count - 1] of records first to end of a tensor of the source. */
void tv_units_fetch(tv_units *units, tv_fetched *fetched, size_t stream, size_t tensor,
  const size_t *elements, size_t count, size_t first, size_t end);

#endif
