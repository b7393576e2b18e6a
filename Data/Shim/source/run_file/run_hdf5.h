/* SPDX-License-Identifier: BSD-3-Clause */
/* What reading needs of HDF5: handles that are closed once, what is in a group, attributes, and
 * reasons in words. Internal; only between tv_enter_hdf5() and tv_leave_hdf5() (hdf5_objects.h).
 *
 * Nothing is opened but through hard links, nothing read before its type is known. */
#ifndef TV_RUN_HDF5_H
#define TV_RUN_HDF5_H

#include "run_file.h"

#include <hdf5.h>

/* Most axes of a dataset: time, and those of a tensor. */
#define TV_DATASET_RANK (1 + TV_RANK)

/* Lets go of any identifier, none (negative) included, and sets it to none. */
void tv_close_id(hid_t *id);

/* HDF5's own account of the first thing that went wrong, for the end of a sentence. Valid until the
 * next call. */
const char *tv_hdf5_reason(void);

/* One entry of a group. */
typedef struct tv_child
{
  char *name;
  H5L_type_t link;
} tv_child;

typedef struct tv_children
{
  tv_child *list; /* by name */
  size_t count, room;
} tv_children;

/* What is in a group; title is of the group, in sentences. Free them also after a failure, where
 * there is what could be listed. */
int tv_list_children(
  tv_children *children, const tv_run_file *file, hid_t group, const char *title);
const tv_child *tv_find_child(const tv_children *children, const char *name);
void tv_free_children(tv_children *children);

/* Fails unless the link is a hard one. */
int tv_check_link(const tv_run_file *file, H5L_type_t link, const char *name, const char *title);

/* A group or dataset by its name in a group, through a hard link only. */
int tv_open_child(
  hid_t *child, const tv_run_file *file, hid_t parent, const char *name, const char *title);

/* The same of a group that was listed, which is quicker: listed is its entry of that name, NULL where it
 * has none. */
int tv_open_listed(hid_t *child, const tv_run_file *file, hid_t parent, const tv_child *listed,
  const char *name, const char *title);

/* From the root: every link on the way is checked. A dataset with room for cache bytes of chunks (0:
 * HDF5's own). title is that of the last in the path. */
int tv_open_path(
  hid_t *object, const tv_run_file *file, const char *path, const char *title, size_t cache);

/* Strings of fixed length in an attribute: *strings is [*count] pointers in one allocation that the
 * caller frees; no more than most. */
int tv_read_strings(char ***strings, size_t *count, const tv_run_file *file, hid_t object,
  const char *attribute, size_t most, const char *title);

/* One of them, in an allocation that the caller frees; "" where there are none. */
int tv_read_text(
  char **text, const tv_run_file *file, hid_t object, const char *attribute, const char *title);

/* An attribute of one whole number: 1 it is there, 0 there is no such attribute, or negative where it
 * is no number; no sentence. */
int tv_read_whole(int *number, hid_t object, const char *attribute);

/* A box of a dataset, as numbers of the type that it has in memory, or (type H5I_INVALID_HID) as it
 * is stored. 0 or -1: the caller asks
 * tv_box_reason(), which is that of this thread's last. */
const char *tv_box_reason(void);
int tv_read_box(
  void *result, hid_t dataset, hid_t type, int rank, const hsize_t *start, const hsize_t *count);

#endif
