/* SPDX-License-Identifier: BSD-3-Clause */
/* The viewer's side of requests: asks a training by the name of its ring, and waits. */
#include "request_check.h"
#include "ring_reader_state.h"
#include "tensorview/request.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct tv_asking
{
  tv_ring_reader *reader; /* of the segment, and no reader of steps */
  size_t offset;          /* of the request */
  uint64_t number;
  uint32_t polls; /* when it was asked */
  int locked, answered;
};

/* One that is not the last one's, and not 0. */
static uint64_t new_number(void)
{
  uint64_t number = 0;
  if (getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number)
    number = (uint64_t)tv_clock();
  return number | 1;
}

static size_t filters_of(const tv_ring_reader *reader, const char *layer)
{
  for (size_t i = 0; i < reader->layer_count; ++i)
    if (strncmp(reader->layers[i].layer, layer, TV_NAME_LENGTH) == 0)
      return reader->layers[i].filters;
  return 0;
}

/* Whether somebody is there to be asked, and nobody else is asking. */
static int find_listener(tv_asking *asking)
{
  const tv_ring_reader *reader = asking->reader;
  asking->offset = reader->control->requests_offset;
  if (asking->offset == 0)
    return tv_fail(TV_ERROR_VERSION,
      "the training \"%s\" was built with an older TensorView, which takes no requests",
      reader->name);
  const size_t bytes = sizeof(tv_ring_request) + sizeof(tv_ring_answer);
  if (asking->offset % 8 != 0 || bytes > reader->bytes || asking->offset > reader->bytes - bytes)
    return tv_fail(
      TV_ERROR_FORMAT, "ring \"%s\" is damaged: its requests do not fit it", reader->name);
  if (atomic_load(&reader->control->state) == TV_RING_CLOSED)
    return tv_fail(TV_ERROR_STATE, "the training \"%s\" has ended", reader->name);
  asking->polls = atomic_load(&reader->control->polls);
  if (asking->polls == 0)
    return tv_fail(TV_ERROR_STATE,
      "the training \"%s\" does not listen: its trainer has not asked for requests (tv_poll)",
      reader->name);
  if (tv_reader_lock(reader->file, TV_RING_ASKER) < 0)
    return tv_fail(
      TV_ERROR_STATE, "another viewer is asking the training \"%s\" just now", reader->name);
  asking->locked = 1;
  return TV_OK;
}

static int leave_request(tv_asking *asking, const tv_request *request)
{
  tv_ring_request there = {.kind = request->kind, .count = request->count};
  memcpy(there.layer, request->layer, sizeof there.layer - 1);
  memcpy(there.filter, request->filter, sizeof there.filter);
  memcpy(there.into, request->into, sizeof there.into);
  const tv_ring_reader *reader = asking->reader;
  if (tv_segment_write(reader->file, asking->offset, &there, sizeof there) < 0 ||
      !tv_ring_reader_whole(reader))
    return tv_fail(TV_ERROR_STATE, "ring \"%s\": another program has cut it off", reader->name);
  asking->number = new_number();
  atomic_store(&reader->control->asked, asking->number);
  return TV_OK;
}

int tv_ask(tv_asking **result, const char *channel, const tv_request *request)
{
  if (!result)
    return tv_fail(TV_ERROR_ARGUMENT, "tv_ask() needs a place for what it begins, not NULL");
  *result = NULL;
  if (!channel || !request || !memchr(request->layer, 0, sizeof request->layer))
    return tv_fail(TV_ERROR_ARGUMENT, "asking needs a channel, a request and a layer");
  tv_asking *asking = calloc(1, sizeof *asking);
  if (asking)
    asking->reader = calloc(1, sizeof *asking->reader);
  if (!asking || !asking->reader) {
    free(asking);
    return tv_fail(TV_ERROR_MEMORY, "no memory left to ask the training \"%s\"", channel);
  }
  int status = tv_ring_reader_open(asking->reader, channel);
  if (status == TV_OK)
    status = tv_request_check(request, filters_of(asking->reader, request->layer));
  if (status == TV_OK)
    status = find_listener(asking);
  if (status == TV_OK)
    status = leave_request(asking, request);
  if (status == TV_OK)
    *result = asking;
  else
    tv_asking_end(asking);
  return status;
}

/* The answer where it is one to this request, as a line of text that may be shown. */
static int read_answer(tv_asking *asking, char *text, size_t size)
{
  tv_ring_answer answer;
  if (tv_segment_read(asking->reader->file, asking->offset + sizeof(tv_ring_request), &answer,
        sizeof answer) < 0 ||
      answer.number != asking->number)
    return TV_ERROR_TIMEOUT;
  answer.sentence[sizeof answer.sentence - 1] = 0;
  for (char *at = answer.sentence; *at; ++at)
    if ((unsigned char)*at < 0x20 || *at == 0x7f)
      *at = ' ';
  if (text && size > 0) {
    const size_t length = strnlen(answer.sentence, size - 1);
    memcpy(text, answer.sentence, length);
    text[length] = 0;
  }
  asking->answered = 1;
  return answer.accepted == 1;
}

int tv_asking_answer(tv_asking *asking, double seconds, char *text, size_t size)
{
  if (!asking || !(seconds >= 0))
    return tv_fail(
      TV_ERROR_ARGUMENT, "waiting for an answer needs a request, and 0 seconds or more");
  tv_ring_reader *reader = asking->reader;
  const int64_t end = tv_clock() + (int64_t)((seconds < 1e6 ? seconds : 1e6) * 1e9);
  for (;;) {
    if (!tv_ring_reader_whole(reader))
      return tv_fail(TV_ERROR_STATE, "ring \"%s\": another program has cut it off", reader->name);
    const uint32_t answers = atomic_load(&reader->control->answers);
    const int over = atomic_load(&reader->control->state) == TV_RING_CLOSED ||
                     tv_segment_stale(reader->file); /* before looking: no answer comes after it */
    if (atomic_load(&reader->control->answered) == asking->number) {
      const int status = read_answer(asking, text, size);
      if (status >= 0)
        return status;
    }
    if (over)
      return tv_fail(
        TV_ERROR_STATE, "the training \"%s\" has ended without an answer", reader->name);
    const int64_t rest = end - tv_clock();
    if (rest <= 0)
      return tv_fail(TV_ERROR_TIMEOUT,
        atomic_load(&reader->control->polls) == asking->polls
          ? "the training \"%s\" has not looked for requests since; it may be busy"
          : "the training \"%s\" has not answered yet",
        reader->name);
    tv_futex_wait(&reader->control->answers, answers, rest < 100000000 ? rest : 100000000);
  }
}

void tv_asking_end(tv_asking *asking)
{
  if (!asking)
    return;
  tv_ring_reader *reader = asking->reader;
  if (asking->locked) {
    uint64_t number = asking->number;
    if (!asking->answered && tv_ring_reader_whole(reader))
      atomic_compare_exchange_strong(&reader->control->asked, &number, 0);
    tv_reader_unlock(reader->file, TV_RING_ASKER);
  }
  tv_ring_reader_detach(reader);
  free(asking);
}
