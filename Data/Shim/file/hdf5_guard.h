/* SPDX-License-Identifier: BSD-3-Clause */
/* What must be seen in an HDF5 file before HDF5 is called. Internal; calls nothing of HDF5.
 *
 * A file can carry an image of HDF5's own cache (H5Pset_mdc_image_config), which HDF5 1.10 takes into
 * memory as it opens the file and believes before any check: lengths in it are written past the end
 * of what was allocated (CVE-2025-6269). No trainer writes one. It is announced by a message in the
 * superblock's extension, which few files have at all (HDF5 file format, version 3, II.A and IV.A.2),
 * and is refused here. */
#ifndef TV_HDF5_GUARD_H
#define TV_HDF5_GUARD_H

#include <stddef.h>
#include <stdint.h>

/* Reads bytes of the file: as many as there are of bytes from offset on; less than 0 fails. */
typedef ptrdiff_t (*tv_guard_read)(void *context, uint64_t offset, void *to, size_t bytes);

/* NULL where HDF5 may be called, else why not: the end of a sentence, "it ...". What is no HDF5 file
 * may be called, too: HDF5 says so itself. */
const char *tv_hdf5_guard(tv_guard_read read, void *context);

/* The same of a file by its path, and of one in memory. */
const char *tv_hdf5_guard_path(const char *path);
const char *tv_hdf5_guard_memory(const void *memory, size_t bytes);

#endif
