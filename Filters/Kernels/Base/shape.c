/* SPDX-License-Identifier: BSD-3-Clause */
#include "shape.h"

#include "status.h"

#include <stdint.h>
#include <string.h>

/* The letters alone. batch: 'n' may stand among them, once. */
static int check_axes(const char *axes, int batch)
{
  const size_t letters = strlen(axes);
  const size_t most = TV_RANK + (batch && strchr(axes, 'n') ? 1 : 0);
  if (letters > most)
    return tv_fail(TV_ERROR_FORMAT, "axes are at most %d letters%s, not \"%.32s\"", TV_RANK,
      batch ? " beside 'n'" : "", axes);
  if (strspn(axes, "abcdefghijklmnopqrstuvwxyz") != letters)
    return tv_fail(TV_ERROR_FORMAT, "axes are letters from a to z, not \"%.32s\"", axes);
  if (!batch && strchr(axes, 'n'))
    return tv_fail(
      TV_ERROR_FORMAT, "a batch is summed before it is stored, but \"%s\" has 'n'", axes);
  for (size_t a = 0; a < letters; ++a) {
    const char *again = strchr(axes + a + 1, axes[a]);
    if (axes[a] != 'm' && again)
      return tv_fail(TV_ERROR_FORMAT, "axis '%c' stands twice in \"%s\"", axes[a], axes);
  }
  const char *first = strchr(axes, 'm');
  const char *second = first ? strchr(first + 1, 'm') : NULL;
  if (first && (!second || strchr(second + 1, 'm')))
    return tv_fail(TV_ERROR_FORMAT, "axis 'm' stands twice or not at all, unlike \"%s\"", axes);
  return TV_OK;
}

static int check_sizes(const char *axes, const size_t *sizes, int rank)
{
  size_t bytes = sizeof(double);
  int overflow = 0;
  for (int a = 0; a < rank; ++a) {
    if (sizes[a] == 0)
      return tv_fail(TV_ERROR_FORMAT, "axis '%c' has size 0", axes[a]);
    bytes = tv_multiply(bytes, sizes[a], &overflow);
  }
  if (overflow || bytes > PTRDIFF_MAX)
    return tv_fail(TV_ERROR_FORMAT, "its sizes are too large to be real");
  return TV_OK;
}

int tv_shape_check(const tv_shape *shape)
{
  if (shape->rank < 0 || shape->rank > TV_RANK)
    return tv_fail(TV_ERROR_FORMAT, "a tensor has 0 to %d axes, not %d", TV_RANK, shape->rank);
  if (!memchr(shape->axes, 0, sizeof shape->axes) || strlen(shape->axes) != (size_t)shape->rank)
    return tv_fail(TV_ERROR_FORMAT, "axes \"%.*s\" and %d sizes do not go together", TV_RANK,
      shape->axes, shape->rank);
  const int status = check_axes(shape->axes, 0);
  return status < 0 ? status : check_sizes(shape->axes, shape->size, shape->rank);
}

static void clear(tv_shape *shape)
{
  memset(shape, 0, sizeof *shape);
  for (int a = 0; a < TV_RANK; ++a)
    shape->size[a] = 1;
}

int tv_shape_make(tv_shape *shape, const char *axes, const size_t *sizes)
{
  clear(shape);
  if (!axes)
    return tv_fail(TV_ERROR_FORMAT, "there are no axes: NULL");
  int status = check_axes(axes, 0);
  const int rank = (int)strlen(axes);
  if (status < 0 || (status = check_sizes(axes, sizes, rank)) < 0)
    return status;
  shape->rank = rank;
  memcpy(shape->axes, axes, (size_t)rank);
  if (rank > 0)
    memcpy(shape->size, sizes, (size_t)rank * sizeof *sizes);
  return TV_OK;
}

int tv_shape_split_batch(tv_shape *shape, tv_batch *batch, const char *axes, const size_t *sizes)
{
  clear(shape);
  *batch = (tv_batch){-1, 1, 1, 1};
  if (!axes)
    return tv_fail(TV_ERROR_FORMAT, "there are no axes: NULL");
  int status = check_axes(axes, 1);
  const int letters = (int)strlen(axes);
  if (status < 0 || (status = check_sizes(axes, sizes, letters)) < 0)
    return status;
  for (int a = 0; a < letters; ++a) {
    if (axes[a] == 'n') {
      batch->axis = a;
      batch->samples = sizes[a];
      batch->outer = batch->inner;
      batch->inner = 1;
    } else {
      shape->axes[shape->rank] = axes[a];
      shape->size[shape->rank++] = sizes[a];
      batch->inner *= sizes[a];
    }
  }
  return TV_OK;
}

size_t tv_shape_elements(const tv_shape *shape)
{
  size_t elements = 1;
  int overflow = 0;
  for (int a = 0; a < shape->rank; ++a)
    elements = tv_multiply(elements, shape->size[a], &overflow);
  return overflow ? 0 : elements;
}

size_t tv_shape_bytes(const tv_shape *shape, tv_type type)
{
  int overflow = 0;
  return tv_multiply(tv_shape_elements(shape), tv_type_size(type), &overflow);
}
