# SPDX-License-Identifier: BSD-3-Clause
"""The views of a layer in one layout: what the toolbar's button *TensorView* makes, and scripts.

    from paraview.simple import *
    import tensorview_dashboard
    views = tensorview_dashboard.dashboard("run.tvh5", "conv1")
    views.save("conv1.png")

The plugin brings this package along: it can be imported wherever the plugin is loaded.
"""

from .comparing import Comparison, compare
from .connecting import connect
from .merging import merge
from .views import Dashboard, dashboard, find
from .network import Network

__all__ = ["Comparison", "Dashboard", "Network", "compare", "connect", "dashboard", "find", "merge"]
