# SPDX-License-Identifier: BSD-3-Clause
"""Similarity of filters, by the kernels that ParaView's filters use."""

from __future__ import annotations

import ctypes
from ctypes import c_char_p, c_double, c_int, c_size_t, c_void_p
from pathlib import Path
from typing import Any, NamedTuple, Optional, Tuple

import numpy as np

from . import _arrays
from ._library import TensorViewError

# Columns of what statistics() gives: tensorview/measures.h.
MEASURES = ("mean", "rms", "least", "greatest", "zeros", "nonfinite", "update", "silent")
METRICS = ("pearson", "cosine")
LINKAGES = ("complete", "single")

_library: Optional[ctypes.CDLL] = None


class View(ctypes.Structure):
    """tv_unit_view: the sizes of a tensor as statistics need them."""

    _fields_ = [(name, c_size_t) for name in ("samples", "outer", "units", "inner")]


class Item(ctypes.Structure):
    """tensorview_python_item: a tensor that is measured at each step, see measure()."""

    _fields_ = [
        ("data", c_void_p),
        ("previous", c_void_p),
        ("at", c_size_t),
        ("view", View),
        ("type", c_int),
        ("known", c_int),
    ]


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


def units(axes: str, shape: Tuple[int, ...]) -> int:
    """How many units (filters) a tensor has."""
    count = c_size_t()
    sizes = (c_size_t * max(1, len(shape)))(*shape)
    _check(_kernels().tensorview_python_units(ctypes.byref(count), axes.encode(), sizes))
    return count.value


def statistics(
    array: Any, axes: str, previous: Optional[np.ndarray] = None, known: bool = True
) -> np.ndarray:
    """What is measured of every unit of a tensor: [units, MEASURES], float32.

    array: in the order of axes, among which 'n' may be. previous: of the same shape and type, the
    record before (where known), and afterwards this one: then updates are measured."""
    values = _arrays.from_any(array)
    x = values.values
    if len(axes) != x.ndim:
        raise ValueError(f'"{axes}" and the shape {x.shape} do not agree')
    if previous is not None and (previous.shape != x.shape or previous.dtype != x.dtype):
        raise ValueError("previous is not of the array's shape and type")
    result = np.empty((units(axes, x.shape), len(MEASURES)), "f4")
    sizes = (c_size_t * max(1, x.ndim))(*x.shape)
    _check(
        _kernels().tensorview_python_statistics(
            result.ctypes.data, x.ctypes.data, _arrays.TYPES[values.type][0], axes.encode(), sizes,
            None if previous is None else previous.ctypes.data, known,
        )
    )
    return result


def view(axes: str, shape: Tuple[int, ...]) -> View:
    """What an Item needs to know of a tensor's sizes."""
    result = View()
    sizes = (c_size_t * max(1, len(shape)))(*shape)
    _check(_kernels().tensorview_python_view(ctypes.byref(result), axes.encode(), sizes))
    return result


def measure(items: Any, count: int, results: int) -> None:
    """statistics() of the count tensors at items, into the memory at results: [units of all of them,
    MEASURES], float32. Whoever calls has looked that pointers, types and sizes are right."""
    status = _kernels().tensorview_python_measure(items, count, results)
    if status < 0:
        _check(status)


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
        sizes = ctypes.POINTER(c_size_t)
        library.tensorview_python_units.argtypes = [sizes, c_char_p, sizes]
        library.tensorview_python_statistics.argtypes = [
            c_void_p, c_void_p, c_int, c_char_p, sizes, c_void_p, c_int,
        ]
        library.tensorview_python_view.argtypes = [c_void_p, c_char_p, sizes]
        library.tensorview_python_measure.argtypes = [c_void_p, c_size_t, c_void_p]
        _library = library
    return _library


def _check(status: int) -> None:
    if status < 0:
        message = _kernels().tensorview_python_error().decode(errors="replace")
        raise TensorViewError(message, status)
