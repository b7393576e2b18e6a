"""Similarity of filters, by the kernels that ParaView's filters use."""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_double, c_int, c_size_t, c_void_p
from pathlib import Path
from typing import Any, NamedTuple, Optional

import numpy as np

from . import _arrays
from ._library import TensorViewError

METRICS = ("pearson", "cosine")
LINKAGES = ("complete", "single")

_library: Optional[ctypes.CDLL] = None


class Groups(NamedTuple):
    """group: of each filter the lowest filter of its group, -1 where it is alone. representative: the
    filter that stands for it, itself where it is alone; -1 where it is dead. matrix: the
    correlation of every pair."""

    group: np.ndarray
    representative: np.ndarray
    matrix: np.ndarray


def correlate(array: Any, metric: str = "pearson", threads: int = 1) -> np.ndarray:
    """The similarity of every pair of filters: [filters, filters], float32.

    array: a filter for each entry of the first axis, its pixels in the others, two at least: a
    record of activations as it is. metric: "pearson" or "cosine". threads: 0 is what OpenMP would
    use. Rows and columns of constant (dead) filters are NaN."""
    values = _arrays.from_any(array)
    if values.type not in ("float32", "float64"):
        values = _arrays.Array(_arrays.converted(values, _wide(values.type)), _wide(values.type))
    x = values.values
    if x.ndim < 2:
        raise ValueError(f"filters have two pixels at least; the shape is {x.shape}")
    matrix = np.empty((len(x), len(x)), "f4")
    pixels = x.size // len(x) if len(x) else 0
    number = METRICS.index(_one_of(metric, METRICS))
    _check(
        _kernels().tensorview_python_correlate(
            matrix.ctypes.data, x.ctypes.data, _arrays.TYPES[values.type][0], len(x), pixels,
            number, threads,
        )
    )
    return matrix


def groups(
    array: Any, threshold: float = 0.97, linkage: str = "complete", metric: str = "pearson"
) -> Groups:
    """Groups of filters that see the same thing: every pair of a group is as similar as threshold
    (linkage "complete"), or chains of pairs are ("single"). array: as of correlate()."""
    number = LINKAGES.index(_one_of(linkage, LINKAGES))
    matrix = correlate(array, metric)
    group, representative = (np.empty(len(matrix), "i4") for _ in range(2))
    _check(
        _kernels().tensorview_python_group(
            group.ctypes.data, representative.ctypes.data, matrix.ctypes.data, len(matrix),
            threshold, number,
        )
    )
    return Groups(group, representative, matrix)


def _wide(name: str) -> str:
    return "float64" if name in ("int32", "int64") else "float32"


def _one_of(name: str, names: Any) -> str:
    if name not in names:
        raise ValueError(f"{name!r} is none of {', '.join(names)}")
    return name


def _kernels() -> Any:
    global _library
    if _library is None:
        library = ctypes.CDLL(str(Path(__file__).parent / "libtensorview_python.so"))
        library.tensorview_python_error.restype = c_char_p
        library.tensorview_python_correlate.argtypes = [
            c_void_p, c_void_p, c_int, c_size_t, c_size_t, c_int, c_int,
        ]
        library.tensorview_python_group.argtypes = [
            c_void_p, c_void_p, c_void_p, c_size_t, c_double, c_int,
        ]
        _library = library
    return _library


def _check(status: int) -> None:
    if status < 0:
        message = _kernels().tensorview_python_error().decode(errors="replace")
        raise TensorViewError(message, status)
