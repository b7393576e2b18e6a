/* SPDX-License-Identifier: BSD-3-Clause */
/* Damages a run file at random, many times, and reads each one whole in a process of its own.
 *
 *   fuzz FILE COUNT SEED
 *
 * Every damaged file must be read, or refused with a sentence that names it; a crash, a sanitizer's
 * report, more than 20 s or more than 2 GB is a failure, and the file is kept. What is read is
 * compared with the original: numbers that are others, or records that are missing, without a
 * sentence are silent damage. In version 2 of the format that is a failure, too: it has a check of
 * everything. In version 1 it is counted. */
#include "shape.h"
#include "tensorview/source.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum
{
  SAME,
  SAID,     /* something is missing, and a sentence says so */
  NAMELESS, /* a sentence that does not name the file */
  SILENT,
  OUTCOMES
};

/* What the file holds as it is. */
typedef struct original
{
  char name[256];
  size_t records, bytes;
  int64_t *steps, *samples;
  char *values;
} original;

static original originals[64];
static size_t original_count, scalar_values;
static double *scalars;

static int read_originals(const char *path)
{
  tv_source *source;
  const tv_source_tensor *tensors;
  tv_source_scalars listed;
  if (tv_source_open(&source, &path, 1, NULL) != TV_OK)
    return -1;
  original_count = tv_source_tensors(source, &tensors);
  int status = tv_source_notes(source, NULL) == 0 && original_count <= 64 ? 0 : -1;
  for (size_t t = 0; t < original_count && status == 0; ++t) {
    original *o = &originals[t];
    snprintf(o->name, sizeof o->name, "%s", tensors[t].name);
    o->records = tensors[t].records;
    o->bytes = tv_shape_bytes(&tensors[t].shape, tensors[t].type);
    o->steps = malloc(o->records * sizeof *o->steps + 1);
    o->samples = calloc(o->records + 1, sizeof *o->samples);
    o->values = malloc(o->records * o->bytes + 1);
    memcpy(o->steps, tensors[t].steps, o->records * sizeof *o->steps);
    if (tensors[t].samples)
      memcpy(o->samples, tensors[t].samples, o->records * sizeof *o->samples);
    for (size_t r = 0; r < o->records && status == 0; ++r)
      status = tv_source_read(source, t, r, o->values + r * o->bytes);
  }
  tv_source_scalars_of(source, &listed);
  scalar_values = listed.count * listed.records;
  scalars = calloc(scalar_values + 1, sizeof *scalars);
  if (status == 0)
    status = tv_source_read_scalars(source, 0, listed.records, scalars);
  tv_source_close(source);
  return status;
}

static int said(const char *sentence, const char *path)
{
  return strstr(sentence, path) ? SAID : NAMELESS;
}

static int worse(int a, int b)
{
  return a > b ? a : b;
}

/* One tensor against the original. */
static int compare_tensor(tv_source *source, size_t number, const char *path)
{
  const tv_source_tensor *t;
  const original *o = NULL;
  int outcome = SAME;
  tv_source_tensors(source, &t);
  t += number;
  if (t->problem)
    return said(t->problem, path);
  for (size_t k = 0; k < original_count; ++k)
    if (strcmp(originals[k].name, t->name) == 0)
      o = &originals[k];
  const size_t bytes = tv_shape_bytes(&t->shape, t->type);
  char *values = malloc(bytes ? bytes : 1);
  for (size_t r = 0, at = 0; r < t->records && values; ++r) {
    if (tv_source_read(source, number, r, values) != TV_OK) {
      outcome = worse(outcome, said(tv_last_error(), path));
      continue;
    }
    while (o && at < o->records && o->steps[at] < t->steps[r])
      ++at;
    if (!o || at >= o->records || o->steps[at] != t->steps[r] || bytes != o->bytes ||
        (t->samples ? t->samples[r] : 0) != o->samples[at] ||
        memcmp(values, o->values + at * bytes, bytes) != 0)
      outcome = SILENT;
  }
  const size_t elements[] = {0, bytes ? tv_shape_elements(&t->shape) - 1 : 0};
  double *history = malloc((2 * t->records + 1) * sizeof *history);
  if (history && tv_source_history(source, number, elements, 2, 0, history, NULL) != TV_OK)
    outcome = worse(outcome, said(tv_last_error(), path));
  free(history);
  free(values);
  return outcome;
}

static int compare_rest(tv_source *source, const char *path)
{
  tv_source_scalars listed;
  const tv_source_states *states;
  int outcome = SAME;
  tv_source_scalars_of(source, &listed);
  const size_t count = listed.count * listed.records;
  double *values = malloc((count + 1) * sizeof *values);
  if (tv_source_read_scalars(source, 0, listed.records, values) != TV_OK)
    outcome = said(tv_last_error(), path);
  else if (count != scalar_values || memcmp(values, scalars, count * sizeof *values) != 0)
    outcome = SILENT;
  free(values);
  for (size_t k = 0, all = tv_source_states_of(source, &states); k < all; ++k)
    for (size_t r = 0; r < states[k].records; ++r) {
      int32_t *codes = malloc(states[k].filters * sizeof *codes);
      if (codes && tv_source_read_states(source, k, r, codes) != TV_OK)
        outcome = worse(outcome, said(tv_last_error(), path));
      free(codes);
    }
  return outcome;
}

/* Everything in a file against the original. What is missing must have been said. */
static int compare(const char *path)
{
  tv_source *source;
  const char *const *notes;
  const tv_source_tensor *tensors;
  if (tv_source_open(&source, &path, 1, NULL) != TV_OK)
    return said(tv_last_error(), path);
  int told = 0, outcome = SAME, changed = 0;
  const size_t note_count = tv_source_notes(source, &notes);
  for (size_t k = 0; k < note_count; ++k)
    outcome = worse(outcome, said(notes[k], path));
  told = note_count > 0;
  const size_t count = tv_source_tensors(source, &tensors);
  size_t records = 0, expected = 0;
  for (size_t k = 0; k < count; ++k) {
    const int one = compare_tensor(source, k, path);
    told = told || one == SAID;
    outcome = worse(outcome, one);
    records += tensors[k].records;
  }
  for (size_t k = 0; k < original_count; ++k)
    expected += originals[k].records;
  const int rest = compare_rest(source, path);
  changed = rest == SILENT;
  outcome = worse(outcome, changed ? SAME : rest);
  told = told || rest == SAID;
  if ((records < expected || changed) && !told) /* lost without a word */
    outcome = SILENT;
  tv_source_close(source);
  return outcome;
}

static uint64_t state;

static uint64_t next(void) /* splitmix64 */
{
  uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

static size_t below(size_t n)
{
  return (size_t)(next() % n);
}

/* Damages bytes; their number then. */
static size_t damage(unsigned char *bytes, size_t count)
{
  static const unsigned char telling[] = {0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff};
  const size_t kind = below(7), from = below(count), to = below(count);
  size_t length = 1 + below(512);
  switch (kind) {
  case 0: /* cut off */
    return to;
  case 1: /* a piece of zeros or ones, as after a crash of the machine */
  case 2:
    length = from + length > count ? count - from : length;
    memset(bytes + from, kind == 1 ? 0 : 0xff, length);
    return count;
  case 3: /* a piece of it somewhere else */
    for (size_t k = 0; k < 64; ++k)
      bytes[(to + k) % count] = bytes[(from + k) % count];
    return count;
  default: /* some bytes */
    for (size_t k = 1 + below(8); k > 0; --k)
      bytes[below(count)] = below(2) ? telling[below(sizeof telling)] : (unsigned char)next();
    return count;
  }
}

static unsigned char *read_file(const char *path, size_t *count)
{
  FILE *file = fopen(path, "rb");
  unsigned char *bytes = NULL;
  if (file && fseek(file, 0, SEEK_END) == 0) {
    *count = (size_t)ftell(file);
    bytes = malloc(*count + 1);
    rewind(file);
    *count = bytes ? fread(bytes, 1, *count, file) : 0;
  }
  if (file)
    fclose(file);
  return bytes;
}

static void write_file(const char *path, const unsigned char *bytes, size_t count)
{
  FILE *file = fopen(path, "wb");
  if (!file || fwrite(bytes, 1, count, file) != count || fclose(file) != 0)
    abort();
}

/* What a child says of a file; OUTCOMES where it fails. */
static int run_child(const char *path)
{
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    if (!freopen("child.log", "w", stderr))
      _exit(OUTCOMES);
    _exit(compare(path));
  }
  int status = 0;
  struct rusage usage;
  if (wait4(child, &status, 0, &usage) != child)
    return OUTCOMES;
  const int good = WIFEXITED(status) && WEXITSTATUS(status) < OUTCOMES;
  if (!good || usage.ru_maxrss > 2000000)
    printf("status %#x, %ld KB: ", (unsigned)status, usage.ru_maxrss);
  return good && usage.ru_maxrss <= 2000000 ? WEXITSTATUS(status) : OUTCOMES;
}

int main(int argc, char **argv)
{
  size_t count = 0, length;
  unsigned char *whole = argc == 4 ? read_file(argv[1], &count) : NULL;
  if (!whole || count == 0 || read_originals(argv[1]) != 0) {
    fprintf(stderr, "usage: %s FILE COUNT SEED; %s\n", argv[0], tv_last_error());
    return 2;
  }
  const int strict = strstr(argv[1], "version2") != NULL;
  unsigned char *bytes = malloc(count);
  int found[OUTCOMES + 1] = {0}, bad = 0;
  char path[64], kept[64];
  snprintf(path, sizeof path, "damaged%d.tvh5", (int)getpid());
  for (int k = 0; k < atoi(argv[2]); ++k) {
    state = strtoull(argv[3], NULL, 10) * 1000003u + (uint64_t)k;
    memcpy(bytes, whole, count);
    length = damage(bytes, count);
    write_file(path, bytes, length);
    const int outcome = run_child(path);
    ++found[outcome];
    if (outcome >= OUTCOMES || outcome == NAMELESS || (outcome == SILENT && strict)) {
      snprintf(kept, sizeof kept, "failed%d.tvh5", k);
      rename(path, kept);
      rename("child.log", strcat(kept, ".log"));
      printf("%s: outcome %d\n", kept, outcome);
      ++bad;
    }
    remove(path);
  }
  printf("%s: %d whole, %d with a sentence, %d without a name, %d silent, %d failed\n", argv[1],
    found[SAME], found[SAID], found[NAMELESS], found[SILENT], found[OUTCOMES]);
  return bad != 0;
}
