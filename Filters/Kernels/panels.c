/* SPDX-License-Identifier: BSD-3-Clause */
#include "panels_inline.h"

static tv_row survey(const void *row, tv_type type, size_t pixels)
{
  return type == TV_FLOAT32 ? survey_float(row, pixels) : survey_double(row, pixels);
}

static void pack(float *panel, const void *x, tv_type type, size_t stride, size_t rows,
  size_t pixels, const tv_packing *packing)
{
  for (size_t row = 0; row < TV_PANEL; ++row)
    if (row >= rows)
      pack_zero(panel + row, pixels);
    else if (type == TV_FLOAT32)
      pack_float(panel + row, (const float *)x + row * stride, pixels, &packing[row]);
    else
      pack_double(panel + row, (const double *)x + row * stride, pixels, &packing[row]);
}

static void multiply(double *patch, const float *a, const float *b, size_t pixels,
  const tv_unpacking *of_a, const tv_unpacking *of_b, int shifts, tv_ahead *ahead)
{
  (void)ahead; /* too slow to wait for memory */
  for (size_t column = 0; column < TV_PANEL; ++column) {
    float total[TV_PANEL] = {0};
    for (size_t first = 0; first < pixels; first += TV_SEGMENT) {
      const size_t end = pixels - first < TV_SEGMENT ? pixels : first + TV_SEGMENT;
      float sum[TV_PANEL] = {0};
      for (size_t pixel = first; pixel < end; ++pixel) {
        const float factor = b[pixel * TV_PANEL + column];
        for (size_t row = 0; row < TV_PANEL; ++row)
          sum[row] += a[pixel * TV_PANEL + row] * factor;
      }
      for (size_t row = 0; row < TV_PANEL; ++row)
        total[row] += sum[row];
    }
    const double weighted = shifts ? of_b->weighted[column] : 0.0;
    for (size_t row = 0; row < TV_PANEL; ++row)
      patch[column * TV_PANEL + row] +=
        (double)total[row] * of_b->factor[column] * of_a->factor[row] + of_a->shift[row] * weighted;
  }
}

const tv_panel_functions tv_panel_plain = {survey, pack, multiply};

const tv_panel_functions *tv_panel_best(void)
{
#ifdef TV_VECTORS_X86
  switch (tv_vectors_best()) {
  case TV_VECTORS_AVX512:
    return &tv_panel_avx512;
  case TV_VECTORS_AVX2:
    return &tv_panel_avx2;
  default:
    break;
  }
#endif
  return &tv_panel_plain;
}
