/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes a run whose every number follows from its step, for tests that kill, starve or watch it.
 *
 *   writer FILE STEPS FLUSH_SECONDS MICROSECONDS_BETWEEN_STEPS [THREADS]
 *
 * What is written, and what Testing/Shim/watched.py expects:
 *   conv1/weights      [16,1,3,3] float32, every step:        hash(step, i)
 *   conv1/activations  [5][6,12,12] float32, every 3rd step:  the sum over b of hash(step + b, i)
 *   fc1/weights        [300,1100] float32, every 7th step, stored in pieces: hash(step, i)
 *   fc1/activations    [64][11] float64, every step, samples 64 or at odd steps 9
 *   conv1 filters      alive; from step 10 on filter 3 is merged into 2, every 5th step
 *   scalars loss (every step) and accuracy (every 4th step)
 *
 * Prints each complete step where FLUSH_SECONDS is 0, until a call fails, so that a test knows what
 * must have survived. Exit status: 0, or 1 with the first sentence on stderr if a call failed. */
#include <tensorview/tensorview.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int hash(int64_t step, size_t i)
{
  return (int)((step * 31 + (int64_t)i * 7) % 9973);
}

static int failed;

static void check(int status)
{
  if (status < 0 && !failed) {
    failed = 1;
    fprintf(stderr, "%s\n", tv_last_error());
  }
}

static float weights[16 * 9], activations[5][6 * 12 * 12], dense[300 * 1100];
static double outputs[64][11];

int main(int count, char **arguments)
{
  if (count < 5)
    return 2;
  const int64_t steps = atoll(arguments[2]);
  const useconds_t pause = (useconds_t)atol(arguments[4]);
  tv_run *run;
  tv_options options = tv_default_options();
  int w, a, f, o;
  options.flush_seconds = atof(arguments[3]);
  options.threads = count > 5 ? atoi(arguments[5]) : 1;
  check(tv_open(&run, arguments[1], &options));
  check(tv_declare(&w, run, "conv1", "weights", TV_FLOAT32, "oihw", (size_t[]){16, 1, 3, 3}));
  check(tv_declare(&a, run, "conv1", "activations", TV_FLOAT32, "nchw", (size_t[]){5, 6, 12, 12}));
  check(tv_declare(&f, run, "fc1", "weights", TV_FLOAT32, "oi", (size_t[]){300, 1100}));
  check(tv_declare(&o, run, "fc1", "activations", TV_FLOAT64, "nc", (size_t[]){64, 11}));
  check(tv_declare_filters(run, "conv1", 16));
  check(tv_declare_scalar(run, "accuracy"));
  for (int64_t step = 0; step < steps; ++step) {
    for (size_t i = 0; i < 16 * 9; ++i)
      weights[i] = (float)hash(step, i);
    check(tv_write(run, w, step, weights));
    if (step % 3 == 0) {
      for (size_t b = 0; b < 5; ++b)
        for (size_t i = 0; i < 6 * 12 * 12; ++i)
          activations[b][i] = (float)hash(step + (int64_t)b, i);
      check(tv_write(run, a, step, activations));
    }
    if (step % 7 == 0) {
      for (size_t i = 0; i < 300 * 1100; ++i)
        dense[i] = (float)hash(step, i);
      check(tv_write(run, f, step, dense));
    }
    for (size_t b = 0; b < 64; ++b)
      for (size_t i = 0; i < 11; ++i)
        outputs[b][i] = hash(step + (int64_t)b, i);
    check(step % 2 ? tv_write_batch(run, o, step, outputs, 9) : tv_write(run, o, step, outputs));
    if (step % 5 == 0) {
      int32_t state[16];
      for (int i = 0; i < 16; ++i)
        state[i] = i == 3 && step >= 10 ? 2 : -1;
      check(tv_write_filters(run, "conv1", step, state));
    }
    check(tv_record(run, step, "loss", (double)hash(step, 0)));
    if (step % 4 == 0)
      check(tv_record(run, step, "accuracy", 1.0 / (1.0 + (double)step)));
    check(tv_end_step(run, step));
    if (options.flush_seconds == 0 && !failed) {
      printf("%lld\n", (long long)step);
      fflush(stdout);
    }
    if (pause)
      usleep(pause);
  }
  check(tv_close(run));
  return failed;
}
