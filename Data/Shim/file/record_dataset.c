#include "record_dataset.h"

#include "checksum.h"

#include <stdlib.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "chunks are written as they are in memory, and the run file is little-endian"
#endif

#define CHECKSUM_BYTES 4
#define SKIP_CHECKSUM 1u /* a chunk's filter mask: its first and only filter was not applied */

/* Cuts a row along its slowest axes so that a piece is contiguous and about TV_PIECE_BYTES. */
static void cut_row(tv_record_dataset *column, size_t item_bytes)
{
  size_t inner = item_bytes; /* bytes of one step along the axis `cut` */
  column->cut = column->rank - 1;
  for (; column->cut > 0; --column->cut) {
    const size_t next = inner * column->extent[1 + column->cut];
    if (next > TV_PIECE_BYTES)
      break;
    inner = next;
  }
  const size_t length = column->extent[1 + column->cut];
  const size_t most = inner < TV_PIECE_BYTES ? TV_PIECE_BYTES / inner : 1;
  const size_t parts = (length - 1) / most + 1;
  const size_t each = (length - 1) / parts + 1; /* as even as can be: little is left over */
  column->chunk_rows = 1;
  column->pieces = (length - 1) / each + 1;
  for (int axis = 0; axis < column->rank; ++axis) {
    column->chunk[1 + axis] = axis < column->cut   ? 1
                              : axis > column->cut ? column->extent[1 + axis]
                                                   : each;
    if (axis < column->cut)
      column->pieces *= column->extent[1 + axis];
  }
  column->chunk_bytes = column->piece_bytes = each * inner;
}

static int create_dataset(tv_record_dataset *column, hid_t parent, const char *name, hid_t type)
{
  hsize_t most[1 + TV_RANK];
  memcpy(most, column->extent, sizeof most);
  most[0] = H5S_UNLIMITED;
  const hid_t space = H5Screate_simple(1 + column->rank, column->extent, most);
  const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
  const hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
  if (space >= 0 && creation >= 0 && access >= 0 &&
      H5Pset_chunk(creation, 1 + column->rank, column->chunk) >= 0 &&
      H5Pset_fletcher32(creation) >= 0 && H5Pset_obj_track_times(creation, 0) >= 0 &&
      H5Pset_chunk_cache(access, 1, 0, 0.0) >= 0)
    column->dataset = H5Dcreate2(parent, name, type, space, H5P_DEFAULT, creation, access);
  H5Pclose(access);
  H5Pclose(creation);
  H5Sclose(space);
  return column->dataset >= 0 ? 0 : -1;
}

int tv_record_dataset_create(tv_record_dataset *column, hid_t parent, const char *name, hid_t type,
  int rank, const size_t *shape, int lend)
{
  const size_t item_bytes = H5Tget_size(type);
  memset(column, 0, sizeof *column);
  column->dataset = -1;
  column->rank = rank;
  column->row_bytes = item_bytes;
  for (int axis = 0; axis < rank; ++axis) {
    column->extent[1 + axis] = column->chunk[1 + axis] = shape[axis];
    column->row_bytes *= shape[axis];
  }
  if (column->row_bytes > TV_PIECE_BYTES)
    cut_row(column, item_bytes);
  else {
    column->chunk_rows = TV_CHUNK_BYTES / column->row_bytes;
    if (column->chunk_rows < 2)
      column->chunk_rows = 1; /* always full, and never written twice */
    if (column->chunk_rows > TV_CHUNK_ROWS)
      column->chunk_rows = TV_CHUNK_ROWS;
    column->pieces = 1;
    column->chunk_bytes = column->piece_bytes = column->chunk_rows * column->row_bytes;
  }
  column->chunk[0] = column->chunk_rows;
  const size_t aligned = (column->chunk_bytes + CHECKSUM_BYTES + 63) / 64 * 64;
  column->buffer = aligned_alloc(64, aligned);
  if (column->buffer)
    memset(column->buffer, 0, aligned);
  if (lend && column->pieces > 1 && column->row_bytes <= SIZE_MAX - 63)
    column->row = aligned_alloc(64, (column->row_bytes + 63) / 64 * 64);
  if (!column->buffer || (lend && column->pieces > 1 && !column->row))
    return -1;
  return create_dataset(column, parent, name, type);
}

void *tv_record_dataset_row(tv_record_dataset *column)
{
  return column->pieces > 1 ? column->row : column->buffer + column->waiting * column->row_bytes;
}

/* Writes the buffer as the chunk at offset; the dataset must have rows by then. */
static int write_chunk(tv_record_dataset *column, const hsize_t *offset, uint64_t rows, int checked)
{
  size_t bytes = column->chunk_bytes;
  if (checked) {
    const uint32_t sum = tv_fletcher32(column->buffer, bytes);
    const unsigned char little[CHECKSUM_BYTES] = {(unsigned char)sum, (unsigned char)(sum >> 8),
      (unsigned char)(sum >> 16), (unsigned char)(sum >> 24)};
    memcpy(column->buffer + bytes, little, CHECKSUM_BYTES);
    bytes += CHECKSUM_BYTES;
  }
  if (column->extent[0] != rows) {
    column->extent[0] = rows;
    if (H5Dset_extent(column->dataset, column->extent) < 0)
      return -1;
  }
  return H5Dwrite_chunk(column->dataset, H5P_DEFAULT, checked ? 0 : SKIP_CHECKSUM, offset, bytes,
           column->buffer) < 0
           ? -1
           : 0;
}

/* Writes a row that is cut, piece by piece. */
static int write_pieces(tv_record_dataset *column, const unsigned char *row)
{
  const hsize_t length = column->extent[1 + column->cut], each = column->chunk[1 + column->cut];
  const size_t inner = column->piece_bytes / each;
  hsize_t offset[1 + TV_RANK] = {0};
  offset[0] = column->rows;
  for (size_t piece = 0; piece < column->pieces; ++piece) {
    const hsize_t left = length - offset[1 + column->cut];
    const size_t bytes = (size_t)(left < each ? left : each) * inner;
    memcpy(column->buffer, row, bytes);
    memset(column->buffer + bytes, 0, column->chunk_bytes - bytes);
    if (write_chunk(column, offset, column->rows + 1, 1) < 0)
      return -1;
    row += bytes;
    offset[1 + column->cut] += each;
    for (int axis = column->cut; axis >= 0 && offset[1 + axis] >= column->extent[1 + axis];
         --axis) {
      offset[1 + axis] = 0;
      offset[axis] += axis > 0; /* the row itself stays */
    }
  }
  ++column->rows;
  return 0;
}

int tv_record_dataset_append(tv_record_dataset *column, const void *row)
{
  if (column->pieces > 1)
    return write_pieces(column, row);
  unsigned char *place = tv_record_dataset_row(column);
  if (row != place)
    memcpy(place, row, column->row_bytes);
  ++column->rows;
  ++column->waiting;
  return column->waiting < column->chunk_rows ? 0 : tv_record_dataset_store(column, 0);
}

int tv_record_dataset_store(tv_record_dataset *column, int closing)
{
  if (column->waiting == 0 || (column->waiting == column->stored && !closing))
    return 0;
  const int full = column->waiting == column->chunk_rows;
  hsize_t offset[1 + TV_RANK] = {0};
  offset[0] = column->rows - column->waiting;
  const int status = write_chunk(column, offset, column->rows, full || closing);
  column->stored = column->waiting;
  if (full || closing) {
    column->waiting = column->stored = 0;
    if (column->chunk_rows > 1)
      memset(column->buffer, 0, column->chunk_bytes);
  }
  return status;
}

void tv_record_dataset_free(tv_record_dataset *column)
{
  if (column->dataset >= 0)
    H5Dclose(column->dataset);
  free(column->buffer);
  free(column->row);
  memset(column, 0, sizeof *column);
  column->dataset = -1;
}
