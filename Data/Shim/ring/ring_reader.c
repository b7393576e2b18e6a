/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader's side of the ring, step by step: taken, read, let go; and glances at them. */
#include "ring_reader_state.h"

#include "layout.h"

#include <math.h>
#include <string.h>

size_t tv_ring_reader_tensors(const tv_ring_reader *reader, const tv_ring_reader_tensor **tensors)
{
  *tensors = reader->tensors;
  return reader->tensor_count;
}

size_t tv_ring_reader_layers(const tv_ring_reader *reader, const tv_ring_reader_layer **layers)
{
  *layers = reader->layers;
  return reader->layer_count;
}

int tv_ring_reader_whole(const tv_ring_reader *reader)
{
  return tv_segment_whole(reader->file, reader->bytes);
}

size_t tv_ring_reader_scalars(const tv_ring_reader *reader)
{
  if (!tv_ring_reader_whole(reader))
    return 0;
  const uint32_t scalars = atomic_load(&reader->control->scalars);
  return scalars < TV_RING_SCALARS ? scalars : TV_RING_SCALARS;
}

const char *tv_ring_reader_scalar(tv_ring_reader *reader, size_t scalar)
{
  if (scalar >= TV_RING_SCALARS)
    return "";
  char *name = reader->names[scalar];
  if (name[0] == 0)
    tv_segment_read(
      reader->file, reader->names_offset + scalar * TV_RING_NAME, name, TV_RING_NAME - 1);
  return name;
}

double tv_ring_reader_block_seconds(const tv_ring_reader *reader)
{
  return reader->block_seconds;
}

static const tv_ring_slot *slot_at(const tv_ring_reader *reader, int slot)
{
  return (const tv_ring_slot *)(reader->memory + reader->slots_offset +
                                reader->slot_bytes * (size_t)slot);
}

static const tv_ring_record *records_at(const tv_ring_reader *reader, int slot)
{
  return (const tv_ring_record *)(slot_at(reader, slot) + 1);
}

static const double *scalars_at(const tv_ring_reader *reader, int slot)
{
  return (const double *)(records_at(reader, slot) + reader->tensor_count);
}

/* The number of the step in a slot; 0 where the segment was cut off. */
static uint64_t number_of(const tv_ring_reader *reader, size_t slot)
{
  tv_ring_slot memory = {0, 0};
  tv_segment_read(
    reader->file, reader->slots_offset + reader->slot_bytes * slot, &memory, sizeof memory);
  return memory.number;
}

/* The published slot with the least (in_order) or greatest number that is at least first. */
static int find(const tv_ring_reader *reader, uint64_t first, int in_order, uint64_t *word)
{
  int best = -1;
  uint64_t best_number = 0;
  if (!tv_ring_reader_whole(reader))
    return -1;
  for (size_t s = 0; s < reader->slots; ++s) {
    const uint64_t before = atomic_load(&reader->control->words[s].word);
    if (!(before & TV_SLOT_PUBLISHED))
      continue;
    const uint64_t number = number_of(reader, s);
    if (number < first || (best >= 0 && (in_order ? number > best_number : number < best_number)))
      continue;
    best = (int)s;
    best_number = number;
    *word = before;
  }
  return best;
}

static int writer_gone(tv_ring_reader *reader)
{
  if (reader->gone || !tv_ring_reader_whole(reader) ||
      atomic_load(&reader->control->state) == TV_RING_CLOSED)
    return 1;
  const int64_t now = tv_clock();
  if (now - reader->looked < 200000000)
    return 0;
  reader->looked = now;
  reader->gone = tv_segment_stale(reader->file);
  return reader->gone;
}

int tv_ring_reader_wait(tv_ring_reader *reader, double seconds)
{
  const int64_t end = tv_clock() + (int64_t)(seconds * 1e9);
  for (;;) {
    if (!tv_ring_reader_whole(reader))
      return tv_fail(TV_ERROR_STATE, "ring \"%s\": another program has cut it off", reader->name);
    const uint32_t published = atomic_load(&reader->control->published);
    const int gone = writer_gone(reader); /* before looking for steps: none comes after it */
    uint64_t word;
    if (find(reader, reader->taken, 1, &word) >= 0)
      return 1;
    if (gone)
      return tv_fail(TV_ERROR_STATE, "the run of the ring \"%s\" is over", reader->name);
    const int64_t rest = end - tv_clock();
    if (rest <= 0)
      return 0;
    tv_futex_wait(&reader->control->published, published, rest < 100000000 ? rest : 100000000);
  }
}

int tv_ring_reader_take(tv_ring_reader *reader, tv_ring_reader_step *step, int in_order)
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
    const tv_ring_slot *memory = slot_at(reader, slot);
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

const void *tv_ring_reader_data(const tv_ring_reader *reader, const tv_ring_reader_step *step,
  size_t tensor, tv_ring_reader_record *record)
{
  const tv_ring_record from = records_at(reader, step->slot)[tensor];
  const int there = from.step >= 0 && from.buffer <= reader->slots;
  if (record)
    *record = (tv_ring_reader_record){
      there ? from.step : -1, there ? from.samples : 0, there && from.written == 1};
  return there ? reader->memory + reader->offsets[tensor] + reader->strides[tensor] * from.buffer
               : NULL;
}

int tv_ring_reader_copy(const tv_ring_reader *reader, const tv_ring_reader_step *step,
  size_t tensor, void *result, tv_ring_reader_record *record)
{
  tv_ring_record from;
  const size_t at = reader->slots_offset + reader->slot_bytes * (size_t)step->slot +
                    sizeof(tv_ring_slot) + tensor * sizeof from;
  int status = tv_segment_read(reader->file, at, &from, sizeof from);
  const int there = status == 0 && from.step >= 0 && from.buffer <= reader->slots;
  if (there)
    status =
      tv_segment_read(reader->file, reader->offsets[tensor] + reader->strides[tensor] * from.buffer,
        result, reader->tensors[tensor].bytes);
  if (record)
    *record = (tv_ring_reader_record){
      there ? from.step : -1, there ? from.samples : 0, there && from.written == 1};
  return status < 0
           ? tv_fail(TV_ERROR_STATE, "ring \"%s\": another program has cut it off", reader->name)
           : there;
}

const double *tv_ring_reader_step_scalars(
  const tv_ring_reader *reader, const tv_ring_reader_step *step)
{
  return scalars_at(reader, step->slot);
}

const int32_t *tv_ring_reader_step_states(
  const tv_ring_reader *reader, const tv_ring_reader_step *step, size_t layer)
{
  return (const int32_t *)(scalars_at(reader, step->slot) + TV_RING_SCALARS) +
         reader->state_offsets[layer];
}

/* Clears and sets bits of a slot's word as long as this reader still holds it. */
static int change(
  tv_ring_reader *reader, const tv_ring_reader_step *step, uint64_t clear, uint64_t set)
{
  const uint64_t bit = UINT64_C(1) << reader->entry;
  if (!tv_ring_reader_whole(reader))
    return tv_fail(TV_ERROR_STATE, "ring \"%s\": another program has cut it off", reader->name);
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

int tv_ring_reader_done(tv_ring_reader *reader, const tv_ring_reader_step *step)
{
  return step->slot < 0 ? TV_OK
                        : change(reader, step, 0, UINT64_C(1) << (reader->entry + TV_SLOT_DONE));
}

int tv_ring_reader_release(tv_ring_reader *reader, tv_ring_reader_step *step)
{
  if (step->slot < 0)
    return TV_OK;
  const uint64_t bit = UINT64_C(1) << reader->entry;
  const int status = change(reader, step, bit | bit << TV_SLOT_DONE, 0);
  step->slot = -1;
  return status;
}

int tv_ring_reader_beat(tv_ring_reader *reader)
{
  tv_ring_reader_entry *entry = &reader->control->readers[reader->entry];
  if (!tv_ring_reader_whole(reader))
    return tv_fail(TV_ERROR_STATE, "ring \"%s\": another program has cut it off", reader->name);
  if (atomic_load(&entry->owner) == reader->owner) {
    atomic_store(&entry->beat, tv_clock());
    return TV_OK;
  }
  const int status = tv_ring_reader_enter(reader);
  return status != TV_OK
           ? status
           : tv_fail(TV_ERROR_TIMEOUT, "the trainer had given this reader up; it is attached anew");
}

void tv_ring_reader_hold(tv_ring_reader *reader, int hold)
{
  if (!tv_ring_reader_whole(reader))
    return;
  atomic_store(&reader->control->readers[reader->entry].hold, hold ? tv_clock() : 0);
  tv_futex_advance(&reader->control->released);
}

static double number_at(const char *source, tv_type type)
{
  tv_layout one;
  double wide = NAN;
  float value = NAN;
  if (tv_layout_axes(&one, "", NULL) < 0)
    return NAN;
  if (tv_type_result(type) == TV_FLOAT64) {
    tv_layout_convert(&wide, &one, type, source, 0, 1, NULL);
    return wide;
  }
  tv_layout_convert(&value, &one, type, source, 0, 1, NULL);
  return value;
}

/* One number of a record in a slot that was copied; NaN where it was not written at that step. */
static double glance_at(const tv_ring_reader *reader, const tv_ring_record *records,
  const tv_ring_reader_element *element)
{
  char number[8] = {0};
  const tv_ring_reader_tensor *tensor = &reader->tensors[element->tensor];
  const tv_ring_record *record = &records[element->tensor];
  const size_t size = tv_type_size(tensor->type);
  if (record->step < 0 || record->buffer > reader->slots || record->written != 1 ||
      tv_segment_read(reader->file,
        reader->offsets[element->tensor] + reader->strides[element->tensor] * record->buffer +
          element->source * size,
        number, size) < 0)
    return NAN;
  return number_at(number, tensor->type);
}

int tv_ring_reader_glance(tv_ring_reader *reader, uint64_t *number, int64_t *step, double *scalars,
  const tv_ring_reader_element *elements, size_t count, double *values)
{
  for (int attempt = 0; attempt < 64; ++attempt) {
    uint64_t word = 0;
    const int slot = find(reader, *number, 1, &word);
    if (slot < 0 ||
        tv_segment_read(reader->file, reader->slots_offset + reader->slot_bytes * (size_t)slot,
          reader->glance, reader->slot_bytes) < 0)
      return 0;
    const tv_ring_slot *seen = (const tv_ring_slot *)reader->glance;
    const tv_ring_record *records = (const tv_ring_record *)(seen + 1);
    *step = seen->step;
    memcpy(scalars, records + reader->tensor_count, TV_RING_SCALARS * sizeof *scalars);
    for (size_t i = 0; i < count; ++i)
      values[i] = glance_at(reader, records, &elements[i]);
    atomic_thread_fence(memory_order_seq_cst);
    if (!tv_ring_reader_whole(reader))
      return 0;
    const uint64_t now = atomic_load(&reader->control->words[slot].word);
    if (now >> TV_SLOT_GENERATION == word >> TV_SLOT_GENERATION && seen->number >= *number) {
      *number = seen->number + 1;
      return 1;
    }
  }
  return 0;
}

uint64_t tv_ring_reader_dropped(const tv_ring_reader *reader)
{
  return tv_ring_reader_whole(reader) ? atomic_load(&reader->control->dropped) : 0;
}

int tv_ring_reader_standing(const tv_ring_reader *reader)
{
  return tv_ring_reader_whole(reader) && atomic_load(&reader->control->standing) != 0;
}

void tv_ring_reader_sleep(tv_ring_reader *reader, uint32_t *ticket, double seconds)
{
  tv_futex_wait(&reader->control->published, *ticket, (int64_t)(seconds * 1e9));
  if (tv_ring_reader_whole(reader))
    *ticket = atomic_load(&reader->control->published);
}
