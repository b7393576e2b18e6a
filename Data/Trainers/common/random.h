/* SPDX-License-Identifier: BSD-3-Clause */
/* A small generator of random numbers whose sequence depends on the seed alone (splitmix64, from
 * Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014). */
#ifndef TRAINER_RANDOM_H
#define TRAINER_RANDOM_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

typedef struct random_state
{
  uint64_t state;
} random_state;

static inline uint64_t random_next(random_state *random)
{
  uint64_t z = (random->state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

/* Uniform in (0, 1): never 0, so that its logarithm exists. */
static inline double random_uniform(random_state *random)
{
  return ((double)(random_next(random) >> 11) + 0.5) * 0x1p-53;
}

/* Uniform in 0 ... bound - 1, bound at least 1. */
static inline size_t random_below(random_state *random, size_t bound)
{
  return (size_t)(((unsigned __int128)random_next(random) * bound) >> 64);
}

/* Standard normal, after Box and Muller. */
static inline double random_normal(random_state *random)
{
  const double radius = sqrt(-2.0 * log(random_uniform(random)));
  return radius * cos(6.283185307179586 * random_uniform(random));
}

#endif
