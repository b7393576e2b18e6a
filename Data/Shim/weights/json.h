/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON from files that are not trusted, by libjansson: C, 100 kB, long kept, in Debian; it takes
 * lengths, keeps integers of 64 bits and the order of keys, and refuses a key that stands twice. */
#ifndef TV_JSON_H
#define TV_JSON_H

#include <jansson.h>
#include <stdint.h>

/* Parses length bytes. what names them in the sentence: "the safetensors header". At most 16 deep
 * and 2 million values, so that a small file makes no large heap. NULL after a failure;
 * otherwise json_decref() frees it. */
json_t *tv_json_parse(const char *text, size_t length, const char *path, const char *what);

/* A list of whole numbers from 0: how many, or -1 where it is none, or has more than most. */
int tv_json_numbers(uint64_t *numbers, json_t *list, size_t most);

#endif
