# SPDX-License-Identifier: BSD-3-Clause
"""The measures of all units of a model at one step, in one piece of memory.

A step of a small network takes a few milliseconds, and a call into C from Python a microsecond. So
what does not change from step to step is prepared once: for each tensor where it lies, its sizes, and
where its measures go. A step is then a look at each tensor whether that still holds, one call for all
parameters, one for each output of a layer, and one that writes all rows.
"""

from __future__ import annotations

import ctypes
from math import prod
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

import numpy as np
import torch

from . import _arrays, kernels
from ._tensors import Observed

Key = Tuple[str, int]  # layer, number of the call in its forward


class Rows:
    """Of the tensors that one optimizer has. say: tells the user something once."""

    def __init__(self, say: Callable[[str], None]):
        self._say, self._count = say, 0
        self._places: List[Any] = []
        self.parameters: List[ParameterRows] = []
        self.outputs: Dict[Key, OutputRows] = {}
        self._items = (kernels.Item * 0)()
        self._all: Optional[Tuple[np.ndarray, np.ndarray]] = None
        self.memory = _memory(0)

    def add(self, observed: Observed) -> int:
        """Room for a tensor's units: the first row of them."""
        at, self._count = self._count, self._count + observed.declared.shape[0]
        if len(self.memory[0]) < self._count:  # twice as much as is needed, until the next step
            values = self.memory[0]
            self.memory = _memory(2 * self._count)
            self.memory[0][: len(values)] = values
        self._all = None
        return at

    def add_parameter(self, observed: Observed, value: torch.Tensor, gradient: bool) -> None:
        self.parameters.append(ParameterRows(observed, self.add(observed), value, gradient))

    def _side_by_side(self) -> None:
        """The items of all parameters, so that one call measures them."""
        self._items = (kernels.Item * len(self.parameters))(*(p.item for p in self.parameters))
        for parameter, item in zip(self.parameters, self._items):
            parameter.item = item

    def measure_parameters(self, scale: Any) -> None:
        """scale: what gradients are multiplied by, or None."""
        if len(self._items) < len(self.parameters):
            self._side_by_side()
        kept = []
        for parameter in self.parameters:
            temporary = parameter.find(scale, self._say)
            if temporary is not None:
                kept.append(temporary)
        values, address = self.memory
        kernels.measure(self._items, len(self.parameters), address)

    def take(self, outputs: Dict[Key, Any]) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows of this step, the numbers of the tensors that it has, and where the rows of each
        begin, in bytes. The next step gets memory of its own."""
        values = self.memory[0][: self._count]
        self.memory = _memory(self._count)
        here = [p for p in self.parameters if p.item.data]
        seen = [rows for key, rows in self.outputs.items() if key in outputs]
        if self._all is not None and len(self._all[0]) == len(here) + len(seen):
            return (values, *self._all)
        places: List[Any] = [*here, *seen]
        numbers = np.array([place.number for place in places], "i4")
        starts = np.array([place.at for place in places], "u8") * np.uint64(values.strides[0])
        if len(places) == len(self.parameters) + len(self.outputs):
            self._all = numbers, starts
        return values, numbers, starts


class ParameterRows:
    """A parameter, or its gradient."""

    def __init__(self, observed: Observed, at: int, value: torch.Tensor, gradient: bool):
        self.number, self.at, self._name = observed.declared.number, at, observed.declared.name
        self._value, self._gradient, self._updates = value, gradient, observed.updates
        self._numbers, self._dtype = value.numel(), None
        self._previous: Optional[np.ndarray] = None
        self._pointer = 0
        self.item = kernels.Item(at=at, view=kernels.view(observed.axes, observed.shape))

    def find(self, scale: Any, say: Callable[[str], None]) -> Any:
        """Where it lies now. Returns what has to live until it is measured, or None."""
        tensor = self._value.grad if self._gradient else self._value
        if tensor is not None and self._gradient and scale is not None:
            tensor = tensor / scale.to(tensor.device)
        pointer, kept = 0, None
        if tensor is not None and tensor.numel() != self._numbers:
            say(f"{self._name}: the parameter is not of the size any more that it had")
        elif tensor is not None:
            pointer = _place(tensor, self._dtype)
            kept = tensor if scale is not None else None
            if not pointer:
                kept = _arrays.from_torch(tensor)
                self._of_type(kept, tensor.dtype)
                pointer = kept.values.ctypes.data
        if pointer != self._pointer:
            self._pointer = self.item.data = pointer
        return kept

    def _of_type(self, array: _arrays.Array, dtype: torch.dtype) -> None:
        if dtype == self._dtype:
            return
        self._dtype = dtype
        self.item.type = _arrays.TYPES[array.type][0]
        if self._updates:
            self._previous, self.item.known = np.empty(array.values.size, array.values.dtype), 0
            self.item.previous = self._previous.ctypes.data


class OutputRows:
    """What a layer gives for one of its calls. most: samples of a batch that are looked at."""

    def __init__(self, rows: Rows, observed: Observed, most: int):
        self.number, self.at = observed.declared.number, rows.add(observed)
        self._rows, self._units, self._most = rows, observed.declared.shape[0], most
        self._known: Dict[Tuple[int, ...], Known] = {}

    def learn(
        self, axes: str, shape: Tuple[int, ...], stride: Tuple[int, ...], dtype: torch.dtype
    ) -> None:
        """From now on outputs of this shape are measured by measure(): where they lie, if nothing
        lies between and the batch is the slowest axis, otherwise in a copy."""
        if len(self._known) >= 16 and shape not in self._known:
            return
        lies = _order(axes, shape, stride)
        order = lies or _order(axes, shape)
        sizes = [shape[axis] for axis in order]
        if "n" in axes:
            sizes[0] = min(sizes[0], self._most)
        copy = None if lies else torch.empty(sizes, dtype=dtype)
        first = slice(sizes[0] if "n" in axes else None)
        view = kernels.view("".join(axes[axis] for axis in order), tuple(sizes))
        item = kernels.Item(at=self.at, view=view, type=_arrays.TYPES[_arrays.type_name(dtype)][0])
        if view.units == self._units:
            self._known[shape] = Known(item, ctypes.byref(item), dtype, stride, copy, order, first)

    def put(self, measured: np.ndarray) -> bool:
        """Takes what was measured otherwise."""
        if len(measured) != self._units:
            return False
        self._rows.memory[0][self.at : self.at + self._units] = measured
        return True

    def measure(self, tensor: torch.Tensor) -> bool:
        """False, and nothing is done, where it is not as it was before."""
        known = self._known.get(tensor.shape)
        if known is None:
            return False
        if known.copy is None:
            known.item.data = _place(tensor, known.dtype, known.stride)
        elif tensor.dtype is known.dtype and tensor.layout is torch.strided:
            known.copy.copy_(tensor.detach().permute(known.order)[known.first])
            known.item.data = known.copy.data_ptr()
        else:
            return False
        if not known.item.data:
            return False
        values, address = self._rows.memory  # values live as long as they are written to
        kernels.measure(known.pointer, 1, address)
        return True


class Known(NamedTuple):
    """Outputs of a shape."""

    item: kernels.Item
    pointer: Any  # to it
    dtype: torch.dtype
    stride: Tuple[int, ...]
    copy: Optional[torch.Tensor]  # None: they are measured in their place; or what they are copied to
    order: List[int]  # their axes in this order
    first: slice  # and so many samples


def _order(
    axes: str, shape: Tuple[int, ...], stride: Optional[Tuple[int, ...]] = None
) -> Optional[List[int]]:
    """The numbers of the axes, slowest first: the batch, and then as they lie in memory; None where
    they do not lie so, or not side by side. Without a stride: the others as they are named."""
    batch = axes.find("n")
    order = [axis for axis in range(len(shape)) if axis != batch]
    if stride is not None:
        order.sort(key=lambda axis: -stride[axis])
    order = [batch] * (batch >= 0) + order
    dense = 1
    for axis in reversed(order if stride is not None else ()):
        if shape[axis] > 1 and stride[axis] != dense:
            return None
        dense *= shape[axis]
    return order


def _place(tensor: torch.Tensor, dtype: Any, stride: Optional[Tuple[int, ...]] = None) -> int:
    """Where its numbers lie, if they are of that type, on the host and in order, or that far apart;
    otherwise 0."""
    try:
        if tensor.dtype is dtype and tensor.is_cpu and not tensor.is_neg():
            if tensor.is_contiguous() if stride is None else tensor.stride() == stride:
                return tensor.data_ptr()
    except RuntimeError:  # sparse
        pass
    return 0


def _memory(rows: int) -> Tuple[np.ndarray, int]:
    values = np.empty((rows, len(kernels.MEASURES)), "f4")
    return values, values.ctypes.data
