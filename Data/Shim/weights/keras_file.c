/* SPDX-License-Identifier: BSD-3-Clause */
#include "keras_file.h"
#include "hdf5_input.h"
#include "hdf5_objects.h"
#include "hdf5_trial.h"
#include "status.h"
#include "zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const uint64_t largest_image = 1u << 30;

/* Looks at an HDF5 file and opens it; member ends its name in sentences. */
static int open_input(tv_keras *keras, tv_hdf5_input *input, const char *path, const char *member)
{
  const char *why = tv_hdf5_look(input);
  if (!why && input->end > input->bytes)
    why = "it is cut off";
  if (!why) {
    keras->file = tv_hdf5_open(input, path);
    keras->input = *input;
    if (keras->file >= 0)
      return 0;
    why = "it is damaged, or being written";
  } else if (!input->memory)
    close(input->descriptor);
  return tv_fail(TV_ERROR_FORMAT, "%s: %scannot be opened: %s", path, member, why);
}

/* The HDF5 file in a .keras, which is a zip file. */
static int open_archive(tv_keras *keras, tv_mapped *file)
{
  tv_hdf5_input input = {0};
  tv_zip zip;
  int status = tv_zip_open(&zip, file);
  if (status)
    return status;
  const tv_zip_entry *entry = tv_zip_find(&zip, "model.weights.h5");
  if (!entry || !entry->bytes) {
    status = tv_fail(TV_ERROR_FORMAT, "%s: has no model.weights.h5 in it", file->path);
  } else if (entry->deflated) {
    status = tv_zip_load(&keras->image, file, entry, largest_image);
    input.memory = keras->image;
  } else {
    input.offset = entry->offset;
    status = tv_mapped_descriptor(&input.descriptor, file);
  }
  input.bytes = entry ? entry->bytes : 0;
  tv_zip_close(&zip);
  return status ? status : open_input(keras, &input, file->path, "model.weights.h5 in it ");
}

int tv_keras_open(tv_keras *keras, tv_mapped *file)
{
  unsigned char head[2] = {0};
  tv_hdf5_input input = {.bytes = file->bytes, .descriptor = -1};
  memset(keras, 0, sizeof *keras);
  keras->file = -1;
  int status = tv_mapped_read(file, head, 0, file->bytes < sizeof head ? file->bytes : sizeof head);
  if (!status)
    status = tv_mapped_descriptor(&input.descriptor, file);
  const char *why = status ? NULL : tv_hdf5_try(input.descriptor, 0);
  if (why)
    status = tv_fail(TV_ERROR_FORMAT, "%s: cannot be opened: %s", file->path, why);
  if (!status && head[0] != 'P') {
    status = open_input(keras, &input, file->path, "");
  } else if (input.descriptor >= 0) {
    close(input.descriptor);
    status = status ? status : open_archive(keras, file);
  }
  if (status)
    tv_keras_shut(keras);
  return status;
}

void tv_keras_shut(tv_keras *keras)
{
  if (keras->file >= 0)
    H5Fclose(keras->file);
  free(keras->image);
  memset(keras, 0, sizeof *keras);
  keras->file = -1;
}

static tv_stored float_of(hid_t type)
{
  size_t sign, exponent, exponent_bits, mantissa, mantissa_bits;
  switch (H5Tget_size(type)) {
  case 8:
    return TV_STORED_F64;
  case 4:
    return TV_STORED_F32;
  case 2:
    if (H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0)
      return TV_STORED_NONE;
    return exponent_bits == 8 ? TV_STORED_BF16 : TV_STORED_F16;
  default:
    return TV_STORED_NONE;
  }
}

tv_stored tv_keras_number(hid_t type)
{
  const size_t bytes = H5Tget_size(type);
  const H5T_class_t kind = H5Tget_class(type);
  if (kind == H5T_FLOAT)
    return float_of(type);
  if (kind == H5T_ENUM) /* h5py's way to write bool */
    return bytes == 1 && H5Tget_nmembers(type) == 2 ? TV_STORED_BOOL : TV_STORED_NONE;
  if (kind != H5T_INTEGER)
    return TV_STORED_NONE;
  const int plain = H5Tget_sign(type) == H5T_SGN_NONE;
  switch (bytes) {
  case 1:
    return plain ? TV_STORED_U8 : TV_STORED_I8;
  case 2:
    return plain ? TV_STORED_U16 : TV_STORED_I16;
  case 4:
    return plain ? TV_STORED_U32 : TV_STORED_I32;
  case 8:
    return plain ? TV_STORED_NONE : TV_STORED_I64;
  default:
    return TV_STORED_NONE;
  }
}

/* Whether pieces of a dataset are larger than the dataset can ever be, which HDF5 does not make: it
 * would read on behind what their bytes give. */
static int has_large_pieces(hid_t dataset, hid_t list)
{
  hsize_t piece[H5S_MAX_RANK], most[H5S_MAX_RANK];
  const hid_t space = H5Dget_space(dataset);
  const int rank = space >= 0 ? H5Sget_simple_extent_dims(space, NULL, most) : -1;
  int large = rank < 0 || H5Pget_chunk(list, rank, piece) != rank;
  for (int axis = 0; axis < rank && !large; ++axis)
    large = most[axis] != H5S_UNLIMITED && piece[axis] > most[axis];
  if (space >= 0)
    H5Sclose(space);
  return large;
}

const char *tv_keras_refusal(hid_t dataset, uint64_t bytes)
{
  const char *sentence = NULL;
  const uint64_t stored = H5Dget_storage_size(dataset);
  const hid_t list = H5Dget_create_plist(dataset);
  if (list < 0)
    return "cannot be read";
  if (H5Pget_layout(list) == H5D_VIRTUAL)
    sentence = "is a virtual dataset, which could read any other file";
  else if (H5Pget_layout(list) != H5D_CHUNKED && H5Pget_external_count(list) > 0)
    sentence = "is stored outside of the file";
  else if (H5Pget_layout(list) == H5D_CHUNKED && has_large_pieces(dataset, list))
    sentence = "is in pieces that are larger than itself: it is damaged";
  else if (stored == 0)
    sentence = "is declared, but holds no data";
  const int filters = sentence ? 0 : H5Pget_nfilters(list);
  for (int i = 0; i < filters; ++i) {
    unsigned flags, configuration;
    size_t values = 0;
    const H5Z_filter_t filter =
      H5Pget_filter2(list, (unsigned)i, &flags, &values, NULL, 0, NULL, &configuration);
    if (filter != H5Z_FILTER_DEFLATE && filter != H5Z_FILTER_SHUFFLE &&
        filter != H5Z_FILTER_FLETCHER32 && filter != H5Z_FILTER_SZIP)
      sentence = "is compressed by a filter that is not part of HDF5";
  }
  if (!sentence && (filters > 0 ? bytes / 1032 > stored : bytes > stored))
    sentence = "claims more numbers than its bytes can hold";
  H5Pclose(list);
  return sentence;
}

uint64_t tv_keras_header(hid_t object)
{
#if H5_VERSION_GE(1, 12, 0)
  H5O_info1_t about;
#else
  H5O_info_t about;
#endif
  return H5Oget_info2(object, &about, H5O_INFO_BASIC) < 0 ? UINT64_MAX : about.addr;
}
