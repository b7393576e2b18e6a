/* SPDX-License-Identifier: BSD-3-Clause */
#include "vgg_options.h"
#include "status.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
  "Usage: tensorview-vgg16 --weights FILE --images FOLDER [OPTION]...\n"
  "Runs batches of photographs through VGG16 and records its activations for ParaView.\n"
  "\n"
  "  --weights FILE     torchvision's VGG16 (safetensors) or Keras's (HDF5), or what\n"
  "                     Data/Trainers/fetch_first_layer.sh writes; required\n"
  "  --images FOLDER    JPEG and PNG photographs (Data/Trainers/fetch_photographs.sh FOLDER\n"
  "                     fetches some); required\n"
  "  --output FILE      the run file: vgg16.tvh5\n"
  "  --overwrite        replace it if it exists\n"
  "  --batches N        how many, each one step: 10\n"
  "  --batch N          images of a batch: 32\n"
  "  --record LIST      layers, separated by commas: conv1_1; each of input, conv1_1 ... conv5_3,\n"
  "                     pool1 ... pool5, fc6, fc7, fc8, or only conv1_1/weights or\n"
  "                     conv1_1/activations\n"
  "  --size N           side of the square images: 224\n"
  "  --crop WHICH       random (default): scaled, placed and mirrored at random; centre: the\n"
  "                     largest square in the middle, one photograph after the other\n"
  "  --prepare HOW      torchvision, keras or unit: how pixels become the network's input;\n"
  "                     default: as the weights need it\n"
  "  --seed N           of the random crops: 0; the same seed gives the same file\n"
  "  --threads N        1\n"
  "  --quiet            no output but errors\n"
  "  --help             this text\n";

static int read_count(
  unsigned long long *value, const char *option, const char *text, unsigned long long most)
{
  char *end;
  errno = 0;
  *value = strtoull(text, &end, 10);
  if (errno || end == text || *end || strchr(text, '-') || *value > most)
    return tv_fail(
      TV_ERROR_ARGUMENT, "%s wants a whole number up to %llu, not \"%s\"", option, most, text);
  return 0;
}

static int read_record(vgg_options *options)
{
  vgg_layer layers[VGG_LAYERS];
  char *list = strdup(options->record), *rest = list;
  int status = list ? 0 : tv_fail(TV_ERROR_MEMORY, "no memory for the command line");
  vgg_describe(layers, options->size);
  options->layers = 0;
  for (char *name; !status && (name = strsep(&rest, ",")) != NULL;) {
    char *kind = strchr(name, '/');
    if (kind)
      *kind++ = 0;
    const int weights = !kind || !strcmp(kind, "weights");
    const int activations = !kind || !strcmp(kind, "activations");
    size_t l = 0;
    while (l < VGG_LAYERS && strcmp(layers[l].name, name))
      ++l;
    if (!weights && !activations)
      status = tv_fail(
        TV_ERROR_ARGUMENT, "--record: there are weights and activations, but no \"%s\"", kind);
    else if (!strcmp(name, "input") && activations)
      options->record_input = 1;
    else if (l == VGG_LAYERS)
      status = tv_fail(TV_ERROR_ARGUMENT, "--record: VGG16 has no layer \"%s\"", name);
    else if (kind && weights && layers[l].kind == VGG_POOLING)
      status = tv_fail(TV_ERROR_ARGUMENT, "--record: %s has no weights", name);
    else {
      options->record_weights[l] |= weights && layers[l].kind != VGG_POOLING;
      options->record_activations[l] |= activations;
      if (options->layers < l + 1)
        options->layers = l + 1;
    }
  }
  if (!status && !options->layers)
    status = tv_fail(TV_ERROR_ARGUMENT, "--record names no layer of the network");
  for (size_t l = 0; !status && l < options->layers; ++l)
    if (!layers[l].side)
      status = tv_fail(TV_ERROR_ARGUMENT,
        "--size %zu: after pooling, nothing of such an image is left for %s", options->size,
        layers[l].name);
  free(list);
  return status;
}

int vgg_options_read(vgg_options *options, int count, char **arguments)
{
  unsigned long long batches = 10, batch = 32, size = 224, seed = 0, threads = 1;
  memset(options, 0, sizeof *options);
  options->output = "vgg16.tvh5";
  options->record = "conv1_1";
  options->crop = PHOTOGRAPHS_RANDOM;
  for (int i = 1; i < count; ++i) {
    const char *option = arguments[i], *value = i + 1 < count ? arguments[i + 1] : NULL;
    int status = 0;
    if (!strcmp(option, "--help")) {
      fputs(help, stdout);
      return 1;
    }
    if (!strcmp(option, "--overwrite")) {
      options->overwrite = 1;
      continue;
    }
    if (!strcmp(option, "--quiet")) {
      options->quiet = 1;
      continue;
    }
    const char *const known[] = {"--weights", "--images", "--output", "--batches", "--batch",
      "--record", "--size", "--crop", "--prepare", "--seed", "--threads"};
    size_t k = 0;
    while (k < sizeof known / sizeof known[0] && strcmp(option, known[k]))
      ++k;
    if (k == sizeof known / sizeof known[0])
      return tv_fail(TV_ERROR_ARGUMENT, "%s is not an option; --help lists them", option);
    if (!value)
      return tv_fail(TV_ERROR_ARGUMENT, "%s wants a value", option);
    ++i;
    if (!strcmp(option, "--weights"))
      options->weights = value;
    else if (!strcmp(option, "--images"))
      options->images = value;
    else if (!strcmp(option, "--output"))
      options->output = value;
    else if (!strcmp(option, "--record"))
      options->record = value;
    else if (!strcmp(option, "--batches"))
      status = read_count(&batches, option, value, 1000000000);
    else if (!strcmp(option, "--batch"))
      status = read_count(&batch, option, value, 65536);
    else if (!strcmp(option, "--size"))
      status = read_count(&size, option, value, 8192);
    else if (!strcmp(option, "--seed"))
      status = read_count(&seed, option, value, UINT64_MAX);
    else if (!strcmp(option, "--threads"))
      status = read_count(&threads, option, value, 1024);
    else if (!strcmp(option, "--crop")) {
      options->crop = !strcmp(value, "centre") ? PHOTOGRAPHS_CENTRE : PHOTOGRAPHS_RANDOM;
      if (strcmp(value, "centre") && strcmp(value, "random"))
        status = tv_fail(TV_ERROR_ARGUMENT, "--crop is random or centre, not \"%s\"", value);
    } else if (!(options->preparation = photographs_prepare(value))) {
      status =
        tv_fail(TV_ERROR_ARGUMENT, "--prepare is torchvision, keras or unit, not \"%s\"", value);
    }
    if (status)
      return status;
  }
  if (!options->weights)
    return tv_fail(TV_ERROR_ARGUMENT,
      "--weights FILE is missing: VGG16's from torchvision or Keras, or the trained first layer "
      "that Data/Trainers/fetch_first_layer.sh fetches");
  if (!options->images)
    return tv_fail(TV_ERROR_ARGUMENT,
      "--images FOLDER is missing: JPEG or PNG photographs, e.g. those that "
      "Data/Trainers/fetch_photographs.sh fetches");
  if (!batches || !batch || !size || !threads)
    return tv_fail(TV_ERROR_ARGUMENT, "--batches, --batch, --size and --threads are at least 1");
  options->batches = (long)batches;
  options->batch = (size_t)batch;
  options->size = (size_t)size;
  options->seed = seed;
  options->threads = (int)threads;
  return read_record(options);
}

int vgg_options_settle(vgg_options *options, const weights_file *file)
{
  const weights_origin origin = weights_file_origin(file);
  vgg_layer layers[VGG_LAYERS];
  vgg_describe(layers, options->size);
  if (!options->preparation)
    options->preparation = photographs_prepare(origin == WEIGHTS_TORCHVISION ? "torchvision"
                                               : origin == WEIGHTS_KERAS     ? "keras"
                                                                             : "unit");
  if (origin == WEIGHTS_FIRST_LAYER && options->layers > 1)
    return tv_fail(TV_ERROR_ARGUMENT,
      "%s holds only one layer, to be recorded as conv1_1, and no %s", options->weights,
      layers[options->layers - 1].name);
  for (size_t l = 0; l < options->layers; ++l) {
    const int missing = layers[l].kind == VGG_POOLING ? 0 : weights_check(file, layers[l].name);
    if (missing)
      return missing;
  }
  return 0;
}

double vgg_options_bytes(const vgg_options *options)
{
  vgg_layer layers[VGG_LAYERS];
  const double side = (double)options->size;
  double once = 0, each = options->record_input ? 3 * side * side : 0;
  vgg_describe(layers, options->size);
  for (size_t l = 0; l < options->layers; ++l) {
    const double filters = (double)layers[l].filters, here = (double)layers[l].side;
    if (options->record_weights[l])
      once += filters * (double)layers[l].inputs * (layers[l].kind == VGG_CONVOLUTION ? 9 : 1);
    if (options->record_activations[l])
      each += filters * here * here;
  }
  return 4 * (once + each * (double)options->batches);
}
