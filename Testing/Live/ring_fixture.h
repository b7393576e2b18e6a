/* SPDX-License-Identifier: BSD-3-Clause */
/* A run for the tests of the ring: two tensors, two scalars, states, every number known. */
#ifndef RING_FIXTURE_H
#define RING_FIXTURE_H

#include "ring_writer.h"

#include <stdint.h>
#include <stdio.h>

extern int failures;
#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition, tv_last_error());                \
      ++failures;                                                                                  \
    }                                                                                              \
  } while (0)

enum
{
  WEIGHTS = 20000,
  MAP = 5000,
  EVERY = 9, /* steps between two records of the second tensor */
  FILTERS = 5
};

extern char name[32]; /* of the run */

void nap(double seconds);

/* What the steps hold. */
float weight(int64_t step, size_t i);
double pixel(int64_t step, size_t i);

int segment_exists(const char *run);
tv_ring *open_ring(size_t slots, double block);
void write_step(tv_ring *ring, int64_t step);

#endif
