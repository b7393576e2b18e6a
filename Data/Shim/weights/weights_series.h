/* SPDX-License-Identifier: BSD-3-Clause */
/* Several weight files, or a folder of them, as time: which files, in which order, at which steps.
 *
 * A folder is its weight files; where it holds model.safetensors.index.json, model.safetensors or
 * pytorch_model.bin (a checkpoint as Hugging Face's trainer leaves it), just that; and folders in it
 * that are such checkpoints count, too. Other folders in it are not entered.
 *
 * The step of a file is, the first of these that every file has and no two files share:
 *   1. the step that is stored inside ("global_step", "step", "iteration")
 *   2. the number after "step", "checkpoint", "ckpt" or "iter" in the names of the file and of its
 *      folder ("epoch=3-step=1200.ckpt", "checkpoint-500/model.safetensors"), then any other number
 *      in them, the last one first ("model_0010.pt")
 *   3. the epoch that is stored inside
 *   4. its place in the order of the names, numbers by their value
 * A single file has the step stored inside, or the number after such a word, or 0. */
#ifndef TV_WEIGHTS_SERIES_H
#define TV_WEIGHTS_SERIES_H

#include "weights.h"

typedef struct tv_weights_paths
{
  char **paths;
  size_t count;
} tv_weights_paths;

/* The files behind paths, each once, in the order of their names. After a failure there is nothing
 * to free. */
int tv_weights_expand(tv_weights_paths *files, const char *const *paths, size_t count);

void tv_weights_paths_free(tv_weights_paths *files);

/* Sorts open files by their steps, which end in steps. */
int tv_weights_sort(tv_weights **files, int64_t *steps, size_t count);

#endif
