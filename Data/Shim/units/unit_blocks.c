/* SPDX-License-Identifier: BSD-3-Clause */
/* Blocks of records whose ranges were recorded: where they are, and what they say. */
#include "status.h"
#include "unit_ranges.h"
#include "units_work.h"

#include <math.h>
#include <stdlib.h>

/* A row of ranges says of how many records it is, and the step of the last one. Rows that do not fit
 * the records that are there are passed over: those records are read themselves. */
static void find_blocks(const tv_units *units, const tv_unit_stream *stream, tv_unit_origin *from)
{
  const tv_source_tensor *tensors;
  tv_source_tensors(units->source, &tensors);
  const tv_source_tensor *ranges = tensors + from->ranges;
  from->blocks = malloc(ranges->records * sizeof *from->blocks);
  for (size_t b = 0, r = 0, free_from = 0; from->blocks && b < ranges->records; ++b) {
    while (r < stream->records && stream->steps[r] < ranges->steps[b])
      ++r;
    if (r == stream->records)
      break;
    const int64_t count = ranges->samples[b];
    if (stream->steps[r] != ranges->steps[b] || count < 1 || (uint64_t)count > r + 1 - free_from)
      continue;
    from->blocks[from->block_count++] = (tv_unit_block){r + 1 - (size_t)count, (size_t)count, b};
    free_from = r + 1;
  }
}

size_t tv_units_blocks(tv_units *units, size_t stream, const tv_unit_block **blocks)
{
  tv_unit_origin *from = units->origins + stream;
  if (!from->blocks_asked && from->ranges >= 0)
    find_blocks(units, units->streams + stream, from);
  from->blocks_asked = 1;
  *blocks = from->blocks;
  return from->block_count;
}

/* One column of the rows of ranges from first on, or all. */
static void fetch(
  tv_units *units, size_t index, const tv_source_tensor *ranges, size_t first, size_t column)
{
  const size_t columns = ranges->shape.size[1], picked = column == SIZE_MAX ? columns : 1;
  const size_t count = units->streams[index].units * picked, most = tv_units_most(count);
  const size_t left = ranges->records - first;
  const int there = column == SIZE_MAX || column < columns;
  size_t *elements = there ? malloc(count * sizeof *elements) : NULL;
  for (size_t k = 0; elements && k < count; ++k)
    elements[k] = column == SIZE_MAX ? k : k * columns + column;
  tv_units_fetch(units, &units->ranges, index, (size_t)units->origins[index].ranges, elements,
    count, first, first + (left < most ? left : most));
  units->column = column;
  free(elements);
}

/* The row of a block, of one column or of all; NULL where it cannot be had, or a unit ends within. */
static double *row_of(tv_units *units, size_t index, size_t number, size_t column)
{
  const tv_unit_stream *stream = units->streams + index;
  const tv_unit_origin *from = units->origins + index;
  const tv_unit_block *block = from->blocks + number;
  const int64_t first = stream->steps[block->first];
  const int64_t last = stream->steps[block->first + block->count - 1];
  const tv_source_tensor *tensors;
  tv_source_tensors(units->source, &tensors);
  const tv_source_tensor *ranges = tensors + from->ranges;
  if (tv_units_ask_states(units, index) < 0)
    return NULL;
  for (size_t u = 0; from->pruned && u < stream->units; ++u)
    if (from->pruned[u] > first && from->pruned[u] <= last)
      return NULL;
  const tv_fetched *fetched = &units->ranges;
  const size_t r = block->record;
  if (fetched->stream != index || units->column != column || r < fetched->first ||
      r >= fetched->end)
    fetch(units, index, ranges, r, column);
  const size_t columns = column == SIZE_MAX ? ranges->shape.size[1] : 1;
  return fetched->failed ? NULL : fetched->rows + (r - fetched->first) * stream->units * columns;
}

/* Whether a unit was pruned before a block. */
static int is_gone(
  const tv_unit_stream *stream, const tv_unit_origin *from, size_t unit, size_t number)
{
  return from->pruned && from->pruned[unit] <= stream->steps[from->blocks[number].first];
}

int tv_units_read_block(
  tv_units *units, size_t index, size_t number, int measure, int least, float *result)
{
  const tv_unit_stream *stream = units->streams + index;
  const int found = tv_ranges_column(measure);
  const double *row = found < 0 ? NULL : row_of(units, index, number, (size_t)found + !least);
  for (size_t u = 0; row && u < stream->units; ++u)
    result[u] = is_gone(stream, units->origins + index, u, number) ? NAN : (float)row[u];
  return row ? TV_OK : TV_ERROR_UNSUPPORTED;
}

const double *tv_units_read_ranges(tv_units *units, size_t index, size_t number, size_t *columns)
{
  const tv_unit_stream *stream = units->streams + index;
  double *row = row_of(units, index, number, SIZE_MAX);
  const tv_source_tensor *tensors;
  tv_source_tensors(units->source, &tensors);
  *columns = tensors[units->origins[index].ranges].shape.size[1];
  for (size_t u = 0; row && u < stream->units; ++u)
    for (size_t c = 0; c < *columns && is_gone(stream, units->origins + index, u, number); ++c)
      row[u * *columns + c] = (double)NAN;
  return row;
}
