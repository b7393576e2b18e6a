# SPDX-License-Identifier: BSD-3-Clause
"""A thread that does pieces of work one after the other, with bounded memory.

Who hands work over never waits for it, unless so much waits already that there is no room: then it
waits for room, or, if told to, the work is dropped and counted. Nothing is lost otherwise, also
where the interpreter ends: see run.py.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Callable, Deque, Optional, Tuple

Work = Tuple[Callable[[], None], int]


class Background:
    """memory: bytes that may wait; a piece that is larger waits until it is alone."""

    def __init__(self, memory: int, drop: bool, failed: Callable[[Exception], None]):
        self.memory, self.drop, self.dropped = memory, drop, 0
        self._failed = failed
        self._waiting: Deque[Work] = deque()
        self._bytes = 0  # of what waits and of what is being done
        self._busy = self._ending = False
        self._changed = threading.Condition()
        self._thread: Optional[threading.Thread] = None

    def put(self, work: Callable[[], None], size: int = 0, droppable: bool = False) -> bool:
        """False where it was dropped. work is called in the thread; what it raises goes to failed."""
        with self._changed:
            while self._bytes and self._bytes + size > self.memory:
                if droppable and self.drop:
                    self.dropped += 1
                    return False
                self._changed.wait()
            self._waiting.append((work, size))
            self._bytes += size
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="tensorview", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        return True

    def wait(self) -> None:
        """Until all is done."""
        with self._changed:
            while self._waiting or self._busy:
                self._changed.wait()

    def end(self) -> None:
        """Does what waits, and ends the thread."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._ending:
                    self._changed.wait()
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
                self._changed.notify_all()
