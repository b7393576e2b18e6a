# script-version: 2.0
# SPDX-License-Identifier: BSD-3-Clause
# Writes what the views show at every hundredth step, or the next one that is seen: weights as .vtp,
# similarity groups and history as .csv, and a picture of the weights where there is a display to
# draw it on. The training waits for nobody, unless told to (--block): steps may be passed by.
#
#   TENSORVIEW_EXTRACTS=folder TENSORVIEW_EVERY=100 tensorview-live RUN --script extracts.py
import os

from paraview.simple import *
from paraview import catalyst, print_warning

folder = os.environ.get("TENSORVIEW_EXTRACTS", "extracts")
every = int(os.environ.get("TENSORVIEW_EVERY", "100"))
os.makedirs(folder, exist_ok=True)

tensors = TrivialProducer(registrationName="tensors")
history = TrivialProducer(registrationName="history")
groups = SimilarityGroups(registrationName="Similarity groups", Input=tensors)
grid = WeightGrid(registrationName="Weight grid", Input=OutputPort(groups, 0))

options = catalyst.Options()
options.GlobalTrigger = "TimeValue"  # time is the step; "TimeStep" would wait for exact multiples
options.GlobalTrigger.Length = every

view = None


def picture(path):
    global view
    if view is None:
        view = CreateView("RenderView")
        view.ViewSize = [800, 800]
        view.UseColorPaletteForBackground = 0
        view.Background = [1.0, 1.0, 1.0]
        view.OrientationAxesVisibility = 0
        display = Show(grid, view)
        ColorBy(display, ("CELLS", "Weight"))
        view.CameraParallelProjection = 1
        ResetCamera(view)
    Render(view)
    SaveScreenshot(path, view, ImageResolution=[800, 800])


def catalyst_execute(info):
    for source in (history, groups, grid):
        source.UpdatePipeline(info.time)
    name = os.path.join(folder, f"step-{info.timestep:07d}-")
    # Inline binary: ParaView 5.11 cannot read back what it writes in its default, appended mode.
    SaveData(name + "weights.vtp", proxy=grid, DataMode="Binary")
    SaveData(name + "groups.csv", proxy=OutputPort(groups, 1), Precision=9)
    SaveData(name + "history.csv", proxy=history, Precision=9)
    try:
        picture(name + "weights.png")
    except RuntimeError as error:  # no display: the tables are worth having without pictures
        if info.timestep < every:
            print_warning(str(error))
