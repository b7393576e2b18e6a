/* SPDX-License-Identifier: BSD-3-Clause */
/* The names of a run's files, and what stands under them already. Internal. */
#ifndef TV_PART_NAMES_H
#define TV_PART_NAMES_H

/* "run.part1.tvh5" for "run.tvh5" and 1; a copy for 0. A path that does not end in .tvh5 gets
 * ".part1" behind it. To be freed; NULL: no memory. */
char *tv_part_path(const char *path, int number);

/* Nothing stands where a run wants to be: the file and all parts of it are removed where overwrite
 * says so, and otherwise refused. Only plain files are removed, links never followed. */
int tv_clear_the_way(const char *path, int overwrite);

/* A new file: a new inode always, for somebody may be reading what was there. durable: its name is
 * on the disk, too, when this returns. */
int tv_create_file(int *descriptor, const char *path, int durable);

#endif
