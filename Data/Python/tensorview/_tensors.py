# SPDX-License-Identifier: BSD-3-Clause
"""What a run knows of its tensors: how each was declared, and how it is measured."""

from __future__ import annotations

from typing import NamedTuple, Optional, Tuple

import numpy as np

from . import kernels
from ._arrays import Array
from ._library import ARGUMENT, TensorViewError


class Declared(NamedTuple):
    """A tensor of a run: what Run.declare() gives and Run.write() takes."""

    number: int
    name: str  # "layer/kind"
    axes: str
    shape: Tuple[int, ...]
    dtype: str
    summed: bool  # there is no batch in what the library gets


class Observed:
    """A tensor whose statistics are recorded: what Run.declare_statistics() gives."""

    def __init__(self, declared: Declared, axes: str, shape: Tuple[int, ...], updates: bool):
        self.declared, self.axes, self.shape, self.updates = declared, axes, shape, updates
        self._previous: Optional[np.ndarray] = None

    def measure(self, array: Array) -> np.ndarray:
        known = self._previous is not None
        if self.updates and not known:
            self._previous = np.empty_like(array.values)
        return kernels.statistics(array, self.axes, self._previous, known)


def samples_of(declared: Declared, shape: Tuple[int, ...], samples: Optional[int]) -> Optional[int]:
    """How many samples an array has, if it may be written as that tensor."""
    expected = declared.shape
    if "n" in declared.axes and not declared.summed and len(shape) == len(expected):
        at = declared.axes.index("n")
        if shape[at] <= expected[at]:
            expected = expected[:at] + (shape[at],) + expected[at + 1 :]
        samples = shape[at]
    elif declared.summed and samples is None:
        raise ValueError(f"{declared.name} is a sum: of how many samples?")
    if tuple(shape) != expected:
        raise TensorViewError(
            f"{declared.name} was declared as {declared.shape} and cannot be {tuple(shape)}", ARGUMENT
        )
    return samples
