/* SPDX-License-Identifier: BSD-3-Clause */
#include "disk_driver.h"

#include "metadata_copy.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef struct driver_file
{
  H5FD_t public; /* HDF5's part, first */
  tv_disk *disk;
  haddr_t allocated; /* end of what HDF5 has allocated */
  haddr_t end;       /* end of the file */
  tv_metadata_copy metadata;
} driver_file;

static H5FD_t *disk_open(const char *name, unsigned flags, hid_t access, haddr_t maximum)
{
  (void)name, (void)flags, (void)maximum;
  tv_disk *const *disk = H5Pget_driver_info(access);
  driver_file *file = disk ? calloc(1, sizeof *file) : NULL;
  if (!file)
    return NULL;
  file->disk = *disk;
  file->disk->open = 1;
  return &file->public;
}

static herr_t disk_close(H5FD_t *public)
{
  driver_file *file = (driver_file *)public;
  file->disk->open = 0;
  tv_copy_free(&file->metadata);
  free(file);
  return 0;
}

static herr_t disk_query(const H5FD_t *public, unsigned long *flags)
{
  (void)public;
  if (flags)
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_POSIX_COMPAT_HANDLE |
             H5FD_FEAT_SUPPORTS_SWMR_IO | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static haddr_t disk_get_allocated(const H5FD_t *public, H5FD_mem_t type)
{
  (void)type;
  return ((const driver_file *)public)->allocated;
}

static herr_t disk_set_allocated(H5FD_t *public, H5FD_mem_t type, haddr_t address)
{
  (void)type;
  ((driver_file *)public)->allocated = address;
  return 0;
}

static haddr_t disk_get_end(const H5FD_t *public, H5FD_mem_t type)
{
  (void)type;
  return ((const driver_file *)public)->end;
}

static herr_t disk_get_handle(H5FD_t *public, hid_t access, void **handle)
{
  (void)access;
  *handle = &((driver_file *)public)->disk->descriptor;
  return 0;
}

/* What lies behind the end of the file reads as zeros, as in HDF5's own drivers. Returns errno, 0
 * for success. */
static int read_file(const tv_disk *disk, haddr_t address, size_t size, char *to)
{
  while (size > 0) {
    const ssize_t n = pread(disk->descriptor, to, size, (off_t)address);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      const int error = n < 0 ? errno : 0;
      memset(to, 0, size);
      return error;
    }
    to += n;
    address += (haddr_t)n;
    size -= (size_t)n;
  }
  return 0;
}

static herr_t disk_read(
  H5FD_t *public, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size, void *buffer)
{
  (void)transfer;
  driver_file *file = (driver_file *)public;
  if (type != H5FD_MEM_DRAW) {
    tv_copy_read(&file->metadata, address, size, buffer);
    return 0;
  }
  const int error = read_file(file->disk, address, size, buffer);
  if (error && !file->disk->error)
    file->disk->error = error;
  return 0;
}

/* Whether the file may not grow to that size: the system would send SIGXFSZ, which ends a trainer
 * that does not handle it. */
static int over_limit(haddr_t end)
{
  struct rlimit limit;
  return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         end > limit.rlim_cur;
}

/* Returns errno, 0 for success. */
static int write_file(const tv_disk *disk, haddr_t address, size_t size, const char *from)
{
  while (size > 0) {
    const ssize_t n = pwrite(disk->descriptor, from, size, (off_t)address);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return n < 0 && errno ? errno : EIO;
    from += n;
    address += (haddr_t)n;
    size -= (size_t)n;
  }
  return 0;
}

void tv_disk_write(tv_disk *disk, haddr_t address, size_t size, const void *data)
{
  if (getpid() == disk->owner && !disk->error)
    disk->error = write_file(disk, address, size, data);
}

void tv_disk_settle(tv_disk *disk)
{
  if (disk->error || getpid() != disk->owner)
    return;
  while (fdatasync(disk->descriptor) != 0) {
    if (errno != EINTR) {
      disk->error = errno;
      return;
    }
  }
}

static herr_t disk_write(
  H5FD_t *public, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size, const void *buffer)
{
  (void)transfer;
  driver_file *file = (driver_file *)public;
  tv_disk *disk = file->disk;
  const haddr_t end = address + size;
  if (type != H5FD_MEM_DRAW) {
    if (tv_copy_write(&file->metadata, address, size, buffer) < 0 && !disk->error)
      disk->error = ENOMEM;
  } else {
    disk->values_at = address;
    disk->values_size = size;
  }
  if (end > file->end && !disk->error && over_limit(end))
    disk->error = EFBIG;
  tv_disk_write(disk, address, size, buffer);
  if (end > file->end)
    file->end = end;
  return 0;
}

static herr_t disk_truncate(H5FD_t *public, hid_t transfer, hbool_t closing)
{
  (void)transfer, (void)closing;
  driver_file *file = (driver_file *)public;
  tv_disk *disk = file->disk;
  if (file->allocated == file->end || getpid() != disk->owner)
    return 0;
  if (!disk->error && file->allocated > file->end && over_limit(file->allocated))
    disk->error = EFBIG;
  if (!disk->error && ftruncate(disk->descriptor, (off_t)file->allocated) != 0)
    disk->error = errno;
  file->end = file->allocated;
  return 0;
}

/* Nothing is locked: the file is new and its inode ours, and some file systems have no locks. HDF5
 * marks the superblock as being written only where a driver has these functions. */
static herr_t disk_lock(H5FD_t *public, hbool_t exclusive)
{
  (void)public, (void)exclusive;
  return 0;
}

static herr_t disk_unlock(H5FD_t *public)
{
  (void)public;
  return 0;
}

static const H5FD_class_t driver_class = {
#ifdef H5FD_CLASS_VERSION
  .version = H5FD_CLASS_VERSION,
  .value = (H5FD_class_value_t)600, /* of the range for private drivers */
#endif
  .name = "tensorview",
  .maxaddr = ((haddr_t)1 << (8 * sizeof(off_t) - 1)) - 1,
  .fc_degree = H5F_CLOSE_STRONG,
  .fapl_size = sizeof(tv_disk *),
  .open = disk_open,
  .close = disk_close,
  .query = disk_query,
  .get_eoa = disk_get_allocated,
  .set_eoa = disk_set_allocated,
  .get_eof = disk_get_end,
  .get_handle = disk_get_handle,
  .read = disk_read,
  .write = disk_write,
  .truncate = disk_truncate,
  .lock = disk_lock,
  .unlock = disk_unlock,
  .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t tv_disk_create(tv_disk *disk, const char *name, hid_t creation, hid_t access, hid_t *driver)
{
  hid_t file = -1;
  disk->owner = getpid();
  *driver = H5FDregister(&driver_class);
  if (*driver >= 0 && H5Pset_driver(access, *driver, &disk) >= 0)
    file = H5Fcreate(name, H5F_ACC_TRUNC, creation, access);
  return file;
}
