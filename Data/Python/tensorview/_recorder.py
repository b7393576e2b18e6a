# SPDX-License-Identifier: BSD-3-Clause
"""Hands a model's tensors to a run: all that is due at a step, in the order of the network."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any, Callable, Dict, List, Optional, Set, Tuple

import torch

from . import _arrays, _network
from ._activations import Activations, Key, Sum
from ._choice import STATISTICS
from ._host import Copy
from ._library import TensorViewError
from ._network import Layer, Parameter
from ._observer import Observer, name_of
from .run import Run

Sums = Dict[Key, Sum]
SEEN = {"activations", STATISTICS}  # kinds that forward hooks see


class Recorder:
    """run: where to. every: by kind, every how many steps. say: tells the user something once."""

    def __init__(
        self,
        run: Run,
        networks: Dict[str, torch.nn.Module],
        chosen: Callable[[str], bool],
        every: Dict[str, int],
        activations: Activations,
        say: Callable[[str], None],
    ):
        self._run, self._networks, self._chosen, self._every = run, networks, chosen, every
        self._activations, self._say = activations, say
        self._layers, _ = _network.layers(networks)
        self._owner: Dict[int, int] = {}  # of a parameter: the number of the optimizer that has it
        self._layer_owner: Dict[str, int] = {}
        self._last: Dict[Tuple[int, str], int] = {}  # step last recorded, by optimizer and kind
        self._seen: Dict[str, Tuple[int, int]] = {}  # frozen parameters as last recorded
        self._before: Dict[int, Tuple[int, Dict[str, torch.Tensor]]] = {}
        self.declared = False
        self._observer = Observer(run, chosen, activations.most, say)
        activations.places = self._observer.seen
        self._names: Dict[int, Set[str]] = {}  # of layers, by optimizer
        self._watched: Dict[Tuple[int, str], bool] = {}  # whether hooks are there
        for kind in SEEN & every.keys():
            activations.watch(self._visible(), observe=kind == STATISTICS)

    def layer_names(self) -> Set[str]:
        """Of all layers that have something to record."""
        return {layer.name for layer in self._layers}

    # Around a step of an optimizer.

    def before(self, number: int, step: int, optimizers: List[Any]) -> None:
        """Records what is due, as it is now."""
        first = not self.declared
        if first:
            self._look(optimizers)
        due = {kind for kind in self._every if self._due(number, kind, step)}
        seen = self._activations
        sums: Sums = {}
        outputs: Dict[Key, Any] = {}
        names = self._names_of(number)
        if "activations" in due:
            sums = seen.take(names)
        if STATISTICS in due:
            outputs = seen.take_outputs(names)
        if first:  # also those of other optimizers' layers that were called already
            self._declare({**sums, **seen.sums}, {**outputs, **seen.outputs}, first)
        else:
            self._declare(sums, outputs, first)
        self.declared = True
        for kind in due:
            self._last[number, kind] = step
        scale = getattr(optimizers[number], "grad_scale", None)
        if due - SEEN:
            self._parameters(number, step, due, scale)
        for key, kept in sums.items():
            self._put(name_of(*key), step, kept.value, own=True, samples=kept.samples)
        if STATISTICS in due:
            self._observer.record(number, step, partial(self._owned_by, number), outputs, scale)

    def after(self, number: int, following: int) -> None:
        """Records what the step made of it; following: the step that comes next."""
        step, before = self._before.pop(number, (0, {}))
        for layer in self._layers if before else ():
            for parameter in layer.parameters:
                name = _name_of(parameter, "updates")
                if name in before:
                    self._put(name, step, _difference(parameter.value, before[name]), own=True)
        for kind in SEEN & self._every.keys():
            due = self._due(number, kind, following)
            if self._watched.get((number, kind)) == due:
                continue
            self._watched[number, kind] = due
            owned = [layer for layer in self._visible() if self._owned(layer) == number]
            change = self._activations.watch if due else self._activations.ignore
            change(owned, observe=kind == STATISTICS)

    def _due(self, number: int, kind: str, step: int) -> bool:
        last = self._last.get((number, kind))
        return last is None or step // self._every[kind] > last // self._every[kind]

    # What there is.

    def _look(self, optimizers: List[Any]) -> None:
        """Who owns what, once it is known: parameters may be made by the first forward only."""
        self._layers, tied = _network.layers(self._networks)
        if tied:
            pairs = ", ".join(f"{second} is {first}" for second, first in tied[:4])
            more = f" and {len(tied) - 4} more" if len(tied) > 4 else ""
            self._say(f"tied weights are recorded once, under the first name: {pairs}{more}")
        for number, optimizer in enumerate(optimizers):
            for group in optimizer.param_groups if optimizer is not None else ():
                for parameter in group["params"]:
                    self._owner.setdefault(id(parameter), number)
        self._layer_owner = {layer.name: self._find_owner(layer) for layer in self._layers}

    def _find_owner(self, layer: Layer) -> int:
        """Of its own parameters; of a layer that has none, of those around it."""
        inside: Dict[str, int] = {}  # of modules, by name: of their first parameter
        for name, module in layer.root.named_modules():
            for parameter in module.parameters():
                if id(parameter) in self._owner:
                    inside[name] = self._owner[id(parameter)]
                    break
            if module is layer.module:
                while name and name not in inside:
                    name = name.rpartition(".")[0]
                return inside.get(name, 0)
        return 0

    def _owned(self, layer: Layer) -> int:
        return self._layer_owner.get(layer.name, 0)

    def _names_of(self, number: int) -> Set[str]:
        names = self._names.get(number)
        if names is None:
            names = {layer.name for layer in self._layers if self._owned(layer) == number}
            self._names[number] = names
        return names

    def _owned_by(self, number: int) -> List[Parameter]:
        parameters = [p for layer in self._layers for p in layer.parameters]
        return [p for p in parameters if self._owner.get(id(p.value), 0) == number]

    def _visible(self) -> List[Layer]:
        """Layers whose activations are asked for, so that no hook is there for nothing."""
        return [
            layer for layer in self._layers if layer.seen and self._chosen(name_of(layer.name, 1))
        ]

    def _declare(self, sums: Sums, outputs: Dict[Key, Any], first: bool) -> None:
        known = all(name_of(*key) in self._run._tensors for key in sums)
        if not first and known and not self._observer.misses(outputs):
            return
        self._run._settle()  # what went wrong before is not a refusal
        refused: List[str] = []
        for layer in self._layers:
            for parameter in layer.parameters if first else ():
                self._declare_parameter(parameter, refused)
            for (name, call), kept in sums.items():
                if name == layer.name and name_of(name, call) not in self._run._tensors:
                    self._declare_sum(name_of(name, call), kept, refused)
            for key, output in outputs.items():
                if key[0] == layer.name:
                    self._observer.declare_output(key, output)
        if refused:
            more = f" and {len(refused) - 3} more" if len(refused) > 3 else ""
            self._say(f"not recorded: {'; '.join(refused[:3])}{more}")

    def _declare_parameter(self, parameter: Parameter, refused: List[str]) -> None:
        if STATISTICS in self._every:
            self._observer.declare_parameter(parameter)
        value = parameter.value
        kinds = {"weights": (parameter.kind, value.dtype)}
        if value.requires_grad:
            wide = value.dtype if value.dtype == torch.float64 else torch.float32
            kinds["gradients"] = (parameter.kind_of("gradients"), value.dtype)
            kinds["updates"] = (parameter.kind_of("updates"), wide)
        for what, (kind, dtype) in kinds.items():
            name = f"{parameter.layer}/{kind}"
            if what in self._every and self._chosen(name):
                self._try(parameter.layer, kind, parameter.axes, parameter.shape, dtype, refused)

    def _declare_sum(self, name: str, kept: Sum, refused: List[str]) -> None:
        layer, _, kind = name.rpartition("/")
        if self._chosen(name):
            self._try(layer, kind, kept.axes, tuple(kept.value.shape), kept.value.dtype, refused)

    def _try(
        self, layer: str, kind: str, axes: str, shape: Any, dtype: Any, refused: List[str]
    ) -> None:
        try:
            if prod(shape) == 0:
                raise TypeError("it has no elements")
            self._run.declare(layer, kind, axes, shape, dtype, summed="n" in axes)
        except (TypeError, TensorViewError) as error:
            refused.append(f"{layer}/{kind} ({error})")

    # What is due.

    def _parameters(self, number: int, step: int, due: Set[str], scale: Any) -> None:
        before: Dict[str, torch.Tensor] = {}
        for layer in self._layers:
            for parameter in layer.parameters:
                if self._owner.get(id(parameter.value), 0) == number:
                    self._parameter(parameter, step, due, scale, before)
        self._before[number] = (step, before)

    def _parameter(
        self, parameter: Parameter, step: int, due: Set[str], scale: Any, before: Dict[str, Any]
    ) -> None:
        value, gradient, copy = parameter.value, parameter.value.grad, None
        if "weights" in due and self._moved(parameter):
            copy = self._put(f"{parameter.layer}/{parameter.kind}", step, value)
        if gradient is None:
            return
        if "gradients" in due:
            scaled = gradient if scale is None else gradient / scale.to(gradient.device)
            self._put(_name_of(parameter, "gradients"), step, scaled)
        if "updates" in due and self._chosen(_name_of(parameter, "updates")):
            shared = copy is not None and copy.device == value.device
            before[_name_of(parameter, "updates")] = copy if shared else value.detach().clone()

    def _moved(self, parameter: Parameter) -> bool:
        """False for a frozen parameter that is what was last recorded of it."""
        name, value = f"{parameter.layer}/{parameter.kind}", parameter.value
        now = (value._version, value.data_ptr())
        same = not value.requires_grad and self._seen.get(name) == now
        self._seen[name] = now
        return not same

    def _put(
        self,
        name: str,
        step: int,
        tensor: torch.Tensor,
        *,
        own: bool = False,
        samples: Optional[int] = None,
    ) -> Optional[torch.Tensor]:
        """Writes a tensor; the copy of it that was made for that, on the host, if one was."""
        declared = self._run._tensors.get(name)
        if declared is None:
            return None
        if tensor.numel() != prod(declared.shape):
            self._say(f"{name} is not always of the shape {declared.shape}: only that is recorded")
            return None
        if not self._run.in_background:
            values = _arrays.converted(_arrays.from_torch(tensor), declared.dtype)
            self._run._put(declared, step, values, values.nbytes, samples)
            return None
        copy = Copy(tensor, declared.dtype, own=own)
        self._run._put(declared, step, copy, copy.nbytes, samples)
        return copy.tensor


def _name_of(parameter: Parameter, what: str) -> str:
    return f"{parameter.layer}/{parameter.kind_of(what)}"


def _difference(now: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
    """What a step added, in single precision at least."""
    if now.dtype in (torch.float32, torch.float64):
        return now.detach() - before
    return now.detach().float() - before.float()
