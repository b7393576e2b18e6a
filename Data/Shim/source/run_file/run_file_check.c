/* SPDX-License-Identifier: BSD-3-Clause */
/* What stands between a file and its use: nothing is read before its type is known, no memory asked
 * for that the file cannot fill. */
#include "run_hdf5.h"

#include "status.h"

#include <string.h>
#include <sys/stat.h>

/* A chunk may be larger than all that its dataset holds: room for records to come. So much larger it
 * is nothing but a way to make HDF5 ask for memory. */
#define LARGEST_CHUNK 67108864.0
#define LARGER_THAN_DATA 4.0

static const char *class_name(H5T_class_t type)
{
  switch (type) {
  case H5T_INTEGER:
    return "integers";
  case H5T_FLOAT:
    return "floating-point numbers of another format";
  case H5T_STRING:
    return "strings";
  case H5T_COMPOUND:
    return "compounds";
  case H5T_VLEN:
    return "sequences of variable length";
  case H5T_REFERENCE:
    return "references";
  default:
    return "something else";
  }
}

static int find_float(tv_type *found, hid_t type)
{
  size_t sign, exponent, exponent_bits, mantissa, mantissa_bits;
  switch (H5Tget_size(type)) {
  case 4:
    *found = TV_FLOAT32;
    return H5Tequal(type, H5T_IEEE_F32LE) > 0;
  case 8:
    *found = TV_FLOAT64;
    return H5Tequal(type, H5T_IEEE_F64LE) > 0;
  case 2:
    if (H5Tget_order(type) != H5T_ORDER_LE || H5Tget_norm(type) != H5T_NORM_IMPLIED ||
        H5Tget_precision(type) != 16 || H5Tget_offset(type) != 0 ||
        H5Tget_fields(type, &sign, &exponent, &exponent_bits, &mantissa, &mantissa_bits) < 0 ||
        sign != 15 || mantissa != 0 || exponent != mantissa_bits)
      return 0;
    *found = exponent_bits == 5 ? TV_FLOAT16 : TV_BFLOAT16;
    return exponent_bits == 5
             ? mantissa_bits == 10 && H5Tget_ebias(type) == 15
             : exponent_bits == 8 && mantissa_bits == 7 && H5Tget_ebias(type) == 127;
  default:
    return 0;
  }
}

static int find_integer(tv_type *found, hid_t type)
{
  const int is_signed = H5Tget_sign(type) == H5T_SGN_2;
  const size_t size = H5Tget_size(type);
  if (H5Tget_precision(type) != 8 * size ||
      (size > 1 && (H5Tget_order(type) != H5T_ORDER_LE || !is_signed)))
    return 0;
  *found = size == 8 ? TV_INT64 : size == 4 ? TV_INT32 : is_signed ? TV_INT8 : TV_UINT8;
  return size == 1 || size == 4 || size == 8;
}

/* h5py's: an enumeration of a byte, FALSE 0 and TRUE 1. */
static int is_bool(hid_t type)
{
  signed char no = -1, yes = -1;
  return H5Tget_size(type) == 1 && H5Tget_nmembers(type) == 2 &&
         H5Tenum_valueof(type, "FALSE", &no) >= 0 && H5Tenum_valueof(type, "TRUE", &yes) >= 0 &&
         no == 0 && yes == 1;
}

/* Which of our types it is; 0 where it is none. */
static int find_type(tv_type *found, hid_t type, int version)
{
  switch (H5Tget_class(type)) {
  case H5T_FLOAT:
    return find_float(found, type);
  case H5T_INTEGER:
    return version > 1 && find_integer(found, type);
  case H5T_ENUM:
    *found = TV_BOOL;
    return version > 1 && is_bool(type);
  default:
    return 0;
  }
}

static int check_type(
  tv_type *found, const tv_run_file *file, hid_t type, const char *title, tv_numbers numbers)
{
  const H5T_class_t kind = H5Tget_class(type);
  if (numbers == TV_NUMBERS_INTEGERS ? kind != H5T_INTEGER : !find_type(found, type, file->version))
    return tv_run_file_fail(file, "%s holds %s, not %s", title, class_name(kind),
      numbers == TV_NUMBERS_INTEGERS ? "integers"
      : file->version == 1
        ? "float16, bfloat16, float32 or float64 (little-endian)"
        : "float16, bfloat16, float32, float64, int8, uint8, int32, int64 or bool (little-endian)");
  if (H5Tget_size(type) > 8)
    return tv_run_file_fail(file, "%s holds numbers of more than 8 bytes", title);
  return TV_OK;
}

static int check_storage(const tv_run_file *file, hid_t creation, const char *title)
{
  if (H5Pget_external_count(creation) > 0)
    return tv_run_file_fail(
      file, "%s is stored in another file, which run files must not be", title);
  const H5D_layout_t layout = H5Pget_layout(creation);
  if (layout == H5D_VIRTUAL)
    return tv_run_file_fail(file, "%s is a virtual dataset, which run files must not have", title);
  if (layout != H5D_CHUNKED && layout != H5D_CONTIGUOUS && layout != H5D_COMPACT)
    return tv_run_file_fail(file, "%s is stored in a way that is not known", title);
  const int filters = H5Pget_nfilters(creation);
  for (int k = 0; k < filters; ++k) {
    unsigned flags = 0, configuration = 0;
    size_t count = 0;
    const H5Z_filter_t filter =
      H5Pget_filter2(creation, (unsigned)k, &flags, &count, NULL, 0, NULL, &configuration);
    if (filter != H5Z_FILTER_FLETCHER32 && filter != H5Z_FILTER_DEFLATE &&
        filter != H5Z_FILTER_SHUFFLE)
      return tv_run_file_fail(file,
        "%s is compressed with filter %d, which run files must not use (deflate and shuffle are "
        "allowed)",
        title, (int)filter);
  }
  return TV_OK;
}

/* By how much deflate may make it smaller: it cannot do better than 1032 to 1. */
static double best_ratio(hid_t creation)
{
  const int filters = H5Pget_nfilters(creation);
  for (int k = 0; k < filters; ++k) {
    unsigned flags = 0, configuration = 0;
    size_t count = 0;
    if (H5Pget_filter2(creation, (unsigned)k, &flags, &count, NULL, 0, NULL, &configuration) ==
        H5Z_FILTER_DEFLATE)
      return 1100.0;
  }
  return 1.0;
}

/* Its sizes, and those of its chunks. */
static void take_sizes(tv_dataset *info, hid_t dataset, hid_t creation)
{
  hid_t space = H5Dget_space(dataset);
  const int rank = space < 0 ? -1 : H5Sget_simple_extent_ndims(space);
  info->rank = -1;
  if (rank >= 1 && rank <= TV_DATASET_RANK && H5Sget_simple_extent_type(space) == H5S_SIMPLE &&
      H5Sget_simple_extent_dims(space, info->size, NULL) == rank) {
    memcpy(info->chunk, info->size, sizeof info->chunk);
    if (H5Pget_layout(creation) != H5D_CHUNKED || H5Pget_chunk(creation, rank, info->chunk) == rank)
      info->rank = rank;
  }
  tv_close_id(&space);
}

int tv_look_at(
  tv_dataset *info, const tv_run_file *file, hid_t dataset, const char *title, tv_numbers numbers)
{
  memset(info, 0, sizeof *info);
  if (H5Iget_type(dataset) != H5I_DATASET)
    return tv_run_file_fail(file, "%s is not a dataset", title);
  hid_t type = H5Dget_type(dataset), creation = H5Dget_create_plist(dataset);
  int status = type < 0 || creation < 0
                 ? tv_run_file_fail(file, "%s cannot be read; %s", title, tv_hdf5_reason())
                 : check_type(&info->type, file, type, title, numbers);
  if (status == TV_OK)
    status = check_storage(file, creation, title);
  if (status == TV_OK) {
    info->bytes = (double)H5Tget_size(type);
    info->ratio = best_ratio(creation);
    info->contiguous = H5Pget_layout(creation) == H5D_CONTIGUOUS;
    take_sizes(info, dataset, creation);
  }
  tv_close_id(&type);
  tv_close_id(&creation);
  return status;
}

static double product(const hsize_t *sizes, int count)
{
  double result = 1; /* does not overflow: for bounds, not for counts */
  for (int k = 0; k < count; ++k)
    result *= (double)sizes[k];
  return result;
}

int tv_check_room(tv_run_file *file, double bytes, double ratio, const char *title)
{
  struct stat info;
  if (bytes > (double)file->size * ratio && stat(file->path, &info) == 0)
    file->size = (uint64_t)info.st_size; /* it may have grown */
  return bytes <= (double)file->size * ratio
           ? TV_OK
           : tv_run_file_fail(file, "%s declares more data than the file can hold", title);
}

int tv_check_fits(
  tv_run_file *file, const tv_dataset *info, hid_t dataset, double bytes, const char *title)
{
  const double chunk = product(info->chunk, info->rank) * info->bytes;
  const double all = product(info->size, info->rank) * info->bytes;
  const int status = tv_check_room(file, bytes > chunk ? bytes : chunk, info->ratio, title);
  if (status != TV_OK)
    return status;
  if (info->contiguous) {
    const haddr_t at = H5Dget_offset(dataset);
    const hsize_t stored = H5Dget_storage_size(dataset);
    if (at == HADDR_UNDEF || at > file->size || stored > file->size - at)
      return tv_run_file_fail(file, "%s declares more data than the file can hold", title);
  }
  if (chunk > LARGEST_CHUNK && chunk > all * LARGER_THAN_DATA)
    return tv_run_file_fail(
      file, "%s is stored in chunks of %.0f MB, and holds %.0f MB", title, chunk / 1e6, all / 1e6);
  return TV_OK;
}
