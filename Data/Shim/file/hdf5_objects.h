/* SPDX-License-Identifier: BSD-3-Clause */
/* What the run file is made of beside its datasets: groups, attributes, types. Internal.
 *
 * ints are 0 or -1, ids negative for failure. HDF5 is not thread-safe everywhere (Debian's parallel
 * build is not), prints its errors unless told otherwise, and keeps that setting for each thread:
 * every call of HDF5 stands between tv_enter_hdf5() and tv_leave_hdf5(). */
#ifndef TV_HDF5_OBJECTS_H
#define TV_HDF5_OBJECTS_H

#include "tensorview/types.h"

#include <hdf5.h>
#include <stddef.h>

typedef struct tv_hdf5_scope
{
  H5E_auto2_t print; /* what is to be restored */
  void *data;
  int known;
} tv_hdf5_scope;

/* What HDF5 calls in there for each of its functions that fails: nothing, NULL, but in
 * tensorview-trial (hdf5_trial.h). */
extern H5E_auto2_t tv_hdf5_watch;

tv_hdf5_scope tv_enter_hdf5(void);
void tv_leave_hdf5(tv_hdf5_scope scope);

/* count strings that stand stride bytes apart, as an attribute; count -1: one, as a scalar. */
int tv_write_strings(hid_t object, const char *name, const char *strings, size_t stride, int count);

int tv_write_int(hid_t object, const char *name, int value);

/* A new HDF5 type for a tv_type, little-endian, bool as h5py has it; the caller closes it. */
hid_t tv_number_type(tv_type type);

/* A group without time stamps: the same run gives the same file. */
hid_t tv_create_group(hid_t parent, const char *name);

#endif
