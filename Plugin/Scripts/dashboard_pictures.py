# SPDX-License-Identifier: BSD-3-Clause
"""Draws the pictures of the dashboard that README.md shows.

    xvfb-run -a pvpython Plugin/Scripts/dashboard_pictures.py RUN.tvh5 [RUN.tvh5 ...] --output PICTURE.png
        [--layer LAYER] [--style light|dark] [--size WIDTHxHEIGHT]

One run: its dashboard; several: they are compared. LAYER: how its name begins (the first with weights
and activations). Those of README.md:

    draw="xvfb-run -a pvpython Plugin/Scripts/dashboard_pictures.py"
    $draw Data/Samples/lenet.tvh5 --output Data/Pictures/dashboard.png
    $draw Data/Samples/lenet.tvh5 --style dark --output Data/Pictures/dashboard-dark.png
    PYTHONPATH=build/python python3 Data/Python/examples/resnet.py --output resnet.tvh5 --steps 60 --every 10
    $draw resnet.tvh5 --output Data/Pictures/dashboard-resnet.png
    for rate in 0.001 0.01; do
      build/bin/tensorview-lenet --steps 600 --learning-rate $rate --output rate-$rate.tvh5
    done
    $draw rate-0.001.tvh5 rate-0.01.tvh5 --output Data/Pictures/comparison.png

Those of the help:

    $draw Data/Samples/lenet.tvh5 --size 740x500 --output Plugin/Help/dashboard.png
    $draw rate-0.001.tvh5 rate-0.01.tvh5 --size 740x640 --output Plugin/Help/comparison.png
"""

import argparse
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
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--output", required=True)
    parser.add_argument("--layer")
    parser.add_argument("--style", default="light")
    parser.add_argument("--size", help="of the whole, as 1650x1000")
    asked = parser.parse_args()
    simple.LoadPlugin(find_plugin(), ns=simple.__dict__)
    import tensorview_dashboard

    if len(asked.runs) > 1:
        shown = tensorview_dashboard.compare(asked.runs, asked.layer, asked.style)
    else:
        shown = tensorview_dashboard.dashboard(asked.runs[0], asked.layer, asked.style)
    if asked.size:
        shown.layout.SetSize(*map(int, asked.size.split("x")))
        shown.fit()
    shown.save(asked.output)
    print(f"{asked.output}: {shown.layer} of {', '.join(asked.runs)}")


if __name__ == "__main__":
    main()
