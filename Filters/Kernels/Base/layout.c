#include "layout.h"

#include "status.h"

#include <omp.h>
#include <stdint.h>
#include <string.h>

enum
{
  FILTER,
  CHANNEL,
  ROW,
  COLUMN
};

/* Side of a tile of a transposition: 32 rows of two cache lines each, in a buffer of 4 KiB (8 KiB
 * for double) that stays in the first-level cache whatever the strides are. */
enum
{
  TILE = 32
};

/* Below this many elements a second thread costs more than it brings. */
enum
{
  WORTH_A_THREAD = 1 << 16
};

/* Part of a tensor as loops, slowest first, neighbours merged where they are contiguous. */
typedef struct loops
{
  int count;      /* 1 to 4 */
  size_t size[5]; /* one more than axes: see convert_box() */
  size_t in[5];   /* elements between neighbours in the source */
  size_t out[5];  /* and in the result */
} loops;

static int axis_of(const char *axes, char letter)
{
  const char *found = strchr(axes, letter);
  return found ? (int)(found - axes) : -1;
}

/* The letters of filter, channel, row, column among these axes, or NULL. */
static const char *roles(const char *axes, int rank)
{
  const char *letters;
  if (strcmp(axes, "oi") == 0 || strcmp(axes, "io") == 0)
    return "--oi";
  if (strcmp(axes, "mm") == 0)
    return "--mm";
  if (strchr(axes, 'i'))
    letters = "oihw";
  else if (strchr(axes, 'o'))
    letters = "o";
  else
    letters = "c-hw";
  if (!strchr(axes, letters[0]))
    return NULL;
  for (int a = 0; a < rank; ++a)
    if (axes[a] == '-' || !strchr(letters, axes[a]) || strchr(axes + a + 1, axes[a]))
      return NULL;
  return letters[1] ? letters : "o---";
}

/* The four axes of a box as loops; sizes of 1 vanish, contiguous neighbours merge. */
static loops make_loops(const tv_layout *layout, size_t filters, size_t channels)
{
  const size_t size[4] = {filters, channels, layout->rows, layout->columns};
  const size_t out[4] = {layout->channels * layout->pixels, layout->pixels, layout->columns, 1};
  loops l = {.count = 0};
  for (int a = 0; a < 4; ++a) {
    if (size[a] == 1)
      continue;
    const int last = l.count - 1;
    if (last >= 0 && l.in[last] == layout->stride[a] * size[a] && l.out[last] == out[a] * size[a]) {
      l.size[last] *= size[a];
      l.in[last] = layout->stride[a];
      l.out[last] = out[a];
    } else {
      l.size[l.count] = size[a];
      l.in[l.count] = layout->stride[a];
      l.out[l.count] = out[a];
      ++l.count;
    }
  }
  if (l.count == 0)
    l = (loops){1, {1}, {1}, {1}};
  return l;
}

int tv_layout_axes(tv_layout *layout, const char *axes, const size_t *shape)
{
  memset(layout, 0, sizeof *layout);
  const size_t rank = axes ? strlen(axes) : 0;
  const char *letters = rank >= 1 && rank <= 4 ? roles(axes, (int)rank) : NULL;
  if (!letters)
    return tv_fail(TV_ERROR_FORMAT,
      "the axes \"%.16s\" are none that TensorView knows (such as oihw, hwio, oi, chw, hwc, c, o, "
      "mm)",
      axes ? axes : "");

  size_t steps[4], elements = 1;
  int overflow = 0;
  for (size_t a = rank; a-- > 0;) {
    if (shape[a] == 0)
      return tv_fail(TV_ERROR_FORMAT, "axis '%c' has size 0", axes[a]);
    steps[a] = elements;
    elements = tv_multiply(elements, shape[a], &overflow);
  }
  tv_multiply(elements, sizeof(double), &overflow);
  if (overflow || elements > PTRDIFF_MAX / sizeof(double))
    return tv_fail(TV_ERROR_FORMAT, "its sizes are too large to be real");

  size_t *size[4] = {&layout->filters, &layout->channels, &layout->rows, &layout->columns};
  for (int role = 0; role < 4; ++role) {
    int axis = letters[role] == '-' ? -1 : axis_of(axes, letters[role]);
    if (letters[role] == 'm')
      axis = role - ROW;
    layout->axis[role] = axis;
    *size[role] = axis < 0 ? 1 : shape[axis];
    layout->stride[role] = axis < 0 ? 0 : steps[axis];
  }
  layout->rank = (int)rank;
  layout->matrix = letters[0] == '-';
  layout->windows = layout->filters * layout->channels;
  layout->pixels = layout->rows * layout->columns;
  layout->elements = elements;
  const loops l = make_loops(layout, layout->filters, layout->channels);
  layout->identity = l.count == 1 && l.in[0] == 1;
  return TV_OK;
}

int tv_layout_direct(const tv_layout *layout, tv_type type)
{
  return layout->identity && (type == TV_FLOAT32 || type == TV_FLOAT64);
}

size_t tv_layout_result_size(tv_type type)
{
  return type == TV_FLOAT64 ? sizeof(double) : sizeof(float);
}

size_t tv_layout_source(const tv_layout *layout, size_t flat)
{
  const size_t column = flat % layout->columns;
  const size_t row = flat / layout->columns % layout->rows;
  const size_t window = flat / layout->pixels;
  return window / layout->channels * layout->stride[FILTER] +
         window % layout->channels * layout->stride[CHANNEL] + row * layout->stride[ROW] +
         column * layout->stride[COLUMN];
}

/* binary16 to binary32 with neither branches nor tables, so that compilers vectorise it, and with
 * no subnormal float32 on the way, which processors may be slow at or told to ignore. */
static inline float from_half(uint16_t half)
{
  const uint32_t magnitude = half & 0x7fffu;
  const uint32_t infinite = magnitude >= 0x7c00u ? 112u << 23 : 0u;    /* or NaN */
  const uint32_t normal = (magnitude << 13) + (112u << 23) + infinite; /* bias 127 - 15 = 112 */
  union {
    float number;
    uint32_t bits;
  } value = {(float)(int32_t)magnitude * 0x1p-24f};            /* right if subnormal */
  const uint32_t small = 0u - (uint32_t)(magnitude < 0x0400u); /* all ones, or none */
  value.bits = (value.bits & small) | (normal & ~small) | (uint32_t)(half & 0x8000u) << 16;
  return value.number;
}

static void convert_halves(float *restrict out, const uint16_t *restrict in, size_t count)
{
  for (size_t k = 0; k < count; ++k)
    out[k] = from_half(in[k]);
}

static void convert_bfloats(float *restrict out, const uint16_t *restrict in, size_t count)
{
  for (size_t k = 0; k < count; ++k) {
    const uint32_t bits = (uint32_t)in[k] << 16;
    memcpy(out + k, &bits, sizeof bits);
  }
}

/* A run of neighbours. */
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
    convert_halves(out, in, count);
    break;
  case TV_BFLOAT16:
    convert_bfloats(out, in, count);
    break;
  default: /* refused before: no size */
    break;
  }
}

/* A tile: width neighbours of the source by height neighbours of the result, through a buffer, so
 * that both are touched in whole cache lines. */
static void convert_tile(char *out, size_t out_stride, const char *in, size_t in_stride,
  size_t width, size_t height, tv_type type)
{
  const size_t from = tv_type_size(type);
  if (type == TV_FLOAT64) {
    double tile[TILE][TILE + 1];
    for (size_t y = 0; y < height; ++y)
      convert_run(tile[y], in + y * in_stride * from, type, width);
    for (size_t x = 0; x < width; ++x) {
      double *line = (double *)out + x * out_stride;
      for (size_t y = 0; y < height; ++y)
        line[y] = tile[y][x];
    }
  } else {
    float tile[TILE][TILE + 1];
    for (size_t y = 0; y < height; ++y)
      convert_run(tile[y], in + y * in_stride * from, type, width);
    for (size_t x = 0; x < width; ++x) {
      float *line = (float *)out + x * out_stride;
      for (size_t y = 0; y < height; ++y)
        line[y] = tile[y][x];
    }
  }
}

/* One contiguous piece, cut among the threads. */
static void convert_flat(char *out, const char *in, size_t count, tv_type type, int threads)
{
  const size_t from = tv_type_size(type), to = tv_layout_result_size(type);
  const size_t piece = WORTH_A_THREAD;
  const ptrdiff_t pieces = (ptrdiff_t)((count + piece - 1) / piece);
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

/* Any other order: tiles of the axis that is contiguous in the source and the one that is
 * contiguous in the result. All that lies between them is done for one band of source neighbours
 * after the other, so that a result line begun is soon full. */
static void convert_tiles(
  char *out, const char *in, const loops *l, int fastest, tv_type type, int threads)
{
  const size_t from = tv_type_size(type), to = tv_layout_result_size(type);
  const int last = l->count - 1;
  const size_t bands = (l->size[fastest] + TILE - 1) / TILE;
  size_t between = 1;
  for (int a = 0; a < last; ++a)
    if (a != fastest)
      between *= l->size[a];
#pragma omp parallel for num_threads(threads) if (threads > 1) schedule(static)
  for (ptrdiff_t k = 0; k < (ptrdiff_t)(bands * between); ++k) {
    const size_t x = (size_t)k / between * TILE;
    const size_t width = l->size[fastest] - x < TILE ? l->size[fastest] - x : TILE;
    size_t rest = (size_t)k % between;
    size_t at = x * l->in[fastest], to_at = x * l->out[fastest];
    for (int a = last - 1; a >= 0; --a)
      if (a != fastest) {
        at += rest % l->size[a] * l->in[a];
        to_at += rest % l->size[a] * l->out[a];
        rest /= l->size[a];
      }
    for (size_t y = 0; y < l->size[last]; y += TILE) {
      const size_t height = l->size[last] - y < TILE ? l->size[last] - y : TILE;
      convert_tile(out + (to_at + y) * to, l->out[fastest], in + (at + y * l->in[last]) * from,
        l->in[last], width, height, type);
    }
  }
}

/* A box of whole channels: filters from .. from + filters, or some channels of one filter. */
static void convert_box(char *out, const tv_layout *layout, tv_type type, const char *in,
  size_t filters, size_t channels, int threads)
{
  const loops l = make_loops(layout, filters, channels);
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
    convert_tiles(out, in, &l, fastest, type, threads);
  else { /* a part of the source in which nothing is contiguous: runs of one */
    loops single = l;
    single.size[single.count] = 1;
    single.in[single.count] = 1;
    single.out[single.count] = 1;
    ++single.count;
    convert_runs(out, in, &single, type, threads);
  }
}

int tv_layout_convert(void *result, const tv_layout *layout, tv_type type, const void *source,
  size_t first_window, size_t windows, int threads)
{
  const size_t from = tv_type_size(type), to = tv_layout_result_size(type);
  if (!from)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no number type %d", (int)type);
  if (first_window > layout->windows || windows > layout->windows - first_window)
    return tv_fail(TV_ERROR_ARGUMENT, "windows %zu to %zu do not exist: there are %zu",
      first_window, first_window + windows - 1, layout->windows);
  if (threads < 1)
    threads = omp_get_max_threads();

  char *out = result;
  size_t filter = first_window / layout->channels;
  size_t channel = first_window % layout->channels;
  while (windows > 0) {
    size_t filters = 1, channels = layout->channels - channel;
    if (channel == 0 && windows >= layout->channels)
      filters = windows / layout->channels; /* whole filters at once */
    else if (channels > windows)
      channels = windows;
    const char *in = (const char *)source +
                     (filter * layout->stride[FILTER] + channel * layout->stride[CHANNEL]) * from;
    convert_box(out, layout, type, in, filters, channels, threads);
    out += filters * channels * layout->pixels * to;
    windows -= filters * channels;
    filter += filters;
    channel = 0;
  }
  return TV_OK;
}
