/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests through the ring: asked, handed out, answered; and whatever else may stand there. */
#define _GNU_SOURCE
#include "ring_fixture.h"
#include "ring_segment.h"
#include "tensorview/ring.h"
#include "tensorview/tensorview.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum
{
  UNITS = 6
};

static tv_run *run;
static int weights;
static int64_t at;

static void step(void)
{
  static float data[UNITS];
  tv_write(run, weights, at, data);
  tv_end_step(run, at++);
}

static void begin(void)
{
  tv_options options = tv_default_options();
  options.channel = name;
  CHECK(tv_open(&run, NULL, &options) == TV_OK);
  CHECK(tv_declare(&weights, run, "conv1", "weights", TV_FLOAT32, "o", (size_t[]){UNITS}) == TV_OK);
  CHECK(tv_declare_filters(run, "conv1", UNITS) == TV_OK);
  at = 0;
  step();
}

static tv_request merge(int32_t filter, int32_t into)
{
  tv_request request = {.kind = TV_REQUEST_MERGE, .count = 1, .layer = "conv1"};
  request.filter[0] = filter;
  request.into[0] = into;
  return request;
}

/* Asked, handed out once, answered; the next one, too. */
static void round_trip(void)
{
  tv_asking *asking;
  tv_request got, request = merge(3, 1);
  char answer[TV_SENTENCE];
  begin();
  CHECK(tv_ask(&asking, name, &request) == TV_ERROR_STATE && !asking); /* nobody listens */
  CHECK(strstr(tv_last_error(), "does not listen"));
  CHECK(tv_poll(run, &got) == 0);
  request.count = 2;
  request.filter[1] = 5;
  request.into[1] = 1;
  for (int i = 0; i < 3; ++i) {
    CHECK(tv_ask(&asking, name, &request) == TV_OK);
    tv_asking *second;
    CHECK(tv_ask(&second, name, &request) == TV_ERROR_STATE && !second);
    CHECK(strstr(tv_last_error(), "another viewer"));
    CHECK(tv_asking_answer(asking, 0, answer, sizeof answer) == TV_ERROR_TIMEOUT);
    CHECK(strstr(tv_last_error(), "has not looked"));
    step();
    CHECK(tv_poll(run, &got) == 1);
    CHECK(got.kind == TV_REQUEST_MERGE && got.count == 2 && strcmp(got.layer, "conv1") == 0);
    CHECK(got.filter[0] == 3 && got.into[0] == 1 && got.filter[1] == 5 && got.into[1] == 1);
    CHECK(tv_poll(run, &got) == 0); /* once */
    CHECK(tv_asking_answer(asking, 0.01, answer, sizeof answer) == TV_ERROR_TIMEOUT);
    CHECK(strstr(tv_last_error(), "has not answered"));
    got.number = got.number ? got.number : 1;
    CHECK(tv_answer(run, &got, i % 2, "two\nlines") == TV_OK);
    CHECK(tv_asking_answer(asking, 5, answer, sizeof answer) == i % 2);
    CHECK(strcmp(answer, "two lines") == 0);
    tv_asking_end(asking);
  }
  char longer[2 * TV_SENTENCE];
  memset(longer, 'x', sizeof longer - 1);
  longer[sizeof longer - 1] = 0;
  CHECK(tv_ask(&asking, name, &request) == TV_OK && tv_poll(run, &got) == 1);
  CHECK(tv_answer(run, &got, 1, longer) == TV_OK);
  CHECK(tv_asking_answer(asking, 0, answer, sizeof answer) == 1);
  CHECK(strlen(answer) == TV_SENTENCE - 1);
  tv_asking_end(asking);
  /* Withdrawn before the trainer looked; and asked by somebody who has gone. */
  CHECK(tv_ask(&asking, name, &request) == TV_OK);
  tv_asking_end(asking);
  CHECK(tv_poll(run, &got) == 0);
  const pid_t child = fork();
  if (child == 0) {
    CHECK(tv_ask(&asking, name, &request) == TV_OK);
    _exit(failures != 0);
  }
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child && status == 0);
  CHECK(tv_poll(run, &got) == 0);
  CHECK(tv_ask(&asking, name, &request) == TV_OK);
  CHECK(tv_close(run) == TV_OK);
  CHECK(tv_asking_answer(asking, 5, answer, sizeof answer) == TV_ERROR_STATE);
  CHECK(strstr(tv_last_error(), "ended"));
  tv_asking_end(asking);
  CHECK(tv_ask(&asking, name, &request) == TV_ERROR_FILE && !asking);
}

/* What cannot be is refused before it is asked. */
static void refused(void)
{
  tv_asking *asking;
  tv_request got;
  begin();
  CHECK(tv_poll(run, &got) == 0);
  tv_request bad[8];
  for (size_t i = 0; i < 8; ++i)
    bad[i] = merge(2, 1);
  bad[0].kind = 7;
  bad[1].count = 0;
  bad[2].count = TV_MOST_MERGED + 1;
  strcpy(bad[3].layer, "conv2");
  bad[4].filter[0] = UNITS;
  bad[5].into[0] = -1;
  bad[6].into[0] = 2;
  bad[7].count = 2;
  bad[7].filter[1] = 2;
  for (size_t i = 0; i < 8; ++i)
    CHECK(tv_ask(&asking, name, &bad[i]) == TV_ERROR_ARGUMENT && !asking);
  tv_request chain = merge(2, 1);
  chain.count = 2;
  chain.filter[1] = 1;
  chain.into[1] = 0;
  CHECK(tv_ask(&asking, name, &chain) == TV_ERROR_ARGUMENT && !asking);
  CHECK(tv_ask(&asking, "../x", &chain) == TV_ERROR_ARGUMENT && !asking);
  CHECK(tv_ask(NULL, name, &chain) == TV_ERROR_ARGUMENT);
  CHECK(tv_ask(&asking, NULL, &chain) == TV_ERROR_ARGUMENT);
  CHECK(tv_asking_answer(NULL, 0, NULL, 0) == TV_ERROR_ARGUMENT);
  tv_asking_end(NULL);
  CHECK(tv_poll(NULL, &got) == TV_ERROR_ARGUMENT && tv_poll(run, NULL) == TV_ERROR_ARGUMENT);
  CHECK(tv_answer(run, NULL, 1, "x") == TV_ERROR_ARGUMENT);
  CHECK(tv_poll(run, &got) == 0);
  CHECK(tv_close(run) == TV_OK);
}

/* Somebody with the same user writes what he likes, with the lock that says that he is there: what
 * comes out of tv_poll() is a request that may be, or nothing; and all of it ends soon. */
static void garbage(unsigned seed)
{
  char segment[TV_SEGMENT_NAME];
  begin();
  tv_segment_name(segment, name);
  const int file = shm_open(segment, O_RDWR, 0);
  tv_ring_control *control =
    mmap(NULL, TV_RING_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  CHECK(tv_reader_lock(file, TV_RING_ASKER) == 0);
  const size_t offset = control->requests_offset;
  int handed = 0;
  srand(seed);
  for (int i = 0; i < 2000; ++i) {
    tv_ring_request there = {.kind = TV_REQUEST_MERGE, .count = 2, .layer = "conv1"};
    unsigned char *bytes = (unsigned char *)&there;
    for (uint32_t k = 0; k < 2; ++k) {
      there.filter[k] = rand() % (UNITS + 2) - 1;
      there.into[k] = rand() % (UNITS + 2) - 1;
    }
    if (i % 3 == 0)
      for (size_t k = 0; k < sizeof there; ++k)
        bytes[k] = (unsigned char)(rand() >> 8);
    if (i % 3 == 1)
      bytes[rand() % (int)(8 + sizeof there.layer)] ^= (unsigned char)(1 << rand() % 8);
    CHECK(pwrite(file, &there, sizeof there, (off_t)offset) == sizeof there);
    control->requests_offset = (uint64_t)rand() << 20; /* the trainer has its own */
    atomic_store(&control->polls, (uint32_t)rand());
    atomic_store(&control->answered, (uint64_t)rand());
    atomic_store(&control->asked, i % 7 == 0 ? UINT64_MAX - (uint64_t)i : (uint64_t)rand());
    tv_request got;
    const int polled = tv_poll(run, &got);
    CHECK(polled == 0 || polled == 1);
    handed += polled;
    if (polled == 1) {
      CHECK(got.kind == TV_REQUEST_MERGE && strcmp(got.layer, "conv1") == 0);
      CHECK(got.count >= 1 && got.count <= 2);
      for (uint32_t k = 0; k < got.count; ++k)
        CHECK(got.filter[k] >= 0 && got.filter[k] < UNITS && got.into[k] >= 0 &&
              got.into[k] < UNITS && got.into[k] != got.filter[k] &&
              got.into[k] != got.filter[(k + 1) % got.count]);
      CHECK(tv_answer(run, &got, 1, "done") == TV_OK);
    }
    if (i % 100 == 0)
      step();
  }
  printf("%d of 2000 requests were handed out\n", handed);
  CHECK(handed > 100 && handed < 1900);
  tv_reader_unlock(file, TV_RING_ASKER);
  munmap(control, TV_RING_CONTROL_BYTES);
  /* Cut off: nothing any more, and no signal. */
  tv_request got;
  CHECK(ftruncate(file, 4096) == 0);
  CHECK(tv_poll(run, &got) == 0);
  CHECK(tv_answer(run, &got, 1, "done") == TV_OK);
  close(file);
  tv_close(run);
}

/* A viewer finds an older trainer's ring, and one that is damaged. */
static void others(void)
{
  const tv_request request = merge(3, 1);
  tv_asking *asking;
  char segment[TV_SEGMENT_NAME];
  tv_request got;
  begin();
  CHECK(tv_poll(run, &got) == 0);
  tv_segment_name(segment, name);
  const int file = shm_open(segment, O_RDWR, 0);
  tv_ring_control *control =
    mmap(NULL, TV_RING_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  control->requests_offset = 0;
  CHECK(tv_ask(&asking, name, &request) == TV_ERROR_VERSION && !asking);
  printf("%s\n", tv_last_error());
  const uint64_t bad[] = {1, 4, UINT64_MAX, UINT64_MAX - 7, control->segment_bytes, 1 << 30};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    control->requests_offset = bad[i];
    CHECK(tv_ask(&asking, name, &request) == TV_ERROR_FORMAT && !asking);
  }
  munmap(control, TV_RING_CONTROL_BYTES);
  close(file);
  CHECK(tv_close(run) == TV_OK);
}

/* A run that has no channel is never asked. */
static void alone(void)
{
  tv_request got;
  CHECK(tv_open(&run, "alone.tvh5", &(tv_options){0}) < 0);
  tv_options options = tv_default_options();
  options.overwrite = 1;
  options.channel = "";
  CHECK(tv_open(&run, "alone.tvh5", &options) == TV_OK);
  CHECK(tv_poll(run, &got) == 0);
  CHECK(tv_answer(run, &got, 1, "x") == TV_OK);
  CHECK(tv_close(run) == TV_OK);
}

int main(void)
{
  snprintf(name, sizeof name, "requests-%d", (int)getpid());
  round_trip();
  refused();
  for (unsigned seed = 0; seed < 5; ++seed)
    garbage(seed);
  others();
  alone();
  CHECK(!segment_exists(name));
  printf(failures ? "%d failures\n" : "all right\n", failures);
  return failures != 0;
}
