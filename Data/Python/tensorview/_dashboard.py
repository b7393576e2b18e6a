# SPDX-License-Identifier: BSD-3-Clause
"""dashboard(): the views of a layer in ParaView, from its own Python."""

from __future__ import annotations

from typing import Any, Optional

from ._library import TensorViewError
from ._paraview import plugin


def dashboard(source: Any, layer: Optional[str] = None, style: str = "light") -> Any:
    """Shows a layer of a run in one layout of ParaView: weight grid, image grid, distribution grid,
    trajectory and history, and in a second one the groups of similar filters. The toolbar's button
    does the same.

    source: the path of a run file, or its reader; layer: its name or how it begins (default: the
    first that has weights and activations); style: "light", for paper, or "dark". Runs in pvpython,
    or in ParaView's Python shell; the plugin is loaded where it is not. Returns an object whose
    layer, threshold, metric and style can be set, and that saves its picture: save("views.png")."""
    try:
        from paraview import simple
    except ImportError:
        raise TensorViewError(
            "dashboard() draws with ParaView: run the script with pvpython (without a display, with"
            " xvfb-run -a pvpython)"
        ) from None
    try:
        import tensorview_dashboard
    except ImportError:
        simple.LoadPlugin(plugin(), remote=False, ns=simple.__dict__)
        import tensorview_dashboard
    return tensorview_dashboard.dashboard(source, layer, style)
