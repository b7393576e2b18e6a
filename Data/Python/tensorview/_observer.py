# SPDX-License-Identifier: BSD-3-Clause
"""Statistics alone: what is measured of every unit of a model at a step, without the tensors.

They are measured at once, in the trainer's thread, over the memory of the tensors: nothing is copied
that lies on the host in order. What is written is a row of eight numbers for each unit.
"""

from __future__ import annotations

from math import prod
from typing import Any, Callable, Dict, Iterable, Tuple

from ._activations import Key, Output
from ._library import TensorViewError
from ._network import Parameter
from ._rows import OutputRows, Rows
from .run import Run


class Observer:
    """chosen: which tensors, "layer/kind". most: samples of a batch that are looked at. say: tells
    the user something once."""

    def __init__(
        self, run: Run, chosen: Callable[[str], bool], most: int, say: Callable[[str], None]
    ):
        self._run, self._chosen, self._most, self._say = run, chosen, most, say
        self._rows: Dict[int, Rows] = {}  # by optimizer
        self.seen: Dict[Key, OutputRows] = {}  # whose outputs are measured in their place

    def misses(self, outputs: Dict[Key, Any]) -> bool:
        """Whether there is an output that is not declared."""
        return any(
            type(output) is Output and name_of(*key) not in self._run._observed
            for key, output in outputs.items()
        )

    def declare_parameter(self, parameter: Parameter) -> None:
        self._declare(parameter.layer, parameter.kind, parameter.axes, parameter.shape, True)
        if parameter.value.requires_grad:
            kind = parameter.kind_of("gradients")
            self._declare(parameter.layer, kind, parameter.axes, parameter.shape, False)

    def declare_output(self, key: Key, output: Any) -> None:
        layer, _, kind = name_of(*key).rpartition("/")
        if type(output) is Output and name_of(*key) not in self._run._observed:
            self._declare(layer, kind, output.axes, output.shape, False)

    def record(
        self,
        number: int,
        step: int,
        parameters: Callable[[], Iterable[Parameter]],
        outputs: Dict[Key, Any],
        scale: Any,
    ) -> None:
        """All of optimizer number. parameters: those that it has, asked for once."""
        rows = self._rows.get(number)
        if rows is None:
            rows = self._rows[number] = Rows(self._say)
            for parameter in parameters():
                self._add(rows, parameter)
        for key, output in list(outputs.items()):
            if type(output) is Output and not self._put(rows, key, output):
                del outputs[key]
        rows.measure_parameters(scale)
        self._run._put_rows(step, *rows.take(outputs))

    def _add(self, rows: Rows, parameter: Parameter) -> None:
        kinds = {parameter.kind: False, parameter.kind_of("gradients"): True}
        for kind, gradient in kinds.items():
            observed = self._run._observed.get(f"{parameter.layer}/{kind}")
            if observed is not None:
                rows.add_parameter(observed, parameter.value, gradient)

    def _put(self, rows: Rows, key: Key, output: Output) -> bool:
        """What was measured for the first time; the next time it is measured in its place."""
        observed = self._run._observed.get(name_of(*key))
        if observed is None:
            return False
        if key not in rows.outputs:
            rows.outputs[key] = self.seen[key] = OutputRows(rows, observed, self._most)
        if not rows.outputs[key].put(output.measured):
            return False
        if output.stride is not None:
            rows.outputs[key].learn(output.axes, output.shape, output.stride, output.dtype)
        return True

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
