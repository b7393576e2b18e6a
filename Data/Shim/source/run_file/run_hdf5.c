/* SPDX-License-Identifier: BSD-3-Clause */
#include "run_hdf5.h"

#include "status.h"

#include <stdlib.h>
#include <string.h>

void tv_close_id(hid_t *id)
{
  if (*id >= 0)
    H5Idec_ref(*id);
  *id = -1;
}

static herr_t first_reason(unsigned level, const H5E_error2_t *error, void *reason)
{
  if (level == 0 && error->desc)
    snprintf(reason, 200, "HDF5 says: %s", error->desc);
  return 0;
}

static void take_reason(char reason[200])
{
  reason[0] = 0;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, first_reason, reason);
  if (strstr(reason, "Fletcher32"))
    strcpy(reason, "its checksum does not match, so the file is damaged there");
  else if (strstr(reason, "filter returned failure")) /* of HDF5 1.14, which filter is lost */
    strcpy(
      reason, "its checksum does not match or it cannot be unpacked, so the file is damaged there");
  else if (!reason[0])
    strcpy(reason, "HDF5 does not say why");
}

const char *tv_hdf5_reason(void)
{
  static _Thread_local char reason[200];
  take_reason(reason);
  return reason;
}

static _Thread_local char box_reason[200];

const char *tv_box_reason(void)
{
  return box_reason;
}

static herr_t add_child(hid_t group, const char *name, const H5L_info_t *info, void *context)
{
  tv_children *children = context;
  (void)group;
  if (children->count == children->room) {
    const size_t room = children->room ? 2 * children->room : 16;
    tv_child *list = realloc(children->list, room * sizeof *list);
    if (!list)
      return -1;
    children->list = list;
    children->room = room;
  }
  char *copy = strdup(name);
  if (!copy)
    return -1;
  children->list[children->count++] = (tv_child){copy, info->type};
  return 0;
}

int tv_list_children(tv_children *children, const tv_run_file *file, hid_t group, const char *title)
{
  memset(children, 0, sizeof *children);
  if (H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, add_child, children) < 0)
    return tv_run_file_fail(file, "%s cannot be listed; %s", title, tv_hdf5_reason());
  return TV_OK;
}

static int compare_name(const void *name, const void *child)
{
  return strcmp(name, ((const tv_child *)child)->name);
}

const tv_child *tv_find_child(const tv_children *children, const char *name)
{
  return children->count
           ? bsearch(name, children->list, children->count, sizeof(tv_child), compare_name)
           : NULL;
}

void tv_free_children(tv_children *children)
{
  for (size_t k = 0; k < children->count; ++k)
    free(children->list[k].name);
  free(children->list);
  memset(children, 0, sizeof *children);
}

int tv_check_link(const tv_run_file *file, H5L_type_t link, const char *name, const char *title)
{
  return link == H5L_TYPE_HARD
           ? TV_OK
           : tv_run_file_fail(file, "\"%s\" of %s is %s link, which run files must not have", name,
               title,
               link == H5L_TYPE_SOFT       ? "a soft"
               : link == H5L_TYPE_EXTERNAL ? "an external"
                                           : "a user-defined");
}

/* A hard link's target, which is opened as what it is. */
static int open_target(
  hid_t *child, const tv_run_file *file, hid_t parent, const char *name, const char *title)
{
  *child = H5Oopen(parent, name, H5P_DEFAULT);
  return *child >= 0 ? TV_OK
                     : tv_run_file_fail(
                         file, "\"%s\" of %s cannot be opened; %s", name, title, tv_hdf5_reason());
}

/* The same where the link was not looked at; a dataset is opened with that access. */
static int open_checked(hid_t *child, const tv_run_file *file, hid_t parent, const char *name,
  const char *title, hid_t access)
{
  H5L_info_t link;
  *child = -1;
  if (H5Lget_info(parent, name, &link, H5P_DEFAULT) < 0) {
    if (H5Lexists(parent, name, H5P_DEFAULT) == 0)
      return tv_run_file_fail(file, "%s has no \"%s\"", title, name);
    return tv_run_file_fail(file, "\"%s\" of %s cannot be read; %s", name, title, tv_hdf5_reason());
  }
  if (tv_check_link(file, link.type, name, title) != TV_OK)
    return TV_ERROR_FORMAT;
  /* What the link leads to is known only once it is open. */
  int status = open_target(child, file, parent, name, title);
  if (status == TV_OK && access != H5P_DEFAULT && H5Iget_type(*child) == H5I_DATASET) {
    tv_close_id(child);
    *child = H5Dopen2(parent, name, access);
    if (*child < 0)
      status =
        tv_run_file_fail(file, "\"%s\" of %s cannot be opened; %s", name, title, tv_hdf5_reason());
  }
  return status;
}

int tv_open_listed(hid_t *child, const tv_run_file *file, hid_t parent, const tv_child *listed,
  const char *name, const char *title)
{
  *child = -1;
  if (!listed)
    return tv_run_file_fail(file, "%s has no \"%s\"", title, name);
  const int status = tv_check_link(file, listed->link, name, title);
  return status == TV_OK ? open_target(child, file, parent, name, title) : status;
}

int tv_open_child(
  hid_t *child, const tv_run_file *file, hid_t parent, const char *name, const char *title)
{
  return open_checked(child, file, parent, name, title, H5P_DEFAULT);
}

int tv_open_path(
  hid_t *object, const tv_run_file *file, const char *path, const char *title, size_t cache)
{
  hid_t parent = -1, access = H5P_DEFAULT;
  int status = TV_OK;
  char *names = strdup(path), *rest = NULL;
  const char *above = "the file";
  *object = -1;
  if (!names)
    return tv_run_file_fail(file, "there is not enough memory to read it");
  if (cache) {
    access = H5Pcreate(H5P_DATASET_ACCESS);
    /* With a preference of 1 HDF5 1.10 never drops chunks of which only a part was read. */
    H5Pset_chunk_cache(access, 10007, cache, 0.75);
  }
  for (char *name = strtok_r(names, "/", &rest), *next; name; name = next) {
    next = strtok_r(NULL, "/", &rest);
    hid_t child;
    status = open_checked(&child, file, parent < 0 ? file->id : parent, name, above, access);
    tv_close_id(&parent);
    parent = child;
    if (status != TV_OK)
      break;
    if (next && H5Iget_type(child) != H5I_GROUP) {
      status = tv_run_file_fail(file, "\"%s\" of %s is not a group", name, above);
      break;
    }
    above = *title ? title : name;
  }
  if (status == TV_OK)
    *object = parent;
  else
    tv_close_id(&parent);
  if (access != H5P_DEFAULT)
    H5Pclose(access);
  free(names);
  return status;
}

/* The strings of an attribute that was opened. */
static int take_strings(char ***strings, size_t *count, const tv_run_file *file, hid_t attribute,
  hid_t type, hid_t space, size_t most, const char *what)
{
  if (attribute < 0 || type < 0 || space < 0)
    return tv_run_file_fail(file, "%s cannot be read", what);
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0)
    return tv_run_file_fail(file, "%s is not a string of fixed length", what);
  const size_t length = H5Tget_size(type);
  const hssize_t found = H5Sget_simple_extent_npoints(space);
  if (length < 1 || length > 4096 || found < 0 || (size_t)found > most ||
      (double)length * (double)found > (double)file->size)
    return tv_run_file_fail(file, "%s is longer than it can be", what);
  const size_t n = (size_t)found;
  /* pointers, then each string with a 0 behind it, then what HDF5 gives */
  char **list = calloc(1, (n + 1) * sizeof *list + n * (length + 1) + n * length + 1);
  if (!list)
    return tv_run_file_fail(file, "there is not enough memory to read it");
  char *text = (char *)(list + n + 1), *packed = text + n * (length + 1);
  if (n > 0 && H5Aread(attribute, type, packed) < 0) {
    free(list);
    return tv_run_file_fail(file, "%s cannot be read; %s", what, tv_hdf5_reason());
  }
  const int spaces = H5Tget_strpad(type) == H5T_STR_SPACEPAD;
  for (size_t k = 0; k < n; ++k) {
    list[k] = text + k * (length + 1);
    memcpy(list[k], packed + k * length, length);
    for (size_t end = strlen(list[k]); spaces && end > 0 && list[k][end - 1] == ' '; --end)
      list[k][end - 1] = 0;
  }
  *strings = list;
  *count = n;
  return TV_OK;
}

int tv_read_strings(char ***strings, size_t *count, const tv_run_file *file, hid_t object,
  const char *attribute, size_t most, const char *title)
{
  char what[2 * TV_RUN_TITLE];
  *strings = NULL;
  *count = 0;
  snprintf(what, sizeof what, "the attribute \"%s\" of %s", attribute, title);
  const htri_t there = H5Aexists(object, attribute);
  if (there < 0)
    return tv_run_file_fail(file, "%s cannot be read; %s", what, tv_hdf5_reason());
  if (there == 0)
    return tv_run_file_fail(file, "%s is missing", what);
  hid_t opened = H5Aopen(object, attribute, H5P_DEFAULT);
  hid_t type = opened < 0 ? -1 : H5Aget_type(opened),
        space = opened < 0 ? -1 : H5Aget_space(opened);
  const int status = take_strings(strings, count, file, opened, type, space, most, what);
  tv_close_id(&space);
  tv_close_id(&type);
  tv_close_id(&opened);
  return status;
}

int tv_read_text(
  char **text, const tv_run_file *file, hid_t object, const char *attribute, const char *title)
{
  char **strings;
  size_t count;
  *text = NULL;
  const int status = tv_read_strings(&strings, &count, file, object, attribute, 1, title);
  if (status != TV_OK)
    return status;
  *text = strdup(count ? strings[0] : "");
  free(strings);
  return *text ? TV_OK : tv_run_file_fail(file, "there is not enough memory to read it");
}

int tv_read_whole(int *number, hid_t object, const char *attribute)
{
  const htri_t there = H5Aexists(object, attribute);
  if (there <= 0)
    return there < 0 ? -1 : 0;
  hid_t opened = H5Aopen(object, attribute, H5P_DEFAULT);
  hid_t type = opened < 0 ? -1 : H5Aget_type(opened),
        space = opened < 0 ? -1 : H5Aget_space(opened);
  const int good = type >= 0 && space >= 0 && H5Tget_class(type) == H5T_INTEGER &&
                   H5Sget_simple_extent_npoints(space) == 1 &&
                   H5Aread(opened, H5T_NATIVE_INT, number) >= 0;
  tv_close_id(&space);
  tv_close_id(&type);
  tv_close_id(&opened);
  return good ? 1 : -1;
}

int tv_read_box(
  void *result, hid_t dataset, hid_t type, int rank, const hsize_t *start, const hsize_t *count)
{
  hid_t space = H5Dget_space(dataset);
  /* Memory of the file's own shape: with any other HDF5 goes through the elements one by one. */
  hid_t memory = H5Screate_simple(rank, count, NULL);
  hid_t stored = type < 0 ? H5Dget_type(dataset) : H5I_INVALID_HID;
  const int good =
    space >= 0 && memory >= 0 && (type >= 0 || stored >= 0) &&
    H5Sget_simple_extent_ndims(space) == rank &&
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
    H5Dread(dataset, type < 0 ? stored : type, memory, space, H5P_DEFAULT, result) >= 0;
  if (!good) /* before other calls take its place */
    take_reason(box_reason);
  tv_close_id(&stored);
  tv_close_id(&memory);
  tv_close_id(&space);
  return good ? 0 : -1;
}
