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

tv_ring *open_channel(size_t slots, double block)
{
  tv_ring *channel;
  int tensor;
  const size_t w[] = {WEIGHTS}, m[] = {50, MAP / 50};
  CHECK(tv_ring_open(&channel, name, slots, block) == TV_OK);
  if (!channel)
    exit(1);
  CHECK(tv_ring_declare(&tensor, channel, "conv1", "weights", TV_FLOAT32, "c", w) == TV_OK);
  CHECK(tv_ring_declare(&tensor, channel, "conv1", "activations", TV_FLOAT64, "hw", m) == TV_OK);
  CHECK(tv_ring_filters(&tensor, channel, "conv1", FILTERS) == TV_OK);
  return channel;
}

void write_step(tv_ring *channel, int64_t step)
{
  if (tv_ring_begin(channel, step) != TV_OK)
    return;
  float *w = tv_ring_target(channel, 0);
  for (size_t i = 0; w && i < WEIGHTS; ++i)
    w[i] = weight(step, i);
  if (w)
    tv_ring_wrote(channel, 0, 0);
  if (step % EVERY == 0) {
    double *m = tv_ring_target(channel, 1);
    for (size_t i = 0; m && i < MAP; ++i)
      m[i] = pixel(step, i);
    if (m)
      tv_ring_wrote(channel, 1, step + 1);
  }
  tv_ring_record_scalar(channel, "loss", (double)step);
  if (step % 3 == 0)
    tv_ring_record_scalar(channel, "accuracy", (double)step * 2);
  int32_t states[FILTERS];
  for (int i = 0; i < FILTERS; ++i)
    states[i] = (int32_t)step + i;
  tv_ring_states(channel, 0, states);
  tv_ring_publish(channel);
}
