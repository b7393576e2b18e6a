/* SPDX-License-Identifier: BSD-3-Clause */
/* Shows what tensorview/source.h makes of files, for the tests.
 *
 *   source_tool OUT PATH...     a line of JSON for each tensor, then one for the source; every
 *                               record of every tensor that can be read, in OUT, as it is stored
 *
 * Each record is read in three more ways, which must agree: mapped, as windows, as single elements. */
#include "layout.h"
#include "status.h"
#include "tensorview/source.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const types[] = {"<f4", "<f8", "<f2", "bf16", "|i1", "|u1", "<i4", "<i8", "|b1"};

static int print(json_t *json)
{
  char *text = json_dumps(json, JSON_COMPACT);
  json_decref(json);
  if (!text)
    return 1;
  puts(text);
  free(text);
  return 0;
}

static int print_tensor(const tv_source_tensor *tensor)
{
  json_t *size = json_array(), *steps = json_array();
  for (int axis = 0; axis < tensor->shape.rank; ++axis)
    json_array_append_new(size, json_integer((json_int_t)tensor->shape.size[axis]));
  for (size_t r = 0; r < tensor->records; ++r)
    json_array_append_new(steps, json_integer(tensor->steps[r]));
  return print(json_pack("{s:s, s:s, s:s, s:o, s:o, s:i, s:s*}", "name", tensor->name, "axes",
    tensor->shape.axes, "type", types[tensor->type], "size", size, "steps", steps, "offered",
    tensor->offered, "problem", tensor->problem));
}

/* As windows, and the first, middle and last element of those. */
static int check(tv_source *source, size_t number, const tv_source_tensor *tensor, size_t record,
  const void *values)
{
  tv_layout layout;
  if (tv_layout_of(&layout, &tensor->shape) != TV_OK)
    return 1;
  const size_t wide = tv_layout_result_size(tensor->type), bytes = layout.elements * wide;
  const size_t total = layout.matrix ? layout.windows.rows : layout.windows.filters;
  char *wanted = malloc(bytes), *windows = malloc(bytes);
  double *history = malloc(3 * tensor->records * sizeof *history);
  const size_t elements[] = {0, layout.elements / 2, layout.elements - 1};
  int status = !wanted || !windows || !history ||
               tv_layout_convert_elements(
                 wanted, &layout, tensor->type, values, 0, layout.elements, NULL) != TV_OK ||
               tv_source_read_windows(source, number, record, 0, total, windows, NULL) != TV_OK ||
               memcmp(wanted, windows, bytes) != 0 ||
               tv_source_history(source, number, elements, 3, record, history, NULL) != TV_OK;
  for (int k = 0; !status && k < 3; ++k) {
    const char *from = wanted + elements[k] * wide;
    float single;
    double value;
    memcpy(&single, from, sizeof single);
    if (wide == 8)
      memcpy(&value, from, sizeof value);
    else
      value = single;
    status = !(value == (wide == 8 ? history[k] : (float)history[k]) || value != value);
  }
  free(wanted);
  free(windows);
  free(history);
  return status;
}

static int dump(tv_source *source, size_t number, const tv_source_tensor *tensor, FILE *out)
{
  static const size_t sizes[] = {4, 8, 2, 2, 1, 1, 4, 8, 1};
  size_t bytes = sizes[tensor->type];
  for (int axis = 0; axis < tensor->shape.rank; ++axis)
    bytes *= tensor->shape.size[axis];
  char *values = malloc(bytes + 1);
  int status = !values;
  for (size_t r = 0; !status && r < tensor->records; ++r) {
    status = tv_source_read(source, number, r, values) != TV_OK;
    const void *memory = status ? NULL : tv_source_map(source, number, r);
    status |= memory && memcmp(memory, values, bytes) != 0;
    status = status || check(source, number, tensor, r, values);
    status |= fwrite(values, 1, bytes, out) != bytes;
    if (status)
      fprintf(stderr, "%s, record %zu: %s\n", tensor->name, r, tv_last_error());
  }
  free(values);
  return status;
}

int main(int argc, char **argv)
{
  tv_source *source;
  const tv_source_tensor *tensors;
  const char *const *notes;
  FILE *out = argc > 2 ? fopen(argv[1], "wb") : NULL;
  if (!out)
    return 2;
  if (tv_source_open(&source, (const char *const *)argv + 2, (size_t)argc - 2, NULL) != TV_OK) {
    fprintf(stderr, "%s\n", tv_last_error());
    fclose(out);
    return 1;
  }
  int status = 0;
  const size_t count = tv_source_tensors(source, &tensors);
  for (size_t i = 0; i < count; ++i) {
    status |= print_tensor(tensors + i);
    if (!tensors[i].problem)
      status |= dump(source, i, tensors + i, out);
  }
  tv_source_rest(source);
  json_t *said = json_array();
  for (size_t i = 0; i < tv_source_notes(source, &notes); ++i)
    json_array_append_new(said, json_string(notes[i]));
  status |= print(json_pack("{s:o, s:i}", "notes", said, "closed", tv_source_closed(source)));
  status |= fclose(out) != 0;
  tv_source_close(source);
  return status;
}
