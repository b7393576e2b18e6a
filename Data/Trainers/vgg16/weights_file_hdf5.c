/* HDF5 as a container of named tensors: every dataset that hard links lead to, named by its path
 * without the first '/'. */
#include "status.h"
#include "weights_file_containers.h"

#include <hdf5.h>
#include <stdlib.h>
#include <string.h>

enum
{
  DEEPEST = 8,
  MOST_LINKS = 100000, /* hard links can make cycles */
  LONGEST_PATH = 511,
};

typedef struct walk
{
  weights_container *container;
  char path[LONGEST_PATH + 1];
  int depth;
  int links;
  int status;
} walk;

static weights_number number_of(hid_t type)
{
  /* HDF5 converts any floating-point type to a native float, bfloat16 included. */
  return H5Tget_class(type) == H5T_FLOAT && H5Tget_size(type) <= 8 ? WEIGHTS_FLOAT32
                                                                   : WEIGHTS_OTHER;
}

static int append_dataset(walk *at, hid_t dataset)
{
  hsize_t sizes[H5S_MAX_RANK];
  weights_tensor *tensor = weights_append(at->container, at->path, strlen(at->path));
  if (!tensor)
    return TV_ERROR_FORMAT;
  const hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
  tensor->number = type >= 0 ? number_of(type) : WEIGHTS_OTHER;
  const int rank = space >= 0 && H5Sget_simple_extent_type(space) == H5S_SIMPLE
                     ? H5Sget_simple_extent_dims(space, sizes, NULL)
                     : 0;
  tensor->rank = rank > 0 ? (size_t)rank : 0;
  for (size_t axis = 0; axis < tensor->rank && axis < WEIGHTS_RANK; ++axis)
    tensor->shape[axis] = (size_t)sizes[axis];
  if (type >= 0)
    H5Tclose(type);
  if (space >= 0)
    H5Sclose(space);
  return 0;
}

static herr_t visit(hid_t group, const char *name, const H5L_info_t *link, void *context)
{
  walk *at = context;
  const size_t before = strlen(at->path), more = strlen(name);
  if (++at->links > MOST_LINKS) {
    at->status =
      tv_fail(TV_ERROR_FORMAT, "%s: holds more links than any network", at->container->path);
    return -1;
  }
  if (link->type != H5L_TYPE_HARD || before + 1 + more > LONGEST_PATH)
    return 0; /* links that may leave the file are not followed */
  const hid_t object = H5Oopen(group, name, H5P_DEFAULT);
  if (object < 0)
    return 0;
  if (before)
    strcat(at->path, "/");
  strcat(at->path, name);
  const H5I_type_t kind = H5Iget_type(object);
  if (kind == H5I_DATASET) {
    at->status = append_dataset(at, object);
  } else if (kind == H5I_GROUP && at->depth < DEEPEST) {
    ++at->depth;
    H5Literate(object, H5_INDEX_NAME, H5_ITER_INC, NULL, visit, at);
    --at->depth;
  }
  at->path[before] = 0;
  H5Oclose(object);
  return at->status ? -1 : 0;
}

/* Only what HDF5 itself stores inside this file, by filters that are part of it. */
static const char *refusal(hid_t dataset)
{
  const char *sentence = NULL;
  const hid_t list = H5Dget_create_plist(dataset);
  if (list < 0)
    return "cannot be read";
  if (H5Pget_layout(list) == H5D_VIRTUAL)
    sentence = "is a virtual dataset, which could read any other file";
  else if (H5Pget_layout(list) != H5D_CHUNKED && H5Pget_external_count(list) > 0)
    sentence = "is stored outside of the file";
  else if (H5Dget_storage_size(dataset) == 0)
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
  H5Pclose(list);
  return sentence;
}

static int read_values(
  weights_container *container, const weights_tensor *tensor, float *values, size_t count)
{
  const hid_t file = *(hid_t *)container->state;
  const hid_t dataset = H5Dopen2(file, tensor->name, H5P_DEFAULT);
  if (dataset < 0)
    return tv_fail(TV_ERROR_FORMAT, "%s: cannot open \"%s\"", container->path, tensor->name);
  int status = 0;
  const hid_t space = H5Dget_space(dataset);
  const char *sentence = refusal(dataset);
  if (sentence)
    status =
      tv_fail(TV_ERROR_UNSUPPORTED, "%s: \"%s\" %s", container->path, tensor->name, sentence);
  else if (space < 0 || H5Sget_simple_extent_npoints(space) != (hssize_t)count)
    status = tv_fail(TV_ERROR_FORMAT, "%s: \"%s\" changed its size", container->path, tensor->name);
  else if (H5Dread(dataset, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
    status = tv_fail(TV_ERROR_FILE, "%s: \"%s\" cannot be read: its data are damaged",
      container->path, tensor->name);
  if (space >= 0)
    H5Sclose(space);
  H5Dclose(dataset);
  return status;
}

static void close_file(weights_container *container)
{
  H5Fclose(*(hid_t *)container->state);
  free(container->state);
}

int weights_open_hdf5(weights_container *container)
{
  walk at = {.container = container};
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* our sentences instead of HDF5's stack on stderr */
  hid_t *file = malloc(sizeof *file);
  if (!file)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", container->path);
  *file = H5Fopen(container->path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (*file < 0) {
    free(file);
    return tv_fail(TV_ERROR_FORMAT,
      "%s: is an HDF5 file that cannot be opened: it is cut off, damaged, or being written",
      container->path);
  }
  container->state = file;
  container->read = read_values;
  container->close = close_file;
  if (H5Literate(*file, H5_INDEX_NAME, H5_ITER_INC, NULL, visit, &at) < 0 && !at.status)
    return tv_fail(TV_ERROR_FORMAT, "%s: its contents cannot be listed", container->path);
  return at.status;
}
