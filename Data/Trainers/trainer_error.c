#include "trainer_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char last_error[1024];

const char *trainer_error(void)
{
  return last_error;
}

int trainer_fail(tv_status status, const char *format, ...)
{
  char sentence[sizeof last_error]; /* an argument may be trainer_error() itself */
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(sentence, sizeof sentence, format, arguments);
  va_end(arguments);
  memcpy(last_error, sentence, sizeof last_error);
  return status;
}
