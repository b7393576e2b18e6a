/* SPDX-License-Identifier: BSD-3-Clause */
/* Threads for summing a batch, as many as the system gives. Internal. */
#ifndef TV_SPARE_THREADS_H
#define TV_SPARE_THREADS_H

/* As many threads as may work together now: wanted (0: what OpenMP would use), or fewer where the
 * system refuses threads, at a limit of the user or of the container. OpenMP ends the process where
 * it does. Looks at most once a second, and takes some 20 us for each thread then. */
int tv_threads_to_be_had(int wanted);

#endif
