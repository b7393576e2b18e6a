/* The reader's side of the channel, coming and going: what a segment says of itself is checked
 * here, once. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ring_reader_state.h"

#include "layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

/* Copies what the segment says of itself, and refuses what does not hold together. */
static int read_layout(tv_ring_reader *reader, const char *name)
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
  const size_t tensors_offset = control->tensors_offset, layers_offset = control->layers_offset;
  const size_t tensors = reader->tensor_count, layers = reader->layer_count;
  if (reader->slots < 2 || reader->slots > TV_RING_SLOTS || tensors > TV_RING_TENSORS ||
      layers > TV_RING_TENSORS || !(reader->block_seconds >= 0) ||
      !fits(tensors_offset, tensors, sizeof(tv_ring_tensor), bytes) ||
      !fits(layers_offset, layers, sizeof(tv_ring_layer), bytes) ||
      !fits(reader->names_offset, TV_RING_SCALARS, TV_RING_NAME, bytes) ||
      reader->slot_bytes % 8 != 0 || reader->slot_bytes == 0 ||
      !fits(reader->slots_offset, reader->slots, reader->slot_bytes, bytes))
    return tv_fail(TV_ERROR_FORMAT, "channel \"%s\" is damaged: its sizes do not fit it", name);

  reader->tensors = calloc(tensors + 1, sizeof *reader->tensors);
  reader->offsets = calloc(tensors + 1, sizeof *reader->offsets);
  reader->strides = calloc(tensors + 1, sizeof *reader->strides);
  reader->layers = calloc(layers + 1, sizeof *reader->layers);
  reader->state_offsets = calloc(layers + 1, sizeof *reader->state_offsets);
  if (!reader->tensors || !reader->offsets || !reader->strides || !reader->layers ||
      !reader->state_offsets)
    return tv_fail(TV_ERROR_MEMORY, "channel \"%s\": no memory", name);
  for (size_t i = 0; i < tensors; ++i) {
    const tv_ring_tensor t = ((const tv_ring_tensor *)(reader->memory + tensors_offset))[i];
    tv_ring_reader_tensor *tensor = &reader->tensors[i];
    int overflow = 0;
    size_t size = tv_type_size((tv_type)t.type);
    for (size_t axis = 0; axis < 4; ++axis)
      size = tv_multiply(size, t.shape[axis], &overflow);
    if (!terminated(t.layer, sizeof t.layer) || !terminated(t.kind, sizeof t.kind) ||
        !terminated(t.axes, sizeof t.axes) || t.rank != strlen(t.axes) || t.rank > 4 || overflow ||
        size == 0 || size != t.bytes || t.stride < t.bytes || t.stride % TV_RING_ALIGN != 0 ||
        t.offset % TV_RING_ALIGN != 0 || !fits(t.offset, reader->slots + 1, t.stride, bytes))
      return tv_fail(
        TV_ERROR_FORMAT, "channel \"%s\" is damaged: its tensor %zu does not fit it", name, i);
    memcpy(tensor->layer, t.layer, sizeof t.layer);
    memcpy(tensor->kind, t.kind, sizeof t.kind);
    memcpy(tensor->axes, t.axes, sizeof t.axes);
    tensor->type = (tv_type)t.type;
    tensor->rank = t.rank;
    for (size_t axis = 0; axis < 4; ++axis)
      tensor->shape[axis] = t.shape[axis];
    tensor->bytes = t.bytes;
    reader->offsets[i] = t.offset;
    reader->strides[i] = t.stride;
  }
  const size_t fixed =
    sizeof(tv_ring_slot) + tensors * sizeof(tv_ring_record) + TV_RING_SCALARS * sizeof(double);
  if (reader->slot_bytes < fixed)
    return tv_fail(TV_ERROR_FORMAT, "channel \"%s\" is damaged: its slots are too small", name);
  const size_t states = (reader->slot_bytes - fixed) / sizeof(int32_t);
  for (size_t i = 0; i < layers; ++i) {
    const tv_ring_layer l = ((const tv_ring_layer *)(reader->memory + layers_offset))[i];
    if (!terminated(l.layer, sizeof l.layer) || l.filters == 0 || l.offset > states ||
        l.filters > states - l.offset)
      return tv_fail(
        TV_ERROR_FORMAT, "channel \"%s\" is damaged: its layer %zu does not fit it", name, i);
    memcpy(reader->layers[i].layer, l.layer, sizeof l.layer);
    reader->layers[i].filters = l.filters;
    reader->state_offsets[i] = l.offset;
  }
  return TV_OK;
}

int tv_ring_reader_enter(tv_ring_reader *reader)
{
  static _Atomic uint32_t serial;
  const uint64_t owner = (uint64_t)getpid() << 32 | (atomic_fetch_add(&serial, 1) + 1);
  for (unsigned r = 0; r < TV_RING_READERS; ++r) {
    tv_ring_reader_entry *entry = &reader->control->readers[r];
    uint64_t free_place = 0;
    if (!atomic_compare_exchange_strong(&entry->owner, &free_place, owner))
      continue;
    atomic_store(&entry->start, reader->start);
    atomic_store(&entry->hold, 0);
    atomic_store(&entry->beat, tv_clock());
    for (size_t s = 0; s < reader->slots; ++s) /* what somebody that died here left behind */
      atomic_fetch_and(
        &reader->control->words[s].word, ~(UINT64_C(1) << r | UINT64_C(1) << (r + TV_SLOT_DONE)));
    reader->entry = r;
    reader->owner = owner;
    tv_futex_advance(&reader->control->released);
    return TV_OK;
  }
  return tv_fail(
    TV_ERROR_STATE, "channel \"%s\" has %d readers already", reader->name, TV_RING_READERS);
}

static int map(tv_ring_reader *reader, const char *name)
{
  reader->file = shm_open(reader->segment, O_RDWR, 0);
  if (reader->file < 0)
    return errno == ENOENT ? tv_fail(TV_ERROR_FILE, "there is no run with the channel \"%s\"", name)
                           : tv_fail(TV_ERROR_FILE, "channel \"%s\": %s", name, strerror(errno));
  struct stat status;
  if (fstat(reader->file, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid())
    return tv_fail(TV_ERROR_FILE, "channel \"%s\" belongs to another user", name);
  if (status.st_size == 0)
    return tv_fail(TV_ERROR_STATE, "channel \"%s\": the run has not begun yet", name);
  if (status.st_size < TV_RING_CONTROL_BYTES)
    return tv_fail(TV_ERROR_FORMAT, "channel \"%s\" is not a channel: it is too small", name);
  reader->bytes = (size_t)status.st_size;
  void *control =
    mmap(NULL, TV_RING_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, reader->file, 0);
  if (control == MAP_FAILED)
    return tv_fail(TV_ERROR_MEMORY, "channel \"%s\": %s", name, strerror(errno));
  reader->control = control;
  if (reader->control->magic == 0)
    return tv_fail(TV_ERROR_STATE, "channel \"%s\": the run has not begun yet", name);
  if (reader->control->magic != TV_RING_MAGIC)
    return tv_fail(TV_ERROR_FORMAT, "channel \"%s\" is not a channel of TensorView", name);
  if (reader->control->version != TV_RING_VERSION)
    return tv_fail(TV_ERROR_VERSION, "channel \"%s\" has version %u; this program knows version %d",
      name, reader->control->version, TV_RING_VERSION);
  reader->writer = reader->control->writer;
  reader->writer_start = reader->control->writer_start;
  if (tv_segment_remove_stale(reader->file, reader->segment))
    return tv_fail(TV_ERROR_STATE,
      "channel \"%s\": its run has ended without closing it; what it left behind is removed", name);
  const uint32_t state = atomic_load(&reader->control->state);
  if (state == TV_RING_DECLARING)
    return tv_fail(TV_ERROR_STATE, "channel \"%s\": the run has not begun yet", name);
  if (reader->control->segment_bytes > reader->bytes ||
      reader->control->segment_bytes < TV_RING_CONTROL_BYTES || state > TV_RING_CLOSED)
    return tv_fail(TV_ERROR_FORMAT, "channel \"%s\" is damaged: its sizes do not fit it", name);
  reader->bytes = reader->control->segment_bytes;
  void *memory = mmap(NULL, reader->bytes, PROT_READ, MAP_SHARED, reader->file, 0);
  if (memory == MAP_FAILED)
    return tv_fail(TV_ERROR_MEMORY, "channel \"%s\": %s", name, strerror(errno));
  reader->memory = memory;
  return TV_OK;
}

int tv_ring_reader_attach(tv_ring_reader **result, const char *name)
{
  *result = NULL;
  tv_ring_reader *reader = calloc(1, sizeof *reader);
  if (!reader)
    return tv_fail(TV_ERROR_MEMORY, "channel \"%s\": no memory", name ? name : "");
  reader->file = -1;
  reader->start = tv_process_start((uint64_t)getpid());
  int status = tv_segment_name(reader->segment, name);
  if (status == TV_OK)
    status = map(reader, strcpy(reader->name, name));
  if (status == TV_OK)
    status = read_layout(reader, name);
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
  if (reader->owner) {
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
  free(reader);
}
