#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ring_writer_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Creates and locks the segment. Two runs that do so at once are told apart by the lock and by
 * looking whether the name still means the file that was locked. */
static int take_name(tv_ring *channel, const char *name)
{
  for (int attempt = 0; attempt < 100; ++attempt) {
    channel->file = shm_open(channel->segment, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (channel->file >= 0) {
      if (flock(channel->file, LOCK_EX | LOCK_NB) == 0 &&
          tv_segment_named(channel->file, channel->segment))
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
      if (!tv_segment_remove_stale(channel->file, channel->segment)) {
        close(channel->file);
        return tv_fail(TV_ERROR_STATE, "channel \"%s\": a run of that name is going on", name);
      }
    }
    close(channel->file);
  }
  return tv_fail(
    TV_ERROR_STATE, "channel \"%s\": another run takes that name again and again", name);
}

void tv_ring_give_up(tv_ring *channel)
{
  if (channel->file < 0)
    return;
  if (tv_segment_named(channel->file, channel->segment))
    shm_unlink(channel->segment);
  if (channel->control) {
    atomic_store(&channel->control->state, TV_RING_CLOSED);
    tv_futex_advance(&channel->control->published);
    munmap(channel->control, channel->control_bytes);
  }
  close(channel->file);
  channel->control = NULL;
  channel->file = -1;
}

int tv_ring_open(tv_ring **result, const char *name, size_t slots, double block_seconds)
{
  *result = NULL;
  if (slots < 2 || slots > TV_RING_SLOTS)
    return tv_fail(TV_ERROR_ARGUMENT, "channel \"%s\": %zu slots, not 2 to %d", name ? name : "",
      slots, TV_RING_SLOTS);
  if (!(block_seconds >= 0 && block_seconds <= 1e6))
    return tv_fail(
      TV_ERROR_ARGUMENT, "channel \"%s\": block_seconds %g, not 0 to 1e6", name, block_seconds);
  tv_ring *channel = calloc(1, sizeof *channel);
  if (!channel)
    return tv_fail(TV_ERROR_MEMORY, "channel \"%s\": no memory", name);
  tv_segment_sweep();
  channel->file = -1;
  channel->slots = slots;
  channel->block = (int64_t)(block_seconds * 1e9);
  int status = tv_segment_name(channel->segment, name);
  if (status == TV_OK)
    status = take_name(channel, strcpy(channel->name, name));
  if (status != TV_OK) {
    free(channel);
    return status;
  }
  const int error = tv_segment_reserve(channel->file, TV_RING_CONTROL_BYTES);
  void *memory =
    error ? MAP_FAILED
          : mmap(NULL, TV_RING_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, channel->file, 0);
  if (memory == MAP_FAILED) {
    status = tv_fail(TV_ERROR_MEMORY, "channel \"%s\": shared memory (/dev/shm) is full: %s", name,
      strerror(error ? error : errno));
    tv_ring_give_up(channel);
    free(channel);
    return status;
  }
  channel->control = memory;
  channel->control_bytes = TV_RING_CONTROL_BYTES;
  tv_ring_control *control = channel->control;
  control->version = TV_RING_VERSION;
  control->writer = (uint64_t)getpid();
  control->writer_start = tv_process_start(control->writer);
  control->block_seconds = block_seconds;
  control->segment_bytes = TV_RING_CONTROL_BYTES;
  control->magic = TV_RING_MAGIC;
  *result = channel;
  return TV_OK;
}

int tv_ring_declare(int *number, tv_ring *channel, const char *layer, const char *kind,
  tv_type type, const char *axes, const size_t *shape)
{
  if (channel->started || channel->failed)
    return tv_fail(TV_ERROR_STATE, "channel: %s/%s is declared after the first step", layer, kind);
  const size_t rank = strlen(axes);
  if (strlen(layer) >= TV_RING_NAME || strlen(kind) >= TV_RING_NAME || rank < 1 || rank > 4 ||
      channel->tensor_count >= TV_RING_TENSORS)
    return tv_fail(
      TV_ERROR_ARGUMENT, "channel: %s/%s is not a tensor that it can hold", layer, kind);
  int overflow = 0;
  size_t bytes = tv_type_size(type);
  for (size_t i = 0; i < rank; ++i)
    bytes = tv_multiply(bytes, shape[i], &overflow);
  if (overflow || bytes == 0 || bytes > (size_t)1 << 46)
    return tv_fail(TV_ERROR_ARGUMENT, "channel: %s/%s has no size that fits memory", layer, kind);
  tv_ring_source *grown = realloc(channel->tensors, (channel->tensor_count + 1) * sizeof *grown);
  if (!grown)
    return tv_fail(TV_ERROR_MEMORY, "channel: no memory");
  channel->tensors = grown;
  tv_ring_source *t = &grown[channel->tensor_count];
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
  t->public.stride = (bytes + TV_RING_ALIGN - 1) / TV_RING_ALIGN * TV_RING_ALIGN;
  *number = (int)channel->tensor_count++;
  return TV_OK;
}

int tv_ring_filters(int *number, tv_ring *channel, const char *layer, size_t filters)
{
  if (channel->started || channel->failed)
    return tv_fail(
      TV_ERROR_STATE, "channel: the filters of %s are declared after the first step", layer);
  if (strlen(layer) >= TV_RING_NAME || filters < 1 || filters > (size_t)1 << 24 ||
      channel->layer_count >= TV_RING_TENSORS)
    return tv_fail(TV_ERROR_ARGUMENT, "channel: %zu filters of %s cannot be held", filters, layer);
  tv_ring_layer *grown = realloc(channel->layers, (channel->layer_count + 1) * sizeof *grown);
  if (grown)
    channel->layers = grown;
  int32_t *states =
    realloc(channel->states, (channel->state_count + filters) * sizeof *channel->states);
  if (states)
    channel->states = states;
  if (!grown || !states)
    return tv_fail(TV_ERROR_MEMORY, "channel: no memory");
  tv_ring_layer *l = &grown[channel->layer_count];
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

int tv_ring_lay_out(tv_ring *channel)
{
  tv_ring_control *control = channel->control;
  const size_t tensors = channel->tensor_count, slots = channel->slots;
  const size_t tensors_offset = TV_RING_CONTROL_BYTES;
  const size_t layers_offset = tensors_offset + tensors * sizeof(tv_ring_tensor);
  channel->names_offset = layers_offset + channel->layer_count * sizeof(tv_ring_layer);
  channel->slots_offset = align(channel->names_offset + sizeof channel->names, TV_RING_ALIGN);
  channel->slot_bytes = align(sizeof(tv_ring_slot) + tensors * sizeof(tv_ring_record) +
                                sizeof channel->scalars + channel->state_count * sizeof(int32_t),
    TV_RING_ALIGN);
  int overflow = 0;
  size_t bytes = align(channel->slots_offset + slots * channel->slot_bytes, 4096);
  for (size_t i = 0; i < tensors; ++i) {
    tv_ring_tensor *public = &channel->tensors[i].public;
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

  tv_ring_tensor *table = (tv_ring_tensor *)((char *)memory + tensors_offset);
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
  atomic_store(&control->state, TV_RING_OPEN);
  tv_futex_advance(&control->published);
  channel->started = 1;
  return TV_OK;
}

void tv_ring_close(tv_ring *channel)
{
  if (!channel)
    return;
  if (!channel->failed) {
    tv_ring_publish(channel);
    tv_ring_give_up(channel);
  }
  free(channel->tensors);
  free(channel->layers);
  free(channel->states);
  free(channel->references);
  free(channel);
}
