/* SPDX-License-Identifier: BSD-3-Clause */
#include "weights_series.h"
#include "names.h"
#include "status.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum
{
  MOST_FILES = 10000,
  GROUPS = 8 /* numbers in a name that are looked at */
};

void tv_weights_paths_free(tv_weights_paths *files)
{
  for (size_t i = 0; i < files->count; ++i)
    free(files->paths[i]);
  free(files->paths);
  memset(files, 0, sizeof *files);
}

static int add(tv_weights_paths *files, const char *folder, const char *name, const char *more)
{
  if (files->count == MOST_FILES)
    return tv_fail(TV_ERROR_FORMAT, "%s: more than %d files", folder, MOST_FILES);
  char **longer = realloc(files->paths, (files->count + 1) * sizeof *longer);
  if (longer)
    files->paths = longer;
  const size_t length = strlen(folder) + strlen(name) + strlen(more) + 3;
  char *path = longer ? malloc(length) : NULL;
  if (!path)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", folder);
  snprintf(path, length, "%s%s%s%s%s", folder, *name ? "/" : "", name, *more ? "/" : "", more);
  files->paths[files->count++] = path;
  return 0;
}

/* The file that is the checkpoint in a folder "at/name", or NULL. */
static const char *checkpoint_in(const char *at, const char *name)
{
  static const char *const known[] = {
    "model.safetensors.index.json", "model.safetensors", "pytorch_model.bin", "model.json"};
  struct stat about;
  char path[4096];
  for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i) {
    const int length =
      snprintf(path, sizeof path, "%s%s%s/%s", at, *name ? "/" : "", name, known[i]);
    if (length < (int)sizeof path && stat(path, &about) == 0 && S_ISREG(about.st_mode) &&
        (strcmp(known[i], "model.json") != 0 || tv_weights_recognise(path)))
      return known[i];
  }
  return NULL;
}

static int is_weights(const char *name)
{
  static const char *const known[] = {
    ".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".h5", ".keras", ".npz", ".npy", ".onnx"};
  const size_t length = strlen(name);
  for (size_t i = 0; i < sizeof known / sizeof known[0]; ++i) {
    const size_t end = strlen(known[i]);
    if (length > end && strcasecmp(name + length - end, known[i]) == 0)
      return 1;
  }
  return 0;
}

static int add_folder(tv_weights_paths *files, const char *folder)
{
  struct dirent *entry;
  struct stat about;
  char path[4096];
  int status = 0;
  const size_t before = files->count;
  const char *checkpoint = checkpoint_in(folder, "");
  if (checkpoint)
    return add(files, folder, checkpoint, "");
  DIR *open = opendir(folder);
  if (!open)
    return tv_fail(TV_ERROR_FILE, "%s: cannot be opened: %s", folder, strerror(errno));
  while (status == 0 && (entry = readdir(open)) != NULL) {
    const char *name = entry->d_name;
    if (*name == '.' || snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path ||
        stat(path, &about) != 0)
      continue;
    checkpoint = S_ISDIR(about.st_mode) ? checkpoint_in(folder, name) : NULL;
    if (checkpoint)
      status = add(files, folder, name, checkpoint);
    else if (S_ISREG(about.st_mode) && is_weights(name) && tv_weights_recognise(path))
      status = add(files, folder, name, "");
  }
  closedir(open);
  if (status == 0 && files->count == before)
    status = tv_fail(TV_ERROR_FORMAT, "%s: is a folder without a weight file", folder);
  return status;
}

static int by_name(const void *a, const void *b)
{
  return tv_names_compare(*(char *const *)a, *(char *const *)b);
}

int tv_weights_expand(tv_weights_paths *files, const char *const *paths, size_t count)
{
  struct stat about;
  int status = 0;
  memset(files, 0, sizeof *files);
  for (size_t i = 0; status == 0 && i < count; ++i)
    status = stat(paths[i], &about) == 0 && S_ISDIR(about.st_mode) ? add_folder(files, paths[i])
                                                                   : add(files, paths[i], "", "");
  if (status) {
    tv_weights_paths_free(files);
    return status;
  }
  qsort(files->paths, files->count, sizeof *files->paths, by_name);
  size_t kept = 0;
  for (size_t i = 0; i < files->count; ++i)
    if (kept && strcmp(files->paths[kept - 1], files->paths[i]) == 0)
      free(files->paths[i]);
    else
      files->paths[kept++] = files->paths[i];
  files->count = kept;
  return 0;
}

/* The names of the file and of its folder. */
static const char *names_of(const char *path)
{
  const char *last = strrchr(path, '/');
  if (!last)
    return path;
  while (last > path && last[-1] != '/')
    --last;
  return last;
}

static int64_t number_at(const char *digits)
{
  const size_t length = strspn(digits, "0123456789");
  return length && length <= 18 ? strtoll(digits, NULL, 10) : -1;
}

/* The number after "step" or another word for it, the last of them; -1 where there is none. */
static int64_t after_step(const char *path)
{
  static const char *const words[] = {"steps", "step", "checkpoint", "ckpt", "iter"};
  int64_t number = -1;
  for (const char *at = names_of(path); *at; ++at)
    for (size_t i = 0; i < sizeof words / sizeof words[0]; ++i) {
      const size_t length = strlen(words[i]);
      if (strncasecmp(at, words[i], length) != 0)
        continue;
      const char *digits = at + length + strspn(at + length, "=_-. ");
      if (number_at(digits) >= 0)
        number = number_at(digits);
    }
  return number;
}

/* The number that is the which-th from the end; -1 where there are not so many. */
static int64_t number_from_end(const char *path, size_t which)
{
  int64_t found[GROUPS];
  size_t count = 0;
  for (const char *at = names_of(path); *at;) {
    const size_t length = strspn(at, "0123456789");
    if (length) {
      if (count == GROUPS) {
        memmove(found, found + 1, (GROUPS - 1) * sizeof *found);
        --count;
      }
      found[count++] = number_at(at);
    }
    at += length ? length : 1;
  }
  return which < count ? found[count - 1 - which] : -1;
}

/* A file beside its step. */
typedef struct dated
{
  tv_weights *file;
  int64_t step;
} dated;

static int by_step(const void *a, const void *b)
{
  const dated *x = a, *y = b;
  return (x->step > y->step) - (x->step < y->step);
}

/* The step of a file by one of the ways above; -1 where it has none. */
static int64_t step_by(const tv_weights *file, size_t way, size_t place)
{
  const char *path = file->files[0].path;
  if (way == 0)
    return file->step_is_epoch ? -1 : file->step;
  if (way == 1)
    return after_step(path);
  if (way < 2 + GROUPS)
    return number_from_end(path, way - 2);
  if (way == 2 + GROUPS)
    return file->step;
  return (int64_t)place;
}

int tv_weights_sort(tv_weights **files, int64_t *steps, size_t count)
{
  dated *order = malloc((count + 1) * sizeof *order);
  if (!order)
    return tv_fail(TV_ERROR_MEMORY, "%s: no memory", files[0]->files[0].path);
  int good = 0;
  for (size_t way = 0; !good; ++way) {
    if (count == 1 && way == 2)
      way = 2 + GROUPS; /* a single number says nothing: resnet18.pt */
    good = 1;
    for (size_t i = 0; i < count; ++i) {
      order[i] = (dated){files[i], step_by(files[i], way, i)};
      good &= order[i].step >= 0;
    }
    qsort(order, count, sizeof *order, by_step);
    for (size_t i = 1; good && i < count; ++i)
      good = order[i - 1].step < order[i].step;
  }
  for (size_t i = 0; i < count; ++i) {
    files[i] = order[i].file;
    steps[i] = order[i].step;
  }
  free(order);
  return 0;
}
