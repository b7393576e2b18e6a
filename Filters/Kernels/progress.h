/* How a long computation tells how far it is, and is told to stop. */
#ifndef TV_PROGRESS_H
#define TV_PROGRESS_H

/* done is between 0 and 1. Return 0 to go on; anything else ends the computation soon, with
 * TV_ERROR_CANCELLED. Called by the thread that called the kernel and by no other, so that it may
 * touch a user interface; not more often than every few milliseconds of work. */
typedef int (*tv_progress)(void *context, double done);

#endif
