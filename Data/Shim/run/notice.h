/* SPDX-License-Identifier: BSD-3-Clause */
/* A line for the user where no return code would reach one. Internal. */
#ifndef TV_NOTICE_H
#define TV_NOTICE_H

/* "tensorview: " and the sentence on standard error; never a signal, whoever reads there. */
void tv_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
