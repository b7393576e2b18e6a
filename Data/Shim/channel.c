#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "channel.h"

#include "channel_system.h"
#include "tensorview_channel.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum
{
  RARE = 8 /* steps between two records of a tensor that is always wanted */
};
static const int64_t UNATTENDED = 500000000; /* nanoseconds between two steps for nobody */
static const int64_t LOOK = 100000000;       /* at least this often while waiting */

/* A tensor as the writer knows it. */
typedef struct tensor
{
  tv_channel_tensor public;
  int64_t step, samples; /* of the last record; -1: none */
  uint32_t buffer;       /* that holds it */
  uint32_t target;       /* being written */
  int64_t begun;         /* the step at which it was last offered, for RARE */
} tensor;

struct tv_channel
{
  char segment[TV_SEGMENT_NAME], name[TV_CHANNEL_NAME];
  int file;
  int started, failed;
  tv_channel_control *control; /* the whole mapping */
  size_t control_bytes;        /* mapped */
  size_t slots;
  int64_t block; /* nanoseconds */
  tensor *tensors;
  size_t tensor_count;
  tv_channel_layer *layers;
  size_t layer_count, state_count;
  int32_t *states;
  char names[TV_CHANNEL_SCALARS][TV_CHANNEL_NAME];
  double scalars[TV_CHANNEL_SCALARS];
  uint32_t scalar_count;
  size_t slots_offset, slot_bytes, names_offset;
  uint32_t (*references)[TV_CHANNEL_SLOTS]; /* [tensor][slot]: buffer; UINT32_MAX: none */
  uint64_t numbers[TV_CHANNEL_SLOTS];       /* of each slot; 0: never published */
  int64_t step;                             /* begun */
  int begun, wanted;
  unsigned live; /* readers, a bit each, at the last look */
  int64_t last_publish;
  uint64_t published;
  int latest;       /* slot; -1: none */
  int late;         /* a reader was too slow: do not wait until it has let go of something */
  uint32_t late_at; /* control->released at that time */
  uint64_t dropped;
};

static int name_is_ours(const tv_channel *channel)
{
  struct stat here, there;
  char path[TV_SEGMENT_NAME + 16] = "/dev/shm";
  strcat(path, channel->segment);
  return fstat(channel->file, &here) == 0 && lstat(path, &there) == 0 &&
         here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

/* Creates and locks the segment. Two runs that do so at once are told apart by the lock and by
 * looking whether the name still means the file that was locked. */
static int take_name(tv_channel *channel, const char *name)
{
  for (int attempt = 0; attempt < 100; ++attempt) {
    channel->file = shm_open(channel->segment, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (channel->file >= 0) {
      if (flock(channel->file, LOCK_EX | LOCK_NB) == 0 && name_is_ours(channel))
        return TV_OK;
    } else if (errno != EEXIST) {
      return tv_fail(TV_ERROR_FILE, "channel \"%s\": no shared memory: %s", name, strerror(errno));
    } else {
      channel->file = shm_open(channel->segment, O_RDWR, 0);
      if (channel->file < 0) {
        if (errno == ENOENT)
          continue; /* it went away meanwhile */
        return tv_fail(
          TV_ERROR_FILE, "channel \"%s\": cannot open what is there: %s", name, strerror(errno));
      }
      struct stat status;
      if (fstat(channel->file, &status) != 0 || status.st_uid != geteuid()) {
        close(channel->file);
        return tv_fail(TV_ERROR_FILE, "channel \"%s\": another user's segment has that name", name);
      }
      if (!tv_segment_stale(channel->file)) {
        close(channel->file);
        return tv_fail(TV_ERROR_STATE, "channel \"%s\": a run of that name is going on", name);
      }
      if (name_is_ours(channel))
        shm_unlink(channel->segment);
    }
    close(channel->file);
  }
  return tv_fail(
    TV_ERROR_STATE, "channel \"%s\": another run takes that name again and again", name);
}

static void give_up(tv_channel *channel)
{
  if (channel->file < 0)
    return;
  if (name_is_ours(channel))
    shm_unlink(channel->segment);
  if (channel->control) {
    atomic_store(&channel->control->state, TV_CHANNEL_CLOSED);
    tv_futex_advance(&channel->control->published);
    munmap(channel->control, channel->control_bytes);
  }
  close(channel->file);
  channel->control = NULL;
  channel->file = -1;
}

int tv_channel_open(tv_channel **result, const char *name, size_t slots, double block_seconds)
{
  *result = NULL;
  if (slots < 2 || slots > TV_CHANNEL_SLOTS)
    return tv_fail(TV_ERROR_ARGUMENT, "channel \"%s\": %zu slots, not 2 to %d", name ? name : "",
      slots, TV_CHANNEL_SLOTS);
  if (!(block_seconds >= 0 && block_seconds <= 1e6))
    return tv_fail(
      TV_ERROR_ARGUMENT, "channel \"%s\": block_seconds %g, not 0 to 1e6", name, block_seconds);
  tv_channel *channel = calloc(1, sizeof *channel);
  if (!channel)
    return tv_fail(TV_ERROR_MEMORY, "channel \"%s\": no memory", name);
  channel->file = -1;
  channel->latest = -1;
  channel->slots = slots;
  channel->block = (int64_t)(block_seconds * 1e9);
  int status = tv_segment_name(channel->segment, name);
  if (status == TV_OK)
    status = take_name(channel, strcpy(channel->name, name));
  if (status != TV_OK) {
    free(channel);
    return status;
  }
  const int error = tv_segment_reserve(channel->file, TV_CHANNEL_CONTROL_BYTES);
  void *memory = error ? MAP_FAILED
                       : mmap(NULL, TV_CHANNEL_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
                           channel->file, 0);
  if (memory == MAP_FAILED) {
    status = tv_fail(TV_ERROR_MEMORY, "channel \"%s\": shared memory (/dev/shm) is full: %s", name,
      strerror(error ? error : errno));
    give_up(channel);
    free(channel);
    return status;
  }
  channel->control = memory;
  channel->control_bytes = TV_CHANNEL_CONTROL_BYTES;
  tv_channel_control *control = channel->control;
  control->version = TV_CHANNEL_VERSION;
  control->writer = (uint64_t)getpid();
  control->writer_start = tv_process_start(control->writer);
  control->block_seconds = block_seconds;
  control->segment_bytes = TV_CHANNEL_CONTROL_BYTES;
  control->magic = TV_CHANNEL_MAGIC;
  *result = channel;
  return TV_OK;
}

int tv_channel_declare(int *number, tv_channel *channel, const char *layer, const char *kind,
  tv_type type, const char *axes, const size_t *shape)
{
  if (channel->started || channel->failed)
    return tv_fail(TV_ERROR_STATE, "channel: %s/%s is declared after the first step", layer, kind);
  const size_t rank = strlen(axes);
  if (strlen(layer) >= TV_CHANNEL_NAME || strlen(kind) >= TV_CHANNEL_NAME || rank < 1 || rank > 4 ||
      channel->tensor_count >= TV_CHANNEL_TENSORS)
    return tv_fail(
      TV_ERROR_ARGUMENT, "channel: %s/%s is not a tensor that it can hold", layer, kind);
  int overflow = 0;
  size_t bytes = tv_type_size(type);
  for (size_t i = 0; i < rank; ++i)
    bytes = tv_multiply(bytes, shape[i], &overflow);
  if (overflow || bytes == 0 || bytes > (size_t)1 << 46)
    return tv_fail(TV_ERROR_ARGUMENT, "channel: %s/%s has no size that fits memory", layer, kind);
  tensor *grown = realloc(channel->tensors, (channel->tensor_count + 1) * sizeof *grown);
  if (!grown)
    return tv_fail(TV_ERROR_MEMORY, "channel: no memory");
  channel->tensors = grown;
  tensor *t = &grown[channel->tensor_count];
  memset(t, 0, sizeof *t);
  t->step = t->begun = -1;
  strcpy(t->public.layer, layer);
  strcpy(t->public.kind, kind);
  strcpy(t->public.axes, axes);
  t->public.type = (uint32_t)type;
  t->public.rank = (uint32_t)rank;
  for (size_t i = 0; i < 4; ++i)
    t->public.shape[i] = i < rank ? shape[i] : 1;
  t->public.bytes = bytes;
  t->public.stride = (bytes + TV_CHANNEL_ALIGN - 1) / TV_CHANNEL_ALIGN * TV_CHANNEL_ALIGN;
  *number = (int)channel->tensor_count++;
  return TV_OK;
}

int tv_channel_filters(int *number, tv_channel *channel, const char *layer, size_t filters)
{
  if (channel->started || channel->failed)
    return tv_fail(
      TV_ERROR_STATE, "channel: the filters of %s are declared after the first step", layer);
  if (strlen(layer) >= TV_CHANNEL_NAME || filters < 1 || filters > (size_t)1 << 24 ||
      channel->layer_count >= TV_CHANNEL_TENSORS)
    return tv_fail(TV_ERROR_ARGUMENT, "channel: %zu filters of %s cannot be held", filters, layer);
  tv_channel_layer *grown = realloc(channel->layers, (channel->layer_count + 1) * sizeof *grown);
  if (grown)
    channel->layers = grown;
  int32_t *states =
    realloc(channel->states, (channel->state_count + filters) * sizeof *channel->states);
  if (states)
    channel->states = states;
  if (!grown || !states)
    return tv_fail(TV_ERROR_MEMORY, "channel: no memory");
  tv_channel_layer *l = &grown[channel->layer_count];
  memset(l, 0, sizeof *l);
  strcpy(l->layer, layer);
  l->filters = filters;
  l->offset = channel->state_count;
  for (size_t i = 0; i < filters; ++i)
    states[channel->state_count + i] = -1; /* TV_FILTER_ALIVE */
  channel->state_count += filters;
  *number = (int)channel->layer_count++;
  return TV_OK;
}

static size_t align(size_t bytes, size_t to)
{
  return (bytes + to - 1) / to * to;
}

/* All sizes are known: lays out the segment and allocates all of it. */
static int start(tv_channel *channel)
{
  tv_channel_control *control = channel->control;
  const size_t tensors = channel->tensor_count, slots = channel->slots;
  const size_t tensors_offset = TV_CHANNEL_CONTROL_BYTES;
  const size_t layers_offset = tensors_offset + tensors * sizeof(tv_channel_tensor);
  channel->names_offset = layers_offset + channel->layer_count * sizeof(tv_channel_layer);
  channel->slots_offset = align(channel->names_offset + sizeof channel->names, TV_CHANNEL_ALIGN);
  channel->slot_bytes = align(sizeof(tv_channel_slot) + tensors * sizeof(tv_channel_record) +
                                sizeof channel->scalars + channel->state_count * sizeof(int32_t),
    TV_CHANNEL_ALIGN);
  int overflow = 0;
  size_t bytes = align(channel->slots_offset + slots * channel->slot_bytes, 4096);
  for (size_t i = 0; i < tensors; ++i) {
    tv_channel_tensor *public = &channel->tensors[i].public;
    public->offset = bytes;
    const size_t all = tv_multiply(public->stride, slots + 1, &overflow);
    if (overflow || all > (size_t)PTRDIFF_MAX - 4096 - bytes)
      return tv_fail(TV_ERROR_MEMORY, "channel \"%s\": a ring of %zu steps does not fit any memory",
        channel->name, slots);
    bytes += all;
  }
  bytes = align(bytes, 4096);
  channel->references = malloc((tensors + 1) * sizeof *channel->references);
  if (!channel->references)
    return tv_fail(TV_ERROR_MEMORY, "channel \"%s\": no memory", channel->name);
  memset(channel->references, 0xff, (tensors + 1) * sizeof *channel->references);

  const int error = tv_segment_reserve(channel->file, bytes);
  void *memory =
    error ? MAP_FAILED
          : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, channel->file, 0);
  if (memory == MAP_FAILED)
    return tv_fail(TV_ERROR_MEMORY,
      "channel \"%s\": shared memory (/dev/shm) has no room for a ring of %zu steps, %.1f MB: %s",
      channel->name, slots, (double)bytes / 1e6, strerror(error ? error : errno));
  munmap(control, channel->control_bytes);
  channel->control = control = memory;
  channel->control_bytes = bytes;

  tv_channel_tensor *table = (tv_channel_tensor *)((char *)memory + tensors_offset);
  for (size_t i = 0; i < tensors; ++i)
    table[i] = channel->tensors[i].public;
  if (channel->layer_count)
    memcpy((char *)memory + layers_offset, channel->layers,
      channel->layer_count * sizeof *channel->layers);
  memcpy((char *)memory + channel->names_offset, channel->names, sizeof channel->names);
  control->segment_bytes = bytes;
  control->slots = slots;
  control->tensors = tensors;
  control->layers = channel->layer_count;
  control->tensors_offset = tensors_offset;
  control->layers_offset = layers_offset;
  control->names_offset = channel->names_offset;
  control->slots_offset = channel->slots_offset;
  control->slot_bytes = channel->slot_bytes;
  atomic_store(&control->scalars, channel->scalar_count);
  atomic_store(&control->state, TV_CHANNEL_OPEN);
  tv_futex_advance(&control->published);
  channel->started = 1;
  return TV_OK;
}

/* Which readers live; ends the leases of those that do not. */
static unsigned look(tv_channel *channel)
{
  tv_channel_control *control = channel->control;
  unsigned live = 0;
  int64_t now = 0;
  for (unsigned r = 0; r < TV_CHANNEL_READERS; ++r) {
    tv_channel_reader_entry *reader = &control->readers[r];
    uint64_t owner = atomic_load(&reader->owner);
    if (owner == 0)
      continue;
    now = now ? now : tv_clock();
    const int64_t age = now - atomic_load(&reader->beat);
    if (age < TV_CHANNEL_GONE ||
        (age < TV_CHANNEL_LEASE && tv_process_alive(owner >> 32, atomic_load(&reader->start)))) {
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
static int held(const tv_channel *channel)
{
  int result = 0;
  for (unsigned r = 0; r < TV_CHANNEL_READERS; ++r) {
    const int64_t hold = atomic_load(&channel->control->readers[r].hold);
    if (!(channel->live & (1u << r)) || hold == 0)
      continue;
    if (tv_clock() - hold < TV_CHANNEL_LEASE)
      return 1;
    result = -1;
  }
  return result;
}

int tv_channel_begin(tv_channel *channel, int64_t step)
{
  if (channel->failed)
    return tv_fail(TV_ERROR_STATE, "channel \"%s\" was given up", channel->name);
  tv_channel_publish(channel);
  if (!channel->started) {
    const int status = start(channel);
    if (status != TV_OK) {
      channel->failed = 1;
      give_up(channel);
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
  for (uint32_t i = 0; i < TV_CHANNEL_SCALARS; ++i)
    channel->scalars[i] = NAN;
  return TV_OK;
}

void *tv_channel_target(tv_channel *channel, int number)
{
  if (!channel->begun || number < 0 || (size_t)number >= channel->tensor_count)
    return NULL;
  tensor *t = &channel->tensors[number];
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

void tv_channel_wrote(tv_channel *channel, int number, int64_t samples)
{
  tensor *t = &channel->tensors[number];
  t->buffer = t->target;
  t->step = channel->step;
  t->samples = samples;
}

int tv_channel_record_scalar(tv_channel *channel, const char *name, double value)
{
  uint32_t i = 0;
  while (i < channel->scalar_count && strcmp(channel->names[i], name) != 0)
    ++i;
  if (i == channel->scalar_count) {
    if (i == TV_CHANNEL_SCALARS || strlen(name) >= TV_CHANNEL_NAME)
      return tv_fail(
        TV_ERROR_UNSUPPORTED, "channel \"%s\": no room for the scalar %s", channel->name, name);
    strcpy(channel->names[i], name);
    ++channel->scalar_count;
    if (channel->started) {
      strcpy((char *)channel->control + channel->names_offset + i * TV_CHANNEL_NAME, name);
      atomic_store(&channel->control->scalars, channel->scalar_count);
    }
  }
  channel->scalars[i] = value;
  return TV_OK;
}

void tv_channel_states(tv_channel *channel, int layer, const int32_t *states)
{
  if (layer >= 0 && (size_t)layer < channel->layer_count)
    memcpy(channel->states + channel->layers[layer].offset, states,
      channel->layers[layer].filters * sizeof *states);
}

/* Takes the oldest slot that no living reader holds; -1 where there is none. */
static int claim(tv_channel *channel)
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
static void stand(tv_channel *channel, int slot)
{
  tv_channel_control *control = channel->control;
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

void tv_channel_publish(tv_channel *channel)
{
  if (!channel->begun)
    return;
  channel->begun = 0;
  if (!channel->wanted)
    return;
  tv_channel_control *control = channel->control;
  const int slot = claim(channel);
  if (slot >= 0) {
    char *memory = (char *)control + channel->slots_offset + channel->slot_bytes * (size_t)slot;
    *(tv_channel_slot *)memory = (tv_channel_slot){channel->step, channel->published};
    memory += sizeof(tv_channel_slot);
    for (size_t i = 0; i < channel->tensor_count; ++i) {
      const tensor *t = &channel->tensors[i];
      channel->references[i][slot] = t->step < 0 ? UINT32_MAX : t->buffer;
      ((tv_channel_record *)memory)[i] = (tv_channel_record){
        t->step, t->samples, t->step < 0 ? 0 : t->buffer, t->step == channel->step};
    }
    memory += channel->tensor_count * sizeof(tv_channel_record);
    memcpy(memory, channel->scalars, sizeof channel->scalars);
    memory += sizeof channel->scalars;
    if (channel->state_count)
      memcpy(memory, channel->states, channel->state_count * sizeof *channel->states);
    channel->numbers[slot] = ++channel->published;
    channel->latest = slot;
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

void tv_channel_close(tv_channel *channel)
{
  if (!channel)
    return;
  if (!channel->failed) {
    tv_channel_publish(channel);
    give_up(channel);
  }
  free(channel->tensors);
  free(channel->layers);
  free(channel->states);
  free(channel->references);
  free(channel);
}

uint64_t tv_channel_dropped(const tv_channel *channel)
{
  return channel ? channel->dropped : 0;
}
