/* SPDX-License-Identifier: BSD-3-Clause */
/* Keras 1, 2 and 3: HDF5 files, and .keras, a zip file with one in it. Every dataset that hard links
 * lead to is a tensor, named by its path without the first '/'. The order of the layers is in the
 * attribute layer_names, where there is one (Keras 1 and 2). */
#include "hdf5_objects.h"
#include "keras_attributes.h"
#include "keras_file.h"
#include "names.h"
#include "status.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  DEEPEST = 16,
  MOST_LINKS = 1000000 /* hard links can make cycles */
};

typedef struct walk
{
  tv_weights *weights;
  char path[TV_WEIGHTS_NAME + 1];
  int depth, links, status;
} walk;

static int append_dataset(walk *at, hid_t dataset)
{
  hsize_t sizes[H5S_MAX_RANK];
  uint64_t size[H5S_MAX_RANK];
  tv_weights_tensor *tensor = tv_weights_add(at->weights, at->path, strlen(at->path));
  if (!tensor)
    return TV_ERROR_FORMAT;
  const hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
  const int simple = space >= 0 && H5Sget_simple_extent_type(space) != H5S_NULL;
  const int rank = simple ? H5Sget_simple_extent_dims(space, sizes, NULL) : -1;
  tensor->place = TV_PLACE_HDF5;
  tensor->order = UINT64_MAX;
  tensor->path = strdup(at->path);
  tensor->stored = type >= 0 ? tv_keras_number(type) : TV_STORED_NONE;
  if (!tensor->path)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", at->weights->files[0].path);
  if (!tensor->stored)
    tv_weights_problem(
      tensor, "holds something else than floating-point numbers of up to 64 bits, or integers");
  for (int axis = 0; axis < rank; ++axis)
    size[axis] = sizes[axis];
  if (rank < 0)
    tv_weights_problem(tensor, "has no shape");
  else
    tv_weights_shape(tensor, size, (size_t)rank);
  const char *sentence = tensor->problem ? NULL : tv_keras_refusal(dataset, tensor->span);
  if (sentence)
    tv_weights_problem(tensor, "%s", sentence);
  if (type >= 0)
    H5Tclose(type);
  if (space >= 0)
    H5Sclose(space);
  return 0;
}

static herr_t visit(hid_t group, const char *name, const H5L_info_t *link, void *context)
{
  walk *at = context;
  const size_t before = strlen(at->path), more = strlen(name);
  if (++at->links > MOST_LINKS) {
    at->status =
      tv_fail(TV_ERROR_FORMAT, "%s: holds more links than any network", at->weights->files[0].path);
    return -1;
  }
  if (link->type != H5L_TYPE_HARD || before + 1 + more > TV_WEIGHTS_NAME)
    return 0; /* links that may leave the file are not followed */
  const hid_t object = H5Oopen(group, name, H5P_DEFAULT);
  if (object < 0)
    return 0;
  if (before)
    strcat(at->path, "/");
  strcat(at->path, name);
  const H5I_type_t kind = H5Iget_type(object);
  if (kind == H5I_DATASET) {
    at->status = append_dataset(at, object);
  } else if (kind == H5I_GROUP && at->depth < DEEPEST) {
    ++at->depth;
    H5Literate(object, H5_INDEX_NAME, H5_ITER_INC, NULL, visit, at);
    --at->depth;
  }
  at->path[before] = 0;
  H5Oclose(object);
  return at->status ? -1 : 0;
}

/* Gives the tensors below "model_weights/LAYER/" or "LAYER/" the place of their layer. */
static void order_by(tv_weights *weights, hid_t group, const char *prefix)
{
  size_t count = 0, stride = 0;
  const tv_keras *keras = weights->hdf5;
  char *layers = tv_keras_attribute_strings(
    &keras->input, tv_keras_header(group), "layer_names", &count, &stride);
  const size_t before = strlen(prefix);
  for (size_t i = 0; layers && i < weights->count; ++i) {
    tv_weights_tensor *tensor = weights->tensors + i;
    if (strncmp(tensor->name, prefix, before) != 0)
      continue;
    const char *name = tensor->name + before;
    const size_t length = strcspn(name, "/");
    for (size_t k = 0; k < count && length <= stride; ++k)
      if (!strncmp(layers + k * stride, name, length) &&
          (length == stride || !layers[k * stride + length])) {
        tensor->order = k;
        break;
      }
  }
  free(layers);
}

static int compare(const void *a, const void *b)
{
  const tv_weights_tensor *x = a, *y = b;
  if (x->order != y->order)
    return x->order < y->order ? -1 : 1;
  return tv_names_compare(x->name, y->name);
}

static int list(tv_weights *weights, hid_t file)
{
  walk *at = calloc(1, sizeof *at);
  if (!at)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", weights->files[0].path);
  at->weights = weights;
  int status = 0;
  if (H5Literate(file, H5_INDEX_NAME, H5_ITER_INC, NULL, visit, at) < 0 && !at->status)
    status = tv_fail(TV_ERROR_FORMAT, "%s: its contents cannot be listed", weights->files[0].path);
  status = at->status ? at->status : status;
  free(at);
  if (status)
    return status;
  order_by(weights, file, "");
  if (H5Lexists(file, "model_weights", H5P_DEFAULT) > 0) {
    const hid_t group = H5Oopen(file, "model_weights", H5P_DEFAULT);
    if (group >= 0) {
      order_by(weights, group, "model_weights/");
      H5Oclose(group);
    }
  }
  if (weights->count)
    qsort(weights->tensors, weights->count, sizeof *weights->tensors, compare);
  return 0;
}

int tv_read_keras(tv_weights *weights)
{
  tv_keras *keras = calloc(1, sizeof *keras);
  if (!keras)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", weights->files[0].path);
  weights->hdf5 = keras;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  int status = tv_keras_open(keras, weights->files);
  if (!status)
    status = list(weights, keras->file);
  tv_leave_hdf5(scope);
  return status;
}

void tv_keras_rest(tv_weights *weights)
{
  tv_keras *keras = weights->hdf5;
  if (!keras)
    return;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  tv_keras_shut(keras);
  tv_leave_hdf5(scope);
}

void tv_keras_close(tv_weights *weights)
{
  tv_keras_rest(weights);
  free(weights->hdf5);
  weights->hdf5 = NULL;
}

/* The type as which a tensor is read; the caller closes it. */
static hid_t type_in_memory(tv_stored stored)
{
  switch (tv_stored_type(stored)) {
  case TV_FLOAT64:
    return H5Tcopy(H5T_NATIVE_DOUBLE);
  case TV_FLOAT16:
    return tv_number_type(TV_FLOAT16);
  case TV_BFLOAT16:
    return tv_number_type(TV_BFLOAT16);
  case TV_UINT8:
    return H5Tcopy(H5T_NATIVE_UINT8);
  case TV_INT8:
    return H5Tcopy(H5T_NATIVE_INT8);
  case TV_INT32:
    return H5Tcopy(H5T_NATIVE_INT32);
  case TV_INT64:
    return H5Tcopy(H5T_NATIVE_INT64);
  default:
    return H5Tcopy(H5T_NATIVE_FLOAT);
  }
}

static int read_dataset(
  tv_keras *keras, const char *path, const tv_weights_tensor *tensor, void *result)
{
  const hid_t dataset = H5Dopen2(keras->file, tensor->path, H5P_DEFAULT);
  if (dataset < 0)
    return tv_fail(TV_ERROR_FORMAT, "%s: cannot open \"%s\"", path, tensor->name);
  int status = 0;
  const hid_t space = H5Dget_space(dataset);
  const hid_t type =
    tensor->stored == TV_STORED_BOOL ? H5Dget_type(dataset) : type_in_memory(tensor->stored);
  const char *sentence = tv_keras_refusal(dataset, tensor->span);
  if (sentence)
    status = tv_fail(TV_ERROR_UNSUPPORTED, "%s: \"%s\" %s", path, tensor->name, sentence);
  else if (space < 0 || H5Sget_simple_extent_npoints(space) != (hssize_t)tensor->elements)
    status = tv_fail(TV_ERROR_FORMAT, "%s: \"%s\" changed its size", path, tensor->name);
  else if (type < 0 || H5Tget_size(type) != tv_stored_read_bytes(tensor->stored) ||
           H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, result) < 0)
    status =
      tv_fail(TV_ERROR_FILE, "%s: \"%s\" cannot be read: its data are damaged", path, tensor->name);
  if (type >= 0)
    H5Tclose(type);
  if (space >= 0)
    H5Sclose(space);
  H5Dclose(dataset);
  return status;
}

int tv_keras_values(tv_weights *weights, const tv_weights_tensor *tensor, void *result)
{
  tv_keras *keras = weights->hdf5;
  int status = 0;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  if (keras->file < 0)
    status = tv_keras_open(keras, weights->files);
  if (!status)
    status = read_dataset(keras, weights->files[0].path, tensor, result);
  tv_leave_hdf5(scope);
  return status;
}

int tv_keras_recognise(const char *path)
{
  static const char *const attributes[] = {"layer_names", "keras_version", "backend"};
  static const char *const groups[] = {
    "model_weights", "_layer_checkpoint_dependencies", "layers", "vars"};
  int known = 0;
  tv_mapped mapped;
  tv_keras keras;
  if (tv_mapped_open(&mapped, path))
    return 0;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  const hid_t file = tv_keras_open(&keras, &mapped) ? -1 : keras.file;
  /* A run file has layers too. */
  const uint64_t header = file >= 0 ? tv_keras_header(file) : 0;
  if (file >= 0 && !tv_keras_has_attribute(&keras.input, header, "format") &&
      H5Lexists(file, "complete", H5P_DEFAULT) <= 0) {
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; ++i)
      known |= tv_keras_has_attribute(&keras.input, header, attributes[i]);
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; ++i)
      known |= H5Lexists(file, groups[i], H5P_DEFAULT) > 0;
  }
  if (file >= 0)
    tv_keras_shut(&keras);
  tv_leave_hdf5(scope);
  tv_mapped_close(&mapped);
  return known;
}
