/* JSON from files that are not trusted, by libjansson: C, 100 kB, long kept, in Debian; it takes
 * lengths, keeps integers of 64 bits and the order of keys, and refuses a key that stands twice. */
#ifndef TV_JSON_H
#define TV_JSON_H

#include <jansson.h>

/* Parses length bytes. what names them in the sentence: "the safetensors header". At most 16 deep
 * and 2 million values, so that a small file makes no large heap. NULL after a failure;
 * otherwise json_decref() frees it. */
json_t *tv_json_parse(const char *text, size_t length, const char *path, const char *what);

#endif
