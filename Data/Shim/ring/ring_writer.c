/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "ring_writer_state.h"

#include "shape.h"

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
static int take_name(tv_ring *ring, const char *name)
{
  for (int attempt = 0; attempt < 100; ++attempt) {
    ring->file = shm_open(ring->segment, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (ring->file >= 0) {
      if (flock(ring->file, LOCK_EX | LOCK_NB) == 0 && tv_segment_named(ring->file, ring->segment))
        return TV_OK;
    } else if (errno != EEXIST) {
      return tv_fail(TV_ERROR_FILE, "ring \"%s\": no shared memory: %s", name, strerror(errno));
    } else {
      ring->file = shm_open(ring->segment, O_RDWR, 0);
      if (ring->file < 0) {
        if (errno == ENOENT)
          continue; /* it went away meanwhile */
        return tv_fail(
          TV_ERROR_FILE, "ring \"%s\": cannot open what is there: %s", name, strerror(errno));
      }
      struct stat status;
      if (fstat(ring->file, &status) != 0 || status.st_uid != geteuid()) {
        tv_segment_close(ring->file);
        return tv_fail(TV_ERROR_FILE, "ring \"%s\": another user's segment has that name", name);
      }
      if (!tv_segment_remove_stale(ring->file, ring->segment)) {
        tv_segment_close(ring->file);
        return tv_fail(TV_ERROR_STATE, "ring \"%s\": a run of that name is going on", name);
      }
    }
    tv_segment_close(ring->file);
  }
  return tv_fail(TV_ERROR_STATE, "ring \"%s\": another run takes that name again and again", name);
}

void tv_ring_give_up(tv_ring *ring)
{
  if (ring->file < 0)
    return;
  if (tv_segment_named(ring->file, ring->segment))
    shm_unlink(ring->segment);
  if (ring->control) {
    if (tv_segment_whole(ring->file, TV_RING_CONTROL_BYTES)) {
      atomic_store(&ring->control->state, TV_RING_CLOSED);
      tv_futex_advance(&ring->control->published);
    }
    munmap(ring->control, TV_RING_CONTROL_BYTES);
  }
  tv_segment_close(ring->file);
  ring->control = NULL;
  ring->file = -1;
}

int tv_ring_whole(tv_ring *ring)
{
  if (ring->failed || !ring->control)
    return 0;
  if (tv_segment_whole(ring->file, ring->bytes))
    return 1;
  ring->failed = 1;
  tv_ring_give_up(ring);
  return 0;
}

int tv_ring_open(tv_ring **result, const char *name, size_t slots, double block_seconds)
{
  *result = NULL;
  if (slots < 2 || slots > TV_RING_SLOTS)
    return tv_fail(TV_ERROR_ARGUMENT, "ring \"%s\": %zu slots, not 2 to %d", name ? name : "",
      slots, TV_RING_SLOTS);
  if (!(block_seconds >= 0 && block_seconds <= 1e6))
    return tv_fail(
      TV_ERROR_ARGUMENT, "ring \"%s\": block_seconds %g, not 0 to 1e6", name, block_seconds);
  tv_ring *ring = calloc(1, sizeof *ring);
  if (!ring)
    return tv_fail(TV_ERROR_MEMORY, "ring \"%s\": no memory", name);
  tv_segment_sweep();
  ring->file = -1;
  ring->slots = slots;
  ring->block = (int64_t)(block_seconds * 1e9);
  int status = tv_segment_name(ring->segment, name);
  if (status == TV_OK)
    status = take_name(ring, strcpy(ring->name, name));
  if (status != TV_OK) {
    free(ring);
    return status;
  }
  const int error = tv_segment_keep_from_children(ring->file) < 0
                      ? ENOMEM
                      : tv_segment_reserve(ring->file, TV_RING_CONTROL_BYTES);
  void *memory =
    error ? MAP_FAILED
          : mmap(NULL, TV_RING_CONTROL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, ring->file, 0);
  if (memory == MAP_FAILED) {
    status = tv_fail(TV_ERROR_MEMORY, "ring \"%s\": shared memory (/dev/shm) is full: %s", name,
      strerror(error ? error : errno));
    tv_ring_give_up(ring);
    free(ring);
    return status;
  }
  madvise(memory, TV_RING_CONTROL_BYTES, MADV_DONTFORK); /* it would keep the lock, too */
  tv_ring_control *control = ring->control = memory;
  ring->bytes = TV_RING_CONTROL_BYTES;
  control->version = TV_RING_VERSION;
  control->process = (uint64_t)getpid();
  control->block_seconds = block_seconds;
  control->segment_bytes = TV_RING_CONTROL_BYTES;
  control->magic = TV_RING_MAGIC;
  *result = ring;
  return TV_OK;
}

int tv_ring_declare(int *number, tv_ring *ring, const char *layer, const char *kind, tv_type type,
  const tv_shape *shape)
{
  if (ring->started || ring->failed)
    return tv_fail(TV_ERROR_STATE, "ring \"%s\": %s/%s is declared after the first step",
      ring->name, layer, kind);
  const size_t bytes = tv_shape_check(shape) < 0 ? 0 : tv_shape_bytes(shape, type);
  if (strlen(layer) >= TV_RING_NAME || strlen(kind) >= TV_RING_NAME || bytes == 0 ||
      ring->tensor_count >= TV_RING_TENSORS)
    return tv_fail(TV_ERROR_ARGUMENT, "ring \"%s\": %s/%s is not a tensor that it can hold",
      ring->name, layer, kind);
  if (bytes > (size_t)1 << 46)
    return tv_fail(
      TV_ERROR_ARGUMENT, "ring \"%s\": %s/%s is too large for any memory", ring->name, layer, kind);
  tv_ring_source *grown = realloc(ring->tensors, (ring->tensor_count + 1) * sizeof *grown);
  if (!grown)
    return tv_fail(TV_ERROR_MEMORY, "ring \"%s\": no memory", ring->name);
  ring->tensors = grown;
  tv_ring_source *t = &grown[ring->tensor_count];
  memset(t, 0, sizeof *t);
  t->step = t->asked = -1;
  strcpy(t->public.layer, layer);
  strcpy(t->public.kind, kind);
  t->public.shape = *shape;
  t->public.type = (uint32_t)type;
  t->public.bytes = bytes;
  t->public.stride = (bytes + TV_RING_ALIGN - 1) / TV_RING_ALIGN * TV_RING_ALIGN;
  *number = (int)ring->tensor_count++;
  return TV_OK;
}

int tv_ring_filters(int *number, tv_ring *ring, const char *layer, size_t filters)
{
  if (ring->started || ring->failed)
    return tv_fail(TV_ERROR_STATE,
      "ring \"%s\": the filters of %s are declared after the first step", ring->name, layer);
  if (strlen(layer) >= TV_RING_NAME || filters < 1 || filters > (size_t)1 << 24 ||
      ring->layer_count >= TV_RING_TENSORS)
    return tv_fail(TV_ERROR_ARGUMENT, "ring \"%s\": %zu filters of %s are more than it can hold",
      ring->name, filters, layer);
  tv_ring_layer *grown = realloc(ring->layers, (ring->layer_count + 1) * sizeof *grown);
  if (grown)
    ring->layers = grown;
  int32_t *states = realloc(ring->states, (ring->state_count + filters) * sizeof *ring->states);
  if (states)
    ring->states = states;
  if (!grown || !states)
    return tv_fail(TV_ERROR_MEMORY, "ring \"%s\": no memory", ring->name);
  tv_ring_layer *l = &grown[ring->layer_count];
  memset(l, 0, sizeof *l);
  strcpy(l->layer, layer);
  l->filters = filters;
  l->offset = ring->state_count;
  for (size_t i = 0; i < filters; ++i)
    states[ring->state_count + i] = -1; /* TV_FILTER_ALIVE */
  ring->state_count += filters;
  *number = (int)ring->layer_count++;
  return TV_OK;
}

static size_t align(size_t bytes, size_t to)
{
  return (bytes + to - 1) / to * to;
}

/* Where everything is to be; returns the bytes of the segment, or 0 where they fit no memory. */
static size_t place(tv_ring *ring, size_t *layers_offset)
{
  const size_t tensors = ring->tensor_count;
  *layers_offset = TV_RING_CONTROL_BYTES + tensors * sizeof(tv_ring_tensor);
  ring->names_offset = *layers_offset + ring->layer_count * sizeof(tv_ring_layer);
  ring->slots_offset = align(ring->names_offset + sizeof ring->names, TV_RING_ALIGN);
  ring->slot_bytes = align(sizeof(tv_ring_slot) + tensors * sizeof(tv_ring_record) +
                             sizeof ring->scalars + ring->state_count * sizeof(int32_t),
    TV_RING_ALIGN);
  int overflow = 0;
  ring->requests_offset = align(ring->slots_offset + ring->slots * ring->slot_bytes, TV_RING_ALIGN);
  size_t bytes =
    align(ring->requests_offset + sizeof(tv_ring_request) + sizeof(tv_ring_answer), 4096);
  for (size_t i = 0; i < tensors; ++i) {
    tv_ring_tensor *public = &ring->tensors[i].public;
    public->offset = bytes;
    const size_t all = tv_multiply(public->stride, ring->slots + 1, &overflow);
    if (overflow || all > (size_t)PTRDIFF_MAX - 4096 - bytes)
      return 0;
    bytes += all;
  }
  return align(bytes, 4096);
}

/* The tables behind the control block. */
static int write_tables(const tv_ring *ring, size_t layers_offset)
{
  for (size_t i = 0; i < ring->tensor_count; ++i)
    if (tv_segment_write(ring->file, TV_RING_CONTROL_BYTES + i * sizeof(tv_ring_tensor),
          &ring->tensors[i].public, sizeof(tv_ring_tensor)) < 0)
      return -1;
  if (tv_segment_write(
        ring->file, layers_offset, ring->layers, ring->layer_count * sizeof *ring->layers) < 0)
    return -1;
  return tv_segment_write(ring->file, ring->names_offset, ring->names, sizeof ring->names);
}

int tv_ring_lay_out(tv_ring *ring)
{
  size_t layers_offset;
  const size_t bytes = place(ring, &layers_offset);
  if (bytes == 0)
    return tv_fail(
      TV_ERROR_MEMORY, "ring \"%s\": %zu steps do not fit any memory", ring->name, ring->slots);
  ring->references = malloc((ring->tensor_count + 1) * sizeof *ring->references);
  ring->slot = calloc(1, ring->slot_bytes);
  if (!ring->references || !ring->slot)
    return tv_fail(TV_ERROR_MEMORY, "ring \"%s\": no memory", ring->name);
  memset(ring->references, 0xff, (ring->tensor_count + 1) * sizeof *ring->references);

  int error = tv_segment_reserve(ring->file, bytes);
  if (!error && write_tables(ring, layers_offset) < 0)
    error = errno;
  if (error)
    return tv_fail(TV_ERROR_MEMORY,
      "ring \"%s\": shared memory (/dev/shm) has no room for a ring of %zu steps, %.1f MB: %s",
      ring->name, ring->slots, (double)bytes / 1e6, strerror(error));
  ring->bytes = bytes;
  if (!tv_ring_whole(ring))
    return tv_fail(TV_ERROR_FILE, "ring \"%s\": another program has cut it off", ring->name);
  tv_ring_control *control = ring->control;
  control->segment_bytes = bytes;
  control->slots = ring->slots;
  control->tensors = ring->tensor_count;
  control->layers = ring->layer_count;
  control->tensors_offset = TV_RING_CONTROL_BYTES;
  control->layers_offset = layers_offset;
  control->names_offset = ring->names_offset;
  control->slots_offset = ring->slots_offset;
  control->slot_bytes = ring->slot_bytes;
  control->requests_offset = ring->requests_offset;
  atomic_store(&control->scalars, ring->scalar_count);
  atomic_store(&control->state, TV_RING_OPEN);
  tv_futex_advance(&control->published);
  ring->started = 1;
  return TV_OK;
}

void tv_ring_close(tv_ring *ring)
{
  if (!ring)
    return;
  if (!ring->failed) {
    tv_ring_publish(ring);
    tv_ring_give_up(ring);
  }
  free(ring->tensors);
  free(ring->layers);
  free(ring->states);
  free(ring->references);
  free(ring->slot);
  free(ring);
}
