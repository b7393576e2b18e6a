/* SPDX-License-Identifier: BSD-3-Clause */
#include "part_names.h"

#include "status.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char EXTENSION[] = ".tvh5";

/* Where the extension begins, or the path ends. */
static size_t stem_length(const char *path)
{
  const size_t length = strlen(path), extension = sizeof EXTENSION - 1;
  return length > extension && strcmp(path + length - extension, EXTENSION) == 0
           ? length - extension
           : length;
}

char *tv_part_path(const char *path, int number)
{
  const size_t stem = stem_length(path), size = strlen(path) + 24;
  char *result = malloc(size);
  if (result && number == 0)
    strcpy(result, path);
  else if (result)
    snprintf(result, size, "%.*s.part%d%s", (int)stem, path, number, path + stem);
  return result;
}

/* Removes what stands there, or says that it must not be. */
static int clear(const char *path, int overwrite)
{
  struct stat existing;
  if (lstat(path, &existing) != 0)
    return TV_OK;
  if (!overwrite)
    return tv_fail(
      TV_ERROR_FILE, "\"%.200s\" exists already, and overwrite was not asked for", path);
  if (!S_ISREG(existing.st_mode))
    return tv_fail(TV_ERROR_FILE, "\"%.200s\" exists and is not a plain file", path);
  if (unlink(path) != 0 && errno != ENOENT)
    return tv_fail(TV_ERROR_FILE, "\"%.200s\" cannot be replaced: %s", path, strerror(errno));
  return TV_OK;
}

/* The number in "<stem>.part<number><extension>"; 0 where the name is no such. */
static int part_number(const char *name, const char *stem, size_t length, const char *extension)
{
  int number = 0;
  if (strncmp(name, stem, length) != 0 || strncmp(name + length, ".part", 5) != 0)
    return 0;
  const char *at = name + length + 5;
  if (*at < '1' || *at > '9')
    return 0;
  for (; *at >= '0' && *at <= '9' && number < 100000000; ++at)
    number = 10 * number + (*at - '0');
  return strcmp(at, extension) == 0 ? number : 0;
}

int tv_clear_the_way(const char *path, int overwrite)
{
  int status = clear(path, overwrite);
  const char *slash = strrchr(path, '/');
  const char *name = slash ? slash + 1 : path;
  char *folder = slash ? strndup(path, (size_t)(name - path)) : strdup(".");
  DIR *entries = folder ? opendir(folder) : NULL;
  const size_t stem = stem_length(name);
  for (const struct dirent *entry; status == TV_OK && entries && (entry = readdir(entries));) {
    const int number = part_number(entry->d_name, name, stem, name + stem);
    char *part = number > 0 ? tv_part_path(path, number) : NULL;
    if (part)
      status = clear(part, overwrite);
    free(part);
  }
  if (entries)
    closedir(entries);
  free(folder);
  return status; /* a folder that cannot be listed: creating a part then refuses what is there */
}

/* The folder's own entry. */
static void settle_name(const char *path)
{
  const char *slash = strrchr(path, '/');
  char *folder = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
  const int descriptor = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
  if (descriptor >= 0) {
    fsync(descriptor); /* where a file system cannot, its files' own promise is all there is */
    close(descriptor);
  }
  free(folder);
}

int tv_create_file(int *descriptor, const char *path, int durable)
{
  *descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (*descriptor < 0 && errno == EEXIST)
    return tv_fail(TV_ERROR_FILE, "\"%.200s\" exists already", path);
  if (*descriptor < 0)
    return tv_fail(TV_ERROR_FILE, "\"%.200s\" cannot be created: %s", path, strerror(errno));
  if (durable)
    settle_name(path);
  return TV_OK;
}
