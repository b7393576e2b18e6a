/* SPDX-License-Identifier: BSD-3-Clause */
/* What all of TensorView's C code is made of: what functions return and how to ask what went wrong,
 * types of numbers, shapes of tensors, states of filters, and how many threads may work.
 *
 * A function returns 0 (TV_OK) or one of the negative values below. After a negative value,
 * tv_last_error() has one sentence that says what is wrong and with what; it belongs to the
 * calling thread and stays valid until that thread's next failure. Nothing here prints, exits
 * or aborts: a failed record must never cost a training run. */
#ifndef TENSORVIEW_TYPES_H
#define TENSORVIEW_TYPES_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef TV_API
#define TV_API __attribute__((visibility("default")))
#endif

typedef enum tv_status
{
  TV_OK = 0,
  TV_ERROR_ARGUMENT = -1,    /* the caller passed something wrong */
  TV_ERROR_MEMORY = -2,      /* the system has no memory left */
  TV_ERROR_FILE = -3,        /* the system refused: no such file, no permission, disk full */
  TV_ERROR_FORMAT = -4,      /* a file or a segment is not what it claims to be */
  TV_ERROR_VERSION = -5,     /* written by a newer or an unknown version */
  TV_ERROR_STATE = -6,       /* called at the wrong time: declared after writing, closed before */
  TV_ERROR_UNSUPPORTED = -7, /* understood, and not possible here */
  TV_ERROR_TIMEOUT = -8,     /* the other side did not answer within the limit asked for */
  TV_ERROR_CANCELLED = -9    /* the caller's own progress function asked to stop */
} tv_status;

/* The type of one number, as trainers have them; little-endian in files. */
typedef enum tv_type
{
  TV_FLOAT32 = 0,
  TV_FLOAT64 = 1,
  TV_FLOAT16 = 2,  /* IEEE 754 binary16 */
  TV_BFLOAT16 = 3, /* the upper half of a float32 */
  TV_INT8 = 4,
  TV_UINT8 = 5,
  TV_INT32 = 6,
  TV_INT64 = 7,
  TV_BOOL = 8 /* a byte, 0 or 1 */
} tv_type;

#define TV_RANK 8          /* most axes of a tensor, time not counted */
#define TV_NAME_LENGTH 255 /* longest name of a layer, kind or scalar, in bytes */

/* A tensor as its trainer has it. What the letters mean, and which may stand together: layout.h in
 * the sources, and the section Axes of tensorview/format.h. */
typedef struct tv_shape
{
  int rank;               /* axes: 0 (one number) to TV_RANK */
  char axes[TV_RANK + 1]; /* a letter for each, slowest first, ended by 0; "oihw" */
  size_t size[TV_RANK];   /* of each axis; 1 beyond rank */
} tv_shape;

/* The same tensor as the views have it: windows = filters * channels of rows * columns. */
typedef struct tv_windows
{
  size_t filters, channels, rows, columns; /* each at least 1 */
} tv_windows;

/* States of a filter; a number from 0 is the filter into which it was merged. */
#define TV_FILTER_ALIVE (-1)
#define TV_FILTER_PRUNED (-2) /* removed, and merged into none */
#define TV_FILTER_DEAD (-3)   /* constant: nothing to correlate with */

/* Called between pieces of work, on the caller's thread, with what is done, 0 to 1. Anything but 0
 * asks to stop: the function then returns TV_ERROR_CANCELLED. */
typedef int (*tv_progress)(void *context, double done);

/* How a function may work. Where a pointer to one is asked for, NULL means one thread and no
 * progress. */
typedef struct tv_execution
{
  int threads;          /* 1: the caller's only; 0: what OpenMP would use */
  tv_progress progress; /* or NULL */
  void *context;        /* passed to progress */
} tv_execution;

/* The sentence of this thread's last failure; "" if there was none. Never NULL, never freed. */
TV_API const char *tv_last_error(void);

#ifdef __cplusplus
}
#endif
#endif
