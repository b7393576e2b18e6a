# SPDX-License-Identifier: BSD-3-Clause
"""Reading a run back: a mapping from "layer/kind" to a tensor over time.

    with tensorview.open("run.tvh5") as run:
        weights = run["conv1/weights"]
        weights.steps, weights.axes, weights.shape, weights[-1], weights.at(500)
        run.scalars["loss"], run.states["conv1"][-1], run.history("conv1/weights", "0-2")

Values are read when they are asked for. What is listed is what was complete when the run was opened
or last refreshed.
"""

from __future__ import annotations

import ctypes
import operator
import os
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from . import _arrays
from ._library import (
    ARGUMENT,
    Execution,
    SourceRequests,
    SourceScalars,
    SourceStates,
    SourceTensor,
    TensorViewError,
    check,
    library,
)
from .findings import Finding, Watch

MOST_ELEMENTS = 4096  # TV_MOST_ELEMENTS
REPLACED = 2  # TV_CHANGE_REPLACED
REQUEST_TEXT = 2048  # TV_REQUEST_TEXT
Path = Union[str, os.PathLike]


class Stream:
    """What was recorded at steps: len() of them, [i] is the i-th, at(step) the last one up to a
    step."""

    steps: np.ndarray  # int64, strictly increasing

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: Any) -> np.ndarray:
        if isinstance(index, slice):
            chosen = [self._read(at) for at in range(*index.indices(len(self)))]
            return np.stack(chosen) if chosen else np.empty((0, *self._read_shape()))
        at = operator.index(index)
        at += len(self) if at < 0 else 0
        if not 0 <= at < len(self):
            raise IndexError(f"{self} has {len(self)} records; there is no number {index}")
        return self._read(at)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self._read(at) for at in range(len(self)))

    def at(self, step: int) -> np.ndarray:
        """What was recorded last at or before a step."""
        at = int(np.searchsorted(self.steps, step, side="right")) - 1
        if at < 0:
            raise KeyError(f"{self} has no record at or before step {step}")
        return self._read(at)

    def _read(self, at: int) -> np.ndarray:
        raise NotImplementedError

    def _read_shape(self) -> Tuple[int, ...]:
        raise NotImplementedError


class Tensor(Stream):
    """A tensor and its records. samples: of how many each is the sum, None where unknown; dtype is
    numpy's (bfloat16 is read as float32); problem: why no record can be read, None where they can."""

    def __init__(self, source: "Source", number: int, listed: SourceTensor):
        self._source, self._number = source, number
        self.name, self.layer = _text(listed.name), _text(listed.layer)
        self.kind, self.axes = _text(listed.kind), _text(listed.shape.axes)
        self.shape = tuple(listed.shape.size[: listed.shape.rank])
        self.type = _arrays.NAMES[listed.type]
        self.dtype = np.dtype("<f4") if self.type == "bfloat16" else _arrays.TYPES[self.type][1]
        self.steps = _copy(listed.steps, listed.records, "i8")
        self.samples = _copy(listed.samples, listed.records, "i8") if listed.samples else None
        self.offered = bool(listed.offered)
        self.problem = _text(listed.problem) if listed.problem else None

    def _read(self, at: int) -> np.ndarray:
        if self.problem:  # before memory is asked for
            raise TensorViewError(self.problem)
        result = np.empty(self.shape, _arrays.TYPES[self.type][1])
        self._source._call("tv_source_read", self._number, at, result.ctypes.data)
        return _arrays.to_numpy(result, self.type)

    def _read_shape(self) -> Tuple[int, ...]:
        return self.shape

    def __repr__(self) -> str:
        size = " × ".join(str(size) for size in self.shape) or "1"
        return f"<{self.name} {self.axes!r} {size} {self.type}, {_records(self)}>"


class States(Stream):
    """The states of a layer's filters: -1 alive, -2 pruned, -3 dead, else into which it was merged."""

    def __init__(self, source: "Source", number: int, listed: SourceStates):
        self._source, self._number = source, number
        self.layer, self.filters = _text(listed.layer), int(listed.filters)
        self.steps = _copy(listed.steps, listed.records, "i8")

    def _read(self, at: int) -> np.ndarray:
        result = np.empty(self.filters, "<i4")
        self._source._call("tv_source_read_states", self._number, at, result.ctypes.data)
        return result

    def _read_shape(self) -> Tuple[int, ...]:
        return (self.filters,)

    def __repr__(self) -> str:
        return f"<states of the {self.filters} filters of {self.layer}, {_records(self)}>"


class Scalars(Mapping):
    """Loss, accuracy, ...: a column for each name, a row for each of steps, NaN where a step has no
    value of that name."""

    def __init__(self, source: "Source"):
        listed = SourceScalars()
        source._library_call("tv_source_scalars_of", ctypes.byref(listed))
        self._names = {_text(listed.names[at]): at for at in range(listed.count)}
        self._source, self._values = source, None
        self.steps = _copy(listed.steps, listed.records, "i8")

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._names:
            raise KeyError(_missing("scalar", name, self._names))
        column = self._names[name]
        if self._values is None:
            values = np.empty((len(self.steps), len(self._names)))
            self._source._call("tv_source_read_scalars", 0, len(values), values.ctypes.data)
            self._values = values
        return self._values[:, column].copy()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return f"<scalars {', '.join(self._names)}: {len(self.steps)} steps>"


class Asked(NamedTuple):
    """What a viewer asked the trainer for and what it answered, in words; step is that of the answer."""

    step: int
    sentence: str


class Source(Mapping):
    """What open() gives: tensors by name in the order of the network, scalars, states of filters."""

    def __init__(self, paths: Union[Path, Sequence[Path]]):
        self._handle = ctypes.c_void_p()
        self._watch: Optional[Tuple[Any, Watch]] = None  # what findings() looked at, by its bounds
        several = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
        names = (ctypes.c_char_p * len(several))(*[os.fsencode(path) for path in several])
        check(library.tv_source_open(ctypes.byref(self._handle), names, len(several), None))
        self.paths = [os.fspath(path) for path in several]
        self._list()

    # A mapping.

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._tensors:
            raise KeyError(_missing("tensor", name, self._tensors))
        return self._tensors[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    # More than that.

    def history(
        self, tensor: Union[str, Tensor], elements: Union[str, int, Sequence[int]] = "0-2"
    ) -> np.ndarray:
        """Single elements over all records: [records, elements], float64. elements: numbers in the
        order [filter, channel, row, column], or "0-2,100"."""
        chosen = self[tensor] if isinstance(tensor, str) else tensor
        numbers = self._elements(chosen, elements)
        result = np.empty((len(chosen), len(numbers)))
        if result.size:
            wanted = (ctypes.c_size_t * len(numbers))(*numbers)
            execution = Execution(1, None, None)
            pointer = result.ctypes.data_as(ctypes.POINTER(ctypes.c_double))
            self._call(
                "tv_source_history", chosen._number, wanted, len(numbers), 0, pointer,
                ctypes.byref(execution),
            )
        return result

    def findings(self, **bounds: float) -> List[Finding]:
        """What is wrong, in words: units that are stuck, dead, saturated, exploding, not finite,
        oscillating, redundant or never updated, and since when. bounds: from where on, such as
        patience=20; the defaults and where they come from are tv_bounds of tensorview/measures.h.
        Of a run that grows, each call after refresh() looks at what is new."""
        if not self._handle:
            raise TensorViewError("this run is closed")
        key = tuple(sorted(bounds.items()))
        if self._watch is None or self._watch[0] != key:
            self._watch = key, Watch(**bounds)
        return self._watch[1].find(self._handle)

    def to_pandas(self) -> Any:
        """The scalars as a pandas.DataFrame, a row for each step."""
        import pandas

        columns = {name: self.scalars[name] for name in self.scalars}
        return pandas.DataFrame(columns, index=pandas.Index(self.scalars.steps, name="step"))

    def refresh(self) -> bool:
        """Lists what came since; whether there is anything new. Tensors are to be asked for anew."""
        change = ctypes.c_int()
        self._call("tv_source_refresh", ctypes.byref(change))
        if change.value:
            self._list()
        if change.value == REPLACED:
            self._watch = None
        return change.value != 0

    @property
    def complete(self) -> bool:
        """Whether its writer has closed it; otherwise it is being written, or was killed."""
        return bool(self._library_call("tv_source_closed"))

    @property
    def notes(self) -> List[str]:
        """What was left out and why, a sentence each."""
        texts = ctypes.POINTER(ctypes.c_char_p)()
        count = self._library_call("tv_source_notes", ctypes.byref(texts))
        return [_text(texts[at]) for at in range(count)]

    @property
    def requests(self) -> List[Asked]:
        """What viewers asked the trainer for, and what it answered."""
        listed = SourceRequests()
        self._library_call("tv_source_requests_of", ctypes.byref(listed))
        text, found = ctypes.create_string_buffer(REQUEST_TEXT), []
        for at in range(listed.records):
            self._call("tv_source_read_request", at, text, REQUEST_TEXT)
            found += [Asked(int(listed.steps[at]), line) for line in _text(text.value).split("\n")]
        return found

    def close(self) -> None:
        handle, self._handle = self._handle, ctypes.c_void_p()
        if handle:
            library.tv_source_close(handle)

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self.close()

    def __repr__(self) -> str:
        return f"<run {', '.join(self.paths)}: {len(self)} tensors>"

    def _list(self) -> None:
        tensors = ctypes.POINTER(SourceTensor)()
        count = self._library_call("tv_source_tensors", ctypes.byref(tensors))
        listed = [Tensor(self, at, tensors[at]) for at in range(count)]
        self._tensors: Dict[str, Tensor] = {tensor.name: tensor for tensor in listed}
        states = ctypes.POINTER(SourceStates)()
        count = self._library_call("tv_source_states_of", ctypes.byref(states))
        self.states = {_text(states[at].layer): States(self, at, states[at]) for at in range(count)}
        self.scalars = Scalars(self)

    def _elements(self, tensor: Tensor, elements: Union[str, int, Sequence[int]]) -> List[int]:
        size = int(np.prod(tensor.shape, dtype="i8"))
        if isinstance(elements, str):
            found, count = (ctypes.c_size_t * MOST_ELEMENTS)(), ctypes.c_size_t()
            check(
                library.tv_parse_elements(found, ctypes.byref(count), elements.encode(), size)
            )
            return found[: count.value]
        several = [elements] if isinstance(elements, int) else list(elements)
        numbers = [operator.index(one) for one in several]
        for number in numbers:
            if not 0 <= number < size:
                raise TensorViewError(
                    f"{tensor.name} has {size} elements; there is no number {number}", ARGUMENT
                )
        return numbers

    def _library_call(self, name: str, *arguments: Any) -> Any:
        if not self._handle:
            raise TensorViewError("this run is closed")
        return getattr(library, name)(self._handle, *arguments)

    def _call(self, name: str, *arguments: Any) -> None:
        check(self._library_call(name, *arguments))


def open(path: Union[Path, Sequence[Path]]) -> Source:
    """Opens a run: a run file, growing or finished; several files that are one series; "ring:NAME", a
    run in memory; weight files of other frameworks."""
    return Source(path)


def _text(value: Optional[bytes]) -> str:
    return "" if value is None else value.decode(errors="replace")


def _records(stream: Stream) -> str:
    return f"{len(stream)} record{'' if len(stream) == 1 else 's'}"


def _missing(what: str, name: Any, names: Iterable[str]) -> str:
    """That there is none of that name, and which names are near it."""
    close = get_close_matches(str(name), list(names), n=3)
    near = f"; there is {', '.join(map(repr, close))}" if close else ""
    return f"no {what} {name!r}{near}"


def _copy(pointer: Any, count: int, dtype: str) -> np.ndarray:
    if not count:
        return np.empty(0, dtype)
    return np.ctypeslib.as_array(pointer, (count,)).astype(dtype, copy=True)
