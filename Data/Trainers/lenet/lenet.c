/* SPDX-License-Identifier: BSD-3-Clause */
/* Trains a LeNet on images and records the run: an example of how a trainer uses the shim.
 *
 * Step s is the state before the update of step s: its weights, and the loss, activations and
 * gradients that the batch of step s has with them. Step 0 is the beginning, the last step the
 * end. Exit status: 0; 1: nothing was trained; 2: trained, but the recording is not complete. */
#include "batches.h"
#include "idx.h"
#include "network.h"
#include "options.h"
#include "progress.h"
#include "recorder.h"
#include "status.h"

#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Ctrl+C ends the loop with the step it is in, and the run is closed as usual. A handler would do
 * harm: oneDNN's matrix products keep an address of the heap in the stack pointer while they run,
 * and the kernel would write the handler's frame there (oneDNN issue 4845, mended in 2026). */
static void hold_interrupts(void)
{
  sigset_t interrupts;
  sigemptyset(&interrupts);
  sigaddset(&interrupts, SIGINT);
  pthread_sigmask(SIG_BLOCK, &interrupts, NULL); /* the threads that follow inherit it */
}

static int interrupted(void)
{
  sigset_t held;
  return sigpending(&held) == 0 && sigismember(&held, SIGINT);
}

typedef struct training
{
  options options;
  idx_images train, test;
  batches batches, sampler; /* of training, and of gathering statistics */
  statistics statistics;
  network *network;
  recorder recorder;
  double accuracy, steps_per_second;
  uint64_t steps; /* done */
  int recorded;   /* what the shim said last */
  tv_request request;
  int asked; /* 1: for that, by a viewer */
} training;

/* A failed recording never costs a training run: it is told once, and training goes on. */
static void note_recording(training *t, int status)
{
  if (status == TV_OK || t->recorded != TV_OK)
    return;
  t->recorded = status;
  fprintf(stderr, "tensorview-lenet: recording failed, training goes on: %s.\n", tv_last_error());
}

static void tell_pruning(const pruning_result *r, const layer *l, uint64_t step)
{
  const char *separator = ":";
  fprintf(stderr, "%sstep %llu: %s has %zu of %zu filters left",
    isatty(STDERR_FILENO) ? "\r\033[K" : "", (unsigned long long)step, l->name, r->kept,
    l->declared);
  for (size_t f = 0; f < r->filters; ++f) {
    if (r->keep[f])
      continue;
    fprintf(stderr, "%s %zu ", separator, r->places[f]);
    if (r->dead[f])
      fputs("was dead", stderr);
    else
      fprintf(stderr, "like %zu", r->places[r->representatives[f]]);
    separator = ",";
  }
  if (r->kept_back)
    fprintf(stderr, "%s %zu more over the bound", separator, r->kept_back);
  fputs("\n", stderr);
}

/* What a viewer is told of a merge that it asked for. */
static void answer(training *t, const pruning_result *r, const layer *l, uint64_t step)
{
  char sentence[TV_SENTENCE];
  int length = snprintf(sentence, sizeof sentence, "%s has %zu of %zu filters left since step %llu",
    l->name, r->kept, l->declared, (unsigned long long)step);
  if (r->kept == r->filters)
    length = snprintf(sentence, sizeof sentence, "%s stays as it is", l->name);
  if (r->kept_back)
    snprintf(sentence + length, sizeof sentence - (size_t)length,
      "; %zu would lose more than %g of their variance, and stayed", r->kept_back,
      t->options.pruning.bound);
  tv_answer(t->recorder.run, &t->request, r->kept < r->filters, sentence);
}

/* Merges what a viewer asked for, or says why not; the bound is the trainer's own. */
static int do_as_asked(training *t, uint64_t step, int last, int *pruned)
{
  const options *o = &t->options;
  network *n = t->network;
  pruning_result result = {0};
  size_t i = 0;
  *pruned = 0;
  if (!t->asked)
    return TV_OK;
  t->asked = 0;
  if (last) {
    tv_answer(t->recorder.run, &t->request, 0, "the training ends with this step");
    return TV_OK;
  }
  while (i + 2 < n->layer_count && strcmp(n->layers[i].name, t->request.layer) != 0)
    ++i; /* tv_poll() knows only layers that are declared: all but the last */
  int status =
    statistics_gather(&t->statistics, n, &t->sampler, o->statistics_batches, (int)o->threads);
  if (status != TV_OK) { /* the network is as it was, and the training need not end for it */
    tv_answer(t->recorder.run, &t->request, 0, tv_last_error());
    return TV_OK;
  }
  status = pruning_merge(&result, n, i, &t->statistics.layers[i], &o->pruning, &t->request);
  if (status == TV_OK) {
    *pruned = result.kept < result.filters;
    answer(t, &result, &n->layers[i], step);
    recorder_note_filters(&t->recorder, n, i, &result, o->pruning.way);
    if (*pruned && !o->quiet)
      tell_pruning(&result, &n->layers[i], step);
  } else if (status == TV_ERROR_ARGUMENT) { /* the network is as it was */
    tv_answer(t->recorder.run, &t->request, 0, tv_last_error());
    status = TV_OK;
  }
  pruning_free(&result);
  return status;
}

/* Gathers statistics where they are due, and merges what they call similar. */
static int look_at_filters(training *t, uint64_t step, int last, int *pruned)
{
  const options *o = &t->options;
  network *n = t->network;
  const int threads = (int)o->threads, now = !last && options_prune_now(o, step);
  const int record = recorder_moments_due(&t->recorder, step, last || now);
  int status;
  if (!now && !record)
    return TV_OK;
  if ((status = statistics_gather(
         &t->statistics, n, &t->sampler, o->statistics_batches, threads)) != TV_OK)
    return status;
  for (size_t i = 0; now && i + 1 < n->layer_count; ++i) {
    pruning_result result = {0};
    if (!options_lists(o->prune_layers, n->layers[i].name))
      continue;
    status = pruning_apply(&result, n, i, &t->statistics.layers[i], &o->pruning);
    if (status ==
        TV_ERROR_ARGUMENT) { /* what the groups ask for cannot be; the network is as it was */
      fprintf(stderr, "tensorview-lenet: step %llu: %s stays as it is: %s.\n",
        (unsigned long long)step, n->layers[i].name, tv_last_error());
      pruning_free(&result);
      status = TV_OK;
      continue;
    }
    if (status == TV_OK && result.kept < result.filters) {
      *pruned = 1;
      if (!o->quiet)
        tell_pruning(&result, &n->layers[i], step);
    }
    if (status == TV_OK)
      recorder_note_filters(&t->recorder, n, i, &result, o->pruning.way);
    pruning_free(&result);
    if (status != TV_OK)
      return status;
  }
  if (*pruned && record) /* of the network as it is now */
    status = statistics_gather(&t->statistics, n, &t->sampler, o->statistics_batches, threads);
  if (status == TV_OK && record)
    note_recording(t, recorder_write_moments(&t->recorder, n, &t->statistics, step, last || now));
  return status;
}

static int train(training *t, uint64_t steps)
{
  const options *o = &t->options;
  optimizer optimizer = o->optimizer;
  network *n = t->network;
  tv_run *run = t->recorder.run;
  progress progress;
  int status;
  progress_start(&progress, steps, o->quiet);
  for (uint64_t step = 0;; ++step) {
    const int last = step == steps || interrupted();
    recorder_begin_step(&t->recorder);
    if (step > 0 && recorder_due(o->decay_every, step, 0))
      optimizer.learning_rate *= o->decay;
    double loss;
    size_t correct;
    int pruned;
    if ((status = do_as_asked(t, step, last, &pruned)) != TV_OK ||
        (status = look_at_filters(t, step, last, &pruned)) != TV_OK)
      return status;
    if (recorder_due(o->evaluate_every, step, 0) || last) {
      if ((status = network_accuracy(&t->accuracy, n, &t->test)) != TV_OK)
        return status;
      if (run)
        note_recording(t, tv_record(run, (int64_t)step, "accuracy", t->accuracy));
    }

    batches_next(&t->batches, n);
    if ((status = network_forward(n)) != TV_OK)
      return status;
    network_loss(&loss, &correct, n, n->batch);
    if ((status = network_backward(n)) != TV_OK)
      return status;

    if (run) {
      if (recorder_due(o->record_times, step, last))
        note_recording(t, recorder_write_times(&t->recorder, step));
      stopwatch_start(&t->recorder.recording);
      if (recorder_due(o->record_scalars, step, last)) {
        note_recording(t, tv_record(run, (int64_t)step, "loss", loss));
        note_recording(t, tv_record(run, (int64_t)step, "learning_rate", optimizer.learning_rate));
      }
      t->asked = !last && tv_poll(run, &t->request) == 1;
      /* Everything is recorded before and after filters go, whatever is due. */
      const int all =
        last || pruned || t->asked || (o->prune_count && options_prune_now(o, step + 1));
      note_recording(t, recorder_write(&t->recorder, n, step, all)); /* tv_write(run, ...) */
      note_recording(t, tv_end_step(run, (int64_t)step));
      stopwatch_stop(&t->recorder.recording);
    }
    progress_show(&progress, step, loss);
    if (last) {
      t->steps = step;
      t->steps_per_second = progress_end(&progress, step);
      return TV_OK;
    }

    optimizer_begin_step(&optimizer);
    for (size_t i = 0; i < n->layer_count; ++i) {
      optimizer_update(&optimizer, &n->layers[i].weights);
      optimizer_update(&optimizer, &n->layers[i].bias);
    }
  }
}

/* Whether each name in the list is a layer that may lose filters. */
static int check_layers(const char *list, const network *n)
{
  size_t names = 1, found = 0;
  for (const char *at = list; *at; ++at)
    names += *at == ',';
  for (size_t i = 0; i + 1 < n->layer_count; ++i)
    found += (size_t)options_lists(list, n->layers[i].name);
  return found == names ? TV_OK
                        : tv_fail(TV_ERROR_ARGUMENT,
                            "--prune-layers %s names something that is no layer, the last layer, "
                            "or one twice",
                            list);
}

/* Everything before the first step. */
static int prepare(training *t, uint64_t *steps)
{
  options *o = &t->options;
  int status;
  if (o->threads > 0)
    omp_set_num_threads((int)o->threads); /* oneDNN's, too */
  if ((status = idx_read(&t->train, o->data, "train")) != TV_OK ||
      (status = idx_read(&t->test, o->data, "t10k")) != TV_OK ||
      (status = batches_create(&t->batches, &t->train, o->samples, o->seed)) != TV_OK ||
      (status = batches_create(&t->sampler, &t->train, o->samples, o->seed + 1)) != TV_OK)
    return status;
  if (t->test.height != t->train.height || t->test.width != t->train.width)
    return tv_fail(
      TV_ERROR_FORMAT, "the test images in '%s' have another size than the training's", o->data);
  if (t->batches.samples < o->shape.batch)
    return tv_fail(TV_ERROR_ARGUMENT, "a batch of %zu needs more than %zu training samples",
      o->shape.batch, t->batches.samples);
  o->shape.height = t->train.height;
  o->shape.width = t->train.width;
  *steps = o->steps ? o->steps : o->epochs * (t->batches.samples / o->shape.batch);
  if ((status = network_create(&t->network, &o->shape, o->seed)) != TV_OK ||
      (status = statistics_create(&t->statistics, t->network)) != TV_OK ||
      (options_prune(o) && (status = check_layers(o->prune_layers, t->network)) != TV_OK))
    return status;
  for (size_t i = 0; i < o->prune_count; ++i)
    if (o->prune_at[i] >= *steps)
      return tv_fail(TV_ERROR_ARGUMENT, "--prune-at %zu is not before the last step, %llu",
        o->prune_at[i], (unsigned long long)*steps);
  return recorder_open(&t->recorder, o, t->network);
}

int main(int argc, char **argv)
{
  static training t;
  uint64_t steps = 0;
  int status = options_read(&t.options, argc, argv);
  if (status == 1)
    return 0;
  hold_interrupts();
  if (status == TV_OK)
    status = prepare(&t, &steps);
  if (status == TV_OK)
    status = train(&t, steps);
  if (status != TV_OK)
    fprintf(stderr, "tensorview-lenet: %s.\n", tv_last_error());
  note_recording(&t, recorder_close(&t.recorder));
  if (status == TV_OK) {
    printf("%llu steps, %.1f steps/s, test accuracy %.4f\n", (unsigned long long)t.steps,
      t.steps_per_second, t.accuracy);
    if (t.options.output)
      printf("recorded in %s%s\n", t.options.output, t.recorded == TV_OK ? "" : ", not completely");
    if (t.options.record_times && t.steps > 0)
      printf("recording took %.2f %% of the time\n",
        100 * t.recorder.recording.sum * t.steps_per_second / (double)t.steps);
  }
  statistics_free(&t.statistics);
  network_free(t.network);
  batches_free(&t.batches);
  batches_free(&t.sampler);
  idx_free(&t.train);
  idx_free(&t.test);
  return status != TV_OK ? 1 : t.recorded != TV_OK ? 2 : 0;
}
