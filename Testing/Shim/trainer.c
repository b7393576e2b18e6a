/* SPDX-License-Identifier: BSD-3-Clause */
/* A trainer that looks at no return value while it trains, and prints its result at the end to a
 * buffered stdout: who dies in an exit handler loses it.
 *
 *   trainer FILE DURABLE
 *
 * The first failure of recording goes to stderr. Two parts; flushed at each step. */
#include <tensorview/tensorview.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments)
{
  if (count < 3)
    return 2;
  static float weights[40 * 70], maps[3 * 8 * 9], large[300000];
  tv_run *run;
  tv_options options = tv_default_options();
  uint32_t hash = 2166136261u;
  int w = 0, a = 0, l = 0, late = 0, failure = TV_OK;
  options.flush_seconds = 0;
  options.durable = atoi(arguments[2]);
#define NOTE(call)                                                                                 \
  do {                                                                                             \
    const int status = (call);                                                                     \
    if (status < 0 && failure == TV_OK) {                                                          \
      failure = status;                                                                            \
      fprintf(stderr, "%s\n", tv_last_error());                                                    \
    }                                                                                              \
  } while (0)
  NOTE(tv_open(&run, arguments[1], &options));
  NOTE(tv_declare(&w, run, "fc", "weights", TV_FLOAT32, "oi", (size_t[]){40, 70}));
  NOTE(tv_declare(&a, run, "fc", "activations", TV_FLOAT32, "nhw", (size_t[]){3, 8, 9}));
  NOTE(tv_declare(&l, run, "large", "weights", TV_FLOAT32, "o", (size_t[]){300000}));
  for (int step = 0; step < 14; ++step) {
    for (int i = 0; i < 40 * 70; ++i)
      weights[i] += (float)((step * 31 + i * 7) % 11);
    maps[step % 3 * 72 + step] += 1;
    large[step] = 1;
    NOTE(tv_write(run, w, step, weights));
    NOTE(tv_write(run, a, step, maps));
    if (step % 4 == 0)
      NOTE(tv_write(run, l, step, large));
    NOTE(tv_record(run, step, "loss", 1.0 / (1 + step)));
    if (step == 8)
      NOTE(tv_declare(&late, run, "late", "bias", TV_FLOAT32, "o", (size_t[]){70}));
    if (step >= 8)
      NOTE(tv_write(run, late, step, weights));
    printf("step %d\n", step);
  }
  for (int i = 0; i < 40 * 70; ++i)
    hash = (hash ^ (uint32_t)weights[i]) * 16777619u;
  printf("weights %#x\n", hash);
  NOTE(tv_close(run));
  return 0; /* through HDF5's exit handlers */
}
