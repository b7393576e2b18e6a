# SPDX-License-Identifier: BSD-3-Clause
"""Smaller networks: tensorview.prune(model, samples, ratio=0.5) -> (smaller model, report).

This module can be called: tensorview.prune(...) is tensorview.prune.prune(...), see main.py. It
imports torch when it is first used, not before.
"""

import sys
import types

_WHERE = {
    "prune": "main", "Report": "report", "resize": "surgery", "command": "shell", "add_arguments": "shell",
    "Network": "graph",
}  # fmt: skip
__all__ = sorted(_WHERE)


class _Callable(types.ModuleType):
    def __call__(self, *args, **kwargs):
        return self.prune(*args, **kwargs)

    def __getattr__(self, name):
        if name not in _WHERE:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        import importlib

        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)


sys.modules[__name__].__class__ = _Callable
