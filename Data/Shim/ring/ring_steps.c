/* The steps of the writer's side of the channel: begun, filled, published; and waiting for readers.
 */
#include "ring_writer_state.h"

#include <math.h>
#include <string.h>

enum
{
  RARE = 8 /* steps between two records of a tensor that is always wanted */
};
static const int64_t UNATTENDED = 500000000; /* nanoseconds between two steps for nobody */
static const int64_t LOOK = 100000000;       /* at least this often while waiting */

/* Which readers live; ends the leases of those that do not. */
static unsigned look(tv_ring *channel)
{
  tv_ring_control *control = channel->control;
  unsigned live = 0;
  int64_t now = 0;
  for (unsigned r = 0; r < TV_RING_READERS; ++r) {
    tv_ring_reader_entry *reader = &control->readers[r];
    uint64_t owner = atomic_load(&reader->owner);
    if (owner == 0)
      continue;
    now = now ? now : tv_clock();
    const int64_t age = now - atomic_load(&reader->beat);
    if (age < TV_RING_GONE ||
        (age < TV_RING_LEASE && tv_process_alive(owner >> 32, atomic_load(&reader->start)))) {
      live |= 1u << r;
      continue;
    }
    atomic_store(&reader->hold, 0);
    for (size_t s = 0; s < channel->slots; ++s)
      atomic_fetch_and(
        &control->words[s].word, ~(UINT64_C(1) << r | UINT64_C(1) << (r + TV_SLOT_DONE)));
    atomic_compare_exchange_strong(&reader->owner, &owner, 0);
  }
  return live;
}

/* Whether a living reader wants the training to stand still: 1; -1 where one that did has not
 * renewed its wish (it waits for a viewer that hangs). */
static int held(const tv_ring *channel)
{
  int result = 0;
  for (unsigned r = 0; r < TV_RING_READERS; ++r) {
    const int64_t hold = atomic_load(&channel->control->readers[r].hold);
    if (!(channel->live & (1u << r)) || hold == 0)
      continue;
    if (tv_clock() - hold < TV_RING_LEASE)
      return 1;
    result = -1;
  }
  return result;
}

int tv_ring_begin(tv_ring *channel, int64_t step)
{
  if (channel->failed)
    return tv_fail(TV_ERROR_STATE, "channel \"%s\" was given up", channel->name);
  tv_ring_publish(channel);
  if (!channel->started) {
    const int status = tv_ring_lay_out(channel);
    if (status != TV_OK) {
      channel->failed = 1;
      tv_ring_give_up(channel);
      return status;
    }
    const int64_t end = tv_clock() + channel->block;
    while (!(channel->live = look(channel)) && tv_clock() < end) {
      const uint32_t released = atomic_load(&channel->control->released);
      if (!look(channel))
        tv_futex_wait(&channel->control->released, released, LOOK);
    }
  }
  channel->step = step;
  channel->begun = 1;
  channel->live = look(channel);
  channel->wanted =
    channel->live || channel->block || tv_clock() - channel->last_publish >= UNATTENDED;
  for (uint32_t i = 0; i < TV_RING_SCALARS; ++i)
    channel->scalars[i] = NAN;
  return TV_OK;
}

void *tv_ring_target(tv_ring *channel, int number)
{
  if (!channel->begun || number < 0 || (size_t)number >= channel->tensor_count)
    return NULL;
  tv_ring_source *t = &channel->tensors[number];
  const int rare = t->begun < 0 || channel->step - t->begun >= RARE;
  t->begun = channel->step;
  if (!channel->wanted && !rare)
    return NULL;
  uint64_t used[2] = {0, 0}; /* slots + 1 buffers: up to 65 */
  int shared = 0;            /* a slot refers to the last record */
  for (size_t s = 0; s < channel->slots; ++s) {
    const uint32_t buffer = channel->references[number][s];
    if (buffer != UINT32_MAX)
      used[buffer / 64] |= UINT64_C(1) << buffer % 64;
    shared |= buffer == t->buffer;
  }
  t->target = t->buffer;
  if (shared)
    for (t->target = 0; used[t->target / 64] >> t->target % 64 & 1; ++t->target)
      continue; /* ends: slots refer to at most slots buffers, and there is one more */
  return (char *)channel->control + t->public.offset + t->public.stride * t->target;
}

void tv_ring_wrote(tv_ring *channel, int number, int64_t samples)
{
  tv_ring_source *t = &channel->tensors[number];
  t->buffer = t->target;
  t->step = channel->step;
  t->samples = samples;
}

int tv_ring_record_scalar(tv_ring *channel, const char *name, double value)
{
  uint32_t i = 0;
  while (i < channel->scalar_count && strcmp(channel->names[i], name) != 0)
    ++i;
  if (i == channel->scalar_count) {
    if (i == TV_RING_SCALARS || strlen(name) >= TV_RING_NAME)
      return tv_fail(
        TV_ERROR_UNSUPPORTED, "channel \"%s\": no room for the scalar %s", channel->name, name);
    strcpy(channel->names[i], name);
    ++channel->scalar_count;
    if (channel->started) {
      strcpy((char *)channel->control + channel->names_offset + i * TV_RING_NAME, name);
      atomic_store(&channel->control->scalars, channel->scalar_count);
    }
  }
  channel->scalars[i] = value;
  return TV_OK;
}

void tv_ring_states(tv_ring *channel, int layer, const int32_t *states)
{
  if (layer >= 0 && (size_t)layer < channel->layer_count)
    memcpy(channel->states + channel->layers[layer].offset, states,
      channel->layers[layer].filters * sizeof *states);
}

/* Takes the oldest slot that no living reader holds; -1 where there is none. */
static int claim(tv_ring *channel)
{
  for (int attempt = 0; attempt < 64; ++attempt) {
    int best = -1;
    uint64_t best_word = 0;
    for (size_t s = 0; s < channel->slots; ++s) {
      const uint64_t word = atomic_load(&channel->control->words[s].word);
      if (word & TV_SLOT_READERS & channel->live)
        continue;
      if (best < 0 || channel->numbers[s] < channel->numbers[best]) {
        best = (int)s;
        best_word = word;
      }
    }
    if (best < 0)
      return -1;
    const uint64_t next = ((best_word >> TV_SLOT_GENERATION) + 1) << TV_SLOT_GENERATION;
    if (atomic_compare_exchange_strong(&channel->control->words[best].word, &best_word, next)) {
      if (channel->live && (best_word & TV_SLOT_PUBLISHED) && !(best_word & TV_SLOT_FETCHED))
        ++channel->dropped;
      return best;
    }
  }
  return -1;
}

/* In block mode: until the slot was fetched and its readers have done with it, and for as long as a
 * reader holds the training. */
static void stand(tv_ring *channel, int slot)
{
  tv_ring_control *control = channel->control;
  int64_t end = tv_clock() + channel->block;
  if (channel->late && atomic_load(&control->released) != channel->late_at)
    channel->late = 0;
  for (;;) {
    const uint32_t released = atomic_load(&control->released);
    channel->live = look(channel);
    const int hold = held(channel);
    atomic_store(&control->standing, hold > 0);
    int64_t rest = LOOK;
    if (hold > 0) {
      end = tv_clock() + channel->block; /* the time limit is for slow readers, not for a pause */
    } else {
      const uint64_t word = slot < 0 ? TV_SLOT_FETCHED : atomic_load(&control->words[slot].word);
      const uint64_t busy = word & ~(word >> TV_SLOT_DONE) & TV_SLOT_READERS & channel->live;
      const int done = (word & TV_SLOT_FETCHED) && busy == 0;
      if (!channel->block || !channel->live || channel->late || done)
        return;
      rest = end - tv_clock();
      if (rest <= 0 || hold < 0) {
        channel->late = 1;
        channel->late_at = released;
        return;
      }
    }
    tv_futex_wait(&control->released, released, rest < LOOK ? rest : LOOK);
  }
}

void tv_ring_publish(tv_ring *channel)
{
  if (!channel->begun)
    return;
  channel->begun = 0;
  if (!channel->wanted)
    return;
  tv_ring_control *control = channel->control;
  const int slot = claim(channel);
  if (slot >= 0) {
    char *memory = (char *)control + channel->slots_offset + channel->slot_bytes * (size_t)slot;
    *(tv_ring_slot *)memory = (tv_ring_slot){channel->step, channel->published};
    memory += sizeof(tv_ring_slot);
    for (size_t i = 0; i < channel->tensor_count; ++i) {
      const tv_ring_source *t = &channel->tensors[i];
      channel->references[i][slot] = t->step < 0 ? UINT32_MAX : t->buffer;
      ((tv_ring_record *)memory)[i] = (tv_ring_record){
        t->step, t->samples, t->step < 0 ? 0 : t->buffer, t->step == channel->step};
    }
    memory += channel->tensor_count * sizeof(tv_ring_record);
    memcpy(memory, channel->scalars, sizeof channel->scalars);
    memory += sizeof channel->scalars;
    if (channel->state_count)
      memcpy(memory, channel->states, channel->state_count * sizeof *channel->states);
    channel->numbers[slot] = ++channel->published;
    channel->last_publish = tv_clock();
    atomic_fetch_or(&control->words[slot].word, TV_SLOT_PUBLISHED);
    atomic_store(&control->latest, channel->published << 8 | (uint64_t)slot);
    tv_futex_advance(&control->published);
  } else if (channel->live) {
    ++channel->dropped;
  }
  atomic_store(&control->dropped, channel->dropped);
  stand(channel, slot);
}

uint64_t tv_ring_dropped(const tv_ring *channel)
{
  return channel ? channel->dropped : 0;
}
