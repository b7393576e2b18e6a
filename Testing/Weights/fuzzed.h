/* SPDX-License-Identifier: BSD-3-Clause */
/* What fuzzing the readers of weight files shares: what a damaged file must still give, and damage. */
#ifndef TV_FUZZED_H
#define TV_FUZZED_H

#include "weights.h"

/* Reads every tensor of a file, in every way, up to 65,536 numbers of each. Ends the program where
 * the list is not what its users rely on. */
void fuzzed_read(tv_weights *weights);

/* Where damage begins: the same seed, the same damage. */
void fuzzed_seed(uint64_t seed);

/* Damages size bytes, at least one; how many are left. */
size_t fuzzed_damage(unsigned char *bytes, size_t size);

#endif
