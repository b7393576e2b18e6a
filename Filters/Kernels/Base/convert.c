/* SPDX-License-Identifier: BSD-3-Clause */
/* tv_layout_convert(): the values themselves. */
#include "execution.h"
#include "layout.h"
#include "number.h"
#include "status.h"

#include <stdint.h>
#include <string.h>

/* Side of a square of a transposition: 32 rows of two cache lines each, in a buffer of 4 KiB (8 KiB
 * for double) that stays in the first-level cache whatever the strides are. */
enum
{
  SQUARE = 32
};

/* Below this many elements a second thread costs more than it brings. */
enum
{
  WORTH_A_THREAD = 1 << 16
};

/* A box of a tensor as loops, slowest first, neighbours merged where they are contiguous. */
typedef struct loops
{
  int count;                /* 1 to TV_RANK */
  size_t size[TV_RANK + 1]; /* one more than axes: see convert_box() */
  size_t in[TV_RANK + 1];   /* elements between neighbours in the source */
  size_t out[TV_RANK + 1];  /* and in the result */
} loops;

/* Some of one axis of the result, and all of those behind it; sizes of 1 vanish. */
static loops make_loops(const tv_layout *layout, int axis, size_t some)
{
  const int rank = layout->shape.rank;
  size_t size[TV_RANK], out[TV_RANK], next = 1;
  for (int k = rank - 1; k >= axis; --k) {
    size[k] = k == axis ? some : layout->shape.size[layout->order[k]];
    out[k] = next;
    next *= size[k];
  }
  loops l = {.count = 0};
  for (int k = axis; k < rank; ++k) {
    if (size[k] == 1)
      continue;
    const size_t in = layout->stride[k];
    const int last = l.count - 1;
    if (last >= 0 && l.in[last] == in * size[k] && l.out[last] == out[k] * size[k]) {
      l.size[last] *= size[k];
      l.in[last] = in;
      l.out[last] = out[k];
    } else {
      l.size[l.count] = size[k];
      l.in[l.count] = in;
      l.out[l.count++] = out[k];
    }
  }
  if (l.count == 0)
    l = (loops){1, {1}, {1}, {1}};
  return l;
}

/* convert_TYPE(): a run of neighbours. */
#define DEFINE_CONVERT(name, source, target)                                                       \
  static void convert_##name(target *restrict out, const source *restrict in, size_t count)        \
  {                                                                                                \
    for (size_t k = 0; k < count; ++k)                                                             \
      out[k] = tv_from_##name(in[k]);                                                              \
  }

DEFINE_CONVERT(float16, uint16_t, float)
DEFINE_CONVERT(bfloat16, uint16_t, float)
DEFINE_CONVERT(int8, int8_t, float)
DEFINE_CONVERT(uint8, uint8_t, float)
DEFINE_CONVERT(int32, int32_t, double)
DEFINE_CONVERT(int64, int64_t, double)
DEFINE_CONVERT(bool, uint8_t, float)

static void convert_run(void *out, const void *in, tv_type type, size_t count)
{
  switch (type) {
  case TV_FLOAT32:
    memcpy(out, in, count * sizeof(float));
    break;
  case TV_FLOAT64:
    memcpy(out, in, count * sizeof(double));
    break;
  case TV_FLOAT16:
    convert_float16(out, in, count);
    break;
  case TV_BFLOAT16:
    convert_bfloat16(out, in, count);
    break;
  case TV_INT8:
    convert_int8(out, in, count);
    break;
  case TV_UINT8:
    convert_uint8(out, in, count);
    break;
  case TV_INT32:
    convert_int32(out, in, count);
    break;
  case TV_INT64:
    convert_int64(out, in, count);
    break;
  case TV_BOOL:
    convert_bool(out, in, count);
    break;
  }
}

/* A square: width neighbours of the source by height neighbours of the result, through a buffer, so
 * that both are touched in whole cache lines. */
static void convert_square(char *out, size_t out_stride, const char *in, size_t in_stride,
  size_t width, size_t height, tv_type type)
{
  const size_t from = tv_type_size(type);
  if (tv_type_result(type) == TV_FLOAT64) {
    double square[SQUARE][SQUARE + 1];
    for (size_t y = 0; y < height; ++y)
      convert_run(square[y], in + y * in_stride * from, type, width);
    for (size_t x = 0; x < width; ++x) {
      double *line = (double *)out + x * out_stride;
      for (size_t y = 0; y < height; ++y)
        line[y] = square[y][x];
    }
  } else {
    float square[SQUARE][SQUARE + 1];
    for (size_t y = 0; y < height; ++y)
      convert_run(square[y], in + y * in_stride * from, type, width);
    for (size_t x = 0; x < width; ++x) {
      float *line = (float *)out + x * out_stride;
      for (size_t y = 0; y < height; ++y)
        line[y] = square[y][x];
    }
  }
}

/* One contiguous piece, cut among the threads. */
static void convert_flat(char *out, const char *in, size_t count, tv_type type, int threads)
{
  const size_t from = tv_type_size(type), to = tv_layout_result_size(type);
  const size_t piece = WORTH_A_THREAD;
  const ptrdiff_t pieces = (ptrdiff_t)((count + piece - 1) / piece);
  (void)threads; /* where there is no OpenMP */
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
  for (ptrdiff_t p = 0; p < pieces; ++p) {
    const size_t begin = (size_t)p * piece;
    const size_t length = count - begin < piece ? count - begin : piece;
    convert_run(out + begin * to, in + begin * from, type, length);
  }
}

/* The innermost loop of the result is contiguous in the source too: whole runs. */
static void convert_runs(char *out, const char *in, const loops *l, tv_type type, int threads)
{
  const size_t from = tv_type_size(type), to = tv_layout_result_size(type);
  const int last = l->count - 1;
  size_t runs = 1;
  for (int a = 0; a < last; ++a)
    runs *= l->size[a];
  (void)threads;
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
  for (ptrdiff_t run = 0; run < (ptrdiff_t)runs; ++run) {
    size_t rest = (size_t)run, at = 0, to_at = 0;
    for (int a = last - 1; a >= 0; --a) {
      at += rest % l->size[a] * l->in[a];
      to_at += rest % l->size[a] * l->out[a];
      rest /= l->size[a];
    }
    convert_run(out + to_at * to, in + at * from, type, l->size[last]);
  }
}

/* Any other order: squares of the axis that is contiguous in the source and the one that is
 * contiguous in the result. All that lies between them is done for one band of source neighbours
 * after the other, so that a result line begun is soon full. */
static void convert_squares(
  char *out, const char *in, const loops *l, int fastest, tv_type type, int threads)
{
  const size_t from = tv_type_size(type), to = tv_layout_result_size(type);
  const int last = l->count - 1;
  const size_t bands = (l->size[fastest] + SQUARE - 1) / SQUARE;
  size_t between = 1;
  for (int a = 0; a < last; ++a)
    if (a != fastest)
      between *= l->size[a];
  (void)threads;
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
  for (ptrdiff_t k = 0; k < (ptrdiff_t)(bands * between); ++k) {
    const size_t x = (size_t)k / between * SQUARE;
    const size_t width = l->size[fastest] - x < SQUARE ? l->size[fastest] - x : SQUARE;
    size_t rest = (size_t)k % between;
    size_t at = x * l->in[fastest], to_at = x * l->out[fastest];
    for (int a = last - 1; a >= 0; --a)
      if (a != fastest) {
        at += rest % l->size[a] * l->in[a];
        to_at += rest % l->size[a] * l->out[a];
        rest /= l->size[a];
      }
    for (size_t y = 0; y < l->size[last]; y += SQUARE) {
      const size_t height = l->size[last] - y < SQUARE ? l->size[last] - y : SQUARE;
      convert_square(out + (to_at + y) * to, l->out[fastest], in + (at + y * l->in[last]) * from,
        l->in[last], width, height, type);
    }
  }
}

static void convert_box(char *out, const char *in, loops l, tv_type type, int threads)
{
  int fastest = 0;
  for (int a = 1; a < l.count; ++a)
    if (l.in[a] < l.in[fastest])
      fastest = a;
  size_t elements = 1;
  for (int a = 0; a < l.count; ++a)
    elements *= l.size[a];
  if (elements < 2 * WORTH_A_THREAD)
    threads = 1;
  if (l.count == 1 && (l.in[0] == 1 || l.size[0] == 1))
    convert_flat(out, in, l.size[0], type, threads);
  else if (l.in[l.count - 1] == 1)
    convert_runs(out, in, &l, type, threads);
  else if (l.in[fastest] == 1)
    convert_squares(out, in, &l, fastest, type, threads);
  else { /* a part of the source in which nothing is contiguous: runs of one */
    l.size[l.count] = l.in[l.count] = l.out[l.count] = 1;
    ++l.count;
    convert_runs(out, in, &l, type, threads);
  }
}

int tv_layout_convert_elements(void *result, const tv_layout *layout, tv_type type,
  const void *source, size_t first, size_t elements, const tv_execution *execution)
{
  const size_t from = tv_type_size(type), to = tv_layout_result_size(type);
  const int threads = tv_execution_threads(execution), rank = layout->shape.rank;
  if (!from)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no number type %d", (int)type);
  if (first > layout->elements || elements > layout->elements - first)
    return tv_fail(TV_ERROR_ARGUMENT, "%zu elements from %zu on do not exist: there are %zu",
      elements, first, layout->elements);

  /* Boxes, each as large as begins at first: some of an axis, and all of those behind it. */
  char *out = result;
  while (elements > 0) {
    size_t below = layout->elements, some = 1;
    int axis = 0;
    for (; axis < rank; ++axis) {
      const size_t size = layout->shape.size[layout->order[axis]];
      below /= size;
      if (first % below == 0 && elements >= below) {
        const size_t left = size - first / below % size;
        some = elements / below < left ? elements / below : left;
        break;
      }
    }
    const char *in = (const char *)source + tv_layout_source(layout, first) * from;
    convert_box(out, in, make_loops(layout, axis, some), type, threads);
    out += some * below * to;
    first += some * below;
    elements -= some * below;
  }
  return TV_OK;
}

int tv_layout_convert(void *result, const tv_layout *layout, tv_type type, const void *source,
  size_t first_window, size_t windows, const tv_execution *execution)
{
  if (first_window > layout->count || windows > layout->count - first_window)
    return tv_fail(TV_ERROR_ARGUMENT, "%zu windows from %zu on do not exist: there are %zu",
      windows, first_window, layout->count);
  return tv_layout_convert_elements(result, layout, type, source, first_window * layout->pixels,
    windows * layout->pixels, execution);
}
