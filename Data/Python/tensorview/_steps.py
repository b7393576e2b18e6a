# SPDX-License-Identifier: BSD-3-Clause
"""Reading around optimizer.step(): what is there before it, and what it made of that.

Step s is the state before the s-th call of optimizer.step(), counted from 0; where there are several
optimizers, of the one that was called most.

optimizer.step stays a bound method, since learning-rate schedulers look at what it is bound to, and
keeps whatever they noted on it.
"""

from __future__ import annotations

import functools
import types
from typing import Any, Callable, List

Before = Callable[[int], None]


class Steps:
    """before(i) and after(i) are called around a step of optimizer number i; they do not fail."""

    def __init__(self, start: int, before: Before, after: Before):
        self._start, self._before, self._after = start, before, after
        self._counts: List[int] = []
        self._undo: List[Callable[[], None]] = []
        self._active = True

    def attach(self, optimizer: Any) -> int:
        """Wraps its step(); the optimizer's number."""
        number = self.add()
        inner = optimizer.step
        own = optimizer.__dict__.get("step")  # what a scheduler put there

        @functools.wraps(inner)
        def step(self_: Any, *arguments: Any, **named: Any) -> Any:
            if not self._active:
                return inner(*arguments, **named)
            return self._around(number, inner, arguments, named)

        step._tensorview = (self, own)  # type: ignore[attr-defined]
        optimizer.step = types.MethodType(step, optimizer)

        def undo() -> None:
            now = optimizer.__dict__.get("step")
            if getattr(now, "__func__", None) is not step:
                return  # somebody has wrapped it since: ours only passes on
            below = own
            while below is not None and _passes_on(below):  # of runs that were closed before this
                below = below.__func__._tensorview[1]
            if below is None:
                del optimizer.step
            else:
                optimizer.step = below

        self._undo.append(undo)
        return number

    def add(self) -> int:
        self._counts.append(self._start)
        return len(self._counts) - 1

    def step_of(self, number: int) -> int:
        """The step that optimizer is at."""
        others = [count - 1 for at, count in enumerate(self._counts) if at != number]
        return max([self._counts[number], *others])

    def done(self, number: int) -> None:
        self._counts[number] = self.step_of(number) + 1

    @property
    def last(self) -> int:
        """The last step that was made; one less than the first where there was none."""
        return max(self._counts, default=self._start) - 1

    def close(self) -> None:
        """Puts things back."""
        self._active = False
        for undo in reversed(self._undo):
            undo()
        self._undo = []

    def _around(self, number: int, inner: Any, arguments: Any, named: Any) -> Any:
        """A closure computes the gradients within step(): then "before" is after its first call."""
        closure = named.get("closure", arguments[0] if arguments else None)
        if callable(closure):
            first = [True]

            def wrapped() -> Any:
                result = closure()
                if first:
                    first.clear()
                    self._before(number)
                return result

            if "closure" in named:
                named = {**named, "closure": wrapped}
            else:
                arguments = (wrapped, *arguments[1:])
        else:
            self._before(number)
        result = inner(*arguments, **named)
        self._after(number)
        return result


def _passes_on(step: Any) -> bool:
    """Whether it is the step() of a run that is closed."""
    steps = getattr(getattr(step, "__func__", None), "_tensorview", (None,))[0]
    return steps is not None and not steps._active
