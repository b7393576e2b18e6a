/* SPDX-License-Identifier: BSD-3-Clause */
#include "hdf5_input.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* HDF5 reads this much ahead at most, before it knows how long a structure is. */
#define READ_AHEAD 4096

typedef struct driver_file
{
  H5FD_t public; /* HDF5's part, first */
  tv_hdf5_input input;
  haddr_t allocated; /* end of what HDF5 has allocated */
} driver_file;

/* What tv_hdf5_open() opens at this moment. HDF5 finds nothing else to open: where it wants a second
 * file, a link in this one asks for it. */
static const tv_hdf5_input *opening;

static H5FD_t *input_open(const char *name, unsigned flags, hid_t access, haddr_t maximum)
{
  (void)name, (void)access, (void)maximum;
  driver_file *file = opening && !(flags & H5F_ACC_RDWR) ? calloc(1, sizeof *file) : NULL;
  if (!file)
    return NULL;
  file->input = *opening;
  opening = NULL;
  return &file->public;
}

static herr_t input_close(H5FD_t *public)
{
  driver_file *file = (driver_file *)public;
  if (!file->input.memory)
    close(file->input.descriptor);
  free(file);
  return 0;
}

static herr_t input_query(const H5FD_t *public, unsigned long *flags)
{
  (void)public;
  if (flags)
    *flags = H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_SUPPORTS_SWMR_IO | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

static haddr_t input_get_allocated(const H5FD_t *public, H5FD_mem_t type)
{
  (void)type;
  return ((const driver_file *)public)->allocated;
}

static herr_t input_set_allocated(H5FD_t *public, H5FD_mem_t type, haddr_t address)
{
  (void)type;
  ((driver_file *)public)->allocated = address;
  return 0;
}

static haddr_t input_get_end(const H5FD_t *public, H5FD_mem_t type)
{
  (void)type;
  const tv_hdf5_input *input = &((const driver_file *)public)->input;
  return input->end > input->bytes ? input->end : input->bytes;
}

static herr_t refuse(const char *why)
{
  H5Epush2(
    H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_IO, H5E_READERROR, "%s", why);
  return -1;
}

/* Where a file has no more, a structure of metadata that HDF5 reads ahead may end before: the rest is
 * zeros. Beside a writer everything may, as in HDF5's own drivers: it is read again later. */
static herr_t input_read(
  H5FD_t *public, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size, void *buffer)
{
  (void)transfer;
  const driver_file *file = (const driver_file *)public;
  ptrdiff_t got = tv_hdf5_bytes(&file->input, address, buffer, size);
  if (got < 0)
    return refuse(strerror(errno));
  const int values = type == H5FD_MEM_DRAW && file->input.checked && *file->input.checked;
  const int ahead = size <= READ_AHEAD && type != H5FD_MEM_DRAW && type != H5FD_MEM_BTREE;
  if ((size_t)got < size && !file->input.live && (got == 0 || !(values || ahead)))
    return refuse("it lies behind the end of the file");
  memset((char *)buffer + got, 0, size - (size_t)got);
  return 0;
}

static herr_t input_write(
  H5FD_t *public, H5FD_mem_t type, hid_t transfer, haddr_t address, size_t size, const void *buffer)
{
  (void)public, (void)type, (void)transfer, (void)address, (void)size, (void)buffer;
  return -1;
}

static const H5FD_class_t driver_class = {
#ifdef H5FD_CLASS_VERSION
  .version = H5FD_CLASS_VERSION,
  .value = (H5FD_class_value_t)601, /* of the range for private drivers */
#endif
  .name = "tensorview_input",
  .maxaddr = ((haddr_t)1 << (8 * sizeof(off_t) - 1)) - 1,
  .fc_degree = H5F_CLOSE_STRONG,
  .open = input_open,
  .close = input_close,
  .query = input_query,
  .get_eoa = input_get_allocated,
  .set_eoa = input_set_allocated,
  .get_eof = input_get_end,
  .read = input_read,
  .write = input_write,
  .fl_map = H5FD_FLMAP_DICHOTOMY,
};

/* Registered once, and for good: HDF5 calls the driver of a file after it has let go of it. Again only
 * where somebody has ended HDF5 (H5close) and begun anew. */
static hid_t input_driver(void)
{
  static hid_t driver = -1;
  if (driver < 0 || H5Iget_type(driver) != H5I_VFL)
    driver = H5FDregister(&driver_class);
  return driver;
}

hid_t tv_hdf5_open(const tv_hdf5_input *input, const char *name)
{
  hid_t file = -1;
  const hid_t driver = input_driver(), access = H5Pcreate(H5P_FILE_ACCESS);
  /* HDF5 reads metadata with a wrong checksum again and again, and waits twice as long each time:
   * milliseconds are right for a writer at work, its 100 attempts would never end after its death. */
  opening = input;
  if (driver >= 0 && access >= 0 && H5Pset_driver(access, driver, NULL) >= 0 &&
      H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0 &&
      H5Pset_metadata_read_attempts(access, 22) >= 0)
    file = H5Fopen(name, input->live ? H5F_ACC_RDONLY | H5F_ACC_SWMR_READ : H5F_ACC_RDONLY, access);
  if (opening && !input->memory)
    close(input->descriptor); /* HDF5 never came to it, and so did not close it */
  opening = NULL;
  if (access >= 0)
    H5Pclose(access);
  return file;
}
