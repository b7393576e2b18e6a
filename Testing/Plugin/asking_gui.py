# SPDX-License-Identifier: BSD-3-Clause
"""In the real window: connect to a training, lower the threshold, press Merge; the training merges the
groups, goes on, and its answer stands in the window.

    asking_gui.py PARAVIEW TENSORVIEW-LENET
"""

import os
import re
import signal
import subprocess
import sys
import time
import unittest

import numpy as np
from window import HERE, MENU, log, start

import tensorview

PARAVIEW, TRAINER = sys.argv[1:]
NAME = f"asking-gui-{os.getpid()}"
LIMIT = 200
BAR = "pqClientMainWindow/TensorViewToolbar/"
CONNECT = [
    (MENU[:-1], "activate", "TensorViewMenu"),  # lists the trainings
    (BAR + "TensorViewTrainings", "activate", f"actionTensorViewTraining_{NAME}"),
]
LOWER = [(BAR + "TensorViewThreshold", "set_double", "0.2")]
MERGE = [(BAR + "actionTensorViewMerge", "activate", "")]
# Runs inside the window: keeps the answer when the request is let go of.
SCRIPT = """
from paraview import servermanager
manager = servermanager.vtkSMProxyManager.GetProxyManager()
requests = []
def made(*_):
    session = manager.GetActiveSessionProxyManager()
    request = session and session.GetProxy("tensorview", "MergeRequest")
    if request:
        requests[:] = [request]
def gone(*_):
    while requests:
        request = requests.pop()
        with open("answer.part", "w") as file:
            file.write(" ".join(str(request.GetProperty(name).GetElement(0)) for name in ("State", "Answer")))
        __import__("os").rename("answer.part", "answer.txt")
manager.AddObserver("RegisterEvent", made)
manager.AddObserver("UnRegisterEvent", gone)
"""


def states():
    """Of conv1's filters, from which step, and the last step; None where nothing was merged yet."""
    try:
        with tensorview.open("gui.tvh5") as run:
            of = run.states["conv1"]
            return (np.asarray(of[-1]), of.steps[-1], run["conv1/bias"].steps[-1]) if len(of) else None
    except tensorview.TensorViewError:
        return None


def begun():
    try:
        with tensorview.open(f"ring:{NAME}") as run:
            return len(run["conv1/activations"]) > 0
    except tensorview.TensorViewError:
        return False


def answer():
    if not os.path.exists("answer.txt"):
        return None
    with open("answer.txt") as file:
        return file.read()


class Gui(unittest.TestCase):
    def wait(self, what, why):
        end = time.monotonic() + LIMIT
        while True:
            found = what()
            if found:
                return found
            if time.monotonic() > end or (self.paraview and self.paraview.poll() is not None):
                self.fail(f"{why}\n{log() if self.paraview else ''}")
            time.sleep(0.2)

    paraview = None

    def test_merge(self):
        for name in ("answer.txt", "gui.tvh5"):
            if os.path.exists(name):
                os.remove(name)
        trainer = subprocess.Popen(
            [TRAINER, "--channel", NAME, "--output", "gui.tvh5", "--epochs", "1000", "--quiet",
             "--record-activations", "1", "--file-every", "1000", "--prune-bound", "inf",
             "--statistics-batches", "2", "--flush", "0.2"],
        )
        self.addCleanup(trainer.wait)
        self.addCleanup(trainer.send_signal, signal.SIGKILL)
        self.wait(begun, "the training has not begun")
        with open("script.py", "w") as file:
            file.write(SCRIPT)
        paraview = self.paraview = start(PARAVIEW, CONNECT + LOWER + MERGE, "--script=script.py")
        self.addCleanup(paraview.wait)
        self.addCleanup(paraview.kill)
        merged, step, last = self.wait(states, "nothing was merged")
        said = self.wait(answer, "no answer")
        if os.environ.get("TENSORVIEW_PICTURE"):
            subprocess.run(["import", "-window", "root", os.path.join(HERE, "merge.png")])
        gone = int((merged >= 0).sum())
        self.assertGreater(gone, 0)
        self.assertTrue(np.all(merged[merged[merged >= 0]] == -1))
        found = re.match(r"2 conv1 has (\d+) of 16 filters left since step (\d+)", said)
        self.assertTrue(found, said)
        self.assertEqual((int((merged == -1).sum()), step), (int(found[1]), int(found[2])))
        self.wait(lambda: states()[2] > last, "the training did not go on")
        self.assertIsNone(trainer.poll())
        self.assertEqual([], re.findall(r".*(?:ERR|WARN)\|.*|.*Traceback.*", log()))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
