/* How many threads one process of several may use. */
#ifndef TV_THREADS_H
#define TV_THREADS_H

#ifdef __cplusplus
extern "C" {
#endif

/* What OpenMP would use, divided by the number of processes that share this machine, at least 1.
 * It is not divided where OMP_NUM_THREADS says a number, or where this process is bound to a part
 * of the machine already. processes: of this job; how many of them are here is taken from the
 * environment of the usual MPI launchers, and otherwise it is all of them. */
int tv_threads(int processes);

#ifdef __cplusplus
}
#endif
#endif
