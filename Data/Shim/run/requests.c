/* SPDX-License-Identifier: BSD-3-Clause */
/* The trainer's side of requests: what comes out of the ring is checked here. */
#include "request_check.h"
#include "run.h"
#include "status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOST_NAMED 8 /* filters, in a line of the run file */

/* Up to 1,024 numbers, any values: sorted into no table, since filters may be millions. */
static int goes(const tv_request *request, uint32_t before, int32_t filter)
{
  for (uint32_t i = 0; i < before; ++i)
    if (request->filter[i] == filter)
      return 1;
  return 0;
}

int tv_request_check(const tv_request *request, size_t filters)
{
  if (request->kind != TV_REQUEST_MERGE)
    return tv_fail(
      TV_ERROR_ARGUMENT, "what it is asked for, %" PRId32 ", is not known here", request->kind);
  if (filters == 0)
    return tv_fail(TV_ERROR_ARGUMENT,
      "this training has no layer \"%.60s\" whose filters may be merged", request->layer);
  if (request->count < 1 || request->count > TV_MOST_MERGED)
    return tv_fail(TV_ERROR_ARGUMENT, "a request merges 1 to %d filters, not %" PRIu32,
      TV_MOST_MERGED, request->count);
  for (uint32_t i = 0; i < request->count; ++i) {
    const int32_t filter = request->filter[i], into = request->into[i];
    if (filter < 0 || (size_t)filter >= filters || into < 0 || (size_t)into >= filters)
      return tv_fail(TV_ERROR_ARGUMENT,
        "%.60s has filters 0 to %zu: %" PRId32 " cannot be merged into %" PRId32, request->layer,
        filters - 1, filter, into);
    if (goes(request, i, filter))
      return tv_fail(
        TV_ERROR_ARGUMENT, "filter %" PRId32 " of %.60s is to go twice", filter, request->layer);
    if (goes(request, request->count, into))
      return tv_fail(TV_ERROR_ARGUMENT,
        "filter %" PRId32 " of %.60s is to go into %" PRId32 ", which is to go as well", filter,
        request->layer, into);
  }
  return TV_OK;
}

/* How many filters a layer has whose states are declared; 0: none. */
static size_t filters_of(const tv_run *run, const char *layer)
{
  for (int s = 0; s < run->count; ++s)
    if (run->streams[s].tensor < 0 && strcmp(run->streams[s].layer, layer) == 0)
      return run->streams[s].elements;
  return 0;
}

int tv_poll(tv_run *run, tv_request *request)
{
  const int status = tv_run_check(run);
  if (status < 0)
    return status;
  if (!request)
    return tv_fail(TV_ERROR_ARGUMENT, "tv_poll() needs a place for the request, not NULL");
  if (!run->ring || !run->ring->poll)
    return 0;
  if (!run->listens && run->file && run->file->say)
    run->file->say(run->file, "");
  run->listens = 1;
  if (run->ring->poll(run->ring, request) <= 0)
    return 0;
  if (tv_request_check(request, filters_of(run, request->layer)) == TV_OK)
    return 1;
  run->ring->answer(run->ring, request->number, 0, tv_last_error());
  return 0;
}

/* "merge 5 into 3, 7 into 3 of conv1: accepted: conv1 has 14 filters left". line has TV_REQUEST_TEXT
 * bytes, more than this can be; line ends of the sentence become spaces. */
static void write_line(char *line, const tv_request *request, int accepted, const char *sentence)
{
  const uint32_t named = request->count < MOST_NAMED ? request->count : MOST_NAMED;
  int used = snprintf(line, TV_REQUEST_TEXT, "merge");
  for (uint32_t i = 0; i < named; ++i)
    used += snprintf(line + used, (size_t)(TV_REQUEST_TEXT - used), "%s %" PRId32 " into %" PRId32,
      i ? "," : "", request->filter[i], request->into[i]);
  if (named < request->count)
    used += snprintf(line + used, (size_t)(TV_REQUEST_TEXT - used), " and %" PRIu32 " more",
      request->count - named);
  snprintf(line + used, (size_t)(TV_REQUEST_TEXT - used), " of %.*s: %s: %.*s", TV_NAME_LENGTH,
    request->layer, accepted ? "accepted" : "refused", TV_SENTENCE - 1, sentence);
  for (char *at = line; *at; ++at)
    if ((unsigned char)*at < 0x20)
      *at = ' ';
}

int tv_answer(tv_run *run, const tv_request *request, int accepted, const char *sentence)
{
  const int status = tv_run_check(run);
  if (status < 0)
    return status;
  if (!request || !sentence)
    return tv_fail(TV_ERROR_ARGUMENT, "an answer needs a request and a sentence, not NULL");
  if (run->ring && run->ring->answer)
    run->ring->answer(run->ring, request->number, accepted != 0, sentence);
  if (run->file && run->file->say) {
    char line[TV_REQUEST_TEXT];
    write_line(line, request, accepted != 0, sentence);
    run->file->say(run->file, line);
  }
  return TV_OK;
}
