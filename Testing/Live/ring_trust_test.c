/* SPDX-License-Identifier: BSD-3-Clause */
/* What a ring must survive: garbage from the future, a truncation, children that live longer than
 * their trainer, and readers and trainers of other containers, whose process numbers mean nothing. */
#define _GNU_SOURCE
#include "ring_fixture.h"
#include "ring_reader.h"
#include "ring_segment.h"
#include "tensorview/ring.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* The control block as anybody of this user can map it. */
static tv_ring_control *map_control(int *file)
{
  char segment[TV_SEGMENT_NAME];
  tv_segment_name(segment, name);
  *file = shm_open(segment, O_RDWR, 0);
  return mmap(NULL, TV_RING_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, *file, 0);
}

/* A process ends by itself within some seconds of a clock that stands still for nobody. */
static int ends(pid_t child, double seconds)
{
  int status = -1;
  for (double waited = 0; waited < seconds; waited += 0.05) {
    if (waitpid(child, &status, WNOHANG) == child)
      return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    nap(0.05);
  }
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return -999;
}

/* Readers' entries with times in the future, and random ones: no lock stands behind them, so that
 * they are given up after half a second; the limit is that of a lease, and more for slow machines. */
static void garbage(unsigned seed)
{
  const pid_t child = fork();
  if (child == 0) {
    tv_ring *ring = open_ring(3, 0.2);
    write_step(ring, 0);
    int file;
    tv_ring_control *control = map_control(&file);
    srand(seed);
    if (seed == 0)
      for (unsigned r = 0; r < TV_RING_READERS; ++r) {
        atomic_store(&control->readers[r].owner, 77);
        atomic_store(&control->readers[r].beat, INT64_MAX);
        atomic_store(&control->readers[r].hold, INT64_MAX);
      }
    else
      for (size_t i = 0; i < sizeof control->readers + sizeof control->words; ++i)
        ((unsigned char *)control->readers)[i] = (unsigned char)(rand() >> 8);
    for (int64_t step = 1; step < 6; ++step)
      write_step(ring, step);
    tv_ring_close(ring);
    _exit(failures != 0);
  }
  CHECK(ends(child, 40) == 0);
}

/* Somebody cuts the segment off, at every place in the life of a step. */
static void truncated(int when, off_t length)
{
  tv_ring *ring = open_ring(2, 0);
  tv_ring_reader *reader = NULL;
  tv_ring_reader_step step;
  static float copy[WEIGHTS];
  write_step(ring, 0);
  CHECK(tv_ring_reader_attach(&reader, name) == TV_OK);
  write_step(ring, 1);
  CHECK(tv_ring_reader_take(reader, &step, 0) == 1);
  CHECK(tv_ring_reader_copy(reader, &step, 0, copy, NULL) == 1 && copy[5] == weight(1, 5));
  int file;
  tv_ring_control *control = map_control(&file);
  munmap(control, TV_RING_CONTROL_BYTES);
  if (when == 1)
    CHECK(tv_ring_begin(ring, 2) == TV_OK);
  if (when == 2) {
    CHECK(tv_ring_begin(ring, 2) == TV_OK);
    tv_ring_put(ring, 0, copy, 0);
  }
  CHECK(ftruncate(file, length) == 0);
  close(file);
  CHECK(tv_ring_reader_copy(reader, &step, 0, copy, NULL) == TV_ERROR_STATE);
  CHECK(tv_ring_reader_beat(reader) == TV_ERROR_STATE);
  CHECK(tv_ring_reader_wait(reader, 0.1) == TV_ERROR_STATE);
  CHECK(tv_ring_reader_take(reader, &(tv_ring_reader_step){0}, 0) == 0);
  CHECK(tv_ring_reader_release(reader, &step) == TV_ERROR_STATE);
  tv_ring_reader_detach(reader);
  if (when > 0) {
    tv_ring_put(ring, 0, copy, 0);
    tv_ring_record_scalar(ring, "late", 1);
    tv_ring_publish(ring);
  }
  CHECK(tv_ring_begin(ring, 3) < 0);
  CHECK(tv_ring_begin(ring, 4) == TV_ERROR_STATE);
  tv_ring_close(ring);
  CHECK(!segment_exists(name));
}

/* A trainer is killed; a child that it forked, a loader of data, lives on. */
static void orphan(void)
{
  int told[2];
  CHECK(pipe(told) == 0);
  const pid_t trainer = fork();
  if (trainer == 0) {
    tv_ring *ring = open_ring(2, 0);
    write_step(ring, 0);
    const pid_t loader = fork();
    if (loader == 0) {
      pause();
      _exit(0);
    }
    if (write(told[1], &loader, sizeof loader) != sizeof loader)
      _exit(1);
    pause();
  }
  pid_t loader = -1;
  CHECK(read(told[0], &loader, sizeof loader) == sizeof loader);
  tv_ring *next = NULL;
  CHECK(tv_ring_open(&next, name, 2, 0) == TV_ERROR_STATE);
  nap(0.1); /* the loader may be about to close what it inherited */
  kill(trainer, SIGKILL);
  waitpid(trainer, &(int){0}, 0);
  int status = TV_ERROR_STATE;
  for (int i = 0; i < 100 && status == TV_ERROR_STATE; ++i, nap(0.05))
    status = tv_ring_open(&next, name, 2, 0);
  CHECK(status == TV_OK);
  tv_ring_close(next);
  kill(loader, SIGKILL);
  close(told[0]);
  close(told[1]);
}

/* In another PID namespace, where our process numbers do not exist: this run's ring is not taken,
 * and a reader from there is not given up while it lives. */
static void elsewhere(void)
{
  tv_ring *ring = open_ring(3, 0);
  write_step(ring, 0);
  int told[2], go[2];
  CHECK(pipe(told) == 0 && pipe(go) == 0);
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWPID) != 0)
      _exit(77);
    const pid_t inside = fork();
    if (inside == 0) {
      tv_ring *taken = NULL;
      tv_ring_reader *reader = NULL;
      tv_ring_reader_step step;
      CHECK(tv_ring_open(&taken, name, 2, 0) == TV_ERROR_STATE);
      CHECK(tv_ring_reader_attach(&reader, name) == TV_OK);
      if (!reader || tv_ring_reader_take(reader, &step, 0) != 1 || write(told[1], "", 1) != 1)
        _exit(2);
      char byte; /* silent for longer than TV_RING_GONE: its lock says that it lives */
      if (read(go[0], &byte, 1) != 1)
        _exit(3);
      CHECK(tv_ring_reader_release(reader, &step) == TV_OK);
      tv_ring_reader_detach(reader);
      _exit(failures != 0);
    }
    int status = -1;
    waitpid(inside, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 9);
  }
  close(told[1]);
  char byte;
  if (read(told[0], &byte, 1) == 1) {
    nap(1.0);
    for (int64_t s = 1; s < 9; ++s)
      write_step(ring, s);
    CHECK(write(go[1], "", 1) == 1);
  }
  const int result = ends(child, 30);
  if (result == 77)
    printf("skipped: another PID namespace (not allowed here)\n");
  else
    CHECK(result == 0);
  CHECK(segment_exists(name));
  tv_ring_close(ring);
  close(told[0]);
  close(go[0]);
  close(go[1]);
}

int main(void)
{
  snprintf(name, sizeof name, "trust-%d", (int)getpid());
  setvbuf(stdout, NULL, _IONBF, 0);
  for (unsigned seed = 0; seed < 6; ++seed)
    garbage(seed);
  for (int when = 0; when < 3; ++when) {
    truncated(when, 0);
    truncated(when, 5000);
    truncated(when, 20000);
  }
  orphan();
  elsewhere();
  CHECK(!segment_exists(name));
  printf(failures ? "%d failures\n" : "all right\n", failures);
  return failures != 0;
}
