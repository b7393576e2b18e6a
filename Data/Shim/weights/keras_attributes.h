/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside keras.c: attributes, and the strings in them, read from the bytes of the file. HDF5 1.10 reads
 * on behind the end of a damaged attribute, and believes every number in the heap where strings of
 * variable length lie: one that is wrong crashes it, or it goes round for ever. Nothing is believed
 * here, and nothing of HDF5 called.
 *
 * The format: HDF5 File Format Specification 3.0, III.E (global heap), IV.A.1 (object headers), IV.A.2.b,
 * d and m (dataspace, datatype, attribute). Addresses and lengths of 8 bytes, attributes that stand in
 * the header itself (more than eight may stand elsewhere: they are not found). */
#ifndef TV_KERAS_ATTRIBUTES_H
#define TV_KERAS_ATTRIBUTES_H

#include "hdf5_input.h"

/* 1 where the object whose header is at that address has the attribute. */
int tv_keras_has_attribute(const tv_hdf5_input *input, uint64_t header, const char *name);

/* The strings of an attribute, of one length or of variable length: *count of them, *stride bytes each,
 * ended by 0, those of more than 255 bytes cut. NULL where there are none, or something does not fit.
 * The caller frees them. */
char *tv_keras_attribute_strings(
  const tv_hdf5_input *input, uint64_t header, const char *name, size_t *count, size_t *stride);

#endif
