/* SPDX-License-Identifier: BSD-3-Clause */
/* tensorview/source.h: what is read, and what media leave to be done for them. */
#include "source_medium.h"

#include "status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whether there is such a record that can be read. */
static int check_record(const tv_source *source, size_t tensor, size_t record)
{
  if (tensor >= source->list.tensor_count)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no tensor number %zu: there are %zu", tensor,
      source->list.tensor_count);
  const tv_source_tensor *t = &source->list.tensors[tensor];
  if (t->problem)
    return tv_fail(TV_ERROR_UNSUPPORTED, "%s", t->problem);
  if (record >= t->records)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no record %zu of %s: there are %zu", record,
      t->name, t->records);
  return TV_OK;
}

/* The layout of a tensor, worked out once. */
static int layout_of(const tv_layout **layout, tv_source *source, size_t tensor)
{
  tv_layout *kept = &source->layouts[tensor];
  *layout = kept;
  if (kept->elements || tv_layout_of(kept, &source->list.tensors[tensor].shape) == TV_OK)
    return TV_OK;
  kept->elements = 0;
  return tv_fail(TV_ERROR_FORMAT, "%s: %s", source->list.tensors[tensor].name, tv_last_error());
}

int tv_source_read(tv_source *source, size_t tensor, size_t record, void *result)
{
  const int status = check_record(source, tensor, record);
  return status != TV_OK ? status : source->medium->read(source, tensor, record, result);
}

const void *tv_source_map(tv_source *source, size_t tensor, size_t record)
{
  if (!source->medium->map || tensor >= source->list.tensor_count ||
      source->list.tensors[tensor].problem || record >= source->list.tensors[tensor].records)
    return NULL;
  return source->medium->map(source, tensor, record);
}

/* The record as it is: mapped, or read into memory that the caller frees (*owned). */
static int whole_record(
  const void **record, void **owned, tv_source *source, size_t tensor, size_t number)
{
  const tv_source_tensor *t = &source->list.tensors[tensor];
  *owned = NULL;
  *record = tv_source_map(source, tensor, number);
  if (*record)
    return TV_OK;
  const size_t bytes = tv_shape_bytes(&t->shape, t->type);
  *owned = bytes ? malloc(bytes) : NULL;
  if (!*owned)
    return tv_fail(TV_ERROR_MEMORY, "%s: there is not enough memory to read it", t->name);
  *record = *owned;
  return source->medium->read(source, tensor, number, *owned);
}

int tv_source_read_windows(tv_source *source, size_t tensor, size_t record, size_t first,
  size_t count, void *result, const tv_execution *execution)
{
  const tv_layout *layout;
  int status = check_record(source, tensor, record);
  if (status == TV_OK)
    status = layout_of(&layout, source, tensor);
  if (status != TV_OK)
    return status;
  const tv_source_tensor *t = &source->list.tensors[tensor];
  const size_t total = layout->matrix ? layout->windows.rows : layout->windows.filters;
  if (count == 0 || first >= total || count > total - first)
    return tv_fail(TV_ERROR_ARGUMENT, "%s has no filters %zu to %zu: there are %zu", t->name, first,
      first + count - 1, total);
  if (source->medium->read_windows)
    return source->medium->read_windows(
      source, tensor, record, layout, first, count, result, execution);
  const void *values;
  void *owned;
  const size_t each = layout->elements / total;
  status = whole_record(&values, &owned, source, tensor, record);
  if (status == TV_OK)
    status = tv_layout_convert_elements(
      result, layout, t->type, values, first * each, count * each, execution);
  free(owned);
  return status;
}

/* The history of media that have nothing better: whole records, one after the other. */
static int plain_history(tv_source *source, size_t tensor, const tv_layout *layout,
  const size_t *elements, size_t count, size_t first, size_t end, double *result,
  const tv_execution *execution)
{
  const tv_source_tensor *t = &source->list.tensors[tensor];
  const size_t size = tv_type_size(t->type);
  int failure = TV_OK;
  char sentence[1024] = "";
  for (size_t r = first; r < end; ++r) {
    const void *values;
    void *owned;
    double *row = result + (r - first) * count;
    const int status = whole_record(&values, &owned, source, tensor, r);
    for (size_t k = 0; k < count; ++k)
      row[k] = status != TV_OK
                 ? (double)NAN
                 : tv_one_double(
                     t->type, (const char *)values + tv_layout_source(layout, elements[k]) * size);
    free(owned);
    if (status != TV_OK && failure == TV_OK) {
      failure = status;
      snprintf(sentence, sizeof sentence, "%s", tv_last_error());
    }
    const double done = (double)(r + 1 - first) / (double)(end - first);
    const int stopped = tv_source_progress(execution, done, t->name);
    if (stopped != TV_OK)
      return stopped;
  }
  return failure == TV_OK ? TV_OK : tv_fail((tv_status)failure, "%s", sentence);
}

int tv_source_history(tv_source *source, size_t tensor, const size_t *elements, size_t count,
  size_t first, double *result, const tv_execution *execution)
{
  return tv_source_history_until(
    source, tensor, elements, count, first, SIZE_MAX, result, execution);
}

int tv_source_history_until(tv_source *source, size_t tensor, const size_t *elements, size_t count,
  size_t first, size_t end, double *result, const tv_execution *execution)
{
  const tv_layout *layout;
  if (tensor < source->list.tensor_count && !source->list.tensors[tensor].problem) {
    const size_t records = source->list.tensors[tensor].records;
    end = end < records ? end : records;
    if (first >= end || count == 0)
      return TV_OK;
  }
  int status = check_record(source, tensor, first);
  if (status == TV_OK)
    status = layout_of(&layout, source, tensor);
  if (status != TV_OK)
    return status;
  const tv_source_tensor *t = &source->list.tensors[tensor];
  for (size_t k = 0; k < count; ++k)
    if (elements[k] >= layout->elements)
      return tv_fail(TV_ERROR_ARGUMENT, "%s has no element %zu: it has %zu", t->name, elements[k],
        layout->elements);
  return (source->medium->history ? source->medium->history : plain_history)(
    source, tensor, layout, elements, count, first, end, result, execution);
}

int tv_source_read_scalars(tv_source *source, size_t first, size_t count, double *result)
{
  const tv_source_scalars *s = &source->list.scalars;
  if (first > s->records || count > s->records - first)
    return tv_fail(TV_ERROR_ARGUMENT,
      "there are no records %zu to %zu of the scalars: there are %zu", first, first + count - 1,
      s->records);
  if (count == 0 || s->count == 0)
    return TV_OK;
  return source->medium->read_scalars(source, first, count, result);
}

int tv_source_read_states(tv_source *source, size_t index, size_t record, int32_t *result)
{
  if (index >= source->list.states_count)
    return tv_fail(TV_ERROR_ARGUMENT, "there are no states number %zu", index);
  const tv_source_states *states = &source->list.states[index];
  if (record >= states->records)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no record %zu of the states of %s: there are %zu",
      record, states->layer, states->records);
  return source->medium->read_states(source, index, record, result);
}

int tv_source_read_request(tv_source *source, size_t record, char *text, size_t size)
{
  const size_t records = source->list.requests.records;
  if (!text || size == 0)
    return tv_fail(TV_ERROR_ARGUMENT, "reading requests needs a place for the text");
  if (record >= records)
    return tv_fail(
      TV_ERROR_ARGUMENT, "there is no record %zu of requests: there are %zu", record, records);
  return source->medium->read_request(source, record, text, size);
}

int tv_source_progress(const tv_execution *execution, double done, const char *title)
{
  if (!execution || !execution->progress || execution->progress(execution->context, done) == 0)
    return TV_OK;
  return tv_fail(TV_ERROR_CANCELLED, "reading %s was stopped", title);
}
