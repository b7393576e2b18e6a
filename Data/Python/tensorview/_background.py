# SPDX-License-Identifier: BSD-3-Clause
"""A thread that does pieces of work one after the other, with bounded memory.

Who hands work over never waits for it, unless so much waits already that there is no room: then it
waits for room, or, if told to, the work is dropped and counted. Nothing is lost otherwise, also
where the interpreter ends: see run.py.

While work comes fast the thread looks for it some times a second, and is woken where much waits or
somebody waits for it: to wake it at each step of a fast loop costs that loop more than what is to be
written. Where it has found nothing a few times it sleeps until work comes: to look for nothing costs
a loop of slow steps more.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Callable, Deque, Optional, Tuple

Work = Tuple[Callable[[], None], int]
PAUSE = 0.02  # seconds from one look to the next
LOOKS = 5  # so many times in vain, before it sleeps
MUCH = 1 << 20  # bytes
MANY = 256  # pieces of work


class Background:
    """memory: bytes that may wait; a piece that is larger waits until it is alone."""

    def __init__(self, memory: int, drop: bool, failed: Callable[[Exception], None]):
        self.memory, self.drop, self.dropped = memory, drop, 0
        self._failed = failed
        self._waiting: Deque[Work] = deque()
        self._bytes = 0  # of what waits and of what is being done
        self._busy = self._ending = self._sleeping = False
        self._asked = 0  # how many wait until all is done, or for room
        self._changed = threading.Condition()
        self._thread: Optional[threading.Thread] = None

    def put(self, work: Callable[[], None], size: int = 0, droppable: bool = False) -> bool:
        """False where it was dropped. work is called in the thread; what it raises goes to failed."""
        with self._changed:
            while self._bytes and self._bytes + size > self.memory:
                if droppable and self.drop:
                    self.dropped += 1
                    return False
                self._wait()
            self._waiting.append((work, size))
            self._bytes += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="tensorview", daemon=True)
                self._thread.start()
            elif self._sleeping or self._bytes >= MUCH or len(self._waiting) >= MANY:
                self._changed.notify_all()
        return True

    def wait(self) -> None:
        """Until all is done."""
        with self._changed:
            while self._waiting or self._busy:
                self._wait()

    def _wait(self) -> None:
        """For the thread to do something."""
        self._asked += 1
        self._changed.notify_all()
        self._changed.wait()
        self._asked -= 1

    def end(self) -> None:
        """Does what waits, and ends the thread."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _sleep(self) -> None:
        """Until there is work, or no more will come."""
        looks = 0
        while not self._waiting and not self._ending:
            looks += 1
            self._sleeping = looks > LOOKS
            self._changed.wait(None if self._sleeping else PAUSE)
        self._sleeping = False

    def _work(self) -> None:
        while True:
            with self._changed:
                self._sleep()
                if not self._waiting:
                    return
                work, size = self._waiting.popleft()
                self._busy = True
            try:
                work()
            except Exception as error:  # the thread outlives it, and so does the training
                self._failed(error)
            del work  # and with it the memory that it holds
            with self._changed:
                self._bytes -= size
                self._busy = False
                if self._asked:
                    self._changed.notify_all()
