/* A dataset [T, ...] of the run file that grows row by row. Internal.
 *
 * Chunks are written whole with H5Dwrite_chunk(), past HDF5's chunk cache, because a chunk that is
 * flushed and then grows must survive being interrupted (kill -9 tears a write between two pages):
 *
 *   small rows   (under TV_CHUNK_BYTES / 2) many to a chunk, gathered in memory. A chunk that is
 *                flushed before it is full is stored without its checksum, as the format allows
 *                for each chunk, and written again in place when more rows are to be flushed: the
 *                rows it had do not change, so a torn write changes nothing of them. When it is
 *                full, or the file is closed, it goes, now with its checksum, to another place of
 *                the file, and the index is switched from the one to the other.
 *   large rows   one to a chunk, or cut along their slowest axes into pieces of about
 *                TV_PIECE_BYTES; each is written once, with its checksum.
 *
 * So no chunk that holds a row which readers may rely on is ever invalid. The price is the space
 * of one chunk for each one that was flushed before it was full.
 *
 * Errors of HDF5 are negative return values; those of the disk are in tv_disk. */
#ifndef TV_COLUMN_H
#define TV_COLUMN_H

#include "tensorview/format.h"

#include <hdf5.h>
#include <stddef.h>
#include <stdint.h>

#define TV_CHUNK_BYTES (65536u - 4u) /* sixteen pages with the checksum: three rows of 20 kB */
#define TV_CHUNK_ROWS 511u           /* of 8 bytes: a page with the checksum */
#define TV_PIECE_BYTES 1048576u

typedef struct tv_record_dataset
{
  hid_t dataset;
  int rank;                    /* of a row: 0 to TV_RANK */
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
  unsigned char *buffer; /* a chunk, and its checksum */
  unsigned char *row;    /* a whole row where pieces > 1 and it was asked for */
} tv_record_dataset;

/* Creates the dataset. lend: tv_record_dataset_row() will be used. After a failure the column is empty and
 * may be freed. Sizes are checked by the caller: the row's bytes fit a size_t. */
int tv_record_dataset_create(tv_record_dataset *column, hid_t parent, const char *name, hid_t type,
  int rank, const size_t *shape, int lend);

/* Memory for the next row, aligned for its numbers; NULL if lend was 0 and rows are cut. */
void *tv_record_dataset_row(tv_record_dataset *column);

/* Appends a row, which may be what tv_record_dataset_row() returned. */
int tv_record_dataset_append(tv_record_dataset *column, const void *row);

/* Gives all rows to the file (not yet: flushes HDF5's metadata). closing: with checksums. */
int tv_record_dataset_store(tv_record_dataset *column, int closing);

/* Closes the dataset and frees the memory. */
void tv_record_dataset_free(tv_record_dataset *column);

#endif
