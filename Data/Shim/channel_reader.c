#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "channel_reader.h"

#include "channel_system.h"
#include "layout.h"
#include "tensorview_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct tv_reader
{
  char segment[TV_SEGMENT_NAME], name[TV_CHANNEL_NAME];
  int file;
  tv_channel_control *control; /* read-write */
  const char *memory;          /* the whole, read-only */
  size_t bytes;
  uint64_t writer, writer_start;
  double block_seconds;
  size_t slots, tensor_count, layer_count;
  size_t names_offset, slots_offset, slot_bytes;
  tv_reader_tensor *tensors;
  uint64_t *offsets, *strides; /* [tensor] */
  tv_reader_layer *layers;
  size_t *state_offsets;                           /* [layer], in a slot's states */
  char names[TV_CHANNEL_SCALARS][TV_CHANNEL_NAME]; /* copies, as asked for */
  unsigned entry;
  uint64_t owner;
  uint64_t start;
  uint64_t taken; /* number + 1 of the last step taken */
  int64_t looked; /* when the writer was last looked for */
  int gone;
};

static int fits(size_t offset, size_t count, size_t size, size_t bytes)
{
  return offset % 8 == 0 && offset <= bytes && count <= (bytes - offset) / size;
}

static int terminated(const char *text, size_t size)
{
  return memchr(text, 0, size) != NULL && text[0] != 0;
}

/* Copies what the segment says of itself, and refuses what does not hold together. */
static int read_layout(tv_reader *reader, const char *name)
{
  const tv_channel_control *control = reader->control;
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
  if (reader->slots < 2 || reader->slots > TV_CHANNEL_SLOTS || tensors > TV_CHANNEL_TENSORS ||
      layers > TV_CHANNEL_TENSORS || !(reader->block_seconds >= 0) ||
      !fits(tensors_offset, tensors, sizeof(tv_channel_tensor), bytes) ||
      !fits(layers_offset, layers, sizeof(tv_channel_layer), bytes) ||
      !fits(reader->names_offset, TV_CHANNEL_SCALARS, TV_CHANNEL_NAME, bytes) ||
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
    const tv_channel_tensor t = ((const tv_channel_tensor *)(reader->memory + tensors_offset))[i];
    tv_reader_tensor *tensor = &reader->tensors[i];
    int overflow = 0;
    size_t size = tv_type_size((tv_type)t.type);
    for (size_t axis = 0; axis < 4; ++axis)
      size = tv_multiply(size, t.shape[axis], &overflow);
    if (!terminated(t.layer, sizeof t.layer) || !terminated(t.kind, sizeof t.kind) ||
        !terminated(t.axes, sizeof t.axes) || t.rank != strlen(t.axes) || t.rank > 4 || overflow ||
        size == 0 || size != t.bytes || t.stride < t.bytes || t.stride % TV_CHANNEL_ALIGN != 0 ||
        t.offset % TV_CHANNEL_ALIGN != 0 || !fits(t.offset, reader->slots + 1, t.stride, bytes))
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
  const size_t fixed = sizeof(tv_channel_slot) + tensors * sizeof(tv_channel_record) +
                       TV_CHANNEL_SCALARS * sizeof(double);
  if (reader->slot_bytes < fixed)
    return tv_fail(TV_ERROR_FORMAT, "channel \"%s\" is damaged: its slots are too small", name);
  const size_t states = (reader->slot_bytes - fixed) / sizeof(int32_t);
  for (size_t i = 0; i < layers; ++i) {
    const tv_channel_layer l = ((const tv_channel_layer *)(reader->memory + layers_offset))[i];
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

/* Takes a free place among the readers. */
static int enter(tv_reader *reader, const char *name)
{
  static _Atomic uint32_t serial;
  const uint64_t owner = (uint64_t)getpid() << 32 | (atomic_fetch_add(&serial, 1) + 1);
  for (unsigned r = 0; r < TV_CHANNEL_READERS; ++r) {
    tv_channel_reader_entry *entry = &reader->control->readers[r];
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
  return tv_fail(TV_ERROR_STATE, "channel \"%s\" has %d readers already", name, TV_CHANNEL_READERS);
}

static int map(tv_reader *reader, const char *name)
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
  if (status.st_size < TV_CHANNEL_CONTROL_BYTES)
    return tv_fail(TV_ERROR_FORMAT, "channel \"%s\" is not a channel: it is too small", name);
  reader->bytes = (size_t)status.st_size;
  void *control =
    mmap(NULL, TV_CHANNEL_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, reader->file, 0);
  if (control == MAP_FAILED)
    return tv_fail(TV_ERROR_MEMORY, "channel \"%s\": %s", name, strerror(errno));
  reader->control = control;
  if (reader->control->magic == 0)
    return tv_fail(TV_ERROR_STATE, "channel \"%s\": the run has not begun yet", name);
  if (reader->control->magic != TV_CHANNEL_MAGIC)
    return tv_fail(TV_ERROR_FORMAT, "channel \"%s\" is not a channel of TensorView", name);
  if (reader->control->version != TV_CHANNEL_VERSION)
    return tv_fail(TV_ERROR_VERSION, "channel \"%s\" has version %u; this program knows version %d",
      name, reader->control->version, TV_CHANNEL_VERSION);
  reader->writer = reader->control->writer;
  reader->writer_start = reader->control->writer_start;
  if (tv_segment_stale(reader->file)) {
    shm_unlink(reader->segment);
    return tv_fail(TV_ERROR_STATE,
      "channel \"%s\": its run has ended without closing it; what it left behind is removed", name);
  }
  const uint32_t state = atomic_load(&reader->control->state);
  if (state == TV_CHANNEL_DECLARING)
    return tv_fail(TV_ERROR_STATE, "channel \"%s\": the run has not begun yet", name);
  if (reader->control->segment_bytes > reader->bytes ||
      reader->control->segment_bytes < TV_CHANNEL_CONTROL_BYTES || state > TV_CHANNEL_CLOSED)
    return tv_fail(TV_ERROR_FORMAT, "channel \"%s\" is damaged: its sizes do not fit it", name);
  reader->bytes = reader->control->segment_bytes;
  void *memory = mmap(NULL, reader->bytes, PROT_READ, MAP_SHARED, reader->file, 0);
  if (memory == MAP_FAILED)
    return tv_fail(TV_ERROR_MEMORY, "channel \"%s\": %s", name, strerror(errno));
  reader->memory = memory;
  return TV_OK;
}

int tv_reader_attach(tv_reader **result, const char *name)
{
  *result = NULL;
  tv_reader *reader = calloc(1, sizeof *reader);
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
    status = enter(reader, name);
  if (status == TV_OK)
    *result = reader;
  else
    tv_reader_detach(reader);
  return status;
}

static int writer_gone(tv_reader *reader)
{
  if (reader->gone || atomic_load(&reader->control->state) == TV_CHANNEL_CLOSED)
    return 1;
  const int64_t now = tv_clock();
  if (now - reader->looked < 200000000)
    return 0;
  reader->looked = now;
  reader->gone = tv_segment_stale(reader->file);
  return reader->gone;
}

void tv_reader_detach(tv_reader *reader)
{
  if (!reader)
    return;
  if (reader->owner) {
    tv_channel_reader_entry *entry = &reader->control->readers[reader->entry];
    uint64_t owner = reader->owner;
    if (atomic_load(&entry->owner) == owner) {
      atomic_store(&entry->hold, 0);
      for (size_t s = 0; s < reader->slots; ++s)
        atomic_fetch_and(&reader->control->words[s].word,
          ~(UINT64_C(1) << reader->entry | UINT64_C(1) << (reader->entry + TV_SLOT_DONE)));
      atomic_compare_exchange_strong(&entry->owner, &owner, 0);
    }
    tv_futex_advance(&reader->control->released);
    reader->looked = 0;
    if (atomic_load(&reader->control->state) != TV_CHANNEL_CLOSED && writer_gone(reader)) {
      struct stat here, there;
      char path[TV_SEGMENT_NAME + 16] = "/dev/shm";
      strcat(path, reader->segment);
      if (fstat(reader->file, &here) == 0 && lstat(path, &there) == 0 &&
          here.st_ino == there.st_ino)
        shm_unlink(reader->segment);
    }
  }
  if (reader->memory)
    munmap((void *)reader->memory, reader->bytes);
  if (reader->control)
    munmap(reader->control, TV_CHANNEL_CONTROL_BYTES);
  if (reader->file >= 0)
    close(reader->file);
  free(reader->tensors);
  free(reader->offsets);
  free(reader->strides);
  free(reader->layers);
  free(reader->state_offsets);
  free(reader);
}

size_t tv_reader_tensors(const tv_reader *reader, const tv_reader_tensor **tensors)
{
  *tensors = reader->tensors;
  return reader->tensor_count;
}

size_t tv_reader_layers(const tv_reader *reader, const tv_reader_layer **layers)
{
  *layers = reader->layers;
  return reader->layer_count;
}

size_t tv_reader_scalars(const tv_reader *reader)
{
  const uint32_t scalars = atomic_load(&reader->control->scalars);
  return scalars < TV_CHANNEL_SCALARS ? scalars : TV_CHANNEL_SCALARS;
}

const char *tv_reader_scalar(tv_reader *reader, size_t scalar)
{
  if (scalar >= TV_CHANNEL_SCALARS)
    return "";
  char *name = reader->names[scalar];
  if (name[0] == 0)
    memcpy(
      name, reader->memory + reader->names_offset + scalar * TV_CHANNEL_NAME, TV_CHANNEL_NAME - 1);
  return name;
}

double tv_reader_block_seconds(const tv_reader *reader)
{
  return reader->block_seconds;
}

static const tv_channel_slot *slot_at(const tv_reader *reader, int slot)
{
  return (const tv_channel_slot *)(reader->memory + reader->slots_offset +
                                   reader->slot_bytes * (size_t)slot);
}

static const tv_channel_record *records_at(const tv_reader *reader, int slot)
{
  return (const tv_channel_record *)(slot_at(reader, slot) + 1);
}

static const double *scalars_at(const tv_reader *reader, int slot)
{
  return (const double *)(records_at(reader, slot) + reader->tensor_count);
}

/* The published slot with the least (in_order) or greatest number that is at least first. */
static int find(const tv_reader *reader, uint64_t first, int in_order, uint64_t *word)
{
  int best = -1;
  uint64_t best_number = 0;
  for (size_t s = 0; s < reader->slots; ++s) {
    const uint64_t before = atomic_load(&reader->control->words[s].word);
    if (!(before & TV_SLOT_PUBLISHED))
      continue;
    const uint64_t number = slot_at(reader, (int)s)->number;
    if (number < first || (best >= 0 && (in_order ? number > best_number : number < best_number)))
      continue;
    best = (int)s;
    best_number = number;
    *word = before;
  }
  return best;
}

int tv_reader_wait(tv_reader *reader, double seconds)
{
  const int64_t end = tv_clock() + (int64_t)(seconds * 1e9);
  for (;;) {
    const uint32_t published = atomic_load(&reader->control->published);
    const int gone = writer_gone(reader); /* before looking for steps: none comes after it */
    uint64_t word;
    if (find(reader, reader->taken, 1, &word) >= 0)
      return 1;
    if (gone)
      return tv_fail(TV_ERROR_STATE, "the run of the channel \"%s\" is over", reader->name);
    const int64_t rest = end - tv_clock();
    if (rest <= 0)
      return 0;
    tv_futex_wait(&reader->control->published, published, rest < 100000000 ? rest : 100000000);
  }
}

int tv_reader_take(tv_reader *reader, tv_reader_step *step, int in_order)
{
  step->slot = -1;
  const uint64_t bit = UINT64_C(1) << reader->entry;
  for (int attempt = 0; attempt < 64; ++attempt) {
    uint64_t word = 0;
    const int slot = find(reader, reader->taken, in_order, &word);
    if (slot < 0)
      return 0;
    if (!atomic_compare_exchange_strong(
          &reader->control->words[slot].word, &word, word | bit | TV_SLOT_FETCHED))
      continue; /* the writer, or another reader, was there first: look again */
    const tv_channel_slot *memory = slot_at(reader, slot);
    if (memory->number < reader->taken ||
        atomic_load(&reader->control->readers[reader->entry].owner) != reader->owner) {
      atomic_fetch_and(&reader->control->words[slot].word, ~bit);
      continue;
    }
    step->slot = slot;
    step->step = memory->step;
    step->number = memory->number;
    step->generation = word >> TV_SLOT_GENERATION;
    reader->taken = memory->number + 1;
    return 1;
  }
  return 0;
}

const void *tv_reader_data(
  const tv_reader *reader, const tv_reader_step *step, size_t tensor, tv_reader_record *record)
{
  const tv_channel_record from = records_at(reader, step->slot)[tensor];
  const int there = from.step >= 0 && from.buffer <= reader->slots;
  if (record)
    *record = (tv_reader_record){
      there ? from.step : -1, there ? from.samples : 0, there && from.written == 1};
  return there ? reader->memory + reader->offsets[tensor] + reader->strides[tensor] * from.buffer
               : NULL;
}

const double *tv_reader_step_scalars(const tv_reader *reader, const tv_reader_step *step)
{
  return scalars_at(reader, step->slot);
}

const int32_t *tv_reader_step_states(
  const tv_reader *reader, const tv_reader_step *step, size_t layer)
{
  return (const int32_t *)(scalars_at(reader, step->slot) + TV_CHANNEL_SCALARS) +
         reader->state_offsets[layer];
}

/* Clears and sets bits of a slot's word as long as this reader still holds it. */
static int change(tv_reader *reader, const tv_reader_step *step, uint64_t clear, uint64_t set)
{
  const uint64_t bit = UINT64_C(1) << reader->entry;
  uint64_t word = atomic_load(&reader->control->words[step->slot].word);
  do {
    if (word >> TV_SLOT_GENERATION != step->generation || !(word & bit))
      return tv_fail(TV_ERROR_TIMEOUT,
        "the trainer took step %lld back: this program was away too long", (long long)step->step);
  } while (!atomic_compare_exchange_weak(
    &reader->control->words[step->slot].word, &word, (word & ~clear) | set));
  tv_futex_advance(&reader->control->released);
  return TV_OK;
}

int tv_reader_done(tv_reader *reader, const tv_reader_step *step)
{
  return step->slot < 0 ? TV_OK
                        : change(reader, step, 0, UINT64_C(1) << (reader->entry + TV_SLOT_DONE));
}

int tv_reader_release(tv_reader *reader, tv_reader_step *step)
{
  if (step->slot < 0)
    return TV_OK;
  const uint64_t bit = UINT64_C(1) << reader->entry;
  const int status = change(reader, step, bit | bit << TV_SLOT_DONE, 0);
  step->slot = -1;
  return status;
}

int tv_reader_beat(tv_reader *reader)
{
  tv_channel_reader_entry *entry = &reader->control->readers[reader->entry];
  if (atomic_load(&entry->owner) == reader->owner) {
    atomic_store(&entry->beat, tv_clock());
    return TV_OK;
  }
  const int status = enter(reader, reader->name);
  return status != TV_OK
           ? status
           : tv_fail(TV_ERROR_TIMEOUT, "the trainer had given this reader up; it is attached anew");
}

void tv_reader_hold(tv_reader *reader, int hold)
{
  atomic_store(&reader->control->readers[reader->entry].hold, hold ? tv_clock() : 0);
  tv_futex_advance(&reader->control->released);
}

static double number_at(const char *source, tv_type type)
{
  if (type == TV_FLOAT64) {
    double value;
    memcpy(&value, source, sizeof value);
    return value;
  }
  tv_layout one;
  const size_t shape[1] = {1};
  float value = NAN;
  if (tv_layout_axes(&one, "c", shape) == TV_OK)
    tv_layout_convert(&value, &one, type, source, 0, 1, 1);
  return value;
}

int tv_reader_glance(tv_reader *reader, uint64_t *number, int64_t *step, double *scalars,
  const tv_reader_element *elements, size_t count, double *values)
{
  for (int attempt = 0; attempt < 64; ++attempt) {
    uint64_t word = 0;
    const int slot = find(reader, *number, 1, &word);
    if (slot < 0)
      return 0;
    const uint64_t seen = slot_at(reader, slot)->number;
    *step = slot_at(reader, slot)->step;
    memcpy(scalars, scalars_at(reader, slot), TV_CHANNEL_SCALARS * sizeof *scalars);
    const tv_reader_step at = {.slot = slot};
    for (size_t i = 0; i < count; ++i) {
      const tv_reader_tensor *tensor = &reader->tensors[elements[i].tensor];
      tv_reader_record record;
      const char *data = tv_reader_data(reader, &at, elements[i].tensor, &record);
      values[i] =
        data && record.written
          ? number_at(data + elements[i].source * tv_type_size(tensor->type), tensor->type)
          : NAN;
    }
    atomic_thread_fence(memory_order_seq_cst);
    const uint64_t now = atomic_load(&reader->control->words[slot].word);
    if (now >> TV_SLOT_GENERATION == word >> TV_SLOT_GENERATION && seen >= *number) {
      *number = seen + 1;
      return 1;
    }
  }
  return 0;
}

uint64_t tv_reader_dropped(const tv_reader *reader)
{
  return atomic_load(&reader->control->dropped);
}

int tv_reader_standing(const tv_reader *reader)
{
  return atomic_load(&reader->control->standing) != 0;
}

void tv_reader_sleep(tv_reader *reader, uint32_t *ticket, double seconds)
{
  tv_futex_wait(&reader->control->published, *ticket, (int64_t)(seconds * 1e9));
  *ticket = atomic_load(&reader->control->published);
}
