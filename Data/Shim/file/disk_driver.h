/* How HDF5 reaches the run file: a file driver of our own, so that a failure is ours to see.
 *
 * HDF5 reports success after a write that failed (a full disk), tries again when it closes, and
 * may then leave a file whose parts contradict each other. It would also be killed by SIGXFSZ at a
 * file size limit, and write from a forked child's exit into the parent's file. This driver does
 * pwrite() like HDF5's own, and after the first failure swallows every later write and reports
 * success: HDF5 comes to a quiet end, and the file stays as it was at that instant, which is what
 * kill -9 at that instant would have left.
 *
 * Files are plain: any HDF5 reads them with its default driver. */
#ifndef TV_DRIVER_H
#define TV_DRIVER_H

#include <hdf5.h>
#include <stdint.h>
#include <sys/types.h>

/* An open file. Must live until HDF5 has closed it. */
typedef struct tv_disk
{
  int descriptor; /* opened by the caller for reading and writing, empty; closed by the caller */
  pid_t owner;    /* the process that may write; elsewhere writes are swallowed */
  int error;      /* errno of the first write that failed; from then on writes are swallowed */
  int open;       /* HDF5 holds it */
} tv_disk;

/* Registers the driver and creates an HDF5 file on disk with creation and access properties.
 * Returns the file, or a negative number (disk->error says whether writing failed). *driver is to
 * be given to H5FDunregister() after H5Fclose(); negative where there is none. */
hid_t tv_disk_create(tv_disk *disk, const char *name, hid_t creation, hid_t access, hid_t *driver);

#endif
