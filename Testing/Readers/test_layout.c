/* SPDX-License-Identifier: BSD-3-Clause */
/* Axes of every kind and in every order, types, ranges and thread counts against the plain
 * definition: element [filter][channel][row][column] of the result is the source's element at the
 * indices that these have, axis by axis. What role each axis has is written here by hand, from the
 * section Axes of the file format. */
#include "layout.h"
#include "status.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

static void check(int truth, const char *what, const char *axes)
{
  if (!truth) {
    ++failures;
    fprintf(stderr, "FAILED: %s, axes %s: %s\n", what, axes, tv_last_error());
  }
}

/* The letters of each role, slowest first: {"goihw", {"go", "i", "h", "w"}, 0} */
typedef struct roles
{
  const char *axes;
  const char *letters[4];
  int matrix;
} roles;

/* Source and result of each type. The source's numbers are small whole ones, which tell the place
 * modulo 101, so that int8 and bfloat16 have them exactly. */
typedef struct values
{
  void *source[TV_BOOL + 1];
  void *result;
} values;

static double plain(size_t place, tv_type type)
{
  const double number = (double)(place * 37 % 101);
  return type == TV_BOOL ? number > 50 : type == TV_UINT8 ? number + 150 : number - 50;
}

static values make_values(size_t elements)
{
  values v;
  for (int type = 0; type <= TV_BOOL; ++type)
    v.source[type] = malloc(elements * tv_type_size((tv_type)type));
  v.result = malloc((elements + 1) * sizeof(double));
  for (size_t k = 0; k < elements; ++k) {
    const float single = (float)plain(k, TV_FLOAT32);
    unsigned bits;
    memcpy(&bits, &single, sizeof bits);
    const int whole = (int)fabsf(single), exponent = whole ? ilogbf(single) : 0;
    const unsigned half =
      whole ? (unsigned)((exponent + 15) << 10) + ((unsigned)whole << (10 - exponent) & 1023u) : 0;
    ((float *)v.source[TV_FLOAT32])[k] = single;
    ((double *)v.source[TV_FLOAT64])[k] = plain(k, TV_FLOAT64);
    ((unsigned short *)v.source[TV_FLOAT16])[k] = (unsigned short)(half | (bits >> 16 & 0x8000u));
    ((unsigned short *)v.source[TV_BFLOAT16])[k] = (unsigned short)(bits >> 16);
    ((signed char *)v.source[TV_INT8])[k] = (signed char)plain(k, TV_INT8);
    ((unsigned char *)v.source[TV_UINT8])[k] = (unsigned char)plain(k, TV_UINT8);
    ((int32_t *)v.source[TV_INT32])[k] = (int32_t)plain(k, TV_INT32);
    ((int64_t *)v.source[TV_INT64])[k] = (int64_t)plain(k, TV_INT64);
    ((unsigned char *)v.source[TV_BOOL])[k] =
      plain(k, TV_BOOL) > 0 ? (unsigned char)(1 + k % 2) : 0;
  }
  return v;
}

static void free_values(values *v)
{
  for (int type = 0; type <= TV_BOOL; ++type)
    free(v->source[type]);
  free(v->result);
}

/* Where element [filter][channel][row][column] stands: indices of each role are numbers whose
 * digits are the indices of its letters. */
static size_t place_of(const roles *r, const tv_shape *shape, const size_t *index)
{
  size_t of_axis[TV_RANK] = {0};
  for (int role = 0; role < 4; ++role) {
    size_t rest = index[role];
    for (size_t letter = strlen(r->letters[role]); letter-- > 0;) {
      const char *at = strchr(shape->axes, r->letters[role][letter]);
      if (*at == 'm' && role == 3)
        at = strchr(at + 1, 'm');
      of_axis[at - shape->axes] = rest % shape->size[at - shape->axes];
      rest /= shape->size[at - shape->axes];
    }
  }
  size_t place = 0;
  for (int a = 0; a < shape->rank; ++a)
    place = place * shape->size[a] + of_axis[a];
  return place;
}

/* All places, in the order of the result. */
static size_t *all_places(const roles *r, const tv_layout *l)
{
  size_t *places = malloc(l->elements * sizeof *places), at = 0, index[4];
  for (index[0] = 0; index[0] < l->windows.filters; ++index[0])
    for (index[1] = 0; index[1] < l->windows.channels; ++index[1])
      for (index[2] = 0; index[2] < l->windows.rows; ++index[2])
        for (index[3] = 0; index[3] < l->windows.columns; ++index[3])
          places[at++] = place_of(r, &l->shape, index);
  return places;
}

static size_t product(const roles *r, const tv_shape *shape, int role)
{
  size_t size = 1;
  for (const char *letter = r->letters[role]; *letter; ++letter)
    size *= shape->size[strchr(shape->axes, *letter) - shape->axes];
  return size;
}

static void compare(const void *result, size_t count, const size_t *places, tv_type type,
  const char *what, const char *axes)
{
  size_t wrong = 0;
  const int wide = type == TV_FLOAT64 || type == TV_INT32 || type == TV_INT64;
  for (size_t k = 0; k < count; ++k)
    wrong +=
      (wide ? ((const double *)result)[k] : ((const float *)result)[k]) != plain(places[k], type);
  check(wrong == 0, what, axes);
  const unsigned char *behind = (const unsigned char *)result + count * (wide ? 8 : 4);
  check(behind[0] == 0xff && behind[3] == 0xff, "nothing written behind the range", axes);
}

static void try_range(const tv_layout *l, const values *v, const size_t *places, size_t first,
  size_t windows, int all_types)
{
  for (int type = 0; type <= (all_types ? TV_BOOL : TV_FLOAT64); ++type)
    for (int threads = 0; threads < 4; ++threads) {
      const tv_execution execution = {threads, NULL, NULL};
      memset(v->result, 0xff, (l->elements + 1) * sizeof(double));
      check(tv_layout_convert(
              v->result, l, (tv_type)type, v->source[type], first, windows, &execution) == 0,
        "conversion", l->shape.axes);
      compare(v->result, windows * l->pixels, places + first * l->pixels, (tv_type)type,
        tv_type_name((tv_type)type), l->shape.axes);
    }
}

/* Some filters (rows of a matrix) out of the box that tv_layout_part() says. */
static void try_part(
  const tv_layout *l, const values *v, const size_t *places, size_t first, size_t count)
{
  size_t start[TV_RANK], skip;
  tv_layout part;
  const size_t each = l->elements / (l->matrix ? l->windows.rows : l->windows.filters);
  check(tv_layout_part(l, first, count, start, &part, &skip) == 0, "part", l->shape.axes);
  float *box = malloc(part.elements * sizeof *box);
  for (size_t k = 0; k < part.elements; ++k) {
    size_t rest = k, place = 0, stride = 1;
    for (int a = l->shape.rank; a-- > 0;) {
      place += (start[a] + rest % part.shape.size[a]) * stride;
      rest /= part.shape.size[a];
      stride *= l->shape.size[a];
    }
    check(place < l->elements, "the box lies inside", l->shape.axes);
    box[k] = ((const float *)v->source[TV_FLOAT32])[place];
  }
  memset(v->result, 0xff, (l->elements + 1) * sizeof(double));
  check(
    tv_layout_convert_elements(v->result, &part, TV_FLOAT32, box, skip, count * each, NULL) == 0,
    "elements of a part", l->shape.axes);
  compare(v->result, count * each, places + first * each, TV_FLOAT32, "part", l->shape.axes);
  check(l->leading != 1 || (skip == 0 && part.elements == count * each), "nothing else in the box",
    l->shape.axes);
  free(box);
}

static void try_order(const roles *r, const char *axes, const size_t *sizes)
{
  tv_layout l;
  check(tv_layout_axes(&l, axes, sizes) == TV_OK, "known axes", axes);
  const size_t shown[] = {l.windows.filters, l.windows.channels, l.windows.rows, l.windows.columns};
  for (int role = 0; role < 4; ++role)
    check(shown[role] == product(r, &l.shape, role), "windows", axes);
  check(l.matrix == r->matrix, "matrix", axes);
  check(
    l.elements == tv_shape_elements(&l.shape) && l.count * l.pixels == l.elements, "count", axes);
  values v = make_values(l.elements);
  size_t *places = all_places(r, &l), moved = 0;
  for (size_t k = 0; k < l.elements; ++k) {
    check(tv_layout_source(&l, k) == places[k], "source", axes);
    moved += places[k] != k;
  }
  check(tv_layout_direct(&l, TV_FLOAT32) == (moved == 0) &&
          tv_layout_direct(&l, TV_FLOAT64) == (moved == 0),
    "no copy exactly where nothing moves", axes);
  for (int type = TV_FLOAT16; type <= TV_BOOL; ++type)
    check(!tv_layout_direct(&l, (tv_type)type), "other types are always converted", axes);
  const size_t ranges[][2] = {{0, l.count}, {0, 1}, {l.count - 1, 1}, {l.count / 3, l.count / 2},
    {1 % l.count, l.count / 2}, {l.count / 5, l.count - l.count / 5}, {l.count, 0}};
  for (size_t k = 0; k < sizeof ranges / sizeof *ranges; ++k)
    try_range(&l, &v, places, ranges[k][0], ranges[k][1], l.elements < 10000);
  const size_t leading = l.matrix ? l.windows.rows : l.windows.filters;
  for (size_t first = 0; first < leading; first += 1 + leading / 7)
    for (size_t count = 1; count <= leading - first; count += 1 + leading / 5)
      try_part(&l, &v, places, first, count);
  free(places);
  free_values(&v);
}

/* All orders of the letters; where the order of two of one role decides, in the order given. */
static void try_orders(const roles *r, const size_t *sizes, char *axes, size_t *shape, int at)
{
  const int rank = (int)strlen(r->axes);
  if (at == rank) {
    axes[at] = 0;
    for (int role = 0; role < 4; ++role)
      for (const char *letter = r->letters[role]; letter[0] && letter[1]; ++letter)
        if (strchr(axes, letter[0]) > strchr(axes, letter[1]))
          return;
    const char *column = r->letters[3], *rows = r->letters[2]; /* a row's letter, if it is last */
    if (*rows && *column && !strchr("twkei", *column) &&
        strchr(axes, rows[strlen(rows) - 1]) > strchr(axes, *column))
      return;
    try_order(r, axes, shape);
    return;
  }
  for (int k = 0; k < rank; ++k) {
    axes[at] = 0;
    if (strchr(axes, r->axes[k]))
      continue;
    axes[at] = r->axes[k];
    shape[at] = sizes[k];
    try_orders(r, sizes, axes, shape, at + 1);
  }
}

int main(void)
{
  char axes[TV_RANK + 1];
  size_t shape[TV_RANK];
  static const struct
  {
    roles roles;
    size_t sizes[TV_RANK];
  } cases[] = {
    /* as in version 1 */
    {{"oihw", {"o", "i", "h", "w"}, 0}, {5, 3, 4, 2}},
    {{"oihw", {"o", "i", "h", "w"}, 0}, {7, 1, 3, 1}},
    {{"oihw", {"o", "i", "h", "w"}, 0}, {70, 66, 3, 3}},
    {{"oihw", {"o", "i", "h", "w"}, 0}, {1, 1, 1, 1}},
    {{"oi", {"", "", "o", "i"}, 1}, {45, 67}},
    {{"chw", {"c", "", "h", "w"}, 0}, {9, 40, 33}},
    {{"oiw", {"o", "i", "", "w"}, 0}, {6, 2, 5}},
    {{"oih", {"o", "i", "h", ""}, 0}, {6, 2, 5}},
    {{"c", {"c", "", "", ""}, 0}, {45}},
    {{"o", {"o", "", "", ""}, 0}, {45}},
    /* several axes of one role */
    {{"oidhw", {"o", "i", "dh", "w"}, 0}, {5, 3, 2, 4, 3}},
    {{"goihw", {"go", "i", "h", "w"}, 0}, {3, 4, 2, 5, 3}},
    {{"goihw", {"go", "i", "h", "w"}, 0}, {31, 1, 1, 3, 3}},
    {{"goi", {"", "", "go", "i"}, 1}, {3, 5, 7}},
    {{"ctdhw", {"c", "", "dh", "tw"}, 0}, {3, 2, 3, 2, 5}},
    {{"goidhwt", {"go", "i", "dh", "wt"}, 0}, {2, 3, 2, 2, 1, 3, 2}},
    /* a matrix of what is there; rows alone */
    {{"aqk", {"a", "", "q", "k"}, 0}, {4, 7, 5}},
    {{"ve", {"", "", "v", "e"}, 1}, {37, 33}},
    {{"hw", {"", "", "h", "w"}, 1}, {3, 5}},
    {{"tw", {"", "", "", "tw"}, 1}, {3, 5}},
    {{"odh", {"o", "", "d", "h"}, 0}, {4, 3, 5}},
    {{"ozyx", {"o", "", "zy", "x"}, 0}, {4, 3, 2, 5}},
    {{"zyx", {"", "", "zy", "x"}, 1}, {4, 3, 5}},
    {{"ow", {"o", "", "", "w"}, 0}, {4, 3}},
    {{"ohw", {"o", "", "h", "w"}, 0}, {4, 3, 2}},
    /* filters of other axes */
    {{"ihw", {"i", "", "h", "w"}, 0}, {4, 3, 2}},
    {{"i", {"i", "", "", ""}, 0}, {4}},
    {{"e", {"e", "", "", ""}, 0}, {5}},
    {{"h", {"h", "", "", ""}, 0}, {5}},
    {{"z", {"z", "", "", ""}, 0}, {5}},
    {{"", {"", "", "", ""}, 0}, {1}},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; ++k)
    try_orders(&cases[k].roles, cases[k].sizes, axes, shape, 0);
  const size_t square[] = {3, 6, 6}, eight[] = {2, 3, 2, 1, 2, 3, 2, 2};
  const roles mm = {"mm", {"", "", "m", "m"}, 1}, cmm = {"cmm", {"c", "", "m", "m"}, 0},
              all = {"wioghadt", {"oga", "i", "hd", "wt"}, 0};
  try_order(&mm, "mm", square + 1);
  try_order(&cmm, "cmm", square);
  try_order(&all, "wioghadt", eight);
  if (!failures)
    printf("all orders, types and ranges agree\n");
  return failures != 0;
}
