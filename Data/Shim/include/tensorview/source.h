/* SPDX-License-Identifier: BSD-3-Clause */
/* TensorView: read tensors over time, wherever they are.
 *
 * A source is whatever holds tensors at steps: a run file, several files that are one run, a ring
 * in shared memory, weight files and checkpoints of other frameworks. Reading mirrors writing
 * (tensorview/tensorview.h): what a trainer declared is listed here, what it wrote is read here.
 *
 *   tv_source *source;
 *   const char *path = "run.tvh5";
 *   if (tv_source_open(&source, &path, 1, NULL) < 0)
 *     puts(tv_last_error());
 *   const tv_source_tensor *tensors;
 *   size_t count = tv_source_tensors(source, &tensors);
 *   float *w = malloc(...);                            // the product of tensors[0].shape.size
 *   tv_source_read(source, 0, tensors[0].records - 1, w);
 *   tv_source_close(source);
 *
 * Nothing in a source is believed before it is checked, nothing outside the named files is followed
 * (but further parts of a run beside its first, see tensorview/format.h), nothing in them is
 * executed. What cannot be read costs itself and nothing else: a tensor that is not understood has
 * a problem, a sentence, and the others are there; of a damaged run there is what is whole, and
 * tv_source_note() says what was left out and why. Every int is 0 or a negative tv_status;
 * tv_last_error() has one sentence that names the file, the tensor and what is wrong.
 *
 * A source belongs to one thread at a time. Lists and names stay valid until tv_source_refresh() or
 * tv_source_close(). Tensors, records, steps and filters count from 0. */
#ifndef TENSORVIEW_SOURCE_H
#define TENSORVIEW_SOURCE_H

#include "tensorview/types.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tv_source tv_source;

/* A tensor and the steps at which it was recorded. Only complete records are listed. */
typedef struct tv_source_tensor
{
  const char *name; /* "conv1/weights": layer, '/', kind. A layer's own name may have slashes;
                              a kind has none */
  const char *layer, *kind;
  tv_type type;   /* of a record as it is stored */
  tv_shape shape; /* of a record as it is stored, slowest axis first */
  size_t records;
  const int64_t *steps;   /* [records], strictly increasing, from 0 */
  const int64_t *samples; /* [records]: how many each is the sum of; NULL where unknown */
  int offered;            /* 1: shown unless switched off; 0: only where asked for (the states of
                              an optimizer, say) */
  const char *problem;    /* NULL, or why no record of it can be read: a sentence, no full stop */
} tv_source_tensor;

/* The states of a layer's filters: codes in tensorview/types.h. */
typedef struct tv_source_states
{
  const char *layer;
  size_t filters;
  size_t records;
  const int64_t *steps; /* [records] */
} tv_source_states;

/* Loss, accuracy, ... */
typedef struct tv_source_scalars
{
  size_t count;             /* of names */
  const char *const *names; /* [count] */
  size_t records;
  const int64_t *steps; /* [records] */
} tv_source_scalars;

/* What viewers asked the trainer for, and what it answered (tensorview/request.h). */
typedef struct tv_source_requests
{
  size_t records;
  const int64_t *steps; /* [records]: at which it answered */
} tv_source_requests;

/* What tv_source_open() may be told. Start from tv_source_default_options(). */
typedef struct tv_source_options
{
  size_t size;        /* of this structure: lets it grow */
  const char *medium; /* NULL (default): known by what is inside. Otherwise the name of one:
                          "run file", "ring", "safetensors", "torch", "keras", "numpy", "onnx",
                          "tensorflow.js" */
} tv_source_options;

TV_API tv_source_options tv_source_default_options(void);

/* Opens one or several paths as one source: files that are one run or one series of checkpoints,
 * in whatever order; or "ring:NAME", a run in shared memory. options may be NULL. Lists everything
 * and reads no values. On failure *source is NULL. */
TV_API int tv_source_open(
  tv_source **source, const char *const *paths, size_t count, const tv_source_options *options);

/* NULL is allowed. */
TV_API void tv_source_close(tv_source *source);

/* 1 where the file is one that tv_source_open() knows, of whatever version, by its first bytes; 0
 * where it is not. Quick and silent. medium may be NULL; otherwise its name is left there. */
TV_API int tv_source_recognise(const char *path, const char **medium);

/* What a refresh found. */
typedef enum tv_change
{
  TV_CHANGE_NONE = 0,
  TV_CHANGE_GREW = 1,    /* records, tensors or scalars were added; what was there is the same */
  TV_CHANGE_REPLACED = 2 /* it is another run, or what was there has changed */
} tv_change;

/* 1 where a refresh may find something, by names, sizes and times of files: quick. 0 where nothing
 * has changed. */
TV_API int tv_source_changed(const tv_source *source);

/* Looks whether there is more, and lists it: costs what is new. change may be NULL. On failure the
 * source stays as it was. */
TV_API int tv_source_refresh(tv_source *source, tv_change *change);

/* Lets go of files: the next call opens them again. A trainer that wants to replace its file is
 * never stopped by somebody who looks at it. */
TV_API void tv_source_rest(tv_source *source);

/* 1: its writer has closed it; 0: it is being written, or its writer was killed. */
TV_API int tv_source_closed(const tv_source *source);

/* Whatever was left out, one sentence each: a damaged record, a tail that does not agree. */
TV_API size_t tv_source_notes(const tv_source *source, const char *const **notes);

/* The lists. Pointers may be NULL. Tensors stand in the order of the network, of each layer
 * weights, bias, activations, gradients, then others by name. */
TV_API size_t tv_source_tensors(const tv_source *source, const tv_source_tensor **tensors);
TV_API size_t tv_source_states_of(const tv_source *source, const tv_source_states **states);
TV_API void tv_source_scalars_of(const tv_source *source, tv_source_scalars *scalars);
TV_API void tv_source_requests_of(const tv_source *source, tv_source_requests *requests);

/* The number of a tensor by its name, "layer/kind"; -1 where there is none. Does not search. */
TV_API ptrdiff_t tv_source_find(const tv_source *source, const char *name);

/* The last record of a tensor at or before a step; -1 where there is none. */
TV_API ptrdiff_t tv_source_record_at(const tv_source *source, size_t tensor, int64_t step);

/* One record as it is stored: result has room for the product of shape.size numbers of type. */
TV_API int tv_source_read(tv_source *source, size_t tensor, size_t record, void *result);

/* One record as views have it, [filter][channel][row][column] (layout.h), float32, or float64 for
 * float64, int32 and int64: filters first to first + count; of a matrix, rows instead of filters.
 * Straight into result where order and type allow. */
TV_API int tv_source_read_windows(tv_source *source, size_t tensor, size_t record, size_t first,
  size_t count, void *result, const tv_execution *execution);

/* The same memory as tv_source_read() would fill, where the medium has it as it is (a ring, a mapped
 * file): not to be written to, valid until tv_source_refresh(), tv_source_rest() or close. NULL
 * where it must be read, and where the file is another than was opened. A mapped file that somebody
 * cuts short in place later than that ends, by SIGBUS, the program that touches the memory; a file
 * that is replaced by another of its name does no harm. Who cannot rule that out reads instead. */
TV_API const void *tv_source_map(tv_source *source, size_t tensor, size_t record);

/* The history of single elements: result[(record - first) * count + k] is element elements[k], a
 * flat index in [filter, channel, row, column] order, of each record from first on. Reads only what
 * holds them. Where some cannot be read, the result has NaN for their records, is otherwise
 * complete, and the failure is returned. */
TV_API int tv_source_history(tv_source *source, size_t tensor, const size_t *elements, size_t count,
  size_t first, double *result, const tv_execution *execution);
/* The same, of the records before end. */
TV_API int tv_source_history_until(tv_source *source, size_t tensor, const size_t *elements,
  size_t count, size_t first, size_t end, double *result, const tv_execution *execution);

/* Scalars of records first to first + count: result[(record - first) * names + k]; NaN where one
 * has no value. Where some cannot be read, the result has NaN for their records, is otherwise
 * complete, and the failure is returned. */
TV_API int tv_source_read_scalars(tv_source *source, size_t first, size_t count, double *result);

/* The states of all filters of states[index] at a record. */
TV_API int tv_source_read_states(tv_source *source, size_t index, size_t record, int32_t *result);

/* What was asked for and answered at a record's step, in words, a line for each request: "merge 5 into 3
 * of conv1: accepted: conv1 has 14 filters left". UTF-8 where the trainer's sentences are, without
 * other control characters than the line's end; cut off where it is longer than size
 * (TV_REQUEST_TEXT is enough for what we write), and always with a 0 at its end. */
TV_API int tv_source_read_request(tv_source *source, size_t record, char *text, size_t size);

#define TV_MOST_ELEMENTS 4096

/* "0-2,100" as indices, each once, in the order given: what HistoryElements says, everywhere. Ranges
 * end where the tensor does. elements has room for TV_MOST_ELEMENTS; *count is how many there are.
 * TV_ERROR_ARGUMENT where it is no such list, names none of the tensor, or too many. */
TV_API int tv_parse_elements(size_t *elements, size_t *count, const char *text, size_t available);

#ifdef __cplusplus
}
#endif
#endif
