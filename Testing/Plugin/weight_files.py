# SPDX-License-Identifier: BSD-3-Clause
"""The dashboard of weight files: the layer and the whole network of one file, and of a series what moves."""

import os
import shutil
import subprocess
import sys
import unittest

import numpy as np
from paraview import servermanager
from paraview.simple import *
from vtkmodules.vtkCommonCore import vtkOutputWindow, vtkStringOutputWindow
from vtkmodules.util.numpy_support import vtk_to_numpy

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Weights"))
from weights_support import write_safetensors  # noqa: E402

LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], ns=globals())
import tensorview_dashboard  # noqa: E402
from tensorview_dashboard import checkpoints  # noqa: E402

SAVE = """
import torch
for k in range(3):
    torch.save({"a.weight": torch.randn(4, 3), "loss": 3.5 - k}, f"files/c{k}.pt")
"""


def cells(source, name, port=0):
    return vtk_to_numpy(servermanager.Fetch(source, idx=port).GetCellData().GetArray(name))


class WeightFiles(unittest.TestCase):
    def setUp(self):
        for name in ("files", "series"):
            shutil.rmtree(name, ignore_errors=True)
            os.mkdir(name)
        random = np.random.default_rng(0)
        self.kernel = random.normal(size=(6, 3, 3, 3)).astype("f4")
        self.kernel[4] = 2 * self.kernel[1]
        self.matrix = random.normal(size=(5, 6)).astype("f4")
        for step in range(4):
            kernel = self.kernel.copy()
            kernel[2] *= 1 + 0.5 * step  # the others stand still
            write_safetensors(f"series/step-{step}.safetensors", {"conv.weight": kernel, "conv.bias": np.ones(6, "f4"),
                                                                  "fc.weight": self.matrix})
        os.rename("series/step-3.safetensors", "files/step-3.safetensors")

    def tearDown(self):
        for proxy in [*GetViews(), *GetSources().values()]:
            Delete(proxy)

    def check(self, board, views):
        """The views, and that they are found again, and that each is drawn."""
        self.assertEqual(views + ["table", "matrix"], list(board.views))
        again = tensorview_dashboard.find(board.reader)
        self.assertEqual(set(board.views), set(again.views))
        for layer in ("fc", "conv"):
            again.layer = layer
            self.assertEqual(layer + "/weights", again.weights.SMProxy.GetProperty("Tensor").GetElement(0))
        again.style = "dark"
        again.selected = [1, 4]
        self.assertEqual([1, 4], again.selected)
        board.save("board.png")
        self.assertGreater(os.path.getsize("board.png"), 10000)

    def test_one_file(self):
        board = tensorview_dashboard.dashboard(os.path.abspath("files/step-3.safetensors"), "conv")
        self.check(board, ["weights", "overview", "distributions"])
        layers = cells(board.overview, "Layer")
        rms = np.log10(np.sqrt(np.square(self.matrix).mean(axis=1)))
        np.testing.assert_allclose(rms, cells(board.overview, "Weight RMS")[layers == 1], rtol=1e-5)
        groups = servermanager.Fetch(board.groups, idx=1).GetColumnByName("Group")
        self.assertEqual([-1, 1, -1, -1, 1, -1], vtk_to_numpy(groups).tolist())  # by their weights

    def test_many_windows(self):
        """Too many for numbers: nothing is complained of, and all of them are in view."""
        write_safetensors("files/many.safetensors", {"fc.weight": np.ones((400, 300, 1, 1), "f4")})
        messages = vtkStringOutputWindow()
        vtkOutputWindow.SetInstance(messages)
        try:
            board = tensorview_dashboard.dashboard(os.path.abspath("files/many.safetensors"))
        finally:
            vtkOutputWindow.SetInstance(None)
        self.assertNotIn("array range", messages.GetOutput())
        box = board.distributions.GetDataInformation().GetBounds()
        view = board.views["distributions"]
        self.assertGreater(2 * view.CameraParallelScale, box[3] - box[2])

    def test_a_series(self):
        board = tensorview_dashboard.dashboard(os.path.abspath("series"), "conv")
        self.check(board, ["weights", "overview", "distributions", "trajectory", "timeline"])
        shares = np.zeros(6)
        shares[2] = 1.0 / 3  # from 1.5 to 2 times
        moved = cells(board.overview, "Update/Weight")[cells(board.overview, "Layer") == 0]
        self.assertEqual([2], np.flatnonzero(moved > -3).tolist())
        timeline = cells(board.timeline, "Update/Weight")
        last = timeline[(cells(board.timeline, "Layer") == 0) & (cells(board.timeline, "Step") == 2)]
        np.testing.assert_allclose(np.sort(moved), np.sort(last))

    def test_a_loss_in_them_is_a_history(self):
        os.remove("files/step-3.safetensors")
        subprocess.run(["/usr/bin/python3", "-c", SAVE], check=True)
        board = tensorview_dashboard.dashboard(os.path.abspath("files"))
        self.assertEqual(["weights", "overview", "distributions", "trajectory", "timeline", "history", "table", "matrix"],
                         list(board.views))
        table = servermanager.Fetch(board.reader, idx=1)
        self.assertEqual([3.5, 2.5, 1.5], vtk_to_numpy(table.GetColumnByName("loss")).tolist())

    def test_of_large_files_only_the_layer_is_read(self):
        large, checkpoints.LARGE = checkpoints.LARGE, 100
        try:
            board = tensorview_dashboard.dashboard(os.path.abspath("series"), "conv")
            self.assertEqual(["weights", "distributions", "trajectory", "table", "matrix"], list(board.views))
            one = NetworkFileReader(FileName=[os.path.abspath("files/step-3.safetensors")])
            board = tensorview_dashboard.dashboard(one, "conv")
            self.check(board, ["weights", "distributions"])
            self.assertLessEqual(int(one.GetProperty("ValuesRead")[0]), 10 * self.kernel.size)
        finally:
            checkpoints.LARGE = large


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
