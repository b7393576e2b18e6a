# SPDX-License-Identifier: BSD-3-Clause
"""What changed between two runs, two weight files, or two steps of one.

    print(tensorview.diff("before.pt", "after.pt"))
    print(tensorview.diff("run.tvh5", steps=(0, 500)))
    for change in tensorview.diff("a.safetensors", "b.safetensors").changes:
        change.name, change.relative, change.largest, change.share, change.cosine

Two tensors are compared where their names, "layer/kind", agree. One pair at a time is in memory.
"""

from __future__ import annotations

import math
import operator
import os
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from ._library import ARGUMENT, TensorViewError
from .reading import Path, Source, Tensor
from .reading import open as open_source

PIECE = 1 << 20  # elements that are float64 at a time
MOST_NAMES = 5  # in a line
PASSING = ("activations", "gradients", "updates", "statistics")  # kinds that are no state of a network
Step = Union[int, str]


class Change(NamedTuple):
    """A tensor in both. A is the first of the two, B the second, d is B - A; sums run over all
    elements, in float64."""

    name: str
    layer: str
    kind: str
    axes: str  # and shape: as A has them; B's are brought into that order where its letters differ
    shape: Tuple[int, ...]
    steps: Tuple[int, int]  # of the records that were compared
    relative: float  # |d| / |A|, Euclidean norms: 0 unchanged, inf where A was 0, nan: not finite
    largest: float  # largest |d| of an element
    share: float  # of the elements that are not the same, 0 to 1
    cosine: float  # of the angle between A and B; nan where one is 0


class Differences(NamedTuple):
    """What diff() gives; str() of it is what the command prints."""

    a: str  # what was compared, for people
    b: str
    changes: List[Change]  # tensors in both, by relative change, the largest first; nan before them
    only_a: List[str]  # names
    only_b: List[str]
    others: List[str]  # a sentence for each tensor in both that cannot be compared

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self, most: Optional[int] = None) -> List[str]:
        """For people. most: rows of the table."""
        changed = [one for one in self.changes if one.relative != 0]
        same = [one.name for one in self.changes if one.relative == 0]
        lines = [f"{self.a} → {self.b}: {len(changed)} of {len(self.changes)} tensors changed"]
        rows = [("tensor", "shape", "change", "largest", "elements")] if changed else []
        rows += [_row(one) for one in changed[:most]]
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines += ["  " + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        if most is not None and len(changed) > most:
            lines.append(f"  and {len(changed) - most} more")
        for what, names in (
            ("unchanged", same),
            (f"only in {self.a}", self.only_a),
            (f"only in {self.b}", self.only_b),
        ):
            if names:
                more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
                lines.append(f"  {what}: {', '.join(names[:MOST_NAMES])}{more}")
        return lines + [f"  {sentence}" for sentence in self.others]


def diff(
    a: Union[Path, Sequence[Path], Source],
    b: Union[None, Path, Sequence[Path], Source] = None,
    *,
    steps: Optional[Tuple[Step, Step]] = None,
    kinds: Optional[Sequence[str]] = None,
) -> Differences:
    """Compares two sources tensor by tensor: whatever open() opens, or what it gave.

    b: None compares two steps of a. steps: of a and of b, a number (the last record at or before
    it), "first" or "last"; None: the last of both, or without b the first and the last. kinds:
    "weights", "bias", ...; by default all that is shown unless switched off, without activations,
    gradients, updates and statistics."""
    wanted = steps or ("last" if b is not None else "first", "last")
    opened: List[Source] = []

    def source(of: Any) -> Source:
        if isinstance(of, Source):
            return of
        opened.append(open_source(of))
        return opened[-1]

    try:
        first = source(a)
        return _compare(first, first if b is None else source(b), [_step(one) for one in wanted], kinds)
    finally:
        for one in opened:
            one.close()


def _step(step: Step) -> Optional[int]:
    """-1: the first; None: the last."""
    if step in ("first", "last"):
        return -1 if step == "first" else None
    try:
        number = operator.index(step)  # type: ignore[arg-type]
    except TypeError:
        number = -1
    if number < 0:
        raise TensorViewError(f'a step is a number from 0, "first" or "last", not {step!r}', ARGUMENT)
    return number


def _compare(
    a: Source, b: Source, steps: List[Optional[int]], kinds: Optional[Sequence[str]]
) -> Differences:
    chosen_a, chosen_b = _chosen(a, kinds), _chosen(b, kinds)
    if kinds and not chosen_a and not chosen_b:
        raise TensorViewError(f"{_paths(a)}: has no tensor of the kind {' or '.join(kinds)}", ARGUMENT)
    records_a = {name: _record(tensor, steps[0]) for name, tensor in chosen_a.items()}
    records_b = {name: _record(tensor, steps[1]) for name, tensor in chosen_b.items()}
    names = _named(a, chosen_a, records_a), _named(b, chosen_b, records_b)
    if names[0] == names[1]:
        names = f"{names[0]} (A)", f"{names[1]} (B)"
    found = Differences(*names, [], [], [], [])
    for name, tensor in chosen_a.items():
        if records_a[name] is None:
            continue
        if records_b.get(name) is None:
            found.only_a.append(name)
            continue
        try:
            pair = tensor, chosen_b[name]
            found.changes.append(_change(*pair, records_a[name], records_b[name], _order(*pair, names)))
        except TensorViewError as error:
            found.others.append(str(error))
    found.only_b.extend(
        name for name, at in records_b.items() if at is not None and records_a.get(name) is None
    )
    found.changes.sort(key=lambda one: -math.inf if math.isnan(one.relative) else -one.relative)
    found.changes.sort(key=lambda one: not math.isnan(one.relative))
    return found


def _paths(source: Source) -> str:
    if len(source.paths) > 2:
        return f"{source.paths[0]} and {len(source.paths) - 1} more"
    return " and ".join(source.paths)


def _named(source: Source, tensors: Dict[str, Tensor], records: Dict[str, Optional[int]]) -> str:
    """With the step, where there are several."""
    steps = {int(step) for tensor in tensors.values() for step in tensor.steps}
    shown = [int(tensors[name].steps[at]) for name, at in records.items() if at is not None]
    return f"{_paths(source)} at step {max(shown)}" if len(steps) > 1 and shown else _paths(source)


def _chosen(source: Source, kinds: Optional[Sequence[str]]) -> Dict[str, Tensor]:
    if kinds:
        return {name: tensor for name, tensor in source.items() if tensor.kind in kinds}
    return {
        name: tensor
        for name, tensor in source.items()
        if tensor.offered and not tensor.kind.endswith(PASSING)
    }


def _record(tensor: Tensor, step: Optional[int]) -> Optional[int]:
    """The number of the record at or before a step; None where there is none."""
    if step is None or step == -1 or not len(tensor):
        return None if not len(tensor) else len(tensor) - 1 if step is None else 0
    at = int(np.searchsorted(tensor.steps, step, side="right")) - 1
    return at if at >= 0 else None


def _order(a: Tensor, b: Tensor, names: Tuple[str, str]) -> Optional[Tuple[int, ...]]:
    """How b's axes are to be transposed to be a's; None: not at all."""
    order = None
    if a.axes != b.axes and sorted(a.axes) == sorted(b.axes) and len(set(a.axes)) == len(a.axes):
        order = tuple(b.axes.index(letter) for letter in a.axes)
    shape = b.shape if order is None else tuple(b.shape[at] for at in order)
    if shape != a.shape:
        raise TensorViewError(
            f"{a.name} has another shape: {_shape(a.shape)} ({a.axes}) in {names[0]},"
            f" {_shape(b.shape)} ({b.axes}) in {names[1]}"
        )
    return order


def _change(a: Tensor, b: Tensor, at_a: int, at_b: int, order: Optional[Tuple[int, ...]]) -> Change:
    values_a, values_b = a[at_a], b[at_b]
    if order is not None:
        values_b = values_b.transpose(order)
    squares, largest, differ = np.zeros(4), 0.0, 0
    for one, other in _pieces(values_a.reshape(-1), values_b.reshape(-1)):
        with np.errstate(all="ignore"):
            delta = other - one
            squares += (delta @ delta, one @ one, other @ other, one @ other)
            largest = max(largest, float(np.abs(delta).max(initial=0))) if np.isfinite(delta).all() else math.nan
        differ += int(np.count_nonzero((one != other) & ~(np.isnan(one) & np.isnan(other))))
    change, norm_a, norm_b = np.sqrt(squares[:3])
    cosine = float(squares[3] / (norm_a * norm_b)) if norm_a > 0 and norm_b > 0 else math.nan
    if norm_a == 0:
        relative = math.inf if change > 0 else 0.0 if change == 0 else math.nan
    else:
        relative = float(change / norm_a) if math.isfinite(change) and math.isfinite(norm_a) else math.nan
    steps = int(a.steps[at_a]), int(b.steps[at_b])
    share = differ / max(values_a.size, 1)
    return Change(a.name, a.layer, a.kind, a.axes, a.shape, steps, relative, largest, share, cosine)


def _pieces(a: np.ndarray, b: np.ndarray) -> Iterator[Tuple[np.ndarray, np.ndarray]]:
    for at in range(0, a.size, PIECE):
        yield a[at : at + PIECE].astype("f8"), b[at : at + PIECE].astype("f8")


def _row(one: Change) -> Tuple[str, ...]:
    change = "not finite" if math.isnan(one.relative) else _percent(one.relative)
    largest = "" if math.isnan(one.largest) else f"{one.largest:.3g}"
    return one.name, _shape(one.shape), change, largest, _percent(one.share)


def _percent(share: float) -> str:
    return "from 0" if math.isinf(share) else f"{100 * share:.3g} %"


def _shape(shape: Tuple[int, ...]) -> str:
    return " × ".join(map(str, shape)) or "1"
