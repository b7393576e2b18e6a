# SPDX-License-Identifier: BSD-3-Clause
"""What a viewer asks a training for while it goes on: to merge filters.

The trainer listens, at each step:

    request = run.poll()
    if request is not None:
        ... merge the filters request.merges of request.layer, or do not ...
        request.accept("conv1 has 14 filters left")

and somebody asks, from another process:

    accepted, sentence = tensorview.ask_merge("lenet", "conv1", {5: 3})
"""

from __future__ import annotations

import ctypes
import time
from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional, Union

from ._library import (
    ARGUMENT, MERGE, MOST_MERGED, NAME_LENGTH, SENTENCE, TIMEOUT, TensorViewError, check, library,
)
from ._library import Request as CRequest

RING = "ring:"
LOOK = 0.2  # seconds between two looks at an answer: Ctrl+C is heard between them


class Request:
    """What is asked for: merges says of each filter of layer that is to go, into which. It was checked:
    both are filters of the layer, and none is merged into one that goes. Whether they are still there
    is yours to know."""

    def __init__(self, run: Any, asked: CRequest):
        self._run, self._asked = run, asked
        self.layer: str = asked.layer.decode(errors="replace")
        self.merges: Dict[int, int] = dict(zip(asked.filter[: asked.count], asked.into[: asked.count]))

    def accept(self, sentence: str) -> None:
        """It was done. The viewer shows the sentence."""
        self._answer(1, sentence)

    def refuse(self, sentence: str) -> None:
        """It was not done, and why."""
        self._answer(0, sentence)

    def _answer(self, accepted: int, sentence: str) -> None:
        run = self._run
        with run._lock:
            if run._handle:
                asked = ctypes.byref(self._asked)
                check(library.tv_answer(run._handle, asked, accepted, sentence.encode()))


def poll(run: Any) -> Optional[Request]:
    """What Run.poll() does."""
    asked = CRequest()
    found = check(library.tv_poll(run._handle, ctypes.byref(asked)))
    return Request(run, asked) if found else None


class Answer(NamedTuple):
    """What a trainer said: whether it did as it was asked, and a sentence."""

    accepted: bool
    sentence: str


def merges_of(filters: Iterable[int], into: Optional[int] = None) -> Dict[int, int]:
    """These filters into one of them: the lowest, where nothing else is said."""
    numbers = sorted({int(number) for number in filters})
    kept = min(numbers, default=-1) if into is None else into
    return {number: kept for number in numbers if number != kept}


def ask_merge(
    channel: str,
    layer: str,
    filters: Union[Mapping[int, int], Iterable[int]],
    *,
    seconds: float = 60.0,
) -> Answer:
    """Asks the training of that channel ("lenet", or "ring:lenet") to merge filters of a layer, and
    waits for its answer. filters: into which each one that goes, {5: 3}, or several that become the
    lowest of them, [3, 5].

    TensorViewError where there is no such training, where it does not listen or has not answered in
    time (what it has not begun is then withdrawn), or where the layer has no such filters."""
    merges = dict(filters) if isinstance(filters, Mapping) else merges_of(filters)
    name = channel[len(RING) :] if channel.startswith(RING) else channel
    if len(layer.encode()) > NAME_LENGTH or not 1 <= len(merges) <= MOST_MERGED:
        raise TensorViewError(
            f"a request merges 1 to {MOST_MERGED} filters of a layer, not {len(merges)}", ARGUMENT
        )
    asked = CRequest(kind=MERGE, count=len(merges), layer=layer.encode())
    asked.filter[: len(merges)] = list(merges)
    asked.into[: len(merges)] = list(merges.values())
    asking = ctypes.c_void_p()
    check(library.tv_ask(ctypes.byref(asking), name.encode(), ctypes.byref(asked)))
    try:
        return _answer(asking, seconds)
    finally:
        library.tv_asking_end(asking)


def _answer(asking: ctypes.c_void_p, seconds: float) -> Answer:
    text = ctypes.create_string_buffer(SENTENCE)
    end = time.monotonic() + seconds
    while True:
        rest = max(0.0, min(LOOK, end - time.monotonic()))
        status = library.tv_asking_answer(asking, rest, text, SENTENCE)
        if status != TIMEOUT or time.monotonic() >= end:
            accepted = check(status)
            return Answer(bool(accepted), text.value.decode(errors="replace"))
