# SPDX-License-Identifier: BSD-3-Clause
"""A callback for Keras:

    from tensorview.keras import TensorView
    model.fit(x, y, callbacks=[TensorView("run.tvh5", every=100)])

Weights and what each step made of them; Keras shows a callback no gradients and no activations. Step
s is the state before the s-th batch, counted from 0. The first failure is one warning, and the
training goes on.

Written from Keras's documentation of Callback (set_model, on_train_batch_begin, on_train_batch_end,
on_train_end) and tested against a stub of that protocol, not against Keras itself.
"""

from __future__ import annotations

import os
import warnings
from typing import Any, Callable, Dict, Iterator, Optional, Tuple, Union

import numpy as np

from ._choice import Patterns, chooser
from ._library import TensorViewWarning
from .run import Declared, Run

try:
    from keras.callbacks import Callback
except ImportError:
    Callback = object  # what has the same methods will do

# Axes of a layer's kernel as Keras has it, by the name of its class and the number of axes.
KERNELS = {
    ("Conv1D", 3): "wio",
    ("Conv2D", 4): "hwio",
    ("Conv3D", 5): "dhwio",
    ("Conv1DTranspose", 3): "woi",
    ("Conv2DTranspose", 4): "hwoi",
    ("Conv3DTranspose", 5): "dhwoi",
    ("DepthwiseConv2D", 4): "hwgo",
    ("Embedding", 2): "ve",
}
AXES = ("", "o", "io", "xio", "hwio", "dhwio")  # of others, by the number of axes


class TensorView(Callback):
    """path and options: as of tensorview.Run; every, include, exclude, updates: how often, which
    tensors ("layer/kind"), and whether with updates."""

    def __init__(
        self,
        path: Union[None, str, os.PathLike] = None,
        *,
        every: int = 100,
        updates: bool = True,
        include: Patterns = None,
        exclude: Patterns = None,
        **options: Any,
    ):
        super().__init__()
        self._every, self._updates, self._chosen = every, updates, chooser(include, exclude)
        self._path, self._options = path, options
        self._step = 0
        self._tensors: Dict[str, Declared] = {}
        self._before: Dict[str, np.ndarray] = {}
        self.run: Optional[Run] = None

    def set_model(self, model: Any) -> None:
        """Keras calls it before everything else."""
        self._model = model

    def on_train_begin(self, logs: Any = None) -> None:
        self.run, self._step = Run(self._path, **self._options), 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self._guarded(self._record)

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._guarded(lambda run: self._finish(run, logs or {}))
        self._step += 1

    def on_train_end(self, logs: Any = None) -> None:
        self._guarded(lambda run: run.close())
        self.run = None

    def _guarded(self, work: Callable[[Run], None]) -> None:
        try:
            if self.run is not None:
                work(self.run)
        except Exception as error:
            self.run = None
            warnings.warn(f"TensorView records nothing more: {error}", TensorViewWarning)

    def _record(self, run: Run) -> None:
        if self._step % self._every:
            return
        for name, axes, values in self._weights() if self._step == 0 else ():
            self._declare(run, name, axes, values)
        for name, _, values in self._weights():
            if name in self._tensors:
                run.write(self._tensors[name], self._step, values)
            if f"{name}_updates" in self._tensors:
                self._before[name] = np.array(values)

    def _finish(self, run: Run, logs: Dict[str, Any]) -> None:
        for name, _, values in self._weights() if self._before else ():
            if name in self._before:
                difference = values - self._before[name]
                run.write(self._tensors[f"{name}_updates"], self._step, difference)
        self._before = {}
        run.log(self._step, **logs)

    def _declare(self, run: Run, name: str, axes: str, values: np.ndarray) -> None:
        layer, _, kind = name.rpartition("/")
        update = "updates" if kind == "weights" else f"{kind}_updates"
        if self._chosen(name):
            self._tensors[name] = run.declare(layer, kind, axes, values.shape, values.dtype)
        if self._updates and self._chosen(f"{layer}/{update}"):
            key = f"{name}_updates"
            self._tensors[key] = run.declare(layer, update, axes, values.shape, values.dtype)

    def _weights(self) -> Iterator[Tuple[str, str, np.ndarray]]:
        """Name, axes and values of each variable that is trained or kept."""
        for name, layer in _layers(self._model, ""):
            for variable, values in zip(layer.weights, layer.get_weights()):
                label = variable.name.rpartition("/")[2].partition(":")[0]
                kind = {"kernel": "weights", "embeddings": "weights"}.get(label, label.lower())
                axes = KERNELS.get((type(layer).__name__, values.ndim), AXES[values.ndim])
                yield f"{name}/{kind}", axes, np.asarray(values)


def _layers(model: Any, prefix: str) -> Iterator[Tuple[str, Any]]:
    for layer in model.layers:
        if getattr(layer, "layers", None):
            yield from _layers(layer, f"{prefix}{layer.name}.")
        else:
            yield prefix + layer.name, layer
