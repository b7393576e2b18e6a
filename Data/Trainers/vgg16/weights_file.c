/* SPDX-License-Identifier: BSD-3-Clause */
#include "weights_file.h"
#include "status.h"
#include "weights.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
  MOST_TENSORS = 4096, /* a file with more is not a VGG16 */
};

struct weights_file
{
  tv_weights *list;
  weights_origin origin;
  char path[];
};

/* What the two libraries call VGG16's layers. The last column is Keras 3's .weights.h5, which
 * counts layers of a class. */
static const struct
{
  const char *layer, *torchvision, *keras, *counted;
} names[] = {
  {"conv1_1", "features.0", "block1_conv1", "conv2d"},
  {"conv1_2", "features.2", "block1_conv2", "conv2d_1"},
  {"conv2_1", "features.5", "block2_conv1", "conv2d_2"},
  {"conv2_2", "features.7", "block2_conv2", "conv2d_3"},
  {"conv3_1", "features.10", "block3_conv1", "conv2d_4"},
  {"conv3_2", "features.12", "block3_conv2", "conv2d_5"},
  {"conv3_3", "features.14", "block3_conv3", "conv2d_6"},
  {"conv4_1", "features.17", "block4_conv1", "conv2d_7"},
  {"conv4_2", "features.19", "block4_conv2", "conv2d_8"},
  {"conv4_3", "features.21", "block4_conv3", "conv2d_9"},
  {"conv5_1", "features.24", "block5_conv1", "conv2d_10"},
  {"conv5_2", "features.26", "block5_conv2", "conv2d_11"},
  {"conv5_3", "features.28", "block5_conv3", "conv2d_12"},
  {"fc6", "classifier.0", "fc1", "dense"},
  {"fc7", "classifier.3", "fc2", "dense_1"},
  {"fc8", "classifier.6", "predictions", "dense_2"},
};
enum
{
  LAYERS = sizeof names / sizeof names[0]
};

static const char first_layer[] = "Pre_blocks_conv";

/* Whether a part of name, between '/', '.' and its ends, is part; parts of an optimiser's state
 * bear the layers' names too, and do not count. */
static int has_part(const char *name, const char *part)
{
  const size_t length = strlen(part);
  int found = 0;
  while (*name) {
    const size_t here = strcspn(name, "/.");
    if (!strncmp(name, "optimizer", 9))
      return 0;
    found |= here == length && !strncmp(name, part, length);
    name += here;
    name += *name != 0;
  }
  return found;
}

static int any_has_part(const tv_weights *list, const char *part)
{
  for (size_t i = 0; i < list->count; ++i)
    if (has_part(list->tensors[i].name, part))
      return 1;
  return 0;
}

/* Finds weights and bias of a layer, each of them once; NULL where there are none.
 * 0, or -1 where there are several. */
static int find(const weights_file *file, const char *layer, const tv_weights_tensor **weights,
  const tv_weights_tensor **bias)
{
  char name[64];
  const tv_weights *list = file->list;
  const tv_weights_tensor **place;
  *weights = *bias = NULL;
  for (size_t row = 0; row < LAYERS; ++row) {
    if (strcmp(names[row].layer, layer))
      continue;
    const char *keras = names[row].keras;
    if (file->origin == WEIGHTS_FIRST_LAYER)
      keras = row ? "" : first_layer;
    else if (!any_has_part(list, names[0].keras))
      keras = names[row].counted;
    for (size_t i = 0; i < list->count; ++i) {
      const tv_weights_tensor *tensor = list->tensors + i;
      if (file->origin == WEIGHTS_TORCHVISION) {
        snprintf(name, sizeof name, "%s.weight", names[row].torchvision);
        place = strcmp(tensor->name, name) ? NULL : weights;
        snprintf(name, sizeof name, "%s.bias", names[row].torchvision);
        if (!strcmp(tensor->name, name))
          place = bias;
      } else {
        place = !has_part(tensor->name, keras) ? NULL : tensor->rank == 1 ? bias : weights;
      }
      if (place && *place)
        return tv_fail(TV_ERROR_FORMAT, "%s: has both \"%s\" and \"%s\" for %s", file->path,
          (*place)->name, tensor->name, layer);
      if (place)
        *place = tensor;
    }
  }
  return 0;
}

/* The tensors of the file, of whatever format. */
static int open_list(weights_file *file)
{
  char head[2] = {0};
  const int status = tv_weights_open(&file->list, file->path);
  if (!status && file->list->count > MOST_TENSORS)
    return tv_fail(TV_ERROR_FORMAT, "%s: holds more than %d tensors: this is not a VGG16",
      file->path, MOST_TENSORS);
  if (!status)
    return 0;
  FILE *stream = fopen(file->path, "rb");
  const int zip = stream && fread(head, 1, sizeof head, stream) == sizeof head && head[0] == 'P' &&
                  head[1] == 'K';
  if (stream)
    fclose(stream);
  return zip ? tv_fail((tv_status)status, "%s; save the state_dict as safetensors instead",
                 tv_last_error())
             : status;
}

int weights_open(weights_file **result, const char *path)
{
  *result = NULL;
  weights_file *file = calloc(1, sizeof *file + strlen(path) + 1);
  if (!file)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", path);
  strcpy(file->path, path);
  int status = open_list(file);
  if (!status) {
    const tv_weights *list = file->list;
    int torchvision = 0;
    for (size_t i = 0; i < list->count; ++i)
      torchvision |= !strcmp(list->tensors[i].name, "features.0.weight");
    if (torchvision)
      file->origin = WEIGHTS_TORCHVISION;
    else if (any_has_part(list, names[0].keras) || any_has_part(list, names[0].counted))
      file->origin = WEIGHTS_KERAS;
    else if (any_has_part(list, first_layer))
      file->origin = WEIGHTS_FIRST_LAYER;
    else
      status = tv_fail(TV_ERROR_FORMAT,
        "%s: has neither torchvision's \"features.0.weight\" nor Keras's \"block1_conv1\": these "
        "are not VGG16's weights",
        path);
  }
  if (status)
    weights_close(file);
  else
    *result = file;
  return status;
}

weights_origin weights_file_origin(const weights_file *file)
{
  return file->origin;
}

const char *weights_file_description(const weights_file *file)
{
  switch (file->origin) {
  case WEIGHTS_TORCHVISION:
    return "VGG16 with torchvision's layout";
  case WEIGHTS_KERAS:
    return "VGG16 with Keras's layout";
  case WEIGHTS_FIRST_LAYER:
    break;
  }
  return "not VGG16: the trained first layer of ESRGAN-thick (npm @upscalerjs/esrgan-thick 1.0.0, "
         "MIT), 64 filters 3 x 3 over RGB like VGG16's";
}

int weights_check(const weights_file *file, const char *layer)
{
  const tv_weights_tensor *weights, *bias;
  const int several = find(file, layer, &weights, &bias);
  if (several)
    return several;
  if (!weights || !bias)
    return tv_fail(
      TV_ERROR_FORMAT, "%s: has no %s for %s", file->path, weights ? "bias" : "weights", layer);
  return 0;
}

static int is_float(tv_stored stored)
{
  return stored == TV_STORED_F32 || stored == TV_STORED_F64 || stored == TV_STORED_F16 ||
         stored == TV_STORED_BF16;
}

/* All count values, as float32. */
static int read_floats(
  weights_file *file, const tv_weights_tensor *tensor, float *values, size_t count)
{
  const size_t each = tv_stored_read_bytes(tensor->stored);
  if (tensor->stored == TV_STORED_F32)
    return tv_weights_read(file->list, tensor, values);
  char *other = malloc(count * each);
  if (!other)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory for \"%s\"", file->path, tensor->name);
  const int status = tv_weights_read(file->list, tensor, other);
  for (size_t i = 0; !status && i < count; ++i)
    values[i] = (float)tv_stored_double(tv_stored_type(tensor->stored), other + i * each);
  free(other);
  return status;
}

/* Checks one tensor's shape and reads it into memory of its own. */
static int read_tensor(float **values, weights_file *file, const tv_weights_tensor *tensor,
  const size_t *shape, size_t rank)
{
  size_t count = 1;
  int same = (size_t)tensor->rank == rank, overflow = 0;
  char wanted[96] = "";
  for (size_t axis = 0; axis < rank; ++axis) {
    const size_t used = strlen(wanted);
    snprintf(wanted + used, sizeof wanted - used, "%s%zu", axis ? ", " : "", shape[axis]);
    same = same && tensor->size[axis] == shape[axis];
    overflow |= __builtin_mul_overflow(count, shape[axis], &count);
  }
  if (!same || overflow || count > SIZE_MAX / sizeof **values)
    return tv_fail(TV_ERROR_FORMAT, "%s: \"%s\" is not of the shape [%s] that VGG16 has here",
      file->path, tensor->name, wanted);
  if (!is_float(tensor->stored))
    return tv_fail(TV_ERROR_UNSUPPORTED,
      "%s: \"%s\" holds something else than floating-point numbers of up to 64 bits", file->path,
      tensor->name);
  float *memory = malloc(count * sizeof *memory);
  if (!memory)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory for \"%s\"", file->path, tensor->name);
  int status = read_floats(file, tensor, memory, count);
  for (size_t i = 0; !status && i < count; ++i)
    if (!isfinite(memory[i]))
      status = tv_fail(
        TV_ERROR_FORMAT, "%s: \"%s\" holds numbers that are not finite", file->path, tensor->name);
  if (status)
    free(memory);
  else
    *values = memory;
  return status;
}

int weights_read(weights_layer *layer, weights_file *file, const char *name, size_t outputs,
  size_t inputs, size_t side)
{
  const tv_weights_tensor *weights, *bias;
  const int torchvision = file->origin == WEIGHTS_TORCHVISION;
  const size_t oihw[] = {outputs, inputs, side, side}, hwio[] = {side, side, inputs, outputs};
  const size_t oi[] = {outputs, inputs}, io[] = {inputs, outputs};
  const size_t *shape = torchvision ? (side ? oihw : oi) : (side ? hwio : io);
  memset(layer, 0, sizeof *layer);
  const int several = find(file, name, &weights, &bias);
  if (several)
    return several;
  if (!weights || !bias)
    return tv_fail(
      TV_ERROR_FORMAT, "%s: has no %s for %s", file->path, weights ? "bias" : "weights", name);
  layer->axes = torchvision ? (side ? "oihw" : "oi") : (side ? "hwio" : "io");
  int status = read_tensor(&layer->weights, file, weights, shape, side ? 4 : 2);
  if (!status)
    status = read_tensor(&layer->bias, file, bias, &outputs, 1);
  if (status)
    weights_layer_free(layer);
  return status;
}

void weights_layer_free(weights_layer *layer)
{
  free(layer->weights);
  free(layer->bias);
  memset(layer, 0, sizeof *layer);
}

void weights_close(weights_file *file)
{
  if (file) {
    tv_weights_close(file->list);
    free(file);
  }
}
