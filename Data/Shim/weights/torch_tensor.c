/* SPDX-License-Identifier: BSD-3-Clause */
#include "torch_tensor.h"
#include "status.h"

#include <stdio.h>
#include <string.h>

enum
{
  MOST_REPEATED = 1 << 20 /* numbers of a view that repeats those of its storage */
};

int tv_torch_is_tensor(const char *function)
{
  return !strncmp(function, "torch._utils._rebuild_", 22);
}

int tv_torch_sizes(uint64_t *sizes, const tv_pickle_node *tuple)
{
  while (tuple->kind == TV_PICKLE_CALL && tuple->items[1]->kind == TV_PICKLE_LIST &&
         tuple->items[1]->count == 1)
    tuple = tuple->items[1]->items[0]; /* torch.Size((3, 4)) */
  if (tuple->kind != TV_PICKLE_LIST || tuple->count > TV_TORCH_AXES)
    return -1;
  for (size_t i = 0; i < tuple->count; ++i) {
    if (tuple->items[i]->kind != TV_PICKLE_INT || tuple->items[i]->integer < 0)
      return -1;
    sizes[i] = (uint64_t)tuple->items[i]->integer;
  }
  return (int)tuple->count;
}

/* The last part of "torch.FloatStorage". */
static const char *last_part(const char *name)
{
  const char *dot = strrchr(name, '.');
  return dot ? dot + 1 : name;
}

/* The entry of the storage, and the type that its class names. */
static const tv_zip_entry *find_storage(
  tv_torch *torch, tv_weights_tensor *tensor, const tv_pickle_node *storage)
{
  char name[TV_WEIGHTS_NAME + 64];
  const tv_pickle_node *what = storage->kind == TV_PICKLE_STORAGE ? storage->items[0] : NULL;
  if (!what || what->kind != TV_PICKLE_LIST || what->count < 5 ||
      !tv_pickle_is(what->items[0], "storage") || what->items[1]->kind != TV_PICKLE_NAME ||
      what->items[2]->kind != TV_PICKLE_TEXT || what->items[2]->length > 48) {
    tv_weights_problem(tensor, "has no storage");
    return NULL;
  }
  const char *type = last_part(what->items[1]->text);
  tensor->stored = tv_stored_torch(type);
  if (!tensor->stored && strcmp(type, "UntypedStorage") != 0)
    tv_weights_problem(tensor, "holds numbers of %.40s, which are not shown here", type);
  snprintf(name, sizeof name, "%.*sdata/%.*s", TV_WEIGHTS_NAME, torch->prefix,
    (int)what->items[2]->length, what->items[2]->text);
  const tv_zip_entry *entry = tv_zip_find(&torch->zip, name);
  if (!entry)
    tv_weights_problem(tensor, "has its numbers in \"%.100s\", which is not in the file", name);
  return entry;
}

/* Strides, and whether everything lies in the storage. */
static void place(tv_weights_tensor *tensor, const tv_zip_entry *entry, uint64_t first,
  const uint64_t *stride, int rank)
{
  const uint64_t bytes = tv_stored_bytes(tensor->stored), held = bytes ? entry->bytes / bytes : 0;
  uint64_t last = 0, step;
  size_t expected = 1;
  int overflow = 0;
  tensor->contiguous = 1;
  for (int axis = rank - 1; axis >= 0; --axis) {
    overflow |= __builtin_mul_overflow((uint64_t)tensor->size[axis] - 1, stride[axis], &step);
    overflow |= __builtin_add_overflow(last, step, &last);
    tensor->contiguous &= tensor->size[axis] == 1 || stride[axis] == expected;
    tensor->stride[axis] = (size_t)stride[axis];
    expected *= tensor->size[axis];
  }
  if (overflow || first > held || last >= held - first) {
    tv_weights_problem(
      tensor, "reaches outside of its storage of %llu numbers", (unsigned long long)held);
    return;
  }
  if (tensor->elements > last + 1 && tensor->elements > MOST_REPEATED) {
    tv_weights_problem(tensor, "shows %llu numbers %zu times over: it is not copied out",
      (unsigned long long)last + 1, tensor->elements);
    return;
  }
  tensor->span = (last + 1) * bytes;
  tensor->place = entry->deflated ? TV_PLACE_DEFLATED : TV_PLACE_FLAT;
  tensor->offset = (entry->deflated ? 0 : entry->offset) + first * bytes;
  tensor->packed = entry->offset;
  tensor->packed_bytes = entry->packed_bytes;
}

/* What no picture can show as it is. */
static void refuse(tv_weights_tensor *tensor, const char *function)
{
  if (strstr(function, "_rebuild_qtensor"))
    tv_weights_problem(
      tensor, "is quantised: its scale is not applied here; save tensor.dequantize() to see it");
  else if (strstr(function, "sparse"))
    tv_weights_problem(tensor, "is sparse; save tensor.to_dense() to see it");
  else
    tv_weights_problem(tensor, "is made by %.100s, which is not known here", function);
}

int tv_torch_tensor(
  tv_torch *torch, const char *name, const char *function, const tv_pickle_node *arguments)
{
  uint64_t size[TV_TORCH_AXES], stride[TV_TORCH_AXES];
  const char *which = function + strlen("torch._utils._rebuild_");
  tv_weights_tensor *tensor =
    tv_weights_add(torch->weights, *name ? name : "tensor", strlen(*name ? name : "tensor"));
  if (!tensor)
    return TV_ERROR_MEMORY;
  tensor->swapped = torch->swapped;
  if (strcmp(which, "tensor") != 0 && strcmp(which, "tensor_v2") != 0 &&
      strcmp(which, "tensor_v3") != 0) {
    refuse(tensor, function);
    return 0;
  }
  tv_pickle_node *const *item = arguments->items;
  const int rank = arguments->count >= 4 ? tv_torch_sizes(size, item[2]) : -1;
  if (rank < 0 || tv_torch_sizes(stride, item[3]) != rank || item[1]->kind != TV_PICKLE_INT ||
      item[1]->integer < 0) {
    tv_weights_problem(tensor, "has no shape, or strides that do not fit it");
    return 0;
  }
  const tv_zip_entry *entry = find_storage(torch, tensor, item[0]);
  if (!strcmp(which, "tensor_v3") && arguments->count >= 7 && item[6]->kind == TV_PICKLE_NAME)
    tensor->stored = tv_stored_torch(last_part(item[6]->text));
  if (!tensor->stored)
    tv_weights_problem(tensor, "holds numbers of a type that is not known here");
  tv_weights_shape(tensor, size, (size_t)rank);
  if (entry && !tensor->problem)
    place(tensor, entry, (uint64_t)item[1]->integer, stride, rank);
  return 0;
}
