/* SPDX-License-Identifier: BSD-3-Clause */
/* Weight files as media of tensorview/source.h: one for each format, and all the same but for what
 * they recognise. A series may mix formats. */
#include "source_medium.h"
#include "status.h"
#include "weights_list.h"
#include "weights_series.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum
{
  MOST_OPEN = 64 /* files of a series that are kept open */
};

/* The medium of a path: of a folder, that of the first file in it; of a file that is damaged, the
 * one that its name claims, which says best what is wrong. */
static const char *medium_of(const char *path)
{
  static const struct
  {
    const char *end, *medium;
  } claims[] = {{".safetensors", "safetensors"}, {".safetensors.index.json", "safetensors"},
    {".pt", "torch"}, {".pth", "torch"}, {".ckpt", "torch"}, {".npz", "numpy"}, {".npy", "numpy"},
    {".onnx", "onnx"}, {".keras", "keras"}};
  struct stat about;
  tv_weights_paths files;
  if (stat(path, &about) != 0)
    return NULL;
  const size_t length = strlen(path);
  if (S_ISDIR(about.st_mode)) {
    if (length > 5 && strcmp(path + length - 5, ".tvh5") == 0)
      return NULL; /* meant as a run: its medium says that it is no file */
    if (tv_weights_expand(&files, &path, 1) != 0)
      return "safetensors"; /* to say so */
    const char *medium = tv_weights_recognise(files.paths[0]);
    tv_weights_paths_free(&files);
    return medium;
  }
  const char *medium = S_ISREG(about.st_mode) ? tv_weights_recognise(path) : NULL;
  for (size_t i = 0; !medium && i < sizeof claims / sizeof claims[0]; ++i) {
    const size_t end = strlen(claims[i].end);
    if (S_ISREG(about.st_mode) && length > end &&
        strcasecmp(path + length - end, claims[i].end) == 0)
      medium = claims[i].medium;
  }
  return medium;
}

static void free_state(tv_weights_state *state)
{
  if (!state)
    return;
  for (size_t i = 0; i < state->count; ++i)
    tv_weights_close(state->files[i]);
  for (size_t i = 0; i < state->given_count; ++i)
    free(state->given[i]);
  free(state->files);
  free(state->steps);
  free(state->entries);
  free(state->given);
  free(state);
}

/* Opens every file; of a series those that can be opened, with a note for each other. */
static int open_files(tv_listing *list, tv_weights_state *state, const tv_weights_paths *paths)
{
  int status = 0;
  state->files = calloc(paths->count, sizeof *state->files);
  state->steps = calloc(paths->count, sizeof *state->steps);
  if (!state->files || !state->steps)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", paths->paths[0]);
  for (size_t i = 0; i < paths->count; ++i) {
    const int opened = tv_weights_open(&state->files[state->count], paths->paths[i]);
    if (opened == 0) {
      if (paths->count > MOST_OPEN)
        tv_weights_rest(state->files[state->count]);
      ++state->count;
      continue;
    }
    if (paths->count == 1)
      return opened;
    status = opened;
    if (tv_listing_add_note(list, tv_last_error()) != TV_OK)
      return TV_ERROR_MEMORY;
  }
  if (state->count == 0)
    return status;
  return tv_weights_sort(state->files, state->steps, state->count);
}

static int fill(tv_listing *list, tv_weights_state *state)
{
  tv_weights_paths paths;
  int status = tv_weights_expand(&paths, (const char *const *)state->given, state->given_count);
  if (status != 0)
    return status;
  status = open_files(list, state, &paths);
  tv_weights_paths_free(&paths);
  return status != 0 ? status : tv_weights_list(list, state);
}

static tv_weights_state *new_state(const char *const *paths, size_t count)
{
  tv_weights_state *state = calloc(1, sizeof *state);
  if (state)
    state->given = calloc(count, sizeof *state->given);
  for (size_t i = 0; state && state->given && i < count; ++i) {
    state->given[i] = strdup(paths[i]);
    if (!state->given[i])
      break;
    ++state->given_count;
  }
  if (state && state->given_count == count)
    return state;
  free_state(state);
  tv_fail(TV_ERROR_MEMORY, "%s: no memory", paths[0]);
  return NULL;
}

static int open_source(tv_source *source, const char *const *paths, size_t count)
{
  tv_weights_state *state = new_state(paths, count);
  source->state = state;
  return state ? fill(&source->list, state) : TV_ERROR_MEMORY;
}

static void close_source(tv_source *source)
{
  free_state(source->state);
  source->state = NULL;
}

static int changed(const tv_source *source)
{
  const tv_weights_state *state = source->state;
  tv_weights_paths paths;
  if (tv_weights_expand(&paths, (const char *const *)state->given, state->given_count) != 0)
    return 1;
  int other = paths.count < state->count;
  for (size_t i = 0; !other && i < state->count; ++i)
    for (size_t k = 0; !other && k < state->files[i]->file_count; ++k)
      other = tv_mapped_changed(state->files[i]->files + k);
  for (size_t i = 0; !other && i < paths.count; ++i) { /* one that was not there */
    size_t k = 0;
    while (k < state->count && strcmp(state->files[k]->files[0].path, paths.paths[i]) != 0)
      ++k;
    other = k == state->count && tv_weights_recognise(paths.paths[i]) != NULL;
  }
  tv_weights_paths_free(&paths);
  return other;
}

static int refresh(tv_source *source, tv_change *change)
{
  tv_weights_state *old = source->state;
  tv_listing list = {0};
  if (!changed(source))
    return TV_OK;
  tv_weights_state *state = new_state((const char *const *)old->given, old->given_count);
  const int status = state ? fill(&list, state) : TV_ERROR_MEMORY;
  if (status != 0) {
    tv_listing_free(&list);
    free_state(state);
    return status;
  }
  tv_listing_free(&source->list);
  free_state(old);
  source->list = list;
  source->state = state;
  *change = TV_CHANGE_REPLACED;
  return TV_OK;
}

static void rest(tv_source *source)
{
  tv_weights_state *state = source->state;
  for (size_t i = 0; i < state->count; ++i)
    tv_weights_rest(state->files[i]);
}

/* The file of a record; of a long series, the one that was read before is let go. */
static tv_weights *file_of(tv_weights_state *state, const tv_weights_record *record)
{
  if (state->count > MOST_OPEN && state->last != record->file)
    tv_weights_rest(state->files[state->last]);
  state->last = record->file;
  return state->files[record->file];
}

/* The later of two records less the earlier one. */
static int read_update(
  tv_source *source, const tv_weights_record *record, tv_type type, void *result)
{
  tv_weights_state *state = source->state;
  const tv_weights_tensor *tensor = record->tensor;
  const size_t each = tv_stored_read_bytes(tensor->stored), count = tensor->elements;
  const tv_type stored = tv_stored_type(tensor->stored);
  char *after = malloc(count * each), *before = malloc(count * each);
  int status = after && before
                 ? TV_OK
                 : tv_fail(TV_ERROR_MEMORY, "%s: no memory for its updates", tensor->name);
  if (status == TV_OK)
    status = tv_weights_read(file_of(state, record), tensor, after);
  if (status == TV_OK)
    status = tv_weights_read(file_of(state, record - 1), record[-1].tensor, before);
  for (size_t k = 0; status == TV_OK && k < count; ++k) {
    const double change =
      tv_stored_double(stored, after + k * each) - tv_stored_double(stored, before + k * each);
    if (type == TV_FLOAT64)
      ((double *)result)[k] = change;
    else
      ((float *)result)[k] = (float)change;
  }
  free(after);
  free(before);
  return status;
}

static int read_record(tv_source *source, size_t tensor, size_t number, void *result)
{
  tv_weights_state *state = source->state;
  const tv_weights_entry *entry = state->entries + tensor;
  const tv_weights_record *record = entry->records + number;
  if (entry->update)
    return read_update(source, record, source->list.tensors[tensor].type, result);
  return tv_weights_read(file_of(state, record), record->tensor, result);
}

static const void *map(tv_source *source, size_t tensor, size_t number)
{
  tv_weights_state *state = source->state;
  const tv_weights_entry *entry = state->entries + tensor;
  const tv_weights_record *record = entry->records + number;
  if (entry->update || state->count > MOST_OPEN)
    return NULL; /* memory of a long series would not stay */
  return tv_weights_map(state->files[record->file], record->tensor);
}

static int history(tv_source *source, size_t tensor, const tv_layout *layout,
  const size_t *elements, size_t count, size_t first, size_t end, double *result,
  const tv_execution *execution)
{
  tv_weights_state *state = source->state;
  const tv_weights_entry *entry = state->entries + tensor;
  const tv_source_tensor *listed = source->list.tensors + tensor;
  size_t *places = malloc((count + 1) * sizeof *places);
  double *before = malloc((count + 1) * sizeof *before);
  int failure = places && before ? TV_OK : tv_fail(TV_ERROR_MEMORY, "%s: no memory", listed->name);
  char sentence[1024] = "";
  for (size_t k = 0; failure == TV_OK && k < count; ++k)
    places[k] = tv_layout_source(layout, elements[k]);
  for (size_t r = first; places && before && r < end; ++r) {
    const tv_weights_record *record = entry->records + r;
    double *row = result + (r - first) * count;
    int status = tv_weights_elements(file_of(state, record), record->tensor, places, count, row);
    if (status == TV_OK && entry->update)
      status =
        tv_weights_elements(file_of(state, record - 1), record[-1].tensor, places, count, before);
    for (size_t k = 0; k < count; ++k)
      row[k] = status != TV_OK ? __builtin_nan("") : row[k] - (entry->update ? before[k] : 0.0);
    if (status != TV_OK && failure == TV_OK) {
      failure = status;
      strncpy(sentence, tv_last_error(), sizeof sentence - 1);
    }
    const double done = (double)(r + 1 - first) / (double)(end - first);
    if (tv_source_progress(execution, done, listed->name) != TV_OK) {
      failure = TV_ERROR_CANCELLED;
      strncpy(sentence, tv_last_error(), sizeof sentence - 1);
      break;
    }
  }
  free(places);
  free(before);
  return failure == TV_OK ? TV_OK : tv_fail((tv_status)failure, "%s", sentence);
}

static int read_scalars(tv_source *source, size_t first, size_t count, double *result)
{
  const tv_weights_state *state = source->state;
  const size_t width = source->list.scalars.count;
  if (width)
    memcpy(result, state->scalars + first * width, count * width * sizeof *result);
  return TV_OK;
}

#define WEIGHTS_MEDIUM(which, title)                                                               \
  static int recognise_##which(const char *path)                                                   \
  {                                                                                                \
    const char *medium = medium_of(path);                                                          \
    return medium && strcmp(medium, title) == 0;                                                   \
  }                                                                                                \
  const tv_medium tv_medium_##which = {.name = title,                                              \
    .recognise = recognise_##which,                                                                \
    .open = open_source,                                                                           \
    .close = close_source,                                                                         \
    .changed = changed,                                                                            \
    .refresh = refresh,                                                                            \
    .rest = rest,                                                                                  \
    .read = read_record,                                                                           \
    .history = history,                                                                            \
    .map = map,                                                                                    \
    .read_scalars = read_scalars}

WEIGHTS_MEDIUM(safetensors, "safetensors");
WEIGHTS_MEDIUM(torch, "torch");
WEIGHTS_MEDIUM(keras, "keras");
WEIGHTS_MEDIUM(numpy, "numpy");
WEIGHTS_MEDIUM(onnx, "onnx");
WEIGHTS_MEDIUM(tensorflowjs, "tensorflow.js");
