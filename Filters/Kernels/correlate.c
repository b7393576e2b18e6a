#include "correlate.h"

#include "panels.h"
#include "status.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Where pixels are many and filters are few, pixels are cut into parts, and each part is one
 * thread's own work from start to end: it surveys its pixels (which then are in its cache), packs
 * and multiplies them, and has its own blocks. Otherwise there is one part, on which all threads
 * work together: first each packs panels, then each multiplies pairs of panels.
 *
 * How the work is cut depends on the sizes alone, never on the number of threads, and sums are
 * joined in the order of the parts: so the result does not depend on the threads either. */
enum
{
  MOST_PARTS = 32,
  FEWEST_PARTS = 4,
  PART_BYTES = 512 << 10, /* of input in a part: half of a usual second-level cache */
  PART_PIXELS = 1024,     /* at least */
  BLOCK_BYTES = 16 << 20, /* of all parts' blocks, at most */
  SLAB_BYTES = 64 << 20,  /* of packed panels, at most */
  GROUP = 4,              /* panels of a task's side: two groups fill a second-level cache */
  SMALL = 1 << 20         /* multiplications that are not worth waking a thread */
};

typedef struct work
{
  float *matrix;
  const char *x;
  tv_type type;
  size_t filters, pixels;
  tv_metric metric;
  tv_progress progress;
  void *context;
  const tv_panel_functions *functions;
  size_t panels, blocks; /* blocks of the lower triangle, diagonal included */
  size_t parts, part_pixels;
  size_t slab_pixels;   /* packed at a time */
  size_t packed_floats; /* of one slab */
  size_t tasks, done;   /* for progress */
  int stop;
  tv_row *survey;      /* [parts][filters] */
  tv_packing *packing; /* [parts][filters] */
  double *block;       /* [parts][blocks][TV_BLOCK]; with one part see multiply_pairs() */
  float *packed;       /* [threads, or 1][packed_floats] */
  double *scratch;     /* [threads][GROUP * GROUP][TV_BLOCK], with one part and one slab */
  double *weight;      /* [parts][filters]: from a part's units to the matrix's, see join() */
  double *shift;       /* [parts][filters] */
  double *norm;        /* [filters]: 1 / sqrt(sum of squares), NaN for a row without similarity */
} work;

static size_t minimum(size_t a, size_t b)
{
  return a < b ? a : b;
}

static size_t round_up(size_t n, size_t multiple)
{
  return (n + multiple - 1) / multiple * multiple;
}

static size_t triangle(size_t row)
{
  return row * (row + 1) / 2;
}

static void plan(work *w)
{
  const size_t bytes = tv_type_size(w->type);
  size_t parts;
  w->panels = (w->filters + TV_PANEL - 1) / TV_PANEL;
  w->blocks = triangle(w->panels);
  parts = minimum(MOST_PARTS, w->pixels / PART_PIXELS);
  parts = minimum(parts, w->filters * w->pixels * bytes / PART_BYTES);
  parts = minimum(parts, BLOCK_BYTES / sizeof(double) / TV_BLOCK / w->blocks);
  if (parts >= FEWEST_PARTS) {
    w->part_pixels = round_up((w->pixels + parts - 1) / parts, TV_DEPTH);
    w->parts = (w->pixels + w->part_pixels - 1) / w->part_pixels;
    w->slab_pixels = TV_DEPTH;
    w->tasks = w->parts;
  } else {
    const size_t groups = (w->panels + GROUP - 1) / GROUP;
    const size_t fit = SLAB_BYTES / sizeof(float) / TV_PANEL / w->panels / TV_DEPTH * TV_DEPTH;
    w->parts = 1;
    w->part_pixels = w->pixels;
    w->slab_pixels = minimum(w->pixels, fit > TV_DEPTH ? fit : TV_DEPTH);
    w->tasks = (w->pixels + w->slab_pixels - 1) / w->slab_pixels * (w->panels + triangle(groups));
  }
  w->packed_floats = w->panels * TV_PANEL * w->slab_pixels;
}

static const char *row_at(const work *w, size_t filter, size_t pixel)
{
  return w->x + (filter * w->pixels + pixel) * tv_type_size(w->type);
}

static size_t pixels_of(const work *w, size_t part)
{
  return minimum(w->part_pixels, w->pixels - part * w->part_pixels);
}

/* Called after each task: counts it, and asks the caller where this is the caller's thread. */
static void report(work *w)
{
  size_t done;
#pragma omp atomic capture
  done = ++w->done;
  if (w->progress && omp_get_thread_num() == 0 &&
      w->progress(w->context, (double)done / (double)w->tasks)) {
#pragma omp atomic write
    w->stop = 1;
  }
}

static int stopped(work *w)
{
  int stop;
#pragma omp atomic read
  stop = w->stop;
  return stop;
}

/* The power of two that brings numbers up to range to 1/2 .. 1, within the type's exponents. */
static double power_for(const work *w, double range)
{
  const int most = w->type == TV_FLOAT32 ? 126 : 1000;
  int exponent;
  frexp(range, &exponent);
  return ldexp(1.0, exponent > most ? -most : exponent < -most ? most : -exponent);
}

static double range_of(const work *w, const tv_row *row)
{
  const double largest = fabs(row->low) > fabs(row->high) ? fabs(row->low) : fabs(row->high);
  return w->metric == TV_COSINE ? largest : row->high - row->low;
}

static void fetch(const char *from, size_t bytes)
{
  for (size_t i = 0; i < bytes; i += 64)
    __builtin_prefetch(from + i, 0, 2);
}

static void survey(work *w, size_t part, size_t first, size_t end)
{
  const size_t start = part * w->part_pixels, pixels = pixels_of(w, part);
  for (size_t filter = first; filter < end; ++filter) {
    tv_row *row = &w->survey[part * w->filters + filter];
    tv_packing *packing = &w->packing[part * w->filters + filter];
    if (filter + 1 < end) /* processors do not look ahead beyond the end of a page */
      fetch(row_at(w, filter + 1, start), pixels * tv_type_size(w->type));
    *row = w->functions->survey(row_at(w, filter, start), w->type, pixels);
    const double range = range_of(w, row);
    memset(packing, 0, sizeof *packing); /* a scale of 0: the row is left out */
    if (!isfinite(row->offset) || !isfinite(row->high - row->low) || !(range > 0.0))
      continue;
    packing->scale = power_for(w, range);
    if (w->metric == TV_COSINE)
      continue;
    if (w->type ==
        TV_FLOAT32) { /* the nearest float takes all digits from the pixels; then the rest */
      const double mean = row->first + row->offset;
      packing->shift = (double)(float)mean * packing->scale;
      packing->rest = (mean - (double)(float)mean) * packing->scale;
    } else {
      packing->shift = row->first * packing->scale;
      packing->rest = row->offset * packing->scale;
    }
  }
}

static float *pack(work *w, float *packed, size_t part, size_t panel, size_t pixel, size_t pixels)
{
  const size_t first = panel * TV_PANEL;
  float *to = packed + panel * TV_PANEL * w->slab_pixels;
  w->functions->pack(to, row_at(w, first, part * w->part_pixels + pixel), w->type, w->pixels,
    minimum(TV_PANEL, w->filters - first), pixels, &w->packing[part * w->filters + first]);
  return to;
}

/* A part from start to end, by one thread. */
static void multiply_part(work *w, size_t part, float *packed)
{
  const size_t pixels = pixels_of(w, part);
  double *block = w->block + part * w->blocks * TV_BLOCK;
  survey(w, part, 0, w->filters);
  memset(block, 0, w->blocks * TV_BLOCK * sizeof *block);
  for (size_t pixel = 0; pixel < pixels; pixel += w->slab_pixels) {
    const size_t depth = minimum(w->slab_pixels, pixels - pixel);
    for (size_t i = 0; i < w->panels; ++i) {
      const float *a = pack(w, packed, part, i, pixel, depth);
      for (size_t j = 0; j <= i; ++j)
        w->functions->multiply(
          block + (triangle(i) + j) * TV_BLOCK, a, packed + j * TV_PANEL * w->slab_pixels, depth);
    }
  }
}

/* What joins the parts (Chan, Golub and LeVeque): with S a row's scale over all pixels, s its
 * scale in a part and n the part's pixels, the sum of products of rows i and j is, times S S,
 *   sum over parts of block * (S/s)_i (S/s)_j + n (S (mean of part - mean))_i (same)_j */
static void join(work *w, size_t filter)
{
  tv_row all = w->survey[filter];
  double mean = 0.0, scale = 0.0; /* mean: less all.first */
  for (size_t part = 0; part < w->parts; ++part) {
    const tv_row *row = &w->survey[part * w->filters + filter];
    mean +=
      (row->first - all.first + row->offset) * ((double)pixels_of(w, part) / (double)w->pixels);
    all.low = row->low < all.low ? row->low : all.low;
    all.high = row->high > all.high ? row->high : all.high;
  }
  if (isfinite(mean) && isfinite(all.high - all.low) && all.high > all.low)
    scale = power_for(w, range_of(w, &all));
  w->norm[filter] = scale > 0.0 ? 1.0 : NAN;
  for (size_t part = 0; part < w->parts; ++part) {
    const size_t at = part * w->filters + filter;
    const tv_row *row = &w->survey[at];
    const double own = w->packing[at].scale;
    w->weight[at] = scale > 0.0 && own > 0.0 ? scale / own : 0.0;
    w->shift[at] = scale > 0.0 && w->metric == TV_PEARSON
                     ? (row->first - all.first + row->offset - mean) * scale
                     : 0.0;
  }
}

/* The sums of products of two panels i >= j over all parts: block itself, or sum. */
static const double *join_blocks(
  const work *w, double *sum, const double *block, size_t i, size_t j)
{
  const size_t rows = minimum(TV_PANEL, w->filters - i * TV_PANEL);
  const size_t columns = minimum(TV_PANEL, w->filters - j * TV_PANEL);
  if (w->parts == 1)
    return block;
  memset(sum, 0, TV_BLOCK * sizeof *sum);
  for (size_t part = 0; part < w->parts; ++part, block += w->blocks * TV_BLOCK) {
    const double pixels = (double)pixels_of(w, part);
    const double *weight = w->weight + part * w->filters, *shift = w->shift + part * w->filters;
    for (size_t column = 0; column < columns; ++column) {
      const double column_weight = weight[j * TV_PANEL + column];
      const double column_shift = shift[j * TV_PANEL + column] * pixels;
      for (size_t row = 0; row < rows; ++row)
        sum[column * TV_PANEL + row] +=
          block[column * TV_PANEL + row] * (weight[i * TV_PANEL + row] * column_weight) +
          shift[i * TV_PANEL + row] * column_shift;
    }
  }
  return sum;
}

/* From a block of the diagonal: 1 / sqrt(sum of squares) of its rows. */
static void norms(work *w, const double *block, size_t panel)
{
  double sum[TV_BLOCK];
  block = join_blocks(w, sum, block, panel, panel);
  for (size_t row = 0; row < TV_PANEL && panel * TV_PANEL + row < w->filters; ++row) {
    const double squares = block[row * TV_PANEL + row];
    double *norm = &w->norm[panel * TV_PANEL + row];
    *norm = squares > 0.0 ? *norm / sqrt(squares) : NAN;
  }
}

/* A block of panels i >= j into both triangles of the matrix. */
static void finish(const work *w, const double *block, size_t i, size_t j)
{
  const size_t rows = minimum(TV_PANEL, w->filters - i * TV_PANEL);
  const size_t columns = minimum(TV_PANEL, w->filters - j * TV_PANEL);
  const double *row_norm = w->norm + i * TV_PANEL, *column_norm = w->norm + j * TV_PANEL;
  double sum[TV_BLOCK];
  float r[TV_PANEL][TV_PANEL]; /* [column][row] */
  block = join_blocks(w, sum, block, i, j);
  for (size_t column = 0; column < columns; ++column)
    for (size_t row = 0; row < rows; ++row) {
      double v = block[column * TV_PANEL + row] * row_norm[row] * column_norm[column];
      v = v > 1.0 ? 1.0 : v; /* neither changes NaN */
      v = v < -1.0 ? -1.0 : v;
      r[column][row] = (float)v;
    }
  if (i == j)
    for (size_t column = 0; column < columns; ++column) {
      r[column][column] = isnan(r[column][column]) ? NAN : 1.0f;
      for (size_t row = 0; row < column; ++row)
        r[column][row] = r[row][column];
    }
  for (size_t column = 0; column < columns; ++column)
    memcpy(w->matrix + (j * TV_PANEL + column) * w->filters + i * TV_PANEL, r[column],
      rows * sizeof(float));
  if (i != j)
    for (size_t row = 0; row < rows; ++row)
      for (size_t column = 0; column < columns; ++column)
        w->matrix[(i * TV_PANEL + row) * w->filters + j * TV_PANEL + column] = r[column][row];
}

static void divide_pixels(work *w, int threads)
{
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    float *packed = w->packed + (size_t)omp_get_thread_num() * w->packed_floats;
#pragma omp for schedule(dynamic)
    for (size_t part = 0; part < w->parts; ++part)
      if (!stopped(w)) {
        multiply_part(w, part, packed);
        report(w);
      }
#pragma omp for schedule(dynamic)
    for (size_t panel = 0; panel < w->panels; ++panel)
      if (!stopped(w)) {
        for (size_t filter = panel * TV_PANEL; filter < minimum(w->filters, (panel + 1) * TV_PANEL);
             ++filter)
          join(w, filter);
        norms(w, w->block + (triangle(panel) + panel) * TV_BLOCK, panel);
      }
#pragma omp for schedule(dynamic)
    for (size_t i = 0; i < w->panels; ++i)
      for (size_t j = 0; j <= i && !stopped(w); ++j)
        finish(w, w->block + (triangle(i) + j) * TV_BLOCK, i, j);
  }
}

static void add_product(work *w, double *block, const float *a, const float *b, size_t depth)
{
  for (size_t pixel = 0; pixel < depth; pixel += TV_DEPTH)
    w->functions->multiply(
      block, a + pixel * TV_PANEL, b + pixel * TV_PANEL, minimum(TV_DEPTH, depth - pixel));
}

/* The task (row, column) in a triangle of groups, counted row by row. */
static void place_of(size_t task, size_t *row, size_t *column)
{
  size_t i = (size_t)((sqrt(8.0 * (double)task + 1.0) - 1.0) / 2.0);
  while (triangle(i) > task)
    --i;
  while (triangle(i + 1) <= task)
    ++i;
  *row = i;
  *column = task - triangle(i);
}

/* All pairs of two groups of panels over a slab, but those of the diagonal. With one slab, blocks
 * are needed for this long only. Pixels go outermost, so that both groups' stretch stays cached. */
static void multiply_pairs(work *w, size_t task, size_t depth, double *scratch, int last)
{
  size_t row, column;
  place_of(task, &row, &column);
  const size_t row_end = minimum(w->panels, (row + 1) * GROUP);
  const size_t column_end = minimum(w->panels, (column + 1) * GROUP);
  if (scratch)
    memset(scratch, 0, GROUP * GROUP * TV_BLOCK * sizeof *scratch);
  for (size_t pixel = 0; pixel < depth; pixel += TV_DEPTH)
    for (size_t i = row * GROUP; i < row_end; ++i)
      for (size_t j = column * GROUP; j < column_end && j < i; ++j) {
        const size_t inside = (i - row * GROUP) * GROUP + j - column * GROUP;
        double *block =
          scratch ? scratch + inside * TV_BLOCK : w->block + (triangle(i) + j) * TV_BLOCK;
        add_product(w, block, w->packed + (i * w->slab_pixels + pixel) * TV_PANEL,
          w->packed + (j * w->slab_pixels + pixel) * TV_PANEL, minimum(TV_DEPTH, depth - pixel));
        if (last && pixel + TV_DEPTH >= depth)
          finish(w, block, i, j);
      }
}

static void divide_pairs(work *w, int threads)
{
  const size_t tasks = triangle((w->panels + GROUP - 1) / GROUP);
#pragma omp parallel num_threads(threads) if (threads > 1)
  {
    double *scratch =
      w->scratch ? w->scratch + (size_t)omp_get_thread_num() * GROUP * GROUP * TV_BLOCK : NULL;
    for (size_t pixel = 0; pixel < w->pixels; pixel += w->slab_pixels) {
      const size_t depth = minimum(w->slab_pixels, w->pixels - pixel);
      const int last = pixel + depth == w->pixels;
#pragma omp for schedule(dynamic)
      for (size_t panel = 0; panel < w->panels; ++panel) {
        const size_t end = minimum(w->filters, (panel + 1) * TV_PANEL);
        /* with scratch, w->block has the blocks of the diagonal only */
        double *block =
          w->block + (w->scratch ? panel : triangle(panel) + panel) * (size_t)TV_BLOCK;
        if (stopped(w))
          continue;
        if (pixel == 0)
          survey(w, 0, panel * TV_PANEL, end);
        const float *a = pack(w, w->packed, 0, panel, pixel, depth);
        add_product(w, block, a, a, depth);
        if (last) {
          for (size_t filter = panel * TV_PANEL; filter < end; ++filter)
            join(w, filter);
          norms(w, block, panel);
          finish(w, block, panel, panel);
        }
        report(w);
      }
#pragma omp for schedule(dynamic)
      for (size_t task = 0; task < tasks; ++task)
        if (!stopped(w)) {
          multiply_pairs(w, task, depth, scratch, last);
          report(w);
        }
    }
  }
}

/* count * size bytes on a cache line, or NULL. */
static void *allocate(size_t count, size_t size)
{
  int overflow = 0;
  const size_t bytes = tv_multiply(count, size, &overflow);
  void *memory = NULL;
  return overflow || posix_memalign(&memory, 64, bytes ? bytes : 64) ? NULL : memory;
}

static int correlate(work *w, int threads)
{
  const int together = w->parts == 1;
  const int one_slab = together && w->slab_pixels >= w->pixels;
  const size_t n = (size_t)threads, rows = w->parts * w->filters;
  const size_t blocks = one_slab ? w->panels : w->parts * w->blocks;
  w->survey = allocate(rows, sizeof *w->survey);
  w->packing = allocate(rows, sizeof *w->packing);
  w->weight = allocate(rows, sizeof *w->weight);
  w->shift = allocate(rows, sizeof *w->shift);
  w->norm = allocate(w->filters, sizeof *w->norm);
  w->block = allocate(blocks, TV_BLOCK * sizeof *w->block);
  w->packed = allocate(together ? 1 : n, w->packed_floats * sizeof *w->packed);
  w->scratch = one_slab ? allocate(n, GROUP * GROUP * TV_BLOCK * sizeof *w->scratch) : NULL;
  if (!w->survey || !w->packing || !w->weight || !w->shift || !w->norm || !w->block || !w->packed ||
      (one_slab && !w->scratch))
    return tv_fail(
      TV_ERROR_MEMORY, "no memory to correlate %zu filters of %zu pixels", w->filters, w->pixels);
  if (w->progress && w->progress(w->context, 0.0))
    w->stop = 1; /* asked here because a busy machine may give this thread no task at all */
  if (together) {
    memset(w->block, 0, blocks * TV_BLOCK * sizeof *w->block);
    divide_pairs(w, threads);
  } else
    divide_pixels(w, threads);
  return w->stop ? tv_fail(TV_ERROR_CANCELLED, "the correlation was cancelled") : TV_OK;
}

static int check(const work *w)
{
  int overflow = 0;
  if (!w->matrix || !w->x)
    return tv_fail(TV_ERROR_ARGUMENT, "no matrix or no values to correlate");
  if (w->type != TV_FLOAT32 && w->type != TV_FLOAT64)
    return tv_fail(TV_ERROR_UNSUPPORTED, "only float32 and float64 values can be correlated");
  if (w->metric != TV_PEARSON && w->metric != TV_COSINE)
    return tv_fail(TV_ERROR_ARGUMENT, "there is no metric number %d", (int)w->metric);
  if (w->filters < 1)
    return tv_fail(TV_ERROR_ARGUMENT, "there are no filters to correlate");
  if (w->pixels < 2)
    return tv_fail(TV_ERROR_ARGUMENT,
      "correlation needs at least 2 pixels for each filter, and there is %zu", w->pixels);
  tv_multiply(tv_multiply(w->filters, w->pixels, &overflow), sizeof(double), &overflow);
  tv_multiply(tv_multiply(w->filters + TV_PANEL, w->filters + TV_PANEL, &overflow),
    2 * sizeof(double), &overflow);
  if (overflow)
    return tv_fail(TV_ERROR_ARGUMENT, "%zu filters of %zu pixels are too many to correlate",
      w->filters, w->pixels);
  return TV_OK;
}

int tv_correlate(float *matrix, const void *x, tv_type type, size_t filters, size_t pixels,
  tv_metric metric, int threads, tv_progress progress, void *context)
{
  work w = {.matrix = matrix,
    .x = x,
    .type = type,
    .filters = filters,
    .pixels = pixels,
    .metric = metric,
    .progress = progress,
    .context = context};
  int status = check(&w);
  if (status)
    return status;
  plan(&w);
  w.functions = tv_panel_best();
  if (threads <= 0)
    threads = omp_get_max_threads();
  if ((double)filters * (double)filters * (double)pixels < SMALL)
    threads = 1;
  status = correlate(&w, threads);
  free(w.survey);
  free(w.packing);
  free(w.weight);
  free(w.shift);
  free(w.norm);
  free(w.block);
  free(w.packed);
  free(w.scratch);
  return status;
}
