# SPDX-License-Identifier: BSD-3-Clause
"""Numbers from wherever they are: numpy, torch, DLPack, the buffer protocol, lists.

Whatever comes in leaves as an Array: C order, on the host, of one of the types of the library. The
memory is the caller's own where that is possible, so nothing is copied that lies right.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np

# tv_type of tensorview/types.h, by the name of the type; and what numpy has for it.
TYPES = {
    "float32": (0, np.dtype("<f4")),
    "float64": (1, np.dtype("<f8")),
    "float16": (2, np.dtype("<f2")),
    "bfloat16": (3, np.dtype("<u2")),  # the upper half of a float32: numpy has no such type
    "int8": (4, np.dtype("i1")),
    "uint8": (5, np.dtype("u1")),
    "int32": (6, np.dtype("<i4")),
    "int64": (7, np.dtype("<i8")),
    "bool": (8, np.dtype("?")),
}
NAMES = {number: name for name, (number, _) in TYPES.items()}


class Array(NamedTuple):
    values: np.ndarray  # C order; bfloat16 as its bits in uint16
    type: str  # a key of TYPES


def type_name(dtype: Any) -> str:
    """The name of a type that is given as a name, a numpy, torch or ml_dtypes type."""
    name = str(dtype).rpartition(".")[2] if not isinstance(dtype, type) else np.dtype(dtype).name
    if name not in TYPES:
        try:
            name = np.dtype(dtype).name
        except TypeError:
            pass
    if name not in TYPES:
        raise TypeError(f"{dtype} is no type that a run can hold; there are {', '.join(TYPES)}")
    return name


def is_torch(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def from_torch(tensor: Any) -> Array:
    """Of a tensor that lies on the host in C order, its own memory."""
    torch = sys.modules["torch"]
    tensor = tensor.detach()
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    tensor = tensor.resolve_conj().resolve_neg().cpu().contiguous()
    name = type_name(tensor.dtype)
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
    return Array(tensor.numpy().view(TYPES[name][1]), name)


def from_any(value: Any) -> Array:
    """Of whatever holds numbers."""
    if isinstance(value, Array):
        return value
    if is_torch(value):
        return from_torch(value)
    if not isinstance(value, np.ndarray):
        if hasattr(value, "__array__") or not hasattr(value, "__dlpack__"):
            value = np.asarray(value)
        else:
            value = np.from_dlpack(value)
    name = type_name(value.dtype)
    if name == "bfloat16":  # ml_dtypes' type
        value = value.view("u2")
    return Array(np.asarray(value, TYPES[name][1], order="C"), name)


def converted(array: Array, name: str) -> np.ndarray:
    """The numbers in another type, where that loses no more than digits."""
    if array.type == name:
        return array.values
    values = to_numpy(array.values, array.type)
    if name == "bfloat16":
        return to_bfloat16(np.asarray(values, "f4"))
    into = TYPES[name][1]
    if not np.can_cast(values.dtype, into, "same_kind"):
        raise TypeError(f"numbers of type {array.type} are not {name}, as was declared")
    return np.asarray(values, into, order="C")


def to_bfloat16(values: np.ndarray) -> np.ndarray:
    """The nearest, halves to even; what is not a number stays none."""
    bits = np.ascontiguousarray(values, "<f4").view("<u4")
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(values), (bits >> 16) | 0x40, rounded).astype("<u2")


def to_numpy(values: np.ndarray, name: str) -> np.ndarray:
    """Numbers as numpy has them: bfloat16 becomes float32, which holds each of them."""
    if name != "bfloat16":
        return values
    return (values.astype("<u4") << 16).view("<f4")
