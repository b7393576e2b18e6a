# SPDX-License-Identifier: BSD-3-Clause
"""Draws the pictures of the dashboard that README.md shows.

    xvfb-run -a pvpython Plugin/Scripts/dashboard_pictures.py RUN.tvh5 PICTURE.png [LAYER [STYLE]]

LAYER: how it begins (the first with weights and activations); STYLE: light or dark.
"""

import os
import sys

from paraview import simple


def find_plugin():
    here = os.path.dirname(os.path.abspath(__file__))
    for place in (
        os.environ.get("TENSORVIEW_PLUGIN", ""),
        os.path.join(here, "..", "..", "build", "lib", "TensorView", "TensorView.so"),
        "/usr/bin/plugins/TensorView/TensorView.so",
    ):
        if os.path.isfile(place):
            return os.path.abspath(place)
    sys.exit("dashboard_pictures.py: TensorView.so was not found; name it in TENSORVIEW_PLUGIN")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    run, picture = sys.argv[1:3]
    layer = sys.argv[3] if len(sys.argv) > 3 else None
    style = sys.argv[4] if len(sys.argv) > 4 else "light"
    simple.LoadPlugin(find_plugin(), ns=simple.__dict__)
    import tensorview_dashboard

    shown = tensorview_dashboard.dashboard(run, layer, style)
    shown.save(picture)
    print(f"{picture}: {shown.layer} of {run}")


if __name__ == "__main__":
    main()
