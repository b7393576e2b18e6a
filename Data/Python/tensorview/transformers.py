# SPDX-License-Identifier: BSD-3-Clause
"""A callback for the Trainer of Hugging Face's transformers:

    from tensorview.transformers import TensorView
    trainer = Trainer(..., callbacks=[TensorView("run.tvh5", every=100)])

Written from the documentation of TrainerCallback (on_train_begin, on_log, on_train_end) and tested
against a stub of that protocol, not against transformers itself.
"""

from __future__ import annotations

import os
from typing import Any, Optional, Union

from .watching import watch

try:
    from transformers import TrainerCallback
except ImportError:
    TrainerCallback = object  # what has the same methods will do


class TensorView(TrainerCallback):
    """Records the model around the steps of its optimizer. path and options: as of tensorview.watch.
    Whatever numbers the Trainer logs are scalars."""

    def __init__(self, path: Union[None, str, os.PathLike] = None, **options: Any):
        super().__init__()
        self._path, self._options = path, options
        self.run: Optional[Any] = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        if not getattr(state, "is_world_process_zero", True):
            return
        optimizer = named.get("optimizer")
        while hasattr(optimizer, "optimizer"):  # accelerate's, around torch's
            optimizer = optimizer.optimizer
        options = {"start": getattr(state, "global_step", 0), **self._options}
        self.run = watch(named["model"], optimizer, self._path, **options)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: Any = None, **named: Any
    ) -> None:
        if self.run is not None and logs:
            numbers = (int, float)
            self.run.log(**{name: one for name, one in logs.items() if isinstance(one, numbers)})

    def on_train_end(self, args: Any, state: Any, control: Any, **named: Any) -> None:
        if self.run is not None:
            self.run.close()
            self.run = None
