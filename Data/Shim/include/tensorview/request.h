/* SPDX-License-Identifier: BSD-3-Clause */
/* TensorView: what a viewer asks a training for while it goes on, and what the trainer answers.
 *
 * A run with a channel (tensorview/ring.h) carries requests back. The trainer listens with one call
 * at each step, does what it was asked for or refuses, and says so in a sentence:
 *
 *   tv_request request;
 *   if (tv_poll(run, &request) == 1) {
 *     ... merge request.filter[i] of request.layer into request.into[i], or do not ...
 *     tv_answer(run, &request, 1, "conv1 has 14 filters left");
 *   }
 *
 * A viewer asks by the name of the channel, and waits for the answer:
 *
 *   tv_asking *asking;
 *   char answer[TV_SENTENCE];
 *   if (tv_ask(&asking, "lenet", &request) == 0)
 *     int accepted = tv_asking_answer(asking, 10.0, answer, sizeof answer);
 *   tv_asking_end(asking);
 *
 * A request is no more than that. What tv_poll() hands out was copied and checked: a known kind, a
 * layer of this run with states of its filters (tv_declare_filters()), every number one of its
 * filters, none twice, none into one that goes itself. Anything else is refused for the trainer.
 * Whether those filters are still there is the trainer's to know. What it did stands in the run as
 * the states of the filters (tv_write_filters()); what it was asked for and what it answered stand
 * in the run file in words (tv_source_read_request()). */
#ifndef TENSORVIEW_REQUEST_H
#define TENSORVIEW_REQUEST_H

#include "tensorview/types.h"

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tv_run;

/* What may be asked for. */
typedef enum tv_request_kind
{
  TV_REQUEST_MERGE = 1 /* let the filters into[] stand in for the filters filter[] */
} tv_request_kind;

enum
{
  TV_MOST_MERGED = 1024, /* filters in one request */
  TV_SENTENCE = 512,     /* bytes of an answer, its final 0 included */
  TV_REQUEST_TEXT = 2048 /* bytes of what a run file has of the requests of a step, a 0 included */
};

typedef struct tv_request
{
  uint64_t number; /* tv_poll() sets it; a viewer leaves it alone */
  int32_t kind;    /* tv_request_kind */
  uint32_t count;  /* of filters that are to go: 1 to TV_MOST_MERGED */
  char layer[TV_NAME_LENGTH + 1];
  int32_t filter[TV_MOST_MERGED]; /* [count], each once; filters count as they were declared */
  int32_t into[TV_MOST_MERGED];   /* [count], none of those that go */
  uint64_t reserved[8];           /* 0 */
} tv_request;

/* The trainer's side. 1: there is a request, and it is in *request; 0: there is none, or the run has
 * no channel; or a negative tv_status. Takes a microsecond where there is none, and some where there
 * is one, whatever stands in the memory. The one that polls is listening: until the first call
 * viewers are told that nobody does. A request whose viewer is gone is not handed out. */
TV_API int tv_poll(struct tv_run *run, tv_request *request);

/* Answers it: accepted (1) or refused (0), and a sentence that the viewer shows, cut off where it is
 * longer than TV_SENTENCE. The run file gets both as a line of the step that is being written, or of
 * the next where none is. */
TV_API int tv_answer(
  struct tv_run *run, const tv_request *request, int accepted, const char *sentence);

/* The viewer's side. */
typedef struct tv_asking tv_asking;

/* Leaves the request for the training of that channel. On failure *asking is NULL, and nothing was
 * asked: TV_ERROR_STATE where nobody listens or another viewer is asking, TV_ERROR_VERSION where the
 * training was built with a library that takes no requests, TV_ERROR_ARGUMENT for a request that
 * would be refused unseen, and what attaching to a ring says. */
TV_API int tv_ask(tv_asking **asking, const char *channel, const tv_request *request);

/* Waits for the answer: 1 accepted, 0 refused, and the sentence in answer; TV_ERROR_TIMEOUT where
 * there is none yet (ask again), TV_ERROR_STATE where the training has ended. */
TV_API int tv_asking_answer(tv_asking *asking, double seconds, char *answer, size_t size);

/* Lets go of it; what was not answered is withdrawn, unless the trainer is at it. NULL is allowed. */
TV_API void tv_asking_end(tv_asking *asking);

#ifdef __cplusplus
}
#endif
#endif
