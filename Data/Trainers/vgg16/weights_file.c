#include "weights_file.h"
#include "status.h"
#include "weights_file_containers.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct weights_file
{
  weights_container container;
  weights_origin origin;
  char path[]; /* container.path points here */
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

weights_tensor *weights_append(weights_container *container, const char *name, size_t length)
{
  /* Grows at each power of two. */
  if (!(container->count & (container->count - 1))) {
    const size_t room = container->count ? 2 * container->count : 1;
    weights_tensor *more = realloc(container->tensors, room * sizeof *more);
    if (!more) {
      tv_fail(TV_ERROR_MEMORY, "%s: no memory for its list of tensors", container->path);
      return NULL;
    }
    container->tensors = more;
  }
  if (container->count == WEIGHTS_TENSORS) {
    tv_fail(TV_ERROR_FORMAT, "%s: holds more than %d tensors: this is not a VGG16", container->path,
      WEIGHTS_TENSORS);
    return NULL;
  }
  weights_tensor *tensor = container->tensors + container->count;
  memset(tensor, 0, sizeof *tensor);
  tensor->name = strndup(name, length);
  if (!tensor->name) {
    tv_fail(TV_ERROR_MEMORY, "%s: no memory for its list of tensors", container->path);
    return NULL;
  }
  ++container->count;
  return tensor;
}

void weights_container_free(weights_container *container)
{
  if (container->close && container->state)
    container->close(container);
  for (size_t i = 0; i < container->count; ++i)
    free(container->tensors[i].name);
  free(container->tensors);
}

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

static int any_has_part(const weights_container *container, const char *part)
{
  for (size_t i = 0; i < container->count; ++i)
    if (has_part(container->tensors[i].name, part))
      return 1;
  return 0;
}

/* Finds weights and bias of a layer, each of them once; NULL where there are none.
 * 0, or -1 where there are several. */
static int find(const weights_file *file, const char *layer, const weights_tensor **weights,
  const weights_tensor **bias)
{
  char name[64];
  const weights_container *container = &file->container;
  const weights_tensor **place;
  *weights = *bias = NULL;
  for (size_t row = 0; row < LAYERS; ++row) {
    if (strcmp(names[row].layer, layer))
      continue;
    const char *keras = names[row].keras;
    if (file->origin == WEIGHTS_FIRST_LAYER)
      keras = row ? "" : first_layer;
    else if (!any_has_part(container, names[0].keras))
      keras = names[row].counted;
    for (size_t i = 0; i < container->count; ++i) {
      const weights_tensor *tensor = container->tensors + i;
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
        return tv_fail(TV_ERROR_FORMAT, "%s: has both \"%s\" and \"%s\" for %s", container->path,
          (*place)->name, tensor->name, layer);
      if (place)
        *place = tensor;
    }
  }
  return 0;
}

int weights_open(weights_file **result, const char *path)
{
  static const unsigned char hdf5[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
  unsigned char head[8] = {0};
  *result = NULL;
  FILE *stream = fopen(path, "rb");
  if (!stream)
    return tv_fail(TV_ERROR_FILE, "%s: cannot be opened", path);
  const size_t bytes = fread(head, 1, sizeof head, stream);
  fclose(stream);
  if (bytes == sizeof head && !memcmp(head, "PK\3\4", 4))
    return tv_fail(TV_ERROR_UNSUPPORTED,
      "%s: is a PyTorch (.pth) or zip file: save the state_dict as safetensors instead", path);

  weights_file *file = calloc(1, sizeof *file + strlen(path) + 1);
  if (!file)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", path);
  strcpy(file->path, path);
  file->container.path = file->path;
  int status = memcmp(head, hdf5, sizeof hdf5) ? weights_open_safetensors(&file->container)
                                               : weights_open_hdf5(&file->container);
  if (!status) {
    const weights_container *container = &file->container;
    int torchvision = 0;
    for (size_t i = 0; i < container->count; ++i)
      torchvision |= !strcmp(container->tensors[i].name, "features.0.weight");
    if (torchvision)
      file->origin = WEIGHTS_TORCHVISION;
    else if (any_has_part(container, names[0].keras) || any_has_part(container, names[0].counted))
      file->origin = WEIGHTS_KERAS;
    else if (any_has_part(container, first_layer))
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
  const weights_tensor *weights, *bias;
  const int several = find(file, layer, &weights, &bias);
  if (several)
    return several;
  if (!weights || !bias)
    return tv_fail(
      TV_ERROR_FORMAT, "%s: has no %s for %s", file->path, weights ? "bias" : "weights", layer);
  return 0;
}

/* Checks one tensor's shape and reads it into memory of its own. */
static int read_tensor(float **values, weights_file *file, const weights_tensor *tensor,
  const size_t *shape, size_t rank)
{
  size_t count = 1;
  int same = tensor->rank == rank, overflow = 0;
  char wanted[96] = "";
  for (size_t axis = 0; axis < rank; ++axis) {
    const size_t used = strlen(wanted);
    snprintf(wanted + used, sizeof wanted - used, "%s%zu", axis ? ", " : "", shape[axis]);
    same = same && tensor->shape[axis] == shape[axis];
    overflow |= __builtin_mul_overflow(count, shape[axis], &count);
  }
  if (!same || overflow || count > SIZE_MAX / sizeof **values)
    return tv_fail(TV_ERROR_FORMAT, "%s: \"%s\" is not of the shape [%s] that VGG16 has here",
      file->path, tensor->name, wanted);
  if (tensor->number == WEIGHTS_OTHER)
    return tv_fail(TV_ERROR_UNSUPPORTED,
      "%s: \"%s\" holds something else than floating-point numbers of up to 64 bits", file->path,
      tensor->name);
  float *memory = malloc(count * sizeof *memory);
  if (!memory)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory for \"%s\"", file->path, tensor->name);
  int status = file->container.read(&file->container, tensor, memory, count);
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
  const weights_tensor *weights, *bias;
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
    weights_container_free(&file->container);
    free(file);
  }
}
