/* SPDX-License-Identifier: BSD-3-Clause */
/* How many threads work. */
#ifndef TV_EXECUTION_H
#define TV_EXECUTION_H

#include "tensorview/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The threads that an execution allows: 1 for NULL, what OpenMP would use for 0, at least 1. */
int tv_execution_threads(const tv_execution *execution);

/* Calls an execution's progress, where it has one. Returns whether to stop. */
int tv_execution_report(const tv_execution *execution, double done);

/* What OpenMP would use, divided by the number of processes that share this machine, at least 1.
 * It is not divided where OMP_NUM_THREADS says a number, or where this process is bound to a part
 * of the machine already. processes: of this job; how many of them are here is taken from the
 * environment of the usual MPI launchers, and otherwise it is all of them. */
int tv_threads(int processes);

/* How many threads are worth starting at this moment: no more than most, nor than processors are
 * idle, and at least 1. Work that is shared is done when the last thread is done, and one that has
 * to wait for a processor takes longer than doing without it. Where the system does not tell how
 * busy it is (it does on Linux, /proc/loadavg), most. */
int tv_idle_threads(int most);

/* For tests and benchmarks, which want threads on a busy machine, too: 1 makes tv_idle_threads()
 * return most, 0 ends that. Not while kernels run. */
void tv_assume_idle(int yes);

#ifdef __cplusplus
}
#endif
#endif
