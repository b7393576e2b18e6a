/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside keras.c: HDF5, as little of it as files of weights need. Every function of this header
 * stands between tv_enter_hdf5() and tv_leave_hdf5() (hdf5_objects.h). */
#ifndef TV_KERAS_FILE_H
#define TV_KERAS_FILE_H

#include "hdf5_input.h"
#include "weights.h"

#include <hdf5.h>

typedef struct tv_keras
{
  hid_t file;
  tv_hdf5_input input; /* what file was opened from, while it is open */
  char *image;         /* of a compressed model.weights.h5; NULL */
} tv_keras;

/* Opens the .h5, or the model.weights.h5 in a .keras. */
int tv_keras_open(tv_keras *keras, tv_mapped *file);

void tv_keras_shut(tv_keras *keras);

/* The type of a dataset's numbers. */
tv_stored tv_keras_number(hid_t type);

/* Why a dataset is not read: NULL, or a sentence without its name. bytes is what its shape needs.
 * Only what HDF5 itself stores inside this file, by filters that are part of it, is read. */
const char *tv_keras_refusal(hid_t dataset, uint64_t bytes);

/* Where the header of an object is in the file: for keras_attributes.h. */
uint64_t tv_keras_header(hid_t object);

#endif
