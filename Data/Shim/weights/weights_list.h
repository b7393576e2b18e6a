/* SPDX-License-Identifier: BSD-3-Clause */
/* A series of weight files as a source lists it: each tensor once, with the steps at which it is
 * there. A tensor that is missing in some files, or has another shape or type than in the first that
 * has it, is shown where it is as it was first, and named once in the notes.
 *
 * Where there are several files, each tensor that is shown gets a derived one, layer/updates for
 * layer/weights and layer/KIND_updates for others: what changed since the file before. Not offered.
 *
 * The numbers that the files say of themselves (loss, accuracy, ...) are scalars, a record for each
 * file. */
#ifndef TV_WEIGHTS_LIST_H
#define TV_WEIGHTS_LIST_H

#include "source_medium.h"
#include "weights.h"

/* Where a record is: a tensor of a file; of an update, the later one. */
typedef struct tv_weights_record
{
  size_t file;
  const tv_weights_tensor *tensor;
} tv_weights_record;

typedef struct tv_weights_entry
{
  tv_weights_record *records; /* [records of the tensor], in the arena of the listing */
  int update;                 /* 1: records are one less than those of entry of */
  size_t of;
} tv_weights_entry;

typedef struct tv_weights_state
{
  tv_weights **files; /* in the order of steps */
  int64_t *steps;
  size_t count;
  tv_weights_entry *entries; /* [tensors of the listing] */
  const double *scalars;     /* [count][scalars of the listing], in its arena; NaN: not there */
  char **given;              /* the paths that were asked for */
  size_t given_count;
  size_t last; /* the file that was read last */
} tv_weights_state;

/* Fills list and state->entries from state's files. */
int tv_weights_list(tv_listing *list, tv_weights_state *state);

#endif
