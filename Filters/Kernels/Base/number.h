/* SPDX-License-Identifier: BSD-3-Clause */
/* One number of any type as float or double: for loops that compilers turn into vector code. */
#ifndef TV_NUMBER_H
#define TV_NUMBER_H

#include <stdint.h>
#include <string.h>

static inline float tv_from_float32(float x)
{
  return x;
}

static inline double tv_from_float64(double x)
{
  return x;
}

static inline float tv_from_bfloat16(uint16_t x)
{
  const uint32_t bits = (uint32_t)x << 16;
  float number;
  memcpy(&number, &bits, sizeof number);
  return number;
}

/* binary16 to binary32 with neither branches nor tables, and with no subnormal float32 on the way,
 * which processors may be slow at or told to ignore. */
static inline float tv_from_float16(uint16_t x)
{
  const uint32_t magnitude = x & 0x7fffu;
  const uint32_t infinite = magnitude >= 0x7c00u ? 112u << 23 : 0u;    /* or NaN */
  const uint32_t normal = (magnitude << 13) + (112u << 23) + infinite; /* bias 127 - 15 = 112 */
  union {
    float number;
    uint32_t bits;
  } value = {(float)(int32_t)magnitude * 0x1p-24f};            /* right if subnormal */
  const uint32_t small = 0u - (uint32_t)(magnitude < 0x0400u); /* all ones, or none */
  value.bits = (value.bits & small) | (normal & ~small) | (uint32_t)(x & 0x8000u) << 16;
  return value.number;
}

static inline float tv_from_int8(int8_t x)
{
  return x;
}

static inline float tv_from_uint8(uint8_t x)
{
  return x;
}

static inline double tv_from_int32(int32_t x)
{
  return x;
}

static inline double tv_from_int64(int64_t x)
{
  return (double)x;
}

static inline float tv_from_bool(uint8_t x)
{
  return x != 0;
}

#endif
