/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of a file that were written, kept in memory by the page. Internal. */
#ifndef TV_METADATA_COPY_H
#define TV_METADATA_COPY_H

#include <stddef.h>
#include <stdint.h>

typedef struct tv_metadata_copy
{
  char ***regions; /* of 1024 pages of 4096 bytes each; NULL where nothing was written */
  size_t count;
} tv_metadata_copy;

/* 0, or -1 where there is no memory left. */
int tv_copy_write(tv_metadata_copy *copy, uint64_t address, size_t size, const void *data);

/* Zeros where nothing was written. */
void tv_copy_read(const tv_metadata_copy *copy, uint64_t address, size_t size, void *result);

void tv_copy_free(tv_metadata_copy *copy);

#endif
