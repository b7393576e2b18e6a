/* SPDX-License-Identifier: BSD-3-Clause */
/* Histories of single elements: only the chunks that hold them are read. */
#include "run_hdf5.h"

#include "status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_BYTES ((size_t)1 << 20)  /* of chunks, while a history is read: stays warm */
#define WHOLE_BYTES ((size_t)8 << 20)  /* most of a chunk's records, as doubles, to be read whole */
#define RECORD_BYTES ((size_t)2 << 20) /* of whole records, while many of their elements are read */
#define RUN_ELEMENTS 64                /* HDF5 copies so many in the time that it finds a run in */

/* One element that is asked for. */
typedef struct pick
{
  size_t source, column; /* where it stands in a record; which of the result's columns */
  size_t box, at;        /* the box that has it, and where in it */
} pick;

/* A part of a record that is read at once: neighbours, whole pieces with a check, or all of it. */
typedef struct box
{
  size_t start[TV_RANK], count[TV_RANK], elements;
  size_t first, picks; /* of the picks, in order of boxes */
} box;

typedef struct history
{
  tv_run_file *file;
  const tv_run_stream *stream;
  size_t columns, first, end;
  double *result;
  pick *picks;
  box *boxes;
  size_t box_count;
  box whole; /* all of a record */
  size_t cache;
  hid_t dataset;
  char *buffer;
  size_t buffer_bytes;
  double *numbers; /* of one record of a box of which many are asked for */
} history;

static int compare_source(const void *left, const void *right)
{
  const pick *a = left, *b = right;
  return a->source != b->source ? (a->source < b->source ? -1 : 1) : 0;
}

static int compare_box(const void *left, const void *right)
{
  const pick *a = left, *b = right;
  return a->box != b->box ? (a->box < b->box ? -1 : 1) : compare_source(left, right);
}

static void place_of(size_t *at, const tv_shape *shape, size_t source)
{
  for (int a = shape->rank; a-- > 0;) {
    at[a] = source % shape->size[a];
    source /= shape->size[a];
  }
}

/* Elements that stand beside each other on the last axis. */
static void make_runs(history *h)
{
  const tv_shape *shape = &h->stream->shape;
  const size_t last = shape->rank ? shape->size[shape->rank - 1] : 1;
  qsort(h->picks, h->columns, sizeof *h->picks, compare_source);
  for (size_t k = 0; k < h->columns; ++k) {
    pick *p = &h->picks[k];
    const size_t before = k ? p[-1].source : 0;
    if (k == 0 || (p->source != before && p->source != before + 1) ||
        p->source / last != before / last) {
      box *b = &h->boxes[h->box_count++];
      *b = (box){.elements = 0, .first = k};
      place_of(b->start, shape, p->source);
      for (int a = 0; a < shape->rank; ++a)
        b->count[a] = 1;
    }
    box *b = &h->boxes[h->box_count - 1];
    p->box = h->box_count - 1;
    p->at = p->source - h->picks[b->first].source;
    b->elements = p->at + 1;
    ++b->picks;
    if (shape->rank)
      b->count[shape->rank - 1] = b->elements;
  }
}

/* The pieces that have elements, each once: whole, so that they can be verified. */
static void make_pieces(history *h)
{
  const tv_run_stream *stream = h->stream;
  const tv_shape *shape = &stream->shape;
  for (size_t k = 0; k < h->columns; ++k) {
    size_t at[TV_RANK] = {0};
    place_of(at, shape, h->picks[k].source);
    h->picks[k].box = 0;
    for (int a = 0; a < shape->rank; ++a) {
      const size_t chunk = stream->chunk[1 + a] ? (size_t)stream->chunk[1 + a] : 1;
      h->picks[k].box = h->picks[k].box * ((shape->size[a] + chunk - 1) / chunk) + at[a] / chunk;
    }
  }
  qsort(h->picks, h->columns, sizeof *h->picks, compare_box);
  size_t piece = 0;
  for (size_t k = 0; k < h->columns; ++k) {
    pick *p = &h->picks[k];
    size_t at[TV_RANK] = {0};
    place_of(at, shape, p->source);
    if (k == 0 || p->box != piece) {
      piece = p->box;
      box *b = &h->boxes[h->box_count++];
      *b = (box){.elements = 1, .first = k};
      memcpy(b->start, at, sizeof at);
      for (int a = 0; a < TV_RANK; ++a)
        b->count[a] = 1;
      tv_whole_pieces(stream, b->start, b->count);
      for (int a = 0; a < shape->rank; ++a)
        b->elements *= b->count[a];
    }
    box *b = &h->boxes[h->box_count - 1];
    ++b->picks;
    p->at = 0;
    for (int a = 0; a < shape->rank; ++a)
      p->at = p->at * b->count[a] + at[a] - b->start[a];
    p->box = h->box_count - 1;
  }
}

static int prepare(history *h, const tv_layout *layout, const size_t *elements)
{
  h->picks = calloc(h->columns, sizeof *h->picks);
  h->boxes = calloc(h->columns, sizeof *h->boxes);
  h->numbers = malloc((8 * h->columns + 1) * sizeof *h->numbers);
  if (!h->picks || !h->boxes || !h->numbers)
    return tv_run_file_fail(h->file, "there is not enough memory to read %s", h->stream->name);
  for (size_t k = 0; k < h->columns; ++k)
    h->picks[k] = (pick){.source = tv_layout_source(layout, elements[k]), .column = k};
  if (h->stream->has_checks)
    make_pieces(h);
  else
    make_runs(h);
  h->whole = (box){.elements = layout->elements, .picks = h->columns};
  memcpy(h->whole.count, h->stream->shape.size, sizeof h->whole.count);
  return TV_OK;
}

/* Numbers of records begin to end that are in a box, into the result. A record whose check does not
 * match is not a number, and the first such failure is returned. */
static int take_box(
  history *h, const box *b, int whole, size_t begin, size_t end, const tv_run_checks *checks)
{
  const size_t size = tv_type_size(h->stream->type), bytes = b->elements * size;
  int failure = TV_OK;
  const int status = tv_read_records(
    h->file, &h->dataset, h->stream, begin, end - begin, b->start, b->count, h->cache, h->buffer);
  if (status != TV_OK)
    return status;
  for (size_t record = begin; record < end; ++record) {
    const char *from = h->buffer + (record - begin) * bytes;
    double *row = h->result + (record - h->first) * h->columns;
    const int good =
      tv_verify_box(h->file, h->stream, checks, record, b->start, b->count, from) == TV_OK;
    failure = good ? failure : TV_ERROR_CANCELLED; /* this one only: see read_band() */
    const int many = b->elements <= 8 * b->picks;  /* converted all at once */
    if (good && many)
      tv_to_double(h->numbers, 1, h->stream->type, from, b->elements);
    for (size_t k = 0; k < b->picks; ++k) {
      const pick *p = &h->picks[b->first + k];
      const size_t at = whole ? p->source : p->at;
      row[p->column] = !good  ? (double)NAN
                       : many ? h->numbers[at]
                              : tv_one_double(h->stream->type, from + at * size);
    }
  }
  return failure;
}

/* All boxes of a band of records: each chunk is read once. TV_ERROR_CANCELLED where records are
 * damaged that are NaN by now, and all others are there. */
static int read_band(history *h, int whole, size_t begin, size_t end)
{
  const size_t count = whole ? 1 : h->box_count;
  const box *boxes = whole ? &h->whole : h->boxes;
  size_t bytes = 0, damaged = 0;
  tv_run_checks checks;
  int status = tv_read_checks(&checks, h->file, h->stream, begin, end - begin);
  for (size_t k = 0; k < count; ++k)
    bytes = boxes[k].elements > bytes ? boxes[k].elements : bytes;
  bytes *= tv_type_size(h->stream->type) * (end - begin);
  if (status == TV_OK && bytes > h->buffer_bytes) {
    free(h->buffer);
    h->buffer = malloc(bytes);
    h->buffer_bytes = h->buffer ? bytes : 0;
    if (!h->buffer)
      status = tv_run_file_fail(h->file, "there is not enough memory to read %s", h->stream->name);
  }
  if (status == TV_OK && h->dataset < 0)
    status = tv_open_values(&h->dataset, h->file, h->stream, h->cache);
  for (size_t k = 0; k < count && status == TV_OK; ++k) {
    status = take_box(h, &boxes[k], whole, begin, end, &checks);
    damaged += status == TV_ERROR_CANCELLED;
    status = status == TV_ERROR_CANCELLED ? TV_OK : status;
  }
  tv_free_checks(&checks);
  return status == TV_OK && damaged ? TV_ERROR_CANCELLED : status;
}

/* Band after band. A chunk that cannot be read costs its own records, and no others. */
static int read_bands(history *h, const tv_execution *execution)
{
  const tv_run_stream *stream = h->stream;
  const size_t rows = stream->chunk[0] ? (size_t)stream->chunk[0] : 1;
  const size_t elements = h->whole.elements, number = tv_type_size(stream->type);
  double chunk = (double)number;
  for (int a = 0; a <= stream->shape.rank; ++a)
    chunk *= (double)stream->chunk[a];
  h->cache = chunk > (double)CACHE_BYTES ? (size_t)chunk : CACHE_BYTES;
  const double fit = (double)CACHE_BYTES / chunk;
  size_t band = rows * (fit >= 1 ? (size_t)fit : 1);
  /* Where many elements of few are chosen, whole records are read, and the rest is dropped. */
  int whole = h->box_count > 1 && h->box_count * RUN_ELEMENTS >= elements &&
              (double)rows * (double)elements * 8 <= (double)WHOLE_BYTES;
  const size_t some = RECORD_BYTES / 8 / elements / rows;
  const size_t whole_band = rows * (some ? some : 1);
  char sentence[1024] = "";
  for (size_t begin = h->first, end; begin < h->end; begin = end) {
    const size_t together = whole ? whole_band : band;
    end = (begin / together + 1) * together;
    end = end < h->end ? end : h->end;
    const int status = read_band(h, whole, begin, end);
    if (status != TV_OK && (whole || (status != TV_ERROR_CANCELLED && band > rows))) {
      if (whole) /* perhaps because of what was not asked for */
        whole = 0;
      else /* which of its chunks is it? */
        band = rows;
      end = begin;
      continue;
    }
    if (status != TV_OK && !sentence[0])
      snprintf(sentence, sizeof sentence, "%s", tv_last_error());
    if (status != TV_OK && status != TV_ERROR_CANCELLED)
      for (size_t k = (begin - h->first) * h->columns; k < (end - h->first) * h->columns; ++k)
        h->result[k] = (double)NAN;
    const double done = (double)(end - h->first) / (double)(h->end - h->first);
    if (tv_source_progress(execution, done, stream->name) != TV_OK)
      return TV_ERROR_CANCELLED;
  }
  return sentence[0] ? tv_fail(TV_ERROR_FORMAT, "%s", sentence) : TV_OK;
}

int tv_run_file_history(tv_run_file *file, const tv_run_stream *stream, const tv_layout *layout,
  const size_t *elements, size_t count, size_t first, size_t end, double *result,
  const tv_execution *execution)
{
  history h = {.file = file,
    .stream = stream,
    .columns = count,
    .first = first,
    .end = end,
    .result = result,
    .dataset = -1};
  int status = prepare(&h, layout, elements);
  if (status == TV_OK)
    status = read_bands(&h, execution);
  tv_close_id(&h.dataset);
  free(h.numbers);
  free(h.buffer);
  free(h.boxes);
  free(h.picks);
  return status;
}
