/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader's side of the ring, coming and going: what a segment says of itself is checked
 * here, once. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ring_reader_state.h"

#include "shape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static int fits(size_t offset, size_t count, size_t size, size_t bytes)
{
  return offset % 8 == 0 && offset <= bytes && count <= (bytes - offset) / size;
}

static int terminated(const char *text, size_t size)
{
  return memchr(text, 0, size) != NULL && text[0] != 0;
}

static int damaged(const tv_ring_reader *reader, const char *what)
{
  return tv_fail(TV_ERROR_FORMAT, "ring \"%s\" is damaged: its %s", reader->name, what);
}

/* Copies what the segment says of itself, and refuses what does not hold together. */
static int read_sizes(tv_ring_reader *reader, size_t *tensors_offset, size_t *layers_offset)
{
  const tv_ring_control *control = reader->control;
  const size_t bytes = reader->bytes;
  reader->slots = control->slots;
  reader->tensor_count = control->tensors;
  reader->layer_count = control->layers;
  reader->names_offset = control->names_offset;
  reader->slots_offset = control->slots_offset;
  reader->slot_bytes = control->slot_bytes;
  reader->block_seconds = control->block_seconds;
  *tensors_offset = control->tensors_offset;
  *layers_offset = control->layers_offset;
  const size_t tensors = reader->tensor_count, layers = reader->layer_count;
  if (reader->slots < 2 || reader->slots > TV_RING_SLOTS || tensors > TV_RING_TENSORS ||
      layers > TV_RING_TENSORS || !(reader->block_seconds >= 0) ||
      !fits(*tensors_offset, tensors, sizeof(tv_ring_tensor), bytes) ||
      !fits(*layers_offset, layers, sizeof(tv_ring_layer), bytes) ||
      !fits(reader->names_offset, TV_RING_SCALARS, TV_RING_NAME, bytes) ||
      reader->slot_bytes % 8 != 0 || reader->slot_bytes == 0 ||
      !fits(reader->slots_offset, reader->slots, reader->slot_bytes, bytes))
    return damaged(reader, "sizes do not fit it");
  reader->tensors = calloc(tensors + 1, sizeof *reader->tensors);
  reader->offsets = calloc(tensors + 1, sizeof *reader->offsets);
  reader->strides = calloc(tensors + 1, sizeof *reader->strides);
  reader->layers = calloc(layers + 1, sizeof *reader->layers);
  reader->state_offsets = calloc(layers + 1, sizeof *reader->state_offsets);
  reader->glance = malloc(reader->slot_bytes);
  if (!reader->tensors || !reader->offsets || !reader->strides || !reader->layers ||
      !reader->state_offsets || !reader->glance)
    return tv_fail(TV_ERROR_MEMORY, "ring \"%s\": no memory", reader->name);
  return TV_OK;
}

static int read_tensor(tv_ring_reader *reader, size_t i, size_t offset)
{
  tv_ring_tensor t;
  tv_ring_reader_tensor *tensor = &reader->tensors[i];
  if (tv_segment_read(reader->file, offset + i * sizeof t, &t, sizeof t) < 0)
    return damaged(reader, "size has changed");
  if (!terminated(t.layer, sizeof t.layer) || !terminated(t.kind, sizeof t.kind) ||
      tv_shape_check(&t.shape) < 0 || t.bytes == 0 ||
      t.bytes != tv_shape_bytes(&t.shape, (tv_type)t.type) || t.stride < t.bytes ||
      t.stride % TV_RING_ALIGN != 0 || t.offset % TV_RING_ALIGN != 0 ||
      !fits(t.offset, reader->slots + 1, t.stride, reader->bytes))
    return damaged(reader, "tensors do not fit it");
  memcpy(tensor->layer, t.layer, sizeof t.layer);
  memcpy(tensor->kind, t.kind, sizeof t.kind);
  tensor->type = (tv_type)t.type;
  tensor->shape = t.shape;
  tensor->bytes = t.bytes;
  reader->offsets[i] = t.offset;
  reader->strides[i] = t.stride;
  return TV_OK;
}

static int read_layer(tv_ring_reader *reader, size_t i, size_t offset, size_t states)
{
  tv_ring_layer l;
  if (tv_segment_read(reader->file, offset + i * sizeof l, &l, sizeof l) < 0)
    return damaged(reader, "size has changed");
  if (!terminated(l.layer, sizeof l.layer) || l.filters == 0 || l.offset > states ||
      l.filters > states - l.offset)
    return damaged(reader, "layers do not fit it");
  memcpy(reader->layers[i].layer, l.layer, sizeof l.layer);
  reader->layers[i].filters = l.filters;
  reader->state_offsets[i] = l.offset;
  return TV_OK;
}

static int read_layout(tv_ring_reader *reader)
{
  size_t tensors_offset, layers_offset;
  int status = read_sizes(reader, &tensors_offset, &layers_offset);
  for (size_t i = 0; i < reader->tensor_count && status == TV_OK; ++i)
    status = read_tensor(reader, i, tensors_offset);
  if (status < 0)
    return status;
  const size_t fixed = sizeof(tv_ring_slot) + reader->tensor_count * sizeof(tv_ring_record) +
                       TV_RING_SCALARS * sizeof(double);
  if (reader->slot_bytes < fixed)
    return damaged(reader, "slots are too small");
  for (size_t i = 0; i < reader->layer_count && status == TV_OK; ++i)
    status = read_layer(reader, i, layers_offset, (reader->slot_bytes - fixed) / sizeof(int32_t));
  return status;
}

/* A number that no other reader has, on whatever side of whatever container. */
static uint64_t new_owner(void)
{
  static _Atomic uint32_t serial;
  uint64_t owner = 0;
  if (getrandom(&owner, sizeof owner, GRND_NONBLOCK) != sizeof owner)
    owner = (uint64_t)tv_clock() ^ (uint64_t)getpid() << 40;
  return (owner << 8 | (atomic_fetch_add(&serial, 1) & 0xff)) | UINT64_C(1) << 63;
}

int tv_ring_reader_enter(tv_ring_reader *reader)
{
  for (unsigned r = 0; r < TV_RING_READERS; ++r) {
    tv_ring_reader_entry *entry = &reader->control->readers[r];
    if (reader->owner && r == reader->entry)
      tv_reader_unlock(reader->file, r); /* the trainer had given this one up */
    if (tv_reader_lock(reader->file, r) < 0)
      continue;
    for (size_t s = 0; s < reader->slots; ++s) /* what somebody that died here left behind */
      atomic_fetch_and(
        &reader->control->words[s].word, ~(UINT64_C(1) << r | UINT64_C(1) << (r + TV_SLOT_DONE)));
    reader->entry = r;
    reader->owner = new_owner();
    atomic_store(&entry->process, (uint64_t)getpid());
    atomic_store(&entry->hold, 0);
    atomic_store(&entry->beat, tv_clock());
    atomic_store(&entry->owner, reader->owner);
    tv_futex_advance(&reader->control->released);
    return TV_OK;
  }
  return tv_fail(
    TV_ERROR_STATE, "ring \"%s\" has %d readers already", reader->name, TV_RING_READERS);
}

static int map(tv_ring_reader *reader, const char *name)
{
  reader->file = shm_open(reader->segment, O_RDWR, 0);
  if (reader->file < 0)
    return errno == ENOENT ? tv_fail(TV_ERROR_FILE, "there is no run with the ring \"%s\"", name)
                           : tv_fail(TV_ERROR_FILE, "ring \"%s\": %s", name, strerror(errno));
  struct stat status;
  if (fstat(reader->file, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid())
    return tv_fail(TV_ERROR_FILE, "ring \"%s\" belongs to another user", name);
  if (status.st_size == 0)
    return tv_fail(TV_ERROR_STATE, "ring \"%s\": the run has not begun yet", name);
  if (status.st_size < TV_RING_CONTROL_BYTES)
    return tv_fail(TV_ERROR_FORMAT, "ring \"%s\" is none: it is too small", name);
  reader->bytes = (size_t)status.st_size;
  void *control =
    mmap(NULL, TV_RING_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, reader->file, 0);
  if (control == MAP_FAILED)
    return tv_fail(TV_ERROR_MEMORY, "ring \"%s\": %s", name, strerror(errno));
  reader->control = control;
  if (reader->control->magic == 0)
    return tv_fail(TV_ERROR_STATE, "ring \"%s\": the run has not begun yet", name);
  if (reader->control->magic != TV_RING_MAGIC)
    return tv_fail(TV_ERROR_FORMAT, "ring \"%s\" is not a ring of TensorView", name);
  if (reader->control->version != TV_RING_VERSION)
    return tv_fail(TV_ERROR_VERSION, "ring \"%s\" has version %u; this program knows version %d",
      name, reader->control->version, TV_RING_VERSION);
  if (tv_segment_remove_stale(reader->file, reader->segment))
    return tv_fail(TV_ERROR_STATE,
      "ring \"%s\": its run has ended without closing it; what it left behind is removed", name);
  const uint32_t state = atomic_load(&reader->control->state);
  if (state == TV_RING_DECLARING)
    return tv_fail(TV_ERROR_STATE, "ring \"%s\": the run has not begun yet", name);
  if (reader->control->segment_bytes > reader->bytes ||
      reader->control->segment_bytes < TV_RING_CONTROL_BYTES || state > TV_RING_CLOSED)
    return tv_fail(TV_ERROR_FORMAT, "ring \"%s\" is damaged: its sizes do not fit it", name);
  reader->bytes = reader->control->segment_bytes;
  void *memory = mmap(NULL, reader->bytes, PROT_READ, MAP_SHARED, reader->file, 0);
  if (memory == MAP_FAILED)
    return tv_fail(TV_ERROR_MEMORY, "ring \"%s\": %s", name, strerror(errno));
  reader->memory = memory;
  return TV_OK;
}

int tv_ring_reader_open(tv_ring_reader *reader, const char *name)
{
  reader->file = -1;
  int status = tv_segment_name(reader->segment, name);
  if (status == TV_OK)
    status = map(reader, strcpy(reader->name, name));
  return status == TV_OK ? read_layout(reader) : status;
}

int tv_ring_reader_attach(tv_ring_reader **result, const char *name)
{
  *result = NULL;
  tv_ring_reader *reader = calloc(1, sizeof *reader);
  if (!reader)
    return tv_fail(TV_ERROR_MEMORY, "no memory left for a reader of a ring");
  int status = tv_ring_reader_open(reader, name);
  if (status == TV_OK)
    status = tv_ring_reader_enter(reader);
  if (status == TV_OK)
    *result = reader;
  else
    tv_ring_reader_detach(reader);
  return status;
}

void tv_ring_reader_detach(tv_ring_reader *reader)
{
  if (!reader)
    return;
  if (reader->owner && tv_ring_reader_whole(reader)) {
    tv_ring_reader_entry *entry = &reader->control->readers[reader->entry];
    uint64_t owner = reader->owner;
    if (atomic_load(&entry->owner) == owner) {
      atomic_store(&entry->hold, 0);
      for (size_t s = 0; s < reader->slots; ++s)
        atomic_fetch_and(&reader->control->words[s].word,
          ~(UINT64_C(1) << reader->entry | UINT64_C(1) << (reader->entry + TV_SLOT_DONE)));
      atomic_compare_exchange_strong(&entry->owner, &owner, 0);
    }
    tv_futex_advance(&reader->control->released);
    if (atomic_load(&reader->control->state) != TV_RING_CLOSED)
      tv_segment_remove_stale(reader->file, reader->segment);
  }
  if (reader->memory)
    munmap((void *)reader->memory, reader->bytes);
  if (reader->control)
    munmap(reader->control, TV_RING_CONTROL_BYTES);
  if (reader->file >= 0)
    close(reader->file);
  free(reader->tensors);
  free(reader->offsets);
  free(reader->strides);
  free(reader->layers);
  free(reader->state_offsets);
  free(reader->glance);
  free(reader);
}
