/* SPDX-License-Identifier: BSD-3-Clause */
/* Statistics of units over time: as they were recorded, or computed from the tensors. */
#include "units_work.h"

#include "status.h"
#include "unit_ranges.h"
#include "unit_rules.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum
{
  IN_ORDER = 16,         /* records read one after the other, before more are fetched */
  MOST_FETCHED = 1 << 18 /* numbers: they stay in the processor's cache */
};

/* The kind without its suffix, where it has one and something before it. */
static int without_suffix(char *kind, const char *full)
{
  const size_t length = strlen(full), suffix = strlen(TV_STATISTICS_SUFFIX);
  strcpy(kind, full);
  if (length <= suffix || strcmp(full + length - suffix, TV_STATISTICS_SUFFIX) != 0)
    return 0;
  kind[length - suffix] = 0;
  return 1;
}

static int is_statistics(const tv_source_tensor *tensor)
{
  return !tv_ranges_is_kind(tensor->kind) && tensor->type == TV_FLOAT32 &&
         tensor->shape.rank == 2 && tensor->shape.size[1] >= TV_MEASURES;
}

static int find(const tv_units *units, const char *layer, const char *kind)
{
  for (size_t s = units->count; s-- > 0;)
    if (strcmp(units->streams[s].layer, layer) == 0 && strcmp(units->streams[s].kind, kind) == 0)
      return (int)s;
  return -1;
}

static size_t numbers_of(const tv_source_tensor *tensor)
{
  size_t numbers = 1;
  for (int a = 0; a < tensor->shape.rank; ++a)
    numbers *= tensor->shape.size[a]; /* checked by the source */
  return numbers;
}

/* A tensor as a stream, or what it adds to one that is there. */
static int list_tensor(tv_units *units, const tv_source_tensor *tensor, size_t index)
{
  char kind[TV_NAME_LENGTH + 1];
  if (strlen(tensor->kind) > TV_NAME_LENGTH)
    return TV_OK; /* nobody who declares a tensor gets there */
  const int statistics = without_suffix(kind, tensor->kind) && is_statistics(tensor);
  const int known = find(units, tensor->layer, kind);
  tv_unit_stream *stream = units->streams + (known < 0 ? (int)units->count : known);
  tv_unit_origin *from = units->origins + (stream - units->streams);
  const char *name = known < 0 ? NULL : stream->kind;
  if (statistics) {
    const size_t numbers = known < 0 ? 0 : stream->numbers;
    if (tensor->records == 0)
      return TV_OK;
    *stream = (tv_unit_stream){.layer = tensor->layer,
      .units = tensor->shape.size[0],
      .records = tensor->records,
      .steps = tensor->steps,
      .numbers = numbers,
      .recorded = 1};
    *from =
      (tv_unit_origin){.tensor = index, .columns = tensor->shape.size[1], .held = -1, .ranges = -1};
  } else if (known >= 0) {
    stream->numbers = numbers_of(tensor);
    return TV_OK;
  } else {
    tv_unit_view view;
    if (tensor->records == 0 || strcmp(tensor->shape.axes, "mm") == 0 ||
        tv_unit_view_axes(&view, tensor->shape.axes, tensor->shape.size) < 0)
      return TV_OK;
    *stream = (tv_unit_stream){.layer = tensor->layer,
      .units = view.units,
      .records = tensor->records,
      .steps = tensor->steps,
      .numbers = numbers_of(tensor)};
    *from = (tv_unit_origin){
      .tensor = index, .type = tensor->type, .view = view, .held = -1, .ranges = -1};
    from->bytes = stream->numbers * tv_type_size(tensor->type);
  }
  stream->kind = known < 0 ? strdup(kind) : name;
  if (!stream->kind)
    return tv_fail(TV_ERROR_MEMORY, "no memory left for the name of a tensor");
  units->count += known < 0;
  return TV_OK;
}

/* The ranges of a stream that is listed. */
static void list_ranges(tv_units *units, const tv_source_tensor *tensor, size_t index)
{
  char kind[TV_NAME_LENGTH + 1], shown[TV_NAME_LENGTH + 1];
  if (tensor->records == 0 || !tensor->samples || tensor->type != TV_FLOAT32 ||
      tensor->shape.rank != 2 || strlen(tensor->kind) > TV_NAME_LENGTH)
    return;
  strcpy(kind, tensor->kind);
  kind[strlen(kind) - strlen(TV_RANGES_SUFFIX)] = 0;
  const int known = without_suffix(shown, kind) ? find(units, tensor->layer, shown) : -1;
  if (known >= 0 && units->streams[known].recorded &&
      units->streams[known].units == tensor->shape.size[0])
    units->origins[known].ranges = (ptrdiff_t)index;
}

int tv_units_open(tv_units **units, tv_source *source)
{
  if (!units || !source)
    return tv_fail(TV_ERROR_ARGUMENT, "units need a place and a source, not NULL");
  const tv_source_tensor *tensors;
  const size_t count = tv_source_tensors(source, &tensors);
  tv_units *made = *units = calloc(1, sizeof *made);
  if (made) {
    made->source = source;
    made->streams = calloc(count + 1, sizeof *made->streams);
    made->origins = calloc(count + 1, sizeof *made->origins);
    made->records.stream = made->ranges.stream = SIZE_MAX;
  }
  if (!made || !made->streams || !made->origins) {
    tv_units_close(made);
    *units = NULL;
    return tv_fail(TV_ERROR_MEMORY, "no memory left to list the units of %zu tensors", count);
  }
  int status = TV_OK;
  for (size_t t = 0; t < count && status == TV_OK; ++t)
    if (!tensors[t].problem && (tensors[t].offered || is_statistics(tensors + t)))
      status = list_tensor(made, tensors + t, t);
  for (size_t t = 0; t < count && status == TV_OK; ++t)
    if (!tensors[t].problem && tv_ranges_is_kind(tensors[t].kind))
      list_ranges(made, tensors + t, t);
  if (status < 0) {
    tv_units_close(made);
    *units = NULL;
  }
  return status;
}

void tv_units_close(tv_units *units)
{
  if (!units)
    return;
  for (size_t s = 0; units->origins && s < units->count; ++s) {
    free((char *)units->streams[s].kind);
    free(units->origins[s].record);
    free(units->origins[s].previous);
    free(units->origins[s].pruned);
    free(units->origins[s].blocks);
  }
  free(units->records.rows);
  free(units->ranges.rows);
  free(units->streams);
  free(units->origins);
  free(units);
}

size_t tv_units_streams(const tv_units *units, const tv_unit_stream **streams)
{
  if (streams)
    *streams = units ? units->streams : NULL;
  return units ? units->count : 0;
}

/* From which step on each unit is gone. States that cannot be read, or are of another number of
 * filters, say nothing. */
int tv_units_ask_states(tv_units *units, size_t index)
{
  const tv_unit_stream *stream = units->streams + index;
  tv_unit_origin *from = units->origins + index;
  const tv_source_states *states;
  if (from->states_asked)
    return TV_OK;
  const size_t count = tv_source_states_of(units->source, &states);
  from->states_asked = 1;
  for (size_t i = 0; i < count; ++i) {
    if (strcmp(states[i].layer, stream->layer) != 0 || states[i].filters != stream->units)
      continue;
    int32_t *now = malloc(stream->units * sizeof *now);
    from->pruned = malloc(stream->units * sizeof *from->pruned);
    if (!now || !from->pruned) {
      free(now);
      return tv_fail(TV_ERROR_MEMORY, "no memory left for the states of %zu units", stream->units);
    }
    for (size_t u = 0; u < stream->units; ++u)
      from->pruned[u] = INT64_MAX;
    for (size_t r = 0; r < states[i].records; ++r)
      if (tv_source_read_states(units->source, i, r, now) == TV_OK)
        for (size_t u = 0; u < stream->units; ++u)
          if ((now[u] >= 0 || now[u] == TV_FILTER_PRUNED) && from->pruned[u] == INT64_MAX)
            from->pruned[u] = states[i].steps[r];
    free(now);
    return TV_OK;
  }
  return TV_OK;
}

size_t tv_units_most(size_t numbers)
{
  return numbers < MOST_FETCHED ? MOST_FETCHED / numbers : 1;
}

void tv_units_fetch(tv_units *units, tv_fetched *fetched, size_t stream, size_t tensor,
  const size_t *elements, size_t count, size_t first, size_t end)
{
  const size_t numbers = (end - first) * count;
  if (numbers > fetched->room) {
    free(fetched->rows);
    fetched->rows = malloc(numbers * sizeof *fetched->rows);
    fetched->room = fetched->rows ? numbers : 0;
  }
  fetched->first = first;
  fetched->end = end;
  fetched->stream = stream;
  fetched->failed = !fetched->rows || !elements ||
                    tv_source_history_until(
                      units->source, tensor, elements, count, first, end, fetched->rows, NULL) < 0;
}

/* Small records that are read in order: many of them at once, as a history, which costs a call for each
 * piece of the file instead of one for each record. Where that fails they are read singly. */
static void fetch(tv_units *units, size_t index, size_t first)
{
  const tv_unit_stream *stream = units->streams + index;
  const tv_unit_origin *from = units->origins + index;
  const size_t numbers = stream->units * from->columns, left = stream->records - first;
  const size_t asked = 4 * from->in_order; /* who has read so many may go on */
  size_t most = tv_units_most(numbers);
  most = most < asked ? most : asked;
  size_t *elements = most >= IN_ORDER ? malloc(numbers * sizeof *elements) : NULL;
  for (size_t k = 0; elements && k < numbers; ++k)
    elements[k] = k;
  tv_units_fetch(units, &units->records, index, from->tensor, elements, numbers, first,
    first + (left < most ? left : most));
  free(elements);
}

/* Whether records about this one were fetched, and copies it where they could be. */
static int take_fetched(const tv_units *units, size_t index, size_t record, float *result)
{
  const tv_fetched *fetched = &units->records;
  const size_t columns = units->origins[index].columns, count = units->streams[index].units;
  if (fetched->stream != index || record < fetched->first || record >= fetched->end ||
      fetched->failed)
    return 0;
  const double *row = fetched->rows + (record - fetched->first) * count * columns;
  for (size_t u = 0; u < count; ++u)
    for (size_t m = 0; m < TV_MEASURES; ++m)
      result[u * TV_MEASURES + m] = (float)row[u * columns + m];
  return 1;
}

static int read_recorded(tv_units *units, size_t index, size_t record, float *result)
{
  const tv_unit_stream *stream = units->streams + index;
  tv_unit_origin *from = units->origins + index;
  from->in_order = record == from->next ? from->in_order + 1 : 0;
  from->next = record + 1;
  if (take_fetched(units, index, record, result))
    return TV_OK;
  if (from->in_order >= IN_ORDER) { /* not those again that could not be */
    const tv_fetched *before = &units->records;
    if (before->stream != index || record < before->first || record >= before->end)
      fetch(units, index, record);
    if (take_fetched(units, index, record, result))
      return TV_OK;
  }
  if (from->columns == TV_MEASURES)
    return tv_source_read(units->source, from->tensor, record, result);
  if (!from->record)
    from->record = calloc(stream->units * from->columns, sizeof(float));
  if (!from->record)
    return tv_fail(TV_ERROR_MEMORY, "no memory left for statistics of %zu units", stream->units);
  const int status = tv_source_read(units->source, from->tensor, record, from->record);
  for (size_t u = 0; u < stream->units && status == TV_OK; ++u)
    memcpy(result + u * TV_MEASURES, (const float *)from->record + u * from->columns,
      TV_MEASURES * sizeof *result);
  return status;
}

static int compute(tv_units *units, tv_unit_origin *from, const tv_unit_stream *stream,
  size_t record, float *result, const tv_execution *execution)
{
  const int updates = tv_role_of(stream->kind) != TV_ROLE_ACTIVATIONS;
  if (!from->record)
    from->record = malloc(from->bytes);
  if (updates && !from->previous)
    from->previous = malloc(from->bytes);
  if (!from->record || (updates && !from->previous))
    return tv_fail(
      TV_ERROR_MEMORY, "no memory left for two records of \"%s/%s\"", stream->layer, stream->kind);
  int status = TV_OK;
  if (updates && record > 0 && from->held != (ptrdiff_t)record - 1) {
    status = tv_source_read(units->source, from->tensor, record - 1, from->previous);
    from->held = status == TV_OK ? (ptrdiff_t)record - 1 : -1;
  }
  if (status == TV_OK)
    status = tv_source_read(units->source, from->tensor, record, from->record);
  if (status < 0)
    return status;
  status = tv_unit_statistics(result, from->record, from->type, &from->view,
    updates ? from->previous : NULL, updates && record > 0, execution ? execution->threads : 1);
  from->held = updates ? (ptrdiff_t)record : -1;
  return status;
}

int tv_units_read(
  tv_units *units, size_t index, size_t record, float *result, const tv_execution *execution)
{
  if (!units || index >= units->count || !result)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no such stream of units, or no place for it");
  const tv_unit_stream *stream = units->streams + index;
  tv_unit_origin *from = units->origins + index;
  if (record >= stream->records)
    return tv_fail(TV_ERROR_ARGUMENT, "\"%s/%s\" has %zu records, and none of number %zu",
      stream->layer, stream->kind, stream->records, record);
  int status = tv_units_ask_states(units, index);
  if (status == TV_OK)
    status = stream->recorded ? read_recorded(units, index, record, result)
                              : compute(units, from, stream, record, result, execution);
  for (size_t u = 0; from->pruned && u < stream->units && status == TV_OK; ++u)
    for (int m = 0; m < TV_MEASURES && stream->steps[record] >= from->pruned[u]; ++m)
      result[u * TV_MEASURES + m] = NAN;
  return status;
}
