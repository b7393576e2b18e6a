/* SPDX-License-Identifier: BSD-3-Clause */
#include "hdf5_objects.h"

#include "sink.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t hdf5_mutex = PTHREAD_MUTEX_INITIALIZER;

H5E_auto2_t tv_hdf5_watch;

tv_hdf5_scope tv_enter_hdf5(void)
{
  tv_hdf5_scope scope = {NULL, NULL, 0};
  pthread_mutex_lock(&hdf5_mutex);
  scope.known = H5Eget_auto2(H5E_DEFAULT, &scope.print, &scope.data) >= 0;
  H5Eset_auto2(H5E_DEFAULT, tv_hdf5_watch, NULL);
  return scope;
}

void tv_leave_hdf5(tv_hdf5_scope scope)
{
  if (scope.known)
    H5Eset_auto2(H5E_DEFAULT, scope.print, scope.data);
  pthread_mutex_unlock(&hdf5_mutex);
}

static int write_attribute(
  hid_t object, const char *name, hid_t type, hid_t space, const void *data)
{
  const hid_t attribute = H5Acreate2(object, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  const int status = attribute < 0 ? -1 : H5Awrite(attribute, type, data);
  if (attribute >= 0 && H5Aclose(attribute) < 0)
    return -1;
  return status;
}

int tv_write_strings(hid_t object, const char *name, const char *strings, size_t stride, int count)
{
  size_t length = 1;
  for (int i = 0; i < (count < 0 ? 1 : count); ++i) {
    const size_t n = strlen(strings + (size_t)i * stride);
    length = n > length ? n : length;
  }
  char *packed = calloc((size_t)(count < 1 ? 1 : count), length);
  if (!packed)
    return -1;
  for (int i = 0; i < (count < 0 ? 1 : count); ++i)
    memcpy(packed + (size_t)i * length, strings + (size_t)i * stride,
      strlen(strings + (size_t)i * stride));
  const hsize_t size = (hsize_t)(count < 0 ? 1 : count);
  const hid_t type = H5Tcopy(H5T_C_S1);
  const hid_t space = count < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &size, NULL);
  int status = -1;
  if (type >= 0 && space >= 0 && H5Tset_size(type, length) >= 0 &&
      H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0 && H5Tset_cset(type, H5T_CSET_UTF8) >= 0)
    status = write_attribute(object, name, type, space, packed);
  H5Sclose(space);
  H5Tclose(type);
  free(packed);
  return status;
}

int tv_write_int(hid_t object, const char *name, int value)
{
  const hid_t space = H5Screate(H5S_SCALAR);
  const int status = space < 0 ? -1 : write_attribute(object, name, H5T_STD_I32LE, space, &value);
  H5Sclose(space);
  return status;
}

/* A floating-point type of 16 bits with that many bits of exponent. */
static hid_t half_type(size_t exponent)
{
  const size_t mantissa = 15 - exponent;
  const hid_t id = H5Tcopy(H5T_IEEE_F32LE);
  if (id >= 0 && H5Tset_fields(id, 15, mantissa, exponent, 0, mantissa) >= 0 &&
      H5Tset_size(id, 2) >= 0 && H5Tset_ebias(id, ((size_t)1 << (exponent - 1)) - 1) >= 0)
    return id;
  if (id >= 0)
    H5Tclose(id);
  return -1;
}

static hid_t bool_type(void)
{
  const hid_t id = H5Tenum_create(H5T_STD_I8LE);
  const signed char no = 0, yes = 1;
  if (id >= 0 && H5Tenum_insert(id, "FALSE", &no) >= 0 && H5Tenum_insert(id, "TRUE", &yes) >= 0)
    return id;
  if (id >= 0)
    H5Tclose(id);
  return -1;
}

hid_t tv_number_type(tv_type type)
{
  switch (type) {
  case TV_FLOAT32:
    return H5Tcopy(H5T_IEEE_F32LE);
  case TV_FLOAT64:
    return H5Tcopy(H5T_IEEE_F64LE);
  case TV_FLOAT16:
    return half_type(5);
  case TV_BFLOAT16:
    return half_type(8);
  case TV_INT8:
    return H5Tcopy(H5T_STD_I8LE);
  case TV_UINT8:
    return H5Tcopy(H5T_STD_U8LE);
  case TV_INT32:
    return H5Tcopy(H5T_STD_I32LE);
  case TV_INT64:
    return H5Tcopy(H5T_STD_I64LE);
  case TV_BOOL:
    return bool_type();
  }
  return -1;
}

hid_t tv_create_group(hid_t parent, const char *name)
{
  const hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
  hid_t group = -1;
  if (creation >= 0 && H5Pset_obj_track_times(creation, 0) >= 0)
    group = H5Gcreate2(parent, name, H5P_DEFAULT, creation, H5P_DEFAULT);
  H5Pclose(creation);
  return group;
}
