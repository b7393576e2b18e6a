# SPDX-License-Identifier: BSD-3-Clause
"""tensorview-live and its scripts: no copy, every error a sentence, and nothing that a script or a
viewer does reaches the training."""

import os
import shutil
import signal
import socket
import threading
import time
import unittest

import h5py
import numpy as np
from live_support import LIVE, SCRIPTS, Process, complaint, free_port, live, script, segments, trainer
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOXML import vtkXMLPolyDataReader

RUN = f"scripts-{os.getpid()}"

GOOD = """
from paraview.simple import *
from paraview import catalyst
import re
options = catalyst.Options()
tensors = TrivialProducer(registrationName="tensors")
history = TrivialProducer(registrationName="history")
ring = None
def addresses():
    with open("/proc/self/maps") as maps:
        for line in maps:
            if "/dev/shm/tensorview-" in line:
                begin, end = line.split()[0].split("-")
                yield int(begin, 16), int(end, 16)
def address(array):
    return int(re.match("_([0-9a-f]+)_p_", array.GetVoidPointer(0)).group(1), 16) if isinstance(
        array.GetVoidPointer(0), str) else 0
def catalyst_execute(info):
    data = tensors.GetClientSideObject().GetOutputDataObject(0)
    table = history.GetClientSideObject().GetOutputDataObject(0)
    from vtkmodules.util.numpy_support import vtk_to_numpy
    for i in range(data.GetNumberOfPartitionedDataSets()):
        image = data.GetPartitionedDataSet(i).GetPartition(0)
        array = image.GetCellData().GetArray(0)
        if array is None:
            continue
        where = vtk_to_numpy(array).__array_interface__["data"][0]
        inside = any(begin <= where < end for begin, end in addresses())
        name = image.GetFieldData().GetAbstractArray("Layer").GetValue(0) + "/" + image.GetFieldData().GetAbstractArray("Kind").GetValue(0)
        print("ring" if inside else "copy", name, where % 64, flush=True)
    names = [table.GetColumnName(i) for i in range(table.GetNumberOfColumns())]
    print("history", info.timestep, table.GetNumberOfRows(), *names, flush=True)
"""


class Scripts(unittest.TestCase):
    def tearDown(self):
        self.assertEqual([], segments(RUN))

    def test_a_run_that_is_not_there(self):
        for run, words in (("no-such-run", 'no run with the ring "no-such-run"'), ("a/b", "a name is 1 to 63")):
            one = live("nothing", run)
            self.assertEqual(1, one.wait())
            self.assertIn(words, one.text())
            self.assertEqual(1, one.text().count("\n"), one.text())
        for options, words in (
            (["x", "--script", "no-such-script.py"], 'there is no script "no-such-script.py"'),
            (["x", "--live", "99999"], "--live needs a port"),
            (["x", "--evry", "3"], "there is no option --evry"),
            ([], "which run?"),
        ):
            one = Process("options", LIVE, *options)
            self.assertEqual(2, one.wait())
            self.assertIn(words, one.text())
            self.assertEqual(1, one.text().count("\n"), one.text())
        one = live("waiting", "no-such-run", "--wait", "0.5")
        self.assertEqual(1, one.wait())
        self.assertIn("no run with the ring", one.text())
        one = live("plugin", "no-such-run", "--wait", "0.5", "--plugin", "nothing.so")
        self.assertEqual(1, one.wait())
        self.assertIn("the plugin nothing.so cannot be loaded", one.text())

    def test_extracts(self):
        """The script that ships writes what the run file has, at the steps asked for and no others."""
        shutil.rmtree("extracts", ignore_errors=True)
        display = os.path.join(os.environ["TENSORVIEW_SOURCE"], "Testing", "Support", "with_display.sh")
        one = Process("extracts", display, "800x800", LIVE, RUN, "--wait", "--script",
                      os.path.join(SCRIPTS, "extracts.py"), TENSORVIEW_EVERY=10)
        one.wait_for("waiting for the run")
        run = trainer("extracts-run", "--steps", "25", "--record-weights", "1", "--record-activations", "1",
                      "--output", "extracts.tvh5", "--overwrite", "--channel", RUN, "--block", "60")
        self.assertEqual(0, run.wait(), run.text())
        self.assertEqual(0, one.wait(), one.text())
        names = {f"step-{step:07d}-{kind}" for step in (0, 10, 20)
                 for kind in ("weights.vtp", "groups.csv", "history.csv", "weights.png")}
        self.assertEqual(names, set(os.listdir("extracts")), one.text())
        with h5py.File("extracts.tvh5") as file:
            weights = file["layers/conv1/weights/values"][()]
            loss = file["scalars/values"][:, list(file["scalars"].attrs["names"]).index(b"loss")]
        for step in (0, 10, 20):
            name = f"extracts/step-{step:07d}-"
            reader = vtkXMLPolyDataReader()
            reader.SetFileName(name + "weights.vtp")
            reader.Update()
            cells = reader.GetOutput().GetCellData()
            value, f, c, r, w = (vtk_to_numpy(cells.GetArray(of))
                                 for of in ("Weight", "Filter", "Channel", "Row", "Column"))
            self.assertEqual(weights[step].size, value.size)
            np.testing.assert_array_equal(value, weights[step][f, c, r, w])
            history = np.genfromtxt(name + "history.csv", delimiter=",", names=True, deletechars="")
            np.testing.assert_array_equal(history["Step"], np.arange(step + 1))
            np.testing.assert_allclose(history["loss"], loss[: step + 1], rtol=1e-8)
            of_one = weights[: step + 1].reshape(step + 1, -1)[:, 1]
            np.testing.assert_array_equal(history["conv1/weights[1]"].astype(np.float32), of_one)
            groups = np.genfromtxt(name + "groups.csv", delimiter=",", names=True)
            np.testing.assert_array_equal(groups["Filter"], np.arange(len(weights[0])))
            self.assertGreater(os.path.getsize(name + "weights.png"), 2000)

    def test_everything_at_once(self):
        """One run, watched by a good script and by every kind of bad one; the same run unwatched."""
        options = ["--steps", "400", "--record-weights", "100", "--record-activations", "200"]
        alone = trainer("alone", *options, "--output", "alone.tvh5", "--overwrite")
        # Something at the port that is no ParaView.
        port = free_port()
        garbage = socket.socket()
        garbage.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        garbage.bind(("127.0.0.1", port))
        garbage.listen(5)

        def hang_up():
            while True:
                try:
                    garbage.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=hang_up, daemon=True).start()
        good = live("good", RUN, "--wait", "--script", script("good.py", GOOD), "--history", "conv2/weights:0-1,5")
        raises = live(
            "raises", RUN, "--wait", "--live", port,
            "--script", script("import_error.py", "import no_such_module\n"),
            "--script", script("name_error.py", "from paraview import catalyst\noptions = catalyst.Options()\n"
                               "def catalyst_execute(info):\n    if info.timestep > 3:\n        nonsense()\n"),
            "--script", script("syntax_error.py", "def (\n"),
            "--script", script("view.py", "from paraview.simple import *\nfrom paraview import catalyst\n"
                               "options = catalyst.Options()\nview = CreateView('RenderView')\n"),
        )
        hangs = live("hangs", RUN, "--wait", "--script", script("hangs.py", "import time\ntime.sleep(1000)\n"))
        for one in (good, raises, hangs):
            one.wait_for("waiting for the run", 60)
        self.assertEqual(0, alone.wait())
        time.sleep(1)
        watched = trainer("watched", *options, "--output", "watched.tvh5", "--overwrite", "--channel", RUN)
        self.assertEqual(0, watched.wait(), watched.text())
        self.assertEqual(0, good.wait())
        self.assertEqual(1, raises.wait())
        hangs.wait_for("has not come back for ten seconds", 30)
        hangs.send(signal.SIGTERM)
        self.assertEqual(1, hangs.wait(20))
        garbage.close()

        for one in (good, raises, hangs):
            self.assertFalse(complaint(one.text()), one.text())
        text = raises.text()
        for file in ("import_error.py", "syntax_error.py", "view.py"):
            self.assertRegex(text, file + '" cannot be run; the rest goes on')
        self.assertRegex(text, 'name_error.py" failed at step [0-9]+ and is not run any more')
        self.assertIn("NameError: name 'nonsense' is not defined", text)
        self.assertIn("no display to render to", text)
        self.assertIn("is no ParaView", text)
        self.assertIn("hangs.py\" is being imported, and has not come back", hangs.text())

        text = good.text()
        self.assertIn("ring conv1/weights 0", text)
        self.assertIn("ring conv1/activations 0", text)
        self.assertIn("ring fc1/weights 0", text)
        self.assertNotIn("copy ", text)
        self.assertRegex(text, r"history \d+ \d+ Step loss learning_rate accuracy "
                               r"conv2/weights\[0\] conv2/weights\[1\] conv2/weights\[5\]")
        same("alone.tvh5", "watched.tvh5", self)


def same(one, other, test):
    """Two run files hold the same, bit for bit, but for the times that it took."""
    with h5py.File(one) as a, h5py.File(other) as b:
        names = []
        a.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
        test.assertGreater(len(names), 5)
        for name in names:
            if not name.startswith(("layers", "scalars")) or name == "scalars/checks":
                continue  # whose checks are those of the times, too
            test.assertEqual(a[name].shape, b[name].shape)
            columns = slice(None)
            if name == "scalars/values":
                scalars = [scalar.decode() for scalar in a["scalars"].attrs["names"]]
                columns = [i for i, scalar in enumerate(scalars) if not scalar.endswith(("_seconds", "_delay"))]
            rows = max(1, 2**24 // max(1, a[name][0].size))  # at a time
            for first in range(0, len(a[name]), rows):
                part = slice(first, first + rows)
                np.testing.assert_array_equal(a[name][part][..., columns], b[name][part][..., columns], name)


if __name__ == "__main__":
    unittest.main()
