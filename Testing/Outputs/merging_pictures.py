# SPDX-License-Identifier: BSD-3-Clause
"""Data/Demo/merging.py on the sample: the distribution grid before and after each merge, pruned places
empty, groups in the colours of their numbers; the states of filters as h5py reads them."""

import os
import subprocess
import sys
import unittest

import h5py
import numpy as np
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOImage import vtkPNGReader

PVPYTHON = sys.argv[1]
SCRIPT = os.path.join(os.environ["TENSORVIEW_SOURCE"], "Data", "Demo", "merging.py")
SAMPLES = os.environ["TENSORVIEW_SAMPLES"]
BLUE, PINK = (42, 111, 219), (228, 71, 155)  # of the groups 0 and 2


def draw(name, *options):
    return subprocess.run(
        [PVPYTHON, SCRIPT, os.path.join(SAMPLES, name), "merging", *options],
        capture_output=True, text=True, timeout=250,
    )  # fmt: skip


def recorded():
    """{step: states of the filters}"""
    with h5py.File(os.path.join(SAMPLES, "pruned.tvh5"), "r") as file:
        group = file["layers/conv1/filters"]
        return dict(zip(group["steps"][:].tolist(), group["values"][:].tolist()))


def panels():
    """The four pictures: before and after the first merge, before and after the second."""
    reader = vtkPNGReader()
    reader.SetFileName("merging/merging.png")
    reader.Update()
    width, height, _ = reader.GetOutput().GetDimensions()
    values = vtk_to_numpy(reader.GetOutput().GetPointData().GetScalars())
    page = values.reshape(height, width, -1)[::-1, :, :3].astype(int)
    assert page.shape == (1600, 2000, 3), page.shape
    return [page[y : y + 800, x : x + 1000] for y in (0, 800) for x in (0, 1000)]


def near(panel, color):
    return np.abs(panel - color).max(axis=-1) < 12


class Merging(unittest.TestCase):
    def test_before_and_after(self):
        result = draw("pruned.tvh5")
        self.assertEqual(0, result.returncode, result.stderr)
        self.assertIn("step 100: 11 filters left; 7, 12 went into 0; 8, 13 went into 2; 9 dead", result.stdout)
        self.assertIn("step 200: 10 filters left; 2 went into 0", result.stdout)
        self.assertEqual(["merging.png"], os.listdir("merging"))
        shown = panels()
        states = recorded()
        self.assertEqual([100, 200], sorted(states))
        alive = [-1] * 16
        for panel, state in zip(shown, (alive, states[100], states[100], states[200])):
            # The grid is the widest stretch of the picture left of the legend and below the title.
            inked = ~near(panel, (255, 255, 255))
            rows = np.flatnonzero(inked[80:, :780].any(axis=1)) + 80
            columns = np.flatnonzero(inked[80:, :780].any(axis=0))
            top, bottom, left = rows[0], rows[-1] + 1, columns[0]
            side = (bottom - top) / 4
            for filter_, one in enumerate(state):
                y, x = bottom - side * (filter_ // 4 + 1), left + side * (filter_ % 4)
                # inside the window, away from its neighbours' curves and from its number
                window = inked[int(y + 6) : int(y + side - 6), int(x + 24) : int(x + side - 6)]
                if filter_ != 9:  # dead: a flat line at the edge until it is pruned
                    self.assertEqual(one < 0, bool(window.any()), f"filter {filter_}")
        blue = [near(panel[80:, :780], BLUE).sum() > 500 for panel in shown]
        pink = [near(panel[80:, :780], PINK).sum() > 500 for panel in shown]
        self.assertEqual([True, True, True, False], blue, "group 0, until all of it is filter 0")
        self.assertEqual([True, False, False, False], pink, "group 2")

    def test_nothing_to_show(self):
        result = draw("lenet.tvh5")
        self.assertEqual(1, result.returncode)
        self.assertIn("no filters of conv1 were merged", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
