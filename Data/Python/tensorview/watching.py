# SPDX-License-Identifier: BSD-3-Clause
"""watch(): a torch model recorded while it trains, by one line."""

from __future__ import annotations

import os
import sys
import warnings
from functools import partial
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple, Union

import numpy as np
import torch

from . import _network
from ._activations import Activations
from ._choice import KINDS, Patterns, chooser, periods, unmatched
from ._library import ARGUMENT, STATE, TensorViewError, TensorViewWarning
from ._recorder import Recorder
from ._silent import Silent
from ._steps import Steps
from .requests import Request
from .run import MEMORY, Logged, Run, logged, number


def watch(
    model: Any,
    optimizer: Any = None,
    path: Union[None, str, os.PathLike] = None,
    *,
    every: Union[int, Dict[str, int]] = 100,
    log: Union[str, Iterable[str]] = KINDS,
    include: Patterns = None,
    exclude: Patterns = None,
    channel: Optional[str] = None,
    overwrite: bool = False,
    evaluation: bool = False,
    samples: Optional[int] = None,
    start: int = 0,
    background: bool = True,
    memory: int = MEMORY,
    when_full: str = "wait",
    **options: Any,
) -> Union["Watch", Silent]:
    """Records a model while it trains; the loop stays as it is, and so does every number in it.

        with tensorview.watch(model, optimizer, "run.tvh5", every=100) as run:
            for x, y in data:
                ...
                run.log(loss=loss)

    Step s is the state before the s-th call of optimizer.step(), counted from 0; with several
    optimizers, of the one that was called most. The first step is recorded, and then the first at or
    after each multiple of every.

    model: a module, or several: {"generator": g, "discriminator": d}. Layers bear torch's names.
    optimizer: one, or a list of them, or None: then run.attach(optimizer) follows, or the loop says
        where a step is, with run.step(): ...
    path, channel, overwrite and other options: as of tensorview.Run.
    every: a number of steps, or one for each kind: {"weights": 10, "activations": 1000}.
    log: "weights" (all parameters), "gradients" (as the step uses them), "updates" (what the step
        added), "activations" (of layers with parameters and of activation functions, summed over
        the batch; of a layer that is called again in the same forward, "activations_2", ...),
        "statistics" (of every unit of weights, gradients and activations: mean, root mean square,
        share of zeros, ..., instead of the tensors; at every step unless every says otherwise).
    include, exclude: which: patterns for layers ("layer1.*") or tensors ("*/gradients"), or a
        function of the name "layer/kind".
    evaluation: record also what runs without gradients, or in model.eval().
    samples: statistics of activations are of the first so many samples of each batch; None: of all.
    start: number of the first step, where a training is taken up again.
    background: copies are written by a thread of their own, of at most memory bytes; when_full:
        then "wait" for room, or "drop" records. Without it the trainer's own thread writes, and
        nothing is copied that lies right.

    What cannot be opened raises TensorViewError. Later nothing does: the first failure is one
    TensorViewWarning, and the training goes on without a record. Under torch.distributed rank 0
    records; the others get a run that does nothing."""
    chosen, periodic = chooser(include, exclude), periods(log, every)
    networks, optimizers = _network.roots(model), _optimizers_of(optimizer)
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        if torch.distributed.get_rank() != 0:
            return Silent()
    options.update(path=path, channel=channel, overwrite=overwrite)
    options.update(background=background, memory=memory, when_full=when_full)
    if samples is not None and samples < 1:
        raise ValueError(f"samples must be 1 or more, not {samples}; None: all")
    most = sys.maxsize if samples is None else int(samples)
    run = Watch(networks, chosen, periodic, (evaluation, most), start, options)
    for one in optimizers:
        run.attach(one)
    run._say_unmatched(include=include, exclude=exclude)
    return run


def _optimizers_of(optimizer: Any) -> List[Any]:
    """One, several in a list or by name, or none, as watch() is given them."""
    several = optimizer.values() if isinstance(optimizer, dict) else optimizer
    if several is None or isinstance(several, str) or not isinstance(several, Iterable):
        several = (several,)
    found = [one for one in several if one is not None]
    for one in found:
        if not callable(getattr(one, "step", None)):
            raise TypeError(f"{one!r:.80} is no optimizer: it has no step(). The path comes third, or path=")
    return found


class Watch(Run):
    """What watch() gives: a Run that writes by itself, and never fails where a loop calls it."""

    def __init__(
        self,
        networks: Dict[str, torch.nn.Module],
        chosen: Callable[[str], bool],
        every: Dict[str, int],
        outputs: Tuple[bool, int],
        start: int,
        options: Dict[str, Any],
    ):
        super().__init__(**options)
        self._given_up = False
        self._told: Set[str] = set()
        self._start = start
        self._steps = Steps(start, self._before_step, self._after_step)
        self._optimizers: List[Any] = []
        self._waiting: List[Tuple[Callable[[], None], int]] = []  # for the first declaration
        self._written = start - 1  # last step that something was written of
        self._activations = Activations(*outputs, self._give_up, self._say)
        self._activations.watch_roots(networks.values())
        self._recorder = Recorder(self, networks, chosen, every, self._activations, self._say)

    # What a user calls.

    def attach(self, optimizer: Any) -> None:
        """Records around this optimizer's step() too."""
        self._optimizers.append(optimizer)
        self._steps.attach(optimizer)

    def step(self) -> "ByHand":
        """Around what changes the weights, where no optimizer of torch does: with run.step(): ..."""
        if not self._optimizers:
            self._optimizers.append(None)
            self._steps.add()
        return ByHand(self)

    def log(
        self, first: Logged = None, /, step: Optional[int] = None, **scalars: Any
    ) -> None:
        """Numbers of this step: of the one that was just made, or, where the model was called since,
        of the one under way. log(loss=loss), or log({"train/loss": loss}); a step as of Run.log().
        Names need not be the same at each step. What is no number is a warning."""
        if not self._records():
            return
        try:
            step, values = logged(first, step, scalars)
            numbers = self._numbers(values)
        except TypeError as error:
            self._say(str(error), "log")
            return
        try:
            if step is None:
                step = max(self._start, self._steps.last + (self._activations.forwards > 0))
            if step > self._written:
                self._written = -1  # a later step begins, and that completes the one before
            self._when_declared(partial(self._log, step, numbers))
        except Exception as error:
            self._give_up(error)

    def write(self, tensor: Any, step: int, array: Any, samples: Optional[int] = None) -> None:
        """A tensor of your own, beside those of the model: see Run.declare and Run.write. What cannot
        be written is a warning."""
        if self._records():
            try:
                super().write(tensor, step, array, samples)
            except Exception as error:
                self._say(str(error))

    def poll(self) -> Optional[Request]:
        """As Run.poll(); None, too, where nothing is recorded any more."""
        if self._records():
            try:
                return super().poll()
            except Exception as error:
                self._say(str(error))
        return None

    def write_states(self, layer: str, step: int, states: Iterable[int]) -> None:
        """Of filters, before the step is made: see Run.write_states. What cannot be written is a
        warning."""
        if self._records():
            try:
                if 0 <= self._written < step:
                    self.end_step(self._written)
                self._written = step
                values = np.array(states, "<i4")
                self._when_declared(partial(self._write_states, layer, step, values))
            except Exception as error:
                self._say(str(error))

    def flush(self) -> None:
        if self._records():
            try:
                super().flush()
                self._written = -1  # a flush completes the step
            except Exception as error:
                self._give_up(error)

    def close(self) -> None:
        """Ends recording: the model and its optimizers are as they were before."""
        if not self._handle or os.getpid() != self._process:
            return
        self._let_go()
        try:
            if not self._given_up and not self._recorder.declared:
                self._write_waiting()
                self._say("no step was seen: is the optimizer that steps the one that was named?")
            super().close()
        except Exception as error:
            self._give_up(error)

    # Around a step. What goes wrong here ends the record, not the training.

    def _before_step(self, number: int) -> None:
        if not self._records():
            return
        try:
            with torch.no_grad():
                step = self._steps.step_of(number)
                if self._written >= 0 and step > self._written:
                    self.end_step(self._written)
                    self._written = -1
                self._recorder.before(number, step, self._optimizers)
                self._write_waiting()
        except Exception as error:
            self._give_up(error)

    def _after_step(self, number: int) -> None:
        self._steps.done(number)
        self._activations.forwards = 0
        if not self._records():
            return
        try:
            with torch.no_grad():
                self._recorder.after(number, self._steps.step_of(number))
        except Exception as error:
            self._give_up(error)

    def _put(self, declared: Any, step: int, values: Any, size: int, samples: Any) -> None:
        self._written = step
        if self._recorder.declared:
            super()._put(declared, step, values, size, samples)
        else:  # the user's own, before the model's are known
            kept = np.array(values)
            self._when_declared(partial(self._write, declared, step, kept, samples), size)

    def _put_rows(self, step: int, *rows: Any) -> None:
        self._written = step
        super()._put_rows(step, *rows)

    def _log(self, step: int, numbers: Dict[str, Any]) -> None:
        """What comes too late for its step, say, costs itself and nothing else."""
        try:
            super()._log(step, numbers)
        except TensorViewError as error:
            if error.status not in (ARGUMENT, STATE):
                raise
            self._say(f"{', '.join(numbers)} cannot be logged: {error}", "log")

    def _numbers(self, values: Dict[str, Any]) -> Dict[str, Any]:
        """Those that are numbers; a tensor on a device as it is now: it is fetched when it is
        written."""
        numbers: Dict[str, Any] = {}
        for name, value in values.items():
            if isinstance(value, torch.Tensor) and value.numel() == 1 and value.device.type != "cpu":
                numbers[name] = value.detach().clone()
                continue
            try:
                numbers[name] = number(name, value)
            except TypeError as error:
                self._say(f"{error}: it is not logged", f"log {name}")
        return numbers

    def _when_declared(self, work: Callable[[], None], size: int = 0) -> None:
        if self._recorder.declared:
            self._do(work, size)
        else:
            self._waiting.append((work, size))

    def _write_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for work, size in waiting:
            self._do(work, size)

    def _records(self) -> bool:
        return bool(self._handle) and not self._given_up and os.getpid() == self._process

    def _let_go(self) -> None:
        if hasattr(self, "_steps"):
            self._steps.close()
        if hasattr(self, "_activations"):
            self._activations.close()

    def _give_up(self, error: Exception) -> None:
        if self._given_up:
            return
        self._given_up = True
        self._let_go()
        where = f" in {self.path}" if self.path else ""
        self._warn(f"TensorView records nothing more{where}: {error}. The training goes on.")

    def _say(self, words: str, kind: Optional[str] = None) -> None:
        """Once, and of each kind one thing only."""
        if (kind or words) not in self._told:
            self._told.add(kind or words)
            self._warn(f"TensorView: {words}")

    def _say_unmatched(self, **patterns: Patterns) -> None:
        """include and exclude: of a pattern that fits nothing, for a name may be mistyped."""
        layers = self._recorder.layer_names()
        for argument, given in patterns.items():
            for pattern in unmatched(given, layers):
                self._say(f"{argument}: no layer has a name that fits {pattern!r}")

    def _warn(self, words: str) -> None:
        warnings.warn(words, TensorViewWarning, stacklevel=2)


class ByHand:
    """A step that the loop itself makes."""

    def __init__(self, run: Watch):
        self._run = run

    def __enter__(self) -> None:
        self._run._before_step(0)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._run._after_step(0)
