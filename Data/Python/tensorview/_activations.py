# SPDX-License-Identifier: BSD-3-Clause
"""Seeing activations: forward hooks that sum a batch where it is, and are there only while needed.

A hook is called by torch with a layer's output. The sum over the batch is made at once, on the
device that has it: a ReLU in place may change the output right after. Outputs are added up over all
forwards since the step before, so that accumulated gradients and their activations are of the same
samples. A layer that is called several times in one forward has an activation for each call, up to
CALLS of them.

Hooks must not outlive the run in copies: copied or saved with their model, they become a function
of the standard library that does nothing, so that the copy neither records nor needs this package.
"""

from __future__ import annotations

import contextlib
import threading
from math import prod
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional, Set, Tuple

import numpy as np
import torch
from torch import nn

from . import kernels
from ._library import TensorViewError
from ._network import Layer, activation_axes

CALLS = 4
Key = Tuple[str, int]  # layer, number of the call in its forward


class _Hook:
    """Callable as a hook; whatever it is copied into does nothing."""

    def __init__(self, call: Callable[..., None]):
        self._call = call

    def __call__(self, *arguments: Any) -> None:
        self._call(*arguments)

    def __reduce__(self) -> Any:
        return getattr, (contextlib.nullcontext(), "__exit__")

    def __deepcopy__(self, memo: Any) -> Any:
        return contextlib.nullcontext().__exit__


class Sum:
    """What a layer gave for one of its calls, summed over the batch."""

    def __init__(self, value: torch.Tensor, samples: int, axes: str):
        self.value, self.samples, self.axes = value, samples, axes


class Output(NamedTuple):
    """The statistics of what a layer gave last for one of its calls, and how that lay."""

    measured: np.ndarray
    axes: str
    shape: Tuple[int, ...]
    stride: Optional[Tuple[int, ...]]  # None: not on the host, or sparse
    dtype: torch.dtype


class Activations:
    """failed: told what goes wrong in a hook, which itself never fails. evaluation: outputs count
    also where no gradients are asked for. most: samples of a batch that statistics are of."""

    def __init__(
        self,
        evaluation: bool,
        most: int,
        failed: Callable[[Exception], None],
        said: Callable[[str], None],
    ):
        self._evaluation, self.most, self._failed, self._said = evaluation, most, failed, said
        self.sums: Dict[Key, Sum] = {}  # since the step before
        self._calls: Dict[Tuple[int, str], int] = {}  # in this forward, by thread and layer
        self._like: Dict[Tuple[int, ...], str] = {}
        self._handles: Dict[str, Any] = {}
        self._summed: Set[str] = set()  # layers whose sums are wanted
        self.outputs: Dict[Key, Any] = {}  # since the step before, of layers that are observed: an
        # Output, or, once they are known, where they were measured, one of:
        self.places: Dict[Key, Any] = {}
        self._observed: Set[str] = set()
        self._roots: List[Any] = []
        self._lock = threading.Lock()  # DataParallel calls from several threads
        self.forwards = 0  # forwards in training since someone last looked

    def watch_roots(self, roots: Iterable[nn.Module]) -> None:
        for root in roots:
            self._roots.append(root.register_forward_pre_hook(_Hook(self._forward)))

    def watch(self, layers: Iterable[Layer], observe: bool = False) -> None:
        """From now on the outputs of these layers are summed, or else their statistics taken."""
        for layer in layers:
            (self._observed if observe else self._summed).add(layer.name)
            if layer.name not in self._handles:
                hook = _Hook(lambda module, inputs, output, layer=layer: self._output(layer, output))
                try:
                    self._handles[layer.name] = layer.module.register_forward_hook(hook)
                except RuntimeError as error:  # a compiled module may refuse hooks
                    self._said(f"the activations of {layer.name} cannot be seen: {error}")

    def ignore(self, layers: Iterable[Layer], observe: bool = False) -> None:
        """No longer."""
        for layer in layers:
            (self._observed if observe else self._summed).discard(layer.name)
            if layer.name in self._observed or layer.name in self._summed:
                continue
            handle = self._handles.pop(layer.name, None)
            if handle is not None:
                handle.remove()

    def take(self, names: Set[str]) -> Dict[Key, Sum]:
        """What the layers of these names gave since the step before; and forgets it."""
        return self._take(self.sums, names)

    def take_outputs(self, names: Set[str]) -> Dict[Key, Any]:
        """The same for their last outputs, as in outputs."""
        return self._take(self.outputs, names)

    def _take(self, kept: Dict[Key, Any], names: Set[str]) -> Dict[Key, Any]:
        with self._lock:
            taken = {key: one for key, one in kept.items() if key[0] in names}
            for key in taken:
                del kept[key]
            self._calls.clear()
        return taken

    def close(self) -> None:
        for handle in [*self._roots, *self._handles.values()]:
            handle.remove()
        self._roots, self._handles = [], {}
        self.sums.clear()
        self.outputs.clear()

    def _counts(self, root: nn.Module) -> bool:
        if torch.jit.is_tracing():
            return False
        return self._evaluation or (torch.is_grad_enabled() and root.training)

    def _forward(self, root: nn.Module, inputs: Any) -> None:
        if self._counts(root):
            self.forwards += 1
            thread = threading.get_ident()
            with self._lock:
                for key in [key for key in self._calls if key[0] == thread]:
                    del self._calls[key]

    def _output(self, layer: Layer, output: Any) -> None:
        try:
            tensor = _first_tensor(output)
            if tensor is not None and self._counts(layer.root):
                self._add(layer, tensor)
        except Exception as error:
            self._failed(error)

    def _add(self, layer: Layer, tensor: torch.Tensor) -> None:
        caller = (threading.get_ident(), layer.name)
        with self._lock:
            call = self._calls[caller] = self._calls.get(caller, 0) + 1
        if call > CALLS:
            return
        key = layer.name, call
        place = self.places.get(key) if layer.name in self._observed else None
        if place is not None and place.measure(tensor):
            self.outputs[key] = place
            if layer.name not in self._summed:
                return
        else:
            place = None
        with torch.no_grad():
            self._look(layer, key, tensor, place is not None)

    def _look(self, layer: Layer, key: Key, tensor: torch.Tensor, measured: bool) -> None:
        axes = activation_axes(layer, tuple(tensor.shape), self._like)
        self._like[tuple(tensor.shape)] = axes
        if layer.name in self._observed and prod(tensor.shape) and not measured:
            self._observe(key, tensor, axes)
        if layer.name in self._summed:
            self._sum(key, tensor, axes)

    def _observe(self, key: Key, tensor: torch.Tensor, axes: str) -> None:
        here = tensor.is_cpu and tensor.layout is torch.strided
        stride = tensor.stride() if here else None
        values, order = tensor, axes
        if "n" in axes:  # the batch has to be the slowest
            batch = axes.index("n")
            values = tensor.movedim(batch, 0)[: self.most]
            order = "n" + axes[:batch] + axes[batch + 1 :]
        try:
            measured = kernels.statistics(values, order)
            self.outputs[key] = Output(measured, axes, tuple(tensor.shape), stride, tensor.dtype)
        except TensorViewError as error:
            self._said(f"no statistics of the activations of {key[0]}: {error}")

    def _sum(self, key: Key, tensor: torch.Tensor, axes: str) -> None:
        kind = torch.float64 if tensor.dtype == torch.float64 else torch.float32
        value, samples = tensor.detach(), 1
        if "n" in axes:
            batch = axes.index("n")
            samples = value.shape[batch]
            value = value.sum(batch, dtype=kind)
        else:
            value = value.to(kind, copy=True)
        with self._lock:
            kept = self.sums.get(key)
            if kept is None:
                self.sums[key] = Sum(value, samples, axes)
            elif kept.value.shape == value.shape:
                kept.value = kept.value + value.to(kept.value.device)
                kept.samples += samples
            else:
                self._said(f"the activations of {key[0]} change their shape within a step")


def _first_tensor(output: Any) -> Optional[torch.Tensor]:
    """Of a tensor, or of tuples, lists and mappings of them: the first of real numbers."""
    if isinstance(output, torch.Tensor):
        return output if output.is_floating_point() else None
    if hasattr(output, "values") and callable(output.values):
        output = output.values()
    elif not isinstance(output, (tuple, list)):
        return None
    for part in output:
        found = _first_tensor(part)
        if found is not None:
            return found
    return None
