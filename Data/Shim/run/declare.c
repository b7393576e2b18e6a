/* SPDX-License-Identifier: BSD-3-Clause */
/* The verbs that declare, and what a name, an axis and a shape may be. */
#include "run.h"
#include "status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of the UTF-8 character at text; 0 where it is none, or a control character. */
static int character(const unsigned char *text)
{
  if (text[0] < 0x80)
    return text[0] >= 0x20 && text[0] != 0x7f;
  const int bytes = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
  if (text[0] < 0xc2 || text[0] > 0xf4)
    return 0;
  for (int i = 1; i < bytes; ++i)
    if ((text[i] & 0xc0) != 0x80)
      return 0;
  if ((text[0] == 0xc2 && text[1] < 0xa0) ||  /* control characters */
      (text[0] == 0xe0 && text[1] < 0xa0) ||  /* longer than need be */
      (text[0] == 0xed && text[1] >= 0xa0) || /* surrogates */
      (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] >= 0x90))
    return 0;
  return bytes;
}

static int check_text(const char *text, const char *what)
{
  if (!text)
    return tv_fail(TV_ERROR_ARGUMENT, "a %s needs a name, not NULL", what);
  const size_t length = strnlen(text, TV_NAME_LENGTH + 1);
  if (length < 1 || length > TV_NAME_LENGTH)
    return tv_fail(TV_ERROR_ARGUMENT, "the name of a %s has 1 to %d bytes, not that of \"%.70s\"",
      what, TV_NAME_LENGTH, text);
  for (const char *at = text; *at;) {
    const int bytes = character((const unsigned char *)at);
    if (bytes == 0)
      return tv_fail(TV_ERROR_ARGUMENT,
        "the name of a %s is UTF-8 without control characters; byte %td of it is not", what,
        at - text);
    at += bytes;
  }
  return TV_OK;
}

static int check_kind(const char *kind)
{
  const int status = check_text(kind, "kind");
  if (status < 0)
    return status;
  if (strspn(kind, "abcdefghijklmnopqrstuvwxyz0123456789_") != strlen(kind))
    return tv_fail(
      TV_ERROR_ARGUMENT, "a kind has the characters a-z, 0-9, '_' only, not \"%s\"", kind);
  if (strcmp(kind, "filters") == 0)
    return tv_fail(TV_ERROR_ARGUMENT, "\"filters\" is declared by tv_declare_filters()");
  return TV_OK;
}

/* Shape, type, elements and bytes of a record, and the batch, from what the trainer says. */
static int take_shape(tv_stream *stream, const char *axes, const size_t *shape, const char *name)
{
  if (tv_shape_split_batch(&stream->shape, &stream->batch, axes, shape) < 0) {
    char reason[200];
    snprintf(reason, sizeof reason, "%s", tv_last_error());
    return tv_fail(TV_ERROR_ARGUMENT, "\"%s\": %s", name, reason);
  }
  stream->type = stream->batch.axis < 0 ? stream->source : tv_type_result(stream->source);
  stream->elements = tv_shape_elements(&stream->shape);
  stream->bytes = tv_shape_bytes(&stream->shape, stream->type);
  return TV_OK;
}

/* The stream of that name, or -1. */
static int find_stream(const tv_run *run, const char *layer, const char *kind)
{
  for (int s = 0; s < run->count; ++s)
    if (strcmp(run->streams[s].layer, layer) == 0 && strcmp(run->streams[s].kind, kind) == 0)
      return s;
  return -1;
}

static int add_stream(tv_run *run, const tv_stream *stream)
{
  if (run->count == run->capacity) {
    const int capacity = run->capacity ? 2 * run->capacity : 16;
    tv_stream *streams = realloc(run->streams, (size_t)capacity * sizeof *streams);
    if (streams)
      run->streams = streams;
    int *tensors = realloc(run->tensors, (size_t)capacity * sizeof *tensors);
    if (tensors)
      run->tensors = tensors;
    if (!streams || !tensors)
      return tv_fail(
        TV_ERROR_MEMORY, "no memory left for the tensor \"%s/%s\"", stream->layer, stream->kind);
    run->capacity = capacity;
  }
  run->streams[run->count++] = *stream;
  return TV_OK;
}

static int may_declare(const tv_run *run, const char *layer, const char *kind)
{
  if (run->started && !run->file)
    return tv_fail(TV_ERROR_STATE,
      "\"%s/%s\" must be declared before the first step is written: the run has no file, and its "
      "ring has no room for more",
      layer, kind);
  if (find_stream(run, layer, kind) >= 0)
    return tv_fail(TV_ERROR_STATE, "\"%s/%s\" is declared already", layer, kind);
  if (run->count == TV_MOST_STREAMS)
    return tv_fail(TV_ERROR_UNSUPPORTED, "a run has at most %d tensors", TV_MOST_STREAMS);
  return TV_OK;
}

int tv_declare(int *tensor, tv_run *run, const char *layer, const char *kind, tv_type type,
  const char *axes, const size_t *shape)
{
  char name[2 * TV_NAME_LENGTH + 2];
  tv_stream stream = {.source = type, .last_step = -1, .file_step = -1};
  int status;
  if (tensor)
    *tensor = -1;
  if ((status = tv_run_check(run)) < 0 || (status = check_text(layer, "layer")) < 0 ||
      (status = check_kind(kind)) < 0)
    return status;
  strcpy(stream.layer, layer);
  strcpy(stream.kind, kind);
  stpcpy(stpcpy(stpcpy(name, layer), "/"), kind);
  if (!tensor || !axes || !shape)
    return tv_fail(TV_ERROR_ARGUMENT, "\"%s\": tensor, axes and shape must not be NULL", name);
  if (tv_type_size(type) == 0)
    return tv_fail(TV_ERROR_ARGUMENT, "\"%s\": there is no type %d", name, (int)type);
  if ((status = may_declare(run, layer, kind)) < 0 ||
      (status = take_shape(&stream, axes, shape, name)) < 0)
    return status;
  stream.tensor = run->tensor_count;
  if ((status = add_stream(run, &stream)) < 0)
    return status;
  run->tensors[run->tensor_count] = run->count - 1;
  *tensor = run->tensor_count++;
  return TV_OK;
}

int tv_declare_filters(tv_run *run, const char *layer, size_t filters)
{
  tv_stream stream = {
    .kind = "filters", .type = TV_INT32, .tensor = -1, .last_step = -1, .file_step = -1};
  int status;
  if ((status = tv_run_check(run)) < 0 || (status = check_text(layer, "layer")) < 0)
    return status;
  if (filters < 1 || filters > INT32_MAX)
    return tv_fail(
      TV_ERROR_ARGUMENT, "\"%s\": a layer has 1 to %d filters, not %zu", layer, INT32_MAX, filters);
  if ((status = may_declare(run, layer, "filters")) < 0)
    return status;
  strcpy(stream.layer, layer);
  tv_batch none;
  if ((status = tv_shape_split_batch(&stream.shape, &none, "o", &filters)) < 0)
    return status;
  stream.source = TV_INT32;
  stream.batch = none;
  stream.elements = filters;
  stream.bytes = filters * sizeof(int32_t);
  return add_stream(run, &stream);
}

int tv_run_scalar(tv_run *run, const char *name)
{
  if (name) /* the common case first */
    for (int i = 0; i < run->scalars.count; ++i)
      if (strcmp(run->scalars.name[i], name) == 0)
        return i;
  const int status = check_text(name, "scalar");
  if (status < 0)
    return status;
  if (run->scalars.count == TV_MOST_SCALARS)
    return tv_fail(TV_ERROR_UNSUPPORTED, "a run has at most %d scalars", TV_MOST_SCALARS);
  strcpy(run->scalars.name[run->scalars.count], name);
  return run->scalars.count++;
}

int tv_declare_scalar(tv_run *run, const char *name)
{
  int status = tv_run_check(run);
  if (status == TV_OK)
    status = tv_run_scalar(run, name);
  return status < 0 ? status : TV_OK;
}
