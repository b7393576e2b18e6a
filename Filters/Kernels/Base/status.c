/* SPDX-License-Identifier: BSD-3-Clause */
#include "status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char last_error[1024];

const char *tv_last_error(void)
{
  return last_error;
}

int tv_fail(tv_status status, const char *format, ...)
{
  char sentence[sizeof last_error]; /* an argument may be tv_last_error() itself */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  memcpy(last_error, sentence, sizeof last_error);
  return status;
}

size_t tv_multiply(size_t a, size_t b, int *overflow)
{
  size_t product;
  if (__builtin_mul_overflow(a, b, &product)) {
    *overflow = 1;
    return 0;
  }
  return product;
}

static const struct
{
  size_t size;
  const char *name;
  tv_type result;
} types[] = {
  [TV_FLOAT32] = {4, "float32", TV_FLOAT32},
  [TV_FLOAT64] = {8, "float64", TV_FLOAT64},
  [TV_FLOAT16] = {2, "float16", TV_FLOAT32},
  [TV_BFLOAT16] = {2, "bfloat16", TV_FLOAT32},
  [TV_INT8] = {1, "int8", TV_FLOAT32},
  [TV_UINT8] = {1, "uint8", TV_FLOAT32},
  [TV_INT32] = {4, "int32", TV_FLOAT64},
  [TV_INT64] = {8, "int64", TV_FLOAT64},
  [TV_BOOL] = {1, "bool", TV_FLOAT32},
};

static int is_type(tv_type type)
{
  return (int)type >= 0 && (size_t)type < sizeof types / sizeof *types;
}

size_t tv_type_size(tv_type type)
{
  return is_type(type) ? types[type].size : 0;
}

const char *tv_type_name(tv_type type)
{
  return is_type(type) ? types[type].name : "";
}

tv_type tv_type_result(tv_type type)
{
  return is_type(type) ? types[type].result : TV_FLOAT32;
}
