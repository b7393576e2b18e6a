/* How the trainers' own C code reports a failure: return trainer_fail(TV_ERROR_..., "sentence").
 *
 * The shim is a shared library with a sentence of its own (tv_last_error()); this one is the
 * program's, and the two never mix. */
#ifndef TRAINER_ERROR_H
#define TRAINER_ERROR_H

#include "tensorview_status.h"

/* Keeps the sentence for trainer_error(), cut at 1023 bytes; returns status. */
int trainer_fail(tv_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The sentence of this thread's last failure, "" if there was none. */
const char *trainer_error(void);

#endif
