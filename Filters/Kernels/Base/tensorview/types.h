/* What every function of TensorView's C code returns, and how to ask what went wrong.
 *
 * A function returns 0 (TV_OK) or one of the negative values below. After a negative value,
 * tv_last_error() has one sentence that says what is wrong and with what; it belongs to the
 * calling thread and stays valid until that thread's next failure. Nothing here prints, exits
 * or aborts: a failed snapshot must never cost a training run. */
#ifndef TENSORVIEW_TYPES_H
#define TENSORVIEW_TYPES_H

#ifdef __cplusplus
extern "C" {
#endif

#ifndef TV_API
#define TV_API __attribute__((visibility("default")))
#endif

typedef enum tv_status
{
  TV_OK = 0,
  TV_ERROR_ARGUMENT = -1,    /* the caller passed something that cannot be meant */
  TV_ERROR_MEMORY = -2,      /* the system has no memory left */
  TV_ERROR_FILE = -3,        /* the system refused: no such file, no permission, disk full */
  TV_ERROR_FORMAT = -4,      /* a file or a segment is not what it claims to be */
  TV_ERROR_VERSION = -5,     /* written by a newer or an unknown version */
  TV_ERROR_STATE = -6,       /* called at the wrong time: declared after writing, closed before */
  TV_ERROR_UNSUPPORTED = -7, /* understood, and not possible here */
  TV_ERROR_TIMEOUT = -8,     /* the other side did not answer within the limit asked for */
  TV_ERROR_CANCELLED = -9    /* the caller's own progress function asked to stop */
} tv_status;

/* The type of one number, as trainers have them. */
typedef enum tv_type
{
  TV_FLOAT32 = 0,
  TV_FLOAT64 = 1,
  TV_FLOAT16 = 2, /* IEEE 754 binary16 */
  TV_BFLOAT16 = 3 /* the upper half of a float32 */
} tv_type;

/* States of a filter; a number from 0 is the filter into which it was merged. */
#define TV_FILTER_ALIVE (-1)
#define TV_FILTER_PRUNED (-2) /* removed, and merged into none */
#define TV_FILTER_DEAD (-3)   /* constant: nothing to correlate with */

/* The sentence of this thread's last failure; "" if there was none. Never NULL, never freed. */
TV_API const char *tv_last_error(void);

#ifdef __cplusplus
}
#endif
#endif
