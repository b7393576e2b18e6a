/* SPDX-License-Identifier: BSD-3-Clause */
/* What the shim costs a trainer, against a step of 10 ms, and against memcpy in the same run.
 *
 *   shim_cost [FOLDER]     the run files are written there, and removed (default: .)
 *
 * A step of 10 ms is that of LeNet-5 on one thread. Times are the mean over many steps with all
 * flushing and closing in them: what a training run pays in the end. */
#include <tensorview/tensorview.h>

#include "batch_sum.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEP 0.01

static double seconds_of(clockid_t clock)
{
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double now(void)
{
  return seconds_of(CLOCK_MONOTONIC);
}

static void check(int status)
{
  if (status < 0) {
    fprintf(stderr, "%s\n", tv_last_error());
    exit(1);
  }
}

/* Wall clock and processor time; on a busy machine the second is the better judge. */
typedef struct cost
{
  double wall, processor;
} cost;

/* Seconds a step for weights, and activations every `every` steps; the flush comes as often as it
 * would if each step took 10 ms. */
static cost run_cost(const char *path, int steps, int every, double flush_seconds)
{
  const size_t n = 50 * 16 * 28 * 28;
  float weights[144] = {0}, *activations = malloc(n * sizeof *activations);
  tv_run *run;
  tv_options options = tv_default_options();
  int w, a, flush_steps = (int)(flush_seconds / STEP);
  options.overwrite = 1;
  options.flush_seconds = flush_seconds > 0 ? -1 : 0;
  for (size_t i = 0; i < n; ++i)
    activations[i] = (float)(i % 1009);
  check(tv_open(&run, path, &options));
  check(tv_declare(&w, run, "conv1", "weights", TV_FLOAT32, "oihw", (size_t[]){16, 1, 3, 3}));
  if (every)
    check(
      tv_declare(&a, run, "conv1", "activations", TV_FLOAT32, "nchw", (size_t[]){50, 16, 28, 28}));
  const cost begin = {now(), seconds_of(CLOCK_PROCESS_CPUTIME_ID)};
  for (int step = 0; step < steps; ++step) {
    weights[step % 144] += 1;
    check(tv_write(run, w, step, weights));
    if (every && step % every == 0)
      check(tv_write(run, a, step, activations));
    check(tv_record(run, step, "loss", 1.0));
    if (flush_steps && step % flush_steps == flush_steps - 1)
      check(tv_flush(run));
  }
  check(tv_close(run));
  const cost end = {now(), seconds_of(CLOCK_PROCESS_CPUTIME_ID)};
  unlink(path);
  free(activations);
  return (cost){(end.wall - begin.wall) / steps, (end.processor - begin.processor) / steps};
}

/* The tensors of a LeNet-5 of 16 and 32 filters 3 x 3 and 512 units, batches of 50. */
static const struct
{
  const char *layer, *kind, *axes;
  size_t shape[4];
} lenet[] = {
  {"conv1", "weights", "oihw", {16, 1, 3, 3}},
  {"conv1", "gradients", "oihw", {16, 1, 3, 3}},
  {"conv1", "activations", "nchw", {50, 16, 28, 28}},
  {"conv2", "weights", "oihw", {32, 16, 3, 3}},
  {"conv2", "gradients", "oihw", {32, 16, 3, 3}},
  {"conv2", "activations", "nchw", {50, 32, 14, 14}},
  {"fc1", "weights", "oi", {512, 1568}},
  {"fc1", "gradients", "oi", {512, 1568}},
  {"fc1", "activations", "nc", {50, 512}},
  {"fc2", "weights", "oi", {10, 512}},
  {"fc2", "gradients", "oi", {10, 512}},
  {"fc2", "activations", "nc", {50, 10}},
};

/* Seconds a step for the statistics of these tensors, of weights with their updates; activations: or
 * not; large: with fc1 and its gradients, or without. */
static cost observed_cost(const char *path, int steps, int activations, int large)
{
  enum
  {
    TENSORS = sizeof lenet / sizeof *lenet
  };
  tv_run *run;
  tv_options options = tv_default_options();
  int tensors[TENSORS];
  float *data[TENSORS] = {NULL};
  options.overwrite = 1;
  check(tv_open(&run, path, &options));
  for (int k = 0; k < TENSORS; ++k) {
    const size_t *shape = lenet[k].shape;
    size_t n = 1;
    for (size_t a = 0; lenet[k].axes[a]; ++a)
      n *= shape[a];
    if ((!activations && lenet[k].axes[0] == 'n') || (!large && n > 500000 && k > 5))
      continue;
    data[k] = malloc(n * sizeof *data[k]);
    for (size_t i = 0; i < n; ++i)
      data[k][i] = i % 3 ? (float)(i % 1009) : 0;
    check(tv_declare(
      tensors + k, run, lenet[k].layer, lenet[k].kind, TV_FLOAT32, lenet[k].axes, shape));
  }
  const cost begin = {now(), seconds_of(CLOCK_PROCESS_CPUTIME_ID)};
  for (int step = 0; step < steps; ++step) {
    for (int k = 0; k < TENSORS; ++k)
      if (data[k])
        check(tv_observe(run, tensors[k], step, data[k], 0));
    check(tv_record(run, step, "loss", 1.0));
  }
  check(tv_close(run));
  const cost end = {now(), seconds_of(CLOCK_PROCESS_CPUTIME_ID)};
  unlink(path);
  for (int k = 0; k < TENSORS; ++k)
    free(data[k]);
  return (cost){(end.wall - begin.wall) / steps, (end.processor - begin.processor) / steps};
}

static void report(const char *what, cost a_step, double aim)
{
  printf(
    "%-44s %6.1f us a step, %6.1f us of processor time: %5.2f %%, %5.2f %% of 10 ms (aim: %.1f "
    "%%)\n",
    what, 1e6 * a_step.wall, 1e6 * a_step.processor, 100 * a_step.wall / STEP,
    100 * a_step.processor / STEP, aim);
}

/* Best of several: what the machine can do while others leave it alone. */
static void sum_speed(size_t samples, size_t elements, int threads)
{
  const size_t n = samples * elements;
  float *data = malloc(n * sizeof *data), *copy = malloc(n * sizeof *copy),
        *sum = malloc(elements * sizeof *sum);
  double best_sum = 1e9, best_copy = 1e9;
  for (size_t i = 0; i < n; ++i)
    data[i] = (float)(i % 1009);
  memset(copy, 1, n * sizeof *copy);
  for (int turn = 0; turn < 12; ++turn) {
    double begin = now();
    check(tv_batch_sum(sum, data, TV_FLOAT32, &(tv_batch){0, 1, samples, elements},
      &(tv_execution){threads, NULL, NULL}));
    best_sum = now() - begin < best_sum ? now() - begin : best_sum;
    begin = now();
    memcpy(copy, data, n * sizeof *copy);
    __asm__ volatile("" : : "r"(copy) : "memory");
    best_copy = now() - begin < best_copy ? now() - begin : best_copy;
  }
  printf(
    "sum of [%zu, %zu] float32, %d thread%s: %5.1f GB/s read; %.2f of the time of memcpy of the "
    "same input (%.1f GB/s read)\n",
    samples, elements, threads, threads == 1 ? "" : "s", 4e-9 * (double)n / best_sum,
    best_sum / best_copy, 4e-9 * (double)n / best_copy);
  free(data);
  free(copy);
  free(sum);
}

int main(int count, char **arguments)
{
  char path[4096];
  snprintf(path, sizeof path, "%s/shim_cost.tvh5", count > 1 ? arguments[1] : ".");
  report("weights [16,1,3,3] and loss at each step", run_cost(path, 20000, 0, 1.0), 1.0);
  report("the same, flushed at each step", run_cost(path, 4000, 0, 0), 3.5);
  report("and activations [50,16,28,28] at each step", run_cost(path, 1000, 1, 1.0), 3.5);
  report("the same, flushed at each step", run_cost(path, 1000, 1, 0), 3.5);
  report("activations at each tenth step", run_cost(path, 4000, 10, 1.0), 1.0);
  report("statistics of a LeNet-5 at each step", observed_cost(path, 2000, 1, 1), 0.5);
  report("the same without activations", observed_cost(path, 2000, 0, 1), 0.5);
  report("without activations and fc1's weights", observed_cost(path, 2000, 0, 0), 0.5);
  for (int threads = 1; threads <= 2; ++threads) {
    sum_speed(50, 16 * 28 * 28, threads);
    sum_speed(8, 64 * 224 * 224, threads);
  }
  return 0;
}
