/* SPDX-License-Identifier: BSD-3-Clause */
#include "layout.h"

#include "status.h"

#include <string.h>

typedef enum role
{
  FILTER,
  CHANNEL,
  ROW,
  COLUMN,
  ROLES
} role;

static role role_of(char letter)
{
  if (strchr("goca", letter))
    return FILTER;
  if (letter == 'i')
    return CHANNEL;
  return strchr("twke", letter) ? COLUMN : ROW;
}

/* How many axes have each role, and the last of them. */
static void count_roles(const role *roles, int rank, int count[ROLES], int last[ROLES])
{
  memset(count, 0, ROLES * sizeof *count);
  for (int a = 0; a < rank; ++a) {
    ++count[roles[a]];
    last[roles[a]] = a;
  }
}

static void rename_role(role *roles, int rank, role from, role to)
{
  for (int a = 0; a < rank; ++a)
    if (roles[a] == from)
      roles[a] = to;
}

/* Rules 1 to 5 of layout.h. Returns whether it is a matrix. */
static int assign_roles(const char *axes, int rank, role *roles)
{
  int count[ROLES], last[ROLES] = {0}, matrix = 0;
  for (int a = 0; a < rank; ++a)
    roles[a] = axes[a] == 'm' && strchr(axes, 'm') != axes + a ? COLUMN : role_of(axes[a]);
  count_roles(roles, rank, count, last);
  if (count[FILTER] && count[CHANNEL] && !count[ROW] && !count[COLUMN]) {
    rename_role(roles, rank, FILTER, ROW);
    rename_role(roles, rank, CHANNEL, COLUMN);
    return 1;
  }
  if (!count[FILTER] && count[CHANNEL])
    rename_role(roles, rank, CHANNEL, FILTER);
  else if (!count[FILTER] && rank == 1)
    roles[0] = FILTER;
  else if (!count[FILTER] && rank > 1)
    matrix = 1;
  count_roles(roles, rank, count, last);
  if (count[ROW] > 1 && !count[COLUMN])
    roles[last[ROW]] = COLUMN;
  return matrix;
}

int tv_layout_of(tv_layout *layout, const tv_shape *shape)
{
  memset(layout, 0, sizeof *layout);
  const int status = tv_shape_check(shape);
  if (status < 0)
    return status;
  role roles[TV_RANK];
  layout->shape = *shape;
  layout->matrix = assign_roles(shape->axes, shape->rank, roles);

  size_t steps[TV_RANK], size[ROLES] = {1, 1, 1, 1};
  layout->elements = 1;
  for (int a = shape->rank; a-- > 0;) {
    steps[a] = layout->elements;
    layout->elements *= shape->size[a];
    size[roles[a]] *= shape->size[a];
  }
  int at = 0;
  for (int r = 0; r < ROLES; ++r)
    for (int a = 0; a < shape->rank; ++a)
      if ((int)roles[a] == r) {
        layout->order[at] = a;
        layout->stride[at++] = steps[a];
        layout->leading += r == (layout->matrix ? ROW : FILTER);
      }
  layout->windows = (tv_windows){size[FILTER], size[CHANNEL], size[ROW], size[COLUMN]};
  layout->count = size[FILTER] * size[CHANNEL];
  layout->pixels = size[ROW] * size[COLUMN];

  size_t before = layout->elements; /* stride of the last axis that is longer than 1 */
  layout->identity = 1;
  for (int k = 0; k < shape->rank; ++k)
    if (shape->size[layout->order[k]] > 1) {
      layout->identity &= layout->stride[k] < before;
      before = layout->stride[k];
    }
  return TV_OK;
}

int tv_layout_axes(tv_layout *layout, const char *axes, const size_t *sizes)
{
  tv_shape shape;
  const int status = tv_shape_make(&shape, axes, sizes);
  memset(layout, 0, sizeof *layout);
  return status < 0 ? status : tv_layout_of(layout, &shape);
}

int tv_layout_direct(const tv_layout *layout, tv_type type)
{
  return layout->identity && (type == TV_FLOAT32 || type == TV_FLOAT64);
}

size_t tv_layout_result_size(tv_type type)
{
  return tv_type_size(tv_type_result(type));
}

size_t tv_layout_source(const tv_layout *layout, size_t flat)
{
  size_t source = 0;
  for (int k = layout->shape.rank - 1; k >= 0; --k) {
    const size_t size = layout->shape.size[layout->order[k]];
    source += flat % size * layout->stride[k];
    flat /= size;
  }
  return source;
}

int tv_layout_part(
  const tv_layout *layout, size_t first, size_t count, size_t *start, tv_layout *part, size_t *skip)
{
  const size_t total = layout->matrix ? layout->windows.rows : layout->windows.filters;
  if (count == 0 || first >= total || count > total - first)
    return tv_fail(TV_ERROR_ARGUMENT, "there are no %s %zu to %zu of %zu",
      layout->matrix ? "rows" : "filters", first, first + count - 1, total);

  /* Down to the first axis on which the first and the last of them differ; whole behind it. */
  tv_shape shape = layout->shape;
  size_t below = total, from = first, to = first + count - 1;
  int differ = 0;
  for (int a = 0; a < TV_RANK; ++a)
    start[a] = 0;
  *skip = 0;
  for (int k = 0; k < layout->leading; ++k) {
    const int axis = layout->order[k];
    below /= shape.size[axis];
    if (!differ) {
      start[axis] = from / below;
      shape.size[axis] = to / below - from / below + 1;
      differ = shape.size[axis] > 1;
      from %= below;
      to %= below;
      *skip = differ || k == layout->leading - 1 ? from : 0;
    }
  }
  *skip *= layout->elements / total;
  return tv_layout_of(part, &shape);
}
