/* SPDX-License-Identifier: BSD-3-Clause */
#include "json.h"
#include "status.h"

#include <string.h>

enum
{
  DEEPEST = 16,
  MOST_VALUES = 2000000
};

/* Depth and number of values, before memory is spent on them. */
static const char *too_much(const char *text, size_t length)
{
  size_t depth = 0, values = 0;
  int quoted = 0;
  for (size_t i = 0; i < length; ++i) {
    const char c = text[i];
    if (quoted) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        quoted = 0;
    } else if (c == '"') {
      quoted = 1;
    } else if (c == '{' || c == '[') {
      ++values;
      if (++depth > DEEPEST)
        return "is nested too deeply";
    } else if (c == '}' || c == ']') {
      depth -= depth > 0;
    } else if (c == ',') {
      ++values;
    }
    if (values > MOST_VALUES)
      return "holds more values than any network";
  }
  return NULL;
}

json_t *tv_json_parse(const char *text, size_t length, const char *path, const char *what)
{
  json_error_t error;
  const char *sentence = too_much(text, length);
  if (sentence) {
    tv_fail(TV_ERROR_FORMAT, "%s: %s %s", path, what, sentence);
    return NULL;
  }
  json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);
  if (json)
    return json;
  /* What stands before the place, as far as it can be printed. */
  char before[65];
  size_t end = error.position > 0 ? (size_t)error.position : 0;
  end = end < length ? end : length;
  const size_t from = end > sizeof before - 1 ? end - (sizeof before - 1) : 0;
  for (size_t i = from; i < end; ++i)
    before[i - from] = text[i] >= 32 && text[i] < 127 ? text[i] : '?';
  before[end - from] = 0;
  for (char *c = error.text; *c; ++c)
    *c = *c >= 32 && *c < 127 ? *c : '?';
  tv_fail(TV_ERROR_FORMAT, "%s: %s is broken at byte %d, after %s: %s", path, what, error.position,
    before, error.text);
  return NULL;
}

int tv_json_numbers(uint64_t *numbers, json_t *list, size_t most)
{
  if (!json_is_array(list) || json_array_size(list) > most)
    return -1;
  for (size_t i = 0; i < json_array_size(list); ++i) {
    json_t *number = json_array_get(list, i);
    if (!json_is_integer(number) || json_integer_value(number) < 0)
      return -1;
    numbers[i] = (uint64_t)json_integer_value(number);
  }
  return (int)json_array_size(list);
}
