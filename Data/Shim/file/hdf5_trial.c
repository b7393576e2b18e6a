/* SPDX-License-Identifier: BSD-3-Clause */
#include "hdf5_trial.h"

#include "hdf5_objects.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "tensorview-trial"
#define LEVELS_UP 4

extern char **environ;

/* Whether there is the program in a folder; path gets its path. */
static int is_in(char path[PATH_MAX], const char *folder, const char *below)
{
  const int length = snprintf(path, PATH_MAX, "%s/%s" PROGRAM, folder, below);
  return length > 0 && length < PATH_MAX && access(path, X_OK) == 0;
}

/* Beside what this code is part of, or in a folder for programs of libraries above it. */
static int find(char path[PATH_MAX])
{
  char folder[PATH_MAX];
  Dl_info here;
  if (!dladdr((void *)(uintptr_t)find, &here) || !here.dli_fname ||
      !realpath(here.dli_fname[0] == '/' ? here.dli_fname : "/proc/self/exe", folder))
    return 0;
  for (int level = 0; level < LEVELS_UP; ++level) {
    char *end = strrchr(folder, '/');
    if (!end || end == folder)
      return 0;
    *end = 0;
    if ((level == 0 && is_in(path, folder, "")) ||
        is_in(path, folder, TENSORVIEW_TRIAL_FOLDER "/") || is_in(path, folder, "tensorview/"))
      return 1;
  }
  return 0;
}

static const char *program(void)
{
  static char path[PATH_MAX];
  static int looked;
  if (!looked)
    looked = find(path) ? 1 : -1;
  return looked > 0 ? path : NULL;
}

/* Files that were tried, and are good. */
typedef struct tried
{
  dev_t device;
  ino_t inode;
  off_t size; /* -1: it grows */
  struct timespec changed;
} tried;

static tried known[64];
static unsigned known_count;

static int identify(tried *file, int descriptor, int live)
{
  struct stat info;
  memset(file, 0, sizeof *file);
  if (fstat(descriptor, &info) != 0)
    return 0;
  file->device = info.st_dev;
  file->inode = info.st_ino;
  file->size = live ? -1 : info.st_size;
  if (!live)
    file->changed = info.st_mtim;
  return 1;
}

static int is_known(const tried *file)
{
  for (unsigned k = 0; k < sizeof known / sizeof *known; ++k)
    if (known[k].inode == file->inode && known[k].device == file->device &&
        known[k].size == file->size && known[k].changed.tv_sec == file->changed.tv_sec &&
        known[k].changed.tv_nsec == file->changed.tv_nsec)
      return 1;
  return 0;
}

/* Ours, and a checking malloc. The caller frees the list, and nothing in it. */
static char **make_environment(void)
{
  static char *const more[] = {
    "LD_PRELOAD=libc_malloc_debug.so.0", "MALLOC_CHECK_=3", "MALLOC_PERTURB_=85"};
  const size_t count = sizeof more / sizeof *more;
  size_t n = 0;
  while (environ && environ[n])
    ++n;
  char **list = calloc(n + count + 1, sizeof *list);
  size_t used = 0;
  for (size_t k = 0; list && k < n; ++k)
    if (strncmp(environ[k], "LD_PRELOAD=", 11) != 0 && strncmp(environ[k], "MALLOC_", 7) != 0)
      list[used++] = environ[k];
#ifndef __SANITIZE_ADDRESS__ /* which has a malloc of its own */
  for (size_t k = 0; list && k < count; ++k)
    list[used++] = more[k];
#endif
  return list;
}

/* Starts the program on a file; its number, or -1. answer is its standard output. */
static pid_t start(const char *path, int descriptor, int answer)
{
  char name[] = PROGRAM, *arguments[] = {name, NULL};
  char **environment = make_environment();
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  pid_t child = -1;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  const int good = environment && posix_spawn_file_actions_adddup2(&actions, descriptor, 0) == 0 &&
                   posix_spawn_file_actions_adddup2(&actions, answer, 1) == 0 &&
                   posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0) == 0 &&
                   posix_spawn_file_actions_addclosefrom_np(&actions, 3) == 0 &&
                   posix_spawn(&child, path, &actions, &attributes, arguments, environment) == 0;
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  free(environment);
  return good ? child : -1;
}

/* What the program says: a letter, or 0 where it ended without. */
static char hear(int answer)
{
  char letter = 0;
  ssize_t got;
  do
    got = read(answer, &letter, 1);
  while (got < 0 && errno == EINTR);
  return got == 1 ? letter : 0;
}

/* How it ended, where it said nothing. */
static const char *judge(int status)
{
  if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGALRM))
    return "HDF5 comes to no end with it: it is damaged, or made to do harm";
  return "HDF5 crashes over it: it is damaged, or made to do harm";
}

/* 1 and *why (NULL: it is good), or 0 where the program cannot be run. */
static int run(const char *path, int descriptor, const char **why)
{
  int ends[2], status = 0;
  if (pipe2(ends, O_CLOEXEC) != 0)
    return 0;
  const pid_t child = start(path, descriptor, ends[1]);
  close(ends[1]);
  const char letter = child > 0 ? hear(ends[0]) : 0;
  close(ends[0]);
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  if (letter == 'm')
    *why =
      "HDF5 asks for more memory over it than any file needs: it is damaged, or made to do harm";
  else
    *why = letter == 'g' ? NULL : judge(status);
  return child > 0 && !(WIFEXITED(status) && WEXITSTATUS(status) == 127);
}

const char *tv_hdf5_try(int descriptor, int live)
{
  const char *path = tv_hdf5_watch ? NULL : program(), *why = NULL;
  tried file;
  const int identified = identify(&file, descriptor, live);
  if (!path || (identified && is_known(&file)) || !run(path, descriptor, &why))
    return NULL;
  if (!why && identified)
    known[known_count++ % (sizeof known / sizeof *known)] = file;
  return why;
}
