/* SPDX-License-Identifier: BSD-3-Clause */
/* How HDF5 reaches a file that is only read: looked at first, then opened by a file driver of our own.
 * Internal.
 *
 * Whatever opens HDF5 for reading does it here: run files, closed or growing; weight files; the HDF5
 * file inside a .keras. HDF5's own drivers would open a name once more, and so perhaps another file
 * than the one that was looked at; they refuse a file that is shorter than it says; they give zeros
 * where it ends, which some of HDF5's checks take for data; they would follow a link into any other
 * file. The memory driver would need the file in memory: mapped, it kills the process (SIGBUS) when
 * somebody cuts the file short. This driver
 *
 *   reads      by pread(), from the descriptor that was looked at, or from memory; a stretch of a
 *              larger file, too. What is cut off while it is read fails, and no more than that.
 *   end        is what the file itself says, where that is more than there is: a run that was closed
 *              and then copied by half, or lost its end with the power, opens like any other. What
 *              would have been behind the real end cannot be read, and HDF5 says so. Zeros take the
 *              place of what is missing only where it reads ahead, and, for a reader with checks of
 *              its own, in values that are there in part: of many records the last ones are lost.
 *   other files  are never opened: links to them and virtual datasets lead nowhere.
 *
 * A class of the kind that applications may write is all that it takes, and H5FD_class_t differs
 * little between HDF5 1.10, 1.14 and 2 (a version and a number come first): the same source serves. */
#ifndef TV_HDF5_INPUT_H
#define TV_HDF5_INPUT_H

#include <hdf5.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise, then set where it is; the rest is found. */
typedef struct tv_hdf5_input
{
  const void *memory; /* of the HDF5 file, to be kept while it is open; NULL: it is on a disk, */
  int descriptor;     /* there, */
  uint64_t offset;    /* from here on */
  uint64_t bytes;     /* that there are */
  const int *checked; /* NULL, or 1 there: whoever reads values checks them, see below */
  uint64_t end;       /* that it says it has: more than bytes where it is cut off; 0: not known */
  int live;           /* it is being written, or its writer was killed */
} tv_hdf5_input;

/* Reads the first bytes of the file; HDF5 is not called. NULL where it may be, else why not: the end of
 * a sentence, "it ...".
 *
 * Refused, too, is an image of HDF5's own cache (H5Pset_mdc_image_config), which HDF5 1.10 takes into
 * memory as it opens the file and believes before any check: lengths in it are written past the end
 * of what was allocated (CVE-2025-6269). No trainer writes one. It is announced by a message in the
 * superblock's extension, which few files have at all (HDF5 file format, version 3, II.A and
 * IV.A.2). */
const char *tv_hdf5_look(tv_hdf5_input *input);

/* Opens what was looked at, for reading, beside its writer where it is live. Between tv_enter_hdf5()
 * and tv_leave_hdf5() (hdf5_objects.h). The descriptor is HDF5's then: closed with the file, or at
 * once where opening fails (negative). name is for HDF5's own messages. */
hid_t tv_hdf5_open(const tv_hdf5_input *input, const char *name);

/* As much of the HDF5 file as there is of bytes from offset on; less than 0 fails (errno). */
ptrdiff_t tv_hdf5_bytes(const tv_hdf5_input *input, uint64_t offset, void *to, size_t bytes);

#endif
