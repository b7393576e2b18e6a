# SPDX-License-Identifier: BSD-3-Clause
"""Each measure that a picture of units can show has colours of our own, whatever is in its name."""

import json
import os
import unittest
from pathlib import Path

import numpy as np
from paraview import simple
from tensors import load_plugin

load_plugin()
PRESETS = json.loads(Path(os.environ["TENSORVIEW_SOURCE"], "Plugin/Presets/TensorView.json").read_text())


def colours_of(points):
    """Of a transfer function [value, red, green, blue, ...]: the colours alone."""
    return np.reshape(points, (-1, 4))[:, 1:].round(4).tolist()


class Colours(unittest.TestCase):
    def measures(self):
        reader = simple.TensorSnapshotReader(FileName=[os.environ["TENSORVIEW_SAMPLES"] + "/lenet.tvh5"])
        return list(simple.UnitTimeline(Input=reader).GetProperty("Measure").Available)

    def test_of_every_measure(self):
        measures = self.measures()
        self.assertIn("Update/Weight", measures)
        ours = [colours_of(preset["RGBPoints"]) for preset in PRESETS if "RGBPoints" in preset]
        for measure in measures:
            with self.subTest(measure):
                lut = simple.GetColorTransferFunction(measure)
                self.assertIn(colours_of(lut.RGBPoints), ours)
                self.assertEqual(0, lut.NanOpacity, "gaps between layers are not blank")

    def test_zero_is_white_among_means_of_weights(self):
        lut = simple.GetColorTransferFunction("Weight mean")
        lut.RescaleTransferFunction(-0.1, 0.4)
        self.assertEqual([-0.4, 0.4], [lut.RGBPoints[0], lut.RGBPoints[-4]])

    def test_shares_and_updates_keep_their_scale(self):
        """The same colour is the same number in every run."""
        for measure, first, last in (("Update/Weight", -8, 0), ("Dead share", 0, 1), ("Zeros", 0, 1)):
            lut = simple.GetColorTransferFunction(measure)
            self.assertEqual("Never", str(lut.AutomaticRescaleRangeMode).strip("'\""))
            self.assertEqual([first, last], [lut.RGBPoints[0], lut.RGBPoints[-4]])


if __name__ == "__main__":
    unittest.main()
