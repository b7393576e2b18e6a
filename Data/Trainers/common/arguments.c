/* SPDX-License-Identifier: BSD-3-Clause */
#include "arguments.h"

#include "status.h"

#include <errno.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int whole(uint64_t *out, const char *text, double least, double most)
{
  char *end;
  errno = 0;
  const unsigned long long value = strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end || errno || (double)value < least || (double)value > most)
    return tv_fail(
      TV_ERROR_ARGUMENT, "%s is not a whole number from %.0f to %.0f", text, least, most);
  *out = value;
  return TV_OK;
}

static int real(double *out, const char *text, double least, double most)
{
  char *end;
  const double value = strtod(text, &end);
  if (end == text || *end || !(value >= least && value <= most))
    return tv_fail(TV_ERROR_ARGUMENT, "%s is not a number from %g to %g", text, least, most);
  *out = value;
  return TV_OK;
}

static int take(const argument *a, const char *text)
{
  int status = TV_OK;
  switch (a->kind) {
  case ARGUMENT_WHOLE:
    status = whole(a->to, text, a->least, a->most);
    break;
  case ARGUMENT_REAL:
    status = real(a->to, text, a->least, a->most);
    break;
  case ARGUMENT_TEXT:
    *(const char **)a->to = text;
    break;
  case ARGUMENT_FLAG:
    *(int *)a->to = 1;
    break;
  case ARGUMENT_CALL:
    status = a->call(a->to, text);
    break;
  }
  return status == TV_OK ? TV_OK : tv_fail(status, "--%s %s", a->name, tv_last_error());
}

int arguments_read(const argument *table, const char *help, int argc, char **argv)
{
  struct option names[ARGUMENTS + 2];
  int count = 0, index = 0, found, status;
  memset(names, 0, sizeof names);
  for (; table[count].name && count < ARGUMENTS; ++count)
    names[count] = (struct option){table[count].name, table[count].kind != ARGUMENT_FLAG, NULL, 1};
  names[count] = (struct option){"help", 0, NULL, 2};
  opterr = 0;
  optind = 0; /* from the beginning, whoever has read options before */
  while ((found = getopt_long(argc, argv, ":", names, &index)) != -1) {
    if (found == 2) {
      fputs(help, stdout);
      return 1;
    }
    if (found == ':')
      return tv_fail(TV_ERROR_ARGUMENT, "%s needs a value", argv[optind - 1]);
    if (found == '?')
      return tv_fail(TV_ERROR_ARGUMENT, "%s is not an option; --help lists them", argv[optind - 1]);
    if ((status = take(&table[index], optarg)) != TV_OK)
      return status;
  }
  if (optind < argc)
    return tv_fail(TV_ERROR_ARGUMENT, "%s is not an option; --help lists them", argv[optind]);
  return TV_OK;
}

int arguments_list(size_t *numbers, size_t *count, size_t most, const char *text)
{
  *count = 0;
  if (strcmp(text, "none") == 0)
    return TV_OK;
  for (const char *at = text;; ++at) {
    char number[24];
    uint64_t value = 0;
    const size_t length = strcspn(at, ",");
    if (*count == most)
      return tv_fail(TV_ERROR_ARGUMENT, "%s has more than %zu numbers", text, most);
    snprintf(number, sizeof number, "%.*s", (int)(length < 23 ? length : 23), at);
    if (whole(&value, number, 1, 0x1p40) != TV_OK)
      return tv_fail(TV_ERROR_ARGUMENT, "%s: \"%s\" is not a whole number from 1 on", text, number);
    numbers[(*count)++] = value;
    at += length;
    if (!*at)
      return TV_OK;
  }
}
