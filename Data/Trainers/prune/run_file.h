/* Reads the last complete record of tensors in a run file; ../Shim/tensorview/format.h says what
 * is in one. Nothing in the file is believed before it is checked. */
#ifndef TRAINER_RUN_FILE_H
#define TRAINER_RUN_FILE_H

#include <stddef.h>
#include <stdint.h>

#define RUN_FILE_LAYERS 64

typedef struct run_file run_file;

/* The last complete record of a tensor. */
typedef struct run_tensor
{
  char axes[8]; /* e.g. "oihw" */
  int rank;
  size_t shape[4];
  int64_t step;
  double *values; /* the caller's to free() */
} run_tensor;

/* Opens a run file, also one that is being written. On failure *file is NULL. */
int run_file_open(run_file **file, const char *path);
void run_file_close(run_file *file);

/* Its layers, in the order of the network. */
size_t run_file_layers(const run_file *file);
const char *run_file_layer(const run_file *file, size_t index);

/* Whether the layer has that kind at all. */
int run_file_has(const run_file *file, const char *layer, const char *kind);

/* Reads the last complete record. On failure tensor->values is NULL. */
int run_file_last(run_tensor *tensor, const run_file *file, const char *layer, const char *kind);

/* A scalar at the last complete step that has scalars; NaN where there is none. */
double run_file_last_scalar(const run_file *file, const char *name);

#endif
