/* SPDX-License-Identifier: BSD-3-Clause */
/* A run file (.tvh5) as it is read: checked before it is used. Internal.
 *
 * Opens a file that is closed, still being written, or left behind by a writer that was killed;
 * lists what it holds; reads records, ranges of filters of a record, and histories of single
 * elements. tensorview/format.h is the format; versions 1 and 2 are read.
 *
 * Nothing in a file is believed before it was checked: links (hard ones only), types, ranks, sizes
 * against what the file can hold, lengths against each other, steps in order, checks of records.
 * A stream that does not pass has a problem, and the others are there. Every function returns 0 or
 * a negative tv_status with one sentence that names the file, the tensor and what is wrong.
 *
 * The file is held open between tv_run_file_reopen() (or open, or refresh) and tv_run_file_rest(),
 * without locks: a trainer that wants to replace its file is never stopped by somebody who looks.
 *
 * Callers stand between tv_enter_hdf5() and tv_leave_hdf5(). */
#ifndef TV_RUN_FILE_H
#define TV_RUN_FILE_H

#include "layout.h"
#include "source_medium.h"

#include <hdf5.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TV_RUN_NAME 255                     /* longest name of version 2; 63 of version 1 */
#define TV_RUN_TITLE (2 * TV_RUN_NAME + 64) /* in sentences, cut where longer */

/* Of a file that was cut off, in sentences: how long it was, and is (two uint64_t). */
#define TV_CUT_OFF "it is cut off: it should have %" PRIu64 " bytes and has %" PRIu64

typedef enum tv_stream_role
{
  TV_ROLE_TENSOR,
  TV_ROLE_STATES,
  TV_ROLE_SCALARS,
  TV_ROLE_REQUESTS
} tv_stream_role;

/* The most pieces (chunks) that a record's checks may be of. */
#define TV_MOST_PIECES ((size_t)1 << 24)

/* Records beside the steps at which they were written. Only complete ones are listed. */
typedef struct tv_run_stream
{
  tv_stream_role role;
  const char *path;         /* in the file, "/layers/conv1/weights" */
  const char *name;         /* "conv1/weights": also in sentences */
  const char *layer, *kind; /* NULL for scalars and requests */
  const char *problem;      /* NULL, or why none of it can be read */
  tv_shape shape;           /* of a record; axes only of tensors */
  tv_type type;
  hsize_t chunk[1 + TV_RANK]; /* of values; its own sizes where it is in one piece */
  int has_samples, has_checks;
  hsize_t pieces;           /* of a record, each with a check */
  double ratio;             /* by how much filters may make values smaller */
  const char *doubt;        /* NULL, or why values cannot be read once there are any */
  uint64_t values, entries; /* records that values holds; that all its lists hold */
  size_t complete;          /* records that are whole */
  int64_t *steps;           /* [complete], strictly increasing, from 0 */
  int64_t *samples;         /* [complete], NULL where the file has none */
} tv_run_stream;

typedef struct tv_run_file
{
  char *path;
  dev_t device; /* of what was listed: tells it from another file that takes its place */
  ino_t inode;
  char stamp[128];   /* as it was when it was listed: tv_run_file_stamp() */
  uint64_t size;     /* when it was opened */
  uint64_t end;      /* how long it was when it was closed, where it was cut off later; else 0 */
  int checked;       /* all that is read of it has a check */
  int live;          /* opened beside, or after, a writer that did not close it */
  int version, part; /* part 0: it is none */
  hid_t id;          /* negative: not open */
  tv_run_stream *streams;
  size_t count, room;
  tv_run_stream *scalars;  /* among streams; NULL: there are none */
  tv_run_stream *requests; /* the same */
  const char **scalar_names;
  size_t scalar_count;
  uint64_t rows;    /* of /complete, when it was last read */
  int has_complete; /* there is a /complete that can be used */
  size_t *columns;  /* of /complete: its streams, SIZE_MAX for one that is not known */
  size_t column_count;
  tv_listing list; /* notes, and all names */
} tv_run_file;

/* PATH: SENTENCE. Always TV_ERROR_FORMAT. */
int tv_run_file_fail(const tv_run_file *file, const char *format, ...)
  __attribute__((format(printf, 2, 3)));

/* The same as a note. */
void tv_run_file_note(tv_run_file *file, const char *format, ...)
  __attribute__((format(printf, 2, 3)));

/* The last failure as a note. */
void tv_run_file_note_last(tv_run_file *file);

/* Whether this is an HDF5 file with our root attribute, of whatever version. Quick and silent. */
int tv_run_file_recognise(const char *path);

/* Opens a file and lists all that it holds; leaves it open. On failure *file is NULL. */
int tv_run_file_open(tv_run_file **file, const char *path);
void tv_run_file_close(tv_run_file *file);

/* Opens the listed file once more, to read from it; nothing where it is open. Fails, too, where it
 * was replaced by another file since. */
int tv_run_file_reopen(tv_run_file *file);
void tv_run_file_rest(tv_run_file *file);

/* Changes whenever the file does: device, inode, size and time of change, in words. While it is
 * changing at this very moment, no two stamps are the same. Empty where there is no such file. */
void tv_run_file_stamp(char stamp[128], const char *path);

/* Takes in what was added. TV_CHANGE_REPLACED where it is not what it was: it must then be opened
 * anew, and stays as it is. */
int tv_run_file_refresh(tv_run_file *file, tv_change *change);

/* Listing: streams (run_file_list.c), and how many of their records are whole
 * (run_file_complete.c). */
int tv_run_file_list(tv_run_file *file);
tv_run_stream *tv_add_stream(tv_run_file *file); /* NULL where there is no memory */
int tv_list_stream(tv_run_file *file, tv_run_stream *stream, hid_t group); /* run_file_stream.c */
int tv_run_file_read_complete(tv_run_file *file);

/* Takes in rows of /complete, and steps and samples, that are new. -1 where it is not a longer one
 * of the same. */
int tv_run_file_grow(tv_run_file *file, int *grew);

/* Checks of datasets (run_file_check.c). */
typedef enum tv_numbers
{
  TV_NUMBERS_ANY,     /* values of tensors and scalars */
  TV_NUMBERS_INTEGERS /* steps, samples, states, checks */
} tv_numbers;

typedef struct tv_dataset
{
  int rank;                                      /* 1 to 1 + TV_RANK; -1: none of these */
  hsize_t size[1 + TV_RANK], chunk[1 + TV_RANK]; /* chunk: size where it is in one piece */
  tv_type type;                                  /* of TV_NUMBERS_ANY */
  double bytes;                                  /* of one number */
  double ratio;                                  /* by how much its filters may make it smaller */
  int contiguous;
} tv_dataset;

/* What a dataset is; fails where it is none that may be read. */
int tv_look_at(
  tv_dataset *info, const tv_run_file *file, hid_t dataset, const char *title, tv_numbers numbers);

/* Refuses what the file cannot hold, before memory is asked for: bytes of it, and chunks that HDF5
 * reads whole. The rank must be known. */
int tv_check_fits(
  tv_run_file *file, const tv_dataset *info, hid_t dataset, double bytes, const char *title);
int tv_check_room(tv_run_file *file, double bytes, double ratio, const char *title);

/* Whether one record can be read and is what was written (run_file_read.c). */
int tv_run_file_try(tv_run_file *file, const tv_run_stream *stream, size_t record);

/* Steps and samples (run_file_entries.c). Reads so many of a list that is open; -1 where it
 * cannot. */
int tv_read_list(int64_t *list, hid_t dataset, uint64_t first, uint64_t count);

/* Steps and samples of the complete records, where listing has not read them. What cannot be read
 * makes complete smaller, and is the sentence of the failure. */
int tv_load_entries(tv_run_file *file, tv_run_stream *stream);

/* Looks again how many records there are. */
void tv_count_entries(tv_run_file *file, tv_run_stream *stream);

/* Steps and samples of more records. Fails where those that are known have changed. */
int tv_add_entries(tv_run_file *file, tv_run_stream *stream, size_t complete);

/* Whether the file can hold that many records. */
int tv_fits_records(tv_run_file *file, const tv_run_stream *stream);

/* The values of a stream, open: what was listed must still be there. */
int tv_open_values(
  hid_t *dataset, const tv_run_file *file, const tv_run_stream *stream, size_t cache);

/* A box of records first to first + records of a stream, as it is stored. start and count are of the
 * record's axes. Beside a writer, a chunk may be caught while it is being replaced: it is then read
 * again, and the dataset opened anew. Checks are not looked at. */
int tv_read_records(tv_run_file *file, hid_t *dataset, const tv_run_stream *stream, size_t first,
  size_t records, const size_t *start, const size_t *count, size_t cache, void *result);

/* The checks of some records (run_file_verify.c). All zero: none were read, and none are looked
 * at. */
typedef struct tv_run_checks
{
  size_t first, records;
  uint64_t *sums; /* [records][pieces]; NULL: the stream has none */
} tv_run_checks;

int tv_read_checks(tv_run_checks *checks, tv_run_file *file, const tv_run_stream *stream,
  size_t first, size_t records);
void tv_free_checks(tv_run_checks *checks);

/* The box of whole pieces around a box. */
void tv_whole_pieces(const tv_run_stream *stream, size_t *start, size_t *count);

/* values is the box, of whole pieces, of one record. */
int tv_verify_box(const tv_run_file *file, const tv_run_stream *stream, const tv_run_checks *checks,
  size_t record, const size_t *start, const size_t *count, const void *values);

/* A box of one record, verified, where there are checks: it may be any part of whole pieces. */
int tv_read_verified(tv_run_file *file, hid_t *dataset, const tv_run_stream *stream, size_t record,
  const tv_run_checks *checks, const size_t *start, const size_t *count, void *result);

/* Reading; the file must be open. */
int tv_run_file_read(tv_run_file *file, const tv_run_stream *stream, size_t record, void *result);
int tv_run_file_windows(tv_run_file *file, const tv_run_stream *stream, size_t record,
  const tv_layout *layout, size_t first, size_t count, void *result, const tv_execution *execution);

/* result[(record - first) * count + k] for count elements and records first to end. */
int tv_run_file_history(tv_run_file *file, const tv_run_stream *stream, const tv_layout *layout,
  const size_t *elements, size_t count, size_t first, size_t end, double *result,
  const tv_execution *execution);

/* All scalars of records first to first + count, [count][scalar_count]. */
int tv_run_file_scalars(tv_run_file *file, size_t first, size_t count, double *result);
int tv_run_file_states(
  tv_run_file *file, const tv_run_stream *stream, size_t record, int32_t *result);

/* The text of a record of requests, cut off where it is longer than size, its final 0 included. */
int tv_run_file_request(
  tv_run_file *file, const tv_run_stream *stream, size_t record, char *text, size_t size);

#endif
