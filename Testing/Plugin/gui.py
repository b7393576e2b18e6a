# SPDX-License-Identifier: BSD-3-Clause
"""The real ParaView window: the plugin comes through PV_PLUGIN_PATH, a run is opened and filters
are applied through the menus, and what is shown is looked up in the state that is saved.

    gui.py PARAVIEW RUN.tvh5                         a test
    gui.py PARAVIEW RUN.tvh5 --window PICTURE.png    a picture of the whole window, for README.md

Needs a display (xvfb-run). ParaView gets a home of its own: no settings of the user's are read.
"""

import os
import re
import subprocess
import sys
import time
import unittest

from window import (
    HERE, apply_filter, delete_all, environment, last_step, log, open_file, save_state, select, start, state,
)
from window import HISTORY, TENSORS, settings_of

PARAVIEW, RUN, TARGET = sys.argv[1], os.path.abspath(sys.argv[2]), os.path.abspath(sys.argv[-1])

# What is tried: filters, one on the other, and the output of the reader that the first one needs.
SCENES = {
    "ImageGrid": (["ImageGrid"], TENSORS),
    "DistributionGrid": (["SimilarityGroups", "DistributionGrid"], TENSORS),
    "WeightTrajectory": (["WeightTrajectory"], HISTORY),
    "WeightGrid": (["WeightGrid"], TENSORS),
}


MARKS = {"Color": "Surface"}  # numbers and frames


class Gui(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        events = []
        for name, (filters, row) in SCENES.items():
            events += open_file(RUN) + select(row)
            for item in filters:
                events += apply_filter(item)
            events += last_step() + save_state(os.path.join(HERE, name + ".pvsm"))
            if name != list(SCENES)[-1]:
                events += delete_all()
        paraview = start(PARAVIEW, events, "--exit")
        try:
            cls.status = paraview.wait(200)
        finally:
            paraview.kill()

    def test_it_ends_well(self):
        self.assertEqual(0, self.status, log())

    def test_nothing_of_ours_complains(self):
        complaints = [
            line for line in log().splitlines() if re.search(r"(ERR|WARN)\|.*(vtkTensor|Grid|Weight)", line)
        ]
        self.assertEqual([], complaints)
        self.assertNotIn("Could not find", log())

    def test_first_apply_is_coloured_by_the_value(self):
        self.assertEqual({"Weight": "Surface", **MARKS}, state("WeightGrid.pvsm")[0])
        self.assertEqual({"Activation": "Slice", **MARKS}, state("ImageGrid.pvsm")[0])
        self.assertEqual({"Step": "Surface"}, state("WeightTrajectory.pvsm")[0])
        self.assertEqual({"Group": "Surface", **MARKS}, state("DistributionGrid.pvsm")[0])

    def test_zero_is_white(self):
        points = [float(value) for value in state("WeightGrid.pvsm")[1]["Weight"]["RGBPoints"]]
        self.assertGreater(points[-4], 0)
        self.assertEqual(-points[0], points[-4], "the range of weights is symmetric")
        middle = len(points) // 8 * 4
        self.assertEqual([0, 1, 1, 1], points[middle : middle + 4])

    def test_gaps_of_the_image_grid_are_blank(self):
        self.assertEqual(["0"], state("ImageGrid.pvsm")[1]["Activation"]["NanOpacity"])


SCENE = """
from paraview.simple import *
run = OpenDataFile({run!r})
groups = SimilarityGroups(registrationName="SimilarityGroups1", Input=OutputPort(run, 0))
left = GetActiveViewOrCreate("RenderView")
right = CreateView("RenderView")
layout = GetLayout(left)
layout.SplitHorizontal(0, 0.5)
layout.AssignView(2, right)
for view, kind in ((left, WeightGrid), (right, DistributionGrid)):
    grid = kind(Input=OutputPort(groups, 0))
    display = Show(grid, view)
    display.SetScalarBarVisibility(view, True)
    view.OrientationAxesVisibility = 0
scene = GetAnimationScene()
scene.UpdateAnimationUsingDataTimeSteps()
scene.GoToLast()
for view in (left, right):
    ResetCamera(view)
    view.GetActiveCamera().Zoom(1.1)
    Render(view)
left.GetActiveCamera().Elevation(-35)
SetActiveView(left)
SetActiveSource(FindSource("WeightGrid1"))
Render(left)
open({done!r}, "w").close()
"""


def window_picture():
    """The whole window, with two views of the run."""
    done = os.path.join(HERE, "done")
    if os.path.exists(done):
        os.remove(done)
    with open("scene.py", "w") as script:
        script.write(SCENE.format(run=RUN, done=done))
    variables = environment()
    with open(settings_of(variables["HOME"]), "a") as file:
        file.write("[MainWindow]\nSize=@Size(1400 800)\n")
    with open("paraview.log", "w") as output:
        paraview = subprocess.Popen(
            [PARAVIEW, "--script=" + os.path.abspath("scene.py")],
            env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )
    try:
        deadline = time.monotonic() + 120
        while not os.path.exists(done) and paraview.poll() is None and time.monotonic() < deadline:
            time.sleep(0.5)
        if not os.path.exists(done):
            sys.exit(log())
        time.sleep(5)
        crop = ["-crop", "1400x800+0+0", "+repage", "+dither", "-colors", "255"]
        subprocess.run(["import", "-window", "root", *crop, TARGET], check=True)
    finally:
        paraview.kill()


if __name__ == "__main__":
    if "--window" in sys.argv:
        window_picture()
    else:
        unittest.main(argv=sys.argv[:1])
