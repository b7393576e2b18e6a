/* SPDX-License-Identifier: BSD-3-Clause */
/* How HDF5 reaches the run file: a file driver of our own, so that a failure is ours to see, and
 * never HDF5's.
 *
 * HDF5 reports success after a write that failed (a full disk), tries again when it closes, and
 * may then leave a file whose parts contradict each other; after a read that failed it cannot close
 * the file any more, and crashes in its exit handlers, which costs the trainer its buffered output.
 * It would also be killed by SIGXFSZ at a file size limit, and write from a forked child's exit
 * into the parent's file. So this driver never lets a call fail once the file is open:
 *
 *   writes     pwrite(), as HDF5's own driver does it; after the first failure every later one is
 *              swallowed. The file stays as it was at that instant, which is what kill -9 at that
 *              instant would have left, and HDF5 comes to a quiet end.
 *   metadata   is also kept in memory, and read from there only: nothing that HDF5 looks at while
 *              it writes ever comes from the disk. It costs as much memory as the file has
 *              metadata, about 3 kB for each stream and 10 bytes for each chunk.
 *   values     are read only where a dataset is made shorter at the end; where the disk refuses,
 *              zeros take their place, and nothing is written any more.
 *
 * Files are plain: any HDF5 reads them with its default driver. */
#ifndef TV_DISK_DRIVER_H
#define TV_DISK_DRIVER_H

#include <hdf5.h>
#include <stdint.h>
#include <sys/types.h>

/* An open file. Must live until HDF5 has closed it. */
typedef struct tv_disk
{
  int descriptor;    /* opened by the caller for reading and writing, empty; closed by the caller */
  pid_t owner;       /* the process that may write; elsewhere writes are swallowed */
  int error;         /* errno of the first call that failed; from then on writes are swallowed */
  int open;          /* HDF5 holds it */
  haddr_t values_at; /* where HDF5 last wrote values of a dataset, and how many bytes: */
  size_t values_size; /* so we know where H5Dwrite_chunk() has put a chunk */
} tv_disk;

/* Registers the driver and creates an HDF5 file on disk with creation and access properties.
 * Returns the file, or a negative number (disk->error says whether writing failed). *driver is to
 * be given to H5FDunregister() after H5Fclose(); negative where there is none. */
hid_t tv_disk_create(tv_disk *disk, const char *name, hid_t creation, hid_t access, hid_t *driver);

/* Writes past HDF5, inside of what HDF5 has allocated. Failures are in disk->error. */
void tv_disk_write(tv_disk *disk, haddr_t address, size_t size, const void *data);

/* Waits until all that was written is on the disk itself (fdatasync). */
void tv_disk_settle(tv_disk *disk);

#endif
