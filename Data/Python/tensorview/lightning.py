# SPDX-License-Identifier: BSD-3-Clause
"""A callback for Lightning:

    from tensorview.lightning import TensorView
    trainer = Trainer(callbacks=[TensorView("run.tvh5", every=100)])

Written from Lightning's documentation of Callback (on_train_start, on_train_batch_end, on_train_end,
on_exception) and tested against a stub of that protocol, not against Lightning itself.
"""

from __future__ import annotations

import os
from typing import Any, Optional, Union

from .watching import watch

try:
    from lightning.pytorch.callbacks import Callback
except ImportError:
    try:
        from pytorch_lightning.callbacks import Callback
    except ImportError:
        Callback = object  # what has the same methods will do


class TensorView(Callback):
    """Records the module around the steps of its optimizers. path and options: as of
    tensorview.watch. The loss of each batch and the metrics that the module logs are scalars."""

    def __init__(self, path: Union[None, str, os.PathLike] = None, **options: Any):
        super().__init__()
        self._path, self._options = path, options
        self.run: Optional[Any] = None

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        if getattr(trainer, "is_global_zero", True):
            self.run = watch(pl_module, list(trainer.optimizers), self._path, **self._options)

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.run is None:
            return
        scalars = dict(getattr(trainer, "logged_metrics", {}))
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if loss is not None:
            scalars.setdefault("loss", loss)
        self.run.log(**scalars)

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        if self.run is not None:
            self.run.close()
            self.run = None

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self.on_train_end(trainer, pl_module)
