/* SPDX-License-Identifier: BSD-3-Clause */
#include "notice.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* write() to a pipe that nobody reads ends the program by SIGPIPE: here it is held back, and taken
 * away again unless one was waiting already. */
static void write_quietly(const char *text, size_t length)
{
  sigset_t pipe, before, waiting;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigemptyset(&waiting);
  sigpending(&waiting);
  if (pthread_sigmask(SIG_BLOCK, &pipe, &before) != 0)
    return;
  if (write(STDERR_FILENO, text, length) < 0 && errno == EPIPE && !sigismember(&waiting, SIGPIPE))
    while (sigtimedwait(&pipe, NULL, &(struct timespec){0, 0}) < 0 && errno == EINTR)
      continue;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void tv_notice(const char *format, ...)
{
  char text[1200];
  const int begin = snprintf(text, sizeof text, "tensorview: ");
  va_list arguments;
  va_start(arguments, format);
  int length = begin + vsnprintf(text + begin, sizeof text - 1 - (size_t)begin, format, arguments);
  va_end(arguments);
  if (length > (int)sizeof text - 2)
    length = (int)sizeof text - 2;
  text[length] = '\n';
  write_quietly(text, (size_t)length + 1);
}
