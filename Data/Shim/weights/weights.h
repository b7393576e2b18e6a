/* SPDX-License-Identifier: BSD-3-Clause */
/* Weight files and checkpoints of other frameworks: what is in one file. Internal; series of them are
 * weights_series.h, the interface of sources is weights_medium.c.
 *
 *   medium          files                           read by
 *   --------------  ------------------------------  ---------------------------------------------
 *   "safetensors"   .safetensors                    safetensors.c
 *                   model.safetensors.index.json    shards.c, and safetensors.c for each shard
 *   "torch"         .pt .pth .bin .ckpt             torch.c over zip.h and pickle.h
 *   "keras"         .h5 .hdf5 .weights.h5 .keras    keras.c
 *   "numpy"         .npy .npz                       numpy.c
 *   "onnx"          .onnx                           onnx.c over wire.h
 *   "tensorflow.js" model.json                      tensorflowjs.c
 *
 * A reader lists named tensors: type, sizes, strides and where the bytes are. It reads headers and
 * no values. Nothing is believed before it is checked against the file's size, nothing outside the
 * file is followed (but the shards that an index names, in its own folder), nothing is executed. A
 * tensor that cannot be shown is listed with a problem: a sentence without its name or full stop.
 *
 * What the names mean, layer, kind and axes, is names.h. ints are 0 or a negative tv_status with a
 * sentence in tv_last_error() that names the file. */
#ifndef TV_WEIGHTS_H
#define TV_WEIGHTS_H

#include "mapped.h"
#include "stored.h"
#include "tensorview/types.h"

#include <stdint.h>

/* Where a tensor's bytes are. */
typedef enum tv_place
{
  TV_PLACE_FLAT,     /* in the file as they are, from offset on */
  TV_PLACE_SHARDS,   /* the same, and on from the first byte of the next files */
  TV_PLACE_DEFLATED, /* in the file compressed; offset counts in what comes out */
  TV_PLACE_VARINTS,  /* ONNX's int32_data and its like: a varint for each number */
  TV_PLACE_HDF5      /* a dataset, by its path */
} tv_place;

typedef struct tv_weights_tensor
{
  char *name;       /* as the file has it: "features.0.weight", "conv1/kernel:0" */
  char *problem;    /* NULL, or why it cannot be read */
  tv_stored stored; /* a number as the file has it */
  int swapped;      /* 1: big-endian */
  int rank;         /* TV_RANK at most where there is no problem */
  size_t size[TV_RANK];
  size_t stride[TV_RANK]; /* elements between neighbours; never used where contiguous */
  int contiguous;
  size_t elements; /* product of size */
  uint64_t span;   /* bytes from the first element's first to the last one's last */
  tv_place place;
  size_t file;     /* which of the files: 0, but for shards */
  uint64_t offset; /* of the first element: in the file, or in what comes out of the entry */
  uint64_t packed; /* TV_PLACE_DEFLATED: where the compressed bytes begin */
  uint64_t packed_bytes;
  uint64_t
    latin1_bytes; /* 0, or the length of the text that stands there for span bytes (stored.h) */
  char *path;     /* TV_PLACE_HDF5: of the dataset */

  /* What a graph says of it (ONNX), where there is one. */
  char *node;          /* of the node that uses it first; NULL */
  const char *role;    /* the kind, "weights"; NULL */
  const char *letters; /* axes; NULL */
  uint64_t order;      /* of its first use; UINT64_MAX: none */

  size_t wrapper; /* how much of the name is the key of a dict that holds a network (torch) */

  /* What names.h made of it. */
  char *layer, *kind;
  char axes[TV_RANK + 1];
  int offered;
} tv_weights_tensor;

typedef struct tv_weights_scalar
{
  char *name;
  double value;
} tv_weights_scalar;

typedef struct tv_weights
{
  const char *medium;
  tv_mapped *files;
  size_t file_count;
  tv_weights_tensor *tensors; /* in the order of the network, as far as the file tells */
  size_t count;
  int64_t step;               /* as stored inside; -1 where it is not */
  int step_is_epoch;          /* 1: only an epoch is */
  tv_weights_scalar *scalars; /* what else the file says in numbers: "loss" */
  size_t scalar_count;
  char **notes; /* what was left out, a sentence each */
  size_t note_count;
  void *hdf5; /* keras.c's own */
} tv_weights;

/* Opens a file and lists its tensors, with layers, kinds and axes. On failure *weights is NULL. */
int tv_weights_open(tv_weights **weights, const char *path);

/* NULL is allowed. */
void tv_weights_close(tv_weights *weights);

/* The medium of a file, by its content; NULL where it is none of these. Quick and silent. */
const char *tv_weights_recognise(const char *path);

/* Lets go of the files; the next read opens them again. */
void tv_weights_rest(tv_weights *weights);

/* All elements in the order of size, slowest first, as tv_stored_type(stored). */
int tv_weights_read(tv_weights *weights, const tv_weights_tensor *tensor, void *result);

/* The file's own memory where it holds just what tv_weights_read() would give; NULL where it must
 * be read. Valid until tv_weights_rest() or close. A file that somebody cuts short while it is
 * mapped ends the program that touches the memory: a caller that keeps it for long reads instead. */
const void *tv_weights_map(tv_weights *weights, const tv_weights_tensor *tensor);

/* Reads elements by their flat indices in the order of size; the result is double. */
int tv_weights_elements(tv_weights *weights, const tv_weights_tensor *tensor,
  const size_t *elements, size_t count, double *result);

/* For the readers. */

enum
{
  TV_WEIGHTS_MOST = 1000000, /* tensors in a file */
  TV_WEIGHTS_NAME = 1023     /* longest name in bytes */
};

/* Appends a tensor with a copy of the name, everything else zero; NULL after a failure. */
tv_weights_tensor *tv_weights_add(tv_weights *weights, const char *name, size_t length);

/* Says why a tensor cannot be read; the first reason stays. */
void tv_weights_problem(tv_weights_tensor *tensor, const char *format, ...)
  __attribute__((format(printf, 2, 3)));

/* A note for the user; the same one only once, and at most twenty. */
void tv_weights_note(tv_weights *weights, const char *format, ...)
  __attribute__((format(printf, 2, 3)));

/* Sets sizes, elements, span and contiguous strides; a problem where that is too much. sizes may
 * have more than TV_RANK axes: that is a problem too. */
void tv_weights_shape(tv_weights_tensor *tensor, const uint64_t *size, size_t rank);

/* Turns the contiguous strides around: the first index runs fastest, instead of the last. */
void tv_weights_turn_around(tv_weights_tensor *tensor);

/* Keeps a number that a file says of itself; of one name the first, and at most a hundred. */
void tv_weights_add_scalar(tv_weights *weights, const char *name, double value);

/* Opens one more file of a set; its number, or a negative tv_status. */
ptrdiff_t tv_weights_add_file(tv_weights *weights, const char *path);

/* The same by a name that the first file gives: one in its own folder, without a slash. */
ptrdiff_t tv_weights_add_beside(tv_weights *weights, const char *name);

/* Each fills weights, whose first file is open. */
int tv_read_safetensors(tv_weights *weights, size_t file);
int tv_read_shards(tv_weights *weights);
int tv_read_torch(tv_weights *weights);
int tv_read_numpy(tv_weights *weights);
int tv_read_onnx(tv_weights *weights);
int tv_read_keras(tv_weights *weights);
int tv_read_tensorflowjs(tv_weights *weights);
int tv_tensorflowjs_recognise(tv_mapped *file); /* 1: JSON with a "weightsManifest" */
int tv_keras_recognise(const char *path);       /* 1: an HDF5 file with Keras's marks */
int tv_keras_values(tv_weights *weights, const tv_weights_tensor *tensor, void *result);
void tv_keras_rest(tv_weights *weights);
void tv_keras_close(tv_weights *weights);

#endif
