/* SPDX-License-Identifier: BSD-3-Clause */
#include "record_dataset.h"

#include <stdlib.h>
#include <string.h>

/* Cuts a row along its slowest axes so that a piece is contiguous and about TV_PIECE_BYTES. */
static void cut_row(tv_record_dataset *dataset, size_t item_bytes)
{
  size_t inner = item_bytes; /* bytes of one step along the axis `cut` */
  dataset->cut = dataset->rank - 1;
  for (; dataset->cut > 0; --dataset->cut) {
    const size_t next = inner * dataset->extent[1 + dataset->cut];
    if (next > TV_PIECE_BYTES)
      break;
    inner = next;
  }
  const size_t length = dataset->extent[1 + dataset->cut];
  const size_t most = inner < TV_PIECE_BYTES ? TV_PIECE_BYTES / inner : 1;
  const size_t parts = (length - 1) / most + 1;
  const size_t each = (length - 1) / parts + 1; /* as even as can be: little is left over */
  dataset->chunk_rows = 1;
  dataset->pieces = (length - 1) / each + 1;
  for (int axis = 0; axis < dataset->rank; ++axis) {
    dataset->chunk[1 + axis] = axis < dataset->cut   ? 1
                               : axis > dataset->cut ? dataset->extent[1 + axis]
                                                     : each;
    if (axis < dataset->cut)
      dataset->pieces *= dataset->extent[1 + axis];
  }
  dataset->chunk_bytes = dataset->piece_bytes = each * inner;
}

static int create_dataset(tv_record_dataset *dataset, hid_t parent, const char *name, hid_t type)
{
  hsize_t most[1 + TV_RANK];
  memcpy(most, dataset->extent, sizeof most);
  most[0] = H5S_UNLIMITED;
  const hid_t space = H5Screate_simple(1 + dataset->rank, dataset->extent, most);
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
  if (space >= 0 && creation >= 0 && access >= 0 &&
      H5Pset_chunk(creation, 1 + dataset->rank, dataset->chunk) >= 0 &&
      H5Pset_obj_track_times(creation, 0) >= 0 && H5Pset_chunk_cache(access, 1, 0, 0.0) >= 0)
    dataset->dataset = H5Dcreate2(parent, name, type, space, H5P_DEFAULT, creation, access);
  H5Pclose(access);
  H5Pclose(creation);
  H5Sclose(space);
  return dataset->dataset >= 0 ? 0 : -1;
}

int tv_record_dataset_create(tv_record_dataset *dataset, hid_t parent, const char *name,
  const tv_record_layout *layout, tv_disk *disk)
{
  const size_t item_bytes = H5Tget_size(layout->type);
  memset(dataset, 0, sizeof *dataset);
  dataset->dataset = -1;
  dataset->disk = disk;
  dataset->rank = layout->rank;
  dataset->row_bytes = item_bytes;
  for (int axis = 0; axis < layout->rank; ++axis) {
    dataset->extent[1 + axis] = dataset->chunk[1 + axis] = layout->size[axis];
    dataset->row_bytes *= layout->size[axis];
  }
  if (dataset->row_bytes > TV_PIECE_BYTES)
    cut_row(dataset, item_bytes);
  else {
    dataset->chunk_rows = layout->chunk_bytes / dataset->row_bytes;
    if (dataset->chunk_rows < 2)
      dataset->chunk_rows = 1;
    dataset->pieces = 1;
    dataset->chunk_bytes = dataset->piece_bytes = dataset->chunk_rows * dataset->row_bytes;
  }
  dataset->chunk[0] = dataset->chunk_rows;
  if (dataset->row_bytes > SIZE_MAX - 63)
    return -1;
  const size_t aligned = (dataset->chunk_bytes + 63) / 64 * 64;
  dataset->buffer = aligned_alloc(64, aligned);
  if (dataset->buffer)
    memset(dataset->buffer, 0, aligned);
  if (layout->lend && dataset->pieces > 1)
    dataset->row = aligned_alloc(64, (dataset->row_bytes + 63) / 64 * 64);
  if (!dataset->buffer || (layout->lend && dataset->pieces > 1 && !dataset->row))
    return -1;
  return create_dataset(dataset, parent, name, layout->type);
}

void *tv_record_dataset_row(tv_record_dataset *dataset)
{
  return dataset->pieces > 1 ? dataset->row
                             : dataset->buffer + dataset->waiting * dataset->row_bytes;
}

/* Writes the buffer as the chunk at offset, after making the dataset long enough for it. */
static int write_chunk(
  tv_record_dataset *dataset, const hsize_t *offset, const unsigned char *chunk, int *begun)
{
  *begun = 1;
  if (dataset->extent[0] < offset[0] + dataset->chunk_rows) {
    dataset->extent[0] = offset[0] + dataset->chunk_rows;
    if (H5Dset_extent(dataset->dataset, dataset->extent) < 0)
      return -1;
  }
  dataset->disk->values_size = 0;
  return H5Dwrite_chunk(dataset->dataset, H5P_DEFAULT, 0, offset, dataset->chunk_bytes, chunk) < 0
           ? -1
           : 0;
}

/* Writes a row that is cut, piece by piece. */
static int write_pieces(tv_record_dataset *dataset, const unsigned char *row, const tv_place *place,
  uint64_t *checks, int *begun)
{
  const hsize_t length = dataset->extent[1 + dataset->cut], each = dataset->chunk[1 + dataset->cut];
  const size_t inner = dataset->piece_bytes / each;
  hsize_t offset[1 + TV_RANK] = {0};
  offset[0] = dataset->rows;
  for (size_t piece = 0; piece < dataset->pieces; ++piece) {
    const hsize_t left = length - offset[1 + dataset->cut];
    const size_t bytes = (size_t)(left < each ? left : each) * inner;
    const unsigned char *chunk = row;
    if (bytes < dataset->chunk_bytes) {
      memcpy(dataset->buffer, row, bytes);
      memset(dataset->buffer + bytes, 0, dataset->chunk_bytes - bytes);
      chunk = dataset->buffer;
    }
    if (checks)
      checks[piece] = tv_check_piece(place, (int64_t)piece, row, bytes);
    if (write_chunk(dataset, offset, chunk, begun) < 0)
      return -1;
    row += bytes;
    offset[1 + dataset->cut] += each;
    for (int axis = dataset->cut; axis >= 0 && offset[1 + axis] >= dataset->extent[1 + axis];
         --axis) {
      offset[1 + axis] = 0;
      offset[axis] += axis > 0; /* the row itself stays */
    }
  }
  ++dataset->rows;
  return 0;
}

int tv_record_dataset_append(
  tv_record_dataset *dataset, const void *row, const tv_place *place, uint64_t *checks, int *begun)
{
  if (dataset->pieces > 1)
    return write_pieces(dataset, row, place, checks, begun);
  unsigned char *to = tv_record_dataset_row(dataset);
  if (row != to)
    memcpy(to, row, dataset->row_bytes);
  if (checks)
    checks[0] = tv_check_piece(place, 0, to, dataset->row_bytes);
  ++dataset->rows;
  ++dataset->waiting;
  return dataset->waiting < dataset->chunk_rows ? 0 : tv_record_dataset_store(dataset, begun);
}

int tv_record_dataset_store(tv_record_dataset *dataset, int *begun)
{
  if (dataset->waiting == dataset->stored)
    return 0;
  int status = 0;
  if (dataset->placed) {
    const size_t at = dataset->stored * dataset->row_bytes;
    tv_disk_write(dataset->disk, dataset->place + at,
      (dataset->waiting - dataset->stored) * dataset->row_bytes, dataset->buffer + at);
  } else {
    hsize_t offset[1 + TV_RANK] = {0};
    offset[0] = dataset->rows - dataset->waiting;
    status = write_chunk(dataset, offset, dataset->buffer, begun);
    /* Where HDF5 did not write the chunk as a whole it is given the whole each time. */
    dataset->placed = dataset->disk->values_size == dataset->chunk_bytes;
    dataset->place = dataset->disk->values_at;
  }
  dataset->stored = dataset->waiting;
  if (dataset->waiting == dataset->chunk_rows) {
    dataset->waiting = dataset->stored = 0;
    dataset->placed = 0;
    if (dataset->chunk_rows > 1)
      memset(dataset->buffer, 0, dataset->chunk_bytes);
  }
  return status;
}

int tv_record_dataset_finish(tv_record_dataset *dataset)
{
  int begun = 0;
  const int status = tv_record_dataset_store(dataset, &begun);
  if (status < 0 || dataset->dataset < 0 || dataset->extent[0] == dataset->rows)
    return status;
  dataset->extent[0] = dataset->rows;
  return H5Dset_extent(dataset->dataset, dataset->extent) < 0 ? -1 : 0;
}

void tv_record_dataset_free(tv_record_dataset *dataset)
{
  if (dataset->dataset >= 0)
    H5Dclose(dataset->dataset);
  free(dataset->buffer);
  free(dataset->row);
  memset(dataset, 0, sizeof *dataset);
  dataset->dataset = -1;
}
