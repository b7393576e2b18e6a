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

size_t tv_type_size(tv_type type)
{
  switch (type) {
  case TV_FLOAT32:
    return 4;
  case TV_FLOAT64:
    return 8;
  case TV_FLOAT16:
  case TV_BFLOAT16:
    return 2;
  default:
    return 0;
  }
}
