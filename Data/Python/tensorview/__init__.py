# SPDX-License-Identifier: BSD-3-Clause
"""TensorView: watch a neural network train, in ParaView.

    with tensorview.watch(model, optimizer, "run.tvh5", every=100) as run:
        for x, y in data:
            ...                      # the loop as it is
            run.log(loss=loss)       # optional

watch() records a torch model, Run what any trainer hands over; open() reads it back, and weight files of
other frameworks; diff() says what changed between two, repair() saves what is whole in a damaged run.
prune() makes a trained torch model smaller, ask_merge() a training that goes on, if its trainer listens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import prune
from ._library import TensorViewError, TensorViewWarning
from .differences import diff
from .kernels import correlate, groups
from .reading import open
from .repairing import repair
from .requests import ask_merge
from .run import Run

if TYPE_CHECKING:
    from ._dashboard import dashboard
    from .watching import watch

try:
    from ._version import __version__
except ImportError:  # straight from the source tree
    __version__ = "0"

__all__ = [
    "Run",
    "TensorViewError",
    "TensorViewWarning",
    "ask_merge",
    "correlate",
    "dashboard",
    "diff",
    "groups",
    "open",
    "prune",
    "repair",
    "watch",
]


def __getattr__(name: str) -> Any:
    """watch() needs torch and dashboard() ParaView, which this package does not: they are looked for
    when they are asked for."""
    if name == "watch":
        from .watching import watch

        globals()["watch"] = watch
        return watch
    if name == "dashboard":
        from ._dashboard import dashboard

        globals()["dashboard"] = dashboard
        return dashboard
    raise AttributeError(f"module 'tensorview' has no attribute {name!r}")
