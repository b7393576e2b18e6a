/* SPDX-License-Identifier: BSD-3-Clause */
/* A dataset [T, ...] of the run file that grows row by row. Internal.
 *
 *   small rows   (two or more fit the size of a chunk) are gathered in memory. The first time that
 *                a chunk is flushed HDF5 gives it its place in the file; from then on only new rows
 *                are written, right behind those that are there, without HDF5: a flush of hundreds
 *                of streams is as many small writes, and no metadata change.
 *   large rows   one to a chunk, or cut along their slowest axes into pieces of about
 *                TV_PIECE_BYTES; each is written once.
 *
 * A row that was flushed is never written again, so that dying in a write (kill -9 tears it between
 * two pages) changes nothing of what readers may rely on. While it grows, the dataset is as long as
 * its chunks; tv_record_dataset_finish() cuts it to its rows.
 *
 * Errors of HDF5 are negative return values; those of the disk are in tv_disk. */
#ifndef TV_RECORD_DATASET_H
#define TV_RECORD_DATASET_H

#include "checks.h"
#include "disk_driver.h"
#include "tensorview/types.h"

#include <hdf5.h>
#include <stddef.h>
#include <stdint.h>

#define TV_PIECE_BYTES 1048576u

/* What a dataset is to be. */
typedef struct tv_record_layout
{
  hid_t type;         /* of its numbers */
  int rank;           /* of a row: 0 to TV_RANK */
  const size_t *size; /* of each of its axes; the row's bytes fit a size_t */
  size_t chunk_bytes; /* of a chunk of small rows, at most, but for one row */
  int lend;           /* 1: tv_record_dataset_row() will be used */
} tv_record_layout;

typedef struct tv_record_dataset
{
  hid_t dataset;
  tv_disk *disk;
  int rank;
  hsize_t extent[1 + TV_RANK]; /* of the dataset; [0] is what HDF5 has been told of */
  hsize_t chunk[1 + TV_RANK];  /* of a chunk */
  size_t row_bytes, chunk_bytes;
  size_t chunk_rows;     /* rows of a chunk */
  size_t pieces;         /* chunks of a row; 1 unless chunk_rows is 1 */
  size_t piece_bytes;    /* of all but the last piece along the axis that is cut */
  int cut;               /* that axis of the row */
  uint64_t rows;         /* appended */
  size_t waiting;        /* rows in buffer, the last of all */
  size_t stored;         /* how many of those the file has */
  haddr_t place;         /* of the chunk in the file, where one is begun there */
  int placed;            /* it is */
  unsigned char *buffer; /* a chunk */
  unsigned char *row;    /* a whole row where pieces > 1 and it was asked for */
} tv_record_dataset;

/* Creates the dataset. After a failure it is empty and may be freed. */
int tv_record_dataset_create(tv_record_dataset *dataset, hid_t parent, const char *name,
  const tv_record_layout *layout, tv_disk *disk);

/* Memory for the next row, aligned for its numbers; NULL if lend was 0 and rows are cut. */
void *tv_record_dataset_row(tv_record_dataset *dataset);

/* Appends a row, which may be what tv_record_dataset_row() returned. checks: NULL, or room for one
 * of each piece, which are then computed for that place. *begun becomes 1 where HDF5 has metadata
 * to flush. */
int tv_record_dataset_append(
  tv_record_dataset *dataset, const void *row, const tv_place *place, uint64_t *checks, int *begun);

/* Gives all rows to the file. */
int tv_record_dataset_store(tv_record_dataset *dataset, int *begun);

/* The same, and makes the dataset as long as its rows: the file is about to be closed. */
int tv_record_dataset_finish(tv_record_dataset *dataset);

/* Closes the dataset and frees the memory. */
void tv_record_dataset_free(tv_record_dataset *dataset);

#endif
