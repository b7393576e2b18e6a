/* SPDX-License-Identifier: BSD-3-Clause */
/* What recording costs a step of LeNet-5, in one process: blocks of steps that are recorded
 * alternate with blocks that are not, so that whatever else goes on meets both.
 *
 *   live_steps [options of tensorview-lenet]
 *
 * Prints one line: for the median of all pairs of neighbouring blocks, by how many per cent the
 * steps of the recorded one took longer, by wall clock and by processor time, with the quartiles of
 * each; the share of the recorded steps' processor time that was spent in the calls that record,
 * which other programs hardly disturb and which is the least that recording can cost; and steps/s
 * without. */
#include "batches.h"
#include "idx.h"
#include "network.h"
#include "options.h"
#include "recorder.h"
#include "status.h"

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum
{
  BLOCK = 20 /* steps: whatever is recorded at each tenth comes twice */
};

static double seconds_of(clockid_t clock)
{
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void check(int status)
{
  if (status < 0) {
    fprintf(stderr, "live_steps: %s.\n", tv_last_error());
    exit(1);
  }
}

typedef struct cost
{
  double wall, processor, calls; /* seconds; calls: processor time in the calls that record */
} cost;

typedef struct training
{
  options options;
  network *network;
  batches batches;
  recorder recorder;
  optimizer optimizer;
  uint64_t step, recorded;
} training;

static void train_step(training *t, double *loss)
{
  size_t correct;
  batches_next(&t->batches, t->network);
  check(network_forward(t->network));
  network_loss(loss, &correct, t->network, t->network->batch);
  check(network_backward(t->network));
}

static void update(training *t)
{
  optimizer_begin_step(&t->optimizer);
  for (size_t i = 0; i < t->network->layer_count; ++i) {
    optimizer_update(&t->optimizer, &t->network->layers[i].weights);
    optimizer_update(&t->optimizer, &t->network->layers[i].bias);
  }
}

static cost block(training *t, int record)
{
  cost c = {0, 0, 0};
  const double wall = seconds_of(CLOCK_MONOTONIC);
  const double processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  for (int i = 0; i < BLOCK; ++i) {
    double loss;
    train_step(t, &loss);
    if (record) {
      const int64_t step = (int64_t)t->recorded++; /* as if there were no others */
      const double begin = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
      check(tv_record(t->recorder.run, step, "loss", loss));
      check(recorder_write(&t->recorder, t->network, (uint64_t)step, 0));
      check(tv_end_step(t->recorder.run, step));
      c.calls += seconds_of(CLOCK_PROCESS_CPUTIME_ID) - begin;
    }
    update(t);
  }
  c.wall = seconds_of(CLOCK_MONOTONIC) - wall;
  c.processor = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - processor;
  return c;
}

static int compare(const void *a, const void *b)
{
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void print_quartiles(double *percent, size_t pairs)
{
  qsort(percent, pairs, sizeof *percent, compare);
  printf("%.2f %.2f %.2f ", percent[pairs / 2], percent[pairs / 4], percent[pairs * 3 / 4]);
}

int main(int argc, char **argv)
{
  static training t;
  idx_images images;
  const int status = options_read(&t.options, argc, argv);
  if (status == 1)
    return 0;
  check(status);
  options *o = &t.options;
  o->flush_seconds *= 2; /* half of all steps are recorded */
  if (o->threads > 0)
    omp_set_num_threads((int)o->threads);
  check(idx_read(&images, o->data, "train"));
  check(batches_create(&t.batches, &images, o->samples, o->seed));
  o->shape.height = images.height;
  o->shape.width = images.width;
  check(network_create(&t.network, &o->shape, o->seed));
  check(recorder_open(&t.recorder, o, t.network));
  if (!t.recorder.run)
    check(tv_fail(TV_ERROR_ARGUMENT, "nothing is recorded: --output or --channel"));
  t.optimizer = o->optimizer;
  const size_t pairs = (o->steps ? o->steps : 2000) / (2 * BLOCK);
  double *wall = calloc(pairs + 1, sizeof *wall), *processor = calloc(pairs + 1, sizeof *processor);
  if (!wall || !processor || pairs < 4)
    check(tv_fail(TV_ERROR_ARGUMENT, "--steps must be at least %d", 8 * BLOCK));
  cost recorded = {0, 0, 0}, plain = {0, 0, 0};
  block(&t, 1); /* everything is loaded and allocated now */
  block(&t, 0);
  for (size_t pair = 0; pair < pairs; ++pair) {
    const int first = (int)(pair % 2); /* once the one comes first, once the other */
    const cost one = block(&t, first), two = block(&t, !first);
    const cost with = first ? one : two, without = first ? two : one;
    wall[pair] = 100 * (with.wall / without.wall - 1);
    processor[pair] = 100 * (with.processor / without.processor - 1);
    recorded.processor += with.processor;
    recorded.calls += with.calls;
    plain.wall += without.wall;
  }
  print_quartiles(wall, pairs);
  print_quartiles(processor, pairs);
  printf("%.2f %.1f\n", 100 * recorded.calls / (recorded.processor - recorded.calls),
    (double)(pairs * BLOCK) / plain.wall);
  check(recorder_close(&t.recorder));
  free(wall);
  free(processor);
  network_free(t.network);
  batches_free(&t.batches);
  idx_free(&images);
  return 0;
}
