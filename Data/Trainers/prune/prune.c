/* SPDX-License-Identifier: BSD-3-Clause */
/* Makes a trained network smaller: reads the last weights and statistics of a run file, merges
 * filters in each of the ways that there are, prints what each costs without training on, and
 * writes the network that one of them gives into a new run file: step s as it was, step s + 1 as
 * it became. */
#include "arguments.h"
#include "batches.h"
#include "pruning.h"
#include "recorder.h"
#include "status.h"
#include "trained.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
  "Usage: tensorview-prune --run FILE [OPTION]...\n"
  "Merges filters of a finished network and reports what that costs, without fine-tuning.\n"
  "\n"
  "  --run FILE         run file of tensorview-lenet with weights, biases and second moments\n"
  "  --output FILE      new run file: the network before and after (pruned.tvh5), or none\n"
  "  --overwrite        replace it if it exists\n"
  "  --data FOLDER      IDX files that say how accurate it is (/usr/share/datasets/fashion-mnist)\n"
  "  --layers A,B,...   lose filters (all but the last)\n"
  "  --keep N,N,...     so many stay in each of these layers, those the next needs most\n"
  "  --ratio X          or this part of each goes, 0 to 1\n"
  "  --threshold X      or groups of that correlation become one filter each (0.97)\n"
  "  --linkage NAME     of groups: complete (default) or single\n"
  "  --similarity NAME  of maps (default: summed over a batch, as shown) or moments\n"
  "  --way NAME         is written: reconstruct (default), affine, sum or remove\n"
  "  --bound X          largest part of its variance that a merged filter may lose (inf)\n"
  "  --keep-dead        do not remove dead filters\n"
  "  --gather N         gather statistics anew over N batches of 50 training samples (0: from the "
  "run)\n"
  "  --threads N        (1)\n"
  "  --help\n";

typedef struct pruning_run
{
  const char *run, *output, *data, *layers;
  int overwrite;
  size_t keep[NETWORK_LAYERS], keep_count;
  double ratio;
  uint64_t gather, threads;
  pruning_options pruning;

  tv_source *source;
  idx_images train, test;
  batches sampler;
  statistics statistics;
  int64_t step;
} pruning_run;

/* One line of the report. */
typedef struct outcome
{
  size_t filters[NETWORK_LAYERS], parameters, multiplications, kept_back;
  double accuracy;
} outcome;

static int read_keep(void *to, const char *text)
{
  pruning_run *r = to;
  return arguments_list(r->keep, &r->keep_count, NETWORK_LAYERS, text);
}

static int read_options(pruning_run *r, int argc, char **argv)
{
  int keep_dead = 0;
  memset(r, 0, sizeof *r);
  r->output = "pruned.tvh5";
  r->data = "/usr/share/datasets/fashion-mnist";
  r->threads = 1;
  r->pruning =
    (pruning_options){0.97, TV_COMPLETE, SIMILARITY_MAPS, TV_RECONSTRUCT, INFINITY, 1, 0};
  const argument table[] = {
    {"run", ARGUMENT_TEXT, &r->run, 0, 0, NULL},
    {"output", ARGUMENT_TEXT, &r->output, 0, 0, NULL},
    {"overwrite", ARGUMENT_FLAG, &r->overwrite, 0, 0, NULL},
    {"data", ARGUMENT_TEXT, &r->data, 0, 0, NULL},
    {"layers", ARGUMENT_TEXT, &r->layers, 0, 0, NULL},
    {"keep", ARGUMENT_CALL, r, 0, 0, read_keep},
    {"ratio", ARGUMENT_REAL, &r->ratio, 0, 1, NULL},
    {"threshold", ARGUMENT_REAL, &r->pruning.threshold, -1, 1, NULL},
    {"linkage", ARGUMENT_CALL, &r->pruning.linkage, 0, 0, pruning_read_linkage},
    {"similarity", ARGUMENT_CALL, &r->pruning.similarity, 0, 0, pruning_read_similarity},
    {"way", ARGUMENT_CALL, &r->pruning.way, 0, 0, pruning_read_way},
    {"bound", ARGUMENT_REAL, &r->pruning.bound, 0, INFINITY, NULL},
    {"keep-dead", ARGUMENT_FLAG, &keep_dead, 0, 0, NULL},
    {"gather", ARGUMENT_WHOLE, &r->gather, 0, 1e6, NULL},
    {"threads", ARGUMENT_WHOLE, &r->threads, 0, 1024, NULL},
    {NULL, ARGUMENT_FLAG, NULL, 0, 0, NULL},
  };
  const int status = arguments_read(table, help, argc, argv);
  if (status != TV_OK)
    return status;
  r->pruning.dead = !keep_dead;
  if (strcmp(r->output, "none") == 0)
    r->output = NULL;
  if (!r->run)
    return tv_fail(TV_ERROR_ARGUMENT, "--run FILE is missing");
  if (r->keep_count && r->ratio > 0)
    return tv_fail(TV_ERROR_ARGUMENT, "--keep and --ratio cannot both be given");
  return TV_OK;
}

/* The places in the list of the layers that lose filters; chosen[] by layer: 1 + place, or 0. */
static int choose_layers(size_t *chosen, const pruning_run *r, const network *n)
{
  size_t names = 0, found = 0;
  memset(chosen, 0, NETWORK_LAYERS * sizeof *chosen);
  if (!r->layers)
    for (size_t i = 0; i + 1 < n->layer_count; ++i)
      chosen[i] = ++names;
  for (const char *at = r->layers; at; at = strchr(at, ',')) {
    at += *at == ',';
    const size_t length = strcspn(at, ",");
    ++names;
    for (size_t i = 0; i + 1 < n->layer_count; ++i)
      if (strlen(n->layers[i].name) == length && memcmp(at, n->layers[i].name, length) == 0) {
        found += chosen[i] == 0;
        chosen[i] = names;
      }
  }
  if (r->layers && found != names)
    return tv_fail(TV_ERROR_ARGUMENT,
      "--layers %s names something that is no layer, the last layer, or one twice", r->layers);
  if (r->keep_count && r->keep_count != names)
    return tv_fail(
      TV_ERROR_ARGUMENT, "--keep gives %zu numbers for %zu layers", r->keep_count, names);
  return TV_OK;
}

/* How many filters of a layer are asked to stay; 0: as the threshold says. */
static size_t wanted_filters(const pruning_run *r, size_t place, size_t filters)
{
  if (r->keep_count)
    return r->keep[place - 1];
  if (r->ratio > 0) {
    const size_t left = filters - (size_t)floor(r->ratio * (double)filters + 0.5);
    return left ? left : 1;
  }
  return 0;
}

/* Always over the same samples, so that the ways can be compared. */
static int gather(pruning_run *r, network *n)
{
  batches_free(&r->sampler);
  const int status = batches_create(&r->sampler, &r->train, 0, 1);
  return status != TV_OK
           ? status
           : statistics_gather(&r->statistics, n, &r->sampler, r->gather, (int)r->threads);
}

/* Merges in one way a network that was read anew; tells the run file if there is one. */
static int merge(outcome *out, network *n, pruning_run *r, tv_merge_way way, recorder *record)
{
  size_t chosen[NETWORK_LAYERS];
  int status = choose_layers(chosen, r, n);
  if (status == TV_OK && r->gather)
    status = gather(r, n);
  for (size_t i = 0; status == TV_OK && i + 1 < n->layer_count; ++i) {
    pruning_options o = r->pruning;
    pruning_result result = {0};
    if (!chosen[i])
      continue;
    o.way = way;
    o.number = wanted_filters(r, chosen[i], n->layers[i].weights.rows);
    if (o.number > n->layers[i].weights.rows)
      return tv_fail(TV_ERROR_ARGUMENT, "--keep asks for %zu of the %zu filters of %s", o.number,
        n->layers[i].weights.rows, n->layers[i].name);
    status = pruning_apply(&result, n, i, &r->statistics.layers[i], &o);
    if (status != TV_OK)
      tv_fail((tv_status)status, "%s: %s", n->layers[i].name, tv_last_error());
    /* The layers behind see something else now. */
    if (status == TV_OK && r->gather && result.kept < result.filters)
      status = gather(r, n);
    out->kept_back += result.kept_back;
    if (status == TV_OK && record)
      recorder_note_filters(record, n, i, &result, way);
    pruning_free(&result);
  }
  return status;
}

static int measure(outcome *out, network *n, const pruning_run *r)
{
  for (size_t i = 0; i < n->layer_count; ++i)
    out->filters[i] = n->layers[i].weights.rows;
  out->parameters = network_parameters(n);
  out->multiplications = network_multiplications(n);
  return network_accuracy(&out->accuracy, n, &r->test);
}

static int open_network(network **n, pruning_run *r)
{
  return trained_network(n, &r->step, r->source, 50, r->test.height, r->test.width);
}

/* Statistics of the layers that lose filters: from the run, or gathered anew. */
static int get_statistics(pruning_run *r, network *n)
{
  size_t chosen[NETWORK_LAYERS];
  int status = choose_layers(chosen, r, n);
  if (status == TV_OK)
    status = statistics_create(&r->statistics, n);
  if (status == TV_OK && r->gather)
    return idx_read(&r->train, r->data, "train");

  for (size_t i = 0; status == TV_OK && i + 1 < n->layer_count; ++i) {
    if (!chosen[i])
      continue;
    if (!trained_has(r->source, n->layers[i].name, "moments"))
      return tv_fail(TV_ERROR_ARGUMENT,
        "\"%s\" has no second moments of %s: train with --record-moments, or say --gather 400 here",
        r->run, n->layers[i].name);
    status = trained_statistics(&r->statistics, r->source, n, i);
  }
  return status;
}

static void print_line(const char *name, const outcome *o, const network *n)
{
  char filters[256] = "";
  size_t length = 0;
  for (size_t i = 0; i + 1 < n->layer_count && length < sizeof filters; ++i)
    length += (size_t)snprintf(
      filters + length, sizeof filters - length, "%s%zu", i ? "-" : "", o->filters[i]);
  printf(
    "%-14s %-18s %11zu %15zu %9.4f", name, filters, o->parameters, o->multiplications, o->accuracy);
  if (o->kept_back)
    printf("  (%zu over the bound kept)", o->kept_back);
  putchar('\n');
}

/* The report is worth nothing where it looks at other images than the training did. */
static void doubt_images(const pruning_run *r, double accuracy)
{
  const double recorded = trained_scalar(r->source, "accuracy");
  if (fabs(recorded - accuracy) > 0.05)
    fprintf(stderr,
      "tensorview-prune: \"%s\" recorded a test accuracy of %.4f, and on the images in %s it is "
      "%.4f: --data FOLDER names those that it was trained for.\n",
      r->run, recorded, r->data, accuracy);
}

/* The network as it was at the run's last step, and what one way made of it at the next. */
static int write_run(pruning_run *r, tv_merge_way way)
{
  options o;
  recorder record = {0};
  network *n = NULL;
  outcome before = {0}, after = {0};
  int status;
  options_default(&o);
  o.output = r->output;
  o.overwrite = r->overwrite;
  o.record_large = o.record_weights = o.record_activations = 1;
  o.prune_count = 1; /* so that the states of filters are declared */
  o.prune_layers = r->layers;
  if ((status = open_network(&n, r)) == TV_OK)
    status = recorder_open(&record, &o, n);
  for (int merged = 0; status == TV_OK && merged < 2; ++merged) {
    outcome *out = merged ? &after : &before;
    const uint64_t step = (uint64_t)r->step + (uint64_t)merged;
    if (merged && (status = merge(out, n, r, way, &record)) != TV_OK)
      break;
    if ((status = measure(out, n, r)) != TV_OK)
      break;
    idx_copy(n->images, n->labels, &r->test, NULL, 0,
      r->test.samples < n->batch ? r->test.samples : n->batch); /* the same batch, twice */
    if ((status = network_forward(n)) == TV_OK &&
        (status = tv_record(record.run, (int64_t)step, "accuracy", out->accuracy)) == TV_OK)
      status = recorder_write(&record, n, step, 1);
  }
  const int closed = recorder_close(&record);
  network_free(n);
  return status != TV_OK ? status : closed;
}

static int report(pruning_run *r)
{
  static const char *const names[] = {"remove", "sum", "affine", "reconstruct"};
  network *n = NULL;
  outcome before = {0};
  int status = open_network(&n, r);
  if (status == TV_OK)
    status = get_statistics(r, n);
  if (status == TV_OK)
    status = measure(&before, n, r);
  if (status == TV_OK) {
    printf(
      "%-14s %-18s %11s %15s %9s\n", "", "filters", "parameters", "multiplications", "accuracy");
    print_line("before", &before, n);
    fflush(stdout);
    doubt_images(r, before.accuracy);
  }
  network_free(n);
  for (int way = TV_REMOVE; status == TV_OK && way <= TV_RECONSTRUCT; ++way) {
    outcome after = {0};
    n = NULL;
    if ((status = open_network(&n, r)) == TV_OK &&
        (status = merge(&after, n, r, (tv_merge_way)way, NULL)) == TV_OK &&
        (status = measure(&after, n, r)) == TV_OK)
      print_line(names[way], &after, n);
    network_free(n);
  }
  return status;
}

/* What is wrong with the run is said, and the rest of it is used. */
static int open_run(pruning_run *r)
{
  const char *const *notes;
  const tv_source_tensor *tensors;
  const int status = tv_source_open(&r->source, &r->run, 1, NULL);
  if (status != TV_OK)
    return status;
  for (size_t k = 0, count = tv_source_notes(r->source, &notes); k < count; ++k)
    fprintf(stderr, "tensorview-prune: %s.\n", notes[k]);
  for (size_t k = 0, count = tv_source_tensors(r->source, &tensors); k < count; ++k)
    if (tensors[k].problem)
      fprintf(stderr, "tensorview-prune: %s.\n", tensors[k].problem);
  return TV_OK;
}

/* Whether a sentence was among those of open_run(). */
static int is_said(const pruning_run *r, const char *sentence)
{
  const tv_source_tensor *tensors;
  for (size_t k = 0, count = r->source ? tv_source_tensors(r->source, &tensors) : 0; k < count; ++k)
    if (tensors[k].problem && strcmp(tensors[k].problem, sentence) == 0)
      return 1;
  return 0;
}

int main(int argc, char **argv)
{
  static pruning_run r;
  int status = read_options(&r, argc, argv);
  if (status == 1)
    return 0;
  if (status == TV_OK && r.threads > 0)
    omp_set_num_threads((int)r.threads);
  if (status == TV_OK && (status = open_run(&r)) == TV_OK &&
      (status = idx_read(&r.test, r.data, "t10k")) == TV_OK && (status = report(&r)) == TV_OK &&
      r.output && (status = write_run(&r, r.pruning.way)) == TV_OK)
    printf("written to %s\n", r.output);
  if (status != TV_OK && !is_said(&r, tv_last_error()))
    fprintf(stderr, "tensorview-prune: %s.\n", tv_last_error());
  statistics_free(&r.statistics);
  batches_free(&r.sampler);
  idx_free(&r.train);
  idx_free(&r.test);
  tv_source_close(r.source);
  return status == TV_OK ? 0 : 1;
}
