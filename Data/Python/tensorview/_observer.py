# SPDX-License-Identifier: BSD-3-Clause
"""Statistics alone: what is measured of every unit of a model at a step, without the tensors.

They are measured at once, in the trainer's thread, over the memory of the tensors: nothing is copied
that lies on the host in order. What is written is a row of eight numbers for each unit.
"""

from __future__ import annotations

from math import prod
from typing import Any, Callable, Dict, Iterable, List, Tuple

from . import _arrays
from ._activations import Key, Output
from ._library import TensorViewError
from ._network import Parameter
from .run import Run


class Observer:
    """chosen: which tensors, "layer/kind". say: tells the user something once."""

    def __init__(self, run: Run, chosen: Callable[[str], bool], say: Callable[[str], None]):
        self._run, self._chosen, self._say = run, chosen, say

    def misses(self, outputs: Dict[Key, Output]) -> bool:
        """Whether there is an output that is not declared."""
        return any(name_of(*key) not in self._run._observed for key in outputs)

    def declare_parameter(self, parameter: Parameter) -> None:
        self._declare(parameter.layer, parameter.kind, parameter.axes, parameter.shape, True)
        if parameter.value.requires_grad:
            kind = parameter.kind_of("gradients")
            self._declare(parameter.layer, kind, parameter.axes, parameter.shape, False)

    def declare_output(self, key: Key, output: Output) -> None:
        layer, _, kind = name_of(*key).rpartition("/")
        if name_of(*key) not in self._run._observed:
            self._declare(layer, kind, output.axes, output.shape, False)

    def record(
        self, step: int, parameters: Iterable[Parameter], outputs: Dict[Key, Output]
    ) -> None:
        for parameter in parameters:
            self._observe(f"{parameter.layer}/{parameter.kind}", step, parameter, parameter.value)
            if parameter.value.grad is not None:
                name = f"{parameter.layer}/{parameter.kind_of('gradients')}"
                self._observe(name, step, parameter, parameter.value.grad)
        for key, output in outputs.items():
            observed = self._run._observed.get(name_of(*key))
            if observed is not None and observed.declared.shape == output.measured.shape:
                measured = output.measured
                self._run._put(observed.declared, step, measured, measured.nbytes, None)

    def _observe(self, name: str, step: int, parameter: Parameter, tensor: Any) -> None:
        if name in self._run._observed:
            array = _arrays.from_torch(tensor)
            shaped = _arrays.Array(array.values.reshape(parameter.shape), array.type)
            Run.observe(self._run, name, step, shaped)

    def _declare(
        self, layer: str, kind: str, axes: str, shape: Tuple[int, ...], updates: bool
    ) -> None:
        if not self._chosen(f"{layer}/{kind}") or not prod(shape):
            return
        try:
            self._run.declare_statistics(layer, kind, axes, shape, updates=updates)
        except (TypeError, TensorViewError) as error:
            self._say(f"no statistics of {layer}/{kind}: {error}")


def name_of(layer: str, call: int) -> str:
    """The name of what a layer gave for one of its calls in a forward."""
    return f"{layer}/activations" + (f"_{call}" if call > 1 else "")
