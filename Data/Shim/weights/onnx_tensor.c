/* SPDX-License-Identifier: BSD-3-Clause */
#include "onnx.h"
#include "status.h"

#include <stdlib.h>
#include <string.h>

/* What operators take, by onnx's Operators.md. */
static const tv_onnx_use uses[] = {
  /* operator, input, axes: kind and letters */
  {"Conv", 1, 3, "weights", "oiw"},
  {"Conv", 1, 4, "weights", "oihw"},
  {"Conv", 1, 5, "weights", "oidhw"},
  {"Conv", 2, 1, "bias", "o"},
  {"ConvInteger", 1, 4, "weights", "oihw"},
  {"QLinearConv", 3, 4, "weights", "oihw"},
  {"FusedConv", 1, 4, "weights", "oihw"},
  {"FusedConv", 2, 1, "bias", "o"},
  {"ConvTranspose", 1, 3, "weights", "iow"},
  {"ConvTranspose", 1, 4, "weights", "iohw"},
  {"ConvTranspose", 1, 5, "weights", "iodhw"},
  {"ConvTranspose", 2, 1, "bias", "o"},
  {"Gemm", 1, 2, "weights", "io"},
  {"GemmTransposed", 1, 2, "weights", "oi"}, /* Gemm with transB */
  {"Gemm", 2, 1, "bias", "o"},
  {"GemmTransposed", 2, 1, "bias", "o"},
  {"MatMul", 1, 2, "weights", "io"},
  {"MatMulInteger", 1, 2, "weights", "io"},
  {"BatchNormalization", 1, 1, "weights", "c"},
  {"BatchNormalization", 2, 1, "bias", "c"},
  {"BatchNormalization", 3, 1, "running_mean", "c"},
  {"BatchNormalization", 4, 1, "running_var", "c"},
  {"InstanceNormalization", 1, 1, "weights", "c"},
  {"InstanceNormalization", 2, 1, "bias", "c"},
  {"LayerNormalization", 1, 1, "weights", "c"},
  {"LayerNormalization", 2, 1, "bias", "c"},
  {"LSTM", 1, 3, "weights", "goi"},
  {"LSTM", 2, 3, "recurrent", "goi"},
  {"LSTM", 3, 2, "bias", "go"},
  {"GRU", 1, 3, "weights", "goi"},
  {"GRU", 2, 3, "recurrent", "goi"},
  {"GRU", 3, 2, "bias", "go"},
  {"RNN", 1, 3, "weights", "goi"},
  {"RNN", 2, 3, "recurrent", "goi"},
  {"RNN", 3, 2, "bias", "go"},
  {"Gather", 0, 2, "weights", "ve"}, /* an embedding */
  {"Add", 0, 1, "bias", "c"},
  {"Add", 1, 1, "bias", "c"},
  {"Mul", 0, 1, "scale", "c"},
  {"Mul", 1, 1, "scale", "c"},
  {"PRelu", 1, -1, "slope", NULL},
};

const tv_onnx_use *tv_onnx_find_use(const char *op, int input, int rank)
{
  for (size_t i = 0; i < sizeof uses / sizeof uses[0]; ++i)
    if (uses[i].input == input && (uses[i].rank < 0 || uses[i].rank == rank) &&
        !strcmp(uses[i].op, op))
      return uses + i;
  return NULL;
}

enum
{
  MOST_AXES = 64
};

/* A TensorProto as it is read: where each way to give values has them. */
typedef struct proto
{
  uint64_t size[MOST_AXES];
  size_t rank;
  uint64_t type, name_bytes;
  tv_wire_field raw, packed;
  int has_raw, packed_fields, single, external;
  char name[TV_WEIGHTS_NAME + 1];
} proto;

static int add_size(proto *tensor, uint64_t size, const char *path)
{
  if (tensor->rank == MOST_AXES)
    return tv_fail(
      TV_ERROR_FORMAT, "%s: \"%s\" has more than %d axes", path, tensor->name, MOST_AXES);
  tensor->size[tensor->rank++] = size;
  return 0;
}

static int take_sizes(proto *tensor, tv_mapped *file, const tv_wire_field *field)
{
  tv_cursor cursor;
  uint64_t size;
  int status = 0;
  if (field->type == 0)
    return add_size(tensor, field->value, file->path);
  tv_wire_inside(&cursor, file, field);
  while (!status && cursor.at < cursor.end) {
    status = tv_wire_varint(&cursor, &size);
    if (!status)
      status = add_size(tensor, size, file->path);
  }
  return status;
}

static int take_field(proto *tensor, tv_mapped *file, const tv_wire_field *field)
{
  switch (field->number) {
  case 1: /* dims */
    return take_sizes(tensor, file, field);
  case 2: /* data_type */
    tensor->type = field->value;
    return 0;
  case 4:  /* float_data */
  case 5:  /* int32_data */
  case 6:  /* string_data */
  case 7:  /* int64_data */
  case 10: /* double_data */
  case 11: /* uint64_data */
    ++tensor->packed_fields;
    tensor->single |= field->type != 2;
    tensor->packed = *field;
    return 0;
  case 8: /* name */
    return field->type == 2 ? tv_wire_text(file, field, tensor->name, sizeof tensor->name) : 0;
  case 9: /* raw_data */
    tensor->has_raw = field->type == 2;
    tensor->raw = *field;
    return 0;
  case 13: /* external_data */
    tensor->external = 1;
    return 0;
  case 14: /* data_location */
    tensor->external |= field->value == 1;
    return 0;
  default:
    return 0;
  }
}

static tv_stored type_of(uint64_t type)
{
  static const tv_stored types[] = {TV_STORED_NONE, TV_STORED_F32, TV_STORED_U8, TV_STORED_I8,
    TV_STORED_U16, TV_STORED_I16, TV_STORED_I32, TV_STORED_I64, TV_STORED_NONE, TV_STORED_BOOL,
    TV_STORED_F16, TV_STORED_F64, TV_STORED_U32, TV_STORED_NONE, TV_STORED_NONE, TV_STORED_NONE,
    TV_STORED_BF16, TV_STORED_F8_E4M3, TV_STORED_NONE, TV_STORED_F8_E5M2};
  return type < sizeof types / sizeof types[0] ? types[type] : TV_STORED_NONE;
}

/* Where the numbers are, and whether they are as many as the shape says. */
static void place(tv_weights_tensor *tensor, const proto *from)
{
  const tv_wire_field *field = from->has_raw ? &from->raw : &from->packed;
  const int flat = from->has_raw || field->number == 4 || field->number == 10;
  if (from->external) {
    tv_weights_problem(tensor, "has its numbers in another file, which is not followed");
  } else if (!from->has_raw && (from->packed_fields != 1 || from->single)) {
    tv_weights_problem(tensor,
      from->packed_fields ? "has its numbers in pieces, which are not read" : "has no numbers");
  } else if (!from->has_raw && ((field->number == 4 && tensor->stored != TV_STORED_F32) ||
                                 (field->number == 10 && tensor->stored != TV_STORED_F64))) {
    tv_weights_problem(tensor, "has numbers of another type than it says");
  } else if (flat ? field->value != tensor->span : field->value < tensor->elements) {
    tv_weights_problem(tensor, "has %llu bytes, which is not what its shape and type need",
      (unsigned long long)field->value);
  } else {
    tensor->place = flat ? TV_PLACE_FLAT : TV_PLACE_VARINTS;
    tensor->offset = field->at;
    tensor->span = field->value;
  }
}

int tv_onnx_tensor(tv_weights *weights, const tv_wire_field *field, const char *name)
{
  tv_cursor cursor;
  tv_wire_field part;
  tv_mapped *file = weights->files;
  proto *from = calloc(1, sizeof *from);
  if (!from)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", file->path);
  int status = 0, more;
  tv_wire_inside(&cursor, file, field);
  while (!status && (more = tv_wire_next(&cursor, &part)) != 0)
    status = more < 0 ? more : take_field(from, file, &part);
  const char *called = name ? name : from->name;
  tv_weights_tensor *tensor = status ? NULL : tv_weights_add(weights, called, strlen(called));
  if (!status && !tensor)
    status = TV_ERROR_MEMORY;
  if (tensor) {
    tensor->order = UINT64_MAX;
    tensor->stored = type_of(from->type);
    if (!tensor->stored)
      tv_weights_problem(tensor, "holds values of ONNX's type %llu, which are not shown here",
        (unsigned long long)from->type);
    tv_weights_shape(tensor, from->size, from->rank);
    if (!tensor->problem)
      place(tensor, from);
  }
  free(from);
  return status;
}
