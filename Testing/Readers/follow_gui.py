# SPDX-License-Identifier: BSD-3-Clause
"""The ParaView GUI follows a run file that grows: new steps reach the timeline with no click."""

import os
import shutil
import subprocess
import sys
import time
import unittest

import h5py
import numpy as np
from run_file import Tensor, write_run

WITH_DISPLAY, PARAVIEW, VERSION, PLUGIN = sys.argv[1:5]

# Runs inside the GUI: opens the file, shows it, and notes what the timeline has after every change.
SCRIPT = """
import os
from paraview import servermanager, simple
simple.LoadPlugin({plugin!r}, remote=False, ns=vars(simple))
source = simple.TensorSnapshotReader(FileName=["grow.tvh5"], Follow=1, FollowInterval=0.1)
grid = simple.WeightGrid(Input=source)
view = simple.GetActiveViewOrCreate("RenderView")
simple.Show(grid, view)
simple.GetAnimationScene().UpdateAnimationUsingDataTimeSteps()
simple.GetAnimationScene().GoToLast()
simple.Render()
def note(*_):
    steps = list(simple.GetTimeKeeper().TimestepValues or [])
    shown = servermanager.Fetch(grid).GetCellData().GetArray("Weight").GetValue(0)
    with open("seen.new", "w") as file:
        file.write("%d %g %g" % (len(steps), simple.GetAnimationScene().AnimationTime, shown))
    os.rename("seen.new", "seen")
view.SMProxy.AddObserver("EndEvent", note)
note()
open("ready", "w").close()
"""


class FollowGui(unittest.TestCase):
    def test_steps_reach_the_timeline(self):
        for name in ("seen", "ready"):
            if os.path.exists(name):
                os.remove(name)
        home = os.path.abspath("home")
        shutil.rmtree(home, ignore_errors=True)
        os.makedirs(home + "/.config/ParaView")
        with open(f"{home}/.config/ParaView/ParaView{VERSION}.ini", "w") as file:
            file.write("[General]\nGeneralSettings.ShowWelcomeDialog=false\n")
        weights = np.arange(60, dtype="<f4")[:, None, None, None, None] + np.zeros((60, 4, 1, 3, 3), "<f4")
        write_run("grow.tvh5", {"conv1/weights": Tensor("oihw", weights[:2], [0, 1])})
        with open("script.py", "w") as file:
            file.write(SCRIPT.format(plugin=PLUGIN))
        with open("gui.log", "w") as log:
            gui = subprocess.Popen(
                [WITH_DISPLAY, "1280x1024", PARAVIEW, "--script=script.py"],
                env=dict(os.environ, HOME=home, XDG_CONFIG_HOME=home + "/.config"),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self.wait(lambda: os.path.exists("ready"), gui)
            with h5py.File("grow.tvh5", "r+", libver="latest") as file:
                group = file["layers/conv1/weights"]
                file.swmr_mode = True
                for step in range(2, 12):
                    for name, row in (("values", weights[step]), ("steps", step)):
                        group[name].resize(step + 1, axis=0)
                        group[name][step] = row
                        group[name].flush()
                    if step % 3 == 2:
                        self.wait(lambda: self.seen() == [step + 1, step, step], gui)
        finally:
            os.killpg(gui.pid, 15)
            gui.wait()

    def seen(self):
        with open("seen") as file:
            return [float(word) for word in file.read().split()]

    def wait(self, done, gui):
        deadline = time.time() + 60
        while not done():
            if time.time() > deadline or gui.poll() is not None:
                with open("gui.log") as log:
                    self.fail(f"{self.seen() if os.path.exists('seen') else ''} {gui.poll()} {log.read()}")
            time.sleep(0.1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
