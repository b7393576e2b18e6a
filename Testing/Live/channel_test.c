/* The channel between a trainer and its readers, without ParaView: every step that a reader gets is
 * whole and right, whatever dies or stands still; nothing is left behind.
 *
 *   channel_test [rounds]: rounds of killing and stopping readers, 8 unless told. */
#define _GNU_SOURCE
#include "channel.h"
#include "channel_reader.h"
#include "channel_system.h"
#include "tensorview_channel.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int failures;
#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "line %d: %s (%s)\n", __LINE__, #condition, tv_last_error());                \
      ++failures;                                                                                  \
    }                                                                                              \
  } while (0)

enum
{
  WEIGHTS = 20000,
  MAP = 5000,
  EVERY = 9, /* steps between two records of the second tensor */
  FILTERS = 5
};

static char name[32];

static void nap(double seconds)
{
  const struct timespec time = {(time_t)seconds, (long)((seconds - (long)seconds) * 1e9)};
  nanosleep(&time, NULL);
}

static float weight(int64_t step, size_t i)
{
  return (float)((step * 31 + (int64_t)i * 7) % 65521);
}

static double pixel(int64_t step, size_t i)
{
  return (double)(step * 17 + (int64_t)i);
}

static int segment_exists(void)
{
  char path[256];
  snprintf(path, sizeof path, "/dev/shm/tensorview-%lu-%s", (unsigned long)geteuid(), name);
  return access(path, F_OK) == 0;
}

static tv_channel *open_channel(size_t slots, double block)
{
  tv_channel *channel;
  int tensor;
  const size_t w[] = {WEIGHTS}, m[] = {50, MAP / 50};
  CHECK(tv_channel_open(&channel, name, slots, block) == TV_OK);
  if (!channel)
    exit(1);
  CHECK(tv_channel_declare(&tensor, channel, "conv1", "weights", TV_FLOAT32, "c", w) == TV_OK);
  CHECK(tv_channel_declare(&tensor, channel, "conv1", "activations", TV_FLOAT64, "hw", m) == TV_OK);
  CHECK(tv_channel_filters(&tensor, channel, "conv1", FILTERS) == TV_OK);
  return channel;
}

static void write_step(tv_channel *channel, int64_t step)
{
  if (tv_channel_begin(channel, step) != TV_OK)
    return;
  float *w = tv_channel_target(channel, 0);
  for (size_t i = 0; w && i < WEIGHTS; ++i)
    w[i] = weight(step, i);
  if (w)
    tv_channel_wrote(channel, 0, 0);
  if (step % EVERY == 0) {
    double *m = tv_channel_target(channel, 1);
    for (size_t i = 0; m && i < MAP; ++i)
      m[i] = pixel(step, i);
    if (m)
      tv_channel_wrote(channel, 1, step + 1);
  }
  tv_channel_record_scalar(channel, "loss", (double)step);
  if (step % 3 == 0)
    tv_channel_record_scalar(channel, "accuracy", (double)step * 2);
  int32_t states[FILTERS];
  for (int i = 0; i < FILTERS; ++i)
    states[i] = (int32_t)step + i;
  tv_channel_states(channel, 0, states);
  tv_channel_publish(channel);
}

/* 0, or what is wrong with a step. rare: the second tensor is known to be there at its step. */
static const char *wrong(tv_reader *reader, const tv_reader_step *step, int rare)
{
  tv_reader_record record;
  const float *w = tv_reader_data(reader, step, 0, &record);
  if (!w || record.step != step->step || !record.written)
    return "weights are not of this step";
  for (size_t i = 0; i < WEIGHTS; ++i)
    if (w[i] != weight(step->step, i))
      return "a weight is wrong";
  const double *m = tv_reader_data(reader, step, 1, &record);
  if (rare && (!m || record.step != step->step / EVERY * EVERY))
    return "activations are not the last ones";
  if (m && record.samples != record.step + 1)
    return "samples are wrong";
  for (size_t i = 0; m && i < MAP; ++i)
    if (m[i] != pixel(record.step, i))
      return "an activation is wrong";
  const double *scalars = tv_reader_step_scalars(reader, step);
  if (scalars[0] != (double)step->step)
    return "the loss is wrong";
  if (step->step % 3 == 0 ? scalars[1] != (double)step->step * 2 : !isnan(scalars[1]))
    return "the accuracy is wrong";
  const int32_t *states = tv_reader_step_states(reader, step, 0);
  for (int i = 0; i < FILTERS; ++i)
    if (states[i] != (int32_t)step->step + i)
      return "a state is wrong";
  return NULL;
}

/* A reader of its own process: ends with 0 where all it got was right. */
static void read_all(int in_order, int expected, double hold)
{
  tv_reader *reader = NULL;
  for (int i = 0; i < 500 && tv_reader_attach(&reader, name) != TV_OK; ++i)
    nap(0.01);
  if (!reader) {
    fprintf(stderr, "reader: %s\n", tv_last_error());
    _exit(2);
  }
  tv_reader_step step;
  int got = 0, lost = 0;
  uint64_t next = 0;
  while (tv_reader_wait(reader, 0.05) >= 0) {
    lost += tv_reader_beat(reader) != TV_OK;
    while (tv_reader_take(reader, &step, in_order) > 0) {
      if (step.number < next)
        _exit(3);
      next = step.number + 1;
      const char *what = wrong(reader, &step, 0);
      if (hold > 0)
        nap(hold);
      const int status = tv_reader_done(reader, &step);
      tv_reader_release(reader, &step);
      if (status == TV_OK && what) {
        fprintf(stderr, "reader: step %lld: %s\n", (long long)step.step, what);
        _exit(4);
      }
      ++got;
      tv_reader_beat(reader);
    }
  }
  tv_reader_detach(reader);
  if (expected >= 0 && got != expected) {
    fprintf(stderr, "reader: %d steps of %d\n", got, expected);
    _exit(5);
  }
  _exit(0);
}

static int finish(pid_t process)
{
  int status = -1;
  waitpid(process, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* In block mode a reader sees every step, in order, whole. */
static void every_step(void)
{
  const pid_t child = fork();
  if (child == 0)
    read_all(1, 200, 0);
  tv_channel *channel = open_channel(2, 20);
  for (int64_t step = 0; step < 200; ++step)
    write_step(channel, step);
  CHECK(tv_channel_dropped(channel) == 0);
  tv_channel_close(channel);
  CHECK(finish(child) == 0);
  CHECK(!segment_exists());
}

/* Readers that die and stop: the writer ends, others get whole steps. */
static void death(int rounds)
{
  tv_channel *channel = open_channel(4, 0);
  pid_t good = fork();
  if (good == 0)
    read_all(0, -1, 0);
  int64_t step = 0, worst = 0, total = 0;
  for (int round = 0; round < rounds; ++round) {
    const pid_t child = fork();
    if (child == 0)
      read_all(round % 2, -1, round % 3 == 0 ? 0.02 : 0);
    const int64_t end = tv_clock() + 100000000 + rand() % 100000000;
    const int stop = round % 4 == 3;
    int stopped = 0;
    for (int64_t now = tv_clock(); now < end; ++step) {
      write_step(channel, step);
      const int64_t then = tv_clock();
      worst = then - now > worst ? then - now : worst;
      total += then - now;
      now = then;
      if (stop && !stopped && now > end - 60000000)
        stopped = kill(child, SIGSTOP) == 0;
    }
    kill(child, stop ? SIGCONT : SIGKILL);
    if (stop) {
      nap(0.01);
      kill(child, SIGKILL);
    }
    const int result = finish(child);
    CHECK(result == -SIGKILL);
  }
  printf("%lld steps, %.3f ms on average, %.1f ms at worst, %llu dropped\n", (long long)step,
    (double)total / 1e6 / (double)step, (double)worst / 1e6,
    (unsigned long long)tv_channel_dropped(channel));
  /* All leases of the dead end; all slots come round again. */
  nap(0.6);
  for (int i = 0; i < 8; ++i)
    write_step(channel, step++);
  tv_channel_close(channel);
  CHECK(finish(good) == 0);
  CHECK(!segment_exists());
}

/* A stopped reader in block mode costs one time limit, not one for each step; it finds out. */
static void stopped_reader(void)
{
  tv_channel *channel = open_channel(3, 0.2);
  const pid_t child = fork();
  if (child == 0)
    read_all(1, -1, 0);
  for (int64_t step = 0; step < 20; ++step)
    write_step(channel, step);
  kill(child, SIGSTOP);
  for (int64_t step = 20; step < 60; ++step)
    write_step(channel, step);
  CHECK(tv_channel_dropped(channel) > 0);
  kill(child, SIGCONT);
  nap(0.1);
  for (int64_t step = 60; step < 80; ++step)
    write_step(channel, step);
  tv_channel_close(channel);
  CHECK(finish(child) == 0);
}

/* In one process: what is held is not overwritten, a lease ends, glances are whole. */
static void leases(void)
{
  tv_channel *channel = open_channel(3, 0);
  tv_reader *reader = NULL, *second = NULL;
  CHECK(tv_reader_attach(&reader, name) == TV_ERROR_STATE); /* nothing written yet */
  write_step(channel, 0);
  CHECK(tv_reader_attach(&reader, name) == TV_OK);
  if (!reader)
    exit(1);
  CHECK(tv_reader_attach(&second, name) == TV_OK);
  const tv_reader_tensor *tensors;
  const tv_reader_layer *layers;
  CHECK(tv_reader_tensors(reader, &tensors) == 2);
  CHECK(strcmp(tensors[1].kind, "activations") == 0 && tensors[1].type == TV_FLOAT64);
  CHECK(tensors[1].rank == 2 && tensors[1].shape[0] == 50);
  CHECK(tv_reader_layers(reader, &layers) == 1 && layers[0].filters == FILTERS);
  CHECK(tv_reader_scalars(reader) == 2 && strcmp(tv_reader_scalar(reader, 0), "loss") == 0);
  tv_reader_step first, step, other;
  CHECK(tv_reader_wait(reader, 0) == 1 && tv_reader_take(reader, &first, 0) == 1);
  CHECK(first.step == 0 && !wrong(reader, &first, 1));
  for (int64_t s = 1; s < 30; ++s)
    write_step(channel, s);
  CHECK(!wrong(reader, &first, 1)); /* still there, still step 0 */
  CHECK(tv_reader_take(reader, &step, 0) == 1 && step.step == 29 && !wrong(reader, &step, 1));
  CHECK(tv_reader_take(second, &other, 0) == 1 && other.step == 29);
  CHECK(tv_reader_take(reader, &(tv_reader_step){0}, 0) == 0); /* nothing newer */
  write_step(channel, 30);
  write_step(channel, 31); /* overwrites 30, which nobody took */
  CHECK(tv_channel_dropped(channel) >= 27);
  CHECK(tv_reader_dropped(reader) == tv_channel_dropped(channel));
  CHECK(!wrong(reader, &step, 1) && !wrong(second, &other, 1));
  uint64_t number = 0;
  int64_t at;
  double scalars[TV_CHANNEL_SCALARS], values[2];
  const tv_reader_element elements[2] = {{0, 3}, {1, 4}};
  int glances = 0;
  while (tv_reader_glance(reader, &number, &at, scalars, elements, 2, values) == 1) {
    ++glances;
    CHECK(values[0] == weight(at, 3));
    CHECK(at % EVERY == 0 ? values[1] == pixel(at, 4) : isnan(values[1]));
    CHECK(scalars[0] == (double)at);
  }
  CHECK(glances == 3);
  CHECK(tv_reader_release(reader, &first) == TV_OK);
  CHECK(tv_reader_release(second, &other) == TV_OK);
  /* A reader that has been silent for longer than its lease loses what it holds, and is told. */
  tv_channel_control *control = NULL;
  char path[TV_SEGMENT_NAME];
  tv_segment_name(path, name);
  const int file = shm_open(path, O_RDWR, 0);
  control = mmap(NULL, TV_CHANNEL_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  for (int r = 0; r < 2; ++r)
    atomic_store(&control->readers[r].beat, tv_clock() - TV_CHANNEL_LEASE - 1);
  for (int64_t s = 32; s < 40; ++s)
    write_step(channel, s);
  CHECK(tv_reader_done(reader, &step) == TV_ERROR_TIMEOUT);
  CHECK(tv_reader_release(reader, &step) == TV_ERROR_TIMEOUT);
  CHECK(tv_reader_beat(reader) == TV_ERROR_TIMEOUT); /* given up, and attached anew */
  CHECK(tv_reader_beat(reader) == TV_OK);
  CHECK(tv_reader_wait(reader, 1) == 1 && tv_reader_take(reader, &step, 1) == 1);
  CHECK(!wrong(reader, &step, 1));
  /* Holding: the trainer stands still until the reader lets go, or its lease ends. */
  const pid_t child = fork();
  if (child == 0) {
    nap(0.3);
    tv_reader_hold(reader, 0);
    _exit(0);
  }
  tv_reader_hold(reader, 1);
  const int64_t before = tv_clock();
  write_step(channel, 40);
  CHECK(tv_clock() - before >= 250000000);
  CHECK(finish(child) == 0);
  tv_reader_hold(reader, 1);
  atomic_store(&control->readers[0].hold, tv_clock() - TV_CHANNEL_LEASE + 100000000);
  write_step(channel, 41);
  munmap(control, TV_CHANNEL_CONTROL_BYTES);
  /* What was published stays readable after the run. */
  tv_reader_step last;
  tv_channel_close(channel);
  CHECK(tv_reader_take(reader, &last, 0) == 1 && last.step == 41 && !wrong(reader, &last, 1));
  CHECK(tv_reader_wait(reader, 1) == TV_ERROR_STATE);
  tv_reader_detach(second);
  tv_reader_detach(reader);
  CHECK(!segment_exists());
}

/* A trainer that is killed: the next run takes the name, and a reader says what happened. */
static void stale(void)
{
  for (int round = 0; round < 2; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      tv_channel *channel = open_channel(2, 0);
      for (int64_t step = 0;; ++step) {
        write_step(channel, step);
        nap(0.001);
      }
    }
    tv_reader *reader = NULL;
    while (tv_reader_attach(&reader, name) != TV_OK)
      nap(0.01);
    tv_channel *taken;
    CHECK(tv_channel_open(&taken, name, 2, 0) == TV_ERROR_STATE && !taken);
    CHECK(strstr(tv_last_error(), "going on"));
    kill(child, SIGKILL);
    finish(child);
    CHECK(segment_exists());
    tv_reader_step step;
    int ended = 0;
    for (int i = 0; i < 100 && !ended; ++i) {
      ended = tv_reader_wait(reader, 0.1) == TV_ERROR_STATE;
      tv_reader_take(reader, &step, 0);
    }
    CHECK(ended);
    if (round == 0) {
      tv_channel *channel = open_channel(2, 0); /* found and replaced */
      write_step(channel, 0);
      tv_reader_detach(reader); /* must not remove the new one's name */
      CHECK(segment_exists());
      tv_channel_close(channel);
    } else {
      tv_reader *late;
      CHECK(tv_reader_attach(&late, name) == TV_ERROR_STATE && !late);
      CHECK(strstr(tv_last_error(), "without closing"));
      tv_reader_detach(reader);
    }
    CHECK(!segment_exists());
  }
}

/* Attaching and detaching leaves nothing. */
static void come_and_go(void)
{
  tv_channel *channel = open_channel(3, 0);
  for (int64_t step = 0; step < 100; ++step) {
    write_step(channel, step);
    tv_reader *reader;
    tv_reader_step taken;
    CHECK(tv_reader_attach(&reader, name) == TV_OK);
    write_step(channel, ++step);
    CHECK(tv_reader_take(reader, &taken, 0) == 1 && !wrong(reader, &taken, 0));
    tv_reader_detach(reader); /* with the step in its hands */
  }
  tv_reader *readers[TV_CHANNEL_READERS + 1];
  for (int r = 0; r < TV_CHANNEL_READERS; ++r)
    CHECK(tv_reader_attach(&readers[r], name) == TV_OK);
  CHECK(tv_reader_attach(&readers[TV_CHANNEL_READERS], name) == TV_ERROR_STATE);
  for (int r = 0; r < TV_CHANNEL_READERS; ++r)
    tv_reader_detach(readers[r]);
  tv_channel_close(channel);
  CHECK(!segment_exists());
}

/* Segments that are not what they must be, and names that cannot be one. */
static void hostile(void)
{
  tv_channel *channel;
  tv_reader *reader;
  const char *bad[] = {"", ".", "..", ".x", "a/b", "../a", "a b", "\xc3\xa4",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    CHECK(tv_channel_open(&channel, bad[i], 4, 0) == TV_ERROR_ARGUMENT && !channel);
    CHECK(tv_reader_attach(&reader, bad[i]) == TV_ERROR_ARGUMENT && !reader);
  }
  CHECK(tv_channel_open(&channel, NULL, 4, 0) == TV_ERROR_ARGUMENT);
  CHECK(tv_channel_open(&channel, name, 1, 0) == TV_ERROR_ARGUMENT);
  CHECK(tv_channel_open(&channel, name, 65, 0) == TV_ERROR_ARGUMENT);
  CHECK(tv_channel_open(&channel, name, 4, NAN) == TV_ERROR_ARGUMENT);
  CHECK(tv_reader_attach(&reader, name) == TV_ERROR_FILE);

  /* A real segment, copied, with one number changed at a time, and cut at many places. */
  channel = open_channel(3, 0);
  write_step(channel, 0);
  char segment[TV_SEGMENT_NAME];
  tv_segment_name(segment, name);
  int file = shm_open(segment, O_RDWR, 0);
  struct stat status;
  fstat(file, &status);
  char *good = malloc((size_t)status.st_size);
  CHECK(pread(file, good, (size_t)status.st_size, 0) == status.st_size);
  CHECK((status.st_mode & 0777) == 0600);
  close(file);
  tv_channel_close(channel);

  tv_channel_control *control = (tv_channel_control *)good;
  const size_t tensors = control->tensors_offset, layers = control->layers_offset;
  const struct
  {
    size_t offset, size;
  } fields[] = {{0, 8}, {8, 4}, {12, 4}, {offsetof(tv_channel_control, segment_bytes), 8},
    {offsetof(tv_channel_control, slots), 8}, {offsetof(tv_channel_control, tensors), 8},
    {offsetof(tv_channel_control, layers), 8}, {offsetof(tv_channel_control, tensors_offset), 8},
    {offsetof(tv_channel_control, layers_offset), 8},
    {offsetof(tv_channel_control, names_offset), 8},
    {offsetof(tv_channel_control, slots_offset), 8}, {offsetof(tv_channel_control, slot_bytes), 8},
    {tensors + offsetof(tv_channel_tensor, layer), 64},
    {tensors + offsetof(tv_channel_tensor, axes), 8},
    {tensors + offsetof(tv_channel_tensor, type), 4},
    {tensors + offsetof(tv_channel_tensor, rank), 4},
    {tensors + offsetof(tv_channel_tensor, shape), 8},
    {tensors + offsetof(tv_channel_tensor, bytes), 8},
    {tensors + offsetof(tv_channel_tensor, stride), 8},
    {tensors + offsetof(tv_channel_tensor, offset), 8},
    {layers + offsetof(tv_channel_layer, filters), 8},
    {layers + offsetof(tv_channel_layer, offset), 8}};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; ++i) {
    file = shm_open(segment, O_RDWR | O_CREAT | O_EXCL, 0600);
    char *changed = malloc((size_t)status.st_size);
    memcpy(changed, good, (size_t)status.st_size);
    memset(changed + fields[i].offset, 0xee, fields[i].size);
    CHECK(write(file, changed, (size_t)status.st_size) == status.st_size);
    free(changed);
    /* Its writer must seem to live: another open file that has the lock. */
    const pid_t child = fork();
    if (child == 0) {
      char path[TV_SEGMENT_NAME + 16] = "/dev/shm";
      strcat(path, segment);
      execlp("flock", "flock", "-F", "-x", path, "sleep", "20", (char *)NULL);
      _exit(1);
    }
    while (tv_segment_stale(file) && tv_process_alive((uint64_t)child, 0))
      nap(0.002);
    const int result = tv_reader_attach(&reader, name);
    CHECK(result == (i == 1 ? TV_ERROR_VERSION : TV_ERROR_FORMAT) && !reader);
    if (i < 2)
      printf("%s\n", tv_last_error());
    kill(child, SIGKILL);
    finish(child);
    close(file);
    shm_unlink(segment);
  }
  /* Garbage of several lengths. */
  const size_t lengths[] = {0, 1, 100, 4096, TV_CHANNEL_CONTROL_BYTES, 100000};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; ++i) {
    file = shm_open(segment, O_RDWR | O_CREAT | O_EXCL, 0600);
    memset(good, 0x5a, lengths[i]);
    CHECK(write(file, good, lengths[i]) == (ssize_t)lengths[i]);
    CHECK(tv_reader_attach(&reader, name) < 0 && !reader);
    close(file);
    channel = open_channel(2, 0); /* nobody's: replaced */
    tv_channel_close(channel);
    CHECK(!segment_exists());
  }
  free(good);
}

/* Shared memory that is full is a sentence at the first step; then nothing. */
static void full(void)
{
  tv_channel *channel;
  int tensor;
  const size_t large[] = {(size_t)1 << 40};
  CHECK(tv_channel_open(&channel, name, 4, 0) == TV_OK);
  CHECK(tv_channel_declare(&tensor, channel, "l", "weights", TV_FLOAT32, "c", large) == TV_OK);
  CHECK(tv_channel_begin(channel, 0) == TV_ERROR_MEMORY);
  printf("%s\n", tv_last_error());
  CHECK(tv_channel_begin(channel, 1) == TV_ERROR_STATE);
  CHECK(tv_channel_target(channel, 0) == NULL);
  tv_channel_publish(channel);
  CHECK(!segment_exists());
  tv_channel_close(channel);
  const size_t huge[] = {(size_t)1 << 40, (size_t)1 << 40};
  CHECK(tv_channel_open(&channel, name, 4, 0) == TV_OK);
  CHECK(
    tv_channel_declare(&tensor, channel, "l", "w", TV_FLOAT32, "hw", huge) == TV_ERROR_ARGUMENT);
  tv_channel_close(channel);
}

int main(int count, char **arguments)
{
  const int rounds = count > 1 ? atoi(arguments[1]) : 8;
  snprintf(name, sizeof name, "test-%d", (int)getpid());
  setvbuf(stdout, NULL, _IONBF, 0);
  every_step();
  leases();
  death(rounds);
  stopped_reader();
  stale();
  come_and_go();
  hostile();
  full();
  CHECK(!segment_exists());
  printf(failures ? "%d failures\n" : "all right\n", failures);
  return failures != 0;
}
