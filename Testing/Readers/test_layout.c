/* Every axis order, type, range of windows and thread count against the plain definition: element
 * [filter][channel][row][column] of the result is the source's element with those indices. */
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

/* The source's element at its own indices, of the axes' own letters: a number that tells them. */
static void fill(float *source, const char *axes, const size_t *shape, size_t elements)
{
  static const char letters[] = "ocihwm";
  const size_t weight[] = {100000, 100000, 1000, 50, 1, 7};
  const size_t rank = strlen(axes);
  for (size_t k = 0; k < elements; ++k) {
    size_t rest = k, value = 0;
    for (size_t a = rank; a-- > 0;) {
      value += rest % shape[a] * weight[strchr(letters, axes[a]) - letters];
      rest /= shape[a];
    }
    source[k] = (float)value;
  }
}

static void try_order(const char *axes, const size_t *shape)
{
  tv_layout layout;
  check(tv_layout_axes(&layout, axes, shape) == TV_OK, "known axes", axes);
  float *source = malloc(layout.elements * sizeof *source);
  double *wide = malloc(layout.elements * sizeof *wide);
  unsigned short *brain = malloc(layout.elements * sizeof *brain);
  float *result = malloc(layout.elements * sizeof *result);
  double *wide_result = malloc(layout.elements * sizeof *wide_result);
  fill(source, axes, shape, layout.elements);
  for (size_t k = 0; k < layout.elements; ++k) {
    wide[k] = source[k];
    unsigned bits;
    memcpy(&bits, source + k, sizeof bits);
    brain[k] = (unsigned short)(bits >> 16);
  }
  const size_t ranges[][2] = {{0, layout.windows}, {0, 1}, {layout.windows - 1, 1},
    {layout.windows / 3, layout.windows / 2}, {1 % layout.windows, layout.windows / 2},
    {layout.windows, 0}};
  for (size_t r = 0; r < sizeof ranges / sizeof *ranges; ++r)
    for (int threads = 0; threads < 4; ++threads) {
      const size_t first = ranges[r][0], windows = ranges[r][1];
      memset(result, 0xff, layout.elements * sizeof *result);
      check(tv_layout_convert(result, &layout, TV_FLOAT32, source, first, windows, threads) == 0,
        "float32", axes);
      check(tv_layout_convert(wide_result, &layout, TV_FLOAT64, wide, first, windows, threads) == 0,
        "float64", axes);
      size_t wrong = 0, at = 0;
      for (size_t w = first; w < first + windows; ++w)
        for (size_t y = 0; y < layout.rows; ++y)
          for (size_t x = 0; x < layout.columns; ++x, ++at) {
            const size_t f = w / layout.channels, c = w % layout.channels;
            const float expected = layout.matrix
                                     ? source[y * layout.stride[2] + x * layout.stride[3]]
                                     : (float)(f * 100000 + c * 1000 + y * 50 + x);
            wrong += result[at] != expected || wide_result[at] != expected;
            wrong +=
              source[tv_layout_source(&layout, w * layout.pixels + y * layout.columns + x)] !=
              expected;
          }
      check(wrong == 0, "values", axes);
      for (; at < layout.elements; ++at)
        wrong += !isnan(result[at]);
      check(wrong == 0, "nothing written behind the range", axes);

      check(tv_layout_convert(result, &layout, TV_BFLOAT16, brain, first, windows, threads) == 0,
        "bfloat16", axes);
      for (size_t k = 0; k < windows * layout.pixels; ++k) {
        unsigned bits;
        memcpy(&bits, result + k, sizeof bits);
        const size_t from = tv_layout_source(&layout, first * layout.pixels + k);
        wrong += bits != (unsigned)brain[from] << 16;
      }
      check(wrong == 0, "bfloat16 values", axes);
    }
  const int direct = tv_layout_direct(&layout, TV_FLOAT32);
  size_t moved = 0;
  for (size_t k = 0; k < layout.elements; ++k)
    moved += tv_layout_source(&layout, k) != k;
  check(direct == (moved == 0), "no copy exactly where nothing moves", axes);
  check(!tv_layout_direct(&layout, TV_FLOAT16), "float16 is always converted", axes);
  free(source);
  free(wide);
  free(brain);
  free(result);
  free(wide_result);
}

/* All orders of the letters, with sizes that go with their letter. */
static void try_orders(const char *letters, const size_t *sizes, char *axes, size_t *shape, int at)
{
  const int rank = (int)strlen(letters);
  if (at == rank) {
    axes[at] = 0;
    try_order(axes, shape);
    return;
  }
  for (int k = 0; k < rank; ++k) {
    axes[at] = 0;
    if (strchr(axes, letters[k]))
      continue;
    axes[at] = letters[k];
    shape[at] = sizes[k];
    try_orders(letters, sizes, axes, shape, at + 1);
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
  check(tv_layout_convert(result, &layout, TV_FLOAT16, halves, 0, 65536, 2) == 0, "float16", "c");
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

int main(void)
{
  char axes[5];
  size_t shape[4];
  const size_t small[] = {5, 3, 4, 2}, ones[] = {7, 1, 3, 1}, large[] = {70, 66, 3, 3},
               matrix[] = {45, 67}, maps[] = {9, 40, 33}, line[] = {6, 2, 5}, square[] = {6, 6},
               filters[] = {1, 1, 1, 1};
  try_orders("oihw", small, axes, shape, 0);
  try_orders("oihw", ones, axes, shape, 0);
  try_orders("oihw", large, axes, shape, 0);
  try_orders("oihw", filters, axes, shape, 0);
  try_orders("oi", matrix, axes, shape, 0);
  try_orders("chw", maps, axes, shape, 0);
  try_orders("oiw", line, axes, shape, 0);
  try_orders("c", matrix, axes, shape, 0);
  try_orders("o", matrix, axes, shape, 0);
  try_order("mm", square);
  try_halves();

  tv_layout layout;
  const char *unknown[] = {"", "x", "oihwo", "nchw", "hw", "ih", "oo", "cc", "mmm", "ci", "oc", "m",
    "o-", "--oi", "iohx", "oihwn"};
  for (size_t k = 0; k < sizeof unknown / sizeof *unknown; ++k)
    check(tv_layout_axes(&layout, unknown[k], small) == TV_ERROR_FORMAT, "refused", unknown[k]);
  check(tv_layout_axes(&layout, NULL, small) == TV_ERROR_FORMAT, "refused", "NULL");
  const size_t none[] = {3, 0}, huge[] = {(size_t)1 << 40, (size_t)1 << 40},
               negative[] = {(size_t)1 << 61, 1};
  check(tv_layout_axes(&layout, "oi", none) == TV_ERROR_FORMAT, "size 0", "oi");
  check(tv_layout_axes(&layout, "oi", huge) == TV_ERROR_FORMAT, "overflow", "oi");
  check(tv_layout_axes(&layout, "oi", negative) == TV_ERROR_FORMAT, "overflow in bytes", "oi");
  check(tv_layout_axes(&layout, "oihw", small) == TV_OK, "known", "oihw");
  float values[120];
  check(tv_layout_convert(values, &layout, TV_FLOAT32, values, 15, 1, 1) == TV_ERROR_ARGUMENT,
    "behind the end", "oihw");
  check(
    tv_layout_convert(values, &layout, TV_FLOAT32, values, 1, (size_t)-1, 1) == TV_ERROR_ARGUMENT,
    "too many", "oihw");
  check(tv_layout_convert(values, &layout, (tv_type)9, values, 0, 1, 1) == TV_ERROR_ARGUMENT,
    "no such type", "oihw");
  if (!failures)
    printf("all orders, types and ranges agree\n");
  return failures != 0;
}
