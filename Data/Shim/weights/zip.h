/* SPDX-License-Identifier: BSD-3-Clause */
/* The entries of a zip file. The central directory is read by code of our own, over zlib: what is
 * wanted is where stored bytes lie in the file, which libzip does not tell, and that no two entries
 * share bytes, which minizip does not check.
 *
 * Refused with a sentence: several disks, encryption, methods other than stored and deflated, two
 * entries of one name, entries that overlap each other or the directory or lie outside of the file,
 * a local header that disagrees with the directory, sizes that no deflated data can have. */
#ifndef TV_ZIP_H
#define TV_ZIP_H

#include "mapped.h"

#include <stdint.h>

typedef struct tv_zip_entry
{
  char *name;
  uint64_t header;       /* where its local header begins */
  uint64_t offset;       /* where its bytes begin */
  uint64_t packed_bytes; /* in the file */
  uint64_t bytes;        /* as they come out */
  int deflated;
} tv_zip_entry;

typedef struct tv_zip
{
  tv_mapped *file;       /* the caller's */
  tv_zip_entry *entries; /* in the order of the directory */
  size_t count;
  tv_zip_entry **by_name; /* [count], sorted */
} tv_zip;

/* Lists the entries. After a failure there is nothing to free. */
int tv_zip_open(tv_zip *zip, tv_mapped *file);

void tv_zip_close(tv_zip *zip);

/* The entry of that name; NULL where there is none. */
const tv_zip_entry *tv_zip_find(const tv_zip *zip, const char *name);

/* Reads count bytes of an entry from skip on, as they come out. */
int tv_zip_read(
  tv_mapped *file, const tv_zip_entry *entry, uint64_t skip, uint64_t count, void *result);

/* The whole entry in memory of its own, ended by a 0 that does not count; refused where it has more
 * than most bytes. */
int tv_zip_load(char **result, tv_mapped *file, const tv_zip_entry *entry, uint64_t most);

#endif
