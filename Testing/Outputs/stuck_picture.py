# SPDX-License-Identifier: BSD-3-Clause
"""Data/Demo/stuck.py: two short trainings, of which one loses a layer half way; what doctor says of both,
and the picture in which it is seen."""

import os
import subprocess
import sys
import unittest

from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOImage import vtkPNGReader

PYTHON, PVPYTHON = sys.argv[1:3]
SCRIPT = os.path.join(os.environ["TENSORVIEW_SOURCE"], "Data", "Demo", "stuck.py")
STEPS = 100


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Stuck(unittest.TestCase):
    def test_the_layer_that_died(self):
        run(PYTHON, SCRIPT, "--train", "runs", str(STEPS))
        said = run(PYTHON, "-m", "tensorview", "doctor", "runs/stuck.tvh5")
        self.assertIn(f"dead: layer3.0.relu, all 64 units, from step {STEPS // 2} to {STEPS - 1}", said)
        self.assertIn(f"stuck: layer3.0.conv1, all 64 units, from step {STEPS // 2} to", said)
        well = run(PYTHON, "-m", "tensorview", "doctor", "runs/well.tvh5")
        self.assertNotIn("dead", well)
        run(PVPYTHON, SCRIPT, "runs", "pictures")
        reader = vtkPNGReader()
        reader.SetFileName("pictures/stuck.png")
        reader.Update()
        width, height, _ = reader.GetOutput().GetDimensions()
        page = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars()).reshape(height, width, -1)[..., :3]
        dark = (page[..., 0] < 80) & (page[..., 2] > page[..., 0].astype(int) + 60)  # blue: what is stuck
        left, right = dark[:, : width // 2 - 200].sum(), dark[:, width // 2 : -200].sum()
        self.assertGreater(right, 10 * left + 200)


if __name__ == "__main__":
    del sys.argv[1:]
    unittest.main()
