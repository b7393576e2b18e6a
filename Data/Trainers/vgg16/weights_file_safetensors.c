/* The safetensors format: 8 bytes with the length of a JSON header, the header
 * {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, ..., "__metadata__": {}},
 * then the data, little-endian and row-major. Offsets count from the end of the header. */
#include "status.h"
#include "weights_file_containers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum
{
  LONGEST_HEADER = 100 * 1000 * 1000, /* as the format's own library */
  DEEPEST = 16,
  LONGEST_NAME = 255,
};

/* A place in the header. Once broken is set everything fails and nothing advances. */
typedef struct cursor
{
  const char *next, *end;
  int broken;
} cursor;

static int peek(cursor *json)
{
  while (json->next < json->end && strchr(" \t\r\n", *json->next) && *json->next)
    ++json->next;
  if (json->broken || json->next == json->end)
    return 0;
  return (unsigned char)*json->next;
}

static int accept(cursor *json, char wanted)
{
  if (peek(json) != wanted)
    return 0;
  ++json->next;
  return 1;
}

static void expect(cursor *json, char wanted)
{
  if (!accept(json, wanted))
    json->broken = 1;
}

/* A string, cut at LONGEST_NAME bytes. Escapes other than \" \\ \/ become '?': no name that we
 * look for has any. Returns its length. */
static size_t read_string(cursor *json, char text[LONGEST_NAME + 1])
{
  size_t length = 0;
  text[0] = 0;
  expect(json, '"');
  while (!json->broken) {
    if (json->next == json->end) {
      json->broken = 1;
      break;
    }
    char c = *json->next++;
    if (c == '"')
      break;
    if ((unsigned char)c < 0x20) {
      json->broken = 1;
      break;
    }
    if (c == '\\') {
      if (json->next == json->end) {
        json->broken = 1;
        break;
      }
      c = *json->next++;
      if (!strchr("\"\\/", c) || !c)
        c = '?';
    }
    if (length < LONGEST_NAME)
      text[length++] = c;
  }
  text[length] = 0;
  return length;
}

static uint64_t read_number(cursor *json)
{
  uint64_t value = 0;
  int digits = 0;
  peek(json);
  while (!json->broken && json->next < json->end && *json->next >= '0' && *json->next <= '9') {
    uint64_t digit = (uint64_t)(*json->next++ - '0');
    if (__builtin_mul_overflow(value, (uint64_t)10, &value) ||
        __builtin_add_overflow(value, digit, &value))
      json->broken = 1;
    ++digits;
  }
  if (!digits)
    json->broken = 1;
  return value;
}

static void skip_value(cursor *json, int depth)
{
  char text[LONGEST_NAME + 1];
  const int first = peek(json);
  if (depth > DEEPEST)
    json->broken = 1;
  if (first == '"') {
    read_string(json, text);
  } else if (first == '{' || first == '[') {
    const char close = first == '{' ? '}' : ']';
    ++json->next;
    if (accept(json, close))
      return;
    do {
      if (first == '{') {
        read_string(json, text);
        expect(json, ':');
      }
      skip_value(json, depth + 1);
    } while (!json->broken && accept(json, ','));
    expect(json, close);
  } else { /* a number, true, false or null */
    const char *begin = json->next;
    while (json->next < json->end && *json->next && !strchr(",]} \t\r\n", *json->next))
      ++json->next;
    if (begin == json->next)
      json->broken = 1;
  }
}

static weights_number number_named(const char *name)
{
  static const struct
  {
    const char *name;
    weights_number number;
  } known[] = {{"F32", WEIGHTS_FLOAT32}, {"F64", WEIGHTS_FLOAT64}, {"F16", WEIGHTS_FLOAT16},
    {"BF16", WEIGHTS_BFLOAT16}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i)
    if (!strcmp(known[i].name, name))
      return known[i].number;
  return WEIGHTS_OTHER;
}

static size_t number_size(weights_number number)
{
  switch (number) {
  case WEIGHTS_FLOAT32:
    return 4;
  case WEIGHTS_FLOAT64:
    return 8;
  case WEIGHTS_FLOAT16:
  case WEIGHTS_BFLOAT16:
    return 2;
  case WEIGHTS_OTHER:
    break;
  }
  return 0;
}

/* One entry of the header, after its name; data_bytes is how many bytes follow the header. */
static int read_entry(weights_container *container, weights_tensor *tensor, cursor *json,
  uint64_t data_begin, uint64_t data_bytes)
{
  char text[LONGEST_NAME + 1];
  uint64_t begin = 0, end = 0;
  int has_dtype = 0, has_shape = 0, has_offsets = 0;
  expect(json, '{');
  do {
    read_string(json, text);
    expect(json, ':');
    if (!strcmp(text, "dtype")) {
      read_string(json, text);
      tensor->number = number_named(text);
      has_dtype = 1;
    } else if (!strcmp(text, "shape")) {
      tensor->rank = 0;
      expect(json, '[');
      if (!accept(json, ']')) {
        do {
          const uint64_t size = read_number(json);
          if (tensor->rank < WEIGHTS_RANK)
            tensor->shape[tensor->rank] = (size_t)size;
          ++tensor->rank;
        } while (!json->broken && accept(json, ','));
        expect(json, ']');
      }
      has_shape = 1;
    } else if (!strcmp(text, "data_offsets")) {
      expect(json, '[');
      begin = read_number(json);
      expect(json, ',');
      end = read_number(json);
      expect(json, ']');
      has_offsets = 1;
    } else {
      skip_value(json, 1);
    }
  } while (!json->broken && accept(json, ','));
  expect(json, '}');
  if (json->broken || !has_dtype || !has_shape || !has_offsets)
    return tv_fail(TV_ERROR_FORMAT, "%s: the safetensors header is broken at tensor \"%s\"",
      container->path, tensor->name);

  if (begin > end || end > data_bytes)
    return tv_fail(TV_ERROR_FORMAT,
      "%s: tensor \"%s\" lies outside of the file (bytes %llu to %llu of %llu)", container->path,
      tensor->name, (unsigned long long)begin, (unsigned long long)end,
      (unsigned long long)data_bytes);
  if (tensor->number != WEIGHTS_OTHER && tensor->rank <= WEIGHTS_RANK) {
    uint64_t bytes = number_size(tensor->number);
    int overflow = 0;
    for (size_t axis = 0; axis < tensor->rank; ++axis)
      overflow |= __builtin_mul_overflow(bytes, (uint64_t)tensor->shape[axis], &bytes);
    if (overflow || bytes != end - begin)
      return tv_fail(TV_ERROR_FORMAT,
        "%s: tensor \"%s\" has %llu bytes, which is not what its shape and type need",
        container->path, tensor->name, (unsigned long long)(end - begin));
  }
  tensor->place = data_begin + begin;
  return 0;
}

static int read_header(
  weights_container *container, char *header, size_t length, uint64_t file_bytes)
{
  cursor json = {header, header + length, 0};
  char name[LONGEST_NAME + 1];
  expect(&json, '{');
  if (!accept(&json, '}')) {
    do {
      const size_t bytes = read_string(&json, name);
      expect(&json, ':');
      if (json.broken)
        break;
      if (!strcmp(name, "__metadata__")) {
        skip_value(&json, 1);
        continue;
      }
      weights_tensor *tensor = weights_append(container, name, bytes);
      if (!tensor)
        return TV_ERROR_FORMAT;
      const int status =
        read_entry(container, tensor, &json, 8 + (uint64_t)length, file_bytes - 8 - length);
      if (status)
        return status;
    } while (!json.broken && accept(&json, ','));
    expect(&json, '}');
  }
  if (peek(&json) || json.broken) /* padding is blanks */
    return tv_fail(
      TV_ERROR_FORMAT, "%s: the safetensors header is not valid JSON", container->path);
  return 0;
}

static float half_to_float(uint16_t half)
{
  const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
  uint32_t exponent = (half >> 10) & 31u, mantissa = half & 1023u, bits;
  if (exponent == 31) {
    bits = sign | 0x7f800000u | mantissa << 13;
  } else if (exponent) {
    bits = sign | (exponent + 112) << 23 | mantissa << 13;
  } else { /* zero or subnormal: mantissa * 2^-24, exact */
    float value = (float)mantissa * 0x1p-24f;
    memcpy(&bits, &value, 4);
    bits |= sign;
  }
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

static int cut_off(const weights_container *container, const weights_tensor *tensor)
{
  return tv_fail(
    TV_ERROR_FILE, "%s: cannot be read to the end of \"%s\"", container->path, tensor->name);
}

static int read_values(
  weights_container *container, const weights_tensor *tensor, float *values, size_t count)
{
  FILE *file = container->state;
  unsigned char part[8 * 8192];
  const size_t size = number_size(tensor->number);
  if (fseeko(file, (off_t)tensor->place, SEEK_SET))
    return cut_off(container, tensor);
  if (tensor->number == WEIGHTS_FLOAT32)
    return fread(values, sizeof *values, count, file) == count ? 0 : cut_off(container, tensor);
  for (size_t done = 0; done < count;) {
    const size_t some = count - done < 8192 ? count - done : 8192;
    if (fread(part, size, some, file) != some)
      return cut_off(container, tensor);
    for (size_t i = 0; i < some; ++i) {
      const unsigned char *from = part + size * i;
      if (tensor->number == WEIGHTS_FLOAT64) {
        double value;
        memcpy(&value, from, 8);
        values[done + i] = (float)value;
      } else {
        uint16_t value;
        memcpy(&value, from, 2);
        const uint32_t bits = (uint32_t)value << 16;
        if (tensor->number == WEIGHTS_BFLOAT16)
          memcpy(values + done + i, &bits, 4);
        else
          values[done + i] = half_to_float(value);
      }
    }
    done += some;
  }
  return 0;
}

static void close_file(weights_container *container)
{
  fclose(container->state);
}

int weights_open_safetensors(weights_container *container)
{
  unsigned char size[8];
  uint64_t length = 0;
  FILE *file = fopen(container->path, "rb");
  if (!file)
    return tv_fail(TV_ERROR_FILE, "%s: cannot be opened", container->path);
  container->state = file;
  container->read = read_values;
  container->close = close_file;
  if (fseeko(file, 0, SEEK_END))
    return tv_fail(TV_ERROR_FILE, "%s: is not a plain file", container->path);
  const off_t end = ftello(file);
  rewind(file);
  if (end < 8 || fread(size, 1, 8, file) != 8)
    return tv_fail(TV_ERROR_FORMAT, "%s: is too short for a safetensors file", container->path);
  for (int i = 7; i >= 0; --i)
    length = length << 8 | size[i];
  if (length < 2 || length > LONGEST_HEADER || length > (uint64_t)end - 8)
    return tv_fail(TV_ERROR_FORMAT, "%s: is neither an HDF5 nor a safetensors file (or is cut off)",
      container->path);
  char *header = malloc(length);
  if (!header)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory for the header", container->path);
  int status;
  if (fread(header, 1, length, file) != length)
    status = tv_fail(TV_ERROR_FILE, "%s: the header cannot be read", container->path);
  else if (header[0] != '{')
    status =
      tv_fail(TV_ERROR_FORMAT, "%s: is neither an HDF5 nor a safetensors file", container->path);
  else
    status = read_header(container, header, (size_t)length, (uint64_t)end);
  free(header);
  return status;
}
