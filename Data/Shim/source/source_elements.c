/* SPDX-License-Identifier: BSD-3-Clause */
/* Single elements of tensors: lists of them, and their numbers. */
#include "source_medium.h"

#include "number.h"
#include "status.h"

#include <stdlib.h>

static const char *skip_blanks(const char *text)
{
  while (*text == ' ' || *text == '\t')
    ++text;
  return text;
}

/* A number with blanks around it; NULL where there is none. What is too large to be an index stays
 * too large. */
static const char *read_number(size_t *number, const char *text)
{
  text = skip_blanks(text);
  if (*text < '0' || *text > '9')
    return NULL;
  for (*number = 0; *text >= '0' && *text <= '9'; ++text)
    *number = *number > SIZE_MAX / 16 ? SIZE_MAX / 2 : *number * 10 + (size_t)(*text - '0');
  return skip_blanks(text);
}

/* "3" or "3-7", and the comma behind it. */
static const char *read_range(size_t *first, size_t *last, const char *text)
{
  text = read_number(first, text);
  if (!text)
    return NULL;
  *last = *first;
  if (*text == '-' && !(text = read_number(last, text + 1)))
    return NULL;
  if (*text && *text != ',')
    return NULL;
  return *text ? skip_blanks(text + 1) : text;
}

static int refuse(const char *text, size_t available)
{
  return tv_fail(TV_ERROR_ARGUMENT,
    "\"%.200s\" is no list of elements, such as 0-2,100: there are elements 0 to %zu, and at most "
    "%d can be chosen",
    text, available ? available - 1 : 0, TV_MOST_ELEMENTS);
}

int tv_parse_elements(size_t *elements, size_t *count, const char *text, size_t available)
{
  const char *at = skip_blanks(text);
  *count = 0;
  while (*at) {
    size_t first, last;
    at = read_range(&first, &last, at);
    if (!at || last < first || first >= available)
      return refuse(text, available);
    last = last < available ? last : available - 1;
    if (last - first >= TV_MOST_ELEMENTS || *count + (last - first) >= TV_MOST_ELEMENTS)
      return refuse(text, available);
    const size_t before = *count; /* those of one range differ from each other */
    for (size_t k = first; k <= last; ++k) {
      size_t known = 0;
      while (known < before && elements[known] != k)
        ++known;
      if (known == before)
        elements[(*count)++] = k;
    }
  }
  return TV_OK;
}

#define CONVERT(TYPE, FROM)                                                                        \
  for (size_t k = 0; k < count; ++k)                                                               \
    result[k * stride] = (double)FROM(((const TYPE *)from)[k]);                                    \
  break

void tv_to_double(double *result, size_t stride, tv_type type, const void *from, size_t count)
{
  switch (type) {
  case TV_FLOAT32:
    CONVERT(float, tv_from_float32);
  case TV_FLOAT64:
    CONVERT(double, tv_from_float64);
  case TV_FLOAT16:
    CONVERT(uint16_t, tv_from_float16);
  case TV_BFLOAT16:
    CONVERT(uint16_t, tv_from_bfloat16);
  case TV_INT8:
    CONVERT(int8_t, tv_from_int8);
  case TV_UINT8:
    CONVERT(uint8_t, tv_from_uint8);
  case TV_INT32:
    CONVERT(int32_t, tv_from_int32);
  case TV_INT64:
    CONVERT(int64_t, tv_from_int64);
  case TV_BOOL:
    CONVERT(uint8_t, tv_from_bool);
  }
}

double tv_one_double(tv_type type, const void *from)
{
  double value = 0;
  tv_to_double(&value, 1, type, from, 1);
  return value;
}
