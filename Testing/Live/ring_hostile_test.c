/* SPDX-License-Identifier: BSD-3-Clause */
/* What a ring refuses: names, damaged segments, memory that is not there. */
#define _GNU_SOURCE
#include "ring_fixture.h"
#include "ring_reader.h"
#include "ring_segment.h"
#include "tensorview/ring.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Segments that are not what they must be, and names that cannot be one. */
static void hostile(void)
{
  tv_ring *ring;
  tv_ring_reader *reader;
  const char *bad[] = {"", ".", "..", ".x", "a/b", "../a", "a b", "\xc3\xa4",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; ++i) {
    CHECK(tv_ring_open(&ring, bad[i], 4, 0) == TV_ERROR_ARGUMENT && !ring);
    CHECK(tv_ring_reader_attach(&reader, bad[i]) == TV_ERROR_ARGUMENT && !reader);
  }
  CHECK(tv_ring_open(&ring, NULL, 4, 0) == TV_ERROR_ARGUMENT);
  CHECK(tv_ring_open(&ring, name, 1, 0) == TV_ERROR_ARGUMENT);
  CHECK(tv_ring_open(&ring, name, 65, 0) == TV_ERROR_ARGUMENT);
  CHECK(tv_ring_open(&ring, name, 4, NAN) == TV_ERROR_ARGUMENT);
  CHECK(tv_ring_reader_attach(&reader, name) == TV_ERROR_FILE);

  /* A real segment, copied, with one number changed at a time, and cut at many places. */
  ring = open_ring(3, 0);
  write_step(ring, 0);
  char segment[TV_SEGMENT_NAME];
  tv_segment_name(segment, name);
  int file = shm_open(segment, O_RDWR, 0);
  struct stat status;
  fstat(file, &status);
  char *good = malloc((size_t)status.st_size);
  CHECK(pread(file, good, (size_t)status.st_size, 0) == status.st_size);
  CHECK((status.st_mode & 0777) == 0600);
  close(file);
  tv_ring_close(ring);

  tv_ring_control *control = (tv_ring_control *)good;
  const size_t tensors = control->tensors_offset, layers = control->layers_offset;
  const struct
  {
    size_t offset, size;
  } fields[] = {{0, 8}, {8, 4}, {12, 4}, {offsetof(tv_ring_control, segment_bytes), 8},
    {offsetof(tv_ring_control, slots), 8}, {offsetof(tv_ring_control, tensors), 8},
    {offsetof(tv_ring_control, layers), 8}, {offsetof(tv_ring_control, tensors_offset), 8},
    {offsetof(tv_ring_control, layers_offset), 8}, {offsetof(tv_ring_control, names_offset), 8},
    {offsetof(tv_ring_control, slots_offset), 8}, {offsetof(tv_ring_control, slot_bytes), 8},
    {tensors + offsetof(tv_ring_tensor, layer), TV_RING_NAME},
    {tensors + offsetof(tv_ring_tensor, shape.axes), TV_RANK + 1},
    {tensors + offsetof(tv_ring_tensor, type), 4},
    {tensors + offsetof(tv_ring_tensor, shape.rank), 4},
    {tensors + offsetof(tv_ring_tensor, shape.size), 8},
    {tensors + offsetof(tv_ring_tensor, bytes), 8}, {tensors + offsetof(tv_ring_tensor, stride), 8},
    {tensors + offsetof(tv_ring_tensor, offset), 8}, {layers + offsetof(tv_ring_layer, filters), 8},
    {layers + offsetof(tv_ring_layer, offset), 8}};
  for (size_t i = 0; i < sizeof fields / sizeof *fields; ++i) {
    file = shm_open(segment, O_RDWR | O_CREAT | O_EXCL, 0600);
    CHECK(flock(file, LOCK_EX | LOCK_NB) == 0); /* as a writer that lives */
    char *changed = malloc((size_t)status.st_size);
    memcpy(changed, good, (size_t)status.st_size);
    memset(changed + fields[i].offset, 0xee, fields[i].size);
    CHECK(write(file, changed, (size_t)status.st_size) == status.st_size);
    free(changed);
    const int result = tv_ring_reader_attach(&reader, name);
    CHECK(result == (i == 1 ? TV_ERROR_VERSION : TV_ERROR_FORMAT) && !reader);
    if (i < 2)
      printf("%s\n", tv_last_error());
    close(file);
    shm_unlink(segment);
  }
  /* Garbage of several lengths. */
  const size_t lengths[] = {0, 1, 100, 4096, TV_RING_CONTROL_BYTES, 100000};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; ++i) {
    file = shm_open(segment, O_RDWR | O_CREAT | O_EXCL, 0600);
    memset(good, 0x5a, lengths[i]);
    CHECK(write(file, good, lengths[i]) == (ssize_t)lengths[i]);
    CHECK(tv_ring_reader_attach(&reader, name) < 0 && !reader);
    close(file);
    ring = open_ring(2, 0); /* nobody's: replaced */
    tv_ring_close(ring);
    CHECK(!segment_exists(name));
  }
  free(good);
}

/* Shared memory that is full is a sentence at the first step; then nothing. */
static void full(void)
{
  tv_ring *ring;
  int tensor;
  const tv_shape large = {1, "c", {(size_t)1 << 40, 1, 1, 1, 1, 1, 1, 1}};
  CHECK(tv_ring_open(&ring, name, 4, 0) == TV_OK);
  CHECK(tv_ring_declare(&tensor, ring, "l", "weights", TV_FLOAT32, &large) == TV_OK);
  CHECK(tv_ring_begin(ring, 0) == TV_ERROR_MEMORY);
  printf("%s\n", tv_last_error());
  CHECK(tv_ring_begin(ring, 1) == TV_ERROR_STATE);
  CHECK(!tv_ring_wants(ring, 0));
  tv_ring_put(ring, 0, name, 0);
  tv_ring_publish(ring);
  CHECK(!segment_exists(name));
  tv_ring_close(ring);
  const tv_shape huge = {2, "hw", {(size_t)1 << 40, (size_t)1 << 40, 1, 1, 1, 1, 1, 1}};
  CHECK(tv_ring_open(&ring, name, 4, 0) == TV_OK);
  CHECK(tv_ring_declare(&tensor, ring, "l", "w", TV_FLOAT32, &huge) == TV_ERROR_ARGUMENT);
  tv_ring_close(ring);
}

int main(void)
{
  snprintf(name, sizeof name, "hostile-%d", (int)getpid());
  hostile();
  full();
  CHECK(!segment_exists(name));
  printf(failures ? "%d failures\n" : "all right\n", failures);
  return failures != 0;
}
