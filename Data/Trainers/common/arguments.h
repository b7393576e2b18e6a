/* SPDX-License-Identifier: BSD-3-Clause */
/* A command line from a table: what each option is called, what it takes and where that goes. */
#ifndef TRAINER_ARGUMENTS_H
#define TRAINER_ARGUMENTS_H

#include <stddef.h>

typedef enum argument_kind
{
  ARGUMENT_WHOLE, /* to: uint64_t; from least to most, which are at most 2^53 */
  ARGUMENT_REAL,  /* to: double */
  ARGUMENT_TEXT,  /* to: const char *, which stays in argv */
  ARGUMENT_FLAG,  /* to: int, becomes 1; takes no value */
  ARGUMENT_CALL   /* to: whatever call() wants, which returns 0 or a negative tv_status */
} argument_kind;

typedef struct argument
{
  const char *name; /* without "--"; NULL ends a table */
  argument_kind kind;
  void *to;
  double least, most;
  int (*call)(void *to, const char *text);
} argument;

#define ARGUMENTS 64 /* most options of one program */

/* Reads --name value, --name=value and --help. 0: go on; 1: help was asked for and printed, stop;
 * negative tv_status: the sentence is in tv_last_error(). */
int arguments_read(const argument *table, const char *help, int argc, char **argv);

/* "16,32" as whole numbers from 1 to 2^40, at most that many; "none" is none. */
int arguments_list(size_t *numbers, size_t *count, size_t most, const char *text);

#endif
