# SPDX-License-Identifier: BSD-3-Clause
"""Data/Demo/demo.py on the sample: every picture is there, on white, with something in it."""

import os
import re
import subprocess
import sys
import unittest

import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOImage import vtkPNGReader

PVPYTHON = sys.argv[1]
SCRIPT = os.path.join(os.environ["TENSORVIEW_SOURCE"], "Data", "Demo", "demo.py")
RUN = os.path.join(os.environ["TENSORVIEW_SAMPLES"], "lenet.tvh5")


def pixels(path):
    reader = vtkPNGReader()
    reader.SetFileName(path)
    reader.Update()
    width, height, _ = reader.GetOutput().GetDimensions()
    values = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars())
    return values.reshape(height, width, -1)[::-1, :, :3].astype(int)


class Demo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.result = subprocess.run(
            [PVPYTHON, SCRIPT, RUN, "pictures"], capture_output=True, text=True, timeout=250
        )

    def test_it_says_what_it_found(self):
        self.assertEqual(0, self.result.returncode, self.result.stderr)
        self.assertRegex(self.result.stdout, r"Test accuracy: 0\.\d+ after 300 steps")
        self.assertEqual(
            [("0", "0, 7, 11, 12"), ("2", "2, 8, 13")],
            re.findall(r"group (\d+): filters (.*)", self.result.stdout),
        )

    def test_every_picture_shows_something_on_white(self):
        names = "weight-grid image-grid distribution-grid correlation weight-trajectory history"
        for name in names.split():
            picture = pixels(f"pictures/{name}.png")
            self.assertEqual((800, 1000, 3), picture.shape)
            white = (picture == 255).all(axis=-1)
            self.assertGreater(white.mean(), 0.2, name)
            self.assertLess(white.mean(), 0.98, name)
            self.assertGreater(len(np.unique(picture.reshape(-1, 3), axis=0)), 20, name)
        self.assertEqual((1600, 3000, 3), pixels("pictures/sheet.png").shape)

    def test_colours(self):
        # The sample's groups in the colours of 0 and 2, their lowest filters; weights in blue and red.
        curves = pixels("pictures/distribution-grid.png")
        for color in ((42, 111, 219), (228, 71, 155)):
            self.assertGreater((np.abs(curves - color).max(axis=-1) < 12).sum(), 500, color)
        red, _, blue = np.moveaxis(pixels("pictures/weight-grid.png"), -1, 0)
        self.assertGreater((red - blue > 60).sum(), 5000)
        self.assertGreater((blue - red > 60).sum(), 5000)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
