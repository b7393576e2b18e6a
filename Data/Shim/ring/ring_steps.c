/* SPDX-License-Identifier: BSD-3-Clause */
/* The steps of the writer's side of the ring: begun, filled, published; and waiting for readers. */
#include "ring_writer_state.h"

#include <math.h>
#include <string.h>

enum
{
  RARE = 8 /* steps between two records of a tensor that is always wanted */
};
static const int64_t UNATTENDED = 500000000; /* nanoseconds between two steps for nobody */
static const int64_t LOOK = 100000000;       /* at least this often while waiting */

/* Brings what is known of a reader up to date, and returns how long it has not given a sign. */
static int64_t silence(tv_ring_watch *watch, const tv_ring_reader_entry *reader, int64_t now)
{
  const uint64_t owner = atomic_load(&reader->owner);
  const int64_t beat = atomic_load(&reader->beat), hold = atomic_load(&reader->hold);
  if (watch->owner != owner)
    *watch = (tv_ring_watch){owner, beat, hold, now, now};
  if (watch->beat != beat) {
    watch->beat = beat;
    watch->beat_seen = now;
  }
  if (watch->hold != hold) {
    watch->hold = hold;
    watch->hold_seen = now;
  }
  const int64_t said = tv_age(now, beat), seen = tv_age(now, watch->beat_seen);
  return said > seen ? said : seen;
}

/* Which readers live; ends the leases of those that do not. */
static unsigned look(tv_ring *ring)
{
  tv_ring_control *control = ring->control;
  unsigned live = 0;
  int64_t now = 0;
  for (unsigned r = 0; r < TV_RING_READERS; ++r) {
    tv_ring_reader_entry *reader = &control->readers[r];
    uint64_t owner = atomic_load(&reader->owner);
    if (owner == 0)
      continue;
    now = now ? now : tv_clock();
    const int64_t age = silence(&ring->watch[r], reader, now);
    if (age < TV_RING_GONE || (age < TV_RING_LEASE && tv_reader_locked(ring->file, r))) {
      live |= 1u << r;
      continue;
    }
    atomic_store(&reader->hold, 0);
    for (size_t s = 0; s < ring->slots; ++s)
      atomic_fetch_and(
        &control->words[s].word, ~(UINT64_C(1) << r | UINT64_C(1) << (r + TV_SLOT_DONE)));
    atomic_compare_exchange_strong(&reader->owner, &owner, 0);
  }
  return live;
}

/* Whether a living reader wants the training to stand still: 1; -1 where one that did has not
 * renewed its wish (it waits for a viewer that hangs). */
static int held(const tv_ring *ring)
{
  int result = 0;
  for (unsigned r = 0; r < TV_RING_READERS; ++r) {
    const tv_ring_watch *watch = &ring->watch[r];
    if (!(ring->live & (1u << r)) || watch->hold == 0)
      continue;
    const int64_t now = tv_clock();
    if (tv_age(now, watch->hold) < TV_RING_LEASE && tv_age(now, watch->hold_seen) < TV_RING_LEASE)
      return 1;
    result = -1;
  }
  return result;
}

/* Waits for a first reader, as long as the run's user wants to wait. */
static void wait_for_reader(tv_ring *ring)
{
  const int64_t end = tv_clock() + ring->block;
  while (tv_ring_whole(ring)) {
    const uint32_t released = atomic_load(&ring->control->released);
    ring->live = look(ring);
    const int64_t rest = end - tv_clock();
    if (ring->live || rest <= 0)
      return;
    tv_futex_wait(&ring->control->released, released, rest < LOOK ? rest : LOOK);
  }
}

int tv_ring_begin(tv_ring *ring, int64_t step)
{
  if (ring->failed)
    return tv_fail(TV_ERROR_STATE, "ring \"%s\" was given up", ring->name);
  tv_ring_publish(ring);
  if (!ring->started) {
    const int status = tv_ring_lay_out(ring);
    if (status != TV_OK) {
      ring->failed = 1;
      tv_ring_give_up(ring);
      return status;
    }
    wait_for_reader(ring);
  }
  if (!tv_ring_whole(ring))
    return tv_fail(TV_ERROR_FILE, "ring \"%s\": another program has cut it off", ring->name);
  ring->step = step;
  ring->begun = 1;
  ring->live = look(ring);
  ring->wanted = ring->live || ring->block || tv_clock() - ring->last_publish >= UNATTENDED;
  for (uint32_t i = 0; i < TV_RING_SCALARS; ++i)
    ring->scalars[i] = NAN;
  return TV_OK;
}

int tv_ring_wants(tv_ring *ring, int number)
{
  if (!ring->begun || number < 0 || (size_t)number >= ring->tensor_count)
    return 0;
  tv_ring_source *t = &ring->tensors[number];
  if (t->asked != ring->step) {
    t->wanted = ring->wanted || t->asked < 0 || ring->step - t->asked >= RARE;
    t->asked = ring->step;
  }
  return t->wanted;
}

/* A buffer of the tensor that no slot refers to: of slots + 1 there is one. */
static uint32_t free_buffer(const tv_ring *ring, int number)
{
  const uint32_t last = ring->tensors[number].buffer;
  uint64_t used[2] = {0, 0}; /* up to 65 */
  for (size_t s = 0; s < ring->slots; ++s) {
    const uint32_t buffer = ring->references[number][s];
    if (buffer != UINT32_MAX)
      used[buffer / 64] |= UINT64_C(1) << buffer % 64;
  }
  if (!(used[last / 64] >> last % 64 & 1))
    return last; /* still in the processor's cache */
  uint32_t buffer = 0;
  while (used[buffer / 64] >> buffer % 64 & 1)
    ++buffer;
  return buffer;
}

void tv_ring_put(tv_ring *ring, int number, const void *data, int64_t samples)
{
  if (!tv_ring_wants(ring, number) || ring->file < 0)
    return;
  tv_ring_source *t = &ring->tensors[number];
  const uint32_t buffer = free_buffer(ring, number);
  const size_t at = t->public.offset + t->public.stride * buffer;
  if (tv_segment_write(ring->file, at, data, t->public.bytes) < 0)
    return; /* the record before goes on being the last one */
  t->buffer = buffer;
  t->step = ring->step;
  t->samples = samples;
}

int tv_ring_record_scalar(tv_ring *ring, const char *name, double value)
{
  uint32_t i = 0;
  while (i < ring->scalar_count && strcmp(ring->names[i], name) != 0)
    ++i;
  if (i == ring->scalar_count) {
    if (i == TV_RING_SCALARS || strlen(name) >= TV_RING_NAME)
      return tv_fail(
        TV_ERROR_UNSUPPORTED, "ring \"%s\": no room for the scalar %s", ring->name, name);
    strcpy(ring->names[i], name);
    ++ring->scalar_count;
    if (ring->started && tv_ring_whole(ring) &&
        tv_segment_write(
          ring->file, ring->names_offset + i * TV_RING_NAME, ring->names[i], TV_RING_NAME) == 0)
      atomic_store(&ring->control->scalars, ring->scalar_count);
  }
  ring->scalars[i] = value;
  return TV_OK;
}

void tv_ring_states(tv_ring *ring, int layer, const int32_t *states)
{
  if (layer >= 0 && (size_t)layer < ring->layer_count)
    memcpy(ring->states + ring->layers[layer].offset, states,
      ring->layers[layer].filters * sizeof *states);
}

/* Takes the oldest slot that no living reader holds; -1 where there is none. */
static int claim(tv_ring *ring)
{
  for (int attempt = 0; attempt < 64; ++attempt) {
    int best = -1;
    uint64_t best_word = 0;
    for (size_t s = 0; s < ring->slots; ++s) {
      const uint64_t word = atomic_load(&ring->control->words[s].word);
      if (word & TV_SLOT_READERS & ring->live)
        continue;
      if (best < 0 || ring->numbers[s] < ring->numbers[best]) {
        best = (int)s;
        best_word = word;
      }
    }
    if (best < 0)
      return -1;
    const uint64_t next = ((best_word >> TV_SLOT_GENERATION) + 1) << TV_SLOT_GENERATION;
    if (atomic_compare_exchange_strong(&ring->control->words[best].word, &best_word, next)) {
      if (ring->live && (best_word & TV_SLOT_PUBLISHED) && !(best_word & TV_SLOT_FETCHED))
        ++ring->dropped;
      return best;
    }
  }
  return -1;
}

/* In block mode: until the slot was fetched and its readers have done with it, and for as long as a
 * reader holds the training. */
static void stand(tv_ring *ring, int slot)
{
  int64_t end = tv_clock() + ring->block;
  while (tv_ring_whole(ring)) {
    tv_ring_control *control = ring->control;
    const uint32_t released = atomic_load(&control->released);
    if (ring->late && released != ring->late_at)
      ring->late = 0;
    ring->live = look(ring);
    const int hold = held(ring);
    atomic_store(&control->standing, hold > 0);
    int64_t rest = LOOK;
    if (hold > 0) {
      end = tv_clock() + ring->block; /* the time limit is for slow readers, not for a pause */
    } else {
      const uint64_t word = slot < 0 ? TV_SLOT_FETCHED : atomic_load(&control->words[slot].word);
      const uint64_t busy = word & ~(word >> TV_SLOT_DONE) & TV_SLOT_READERS & ring->live;
      const int done = (word & TV_SLOT_FETCHED) && busy == 0;
      if (!ring->block || !ring->live || ring->late || done)
        return;
      rest = end - tv_clock();
      if (rest <= 0 || hold < 0) {
        ring->late = 1;
        ring->late_at = released;
        return;
      }
    }
    tv_futex_wait(&control->released, released, rest < LOOK ? rest : LOOK);
  }
}

/* The step as a slot has it. */
static void fill_slot(tv_ring *ring, int slot)
{
  char *memory = ring->slot;
  *(tv_ring_slot *)memory = (tv_ring_slot){ring->step, ring->published};
  memory += sizeof(tv_ring_slot);
  for (size_t i = 0; i < ring->tensor_count; ++i) {
    const tv_ring_source *t = &ring->tensors[i];
    ring->references[i][slot] = t->step < 0 ? UINT32_MAX : t->buffer;
    ((tv_ring_record *)memory)[i] =
      (tv_ring_record){t->step, t->samples, t->step < 0 ? 0 : t->buffer, t->step == ring->step};
  }
  memory += ring->tensor_count * sizeof(tv_ring_record);
  memcpy(memory, ring->scalars, sizeof ring->scalars);
  memory += sizeof ring->scalars;
  if (ring->state_count)
    memcpy(memory, ring->states, ring->state_count * sizeof *ring->states);
}

void tv_ring_publish(tv_ring *ring)
{
  if (!ring->begun)
    return;
  ring->begun = 0;
  if (!ring->wanted || !tv_ring_whole(ring))
    return;
  const int slot = claim(ring);
  if (slot >= 0) {
    fill_slot(ring, slot);
    if (tv_segment_write(ring->file, ring->slots_offset + ring->slot_bytes * (size_t)slot,
          ring->slot, ring->slot_bytes) < 0 ||
        !tv_ring_whole(ring))
      return;
    tv_ring_control *control = ring->control;
    ring->numbers[slot] = ++ring->published;
    ring->last_publish = tv_clock();
    atomic_fetch_or(&control->words[slot].word, TV_SLOT_PUBLISHED);
    atomic_store(&control->latest, ring->published << 8 | (uint64_t)slot);
    atomic_store(&control->dropped, ring->dropped);
    tv_futex_advance(&control->published);
  } else {
    ring->dropped += ring->live != 0;
    atomic_store(&ring->control->dropped, ring->dropped);
  }
  stand(ring, slot);
}

uint64_t tv_ring_dropped(const tv_ring *ring)
{
  return ring ? ring->dropped : 0;
}
