/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading on through a file, and what may stand in a name: mapped.h. */
#include "mapped.h"
#include "status.h"

#include <string.h>

void tv_cursor_start(tv_cursor *cursor, tv_mapped *file, uint64_t at, uint64_t end)
{
  cursor->file = file;
  cursor->at = at;
  cursor->end = end < file->bytes ? end : file->bytes;
  cursor->first = 0;
  cursor->held = 0;
}

int tv_cursor_take(tv_cursor *cursor, void *result, size_t count)
{
  char *to = result;
  if (cursor->at > cursor->end || count > cursor->end - cursor->at)
    return tv_fail(TV_ERROR_FORMAT, "%s: is cut off", cursor->file->path);
  while (count) {
    if (cursor->at < cursor->first || cursor->at >= cursor->first + cursor->held) {
      const uint64_t left = cursor->end - cursor->at;
      const size_t piece = left < sizeof cursor->buffer ? (size_t)left : sizeof cursor->buffer;
      const int status = tv_mapped_read(cursor->file, cursor->buffer, cursor->at, piece);
      cursor->first = cursor->at;
      cursor->held = status ? 0 : piece;
      if (status)
        return status;
    }
    const size_t from = (size_t)(cursor->at - cursor->first);
    const size_t some = count < cursor->held - from ? count : cursor->held - from;
    memcpy(to, cursor->buffer + from, some);
    to += some;
    cursor->at += some;
    count -= some;
  }
  return 0;
}

int tv_is_text(const char *text, size_t length)
{
  const unsigned char *at = (const unsigned char *)text, *end = at + length;
  while (at < end) {
    const unsigned char first = *at++;
    if (first < 32 || first == 127)
      return 0;
    const int more = first < 0x80                    ? 0
                     : first >= 0xc2 && first < 0xe0 ? 1
                     : first >= 0xe0 && first < 0xf0 ? 2
                     : first >= 0xf0 && first < 0xf5 ? 3
                                                     : -1;
    if (more < 0 || end - at < more)
      return 0;
    if ((first == 0xe0 && *at < 0xa0) || (first == 0xed && *at > 0x9f) ||
        (first == 0xf0 && *at < 0x90) || (first == 0xf4 && *at > 0x8f))
      return 0; /* too long for what it says, a surrogate, beyond Unicode */
    for (int i = 0; i < more; ++i)
      if ((*at++ & 0xc0) != 0x80)
        return 0;
  }
  return 1;
}
