/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside keras_file.c: an attribute's strings of variable length, as h5py writes layer_names, read from
 * the bytes of the file. HDF5 1.10 believes every number in the heap where they lie: one that is wrong
 * crashes it, or it goes round for ever. Nothing is believed here, and nothing of HDF5 called.
 *
 * The format: HDF5 File Format Specification 3.0, III.E (global heap), IV.A.1 (object headers), IV.A.2.m
 * (attributes). Addresses and lengths of 8 bytes, attributes that stand in the header itself. */
#ifndef TV_KERAS_STRINGS_H
#define TV_KERAS_STRINGS_H

#include "hdf5_input.h"

/* count strings of the attribute of the object whose header is at that address: stride bytes each,
 * ended by 0, longer ones cut. NULL where there are none, or something does not fit. The caller frees
 * them. */
char *tv_keras_heap_strings(
  const tv_hdf5_input *input, uint64_t header, const char *name, size_t count, size_t stride);

#endif
