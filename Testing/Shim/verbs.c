/* SPDX-License-Identifier: BSD-3-Clause */
/* Every verb with what it must refuse, and what must go on working afterwards. Also the program
 * that the sanitizer build and valgrind run: it writes, fails and closes in every way there is. */
#include <tensorview/format.h>
#include <tensorview/tensorview.h>

#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

/* The call returns status, and the sentence has those words in it. */
static void expect(int got, int status, const char *words, const char *call, int line)
{
  const int wrong = got != status || (status < 0 && !strstr(tv_last_error(), words)) ||
                    (status < 0 && strpbrk(tv_last_error(), "\n"));
  failures += wrong;
  if (wrong)
    printf("line %d: %s\n  returned %d, not %d; \"%s\", not \"...%s...\"\n", line, call, got,
      status, tv_last_error(), words);
}
#define REFUSED(status, words, call) expect(call, status, words, #call, __LINE__)
#define GOOD(call) expect(call, TV_OK, "", #call, __LINE__)

static tv_run *open_run(const char *path)
{
  tv_run *run = NULL;
  tv_options options = tv_default_options();
  options.overwrite = 1;
  GOOD(tv_open(&run, path, &options));
  return run;
}

#define SHAPE(...) ((const size_t[]){__VA_ARGS__})

static void opening(void)
{
  tv_run *run = (tv_run *)1;
  tv_options options = tv_default_options();
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_open(NULL, "x.tvh5", NULL));
  REFUSED(TV_ERROR_ARGUMENT, "path", tv_open(&run, NULL, NULL));
  REFUSED(TV_ERROR_ARGUMENT, "empty", tv_open(&run, "", NULL));
  if (run)
    ++failures, printf("a run that could not be opened is not NULL\n");
  REFUSED(TV_ERROR_FILE, "No such file", tv_open(&run, "no/such/folder/x.tvh5", NULL));
  REFUSED(TV_ERROR_FILE, "exists", tv_open(&run, ".", NULL));
  options.threads = -1;
  REFUSED(TV_ERROR_ARGUMENT, "threads", tv_open(&run, "x.tvh5", &options));
  options = tv_default_options();
  options.flush_seconds = NAN;
  REFUSED(TV_ERROR_ARGUMENT, "seconds", tv_open(&run, "x.tvh5", &options));
  options = tv_default_options();
  options.ring_slots = 1;
  REFUSED(TV_ERROR_ARGUMENT, "slots", tv_open(&run, "x.tvh5", &options));
  options = tv_default_options();
  options.block_seconds = -2;
  REFUSED(TV_ERROR_ARGUMENT, "block_seconds", tv_open(&run, "x.tvh5", &options));
  options = tv_default_options();
  options.size += 8; /* of a program that was compiled with newer headers */
  REFUSED(TV_ERROR_VERSION, "bytes", tv_open(&run, "x.tvh5", &options));
  options.size = 0; /* or with none of tv_default_options() */
  REFUSED(TV_ERROR_VERSION, "tv_default_options()", tv_open(&run, "x.tvh5", &options));
  options = tv_default_options();
  options.reserved[7] = 1;
  REFUSED(TV_ERROR_VERSION, "does not know", tv_open(&run, "x.tvh5", &options));
  if (strcmp(tv_version(), TENSORVIEW_VERSION) != 0)
    ++failures, printf("library %s, headers %s\n", tv_version(), TENSORVIEW_VERSION);

  unlink("exists.tvh5");
  options = tv_default_options();
  GOOD(tv_open(&run, "exists.tvh5", NULL));
  GOOD(tv_close(run));
  REFUSED(TV_ERROR_FILE, "exists", tv_open(&run, "exists.tvh5", NULL));
  struct stat before, after;
  const int reader = open("exists.tvh5", O_RDONLY); /* who reads the old file goes on reading it */
  fstat(reader, &before);
  options.overwrite = 1;
  GOOD(tv_open(&run, "exists.tvh5", &options));
  GOOD(tv_close(run));
  stat("exists.tvh5", &after);
  if (before.st_ino == after.st_ino)
    ++failures, printf("an existing file was overwritten in place\n");
  close(reader);
  unlink("link.tvh5");
  if (symlink("exists.tvh5", "link.tvh5") == 0)
    REFUSED(TV_ERROR_FILE, "plain", tv_open(&run, "link.tvh5", &options));
  REFUSED(TV_ERROR_FILE, "plain", tv_open(&run, ".", &options));
  REFUSED(TV_ERROR_FILE, "exists", tv_open(&run, "link.tvh5", NULL));
}

static void null_runs(void)
{
  int tensor = 7;
  const float data[4] = {0};
  const int32_t states[4] = {0};
  REFUSED(
    TV_ERROR_ARGUMENT, "NULL", tv_declare(&tensor, NULL, "a", "b", TV_FLOAT32, "o", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_write(NULL, 0, 0, data));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_write_batch(NULL, 0, 0, data, 1));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_write_sum(NULL, 0, 0, data, 1));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_record(NULL, 0, "loss", 1.0));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_declare_scalar(NULL, "loss"));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_declare_filters(NULL, "a", 4));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_write_filters(NULL, "a", 0, states));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_end_step(NULL, 0));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_flush(NULL));
  GOOD(tv_close(NULL));
  if (tensor != -1 || tv_dropped(NULL) != 0)
    ++failures, printf("a NULL run gave a tensor or dropped steps\n");
}

static void declaring(void)
{
  tv_run *run = open_run("declaring.tvh5");
  int t;
  char long_name[300];
  memset(long_name, 'a', 299);
  long_name[299] = 0;
#define DECLARE(layer, kind, type, axes, shape) tv_declare(&t, run, layer, kind, type, axes, shape)
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_declare(NULL, run, "a", "b", TV_FLOAT32, "o", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", DECLARE(NULL, "b", TV_FLOAT32, "o", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", DECLARE("a", NULL, TV_FLOAT32, "o", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", DECLARE("a", "b", TV_FLOAT32, NULL, SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", DECLARE("a", "b", TV_FLOAT32, "o", NULL));
  REFUSED(TV_ERROR_ARGUMENT, "255", DECLARE("", "b", TV_FLOAT32, "o", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "255", DECLARE(long_name, "b", TV_FLOAT32, "o", SHAPE(4)));
  long_name[255] = 0;
  GOOD(DECLARE(long_name, "b", TV_FLOAT32, "o", SHAPE(4)));
  GOOD(DECLARE("a/b", "b", TV_FLOAT32, "o", SHAPE(4))); /* names, not paths */
  GOOD(DECLARE("..", "b", TV_FLOAT32, "o", SHAPE(4)));
  GOOD(DECLARE("/etc/%2F", "b", TV_FLOAT32, "o", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "UTF-8", DECLARE("a\nb", "b", TV_FLOAT32, "o", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "UTF-8", DECLARE("a\xff", "b", TV_FLOAT32, "o", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "UTF-8", DECLARE("a\xc3", "b", TV_FLOAT32, "o", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "UTF-8", DECLARE("a\xed\xa0\x80", "b", TV_FLOAT32, "o", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "UTF-8", DECLARE("a\xc2\x85", "b", TV_FLOAT32, "o", SHAPE(4)));
  GOOD(DECLARE("couche n\xc2\xb0 1 \xe2\x86\x92 \xf0\x9f\x94\xad", "b", TV_FLOAT32, "o", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "a-z", DECLARE("a", "Weights", TV_FLOAT32, "o", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "filters", DECLARE("a", "filters", TV_FLOAT32, "o", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "type", DECLARE("a", "b", (tv_type)9, "o", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "axes", DECLARE("a", "b", TV_FLOAT32, "oX", SHAPE(4, 4)));
  REFUSED(TV_ERROR_ARGUMENT, "twice", DECLARE("a", "b", TV_FLOAT32, "oo", SHAPE(4, 4)));
  REFUSED(TV_ERROR_ARGUMENT, "twice", DECLARE("a", "b", TV_FLOAT32, "non", SHAPE(4, 4, 4)));
  REFUSED(TV_ERROR_ARGUMENT, "twice", DECLARE("a", "b", TV_FLOAT32, "m", SHAPE(4)));
  REFUSED(TV_ERROR_ARGUMENT, "at most 8",
    DECLARE("a", "b", TV_FLOAT32, "abcdefghi", SHAPE(1, 1, 1, 1, 1, 1, 1, 1, 1)));
  GOOD(DECLARE("8", "b", TV_FLOAT32, "nabcdefgh", SHAPE(2, 1, 1, 1, 1, 1, 1, 1, 1)));
  GOOD(DECLARE("0", "b", TV_BOOL, "", SHAPE(0)));
  GOOD(DECLARE("0", "c", TV_INT64, "n", SHAPE(9)));
  REFUSED(TV_ERROR_ARGUMENT, "size 0", DECLARE("a", "b", TV_FLOAT32, "oi", SHAPE(4, 0)));
  REFUSED(TV_ERROR_ARGUMENT, "size 0", DECLARE("a", "b", TV_FLOAT32, "nc", SHAPE(0, 4)));
  REFUSED(TV_ERROR_ARGUMENT, "sizes", DECLARE("a", "b", TV_FLOAT32, "oi", SHAPE(SIZE_MAX, 2)));
  REFUSED(TV_ERROR_ARGUMENT, "sizes", DECLARE("a", "b", TV_FLOAT32, "o", SHAPE(SIZE_MAX / 4)));
  REFUSED(TV_ERROR_ARGUMENT, "sizes", DECLARE("a", "b", TV_FLOAT64, "o", SHAPE(SIZE_MAX / 8 + 1)));
  REFUSED(TV_ERROR_ARGUMENT, "sizes", DECLARE("a", "b", TV_FLOAT32, "nc", SHAPE(SIZE_MAX / 8, 8)));
  GOOD(DECLARE("a", "b", TV_FLOAT32, "o", SHAPE(4)));
  REFUSED(TV_ERROR_STATE, "already", DECLARE("a", "b", TV_FLOAT32, "o", SHAPE(4)));
  GOOD(tv_declare_filters(run, "a", 4));
  REFUSED(TV_ERROR_STATE, "already", tv_declare_filters(run, "a", 4));
  REFUSED(TV_ERROR_ARGUMENT, "filters", tv_declare_filters(run, "z", 0));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_declare_filters(run, NULL, 4));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_declare_scalar(run, NULL));
  REFUSED(TV_ERROR_ARGUMENT, "255", tv_declare_scalar(run, ""));
  GOOD(tv_declare_scalar(run, "loss"));
  GOOD(tv_declare_scalar(run, "loss")); /* harmless */
  GOOD(tv_record(run, 0, "loss", 1.0));
  GOOD(DECLARE("within the first step", "b", TV_FLOAT32, "o", SHAPE(4)));
  GOOD(tv_end_step(run, 0));
  GOOD(DECLARE("late", "b", TV_FLOAT32, "o", SHAPE(4))); /* declaring.part1.tvh5 */
  GOOD(tv_declare_filters(run, "late", 4));
  GOOD(tv_end_step(run, 1));
  GOOD(tv_close(run));
  if (access("declaring.part1.tvh5", F_OK) != 0 || access("declaring.part2.tvh5", F_OK) == 0)
    ++failures, printf("late tensors do not stand in one further part\n");
  tv_options options = tv_default_options();
  REFUSED(TV_ERROR_FILE, "exists", tv_open(&run, "declaring.tvh5", &options));
  unlink("declaring.tvh5");
  REFUSED(TV_ERROR_FILE, "part1.tvh5\" exists", tv_open(&run, "declaring.tvh5", &options));
  options.overwrite = 1;
  GOOD(tv_open(&run, "declaring.tvh5", &options));
  if (access("declaring.part1.tvh5", F_OK) == 0)
    ++failures, printf("a part of the run that was replaced is still there\n");
  GOOD(tv_close(run));

  char name[32];
  snprintf(name, sizeof name, "verbs-%d", (int)getpid());
  options.channel = name;
  GOOD(tv_open(&run, NULL, &options));
  GOOD(DECLARE("a", "b", TV_FLOAT32, "o", SHAPE(4)));
  GOOD(tv_end_step(run, 0));
  REFUSED(TV_ERROR_STATE, "before the first step", DECLARE("late", "b", TV_FLOAT32, "o", SHAPE(4)));
  GOOD(tv_record(run, 1, "late", 1.0));
  GOOD(tv_close(run));
}

static void too_many(void)
{
  tv_run *run = open_run("too_many.tvh5");
  int t;
  char name[32];
  for (int i = 0; i < 4096; ++i) {
    snprintf(name, sizeof name, "layer %d", i);
    GOOD(tv_declare(&t, run, name, "bias", TV_FLOAT32, "o", SHAPE(4)));
  }
  REFUSED(
    TV_ERROR_UNSUPPORTED, "4096", tv_declare(&t, run, "more", "bias", TV_FLOAT32, "o", SHAPE(4)));
  for (int i = 0; i < 256; ++i) {
    snprintf(name, sizeof name, "scalar %d", i);
    GOOD(tv_declare_scalar(run, name));
  }
  REFUSED(TV_ERROR_UNSUPPORTED, "256", tv_declare_scalar(run, "more"));
  /* not closed into a file of 4096 tensors: that is the run of another test, and takes seconds */
  pid_t child = fork();
  if (child == 0) {
    /* the child of a trainer must not touch its parent's run */
    if (tv_close(run) != TV_ERROR_STATE || tv_record(run, 0, "scalar 1", 0) != TV_ERROR_STATE)
      _exit(1);
    _exit(strstr(tv_last_error(), "child") == NULL);
  }
  int status = -1;
  waitpid(child, &status, 0);
  if (status != 0)
    ++failures, printf("a forked child could use the run\n");
  GOOD(tv_close(run));
  unlink("too_many.tvh5");
}

static void writing(void)
{
  tv_run *run = open_run("writing.tvh5");
  int w, a;
  const float data[24] = {0, NAN, INFINITY, -INFINITY};
  int32_t states[4] = {TV_FILTER_ALIVE, TV_FILTER_PRUNED, TV_FILTER_DEAD, 0};
  GOOD(tv_declare(&w, run, "a", "weights", TV_FLOAT32, "oi", SHAPE(4, 3)));
  GOOD(tv_declare(&a, run, "a", "activations", TV_FLOAT32, "nc", SHAPE(3, 4)));
  GOOD(tv_declare_filters(run, "a", 4));
  GOOD(tv_declare_scalar(run, "later"));
  GOOD(tv_flush(run)); /* nothing yet, and no harm */
  REFUSED(TV_ERROR_ARGUMENT, "no tensor", tv_write(run, -1, 0, data));
  REFUSED(TV_ERROR_ARGUMENT, "no tensor", tv_write(run, 2, 0, data));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_write(run, w, 0, NULL));
  REFUSED(TV_ERROR_ARGUMENT, "from 0", tv_write(run, w, -1, data));
  REFUSED(TV_ERROR_ARGUMENT, "no batch", tv_write_batch(run, w, 0, data, 1));
  REFUSED(TV_ERROR_ARGUMENT, "samples", tv_write_batch(run, a, 0, data, 0));
  REFUSED(TV_ERROR_ARGUMENT, "samples", tv_write_batch(run, a, 0, data, 4));
  GOOD(tv_write(run, w, 3, data));
  REFUSED(TV_ERROR_STATE, "already", tv_write(run, w, 3, data));
  GOOD(tv_write_batch(run, a, 3, data, 2));
  GOOD(tv_record(run, 3, "loss", NAN));
  GOOD(tv_record(run, 3, "loss", 2.0)); /* the last one counts */
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_record(run, 3, NULL, 1.0));
  REFUSED(TV_ERROR_ARGUMENT, "UTF-8", tv_record(run, 3, "a\tb", 1.0));
  REFUSED(TV_ERROR_STATE, "never go back", tv_write(run, w, 2, data));
  REFUSED(TV_ERROR_STATE, "never go back", tv_record(run, 2, "loss", 1.0));
  REFUSED(TV_ERROR_STATE, "never go back", tv_end_step(run, 2));
  GOOD(tv_write_filters(run, "a", 3, states));
  GOOD(tv_end_step(run, 3));
  REFUSED(TV_ERROR_STATE, "complete", tv_end_step(run, 3));
  REFUSED(TV_ERROR_STATE, "complete", tv_write(run, w, 3, data));
  REFUSED(TV_ERROR_ARGUMENT, "no batch", tv_write_sum(run, w, 4, data, 1));
  REFUSED(TV_ERROR_ARGUMENT, "not 0", tv_write_sum(run, a, 4, data, 0));
  GOOD(tv_write_sum(run, a, 4, data, 1000000)); /* more than were declared */
  REFUSED(TV_ERROR_STATE, "already", tv_write_sum(run, a, 4, data, 1));
  GOOD(tv_record(run, 4, "unheard of", 1.0)); /* writing.part1.tvh5 */
  GOOD(tv_record(run, 4, "later", 1.0));
  REFUSED(TV_ERROR_STATE, "declare", tv_write_filters(run, "b", 4, states));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_write_filters(run, NULL, 4, states));
  REFUSED(TV_ERROR_ARGUMENT, "NULL", tv_write_filters(run, "a", 4, NULL));
  states[2] = 4;
  REFUSED(TV_ERROR_ARGUMENT, "filter 2", tv_write_filters(run, "a", 4, states));
  states[2] = -4;
  REFUSED(TV_ERROR_ARGUMENT, "filter 2", tv_write_filters(run, "a", 4, states));
  GOOD(tv_write(run, w, INT64_MAX, data)); /* the last step there can be */
  GOOD(tv_flush(run));
  REFUSED(TV_ERROR_STATE, "complete", tv_write(run, a, INT64_MAX, data));
  GOOD(tv_flush(run));
  if (tv_dropped(run) != 0)
    ++failures, printf("steps were dropped\n");
  GOOD(tv_close(run));
}

/* A file that may not grow any more. The process has SIGXFSZ as it comes: it would end it. */
static void limited(void)
{
  tv_run *run = open_run("limited.tvh5");
  struct rlimit old, low;
  int w;
  static float data[100000];
  tv_options options = tv_default_options();
  GOOD(tv_declare(&w, run, "a", "weights", TV_FLOAT32, "oi", SHAPE(1000, 100)));
  GOOD(tv_declare_scalar(run, "loss"));
  getrlimit(RLIMIT_FSIZE, &old);
  low = old;
  low.rlim_cur = 1000000;
  setrlimit(RLIMIT_FSIZE, &low);
  GOOD(tv_write(run, w, 0, data));
  GOOD(tv_end_step(run, 0));
  GOOD(tv_write(run, w, 1, data));
  REFUSED(TV_ERROR_FILE, "File too large", tv_write(run, w, 2, data));
  REFUSED(TV_ERROR_FILE, "File too large", tv_write(run, w, 3, data));
  REFUSED(TV_ERROR_FILE, "File too large", tv_record(run, 4, "loss", 1.0));
  REFUSED(TV_ERROR_FILE, "File too large", tv_flush(run));
  setrlimit(RLIMIT_FSIZE, &old); /* room again: what has failed stays failed */
  REFUSED(TV_ERROR_FILE, "File too large", tv_write(run, w, 5, data));
  REFUSED(TV_ERROR_FILE, "File too large", tv_close(run));
  options.overwrite = 1;
  low.rlim_cur = 0;
  setrlimit(RLIMIT_FSIZE, &low);
  REFUSED(TV_ERROR_FILE, "File too large", tv_open(&run, "none.tvh5", &options));
  setrlimit(RLIMIT_FSIZE, &old);
  if (access("none.tvh5", F_OK) == 0)
    ++failures, printf("a file that could not be created was left behind\n");
}

/* A child that ends by exit() has HDF5 close the file that it inherited. Its parent goes on. */
static void forked(void)
{
  tv_run *run = open_run("forked.tvh5");
  int w;
  float data[64] = {0};
  GOOD(tv_declare(&w, run, "a", "weights", TV_FLOAT32, "oi", SHAPE(8, 8)));
  for (int step = 0; step < 700; ++step) {
    data[0] = (float)step;
    GOOD(tv_write(run, w, step, data));
    if (step % 100 == 50) {
      GOOD(tv_flush(run));
      fflush(NULL);
      const pid_t child = fork();
      if (child == 0)
        exit(0);
      int status = -1;
      waitpid(child, &status, 0);
      failures += status != 0;
    }
  }
  GOOD(tv_close(run));
}

/* Several runs at once, each in a thread of its own. */
static void *one_of_many(void *path)
{
  tv_run *run = open_run(path);
  int w;
  float data[64] = {0};
  GOOD(tv_declare(&w, run, "a", "weights", TV_FLOAT32, "oi", SHAPE(8, 8)));
  for (int step = 0; step < 600; ++step) {
    data[step % 64] += 1;
    GOOD(tv_write(run, w, step, data));
    GOOD(tv_record(run, step, "loss", step));
    if (step % 50 == 0)
      GOOD(tv_flush(run));
  }
  GOOD(tv_close(run));
  return NULL;
}

static void many(void)
{
  pthread_t threads[4];
  static char paths[4][16];
  for (int i = 0; i < 4; ++i) {
    snprintf(paths[i], sizeof paths[i], "many_%d.tvh5", i);
    if (pthread_create(&threads[i], NULL, one_of_many, paths[i]) != 0)
      abort();
  }
  for (int i = 0; i < 4; ++i)
    pthread_join(threads[i], NULL);
}

/* The trainer calls exit() in the middle of a step, and never closes. argument: the file. */
static int leave(const char *path)
{
  tv_run *run = open_run(path);
  int w;
  const float data[64] = {0};
  GOOD(tv_declare(&w, run, "a", "weights", TV_FLOAT32, "oi", SHAPE(8, 8)));
  for (int step = 0; step < 10; ++step)
    GOOD(tv_write(run, w, step, data));
  exit(failures);
}

int main(int count, char **arguments)
{
  if (count > 1)
    return leave(arguments[1]);
  null_runs();
  opening();
  declaring();
  writing();
  limited();
  forked();
  many();
  too_many();
  printf("%d failures\n", failures);
  return failures != 0;
}
