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

/* One column of the rows of ranges from first on. */
static void fetch(
  tv_units *units, size_t index, const tv_source_tensor *ranges, size_t first, size_t column)
{
  const size_t count = units->streams[index].units, most = tv_units_most(count);
  const size_t left = ranges->records - first;
  size_t *elements = column < ranges->shape.size[1] ? malloc(count * sizeof *elements) : NULL;
  for (size_t u = 0; elements && u < count; ++u)
    elements[u] = u * ranges->shape.size[1] + column;
  tv_units_fetch(units, &units->ranges, index, (size_t)units->origins[index].ranges, elements,
    count, first, first + (left < most ? left : most));
  units->column = column;
  free(elements);
}

int tv_units_read_block(
  tv_units *units, size_t index, size_t number, int measure, int least, float *result)
{
  const tv_unit_stream *stream = units->streams + index;
  const tv_unit_origin *from = units->origins + index;
  const tv_unit_block *block = from->blocks + number;
  const int64_t first = stream->steps[block->first];
  const int64_t last = stream->steps[block->first + block->count - 1];
  const int found = tv_ranges_column(measure);
  const size_t column = (size_t)found + !least;
  const int status = tv_units_ask_states(units, index);
  if (status < 0)
    return status;
  for (size_t u = 0; from->pruned && u < stream->units; ++u)
    if (from->pruned[u] > first && from->pruned[u] <= last)
      return TV_ERROR_UNSUPPORTED;
  const tv_fetched *fetched = &units->ranges;
  const size_t r = block->record;
  if (found < 0)
    return TV_ERROR_UNSUPPORTED;
  if (fetched->stream != index || units->column != column || r < fetched->first ||
      r >= fetched->end) {
    const tv_source_tensor *tensors;
    tv_source_tensors(units->source, &tensors);
    fetch(units, index, tensors + from->ranges, r, column);
  }
  if (fetched->failed)
    return TV_ERROR_UNSUPPORTED;
  const double *row = fetched->rows + (r - fetched->first) * stream->units;
  for (size_t u = 0; u < stream->units; ++u)
    result[u] = from->pruned && from->pruned[u] <= first ? NAN : (float)row[u];
  return TV_OK;
}
