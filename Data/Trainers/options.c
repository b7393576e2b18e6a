#include "options.h"

#include "status.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
  "Usage: tensorview-lenet [OPTION]...\n"
  "Trains a LeNet on MNIST or Fashion-MNIST and records the run for ParaView.\n"
  "\n"
  "Data and network\n"
  "  --data FOLDER           IDX files, plain or .gz (/usr/share/datasets/fashion-mnist)\n"
  "  --samples N             use the first N training samples (all)\n"
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
  "  --tensors A,B=N,...     only these, each N steps: conv1/weights=1,conv1/activations (all)\n"
  "  --flush SECONDS         at most so long until a step can be read (1); 0: each step at once\n"
  "  --channel NAME          leave each recorded step in shared memory for tensorview-live\n"
  "  --block SECONDS         wait so long for a slow reader of the channel (0: never)\n"
  "\n"
  "  --quiet                 no progress, only the result\n"
  "  --help\n";

enum
{
  OPTION_DATA = 1,
  OPTION_SAMPLES,
  OPTION_NETWORK,
  OPTION_FILTERS,
  OPTION_HIDDEN,
  OPTION_DEVIATION,
  OPTION_STEPS,
  OPTION_EPOCHS,
  OPTION_BATCH,
  OPTION_OPTIMIZER,
  OPTION_RATE,
  OPTION_MOMENTUM,
  OPTION_DECAY_EVERY,
  OPTION_DECAY,
  OPTION_WEIGHT_DECAY,
  OPTION_SEED,
  OPTION_THREADS,
  OPTION_EVALUATE,
  OPTION_OUTPUT,
  OPTION_OVERWRITE,
  OPTION_WEIGHTS,
  OPTION_LARGE,
  OPTION_ACTIVATIONS,
  OPTION_GRADIENTS,
  OPTION_SCALARS,
  OPTION_TENSORS,
  OPTION_FLUSH,
  OPTION_CHANNEL,
  OPTION_BLOCK,
  OPTION_QUIET,
  OPTION_HELP
};

static const struct option names[] = {{"data", 1, NULL, OPTION_DATA},
  {"samples", 1, NULL, OPTION_SAMPLES}, {"network", 1, NULL, OPTION_NETWORK},
  {"filters", 1, NULL, OPTION_FILTERS}, {"hidden", 1, NULL, OPTION_HIDDEN},
  {"initial-deviation", 1, NULL, OPTION_DEVIATION}, {"steps", 1, NULL, OPTION_STEPS},
  {"epochs", 1, NULL, OPTION_EPOCHS}, {"batch", 1, NULL, OPTION_BATCH},
  {"optimizer", 1, NULL, OPTION_OPTIMIZER}, {"learning-rate", 1, NULL, OPTION_RATE},
  {"momentum", 1, NULL, OPTION_MOMENTUM}, {"decay-every", 1, NULL, OPTION_DECAY_EVERY},
  {"decay", 1, NULL, OPTION_DECAY}, {"weight-decay", 1, NULL, OPTION_WEIGHT_DECAY},
  {"seed", 1, NULL, OPTION_SEED}, {"threads", 1, NULL, OPTION_THREADS},
  {"evaluate-every", 1, NULL, OPTION_EVALUATE}, {"output", 1, NULL, OPTION_OUTPUT},
  {"overwrite", 0, NULL, OPTION_OVERWRITE}, {"record-weights", 1, NULL, OPTION_WEIGHTS},
  {"record-large", 1, NULL, OPTION_LARGE}, {"record-activations", 1, NULL, OPTION_ACTIVATIONS},
  {"record-gradients", 1, NULL, OPTION_GRADIENTS}, {"record-scalars", 1, NULL, OPTION_SCALARS},
  {"tensors", 1, NULL, OPTION_TENSORS}, {"flush", 1, NULL, OPTION_FLUSH},
  {"channel", 1, NULL, OPTION_CHANNEL}, {"block", 1, NULL, OPTION_BLOCK},
  {"quiet", 0, NULL, OPTION_QUIET}, {"help", 0, NULL, OPTION_HELP}, {NULL, 0, NULL, 0}};

/* A whole number in least ... most. */
static int whole(uint64_t *out, const char *name, const char *text, uint64_t least, uint64_t most)
{
  char *end;
  errno = 0;
  const unsigned long long value = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || errno || value < least || value > most)
    return tv_fail(TV_ERROR_ARGUMENT, "--%s %s is not a whole number from %llu to %llu", name, text,
      (unsigned long long)least, (unsigned long long)most);
  *out = value;
  return TV_OK;
}

static int real(double *out, const char *name, const char *text, double least, double most)
{
  char *end;
  const double value = strtod(text, &end);
  if (end == text || *end || !(value >= least && value <= most))
    return tv_fail(
      TV_ERROR_ARGUMENT, "--%s %s is not a number from %g to %g", name, text, least, most);
  *out = value;
  return TV_OK;
}

/* "16,32" or "none". */
static int widths(size_t *out, size_t *count, const char *name, const char *text)
{
  *count = 0;
  if (strcmp(text, "none") == 0)
    return TV_OK;
  for (const char *at = text;; ++at) {
    char number[24];
    const size_t length = strcspn(at, ",");
    uint64_t value = 0;
    if (*count == NETWORK_LAYERS - 1)
      return tv_fail(
        TV_ERROR_ARGUMENT, "--%s %s has more than %d layers", name, text, NETWORK_LAYERS - 1);
    snprintf(number, sizeof number, "%.*s", (int)(length < 23 ? length : 23), at);
    const int status = whole(&value, name, number, 1, 65536);
    if (status != TV_OK)
      return status;
    out[(*count)++] = value;
    at += length;
    if (!*at)
      return TV_OK;
  }
}

static int choose_network(options *o, const char *text)
{
  if (strcmp(text, "lenet-5") == 0) {
    o->shape.deviation = 0.1; /* as in TensorFlow's first example, and so in the paper's network */
    widths(o->shape.filters, &o->shape.convolutions, "filters", "16,32");
    return widths(o->shape.hidden, &o->shape.hidden_layers, "hidden", "512");
  }
  if (strcmp(text, "lenet-300-100") == 0) {
    o->shape.deviation = 0;
    widths(o->shape.filters, &o->shape.convolutions, "filters", "none");
    return widths(o->shape.hidden, &o->shape.hidden_layers, "hidden", "300,100");
  }
  return tv_fail(TV_ERROR_ARGUMENT, "--network %s is neither lenet-5 nor lenet-300-100", text);
}

static int choose_optimizer(options *o, const char *text)
{
  if (strcmp(text, "adam") == 0)
    o->optimizer.kind = OPTIMIZER_ADAM;
  else if (strcmp(text, "sgd") == 0)
    o->optimizer.kind = OPTIMIZER_SGD;
  else
    return tv_fail(TV_ERROR_ARGUMENT, "--optimizer %s is neither adam nor sgd", text);
  return TV_OK;
}

static int read_option(options *o, int option, const char *name, const char *text)
{
  const uint64_t many = UINT64_C(1) << 40;
  uint64_t n = 0;
  int status;
  switch (option) {
  case OPTION_DATA:
    o->data = text;
    return TV_OK;
  case OPTION_SAMPLES:
    return whole(&o->samples, name, text, 1, UINT32_MAX);
  case OPTION_NETWORK:
    return choose_network(o, text);
  case OPTION_FILTERS:
    return widths(o->shape.filters, &o->shape.convolutions, name, text);
  case OPTION_HIDDEN:
    return widths(o->shape.hidden, &o->shape.hidden_layers, name, text);
  case OPTION_DEVIATION:
    return real(&o->shape.deviation, name, text, 0, 1e3);
  case OPTION_STEPS:
    return whole(&o->steps, name, text, 1, many);
  case OPTION_EPOCHS:
    return whole(&o->epochs, name, text, 1, 1000000);
  case OPTION_BATCH:
    status = whole(&n, name, text, 1, 65536);
    o->shape.batch = n;
    return status;
  case OPTION_OPTIMIZER:
    return choose_optimizer(o, text);
  case OPTION_RATE:
    return real(&o->optimizer.learning_rate, name, text, 0, 1e6);
  case OPTION_MOMENTUM:
    return real(&o->optimizer.momentum, name, text, 0, 1);
  case OPTION_DECAY_EVERY:
    return whole(&o->decay_every, name, text, 0, many);
  case OPTION_DECAY:
    return real(&o->decay, name, text, 0, 1);
  case OPTION_WEIGHT_DECAY:
    return real(&o->optimizer.weight_decay, name, text, 0, 1);
  case OPTION_SEED:
    return whole(&o->seed, name, text, 0, UINT64_MAX);
  case OPTION_THREADS:
    status = whole(&n, name, text, 0, 1024);
    o->threads = (int)n;
    return status;
  case OPTION_EVALUATE:
    return whole(&o->evaluate_every, name, text, 0, many);
  case OPTION_OUTPUT:
    o->output = strcmp(text, "none") == 0 ? NULL : text;
    return TV_OK;
  case OPTION_OVERWRITE:
    o->overwrite = 1;
    return TV_OK;
  case OPTION_WEIGHTS:
    return whole(&o->record_weights, name, text, 0, many);
  case OPTION_LARGE:
    return whole(&o->record_large, name, text, 0, many);
  case OPTION_ACTIVATIONS:
    return whole(&o->record_activations, name, text, 0, many);
  case OPTION_GRADIENTS:
    return whole(&o->record_gradients, name, text, 0, many);
  case OPTION_SCALARS:
    return whole(&o->record_scalars, name, text, 0, many);
  case OPTION_TENSORS:
    o->tensors = text;
    return TV_OK;
  case OPTION_FLUSH:
    return real(&o->flush_seconds, name, text, 0, 1e9);
  case OPTION_CHANNEL:
    o->channel = text;
    return TV_OK;
  case OPTION_BLOCK:
    return real(&o->block_seconds, name, text, 0, 1e9);
  case OPTION_QUIET:
    o->quiet = 1;
    return TV_OK;
  }
  return TV_OK;
}

int options_read(options *o, int argc, char **argv)
{
  int option, index = 0, status;
  memset(o, 0, sizeof *o);
  o->data = "/usr/share/datasets/fashion-mnist";
  o->output = "lenet.tvh5";
  o->threads = 1;
  o->epochs = 1;
  o->seed = 1;
  o->decay = 0.1;
  o->flush_seconds = 1;
  o->shape.batch = 50;
  o->optimizer = (optimizer){OPTIMIZER_ADAM, NAN, 0.9, 0.9, 0.999, 1e-8, 0, 0, 1};
  o->record_weights = 10;
  o->record_large = 500;
  o->record_activations = 100;
  o->record_scalars = 1;
  choose_network(o, "lenet-5");
  opterr = 0;
  while ((option = getopt_long(argc, argv, "", names, &index)) != -1) {
    if (option == OPTION_HELP) {
      fputs(help, stdout);
      return 1;
    }
    if (option == '?') {
      const char *text = argv[optind - 1];
      for (size_t i = 0; names[i].name; ++i)
        if (text[0] == '-' && strcmp(text + 2, names[i].name) == 0)
          return tv_fail(TV_ERROR_ARGUMENT, "%s needs a value", text);
      return tv_fail(TV_ERROR_ARGUMENT, "%s is not an option; --help lists them", text);
    }
    if ((status = read_option(o, option, names[index].name, optarg)) != TV_OK)
      return status;
  }
  if (optind < argc)
    return tv_fail(TV_ERROR_ARGUMENT, "'%s' is not an option; --help lists them", argv[optind]);
  if (isnan(o->optimizer.learning_rate))
    o->optimizer.learning_rate = o->optimizer.kind == OPTIMIZER_ADAM ? 0.001 : 0.02;
  o->optimizer.threads = o->threads;
  o->shape.classes = 10;
  return TV_OK;
}
