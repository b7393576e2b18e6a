/* SPDX-License-Identifier: BSD-3-Clause */
#include "photographs.h"
#include "photographs_decode.h"
#include "status.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum
{
  LEVELS = 16 /* of a pyramid: each half as wide as the one before */
};

typedef struct photograph
{
  photograph_pixels levels[LEVELS];
  int count;
} photograph;

struct photographs
{
  photograph *photographs;
  size_t count;
  size_t size;
};

static const photographs_preparation preparations[] = {
  {"torchvision", 0, 1.0f / 255.0f, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}},
  {"keras", 1, 1.0f, {103.939f, 116.779f, 123.68f}, {1.0f, 1.0f, 1.0f}},
  {"unit", 0, 1.0f / 255.0f, {0.0f, 0.0f, 0.0f}, {1.0f, 1.0f, 1.0f}},
};

const photographs_preparation *photographs_prepare(const char *name)
{
  for (size_t i = 0; i < sizeof preparations / sizeof preparations[0]; ++i)
    if (!strcmp(preparations[i].name, name))
      return preparations + i;
  return NULL;
}

/* The mean of each 2 x 2 pixels; an odd last row or column is left out. */
static int halve(photograph_pixels *half, const photograph_pixels *whole)
{
  const size_t width = whole->width / 2, height = whole->height / 2, row = 3 * whole->width;
  half->rgb = malloc(3 * width * height);
  if (!half->rgb)
    return tv_fail(TV_ERROR_MEMORY, "no memory for a photograph");
  half->width = width;
  half->height = height;
  for (size_t y = 0; y < height; ++y) {
    const unsigned char *above = whole->rgb + 2 * y * row, *below = above + row;
    unsigned char *to = half->rgb + 3 * y * width;
    for (size_t x = 0; x < width; ++x)
      for (size_t c = 0; c < 3; ++c)
        to[3 * x + c] = (unsigned char)((above[6 * x + c] + above[6 * x + 3 + c] +
                                          below[6 * x + c] + below[6 * x + 3 + c] + 2) >>
                                        2);
  }
  return 0;
}

static size_t shorter_side(const photograph_pixels *pixels)
{
  return pixels->width < pixels->height ? pixels->width : pixels->height;
}

/* Scaled lengths of the shorter side: from 8/7 to 16/7 of the crop, 256 to 512 for 224. */
static double least_scaled(size_t size)
{
  return (double)size * 8.0 / 7.0;
}

static int open_photograph(photograph *one, const char *path, size_t size)
{
  /* No crop needs more than twice the longest scaled side. */
  const size_t enough = (size_t)ceil(4.0 * least_scaled(size));
  int status = photograph_decode(one->levels, path, enough);
  if (status)
    return status;
  one->count = 1;
  if (shorter_side(one->levels) < size)
    return tv_fail(TV_ERROR_UNSUPPORTED, "%s: is smaller than %zu x %zu", path, size, size);
  while (one->count < LEVELS && shorter_side(one->levels + one->count - 1) / 2 >= size) {
    status = halve(one->levels + one->count, one->levels + one->count - 1);
    if (status)
      return status;
    ++one->count;
    if (one->count == 2 && shorter_side(one->levels) >= 2 * enough) { /* the finest is never used */
      free(one->levels[0].rgb);
      one->levels[0] = one->levels[1];
      one->count = 1;
    }
  }
  return 0;
}

static void close_photograph(photograph *one)
{
  for (int level = 0; level < one->count; ++level)
    free(one->levels[level].rgb);
  memset(one, 0, sizeof *one);
}

static int not_hidden(const struct dirent *entry)
{
  return entry->d_name[0] != '.';
}

int photographs_open(photographs **result, const char *folder, size_t size, FILE *notes)
{
  struct dirent **entries = NULL;
  char path[4096];
  *result = NULL;
  const int found = scandir(folder, &entries, not_hidden, alphasort);
  if (found < 0)
    return tv_fail(TV_ERROR_FILE, "%s: is not a folder that can be read", folder);
  photographs *set = calloc(1, sizeof *set);
  if (set)
    set->photographs = calloc((size_t)found + 1, sizeof *set->photographs);
  int status = set && set->photographs
                 ? 0
                 : tv_fail(TV_ERROR_MEMORY, "%s: no memory for %d photographs", folder, found);
  for (int i = 0; i < found; ++i) {
    struct stat about;
    snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
    free(entries[i]);
    if (status || stat(path, &about) || !S_ISREG(about.st_mode))
      continue;
    photograph *one = set->photographs + set->count;
    const int unusable = open_photograph(one, path, size);
    if (!unusable) {
      ++set->count;
    } else {
      close_photograph(one);
      if (unusable == TV_ERROR_MEMORY)
        status = unusable;
      else if (notes)
        fprintf(notes, "Left out: %s.\n", tv_last_error());
    }
  }
  free(entries);
  if (!status && !set->count)
    status = tv_fail(TV_ERROR_FILE,
      "%s: has no JPEG or PNG photograph of at least %zu x %zu pixels", folder, size, size);
  if (status) {
    photographs_close(set);
    return status;
  }
  set->size = size;
  *result = set;
  return 0;
}

size_t photographs_count(const photographs *set)
{
  return set->count;
}

/* splitmix64 (Steele, Lea, Flood 2014): a good number for each state, without a history. */
static uint64_t mix(uint64_t *state)
{
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static double uniform(uint64_t *state) /* [0, 1) */
{
  return (double)(mix(state) >> 11) * 0x1p-53;
}

/* Samples size x size pixels, bilinear, from the square at (left, top) of pixels whose side is
 * size * step. */
static void resample(float *sample, size_t size, const photograph_pixels *pixels, double left,
  double top, double step, int mirror, const photographs_preparation *preparation)
{
  const size_t plane = size * size, row = 3 * pixels->width;
  for (size_t y = 0; y < size; ++y) {
    double v = top + ((double)y + 0.5) * step - 0.5;
    v = fmin(fmax(v, 0.0), (double)(pixels->height - 1));
    const size_t v0 = (size_t)v, v1 = v0 + 1 < pixels->height ? v0 + 1 : v0;
    const float lower = (float)(v - (double)v0), upper = 1.0f - lower;
    for (size_t x = 0; x < size; ++x) {
      double u = left + ((double)(mirror ? size - 1 - x : x) + 0.5) * step - 0.5;
      u = fmin(fmax(u, 0.0), (double)(pixels->width - 1));
      const size_t u0 = (size_t)u, u1 = u0 + 1 < pixels->width ? u0 + 1 : u0;
      const float right = (float)(u - (double)u0), leftward = 1.0f - right;
      const unsigned char *above = pixels->rgb + v0 * row, *below = pixels->rgb + v1 * row;
      for (size_t c = 0; c < 3; ++c) {
        const size_t channel = preparation->bgr ? 2 - c : c;
        const float pixel =
          upper * (leftward * above[3 * u0 + channel] + right * above[3 * u1 + channel]) +
          lower * (leftward * below[3 * u0 + channel] + right * below[3 * u1 + channel]);
        sample[c * plane + y * size + x] =
          (pixel * preparation->scale - preparation->mean[c]) / preparation->deviation[c];
      }
    }
  }
}

void photographs_sample(const photographs *set, float *sample, uint64_t index, uint64_t seed,
  photographs_crop crop, const photographs_preparation *preparation)
{
  const size_t size = set->size;
  uint64_t state = seed;
  state = mix(&state) ^ (index * 0xd1342543de82ef95u);
  const photograph *one = set->photographs + index % set->count;
  double scaled = (double)size;
  if (crop == PHOTOGRAPHS_RANDOM) {
    one = set->photographs + mix(&state) % set->count;
    scaled = least_scaled(size) * (1.0 + uniform(&state));
    const double most = (double)shorter_side(one->levels);
    scaled = fmax((double)size, fmin(scaled, most));
  }
  /* The coarsest level that is not coarser than the crop: then bilinear takes every pixel in. */
  const photograph_pixels *pixels = one->levels;
  for (int level = 1; level < one->count; ++level)
    if ((double)shorter_side(one->levels + level) >= scaled)
      pixels = one->levels + level;
  const double step = (double)shorter_side(pixels) / scaled, side = step * (double)size;
  double left = 0.5 * ((double)pixels->width - side), top = 0.5 * ((double)pixels->height - side);
  int mirror = 0;
  if (crop == PHOTOGRAPHS_RANDOM) {
    left *= 2.0 * uniform(&state);
    top *= 2.0 * uniform(&state);
    mirror = mix(&state) & 1;
  }
  resample(sample, size, pixels, left, top, step, mirror, preparation);
}

void photographs_close(photographs *set)
{
  if (!set)
    return;
  for (size_t i = 0; set->photographs && i < set->count; ++i)
    close_photograph(set->photographs + i);
  free(set->photographs);
  free(set);
}
