/* Inside weights_file: what a container of named tensors gives, be it safetensors or HDF5. */
#ifndef WEIGHTS_FILE_CONTAINERS_H
#define WEIGHTS_FILE_CONTAINERS_H

#include <stddef.h>
#include <stdint.h>

enum
{
  WEIGHTS_RANK = 4,       /* tensors with more axes are listed, and never match */
  WEIGHTS_TENSORS = 4096, /* a container with more is not a VGG16 */
};

typedef enum weights_number
{
  WEIGHTS_FLOAT32,
  WEIGHTS_FLOAT64,
  WEIGHTS_FLOAT16,
  WEIGHTS_BFLOAT16,
  WEIGHTS_OTHER /* listed, and refused when it is read */
} weights_number;

typedef struct weights_tensor
{
  char *name;
  weights_number number;
  size_t rank;
  size_t shape[WEIGHTS_RANK];
  uint64_t place; /* safetensors: its first byte in the file */
} weights_tensor;

typedef struct weights_container
{
  weights_tensor *tensors;
  size_t count;
  const char *path;
  void *state;
  /* Reads all count values, converted to float32; count is the product of the tensor's shape. */
  int (*read)(
    struct weights_container *container, const weights_tensor *tensor, float *values, size_t count);
  void (*close)(struct weights_container *container); /* state only */
} weights_container;

/* Each fills a zeroed container whose path is set. What was filled before a failure is freed by
 * weights_container_free(). */
int weights_open_safetensors(weights_container *container);
int weights_open_hdf5(weights_container *container);

/* Appends a tensor with a copy of name (length bytes), everything else zero; NULL after a failure
 * that tv_last_error() tells. */
weights_tensor *weights_append(weights_container *container, const char *name, size_t length);

void weights_container_free(weights_container *container);

#endif
