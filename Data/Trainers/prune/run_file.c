#include "run_file.h"

#include "status.h"

#include <errno.h>
#include <hdf5.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <tensorview/format.h>
#include <unistd.h>

#define MOST_COMPRESSED 2000 /* times smaller than its data no chunk of HDF5's own filters gets */

struct run_file
{
  hid_t file, layers;
  const char *path;
  size_t count;
  char names[RUN_FILE_LAYERS][TV_NAME_LENGTH + 1];
  int32_t indices[RUN_FILE_LAYERS];
};

/* A child that is in this very file, or negative. */
static hid_t open_child(hid_t parent, const char *name)
{
  H5L_info_t link;
  if (H5Lexists(parent, name, H5P_DEFAULT) <= 0 ||
      H5Lget_info(parent, name, &link, H5P_DEFAULT) < 0 || link.type != H5L_TYPE_HARD)
    return -1;
  return H5Oopen(parent, name, H5P_DEFAULT);
}

/* A fixed string attribute of at most size - 1 bytes, as text. */
static int read_text(char *text, size_t size, hid_t object, const char *name)
{
  int status = -1;
  const hid_t attribute = H5Aexists(object, name) > 0 ? H5Aopen(object, name, H5P_DEFAULT) : -1;
  const hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
  const hid_t space = attribute < 0 ? -1 : H5Aget_space(attribute);
  memset(text, 0, size);
  if (type >= 0 && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 &&
      H5Tget_size(type) < size && H5Sget_simple_extent_npoints(space) == 1)
    status = H5Aread(attribute, type, text) < 0 ? -1 : 0;
  if (space >= 0)
    H5Sclose(space);
  if (type >= 0)
    H5Tclose(type);
  if (attribute >= 0)
    H5Aclose(attribute);
  return status;
}

static int read_int(int32_t *number, hid_t object, const char *name)
{
  const hid_t attribute = H5Aexists(object, name) > 0 ? H5Aopen(object, name, H5P_DEFAULT) : -1;
  if (attribute < 0)
    return -1;
  const hid_t space = H5Aget_space(attribute);
  const int status =
    H5Sget_simple_extent_npoints(space) == 1 && H5Aread(attribute, H5T_NATIVE_INT32, number) >= 0
      ? 0
      : -1;
  H5Sclose(space);
  H5Aclose(attribute);
  return status;
}

static herr_t add_layer(hid_t group, const char *name, const H5L_info_t *link, void *context)
{
  run_file *f = context;
  if (link->type != H5L_TYPE_HARD || strlen(name) > TV_NAME_LENGTH || f->count == RUN_FILE_LAYERS)
    return -1;
  const hid_t layer = H5Oopen(group, name, H5P_DEFAULT);
  int32_t index = 0;
  const int bad =
    layer < 0 || H5Iget_type(layer) != H5I_GROUP || read_int(&index, layer, "index") < 0;
  if (layer >= 0)
    H5Oclose(layer);
  if (bad)
    return -1;
  size_t at = f->count++;
  for (; at > 0 && f->indices[at - 1] > index; --at) { /* few layers: insertion keeps the order */
    f->indices[at] = f->indices[at - 1];
    memcpy(f->names[at], f->names[at - 1], sizeof f->names[at]);
  }
  f->indices[at] = index;
  strcpy(f->names[at], name);
  return 0;
}

static int check_file(run_file *f)
{
  char format[32];
  int32_t version = 0;
  if (read_text(format, sizeof format, f->file, "format") < 0 ||
      strcmp(format, TV_FORMAT_NAME) != 0)
    return tv_fail(TV_ERROR_FORMAT, "\"%s\" is an HDF5 file, but not a run file", f->path);
  if (read_int(&version, f->file, "version") < 0 || version != TV_FORMAT_VERSION)
    return tv_fail(TV_ERROR_VERSION, "\"%s\" is a run file of version %d; this program knows %d",
      f->path, (int)version, TV_FORMAT_VERSION);
  f->layers = open_child(f->file, "layers");
  if (f->layers < 0 || H5Iget_type(f->layers) != H5I_GROUP ||
      H5Literate(f->layers, H5_INDEX_NAME, H5_ITER_INC, NULL, add_layer, f) < 0)
    return tv_fail(
      TV_ERROR_FORMAT, "\"%s\" has no layers, or some that are not as they should be", f->path);
  return TV_OK;
}

int run_file_open(run_file **out, const char *path)
{
  *out = NULL;
  run_file *f = calloc(1, sizeof *f);
  if (!f)
    return tv_fail(TV_ERROR_MEMORY, "no memory to read \"%s\"", path);
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
  f->path = path;
  f->layers = -1;
  f->file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
  if (f->file < 0) /* its writer is at work, or was killed */
    f->file = H5Fopen(path, H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, H5P_DEFAULT);
  int status;
  if (f->file >= 0)
    status = check_file(f);
  else if (access(path, R_OK) != 0)
    status = tv_fail(TV_ERROR_FILE, "\"%s\" cannot be read: %s", path, strerror(errno));
  else
    status = tv_fail(TV_ERROR_FILE, "\"%s\" is no HDF5 file that can be opened", path);
  if (status != TV_OK)
    run_file_close(f);
  else
    *out = f;
  return status;
}

void run_file_close(run_file *f)
{
  if (!f)
    return;
  if (f->layers >= 0)
    H5Oclose(f->layers);
  if (f->file >= 0)
    H5Fclose(f->file);
  free(f);
}

size_t run_file_layers(const run_file *f)
{
  return f->count;
}

const char *run_file_layer(const run_file *f, size_t index)
{
  return f->names[index];
}

static hid_t open_stream(const run_file *f, const char *layer, const char *kind)
{
  const hid_t group = open_child(f->layers, layer);
  const hid_t stream = group < 0 ? -1 : open_child(group, kind);
  if (group >= 0)
    H5Oclose(group);
  return stream;
}

int run_file_has(const run_file *f, const char *layer, const char *kind)
{
  const hid_t stream = open_stream(f, layer, kind);
  if (stream >= 0)
    H5Oclose(stream);
  return stream >= 0;
}

/* The place of a text among those of an attribute, an array of fixed strings, and how many there
 * are; negative where it is not among them. */
static int64_t find_text(size_t *count, hid_t object, const char *attribute, const char *text)
{
  int64_t place = -1;
  *count = 0;
  if (H5Aexists(object, attribute) <= 0)
    return place;
  const hid_t names = H5Aopen(object, attribute, H5P_DEFAULT);
  const hid_t type = H5Aget_type(names), space = H5Aget_space(names);
  const hssize_t number = H5Sget_simple_extent_npoints(space);
  const size_t length = H5Tget_size(type);
  if (H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 && number > 0 &&
      number < 4096 && length < 4096) {
    char *all = calloc((size_t)number, length);
    *count = (size_t)number;
    if (all && H5Aread(names, type, all) >= 0)
      for (hssize_t i = 0; i < number; ++i)
        if (strncmp(all + (size_t)i * length, text, length) == 0 && strlen(text) <= length)
          place = i;
    free(all);
  }
  H5Sclose(space);
  H5Tclose(type);
  H5Aclose(names);
  return place;
}

/* How many rows and columns a dataset has; negative where that is not what it is. */
static int get_table(hsize_t size[2], hid_t dataset)
{
  if (dataset < 0 || H5Iget_type(dataset) != H5I_DATASET)
    return -1;
  const hid_t space = H5Dget_space(dataset), list = H5Dget_create_plist(dataset);
  const int good = H5Sget_simple_extent_ndims(space) == 2 && H5Pget_layout(list) != H5D_VIRTUAL &&
                   H5Pget_external_count(list) == 0;
  if (good)
    H5Sget_simple_extent_dims(space, size, NULL);
  H5Pclose(list);
  H5Sclose(space);
  return good ? 0 : -1;
}

/* The last of so many records of a dataset [T, ...], as numbers of that type. */
static int read_row(void *out, hid_t dataset, hid_t type, int64_t records)
{
  const hid_t space = H5Dget_space(dataset);
  hsize_t size[5], start[5] = {0}, most[5];
  const int rank = H5Sget_simple_extent_dims(space, size, most);
  start[0] = (hsize_t)records - 1;
  size[0] = 1;
  H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, size, NULL);
  const hid_t memory = H5Screate_simple(rank, size, NULL);
  const int status = H5Dread(dataset, type, memory, space, H5P_DEFAULT, out) < 0 ? -1 : 0;
  H5Sclose(memory);
  H5Sclose(space);
  return status;
}

/* How many records of a stream /complete calls complete; most where it does not say. */
static int64_t complete_records(const run_file *f, const char *stream, int64_t most)
{
  int64_t found = most;
  hsize_t size[2];
  size_t streams;
  const hid_t table = open_child(f->file, "complete");
  if (table < 0)
    return most;
  const int64_t place = find_text(&streams, table, "streams", stream);
  if (get_table(size, table) == 0 && streams > 0 && size[1] == streams + 1) {
    int64_t *row = size[0] && place >= 0 ? malloc((streams + 1) * sizeof *row) : NULL;
    if (size[0] == 0)
      found = 0;
    else if (row && read_row(row, table, H5T_NATIVE_INT64, (int64_t)size[0]) == 0)
      found = row[1 + place] < most ? row[1 + place] : most;
    free(row);
  }
  H5Oclose(table);
  return found;
}

/* Shape of a record and number of records; NULL, or what is wrong. */
static const char *check_values(run_tensor *t, int64_t *records, size_t *numbers, hid_t dataset)
{
  hsize_t size[H5S_MAX_RANK];
  int overflow = 0;
  if (dataset < 0 || H5Iget_type(dataset) != H5I_DATASET)
    return "has no values";
  const hid_t space = H5Dget_space(dataset), type = H5Dget_type(dataset);
  const hid_t list = H5Dget_create_plist(dataset);
  const int rank = H5Sget_simple_extent_dims(space, size, NULL);
  const int plain = H5Tget_class(type) == H5T_FLOAT && H5Pget_layout(list) == H5D_CHUNKED;
  H5Sclose(space);
  H5Tclose(type);
  H5Pclose(list);
  if (!plain)
    return "is not a chunked dataset of floating-point numbers";
  if (rank < 2 || rank > 5 || (size_t)rank != strlen(t->axes) + 1)
    return "has axes that do not fit its values";
  *records = (int64_t)size[0];
  *numbers = 1;
  t->rank = rank - 1;
  for (int axis = 1; axis < rank; ++axis) {
    t->shape[axis - 1] = (size_t)size[axis];
    *numbers = tv_multiply(*numbers, (size_t)size[axis], &overflow);
  }
  tv_multiply(*numbers, sizeof(double), &overflow);
  if (overflow || *numbers == 0 ||
      *numbers / MOST_COMPRESSED > (size_t)H5Dget_storage_size(dataset))
    return "claims more values than it has";
  return NULL;
}

static const char *read_last(run_tensor *t, const run_file *f, hid_t stream, const char *path)
{
  int64_t records = 0, step = -1;
  size_t numbers = 0;
  if (H5Iget_type(stream) != H5I_GROUP || read_text(t->axes, sizeof t->axes, stream, "axes") < 0)
    return "is no tensor";
  const hid_t values = open_child(stream, "values"), steps = open_child(stream, "steps");
  const char *wrong = check_values(t, &records, &numbers, values);
  if (!wrong && (steps < 0 || H5Iget_type(steps) != H5I_DATASET))
    wrong = "has no steps";
  if (!wrong) {
    hsize_t size[H5S_MAX_RANK] = {0};
    const hid_t space = H5Dget_space(steps);
    const int rank = H5Sget_simple_extent_dims(space, size, NULL);
    H5Sclose(space);
    records = complete_records(f, path, records);
    if (rank != 1 || records > (int64_t)size[0])
      wrong = "has fewer steps than values";
    else if (records < 1)
      wrong = "has no complete record";
  }
  if (!wrong && !(t->values = malloc(numbers * sizeof *t->values)))
    wrong = "does not fit into memory";
  if (!wrong && (read_row(t->values, values, H5T_NATIVE_DOUBLE, records) < 0 ||
                  read_row(&step, steps, H5T_NATIVE_INT64, records) < 0))
    wrong = "is damaged: its last record cannot be read";
  t->step = step;
  if (values >= 0)
    H5Oclose(values);
  if (steps >= 0)
    H5Oclose(steps);
  return wrong;
}

int run_file_last(run_tensor *t, const run_file *f, const char *layer, const char *kind)
{
  char path[2 * TV_NAME_LENGTH + 16] = "/layers/";
  memset(t, 0, sizeof *t);
  if (strlen(layer) > TV_NAME_LENGTH || strlen(kind) > TV_NAME_LENGTH)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no such tensor: its name is too long");
  stpcpy(stpcpy(stpcpy(path + strlen(path), layer), "/"), kind);
  const hid_t stream = open_stream(f, layer, kind);
  const char *wrong = stream < 0 ? "is not there" : read_last(t, f, stream, path);
  if (stream >= 0)
    H5Oclose(stream);
  if (!wrong)
    return TV_OK;
  free(t->values);
  t->values = NULL;
  return tv_fail(TV_ERROR_FORMAT, "%s/%s in \"%s\" %s", layer, kind, f->path, wrong);
}

double run_file_last_scalar(const run_file *f, const char *name)
{
  double value = NAN;
  hsize_t size[2];
  size_t names;
  const hid_t group = open_child(f->file, "scalars");
  if (group < 0)
    return value;
  const hid_t values = open_child(group, "values");
  const int64_t place = find_text(&names, group, "names", name);
  if (place >= 0 && get_table(size, values) == 0 && size[1] == names) {
    const int64_t records = complete_records(f, "/scalars", (int64_t)size[0]);
    double *row = malloc(names * sizeof *row);
    if (row && records > 0 && read_row(row, values, H5T_NATIVE_DOUBLE, records) == 0)
      value = row[place];
    free(row);
  }
  if (values >= 0)
    H5Oclose(values);
  H5Oclose(group);
  return value;
}
