/* SPDX-License-Identifier: BSD-3-Clause */
#include "options.h"

#include "arguments.h"
#include "status.h"

#include <tensorview/tensorview.h>

#include <math.h>
#include <string.h>

static const char help[] =
  "Usage: tensorview-lenet [OPTION]...\n"
  "Trains a LeNet on MNIST or Fashion-MNIST and records the run for ParaView.\n"
  "\n"
  "Data and network\n"
  "  --data FOLDER           IDX files, plain or .gz (/usr/share/datasets/fashion-mnist)\n"
  "  --samples N             use the first N training samples (0: all)\n"
  "  --network NAME          lenet-5 (default) or lenet-300-100\n"
  "  --filters N,N,...       convolutions 3 x 3, each with pooling (16,32), or none\n"
  "  --hidden N,N,...        fully connected layers before the last one (512), or none\n"
  "  --initial-deviation X   of the first weights (0.1; 0: by each layer's inputs, after He)\n"
  "\n"
  "Training\n"
  "  --steps N               stop after N steps\n"
  "  --epochs N              or after N passes over the training samples (1)\n"
  "  --batch N               samples of each step (50)\n"
  "  --optimizer NAME        adam (default) or sgd\n"
  "  --learning-rate X       (0.001; 0.02 with sgd)\n"
  "  --momentum X            of sgd (0.9)\n"
  "  --decay-every N         multiply the learning rate each N steps (0: never)\n"
  "  --decay X               by X (0.1)\n"
  "  --weight-decay X        adds X times a weight to its gradient (0)\n"
  "  --seed N                draws the first weights and the order of the samples (1)\n"
  "  --threads N             (1); 0: as many as there are. One thread repeats a run exactly\n"
  "  --evaluate-every N      test accuracy every N steps as well (0: at the end only)\n"
  "\n"
  "Recording: the state before step 0, N, 2 N, ... and after the last one; 0: never\n"
  "  --output FILE           run file (lenet.tvh5), or none\n"
  "  --overwrite             replace a run file that exists\n"
  "  --record-weights N      weights and biases (10)\n"
  "  --record-large N        weights of more than 65,536 numbers (500)\n"
  "  --record-activations N  summed over the batch (100)\n"
  "  --record-gradients N    of weights and biases (0)\n"
  "  --record-scalars N      loss and learning rate (1)\n"
  "  --record-moments N      second moments of what each layer passes on (0)\n"
  "  --record-times N        seconds of the step before, and what recording took of them (0);\n"
  "                          at the end its share is printed\n"
  "  --tensors A,B=N,...     only these, each N steps: conv1/weights=1,conv1/activations (all)\n"
  "  --flush SECONDS         at most so long until a step can be read (1); 0: each step at once\n"
  "  --channel NAME          leave each recorded step in shared memory for tensorview-live\n"
  "  --file-every N          of each tensor at most each N steps to the file, all to the channel "
  "(1)\n"
  "  --block SECONDS         wait so long for a slow reader of the channel (0: never)\n"
  "\n"
  "Merging similar filters while training goes on; with a channel a viewer may ask for it, too\n"
  "  --prune-at N,N,...      look for them before these steps\n"
  "  --prune-when-groups N   look each N steps\n"
  "  --prune-layers A,B,...  in these layers (conv1)\n"
  "  --prune-threshold X     least correlation of a group (0.97)\n"
  "  --prune-linkage NAME    complete (default) or single\n"
  "  --prune-similarity NAME of maps (default: summed over a batch, as shown) or moments\n"
  "  --prune-way NAME        reconstruct (default), affine, sum or remove\n"
  "  --prune-bound X         largest part of its variance that a merged filter may lose (0.25)\n"
  "  --keep-dead             do not remove dead filters\n"
  "  --statistics-batches N  batches behind moments and merging (20)\n"
  "\n"
  "  --quiet                 no progress, only the result\n"
  "  --help\n"
  "\n"
  "Exit status: 0; 1: nothing was trained; 2: trained, but the recording is not complete.\n";

static int read_filters(void *to, const char *text)
{
  network_shape *shape = to;
  return arguments_list(shape->filters, &shape->convolutions, NETWORK_LAYERS - 1, text);
}

static int read_hidden(void *to, const char *text)
{
  network_shape *shape = to;
  return arguments_list(shape->hidden, &shape->hidden_layers, NETWORK_LAYERS - 1, text);
}

static int read_network(void *to, const char *text)
{
  network_shape *shape = to;
  const int convolutional = strcmp(text, "lenet-5") == 0;
  if (!convolutional && strcmp(text, "lenet-300-100") != 0)
    return tv_fail(TV_ERROR_ARGUMENT, "%s is neither lenet-5 nor lenet-300-100", text);
  /* 0.1 as in TensorFlow's first example, and so in the paper's network. */
  shape->deviation = convolutional ? 0.1 : 0;
  read_filters(shape, convolutional ? "16,32" : "none");
  return read_hidden(shape, convolutional ? "512" : "300,100");
}

static int read_optimizer(void *to, const char *text)
{
  optimizer *optimizer = to;
  if (strcmp(text, "adam") != 0 && strcmp(text, "sgd") != 0)
    return tv_fail(TV_ERROR_ARGUMENT, "%s is neither adam nor sgd", text);
  optimizer->kind = *text == 'a' ? OPTIMIZER_ADAM : OPTIMIZER_SGD;
  return TV_OK;
}

static int read_prune_at(void *to, const char *text)
{
  options *o = to;
  return arguments_list(o->prune_at, &o->prune_count, OPTIONS_PRUNINGS, text);
}

void options_default(options *o)
{
  memset(o, 0, sizeof *o);
  o->data = "/usr/share/datasets/fashion-mnist";
  o->shape.batch = 50;
  o->shape.classes = 10;
  read_network(&o->shape, "lenet-5");
  o->epochs = 1;
  o->optimizer = (optimizer){OPTIMIZER_ADAM, NAN, 0.9, 0.9, 0.999, 1e-8, 0, 0, 1};
  o->decay = 0.1;
  o->seed = 1;
  o->threads = 1;
  o->output = "lenet.tvh5";
  o->flush_seconds = 1;
  o->record_weights = 10;
  o->record_large = 500;
  o->record_activations = 100;
  o->record_scalars = 1;
  o->file_every = 0; /* what the environment says, or 1 */
  o->block_seconds = TV_NOT_SET;
  o->pruning = (pruning_options){0.97, TV_COMPLETE, SIMILARITY_MAPS, TV_RECONSTRUCT, 0.25, 1, 0};
  o->prune_layers = "conv1";
  o->statistics_batches = 20;
}

int options_read(options *o, int argc, char **argv)
{
  const double many = 0x1p40;
  uint64_t batch = 50;
  int keep_dead = 0;
  options_default(o);
  const argument table[] = {
    {"data", ARGUMENT_TEXT, &o->data, 0, 0, NULL},
    {"samples", ARGUMENT_WHOLE, &o->samples, 0, UINT32_MAX, NULL},
    {"network", ARGUMENT_CALL, &o->shape, 0, 0, read_network},
    {"filters", ARGUMENT_CALL, &o->shape, 0, 0, read_filters},
    {"hidden", ARGUMENT_CALL, &o->shape, 0, 0, read_hidden},
    {"initial-deviation", ARGUMENT_REAL, &o->shape.deviation, 0, 1000, NULL},
    {"steps", ARGUMENT_WHOLE, &o->steps, 1, many, NULL},
    {"epochs", ARGUMENT_WHOLE, &o->epochs, 1, 1e6, NULL},
    {"batch", ARGUMENT_WHOLE, &batch, 1, 65536, NULL},
    {"optimizer", ARGUMENT_CALL, &o->optimizer, 0, 0, read_optimizer},
    {"learning-rate", ARGUMENT_REAL, &o->optimizer.learning_rate, 0, 1e6, NULL},
    {"momentum", ARGUMENT_REAL, &o->optimizer.momentum, 0, 1, NULL},
    {"decay-every", ARGUMENT_WHOLE, &o->decay_every, 0, many, NULL},
    {"decay", ARGUMENT_REAL, &o->decay, 0, 1, NULL},
    {"weight-decay", ARGUMENT_REAL, &o->optimizer.weight_decay, 0, 1, NULL},
    {"seed", ARGUMENT_WHOLE, &o->seed, 0, 0x1p53, NULL},
    {"threads", ARGUMENT_WHOLE, &o->threads, 0, 1024, NULL},
    {"evaluate-every", ARGUMENT_WHOLE, &o->evaluate_every, 0, many, NULL},
    {"output", ARGUMENT_TEXT, &o->output, 0, 0, NULL},
    {"overwrite", ARGUMENT_FLAG, &o->overwrite, 0, 0, NULL},
    {"record-weights", ARGUMENT_WHOLE, &o->record_weights, 0, many, NULL},
    {"record-large", ARGUMENT_WHOLE, &o->record_large, 0, many, NULL},
    {"record-activations", ARGUMENT_WHOLE, &o->record_activations, 0, many, NULL},
    {"record-gradients", ARGUMENT_WHOLE, &o->record_gradients, 0, many, NULL},
    {"record-scalars", ARGUMENT_WHOLE, &o->record_scalars, 0, many, NULL},
    {"record-moments", ARGUMENT_WHOLE, &o->record_moments, 0, many, NULL},
    {"record-times", ARGUMENT_WHOLE, &o->record_times, 0, many, NULL},
    {"tensors", ARGUMENT_TEXT, &o->tensors, 0, 0, NULL},
    {"flush", ARGUMENT_REAL, &o->flush_seconds, 0, 1e9, NULL},
    {"channel", ARGUMENT_TEXT, &o->channel, 0, 0, NULL},
    {"file-every", ARGUMENT_WHOLE, &o->file_every, 1, many, NULL},
    {"block", ARGUMENT_REAL, &o->block_seconds, 0, 1e9, NULL},
    {"prune-at", ARGUMENT_CALL, o, 0, 0, read_prune_at},
    {"prune-when-groups", ARGUMENT_WHOLE, &o->prune_every, 0, many, NULL},
    {"prune-layers", ARGUMENT_TEXT, &o->prune_layers, 0, 0, NULL},
    {"prune-threshold", ARGUMENT_REAL, &o->pruning.threshold, -1, 1, NULL},
    {"prune-linkage", ARGUMENT_CALL, &o->pruning.linkage, 0, 0, pruning_read_linkage},
    {"prune-similarity", ARGUMENT_CALL, &o->pruning.similarity, 0, 0, pruning_read_similarity},
    {"prune-way", ARGUMENT_CALL, &o->pruning.way, 0, 0, pruning_read_way},
    {"prune-bound", ARGUMENT_REAL, &o->pruning.bound, 0, INFINITY, NULL},
    {"keep-dead", ARGUMENT_FLAG, &keep_dead, 0, 0, NULL},
    {"statistics-batches", ARGUMENT_WHOLE, &o->statistics_batches, 1, 1e6, NULL},
    {"quiet", ARGUMENT_FLAG, &o->quiet, 0, 0, NULL},
    {NULL, ARGUMENT_FLAG, NULL, 0, 0, NULL},
  };
  const int status = arguments_read(table, help, argc, argv);
  if (status != TV_OK)
    return status;
  o->shape.batch = batch;
  o->pruning.dead = !keep_dead;
  if (isnan(o->optimizer.learning_rate))
    o->optimizer.learning_rate = o->optimizer.kind == OPTIMIZER_ADAM ? 0.001 : 0.02;
  o->optimizer.threads = (int)o->threads;
  if (strcmp(o->output, "none") == 0)
    o->output = NULL;
  return TV_OK;
}

int options_prune_now(const options *o, uint64_t step)
{
  for (size_t i = 0; i < o->prune_count; ++i)
    if (o->prune_at[i] == step)
      return 1;
  return o->prune_every && step > 0 && step % o->prune_every == 0;
}

int options_prune(const options *o)
{
  return o->prune_count || o->prune_every;
}

int options_lists(const char *list, const char *name)
{
  const size_t length = strlen(name);
  for (const char *at = list; at; at = strchr(at, ',')) {
    at += *at == ',';
    if (strncmp(at, name, length) == 0 && (at[length] == ',' || !at[length]))
      return 1;
  }
  return !list;
}
