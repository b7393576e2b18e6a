/* SPDX-License-Identifier: BSD-3-Clause */
/* What a medium gives, so that tensorview/source.h can read from it. Internal.
 *
 * A further medium is one folder beside this file, with one tv_medium in it, and one line in the
 * list of source.c. Its open() fills the lists; what it leaves NULL is done by source.c from
 * read(): windows by conversion (layout.h), histories record by record, one after the other.
 *
 * Every function of a medium is called with numbers that exist: the tensor is in the list and has
 * no problem, the record is below its records, the elements below those of its layout. Sentences
 * begin with the path. */
#ifndef TV_SOURCE_MEDIUM_H
#define TV_SOURCE_MEDIUM_H

#include "layout.h"
#include "tensorview/source.h"

#include <stddef.h>
#include <stdint.h>

/* Numbers by names: a table that is filled once. All zero is an empty one. */
typedef struct tv_name_index
{
  const char **names; /* [room]; not copied */
  size_t *numbers;    /* [room] */
  size_t room, count;
} tv_name_index;

/* A name that is there already keeps its number. 0 or TV_ERROR_MEMORY. */
int tv_name_index_add(tv_name_index *index, const char *name, size_t number);
/* SIZE_MAX where there is none. */
size_t tv_name_index_find(const tv_name_index *index, const char *name);
void tv_name_index_free(tv_name_index *index);

/* Memory that is freed all at once. All zero is an empty one. */
typedef struct tv_arena
{
  struct tv_arena_block *blocks;
} tv_arena;

/* Zeroed memory, aligned for any type; NULL, with a sentence, where there is none. */
void *tv_arena_take(tv_arena *arena, size_t bytes);
char *tv_arena_copy(tv_arena *arena, const char *text);
void tv_arena_free(tv_arena *arena);

/* The lists of a source. Whatever they point to lives in the arena, or with the medium until it
 * changes the lists. All zero is an empty one. */
typedef struct tv_listing
{
  tv_source_tensor *tensors;
  size_t tensor_count, tensor_room;
  tv_source_states *states;
  size_t states_count, states_room;
  tv_source_scalars scalars;
  tv_source_requests requests;
  const char **notes;
  size_t note_count, note_room;
  int closed; /* tv_source_closed() */
  tv_arena arena;
} tv_listing;

/* One more, zeroed, valid until the next; NULL, with a sentence, where there is no memory. */
tv_source_tensor *tv_listing_add_tensor(tv_listing *list);
tv_source_states *tv_listing_add_states(tv_listing *list);

/* One more sentence, unless it is there already. */
int tv_listing_add_note(tv_listing *list, const char *sentence);
void tv_listing_free(tv_listing *list);

/* Where a kind stands among those of its layer: weights, bias, activations, gradients, others. */
int tv_kind_rank(const char *kind);

typedef struct tv_medium tv_medium;

struct tv_source
{
  const tv_medium *medium;
  void *state; /* the medium's own */
  tv_listing list;
  tv_name_index index; /* of list.tensors, by name: source.c's */
  tv_layout *layouts;  /* of list.tensors; elements 0 where none was asked for: source.c's */
};

struct tv_medium
{
  const char *name; /* "run file" */

  /* 1 where this path (perhaps not a file's) is of this medium; silent. */
  int (*recognise)(const char *path);

  /* Fills source->state and source->list; may leave both half done where it fails: close() is
   * called all the same. */
  int (*open)(tv_source *source, const char *const *paths, size_t count);
  void (*close)(tv_source *source);

  /* See tv_source_changed(), _refresh(), _rest(); NULL: it never changes, it holds nothing open. */
  int (*changed)(const tv_source *source);
  int (*refresh)(tv_source *source, tv_change *change);
  void (*rest)(tv_source *source);

  int (*read)(tv_source *source, size_t tensor, size_t record, void *result);

  /* NULL: from read(). layout is that of the whole tensor. */
  int (*read_windows)(tv_source *source, size_t tensor, size_t record, const tv_layout *layout,
    size_t first, size_t count, void *result, const tv_execution *execution);
  int (*history)(tv_source *source, size_t tensor, const tv_layout *layout, const size_t *elements,
    size_t count, size_t first, size_t end, double *result, const tv_execution *execution);

  /* NULL: nothing is in memory as it is; there are no scalars; no states; no
   * requests. */
  const void *(*map)(tv_source *source, size_t tensor, size_t record);
  int (*read_scalars)(tv_source *source, size_t first, size_t count, double *result);
  int (*read_states)(tv_source *source, size_t index, size_t record, int32_t *result);
  int (*read_request)(tv_source *source, size_t record, char *text, size_t size);
};

/* tv_source_open() of a medium that is known. */
int tv_source_open_medium(
  tv_source **source, const tv_medium *medium, const char *const *paths, size_t count);

/* Tells execution how far the work is: 0, or TV_ERROR_CANCELLED with "reading TITLE was stopped". */
int tv_source_progress(const tv_execution *execution, double done, const char *title);

/* Numbers of a type as double. */
void tv_to_double(double *result, size_t stride, tv_type type, const void *from, size_t count);
double tv_one_double(tv_type type, const void *from);

extern const tv_medium tv_medium_run_file, tv_medium_ring;
extern const tv_medium tv_medium_safetensors, tv_medium_torch, tv_medium_keras, tv_medium_numpy,
  tv_medium_onnx, tv_medium_tensorflowjs; /* weights/weights_medium.c */

#endif
