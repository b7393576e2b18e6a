/* SPDX-License-Identifier: BSD-3-Clause */
/* Both sides of the ring beside somebody of the same user who writes into it what he likes.
 *
 *   fuzz_ring COUNT SEED     so many times, at random
 *
 * The trainer's side: a viewer's request is garbage; what tv_poll() hands out is one that may be, or
 * nothing. The viewer's side: the whole segment of a trainer is, and its answer; asking and reading
 * give what is right by the segment's real size, or fail with a sentence. Anything else is a crash,
 * an abort, or, built with sanitizers, their report. With clang's libFuzzer, which looks for new ways
 * by itself: fuzz.sh.
 *
 * The first byte of an input says which side, the second what a trainer answers; then come changes:
 * a place (two bytes), a length (one), and so many bytes. */
#define _GNU_SOURCE
#include "ring_segment.h"
#include "tensorview/ring.h"
#include "tensorview/source.h"
#include "tensorview/tensorview.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum
{
  UNITS = 6,
  REGIONS = 6
};

static char trainer_name[40], viewer_name[40], viewer_segment[TV_SEGMENT_NAME];

/* A training that listens, and what somebody else has of its segment. */
static tv_run *run;
static int listening;
static tv_ring_control *seen;
static size_t requests;
static uint64_t number;

/* The segment of a trainer that is none: a copy of a right one, changed each time. */
static int hostile;
static char *image;
static size_t image_bytes;
static tv_ring_control *control;
static struct
{
  size_t offset, bytes;
} regions[REGIONS]; /* where a change means something */
static size_t places;

/* How often it came that far, so that a test can tell that it did. */
static unsigned long handed_out, answered, opened;

static void must(int condition, const char *what)
{
  if (condition)
    return;
  fprintf(stderr, "%s (%s)\n", what, tv_last_error());
  abort();
}

static int open_segment(const char *name)
{
  char segment[TV_SEGMENT_NAME];
  must(tv_segment_name(segment, name) == TV_OK, "a name");
  const int file = shm_open(segment, O_RDWR, 0);
  must(file >= 0, "a segment");
  return file;
}

static void *map_control(int file)
{
  void *memory = mmap(NULL, TV_RING_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  must(memory != MAP_FAILED, "a mapping");
  return memory;
}

static void begin(tv_run **opened, const char *name)
{
  static const float data[UNITS] = {1, 2, 3, 4, 5, 6};
  int weights;
  tv_options options = tv_default_options();
  options.channel = name;
  options.ring_slots = 2;
  must(tv_open(opened, NULL, &options) == TV_OK, "a run");
  must(tv_declare(&weights, *opened, "conv1", "weights", TV_FLOAT32, "o", (size_t[]){UNITS}) == 0 &&
         tv_declare_filters(*opened, "conv1", UNITS) == TV_OK,
    "what is declared");
  tv_request none;
  tv_write(*opened, weights, 0, data);
  tv_record(*opened, 0, "loss", 1.5);
  must(tv_end_step(*opened, 0) == TV_OK && tv_poll(*opened, &none) == 0, "a step");
}

static void end(void)
{
  tv_close(run);
  shm_unlink(viewer_segment);
}

static void prepare(void)
{
  snprintf(trainer_name, sizeof trainer_name, "fuzzed-%d", (int)getpid());
  snprintf(viewer_name, sizeof viewer_name, "hostile-%d", (int)getpid());
  begin(&run, viewer_name); /* first, for its segment */
  const int file = open_segment(viewer_name);
  struct stat status;
  must(fstat(file, &status) == 0, "a size");
  image_bytes = (size_t)status.st_size;
  image = malloc(image_bytes);
  must(image && tv_segment_read(file, 0, image, image_bytes) == 0, "a copy");
  close(file);
  tv_close(run);
  tv_segment_name(viewer_segment, viewer_name);
  hostile = shm_open(viewer_segment, O_RDWR | O_CREAT | O_EXCL, 0600);
  must(hostile >= 0 && flock(hostile, LOCK_EX | LOCK_NB) == 0, "a segment of a trainer that lives");
  must(tv_segment_write(hostile, 0, image, image_bytes) == 0, "its bytes");
  control = map_control(hostile);
  const tv_ring_control *c = (const tv_ring_control *)image;
  const size_t bounds[REGIONS][2] = {{0, sizeof *c}, {c->tensors_offset, sizeof(tv_ring_tensor)},
    {c->layers_offset, sizeof(tv_ring_layer)}, {c->names_offset, 2 * (size_t)TV_RING_NAME},
    {c->slots_offset, 2 * c->slot_bytes},
    {c->requests_offset, sizeof(tv_ring_request) + sizeof(tv_ring_answer)}};
  for (size_t r = 0; r < REGIONS; places += regions[r++].bytes) {
    regions[r].offset = bounds[r][0];
    regions[r].bytes = bounds[r][1];
  }

  begin(&run, trainer_name);
  listening = open_segment(trainer_name);
  seen = map_control(listening);
  requests = seen->requests_offset;
  must(tv_reader_lock(listening, TV_RING_ASKER) == 0, "the lock of who asks");
  atexit(end);
}

/* Calls change(place, bytes, count) for each change that an input describes. */
static void for_each(const unsigned char *data, size_t size, size_t most,
  void (*change)(size_t place, const unsigned char *bytes, size_t count))
{
  while (size > 3) {
    const size_t place = (size_t)(data[0] | data[1] << 8) % most;
    const size_t count = data[2] < size - 3 ? data[2] : size - 3;
    change(place, data + 3, count);
    data += 3 + count;
    size -= 3 + count;
  }
}

static tv_ring_request asked;

static void change_request(size_t place, const unsigned char *bytes, size_t count)
{
  const size_t rest = sizeof asked - place;
  memcpy((char *)&asked + place, bytes, count < rest ? count : rest);
}

static void check_handed(const tv_request *got)
{
  must(got->kind == TV_REQUEST_MERGE && strcmp(got->layer, "conv1") == 0, "a kind or layer");
  must(got->count >= 1 && got->count <= UNITS, "a number of filters");
  for (uint32_t k = 0; k < got->count; ++k) {
    must(got->filter[k] >= 0 && got->filter[k] < UNITS, "a filter");
    must(got->into[k] >= 0 && got->into[k] < UNITS, "a filter that stays");
    for (uint32_t l = 0; l < got->count; ++l)
      must(got->filter[l] != got->into[k] && (l == k || got->filter[l] != got->filter[k]),
        "one that goes twice, or into one that goes");
  }
}

static void trainer_side(const unsigned char *data, size_t size, unsigned answer)
{
  tv_request got;
  asked = (tv_ring_request){.kind = TV_REQUEST_MERGE, .count = 2, .layer = "conv1"};
  asked.filter[0] = 3;
  asked.filter[1] = 5;
  for_each(data, size, sizeof asked, change_request);
  must(tv_segment_write(listening, requests, &asked, sizeof asked) == 0, "a request");
  if (answer & 1) { /* the trainer has its own */
    seen->requests_offset = (uint64_t)answer << 32;
    atomic_store(&seen->polls, (uint32_t)answer);
    atomic_store(&seen->answered, UINT64_MAX);
  }
  atomic_store(&seen->asked, ++number);
  const int polled = tv_poll(run, &got);
  must(polled == 0 || polled == 1, "what tv_poll() returns");
  if (polled == 0)
    return;
  ++handed_out;
  check_handed(&got);
  char sentence[512] = "";
  memcpy(sentence, data, size < sizeof sentence - 1 ? size : sizeof sentence - 1);
  must(tv_answer(run, &got, (int)answer, sentence) == TV_OK, "an answer");
}

static void change_segment(size_t place, const unsigned char *bytes, size_t count)
{
  size_t r = 0;
  for (; place >= regions[r].bytes; ++r)
    place -= regions[r].bytes;
  const size_t rest = image_bytes - regions[r].offset - place;
  must(
    tv_segment_write(hostile, regions[r].offset + place, bytes, count < rest ? count : rest) == 0,
    "a change");
}

static int is_line(const char *text, size_t size)
{
  size_t length = 0;
  for (; length < size && text[length]; ++length)
    if ((unsigned char)text[length] < 0x20 || text[length] == 0x7f)
      return 0;
  return length < size;
}

static void ask(const unsigned char *data, size_t size, unsigned answer)
{
  tv_asking *asking;
  tv_request request = {.kind = TV_REQUEST_MERGE, .count = 1, .layer = "conv1"};
  request.filter[0] = 3;
  if (tv_ask(&asking, viewer_name, &request) != TV_OK) {
    must(!asking && tv_last_error()[0], "a sentence");
    return;
  }
  tv_ring_answer there = {.number = atomic_load(&control->asked), .accepted = (int)answer & 3};
  memcpy(there.sentence, data, size < sizeof there.sentence ? size : sizeof there.sentence);
  if (answer & 4)
    memset(there.sentence + size % sizeof there.sentence, 'x', 1);
  if (answer & 8)
    there.number ^= answer;
  const size_t offset = control->requests_offset + sizeof(tv_ring_request);
  must(tv_segment_write(hostile, offset, &there, sizeof there) == 0, "an answer");
  atomic_store(&control->answered, atomic_load(&control->asked));
  char *text = malloc(1 + answer * 4);
  const int status = tv_asking_answer(asking, 0, text, 1 + answer * 4);
  answered += status >= 0;
  must(status <= 1 && (status < 0 || is_line(text, 1 + answer * 4)), "what an answer says");
  free(text);
  tv_asking_end(asking);
}

static void read_all(tv_source *source)
{
  const tv_source_tensor *tensors;
  const tv_source_states *states;
  tv_source_scalars scalars;
  const size_t count = tv_source_tensors(source, &tensors);
  for (size_t t = 0; t < count; ++t) {
    size_t bytes = 8;
    must(tensors[t].layer[0] && tensors[t].kind[0], "names");
    for (int a = 0; a < tensors[t].shape.rank; ++a)
      bytes *= tensors[t].shape.size[a];
    must(bytes <= 8 * image_bytes, "a tensor that fits its segment");
    char *values = malloc(bytes);
    for (size_t r = 0; r < tensors[t].records && values; ++r)
      (void)tv_source_read(source, t, r, values);
    free(values);
  }
  const size_t layers = tv_source_states_of(source, &states);
  for (size_t s = 0; s < layers; ++s) {
    must(states[s].filters <= image_bytes, "states that fit their segment");
    int32_t *values = malloc(states[s].filters * sizeof *values);
    for (size_t r = 0; r < states[s].records && values; ++r)
      (void)tv_source_read_states(source, s, r, values);
    free(values);
  }
  tv_source_scalars_of(source, &scalars);
  double *values = malloc((scalars.count * scalars.records + 1) * sizeof *values);
  (void)tv_source_read_scalars(source, 0, scalars.records, values);
  for (size_t k = 0; k < scalars.count; ++k)
    must(strlen(scalars.names[k]) < TV_RING_NAME, "a scalar's name");
  free(values);
}

static void viewer_side(const unsigned char *data, size_t size, unsigned answer)
{
  char path[sizeof viewer_name + 8];
  const char *paths = path;
  tv_source *source;
  must(tv_segment_write(hostile, 0, image, image_bytes) == 0, "the right bytes");
  for_each(data, size, places, change_segment);
  ask(data, size, answer);
  snprintf(path, sizeof path, "ring:%s", viewer_name);
  if (tv_source_open(&source, &paths, 1, NULL) == TV_OK) {
    ++opened;
    read_all(source);
    if (tv_source_changed(source) && tv_source_refresh(source, NULL) == TV_OK)
      read_all(source);
    tv_source_close(source);
  } else {
    must(strstr(tv_last_error(), viewer_name) != NULL, "a sentence that names the ring");
  }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
  if (!run)
    prepare();
  if (size >= 2)
    (data[0] & 1 ? trainer_side : viewer_side)(data + 2, size - 2, data[1]);
  return 0;
}

#ifndef FUZZ_LIBRARY
static uint64_t state;

static size_t below(size_t most) /* xorshift64* */
{
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return (size_t)((state * UINT64_C(2685821657736338717)) >> 16) % most;
}

int main(int argc, char **argv)
{
  static const unsigned char telling[] = {0x00, 0x01, 0x06, 0x7f, 0x80, 0xff};
  const unsigned long count = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
  state = argc == 3 ? strtoull(argv[2], NULL, 10) * 2654435761u + 1 : 1;
  for (unsigned long k = 0; k < count; ++k) {
    unsigned char input[256];
    size_t size = 2;
    input[0] = (unsigned char)k;
    input[1] = (unsigned char)below(256);
    for (size_t changes = below(4); changes > 0; --changes) {
      const size_t length = 1 + below(12);
      /* half of all changes near the beginning: the control block, the kind and the count */
      const size_t place = below(2) ? below(300) : below(65536);
      input[size++] = (unsigned char)place;
      input[size++] = (unsigned char)(place >> 8);
      input[size++] = (unsigned char)length;
      for (size_t i = 0; i < length; ++i)
        input[size++] = below(2) ? telling[below(sizeof telling)] : (unsigned char)below(256);
    }
    LLVMFuzzerTestOneInput(input, size);
  }
  printf("%lu inputs: %lu requests handed out, %lu answers read, %lu rings opened\n", count,
    handed_out, answered, opened);
  return !handed_out || !answered || !opened;
}
#endif
