/* SPDX-License-Identifier: BSD-3-Clause */
/* tensorview-vgg16: batches of photographs through VGG16, its activations into a run file.
 *
 *   tensorview-vgg16 --weights FILE --images FOLDER [--output vgg16.tvh5] [--batches 10] [--batch
 * 32] ...
 *
 * Every batch is a step. The weights of the recorded layers are written once, at step 0; the
 * activations of a batch are summed by the shim. Only the layers up to the last recorded one are
 * computed. */
#include "photographs.h"
#include "status.h"
#include "vgg_network.h"
#include "vgg_options.h"
#include "weights_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tensorview/tensorview.h>
#include <time.h>
#include <unistd.h>

/* What is recorded of the network: the shim's number of each tensor, -1 where there is none. */
typedef struct recording
{
  tv_run *run;
  int weights[VGG_LAYERS], activations[VGG_LAYERS], input;
  long step;
} recording;

static double seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int fail(const char *sentence)
{
  fprintf(stderr, "tensorview-vgg16: %s.\n", sentence);
  return EXIT_FAILURE;
}

/* Called by the network while it loads its weights: this is all it takes to record them. */
static int record_weights(void *context, size_t layer, const weights_layer *weights)
{
  recording *recording = context;
  if (recording->weights[layer] < 0)
    return 0;
  return tv_write(recording->run, recording->weights[layer], 0, weights->weights);
}

/* Called by the network as each wanted layer is done. */
static int record_activations(void *context, size_t layer, const float *activations)
{
  recording *recording = context;
  return tv_write(recording->run, recording->activations[layer], recording->step, activations);
}

/* The layer's name in the run file says what the weights are. */
static const char *label(const vgg_layer *layer, weights_origin origin)
{
  return origin == WEIGHTS_FIRST_LAYER ? "esrgan_thick_conv1" : layer->name;
}

static int declare(
  recording *recording, const vgg_options *options, const vgg_layer *layers, weights_origin origin)
{
  const int torchvision = origin == WEIGHTS_TORCHVISION;
  const size_t batch = options->batch, size = options->size, images[] = {batch, 3, size, size};
  int status = 0;
  recording->input = -1;
  if (options->record_input)
    status = tv_declare(
      &recording->input, recording->run, "input", "activations", TV_FLOAT32, "nchw", images);
  for (size_t l = 0; l < VGG_LAYERS; ++l) {
    const vgg_layer *layer = layers + l;
    const size_t side = layer->side, i = layer->inputs, o = layer->filters;
    const size_t oihw[] = {o, i, 3, 3}, hwio[] = {3, 3, i, o}, oi[] = {o, i}, io[] = {i, o};
    const size_t nchw[] = {batch, o, side, side};
    const int plane = layer->kind != VGG_FULLY_CONNECTED;
    recording->weights[l] = recording->activations[l] = -1;
    if (!status && options->record_weights[l])
      status = tv_declare(&recording->weights[l], recording->run, label(layer, origin), "weights",
        TV_FLOAT32, plane ? (torchvision ? "oihw" : "hwio") : (torchvision ? "oi" : "io"),
        plane ? (torchvision ? oihw : hwio) : (torchvision ? oi : io));
    if (!status && options->record_activations[l])
      status = tv_declare(&recording->activations[l], recording->run, label(layer, origin),
        "activations", TV_FLOAT32, plane ? "nchw" : "nc", nchw);
  }
  return status;
}

static void progress(const vgg_options *options, long done, double begin)
{
  static double last;
  const int terminal = isatty(STDOUT_FILENO); /* elsewhere the last line is enough */
  const double now = seconds(), rate = (double)done / (now - begin);
  if (options->quiet || (done != options->batches && (!terminal || now - last < 0.5)))
    return;
  last = now;
  printf("%sbatch %ld of %ld   %.2f batches/s   %.1f images/s   %.0f s left   ",
    terminal ? "\r" : "", done, options->batches, rate, rate * (double)options->batch,
    (double)(options->batches - done) / rate);
  if (done == options->batches)
    printf("\n");
  fflush(stdout);
}

/* The main loop: fill a batch, run the network, which records through the functions above. */
static int run_batches(
  const vgg_options *options, const photographs *set, vgg_network *network, recording *recording)
{
  const photographs_preparation *preparation = options->preparation;
  const size_t image = 3 * options->size * options->size;
  float *images = malloc(options->batch * image * sizeof *images);
  int status = images ? 0 : tv_fail(TV_ERROR_MEMORY, "no memory for a batch of images");
  const double begin = seconds();
  for (long step = 0; !status && step < options->batches; ++step) {
    recording->step = step;
#pragma omp parallel for num_threads(options->threads) if (options->threads > 1)
    for (size_t sample = 0; sample < options->batch; ++sample)
      photographs_sample(set, images + sample * image, (uint64_t)step * options->batch + sample,
        options->seed, options->crop, preparation);
    if (recording->input >= 0)
      status = tv_write(recording->run, recording->input, step, images);
    if (!status)
      status = vgg_forward(network, images, record_activations, recording);
    if (!status)
      status = tv_end_step(recording->run, step);
    progress(options, step + 1, begin);
  }
  free(images);
  return status;
}

static void introduce(const vgg_options *options, const photographs *set, const weights_file *file)
{
  if (options->quiet)
    return;
  printf("Weights: %s (%s).\n", weights_file_description(file), options->weights);
  printf("Images: %zu photographs from %s, prepared as for %s, %s crops of %zu x %zu.\n",
    photographs_count(set), options->images, options->preparation->name,
    options->crop == PHOTOGRAPHS_RANDOM ? "random" : "centred", options->size, options->size);
  printf("%ld batches of %zu into %s, %.1f MB.\n", options->batches, options->batch,
    options->output, vgg_options_bytes(options) * 1e-6);
  fflush(stdout);
}

int main(int count, char **arguments)
{
  vgg_options options;
  vgg_layer layers[VGG_LAYERS];
  recording recording = {NULL, {0}, {0}, -1, 0};
  weights_file *file = NULL;
  photographs *set = NULL;
  vgg_network *network = NULL;
  int status = vgg_options_read(&options, count, arguments);
  if (status)
    return status > 0 ? EXIT_SUCCESS : fail(tv_last_error());
  vgg_describe(layers, options.size);

  status = weights_open(&file, options.weights);
  if (!status)
    status = vgg_options_settle(&options, file);
  if (!status)
    status = photographs_open(&set, options.images, options.size, options.quiet ? NULL : stderr);
  if (!status) {
    introduce(&options, set, file);
    tv_options options_of_run = tv_default_options();
    options_of_run.overwrite = options.overwrite;
    options_of_run.threads = options.threads;
    status = tv_open(&recording.run, options.output, &options_of_run);
    if (!status)
      status = declare(&recording, &options, layers, weights_file_origin(file));
  }
  if (!status)
    status = vgg_create(&network, file, options.layers, options.batch, options.size,
      options.record_activations, record_weights, &recording, options.threads);
  weights_close(file);
  if (!status)
    status = run_batches(&options, set, network, &recording);
  vgg_destroy(network);
  photographs_close(set);
  if (status)
    fail(tv_last_error());
  const int closed = tv_close(recording.run);
  if (closed && !status)
    fail(tv_last_error());
  return status || closed ? EXIT_FAILURE : EXIT_SUCCESS;
}
