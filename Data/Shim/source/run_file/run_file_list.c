/* SPDX-License-Identifier: BSD-3-Clause */
/* What a run file holds, listed without reading values. */
#include "run_hdf5.h"

#include "status.h"
#include "tensorview/format.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_1_NAME 63
#define NEWEST_VERSION 2

static int is_utf8(const char *text)
{
  for (const unsigned char *at = (const unsigned char *)text; *at;) {
    const unsigned char lead = *at++;
    const int more = lead < 0x80 ? 0 : lead < 0xc2 ? 9 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3;
    if (lead > 0xf4 || more > 3 || lead < 0x20 || lead == 0x7f)
      return 0;
    for (int k = 0; k < more; ++k)
      if ((*at++ & 0xc0) != 0x80) /* ends at the 0, too */
        return 0;
  }
  return 1;
}

static int most_bytes(const tv_run_file *file)
{
  return file->version == 1 ? VERSION_1_NAME : TV_RUN_NAME;
}

static int is_name(const tv_run_file *file, const char *text)
{
  return *text && strlen(text) <= (size_t)most_bytes(file) && is_utf8(text);
}

static int hex(char digit)
{
  return digit >= '0' && digit <= '9'   ? digit - '0'
         : digit >= 'A' && digit <= 'F' ? digit - 'A' + 10
         : digit >= 'a' && digit <= 'f' ? digit - 'a' + 10
                                        : -1;
}

/* A layer's name from its group's: version 2 writes some characters as %XX. NULL where there is no
 * memory, or it decodes to nothing that can be a name. */
static char *layer_name(tv_run_file *file, const char *group)
{
  char *name = tv_arena_copy(&file->list.arena, group);
  if (!name || file->version == 1)
    return name;
  char *to = name;
  for (const char *from = group; *from; ++to)
    if (from[0] == '%' && hex(from[1]) >= 0 && hex(from[2]) >= 0) {
      *to = (char)(16 * hex(from[1]) + hex(from[2]));
      if (!*to)
        return NULL;
      from += 3;
    } else
      *to = *from++;
  *to = 0;
  return name;
}

/* What the failure that was just reported costs is this stream. */
static void keep_problem(tv_run_file *file, tv_run_stream *stream)
{
  stream->problem = tv_arena_copy(&file->list.arena, tv_last_error());
  stream->entries = 0;
}

static int list_kind(tv_run_file *file, hid_t layer, const char *layer_path, const char *layer_name,
  const tv_child *child)
{
  tv_run_stream *stream = tv_add_stream(file);
  char *path = tv_arena_take(&file->list.arena, strlen(layer_path) + strlen(child->name) + 2);
  char *name = tv_arena_take(&file->list.arena, strlen(layer_name) + strlen(child->name) + 2);
  if (!stream || !path || !name)
    return tv_run_file_fail(file, "there is not enough memory to read it");
  stpcpy(stpcpy(stpcpy(path, layer_path), "/"), child->name);
  stpcpy(stpcpy(stpcpy(name, layer_name), "/"), child->name);
  stream->role = strcmp(child->name, "filters") == 0 ? TV_ROLE_STATES : TV_ROLE_TENSOR;
  stream->path = path;
  stream->name = name;
  stream->layer = layer_name;
  stream->kind = name + strlen(layer_name) + 1;
  hid_t group = -1;
  if (tv_open_listed(&group, file, layer, child, child->name, layer_name) != TV_OK ||
      tv_list_stream(file, stream, group) != TV_OK)
    keep_problem(file, stream);
  tv_close_id(&group);
  return TV_OK;
}

static int compare_kinds(const void *left, const void *right)
{
  const char *a = ((const tv_child *)left)->name, *b = ((const tv_child *)right)->name;
  const int first = tv_kind_rank(a), second = tv_kind_rank(b);
  return first != second ? first - second : strcmp(a, b);
}

/* A layer, its place in the network, and its name in the file. */
typedef struct layer_place
{
  int index;
  const tv_child *child;
} layer_place;

static int list_layer(tv_run_file *file, hid_t layers, const tv_child *child)
{
  const char *group_name = child->name;
  char title[TV_RUN_TITLE];
  tv_children kinds;
  hid_t layer;
  char *path = tv_arena_take(&file->list.arena, strlen(group_name) + 9);
  char *name = layer_name(file, group_name);
  if (!path || !name || !is_name(file, name)) {
    tv_run_file_note(
      file, "a layer has a name that is not 1 to %d bytes of UTF-8", most_bytes(file));
    return TV_OK;
  }
  stpcpy(stpcpy(path, "/layers/"), group_name);
  snprintf(title, sizeof title, "the layer %s", name);
  if (tv_open_listed(&layer, file, layers, child, group_name, title) != TV_OK) {
    tv_run_file_note_last(file);
    return TV_OK;
  }
  int status = TV_OK;
  if (tv_list_children(&kinds, file, layer, title) != TV_OK)
    tv_run_file_note_last(file);
  if (kinds.count)
    qsort(kinds.list, kinds.count, sizeof *kinds.list, compare_kinds);
  for (size_t k = 0; k < kinds.count && status == TV_OK; ++k)
    if (is_name(file, kinds.list[k].name))
      status = list_kind(file, layer, path, name, &kinds.list[k]);
    else
      tv_run_file_note(file, "the layer %s has a tensor whose name is not 1 to %d bytes of UTF-8",
        name, most_bytes(file));
  tv_free_children(&kinds);
  tv_close_id(&layer);
  return status;
}

static int compare_places(const void *left, const void *right)
{
  const layer_place *a = left, *b = right;
  if (a->index != b->index)
    return a->index < b->index ? -1 : 1;
  return strcmp(a->child->name, b->child->name);
}

/* Where a layer stands in the network. A file from elsewhere may not say: after the others. */
static int layer_index(tv_run_file *file, hid_t layers, const tv_child *child)
{
  int index = INT_MAX;
  const hid_t id =
    child->link == H5L_TYPE_HARD ? H5Oopen(layers, child->name, H5P_DEFAULT) : H5I_INVALID_HID;
  hid_t layer = id;
  if (layer >= 0 && tv_read_whole(&index, layer, "index") < 0) {
    index = INT_MAX;
    tv_run_file_note(file, "the attribute \"index\" of the layer %s is no number", child->name);
  }
  tv_close_id(&layer);
  return index;
}

static int list_layers(tv_run_file *file, hid_t layers)
{
  tv_children children;
  if (H5Iget_type(layers) != H5I_GROUP)
    return tv_run_file_fail(file, "\"layers\" is not a group");
  if (tv_list_children(&children, file, layers, "\"layers\"") != TV_OK)
    tv_run_file_note_last(file);
  layer_place *places = calloc(children.count + 1, sizeof *places);
  int status = places ? TV_OK : tv_run_file_fail(file, "there is not enough memory to read it");
  size_t count = 0;
  for (size_t k = 0; k < children.count && status == TV_OK; ++k) {
    if (tv_check_link(file, children.list[k].link, children.list[k].name, "layers") != TV_OK)
      tv_run_file_note_last(file);
    else
      places[count++] =
        (layer_place){layer_index(file, layers, &children.list[k]), &children.list[k]};
  }
  if (count)
    qsort(places, count, sizeof *places, compare_places);
  for (size_t k = 0; k < count && status == TV_OK; ++k)
    status = list_layer(file, layers, places[k].child);
  free(places);
  tv_free_children(&children);
  return status;
}

/* The names of the scalars, one for each column, each once. */
static int list_scalar_names(tv_run_file *file, tv_run_stream *stream, hid_t group)
{
  char **names;
  size_t count;
  tv_name_index index = {0};
  int status = tv_read_strings(&names, &count, file, group, "names", 1 << 16, "scalars");
  if (status != TV_OK)
    return status;
  if (stream->shape.rank != 1 || stream->shape.size[0] != count)
    status =
      tv_run_file_fail(file, "values of scalars does not have one column for each of its names");
  file->scalar_names = tv_arena_take(&file->list.arena, (count + 1) * sizeof *names);
  for (size_t k = 0; k < count && status == TV_OK; ++k) {
    if (!is_name(file, names[k]))
      status = tv_run_file_fail(
        file, "scalars has a name that is not 1 to %d bytes of UTF-8", most_bytes(file));
    else if (tv_name_index_find(&index, names[k]) != SIZE_MAX)
      status = tv_run_file_fail(file, "scalars has a name twice");
    else if (tv_name_index_add(&index, names[k], k) != TV_OK || !file->scalar_names ||
             !(file->scalar_names[k] = tv_arena_copy(&file->list.arena, names[k])))
      status = tv_run_file_fail(file, "there is not enough memory to read it");
  }
  if (status == TV_OK)
    file->scalar_count = count;
  tv_name_index_free(&index);
  free(names);
  return status;
}

static int list_scalars(tv_run_file *file)
{
  tv_run_stream *stream = tv_add_stream(file);
  hid_t group;
  if (!stream)
    return tv_run_file_fail(file, "there is not enough memory to read it");
  stream->role = TV_ROLE_SCALARS;
  stream->path = "/scalars";
  stream->name = "scalars";
  if (tv_open_child(&group, file, file->id, "scalars", "the file") != TV_OK ||
      tv_list_stream(file, stream, group) != TV_OK ||
      list_scalar_names(file, stream, group) != TV_OK)
    keep_problem(file, stream);
  tv_close_id(&group);
  return TV_OK;
}

static int list_requests(tv_run_file *file)
{
  tv_run_stream *stream = tv_add_stream(file);
  hid_t group;
  if (!stream)
    return tv_run_file_fail(file, "there is not enough memory to read it");
  stream->role = TV_ROLE_REQUESTS;
  stream->path = "/requests";
  stream->name = "requests";
  if (tv_open_child(&group, file, file->id, "requests", "the file") != TV_OK ||
      tv_list_stream(file, stream, group) != TV_OK)
    keep_problem(file, stream);
  tv_close_id(&group);
  return TV_OK;
}

/* Of which version, and which part of a run. */
static int read_root(tv_run_file *file)
{
  char *format = NULL;
  const int ours = tv_read_text(&format, file, file->id, "format", "the file") == TV_OK &&
                   strcmp(format, TV_FORMAT_NAME) == 0;
  free(format);
  if (!ours)
    return tv_run_file_fail(file,
      "it is an HDF5 file, but not a TensorView run: it has no attribute \"format\" that says "
      "\"TensorView\"");
  if (tv_read_whole(&file->version, file->id, "version") <= 0)
    return tv_run_file_fail(file, "its attribute \"version\" is missing or is no number");
  if (file->version < 1 || file->version > NEWEST_VERSION)
    return tv_fail(TV_ERROR_VERSION,
      "%s: it has version %d of the format, and this TensorView reads versions 1 and %d",
      file->path, file->version, NEWEST_VERSION);
  file->part = 0;
  if (file->version > 1 && tv_read_whole(&file->part, file->id, "part") < 0)
    file->part = 0;
  return TV_OK;
}

int tv_run_file_list(tv_run_file *file)
{
  tv_children root;
  hid_t layers = -1;
  int status = read_root(file);
  if (status != TV_OK)
    return status;
  file->list.closed = !file->live;
  status = tv_list_children(&root, file, file->id, "the file");
  file->has_complete = tv_find_child(&root, "complete") != NULL;
  if (status == TV_OK && tv_find_child(&root, "layers")) {
    status = tv_open_child(&layers, file, file->id, "layers", "the file");
    if (status == TV_OK)
      status = list_layers(file, layers);
  }
  tv_close_id(&layers);
  if (status == TV_OK && tv_find_child(&root, "scalars"))
    status = list_scalars(file);
  if (status == TV_OK && file->version > 1 && tv_find_child(&root, "requests"))
    status = list_requests(file);
  tv_free_children(&root);
  for (size_t k = 0; k < file->count; ++k) /* from here on the list stands still */
    if (file->streams[k].role == TV_ROLE_SCALARS && !file->streams[k].problem)
      file->scalars = &file->streams[k];
    else if (file->streams[k].role == TV_ROLE_REQUESTS && !file->streams[k].problem)
      file->requests = &file->streams[k];
  return status == TV_OK ? tv_run_file_read_complete(file) : status;
}
