/* SPDX-License-Identifier: BSD-3-Clause */
#define _GNU_SOURCE
#include "ring_fixture.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int failures;
char name[32];

void nap(double seconds)
{
  const struct timespec time = {(time_t)seconds, (long)((seconds - (long)seconds) * 1e9)};
  nanosleep(&time, NULL);
}

float weight(int64_t step, size_t i)
{
  return (float)((step * 31 + (int64_t)i * 7) % 65521);
}

double pixel(int64_t step, size_t i)
{
  return (double)(step * 17 + (int64_t)i);
}

int segment_exists(const char *run)
{
  char path[256];
  snprintf(path, sizeof path, "/dev/shm/tensorview-%lu-%s", (unsigned long)geteuid(), run);
  return access(path, F_OK) == 0;
}

tv_ring *open_ring(size_t slots, double block)
{
  tv_ring *ring;
  int tensor;
  const tv_shape w = {1, "c", {WEIGHTS, 1, 1, 1, 1, 1, 1, 1}};
  const tv_shape m = {2, "hw", {50, MAP / 50, 1, 1, 1, 1, 1, 1}};
  CHECK(tv_ring_open(&ring, name, slots, block) == TV_OK);
  if (!ring)
    exit(1);
  CHECK(tv_ring_declare(&tensor, ring, "conv1", "weights", TV_FLOAT32, &w) == TV_OK);
  CHECK(tv_ring_declare(&tensor, ring, "conv1", "activations", TV_FLOAT64, &m) == TV_OK);
  CHECK(tv_ring_filters(&tensor, ring, "conv1", FILTERS) == TV_OK);
  return ring;
}

void write_step(tv_ring *ring, int64_t step)
{
  if (tv_ring_begin(ring, step) != TV_OK)
    return;
  static float w[WEIGHTS];
  static double m[MAP];
  for (size_t i = 0; i < WEIGHTS; ++i)
    w[i] = weight(step, i);
  tv_ring_put(ring, 0, w, 0);
  if (step % EVERY == 0) {
    for (size_t i = 0; i < MAP; ++i)
      m[i] = pixel(step, i);
    tv_ring_put(ring, 1, m, step + 1);
  }
  tv_ring_record_scalar(ring, "loss", (double)step);
  if (step % 3 == 0)
    tv_ring_record_scalar(ring, "accuracy", (double)step * 2);
  int32_t states[FILTERS];
  for (int i = 0; i < FILTERS; ++i)
    states[i] = (int32_t)step + i;
  tv_ring_states(ring, 0, states);
  tv_ring_publish(ring);
}
