/* The reader's side of the channel, step by step: taken, read, let go; and glances at them. */
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

size_t tv_ring_reader_scalars(const tv_ring_reader *reader)
{
  const uint32_t scalars = atomic_load(&reader->control->scalars);
  return scalars < TV_RING_SCALARS ? scalars : TV_RING_SCALARS;
}

const char *tv_ring_reader_scalar(tv_ring_reader *reader, size_t scalar)
{
  if (scalar >= TV_RING_SCALARS)
    return "";
  char *name = reader->names[scalar];
  if (name[0] == 0)
    memcpy(name, reader->memory + reader->names_offset + scalar * TV_RING_NAME, TV_RING_NAME - 1);
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

/* The published slot with the least (in_order) or greatest number that is at least first. */
static int find(const tv_ring_reader *reader, uint64_t first, int in_order, uint64_t *word)
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

static int writer_gone(tv_ring_reader *reader)
{
  if (reader->gone || atomic_load(&reader->control->state) == TV_RING_CLOSED)
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

int tv_ring_reader_glance(tv_ring_reader *reader, uint64_t *number, int64_t *step, double *scalars,
  const tv_ring_reader_element *elements, size_t count, double *values)
{
  for (int attempt = 0; attempt < 64; ++attempt) {
    uint64_t word = 0;
    const int slot = find(reader, *number, 1, &word);
    if (slot < 0)
      return 0;
    const uint64_t seen = slot_at(reader, slot)->number;
    *step = slot_at(reader, slot)->step;
    memcpy(scalars, scalars_at(reader, slot), TV_RING_SCALARS * sizeof *scalars);
    const tv_ring_reader_step at = {.slot = slot};
    for (size_t i = 0; i < count; ++i) {
      const tv_ring_reader_tensor *tensor = &reader->tensors[elements[i].tensor];
      tv_ring_reader_record record;
      const char *data = tv_ring_reader_data(reader, &at, elements[i].tensor, &record);
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

uint64_t tv_ring_reader_dropped(const tv_ring_reader *reader)
{
  return atomic_load(&reader->control->dropped);
}

int tv_ring_reader_standing(const tv_ring_reader *reader)
{
  return atomic_load(&reader->control->standing) != 0;
}

void tv_ring_reader_sleep(tv_ring_reader *reader, uint32_t *ticket, double seconds)
{
  tv_futex_wait(&reader->control->published, *ticket, (int64_t)(seconds * 1e9));
  *ticket = atomic_load(&reader->control->published);
}
