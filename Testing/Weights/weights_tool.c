/* SPDX-License-Identifier: BSD-3-Clause */
/* Shows what the readers of weight files make of a file, for the tests.
 *
 *   weights_tool list FILE        a line of JSON for each tensor, then one for the file
 *   weights_tool dump FILE OUT    the same, and all values, one after the other, in OUT
 *   weights_tool medium FILE      what it is recognised as
 *
 * 1 and a sentence on stderr where the file cannot be opened or a tensor not be read. */
#include "status.h"
#include "weights.h"

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

/* Reads a tensor, compares it with its mapped memory and with single elements. */
static int dump(tv_weights *weights, const tv_weights_tensor *tensor, FILE *out)
{
  const size_t each = tv_stored_read_bytes(tensor->stored), bytes = each * tensor->elements;
  char *values = malloc(bytes + 1);
  if (!values || tv_weights_read(weights, tensor, values)) {
    fprintf(stderr, "%s\n", values ? tv_last_error() : "no memory");
    free(values);
    return 1;
  }
  const void *memory = tv_weights_map(weights, tensor);
  int status = memory && memcmp(memory, values, bytes) != 0;
  const size_t elements[] = {0, tensor->elements / 2, tensor->elements - 1};
  double wanted[3];
  status |= tv_weights_elements(weights, tensor, elements, 3, wanted) != 0;
  for (int k = 0; k < 3; ++k) {
    const double value =
      tv_stored_double(tv_stored_type(tensor->stored), values + elements[k] * each);
    status |= !(value == wanted[k] || (value != value && wanted[k] != wanted[k]));
  }
  if (status)
    fprintf(stderr, "%s: its memory, elements and values differ\n", tensor->name);
  status |= fwrite(values, 1, bytes, out) != bytes;
  free(values);
  return status;
}

static json_t *describe(tv_weights *weights, const tv_weights_tensor *tensor)
{
  json_t *size = json_array();
  for (int axis = 0; axis < tensor->rank; ++axis)
    json_array_append_new(size, json_integer((json_int_t)tensor->size[axis]));
  json_t *json = json_object();
  json_object_set_new(json, "name", json_string(tensor->name));
  json_object_set_new(json, "layer", json_string(tensor->layer));
  json_object_set_new(json, "kind", json_string(tensor->kind));
  json_object_set_new(json, "axes", json_string(tensor->axes));
  json_object_set_new(json, "type", json_string(types[tv_stored_type(tensor->stored)]));
  json_object_set_new(json, "size", size);
  json_object_set_new(json, "offered", json_integer(tensor->offered));
  json_object_set_new(json, "mapped", json_integer(tv_weights_map(weights, tensor) != NULL));
  json_object_set_new(
    json, "problem", tensor->problem ? json_string(tensor->problem) : json_null());
  return json;
}

int main(int argc, char **argv)
{
  tv_weights *weights;
  if (argc == 3 && !strcmp(argv[1], "medium")) {
    const char *medium = tv_weights_recognise(argv[2]);
    puts(medium ? medium : "none");
    return 0;
  }
  if (argc < 3 || tv_weights_open(&weights, argv[2])) {
    fprintf(
      stderr, "%s\n", argc < 3 ? "usage: weights_tool list|dump|medium FILE" : tv_last_error());
    return 1;
  }
  FILE *out = argc > 3 ? fopen(argv[3], "wb") : NULL;
  int status = 0;
  for (size_t i = 0; i < weights->count; ++i) {
    status |= print(describe(weights, weights->tensors + i));
    if (out && !weights->tensors[i].problem)
      status |= dump(weights, weights->tensors + i, out);
  }
  json_t *notes = json_array();
  for (size_t i = 0; i < weights->note_count; ++i)
    json_array_append_new(notes, json_string(weights->notes[i]));
  json_t *scalars = json_object();
  for (size_t i = 0; i < weights->scalar_count; ++i)
    json_object_set_new(scalars, weights->scalars[i].name, json_real(weights->scalars[i].value));
  status |= print(json_pack("{s:s, s:I, s:o, s:o}", "medium", weights->medium, "step",
    (json_int_t)weights->step, "notes", notes, "scalars", scalars));
  if (out)
    status |= fclose(out) != 0;
  tv_weights_close(weights);
  return status;
}
