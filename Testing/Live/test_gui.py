# SPDX-License-Identifier: BSD-3-Clause
"""The real ParaView window as the viewer: connects, pauses, takes the weight grid, sets a breakpoint
at step 60, continues; the training stands still at step 60, and the window shows the weights of
step 60. Needs a display."""

import os
import signal
import sys
import time

import h5py
import numpy as np
from live_support import Process, complaint, free_port, live, ours_at, segments, trainer
from window import settings_of

RUN = f"gui-{os.getpid()}"
TREE = "pqClientMainWindow/pipelineBrowserDock/pipelineBrowser"
MENU = "pqClientMainWindow/menubar/menu_Catalyst"
DIALOG = "pqClientMainWindow/pqSetBreakpointDialog"
EVENTS = [  # paused at once, so that it is not the machine's speed that decides what is too late
    ("pqClientMainWindow", "pqLiveInsituManager", "wait_timestep 1"),
    ("pqClientMainWindow/menubar", "activate", "menu_Catalyst"),
    (MENU, "activate", "actionCatalystPauseSimulation"),
    (TREE, "mousePress", "1,1,0,12,13,/1:0/0:0/0:0/0:1"),  # the sign before its "Blocks": extract them
    (TREE, "mouseRelease", "1,0,0,12,13,/1:0/0:0/0:0/0:1"),
    ("pqClientMainWindow/menubar", "activate", "menu_Catalyst"),
    (MENU, "activate", "actionCatalystSetBreakpoint"),
    (DIALOG + "/BreakpointTime", "set_string", "60"),
    (DIALOG + "/ButtonBox/1QPushButton0", "activate", ""),
    ("pqClientMainWindow/menubar", "activate", "menu_Catalyst"),
    (MENU, "activate", "actionCatalystContinue"),
    ("pqClientMainWindow", "pqLiveInsituManager", "wait_breakpoint_hit"),
    (TREE, "mousePress", "1,1,0,12,13,/0:0/0:1"),  # the eye before "Extract: Weight grid ...": show it
    (TREE, "mouseRelease", "1,0,0,12,13,/0:0/0:1"),
]
# Runs inside the window: keeps what any view has drawn last.
SCRIPT = """
import os
import numpy as np
from paraview import servermanager, simple
from vtkmodules.util.numpy_support import vtk_to_numpy
views = {}
def note(*_):
    grid = next((source for (name, _), source in simple.GetSources().items()
                 if name.startswith("Extract: Weight grid")), None)
    if not any(d.Visibility for v in views.values() if (d := grid and servermanager.GetRepresentation(grid, v))):
        return
    data = grid.GetClientSideObject().GetOutputDataObject(0)
    names = ("Weight", "Filter", "Channel", "Row", "Column")
    arrays = {name: vtk_to_numpy(data.GetCellData().GetArray(name)) for name in names}
    np.savez("shown.new.npz", step=data.GetFieldData().GetArray("Step").GetValue(0), **arrays)
    os.rename("shown.new.npz", "shown.npz")
def register(*_):  # the first time that something is shown, ParaView makes a view for it
    for view in servermanager.GetRenderViews() if servermanager.ActiveConnection else ():
        if view.GetGlobalID() not in views:
            views[view.GetGlobalID()] = view
            view.SMProxy.AddObserver("EndEvent", note)
servermanager.vtkSMProxyManager.GetProxyManager().AddObserver("RegisterEvent", register)
register()
"""


def main():
    home = os.path.abspath("home")
    os.makedirs(os.path.join(home, "run"), mode=0o700, exist_ok=True)
    with open(settings_of(home), "w") as settings:
        settings.write("[General]\nGeneralSettings.ShowWelcomeDialog=false\n")
    with open("events.xml", "w") as file:
        file.write('<?xml version="1.0" ?>\n<pqevents>\n')
        for target, command, arguments in EVENTS:
            file.write(f'  <pqevent object="{target}" command="{command}" arguments="{arguments}"/>\n')
        file.write("</pqevents>\n")
    with open("script.py", "w") as file:
        file.write(SCRIPT)
    if os.path.exists("shown.npz"):
        os.unlink("shown.npz")
    port = free_port()
    window = Process(
        "paraview", "/usr/bin/paraview", f"--live={port}", "--script=script.py", f"--test-directory={home}",
        "--test-script=" + os.path.abspath("events.xml"), display=True, HOME=home,
        XDG_RUNTIME_DIR=os.path.join(home, "run"), DASHBOARD_TEST_FROM_CTEST="1",
        PV_PLUGIN_PATH=os.path.dirname(os.environ["TENSORVIEW_PLUGIN"]))
    one = run = None
    try:
        one = live("live", RUN, "--wait", "--script", ours_at("weight_grid.py", port))
        window.wait_for("Playing", 120)
        one.wait_for("waiting for the run", 60)
        run = trainer("run", "--steps", "80", "--record-weights", "1", "--output", "gui.tvh5", "--overwrite",
                      "--channel", RUN, "--block", "100")
        one.wait_for("the viewer holds the training, step 60\n", 200)
        time.sleep(1.5)
        assert run.running() and "goes on" not in one.text().split("step 60")[1], one.text()
        window.wait_for("Success =  true", 60)
        assert "Could not create a proxy" not in window.text(), window.text()
        end = time.time() + 60
        while not os.path.exists("shown.npz"):
            assert time.time() < end, window.text()
            time.sleep(0.05)
        shown = np.load("shown.npz")
        window.send(signal.SIGKILL)
        assert run.wait() == 0, run.text()
        assert one.wait() == 0 and not complaint(one.text()), one.text()
        assert "the training goes on" in one.text().split("step 60")[1], one.text()
        assert not segments(RUN)
        with h5py.File("gui.tvh5") as file:
            weights = file["layers/conv1/weights/values"][60]
        assert shown["step"] == 60 and shown["Weight"].size == weights.size, shown["step"]
        of = tuple(shown[name] for name in ("Filter", "Channel", "Row", "Column"))
        np.testing.assert_array_equal(shown["Weight"], weights[of])
    finally:
        for process in (window, one, run):
            if process:
                process.kill()


if __name__ == "__main__":
    if not os.environ.get("DISPLAY"):
        sys.exit("test_gui.py: there is no display")
    main()
