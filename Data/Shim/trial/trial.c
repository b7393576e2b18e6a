/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether HDF5 comes through a file: hdf5_trial.h says why, and who starts this.
 *
 *   tensorview-trial <FILE
 *
 * Lists a run file, a Keras weight file or the one in a .keras as the readers do, and looks at all
 * indices of chunks, within limits; writes one letter: "g" where HDF5 has come through, however
 * damaged the file is; "m" where it asked for too much memory. Nothing where it crashed, or where
 * time was up. */
#include "hdf5_objects.h"
#include "run_file.h"
#include "weights.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* Far more than a run of 4,096 tensors needs (0.5 s), and for large files a second for each so many
 * bytes. The clock has more: disks are slow, and machines busy. */
#define SECONDS 20
#define BYTES_PER_SECOND ((rlim_t)32 << 20)
#define CLOCK 3

/* HDF5 itself needs little; steps of all records, which are read at once, are part of the file. */
#define MEMORY ((rlim_t)2 << 30)
#define TIMES_FILE 2

static const char path[] = "/proc/self/fd/0";
static int no_memory;

static herr_t look_at_error(unsigned level, const H5E_error2_t *error, void *context)
{
  (void)level, (void)context;
  no_memory = no_memory || error->min_num == H5E_NOSPACE || error->min_num == H5E_CANTALLOC;
  return 0;
}

/* HDF5 calls it for each of its functions that fails. That it could not allocate something it says for
 * other reasons, too. */
static herr_t look_at_failure(hid_t stack, void *context)
{
  const int was_asked = errno == ENOMEM;
  errno = 0;
  return was_asked ? H5Ewalk2(stack, H5E_WALK_UPWARD, look_at_error, context) : 0;
}

static void set_limits(void)
{
  struct stat info;
  const rlim_t bytes = fstat(STDIN_FILENO, &info) == 0 ? (rlim_t)info.st_size : 0;
  const rlim_t seconds = SECONDS + bytes / BYTES_PER_SECOND;
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  setrlimit(RLIMIT_CPU, &(struct rlimit){seconds, seconds + 1}); /* SIGXCPU, not SIGKILL */
  alarm((unsigned)(CLOCK * seconds));
#ifndef __SANITIZE_ADDRESS__ /* which asks for all addresses at once */
  const rlim_t memory = MEMORY + TIMES_FILE * bytes;
  setrlimit(RLIMIT_AS, &(struct rlimit){memory, memory});
#endif
}

/* Whether it is a run file. */
static int try_run(void)
{
  tv_run_file *run;
  const tv_hdf5_scope scope = tv_enter_hdf5();
  const int status = tv_run_file_open(&run, path);
  if (status == TV_OK)
    tv_run_file_close(run);
  tv_leave_hdf5(scope);
  return status == TV_OK;
}

int main(void)
{
  tv_weights *weights = NULL;
  set_limits();
  tv_hdf5_watch = look_at_failure;
  if (!try_run() && tv_weights_open(&weights, path) == 0)
    tv_weights_close(weights);
  H5close(); /* all memory is given back, and so looked at */
  const char letter = no_memory ? 'm' : 'g';
  _exit(write(STDOUT_FILENO, &letter, 1) == 1 ? 0 : 1);
}
