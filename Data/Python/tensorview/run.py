# SPDX-License-Identifier: BSD-3-Clause
"""Recording a training run: open, declare, write, log, close.

    with tensorview.Run("run.tvh5") as run:
        weights = run.declare("conv1", "weights", "oihw", (16, 1, 3, 3))
        for step in range(steps):
            ...
            run.write(weights, step, array)
            run.log(step, loss=loss)

A run belongs to the process that opened it: a forked child (a DataLoader's worker) is refused and
leaves it alone. A run that is never closed is closed when the interpreter ends.
"""

from __future__ import annotations

import atexit
import ctypes
import operator
import os
import threading
import warnings
import weakref
from collections.abc import Mapping
from functools import partial
from typing import Any, Callable, Dict, Iterable, Optional, Sequence, Tuple, Union

import numpy as np

from . import _arrays, kernels
from ._background import Background
from ._library import STATE, TensorViewError, TensorViewWarning, check, library
from ._tensors import Declared, Observed, samples_of
from .requests import Request, poll

Logged = Union[None, int, Mapping]  # a step, or numbers by their names
MEMORY = 1 << 28  # bytes that may wait for the thread that writes


class Run:
    """A run that is written to path (*.tvh5), to the channel of that name, or to both.

    channel: the name under which tensorview-live and tensorview.open("ring:NAME") find it in memory.
    overwrite: replace a file that is there; otherwise it is refused.
    threads: that sum a batch; 0: what OpenMP would use.
    flush_seconds: how often what is complete is made safe and visible; 0: each step.
    ring_slots, block_seconds, file_every, durable: see tensorview/tensorview.h.
    background: copies are written by a thread of their own. memory: bytes that may wait for it;
        when_full: "wait" for room, or "drop" records and count them in dropped.
    """

    def __init__(
        self,
        path: Union[None, str, os.PathLike] = None,
        *,
        channel: Optional[str] = None,
        overwrite: bool = False,
        threads: int = 1,
        flush_seconds: float = 1.0,
        ring_slots: int = 4,
        block_seconds: Optional[float] = None,
        file_every: Optional[int] = None,
        durable: bool = False,
        background: bool = False,
        memory: int = MEMORY,
        when_full: str = "wait",
    ):
        self._handle = ctypes.c_void_p()
        if when_full not in ("wait", "drop"):
            raise ValueError(f'when_full is "wait" or "drop", not {when_full!r}')
        options = library.tv_default_options()
        options.overwrite, options.threads = bool(overwrite), threads
        options.flush_seconds, options.ring_slots = flush_seconds, ring_slots
        options.durable = bool(durable)
        options.channel = None if channel is None else channel.encode()
        if block_seconds is not None:
            options.block_seconds = block_seconds
        if file_every is not None:
            options.file_every = file_every
        name = None if path is None else os.fsencode(path)
        check(library.tv_open(ctypes.byref(self._handle), name, ctypes.byref(options)))
        self.path = None if path is None else os.fspath(path)
        self._channel = channel
        self._process = os.getpid()
        self._lock = threading.RLock()  # the library's run belongs to one thread at a time
        self._tensors: Dict[str, Declared] = {}
        self._observed: Dict[str, Observed] = {}
        self._step = 0
        self._failure: Optional[Exception] = None
        self._background: Optional[Background] = None
        if background:
            self._background = Background(memory, when_full == "drop", self._failed)
        _open_runs.add(self)

    # What a user calls.

    def declare(
        self,
        layer: str,
        kind: str,
        axes: str,
        shape: Sequence[int],
        dtype: Any = "float32",
        *,
        summed: bool = False,
    ) -> Declared:
        """A tensor of a layer: "weights", "bias", "activations", "gradients" or a kind of your own.

        axes has a letter for each axis, slowest first: "oihw" (filters, channels, rows, columns) for
        torch's weights, "oi" where fully connected, "nchw" for activations: 'n' is the batch, which
        is summed over. shape has as many numbers; for 'n' it is the largest batch. summed: the sum
        over the batch is written, with how many samples it has, and shape has no number for 'n'.
        All letters: the section Axes of tensorview/format.h."""
        dtype = _arrays.type_name(dtype)
        shape = tuple(int(size) for size in shape)
        summed = summed and "n" in axes
        if len(axes) - summed != len(shape):
            raise ValueError(f'"{axes}" and the shape {shape} of {layer}/{kind} do not agree')
        whole = list(shape)
        if summed:
            whole.insert(axes.index("n"), 1)
        declare = partial(self._declare, layer, kind, axes, tuple(whole), dtype)
        declared = Declared(self._now(declare), f"{layer}/{kind}", axes, shape, dtype, summed)
        self._tensors[declared.name] = declared
        return declared

    def write(
        self, tensor: Union[Declared, str], step: int, array: Any, samples: Optional[int] = None
    ) -> None:
        """A tensor at a step: numpy, torch, or anything with DLPack or the buffer protocol. Its shape
        is that declared; of the batch there may be fewer. samples: how many a sum has."""
        declared = self._tensors[tensor] if isinstance(tensor, str) else tensor
        values = _arrays.converted(_arrays.from_any(array), declared.dtype)
        samples = samples_of(declared, values.shape, samples)
        self._step = int(step)
        if self._background is not None:
            values = values.copy()  # who called may change it meanwhile
        self._put(declared, self._step, values, values.nbytes, samples)

    def declare_statistics(
        self, layer: str, kind: str, axes: str, shape: Sequence[int], *, updates: bool = True
    ) -> Observed:
        """A tensor of which Run.observe() records the statistics alone. axes, shape: as of declare().
        updates: how far it moves from one record to the next too, for which its last one is kept."""
        units = kernels.units(axes, tuple(shape))
        name = f"{kind}_statistics"
        declared = self.declare(layer, name, "cx", (units, len(kernels.MEASURES)))
        observed = Observed(declared, axes, tuple(shape), updates and "n" not in axes)
        self._observed[f"{layer}/{kind}"] = observed
        return observed

    def observe(self, tensor: Union[Observed, str], step: int, array: Any) -> None:
        """What is measured of every unit of a tensor at a step (tensorview.kernels.MEASURES: mean, root
        mean square, share of zeros, ...) instead of the tensor itself."""
        observed = self._observed[tensor] if isinstance(tensor, str) else tensor
        measured = observed.measure(_arrays.from_any(array))
        self._step = int(step)
        self._put(observed.declared, self._step, measured, measured.nbytes, None)

    def log(
        self, first: Logged = None, /, step: Optional[int] = None, **scalars: Any
    ) -> None:
        """Numbers at a step, by whatever names: log(step, loss=loss), or log({"train/loss": loss}, step)
        where a name is no word of Python's. Without a step, the last one. Names need not be the same
        at each step. What is no number raises TypeError."""
        step, values = logged(first, step, scalars)
        self._step = self._step if step is None else step
        numbers = {name: number(name, value) for name, value in values.items()}
        self._do(partial(self._log, self._step, numbers))

    def declare_states(self, layer: str, filters: int) -> None:
        """The layer's filters have states: alive, dead, pruned, merged."""
        self._now(lambda: library.tv_declare_filters(self._handle, layer.encode(), filters))

    def write_states(self, layer: str, step: int, states: Iterable[int]) -> None:
        """From this step on: -1 alive, -2 pruned, -3 dead, else the filter it was merged into."""
        values = np.array(states, "<i4")
        self._step = int(step)
        self._do(partial(self._write_states, layer, self._step, values))

    def end_step(self, step: int) -> None:
        """This step is complete and may be shown; else it is when a later one begins."""
        self._do(lambda: check(library.tv_end_step(self._handle, step)))

    def poll(self) -> Optional[Request]:
        """What a viewer asks for, or None: call it at each step, and the run listens. The layer's states
        must be declared. See tensorview.requests.Request."""
        self._usable()
        with self._lock:
            return poll(self)

    def flush(self) -> None:
        """Everything up to here is in the file, and can be read, when this returns."""
        self._now(lambda: library.tv_flush(self._handle))

    def close(self) -> None:
        """Writes what waits, and closes. Calling it again does nothing."""
        if not self._handle or os.getpid() != self._process:
            return
        if self._background is not None:
            self._background.end()
        with self._lock:
            handle, self._handle = self._handle, ctypes.c_void_p()
            status = library.tv_close(handle)
        _open_runs.discard(self)
        self._raise()
        check(status)

    @property
    def in_background(self) -> bool:
        """Whether a thread of its own writes."""
        return self._background is not None

    @property
    def dropped(self) -> int:
        """Records that found no room, and steps that a reader in memory did not fetch in time."""
        waiting = 0 if self._background is None else self._background.dropped
        return waiting + (library.tv_dropped(self._handle) if self._handle else 0)

    def __repr__(self) -> str:
        where = repr(self.path) if self._channel is None else f"channel {self._channel!r}"
        return f"<{type(self).__name__} {where}, {'open' if self._handle else 'closed'}>"

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self.close()
        except TensorViewError:
            if kind is None:
                raise  # otherwise the user's own exception is the one to see

    def __del__(self) -> None:
        try:
            self.close()
        except Exception:  # nobody is there to be told
            pass

    # How it is done.

    def _do(self, work: Callable[[], None], size: int = 0) -> None:
        """Now, or in the thread that writes."""
        self._usable()
        if self._background is None:
            work()
        else:
            self._background.put(work, size, droppable=size > 0)

    def _put(
        self, declared: Declared, step: int, values: Any, size: int, samples: Optional[int]
    ) -> None:
        self._do(partial(self._write, declared, step, values, samples), size)

    def _put_rows(
        self, step: int, rows: np.ndarray, numbers: np.ndarray, starts: np.ndarray
    ) -> None:
        """The tensors of these numbers, whose records begin so many bytes from the first of rows."""
        self._do(partial(self._write_rows, step, rows, numbers, starts), rows.nbytes)

    def _now(self, call: Callable[[], int]) -> int:
        """After what waits; its result."""
        self._settle()
        with self._lock:
            return check(call())

    def _settle(self) -> None:
        """What waits is done when this returns; raises what went wrong with it."""
        self._usable()
        if self._background is not None:
            self._background.wait()
            self._raise()

    def _usable(self) -> None:
        if os.getpid() != self._process:
            raise TensorViewError("this run belongs to the process that opened it", STATE)
        if not self._handle:
            raise TensorViewError("this run is closed", STATE)
        self._raise()

    def _failed(self, error: Exception) -> None:
        self._failure = self._failure or error

    def _raise(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _declare(self, layer: str, kind: str, axes: str, shape: Tuple[int, ...], dtype: str) -> int:
        number = ctypes.c_int()
        sizes = (ctypes.c_size_t * max(1, len(shape)))(*shape)
        type_number = _arrays.TYPES[dtype][0]
        check(
            library.tv_declare(
                ctypes.byref(number), self._handle, layer.encode(), kind.encode(), type_number,
                axes.encode(), sizes,
            )
        )
        return number.value

    def _write(self, declared: Declared, step: int, values: Any, samples: Optional[int]) -> None:
        """values: an array, or what makes one."""
        if callable(values):
            values = values()
        pointer = values.ctypes.data
        with self._lock:
            if samples is None:
                check(library.tv_write(self._handle, declared.number, step, pointer))
            else:
                write = library.tv_write_sum if declared.summed else library.tv_write_batch
                check(write(self._handle, declared.number, step, pointer, samples))

    def _write_rows(
        self, step: int, rows: np.ndarray, numbers: np.ndarray, starts: np.ndarray
    ) -> None:
        places = starts + np.uint64(rows.ctypes.data)
        with self._lock:
            check(
                library.tv_write_several(
                    self._handle, len(numbers), numbers.ctypes.data, step, places.ctypes.data
                )
            )

    def _log(self, step: int, numbers: Dict[str, Any]) -> None:
        with self._lock:
            for name, value in numbers.items():
                check(library.tv_record(self._handle, step, name.encode(), float(value)))

    def _write_states(self, layer: str, step: int, values: np.ndarray) -> None:
        with self._lock:
            check(
                library.tv_write_filters(self._handle, layer.encode(), step, values.ctypes.data)
            )


def logged(
    first: Logged, step: Optional[int], scalars: Dict[str, Any]
) -> Tuple[Optional[int], Dict[str, Any]]:
    """The step and the numbers of log(step, loss=1) or log({"train/loss": 1}, step)."""
    if isinstance(first, Mapping):
        scalars = {**{str(name): value for name, value in first.items()}, **scalars}
    elif first is not None:
        if step is not None:
            raise TypeError(f"log() has two steps, {first!r} and {step!r}")
        step = first
    try:
        return None if step is None else operator.index(step), scalars
    except TypeError:
        raise TypeError(
            f"a step is an int, not {step!r:.80}; numbers have names: log(loss=loss)"
        ) from None


def number(name: str, value: Any) -> float:
    """value as a number; name is for the sentence that says that it is none."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):  # torch's, where a tensor has several elements
        shape = getattr(value, "shape", None)
        what = repr(value) if shape is None else f"of shape {tuple(shape)}"
        raise TypeError(f"{name} is {what:.80}, not a number") from None


_open_runs: "weakref.WeakSet[Run]" = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    for run in list(_open_runs):
        try:
            run.close()
        except TensorViewError as error:
            warnings.warn(f"TensorView: {error}", TensorViewWarning)
