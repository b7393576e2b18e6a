/* SPDX-License-Identifier: BSD-3-Clause */
/* What has no order: shapes that are refused, float16, and batches and their sums, against their
 * definitions. */
#include "batch_sum.h"
#include "layout.h"
#include "status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

static void check(int truth, const char *what, const char *axes)
{
  if (!truth) {
    ++failures;
    fprintf(stderr, "FAILED: %s, axes %s: %s\n", what, axes, tv_last_error());
  }
}

/* binary16, each of its 65,536 values, against its definition. */
static void try_halves(void)
{
  unsigned short *halves = malloc(65536 * sizeof *halves);
  float *result = malloc(65536 * sizeof *result);
  for (size_t k = 0; k < 65536; ++k)
    halves[k] = (unsigned short)k;
  tv_layout layout;
  const size_t shape[] = {65536};
  check(tv_layout_axes(&layout, "c", shape) == 0, "float16", "c");
  check(
    tv_layout_convert(result, &layout, TV_FLOAT16, halves, 0, 65536, NULL) == 0, "float16", "c");
  size_t wrong = 0;
  for (size_t k = 0; k < 65536; ++k) {
    const int exponent = (int)(k >> 10 & 31);
    const double mantissa = (double)(k & 1023);
    double expected = exponent == 31  ? (mantissa > 0 ? NAN : INFINITY)
                      : exponent == 0 ? ldexp(mantissa, -24)
                                      : ldexp(1024 + mantissa, exponent - 25);
    if (k & 0x8000)
      expected = -expected;
    wrong += isnan(expected)
               ? !isnan(result[k])
               : result[k] != (float)expected || !signbit(result[k]) != !signbit(expected);
  }
  check(wrong == 0, "float16 values", "c");
  free(halves);
  free(result);
}

static void try_refused(void)
{
  tv_layout layout;
  tv_shape shape;
  tv_batch batch;
  const size_t small[] = {5, 3, 4, 2, 2, 2, 2, 2, 2, 2}, none[] = {3, 0},
               huge[] = {(size_t)1 << 40, (size_t)1 << 40}, negative[] = {(size_t)1 << 61, 1};
  const char *unknown[] = {"oihwo", "nchw", "oo", "cc", "mmm", "m", "om", "o-", "--oi", "oIhw",
    "oihwn", "abcdefghi", "o i"};
  for (size_t k = 0; k < sizeof unknown / sizeof *unknown; ++k)
    check(tv_layout_axes(&layout, unknown[k], small) == TV_ERROR_FORMAT, "refused", unknown[k]);
  check(tv_layout_axes(&layout, NULL, small) == TV_ERROR_FORMAT, "refused", "NULL");
  check(tv_layout_axes(&layout, "oi", none) == TV_ERROR_FORMAT, "size 0", "oi");
  check(tv_layout_axes(&layout, "oi", huge) == TV_ERROR_FORMAT, "overflow", "oi");
  check(tv_layout_axes(&layout, "oi", negative) == TV_ERROR_FORMAT, "overflow in bytes", "oi");
  check(tv_shape_make(&shape, "oi", small) == TV_OK && shape.size[7] == 1, "made", "oi");
  shape.rank = 3;
  check(tv_layout_of(&layout, &shape) == TV_ERROR_FORMAT, "rank and axes differ", "oi");
  memset(shape.axes, 'o', sizeof shape.axes);
  check(tv_shape_check(&shape) == TV_ERROR_FORMAT, "axes without an end", "o...");
  shape.rank = -1;
  check(tv_shape_check(&shape) == TV_ERROR_FORMAT, "negative rank", "");
  const char *batches[] = {"nchwn", "abcdefghin", "nm", "N"};
  for (size_t k = 0; k < sizeof batches / sizeof *batches; ++k)
    check(tv_shape_split_batch(&shape, &batch, batches[k], small) == TV_ERROR_FORMAT, "refused",
      batches[k]);

  check(tv_layout_axes(&layout, "oihw", small) == TV_OK, "known", "oihw");
  float numbers[120];
  check(tv_layout_convert(numbers, &layout, TV_FLOAT32, numbers, 15, 1, NULL) == TV_ERROR_ARGUMENT,
    "behind the end", "oihw");
  check(tv_layout_convert(numbers, &layout, TV_FLOAT32, numbers, 1, (size_t)-1, NULL) ==
          TV_ERROR_ARGUMENT,
    "too many", "oihw");
  check(tv_layout_convert(numbers, &layout, (tv_type)9, numbers, 0, 1, NULL) == TV_ERROR_ARGUMENT,
    "no such type", "oihw");
  size_t start[TV_RANK], skip;
  check(tv_layout_part(&layout, 4, 2, start, &layout, &skip) == TV_ERROR_ARGUMENT &&
          tv_layout_part(&layout, 0, 0, start, &layout, &skip) == TV_ERROR_ARGUMENT,
    "no such filters", "oihw");
}

static void try_batches(void)
{
  static const struct
  {
    const char *axes, *left;
    tv_batch batch;
  } cases[] = {{"nchw", "chw", {0, 1, 2, 60}}, {"chwn", "chw", {3, 24, 5, 1}},
    {"wnc", "wc", {1, 2, 3, 4}}, {"n", "", {0, 1, 2, 1}}, {"chw", "chw", {-1, 1, 1, 24}},
    {"", "", {-1, 1, 1, 1}}, {"abcdnefgh", "abcdefgh", {4, 120, 6, 24}},
    {"nmm", "mm", {0, 1, 2, 12}}};
  const size_t sizes[] = {2, 3, 4, 5, 6, 2, 3, 4, 1};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k) {
    tv_shape shape;
    tv_batch b;
    const tv_batch *e = &cases[k].batch;
    check(tv_shape_split_batch(&shape, &b, cases[k].axes, sizes) == TV_OK, "batch", cases[k].axes);
    check(strcmp(shape.axes, cases[k].left) == 0 && tv_shape_check(&shape) == TV_OK, "what is left",
      cases[k].axes);
    check(
      b.axis == e->axis && b.outer == e->outer && b.samples == e->samples && b.inner == e->inner,
      "where samples stand", cases[k].axes);
    check(tv_shape_bytes(&shape, TV_INT64) == 8 * b.outer * b.inner, "bytes", cases[k].axes);
  }
}

/* The batch anywhere, each type: small whole numbers, whose sums are exact in any order. */
static void try_sum(tv_type type, size_t outer, size_t samples, size_t inner)
{
  const size_t count = outer * samples * inner;
  void *data = malloc(count * tv_type_size(type));
  unsigned char *sum = malloc(outer * inner * 8 + 1);
  double *expected = calloc(outer * inner, sizeof *expected);
  for (size_t k = 0; k < count; ++k) {
    const int number = type == TV_BOOL    ? (int)(k % 3)
                       : type == TV_UINT8 ? (int)(k % 251)
                                          : (int)(k % 17) - 8;
    const float single = (float)(type == TV_FLOAT16 ? number % 2 : number);
    unsigned bits;
    memcpy(&bits, &single, sizeof bits);
    switch (type) {
    case TV_FLOAT32:
      ((float *)data)[k] = single;
      break;
    case TV_FLOAT64:
      ((double *)data)[k] = single;
      break;
    case TV_FLOAT16: /* -1, 0, 1 */
      ((unsigned short *)data)[k] = (unsigned short)(single == 0  ? 0
                                                     : single > 0 ? 0x3c00
                                                                  : 0xbc00);
      break;
    case TV_BFLOAT16:
      ((unsigned short *)data)[k] = (unsigned short)(bits >> 16);
      break;
    case TV_INT32:
      ((int32_t *)data)[k] = number * 100000000;
      break;
    case TV_INT64:
      ((int64_t *)data)[k] = number * INT64_C(100000000);
      break;
    default:
      ((unsigned char *)data)[k] = (unsigned char)number;
      break;
    }
    expected[k / (samples * inner) * inner + k % inner] += type == TV_BOOL ? number != 0
                                                           : type == TV_INT32 || type == TV_INT64
                                                             ? 1e8 * number
                                                             : (double)single;
  }
  const tv_batch batch = {0, outer, samples, inner};
  const int wide = tv_type_result(type) == TV_FLOAT64;
  for (int threads = 0; threads < 4; ++threads) {
    const tv_execution execution = {threads, NULL, NULL};
    memset(sum, 0xff, outer * inner * 8 + 1);
    check(tv_batch_sum(sum, data, type, &batch, &execution) == 0, "sum", tv_type_name(type));
    size_t wrong = 0;
    for (size_t k = 0; k < outer * inner; ++k)
      wrong += (wide ? ((double *)sum)[k] : ((float *)sum)[k]) != expected[k];
    check(wrong == 0, "sums", tv_type_name(type));
    check(sum[outer * inner * (wide ? 8 : 4)] == 0xff, "nothing written behind", "");
  }
  free(data);
  free(sum);
  free(expected);
}

static void try_sums(void)
{
  static const size_t cases[][3] = {
    {1, 5, 6000}, {1, 1, 3}, {3, 8, 2049}, {700, 7, 10}, {6001, 6, 1}, {2, 3, 2048}};
  for (int type = 0; type <= TV_BOOL; ++type)
    for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k)
      try_sum((tv_type)type, cases[k][0], cases[k][1], cases[k][2]);
  float number = 0;
  const tv_batch bad[] = {
    {0, 0, 1, 1}, {0, 1, 0, 1}, {0, 1, 1, 0}, {0, (size_t)1 << 40, 1 << 20, 8}};
  for (size_t k = 0; k < sizeof bad / sizeof *bad; ++k)
    check(tv_batch_sum(&number, &number, TV_FLOAT32, bad + k, NULL) == TV_ERROR_ARGUMENT,
      "a batch of no size", "");
  check(
    tv_batch_sum(&number, &number, (tv_type)9, &(tv_batch){0, 1, 1, 1}, NULL) == TV_ERROR_ARGUMENT,
    "no such type", "");
}

int main(void)
{
  try_halves();
  try_refused();
  try_batches();
  try_sums();
  if (!failures)
    printf("shapes, numbers and sums agree\n");
  return failures != 0;
}
