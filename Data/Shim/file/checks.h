/* SPDX-License-Identifier: BSD-3-Clause */
/* The checks of records in the run file: XXH3, seeded with the place that the bytes belong to, so
 * that a chunk which is lost, doubled or swapped is noticed like a flipped bit. What exactly is
 * hashed: tensorview/format.h, Checks. Internal. */
#ifndef TV_CHECKS_H
#define TV_CHECKS_H

#include <stddef.h>
#include <stdint.h>

/* Where a piece of a record belongs. */
typedef struct tv_place
{
  const char *path;   /* of the stream, as it is in the file */
  size_t path_length; /* at most TV_PATH_LENGTH */
  int64_t record;     /* its number, from 0 */
  int64_t step;
  int64_t samples; /* 0 where there are none */
} tv_place;

/* "/layers/", a layer of which each byte may be written %XX, '/', a kind, and the final 0. */
#define TV_PATH_LENGTH (8 + 3 * 255 + 1 + 255 + 1)

/* The check of a piece of a record; never 0. */
uint64_t tv_check_piece(const tv_place *place, int64_t piece, const void *bytes, size_t size);

/* The check of a row of /complete: of count numbers. Never 0. */
int64_t tv_check_complete(int64_t row, const int64_t *numbers, size_t count);

#endif
