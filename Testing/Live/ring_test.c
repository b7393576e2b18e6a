/* SPDX-License-Identifier: BSD-3-Clause */
/* The ring between a trainer and its readers, without ParaView: every step that a reader gets is
 * whole and right, whatever dies or stands still; nothing is left behind.
 *
 *   ring_test [rounds]: rounds of killing and stopping readers, 8 unless told. */
#define _GNU_SOURCE
#include "ring_fixture.h"
#include "ring_reader.h"
#include "ring_segment.h"
#include "tensorview/ring.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* 0, or what is wrong with a step. rare: the second tensor is known to be there at its step. */
static const char *wrong(tv_ring_reader *reader, const tv_ring_reader_step *step, int rare)
{
  tv_ring_reader_record record;
  const float *w = tv_ring_reader_data(reader, step, 0, &record);
  if (!w || record.step != step->step || !record.written)
    return "weights are not of this step";
  for (size_t i = 0; i < WEIGHTS; ++i)
    if (w[i] != weight(step->step, i))
      return "a weight is wrong";
  const double *m = tv_ring_reader_data(reader, step, 1, &record);
  if (rare && (!m || record.step != step->step / EVERY * EVERY))
    return "activations are not the last ones";
  if (m && record.samples != record.step + 1)
    return "samples are wrong";
  for (size_t i = 0; m && i < MAP; ++i)
    if (m[i] != pixel(record.step, i))
      return "an activation is wrong";
  const double *scalars = tv_ring_reader_step_scalars(reader, step);
  if (scalars[0] != (double)step->step)
    return "the loss is wrong";
  if (step->step % 3 == 0 ? scalars[1] != (double)step->step * 2 : !isnan(scalars[1]))
    return "the accuracy is wrong";
  const int32_t *states = tv_ring_reader_step_states(reader, step, 0);
  for (int i = 0; i < FILTERS; ++i)
    if (states[i] != (int32_t)step->step + i)
      return "a state is wrong";
  return NULL;
}

static int telling = -1; /* a reader writes a byte there at its first step */

/* A reader of its own process: ends with 0 where all it got was right. */
static void read_all(int in_order, int expected, double hold)
{
  tv_ring_reader *reader = NULL;
  for (int i = 0; i < 3000 && tv_ring_reader_attach(&reader, name) != TV_OK; ++i)
    nap(0.01);
  if (!reader) {
    fprintf(stderr, "reader: %s\n", tv_last_error());
    _exit(2);
  }
  tv_ring_reader_step step;
  int got = 0, lost = 0;
  uint64_t next = 0;
  while (tv_ring_reader_wait(reader, 0.05) >= 0) {
    lost += tv_ring_reader_beat(reader) != TV_OK;
    while (tv_ring_reader_take(reader, &step, in_order) > 0) {
      if (step.number < next)
        _exit(3);
      next = step.number + 1;
      const char *what = wrong(reader, &step, 0);
      if (hold > 0)
        nap(hold);
      const int status = tv_ring_reader_done(reader, &step);
      tv_ring_reader_release(reader, &step);
      if (status == TV_OK && what) {
        fprintf(stderr, "reader: step %lld: %s\n", (long long)step.step, what);
        _exit(4);
      }
      if (telling >= 0 && got == 0 && write(telling, "", 1) != 1)
        _exit(6);
      ++got;
      tv_ring_reader_beat(reader);
    }
  }
  tv_ring_reader_detach(reader);
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
  tv_ring *ring = open_ring(2, 20);
  for (int64_t step = 0; step < 200; ++step)
    write_step(ring, step);
  CHECK(tv_ring_dropped(ring) == 0);
  tv_ring_close(ring);
  CHECK(finish(child) == 0);
  CHECK(!segment_exists(name));
}

/* Readers that die and stop: the writer ends, others get whole steps. */
static void death(int rounds)
{
  tv_ring *ring = open_ring(4, 0);
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
      write_step(ring, step);
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
    (unsigned long long)tv_ring_dropped(ring));
  /* All leases of the dead end; all slots come round again. */
  nap(0.6);
  for (int i = 0; i < 8; ++i)
    write_step(ring, step++);
  tv_ring_close(ring);
  CHECK(finish(good) == 0);
  CHECK(!segment_exists(name));
}

/* A stopped reader in block mode costs one time limit, not one for each step; it finds out. */
static void stopped_reader(void)
{
  int told[2];
  CHECK(pipe2(told, O_NONBLOCK) == 0);
  const pid_t child = fork();
  if (child == 0) {
    telling = told[1];
    read_all(1, -1, 0);
  }
  tv_ring *ring = open_ring(3, 0.5);
  char byte;
  int64_t step = 0;
  while (read(told[0], &byte, 1) != 1)
    write_step(ring, step++);
  kill(child, SIGSTOP);
  waitpid(child, &(int){0}, WUNTRACED);
  const uint64_t dropped = tv_ring_dropped(ring);
  const int64_t begin = tv_clock(), waits = 40;
  for (int i = 0; i < waits; ++i)
    write_step(ring, step++);
  CHECK(tv_ring_dropped(ring) > dropped);
  CHECK(tv_clock() - begin < waits * 500000000); /* what waiting at each step takes at least */
  kill(child, SIGCONT);
  nap(0.1);
  for (int i = 0; i < 20; ++i)
    write_step(ring, step++);
  tv_ring_close(ring);
  CHECK(finish(child) == 0);
  close(told[0]);
  close(told[1]);
}

/* In one process: what is held is not overwritten, a lease ends, glances are whole. */
static void leases(void)
{
  tv_ring *ring = open_ring(3, 0);
  tv_ring_reader *reader = NULL, *second = NULL;
  CHECK(tv_ring_reader_attach(&reader, name) == TV_ERROR_STATE); /* nothing written yet */
  write_step(ring, 0);
  CHECK(tv_ring_reader_attach(&reader, name) == TV_OK);
  if (!reader)
    exit(1);
  CHECK(tv_ring_reader_attach(&second, name) == TV_OK);
  const tv_ring_reader_tensor *tensors;
  const tv_ring_reader_layer *layers;
  CHECK(tv_ring_reader_tensors(reader, &tensors) == 2);
  CHECK(strcmp(tensors[1].kind, "activations") == 0 && tensors[1].type == TV_FLOAT64);
  CHECK(tensors[1].shape.rank == 2 && tensors[1].shape.size[0] == 50);
  CHECK(tv_ring_reader_layers(reader, &layers) == 1 && layers[0].filters == FILTERS);
  CHECK(
    tv_ring_reader_scalars(reader) == 2 && strcmp(tv_ring_reader_scalar(reader, 0), "loss") == 0);
  tv_ring_reader_step first, step, other;
  CHECK(tv_ring_reader_wait(reader, 0) == 1 && tv_ring_reader_take(reader, &first, 0) == 1);
  CHECK(first.step == 0 && !wrong(reader, &first, 1));
  for (int64_t s = 1; s < 30; ++s)
    write_step(ring, s);
  CHECK(!wrong(reader, &first, 1)); /* still there, still step 0 */
  CHECK(tv_ring_reader_take(reader, &step, 0) == 1 && step.step == 29 && !wrong(reader, &step, 1));
  CHECK(tv_ring_reader_take(second, &other, 0) == 1 && other.step == 29);
  CHECK(tv_ring_reader_take(reader, &(tv_ring_reader_step){0}, 0) == 0); /* nothing newer */
  write_step(ring, 30);
  write_step(ring, 31); /* overwrites 30, which nobody took */
  CHECK(tv_ring_dropped(ring) >= 27);
  CHECK(tv_ring_reader_dropped(reader) == tv_ring_dropped(ring));
  CHECK(!wrong(reader, &step, 1) && !wrong(second, &other, 1));
  uint64_t number = 0;
  int64_t at;
  double scalars[TV_RING_SCALARS], values[2];
  const tv_ring_reader_element elements[2] = {{0, 3}, {1, 4}};
  int glances = 0;
  while (tv_ring_reader_glance(reader, &number, &at, scalars, elements, 2, values) == 1) {
    ++glances;
    CHECK(values[0] == weight(at, 3));
    CHECK(at % EVERY == 0 ? values[1] == pixel(at, 4) : isnan(values[1]));
    CHECK(scalars[0] == (double)at);
  }
  CHECK(glances == 3);
  CHECK(tv_ring_reader_release(reader, &first) == TV_OK);
  CHECK(tv_ring_reader_release(second, &other) == TV_OK);
  /* A reader that has been silent for longer than its lease loses what it holds, and is told. */
  tv_ring_control *control = NULL;
  char path[TV_SEGMENT_NAME];
  tv_segment_name(path, name);
  const int file = shm_open(path, O_RDWR, 0);
  control = mmap(NULL, TV_RING_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  for (int r = 0; r < 2; ++r)
    atomic_store(&control->readers[r].beat, tv_clock() - TV_RING_LEASE - 1);
  for (int64_t s = 32; s < 40; ++s)
    write_step(ring, s);
  CHECK(tv_ring_reader_done(reader, &step) == TV_ERROR_TIMEOUT);
  CHECK(tv_ring_reader_release(reader, &step) == TV_ERROR_TIMEOUT);
  CHECK(tv_ring_reader_beat(reader) == TV_ERROR_TIMEOUT); /* given up, and attached anew */
  CHECK(tv_ring_reader_beat(reader) == TV_OK);
  CHECK(tv_ring_reader_wait(reader, 1) == 1 && tv_ring_reader_take(reader, &step, 1) == 1);
  CHECK(!wrong(reader, &step, 1));
  /* Holding: the trainer stands still until the reader lets go, or its lease ends. */
  tv_ring_reader_hold(reader, 1);
  const int64_t before = tv_clock();
  const pid_t child = fork();
  if (child == 0) {
    nap(0.3);
    tv_ring_reader_hold(reader, 0);
    _exit(0);
  }
  write_step(ring, 40);
  CHECK(tv_clock() - before >= 250000000);
  CHECK(finish(child) == 0);
  tv_ring_reader_hold(reader, 1);
  atomic_store(&control->readers[0].hold, tv_clock() - TV_RING_LEASE + 100000000);
  write_step(ring, 41);
  munmap(control, TV_RING_CONTROL_BYTES);
  /* What was published stays readable after the run. */
  tv_ring_reader_step last;
  tv_ring_close(ring);
  CHECK(tv_ring_reader_take(reader, &last, 0) == 1 && last.step == 41 && !wrong(reader, &last, 1));
  CHECK(tv_ring_reader_wait(reader, 1) == TV_ERROR_STATE);
  tv_ring_reader_detach(second);
  tv_ring_reader_detach(reader);
  CHECK(!segment_exists(name));
}

/* A trainer that is killed: the next run takes the name, and a reader says what happened. */
static void stale(void)
{
  for (int round = 0; round < 2; ++round) {
    const pid_t child = fork();
    if (child == 0) {
      tv_ring *ring = open_ring(2, 0);
      for (int64_t step = 0;; ++step) {
        write_step(ring, step);
        nap(0.001);
      }
    }
    tv_ring_reader *reader = NULL;
    while (tv_ring_reader_attach(&reader, name) != TV_OK)
      nap(0.01);
    tv_ring *taken;
    CHECK(tv_ring_open(&taken, name, 2, 0) == TV_ERROR_STATE && !taken);
    CHECK(strstr(tv_last_error(), "going on"));
    kill(child, SIGKILL);
    finish(child);
    CHECK(segment_exists(name));
    tv_ring_reader_step step;
    int ended = 0;
    for (int i = 0; i < 100 && !ended; ++i) {
      ended = tv_ring_reader_wait(reader, 0.1) == TV_ERROR_STATE;
      tv_ring_reader_take(reader, &step, 0);
    }
    CHECK(ended);
    if (round == 0) {
      tv_ring *ring = open_ring(2, 0); /* found and replaced */
      write_step(ring, 0);
      tv_ring_reader_detach(reader); /* must not remove the new one's name */
      CHECK(segment_exists(name));
      tv_ring_close(ring);
    } else {
      tv_ring_reader *late;
      CHECK(tv_ring_reader_attach(&late, name) == TV_ERROR_STATE && !late);
      CHECK(strstr(tv_last_error(), "without closing"));
      tv_ring_reader_detach(reader);
    }
    CHECK(!segment_exists(name));
  }
}

static void set_time_back(const char *run)
{
  char path[256];
  snprintf(path, sizeof path, "/dev/shm/tensorview-%lu-%s", (unsigned long)geteuid(), run);
  const struct timespec hour_ago[2] = {{time(NULL) - 3600, 0}, {time(NULL) - 3600, 0}};
  CHECK(utimensat(AT_FDCWD, path, hour_ago, 0) == 0);
}

/* What killed runs of other names left is removed when a run begins, but not what lives. */
static void swept(void)
{
  char killed[32], living[32];
  memcpy(killed, name, sizeof name);
  const pid_t child = fork();
  if (child == 0) {
    write_step(open_ring(2, 0), 0);
    kill(getpid(), SIGKILL);
  }
  CHECK(finish(child) == -SIGKILL);
  snprintf(living, sizeof living, "living-%d", (int)getpid());
  memcpy(name, living, sizeof name);
  tv_ring *first = open_ring(2, 0);
  write_step(first, 0);
  CHECK(segment_exists(killed) && segment_exists(living)); /* not a minute old */
  set_time_back(killed);
  set_time_back(living);
  snprintf(name, sizeof name, "next-%d", (int)getpid());
  tv_ring *next = open_ring(2, 0);
  CHECK(!segment_exists(killed) && segment_exists(living));
  tv_ring_close(next);
  tv_ring_close(first);
  CHECK(!segment_exists(living));
  memcpy(name, killed, sizeof name);
}

/* Attaching and detaching leaves nothing. */
static void come_and_go(void)
{
  tv_ring *ring = open_ring(3, 0);
  for (int64_t step = 0; step < 100; ++step) {
    write_step(ring, step);
    tv_ring_reader *reader;
    tv_ring_reader_step taken;
    CHECK(tv_ring_reader_attach(&reader, name) == TV_OK);
    write_step(ring, ++step);
    CHECK(tv_ring_reader_take(reader, &taken, 0) == 1 && !wrong(reader, &taken, 0));
    tv_ring_reader_detach(reader); /* with the step in its hands */
  }
  tv_ring_reader *readers[TV_RING_READERS + 1];
  for (int r = 0; r < TV_RING_READERS; ++r)
    CHECK(tv_ring_reader_attach(&readers[r], name) == TV_OK);
  CHECK(tv_ring_reader_attach(&readers[TV_RING_READERS], name) == TV_ERROR_STATE);
  for (int r = 0; r < TV_RING_READERS; ++r)
    tv_ring_reader_detach(readers[r]);
  tv_ring_close(ring);
  CHECK(!segment_exists(name));
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
  swept();
  come_and_go();
  CHECK(!segment_exists(name));
  printf(failures ? "%d failures\n" : "all right\n", failures);
  return failures != 0;
}
