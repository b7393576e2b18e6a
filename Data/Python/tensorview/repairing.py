# SPDX-License-Identifier: BSD-3-Clause
"""A clean file of what is whole in a run that is damaged or was cut off.

    repaired = tensorview.repair("damaged.tvh5", "whole.tvh5")
    for sentence in repaired.left_out:
        print(sentence)

Records are copied as they are stored, bit for bit, one at a time; each is checked as it is read. The
run that is read is left as it is.
"""

from __future__ import annotations

import contextlib
import os
from typing import Dict, Iterator, List, NamedTuple, Tuple

import numpy as np

from . import _arrays
from ._library import FORMAT, TensorViewError, check, library
from ._tensors import Declared
from .reading import Path, Source, States, Stream, Tensor
from .run import Run

MOST_STEPS = 5  # named in a sentence
SUMS = ("float32", "float64", "int32", "int64")  # types that a sum over a batch is stored as


class Repaired(NamedTuple):
    """What repair() gives; str() of it is what the command prints."""

    path: str
    tensors: int
    records: int  # of tensors, scalars and states
    left_out: List[str]  # a sentence for each thing

    def __str__(self) -> str:
        head = f"{self.path}: {self.tensors} tensors, {self.records} records"
        return "\n".join([head] + [f"  left out: {sentence}" for sentence in self.left_out])


def repair(damaged: Path, path: Path, *, overwrite: bool = False) -> Repaired:
    """Writes what is whole in the run damaged (with its further parts) to the new file path.

    overwrite: replace a file that is there; otherwise it is refused. Raises TensorViewError, and
    leaves no file behind, where nothing is whole or the file cannot be written."""
    if os.path.exists(path) and os.path.samefile(damaged, path):
        raise TensorViewError(f"{os.fspath(path)}: a run is not repaired in place; name another file")
    with Source(damaged) as source:
        left_out = list(source.notes)
        if not source.complete:
            left_out.append(
                f"{os.fspath(damaged)}: its writer has not closed it; what came after its last flush"
                " is not in it"
            )
        left_out += _requests(source)
        run = Run(path, overwrite=overwrite, channel="", file_every=1, flush_seconds=-1)
        try:
            with run:
                tensors, records = _copy(source, run, left_out)
                if not records:
                    raise TensorViewError(f"{os.fspath(damaged)}: no record in it is whole", FORMAT)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(path)
            raise
    return Repaired(os.fspath(path), tensors, records, left_out)


class _Losses:
    """Records that cannot be read: a sentence for each stream."""

    def __init__(self) -> None:
        self._steps: Dict[str, List[int]] = {}
        self._why: Dict[str, str] = {}

    def add(self, name: str, step: int, error: TensorViewError) -> None:
        self._steps.setdefault(name, []).append(step)
        self._why.setdefault(name, str(error))

    def sentences(self) -> Iterator[str]:
        for name, steps in self._steps.items():
            if len(steps) == 1:
                yield self._why[name]
                continue
            more = f" and {len(steps) - MOST_STEPS} more" if len(steps) > MOST_STEPS else ""
            named = ", ".join(map(str, steps[:MOST_STEPS]))
            yield f"{len(steps)} records of {name}, steps {named}{more}; of the first: {self._why[name]}"


def _copy(source: Source, run: Run, left_out: List[str]) -> Tuple[int, int]:
    """How many tensors and records were written."""
    declared = _declare(source, run, left_out)
    rows, names = _scalars(source, left_out)
    for name in names:
        check(library.tv_declare_scalar(run._handle, name.encode()))
    streams: List[Stream] = [*declared, *source.states.values()]
    for states in source.states.values():
        run.declare_states(states.layer, states.filters)
    losses, records = _Losses(), 0
    for step, number, at in _in_order([stream.steps for stream in streams] + [source.scalars.steps]):
        if number == len(streams):
            known = {name: value for name, value in zip(names, rows[at]) if not np.isnan(value)}
            run.log(step, **known)
            records += bool(known)
            continue
        stream = streams[number]
        try:
            if isinstance(stream, Tensor):
                _copy_record(stream, declared[stream], run, step, at)
            else:
                _copy_states(stream, run, step, at)
            records += 1
        except _Unreadable as error:
            name = stream.name if isinstance(stream, Tensor) else f"{stream.layer}/filters"
            losses.add(name, step, error)
    left_out.extend(losses.sentences())
    return len(declared), records


class _Unreadable(TensorViewError):
    """Reading failed, not writing."""


def _declare(source: Source, run: Run, left_out: List[str]) -> Dict[Tensor, Declared]:
    declared = {}
    for tensor in source.values():
        summed = tensor.samples is not None
        if tensor.kind.endswith("_statistics_ranges"):
            continue  # the new file gets its own
        if tensor.problem is not None:
            left_out.append(tensor.problem)
        elif summed and tensor.type not in SUMS:
            left_out.append(f"{tensor.name} is a sum over a batch, and no sum is stored as {tensor.type}")
        else:
            axes = "n" * summed + tensor.axes
            declared[tensor] = run.declare(
                tensor.layer, tensor.kind, axes, tensor.shape, tensor.type, summed=summed
            )
    return declared


def _copy_record(tensor: Tensor, declared: Declared, run: Run, step: int, at: int) -> None:
    values = np.empty(tensor.shape, _arrays.TYPES[tensor.type][1])
    try:
        tensor._source._call("tv_source_read", tensor._number, at, values.ctypes.data)
    except TensorViewError as error:
        raise _Unreadable(str(error), error.status) from None
    samples = None if tensor.samples is None else int(tensor.samples[at])
    run._write(declared, step, values, samples)


def _copy_states(states: States, run: Run, step: int, at: int) -> None:
    try:
        values = states[at]
    except TensorViewError as error:
        raise _Unreadable(str(error), error.status) from None
    run.write_states(states.layer, step, values)


def _requests(source: Source) -> List[str]:
    """What viewers asked for is told, not copied: the new file has no channel to be asked by."""
    try:
        return [f"what was asked at step {asked.step}: {asked.sentence}" for asked in source.requests]
    except TensorViewError as error:
        return [str(error)]


def _scalars(source: Source, left_out: List[str]) -> Tuple[np.ndarray, List[str]]:
    """[records, names], NaN where one has no value or cannot be read; names."""
    names = list(source.scalars)
    values = np.full((len(source.scalars.steps), len(names)), np.nan)
    if values.size:
        try:
            source._call("tv_source_read_scalars", 0, len(values), values.ctypes.data)
        except TensorViewError as error:
            left_out.append(str(error))
    return values, names


def _in_order(steps: List[np.ndarray]) -> Iterator[Tuple[int, int, int]]:
    """Step, number of the stream, number of the record: all records, by step."""
    all_steps = np.concatenate(steps)
    numbers = np.repeat(np.arange(len(steps)), [len(one) for one in steps])
    records = np.concatenate([np.arange(len(one)) for one in steps])
    for at in np.argsort(all_steps, kind="stable"):
        yield int(all_steps[at]), int(numbers[at]), int(records[at])
