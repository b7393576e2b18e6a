/* SPDX-License-Identifier: BSD-3-Clause */
/* HDF5 tries a file in a process of its own before it is let at it in ours. Internal.
 *
 * HDF5 1.10 believes much of what a file says, and there are published files that crash it, write
 * past its memory, never end or fill all memory (CVE-2018-13871 and some hundred of its kind). What
 * they have in common is not to be recognised from outside: most of HDF5 would have to be written anew
 * for that. So a program of ours, tensorview-trial, lists the file first by the same code, with limits
 * on processor time, on time and on memory, and with glibc's checking malloc, which ends it where
 * anything was written past its end. Where it does not come to a good end, the file is not opened
 * here, and one sentence says so. Values are not read there: the filters are deflate, shuffle and
 * Fletcher-32.
 *
 * A program and not fork(): a fork of ParaView copies its page tables, of which there may be many,
 * stops OpenBLAS's threads and worries MPI, may never return where another thread held a lock, and
 * has no other malloc, so that it would not see what only spoils memory. It is found in the folder of
 * the library (or program) that this is part of, or from there upwards in LIBDIR/tensorview; where it
 * is not found, files are opened without. It gets the open file itself, not its name, and inherits
 * nothing else.
 *
 * It costs, once for each file that a process opens: 10 ms for the run of an ordinary network, nearly all
 * of which is the start of a program with HDF5; 0.6 s of processor time for 4,096 tensors, which is
 * somewhat more than listing them here. */
#ifndef TV_HDF5_TRIAL_H
#define TV_HDF5_TRIAL_H

/* NULL where HDF5 may be let at a file (a run, a Keras weight file, a .keras), which is open for reading
 * and stays so; else why not: the end of a sentence. Waits for the program. What was tried
 * before is known by its inode, size and time of change; live: it grows, and is known by its inode.
 * In the program itself everything passes. Between tv_enter_hdf5() and tv_leave_hdf5(). */
const char *tv_hdf5_try(int descriptor, int live);

#endif
