/* SPDX-License-Identifier: BSD-3-Clause */
#include "stored.h"

#include <string.h>

static const struct
{
  tv_stored stored;
  size_t bytes, read_bytes;
  tv_type type;
  const char *safetensors, *numpy, *storage, *dtype;
} numbers[] = {
  {TV_STORED_NONE, 0, 0, TV_FLOAT32, "", "", "", ""},
  {TV_STORED_F32, 4, 4, TV_FLOAT32, "F32", "f4", "FloatStorage", "float32"},
  {TV_STORED_F64, 8, 8, TV_FLOAT64, "F64", "f8", "DoubleStorage", "float64"},
  {TV_STORED_F16, 2, 2, TV_FLOAT16, "F16", "f2", "HalfStorage", "float16"},
  {TV_STORED_BF16, 2, 2, TV_BFLOAT16, "BF16", "", "BFloat16Storage", "bfloat16"},
  {TV_STORED_I8, 1, 1, TV_INT8, "I8", "i1", "CharStorage", "int8"},
  {TV_STORED_U8, 1, 1, TV_UINT8, "U8", "u1", "ByteStorage", "uint8"},
  {TV_STORED_I32, 4, 4, TV_INT32, "I32", "i4", "IntStorage", "int32"},
  {TV_STORED_I64, 8, 8, TV_INT64, "I64", "i8", "LongStorage", "int64"},
  {TV_STORED_BOOL, 1, 1, TV_BOOL, "BOOL", "b1", "BoolStorage", "bool"},
  {TV_STORED_I16, 2, 4, TV_INT32, "I16", "i2", "ShortStorage", "int16"},
  {TV_STORED_U16, 2, 4, TV_INT32, "U16", "u2", "", "uint16"},
  {TV_STORED_U32, 4, 8, TV_INT64, "U32", "u4", "", "uint32"},
  {TV_STORED_F8_E4M3, 1, 4, TV_FLOAT32, "F8_E4M3", "", "", "float8_e4m3fn"},
  {TV_STORED_F8_E5M2, 1, 2, TV_FLOAT16, "F8_E5M2", "", "", "float8_e5m2"},
};
enum
{
  NUMBERS = sizeof numbers / sizeof numbers[0]
};

size_t tv_stored_bytes(tv_stored stored)
{
  return numbers[stored].bytes;
}

tv_type tv_stored_type(tv_stored stored)
{
  return numbers[stored].type;
}

size_t tv_stored_read_bytes(tv_stored stored)
{
  return numbers[stored].read_bytes;
}

int tv_stored_same(tv_stored stored)
{
  return stored > TV_STORED_NONE && stored < TV_STORED_BOOL;
}

static float from_e4m3(unsigned bits)
{
  const unsigned exponent = bits >> 3 & 15u, mantissa = bits & 7u;
  uint32_t sign = (uint32_t)(bits & 0x80u) << 24, whole;
  float value;
  if (exponent == 15 && mantissa == 7) {
    whole = 0x7fc00000u;
  } else if (exponent) {
    whole = (exponent + 120) << 23 | mantissa << 20;
  } else {
    value = (float)mantissa * 0x1p-9f;
    memcpy(&whole, &value, sizeof whole);
  }
  whole |= sign;
  memcpy(&value, &whole, sizeof value);
  return value;
}

/* One number of a file, in this machine's order. */
static void take(unsigned char number[8], const unsigned char *from, size_t bytes, int swapped)
{
  for (size_t i = 0; i < bytes; ++i)
    number[i] = from[swapped ? bytes - 1 - i : i];
}

static void widen(unsigned char *to, tv_stored stored, const unsigned char *number)
{
  int16_t small;
  uint16_t half;
  uint32_t word;
  int32_t integer;
  int64_t large;
  float value;
  switch (stored) {
  case TV_STORED_BOOL:
    *to = *number != 0;
    return;
  case TV_STORED_I16:
    memcpy(&small, number, sizeof small);
    integer = small;
    memcpy(to, &integer, sizeof integer);
    return;
  case TV_STORED_U16:
    memcpy(&half, number, sizeof half);
    integer = half;
    memcpy(to, &integer, sizeof integer);
    return;
  case TV_STORED_U32:
    memcpy(&word, number, sizeof word);
    large = word;
    memcpy(to, &large, sizeof large);
    return;
  case TV_STORED_F8_E4M3:
    value = from_e4m3(*number);
    memcpy(to, &value, sizeof value);
    return;
  case TV_STORED_F8_E5M2:
    half = (uint16_t)(*number << 8);
    memcpy(to, &half, sizeof half);
    return;
  default:
    memcpy(to, number, numbers[stored].bytes);
  }
}

void tv_stored_convert(void *result, tv_stored stored, int swapped, const unsigned char *source,
  size_t step, size_t count)
{
  const size_t bytes = numbers[stored].bytes, each = numbers[stored].read_bytes;
  unsigned char *to = result, number[8];
  if (tv_stored_same(stored) && !swapped) {
    if (step == bytes) {
      memcpy(to, source, bytes * count);
    } else if (bytes == 4) {
      for (size_t i = 0; i < count; ++i)
        memcpy(to + 4 * i, source + step * i, 4);
    } else {
      for (size_t i = 0; i < count; ++i)
        memcpy(to + bytes * i, source + step * i, bytes);
    }
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    take(number, source + step * i, bytes, swapped);
    widen(to + each * i, stored, number);
  }
}

size_t tv_stored_latin1(
  unsigned char *result, size_t most, const unsigned char *text, size_t length)
{
  size_t count = 0;
  for (size_t at = 0; at < length; ++at, ++count) {
    unsigned value = text[at];
    if (value >= 0x80) {
      if ((value & 0xfe) != 0xc2 || ++at == length || (text[at] & 0xc0) != 0x80)
        return SIZE_MAX;
      value = (value & 3) << 6 | (text[at] & 0x3fu);
    }
    if (count < most)
      result[count] = (unsigned char)value;
  }
  return count;
}

static double from_half(uint16_t half)
{
  const unsigned exponent = half >> 10 & 31u, mantissa = half & 1023u;
  double value;
  if (exponent == 31)
    value = mantissa ? __builtin_nan("") : __builtin_inf();
  else if (exponent)
    value = __builtin_ldexp(1024.0 + mantissa, (int)exponent - 25);
  else
    value = __builtin_ldexp(mantissa, -24);
  return half & 0x8000u ? -value : value;
}

double tv_stored_double(tv_type type, const void *number)
{
  float single;
  double value;
  int32_t integer;
  int64_t large;
  uint16_t half;
  uint32_t bits;
  switch (type) {
  case TV_FLOAT32:
    memcpy(&single, number, sizeof single);
    return single;
  case TV_FLOAT64:
    memcpy(&value, number, sizeof value);
    return value;
  case TV_FLOAT16:
    memcpy(&half, number, sizeof half);
    return from_half(half);
  case TV_BFLOAT16:
    memcpy(&half, number, sizeof half);
    bits = (uint32_t)half << 16;
    memcpy(&single, &bits, sizeof single);
    return single;
  case TV_INT8:
    return *(const signed char *)number;
  case TV_INT32:
    memcpy(&integer, number, sizeof integer);
    return integer;
  case TV_INT64:
    memcpy(&large, number, sizeof large);
    return (double)large;
  default:
    return *(const unsigned char *)number;
  }
}

tv_stored tv_stored_safetensors(const char *name)
{
  if (!strcmp(name, "F8_E4M3FN"))
    return TV_STORED_F8_E4M3;
  for (size_t i = 1; i < NUMBERS; ++i)
    if (!strcmp(numbers[i].safetensors, name))
      return numbers[i].stored;
  return TV_STORED_NONE;
}

tv_stored tv_stored_numpy(const char *name)
{
  for (size_t i = 1; i < NUMBERS; ++i)
    if (*numbers[i].numpy && !strcmp(numbers[i].numpy, name))
      return numbers[i].stored;
  return TV_STORED_NONE;
}

tv_stored tv_stored_torch(const char *name)
{
  for (size_t i = 1; i < NUMBERS; ++i)
    if ((*numbers[i].storage && !strcmp(numbers[i].storage, name)) ||
        !strcmp(numbers[i].dtype, name))
      return numbers[i].stored;
  return TV_STORED_NONE;
}
