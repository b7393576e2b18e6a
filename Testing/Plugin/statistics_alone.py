# SPDX-License-Identifier: BSD-3-Clause
"""The dashboard of a run of statistics alone: it has no tensors for grids, but every unit, what is wrong,
and the history; steps are those of the statistics."""

import os
import unittest

import numpy as np
from paraview import servermanager, smtrace
from paraview import simple as pv
from run_file import Tensor, write_run

MEAN, RMS, LEAST, GREATEST, ZEROS, NONFINITE, UPDATE, SILENT = range(8)
STEPS, DEAD_FROM = np.arange(50), 20


def weights(units):
    rows = np.zeros((len(STEPS), units, 8), "<f4")
    rows[..., RMS], rows[..., UPDATE] = 1.0, 1e-3
    rows[..., LEAST], rows[..., GREATEST], rows[..., SILENT] = -3, 3, np.nan
    return Tensor("cx", rows, STEPS)


def activations(units):
    """All of them are silent from a step on."""
    rows = np.zeros((len(STEPS), units, 8), "<f4")
    rows[:DEAD_FROM, :, [MEAN, RMS, GREATEST]] = 0.5, 1.0, 3.0
    rows[:DEAD_FROM, :, [ZEROS, SILENT]] = 0.4, 0.1
    rows[DEAD_FROM:, :, [ZEROS, SILENT]] = 1.0
    rows[..., UPDATE] = np.nan
    return Tensor("cx", rows, STEPS)


def column(timeline, name):
    table = servermanager.Fetch(timeline, idx=1).GetColumnByName(name)
    return [table.GetValue(row) for row in range(table.GetNumberOfTuples())]


class Statistics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        pv.LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], ns=pv.__dict__)
        import tensorview_dashboard

        cls.package = tensorview_dashboard
        write_run("alone.tvh5", {
            "conv1/weights_statistics": weights(8),
            "relu/activations_statistics": activations(8),
            "fc/weights_statistics": weights(5),
        }, scalars={"loss": np.linspace(2, 1, 25)}, scalar_steps=STEPS[::2])
        smtrace.start_trace()
        pv.TensorSnapshotReader(registrationName="alone.tvh5", FileName=[os.path.abspath("alone.tvh5")])
        from tensorview_dashboard import toolbar

        cls.toolbar = toolbar
        toolbar.show("alone.tvh5", "light")
        cls.trace = smtrace.stop_trace()
        cls.reader = pv.FindSource("alone.tvh5")
        cls.dashboard = tensorview_dashboard.find(cls.reader)

    def tearDown(self):
        self.dashboard.layer = None

    def rows(self):
        return self.dashboard.timeline.GetDataInformation().GetBounds()[3]

    def test_the_views(self):
        kinds = sorted(proxy.SMProxy.GetXMLName() for proxy in pv.GetSources().values())
        self.assertEqual(["NetworkOverview", "TensorSnapshotReader", "ThresholdTable", "UnitTimeline"], kinds)
        self.assertEqual({"overview", "timeline", "findings", "history"}, set(self.dashboard.views))
        for view in self.dashboard.views.values():
            self.assertTrue(any(shown.Visibility for shown in view.Representations))
        self.assertEqual({"alone", "alone findings"}, {name for (name, _) in pv.GetLayouts()})
        self.assertIn("tensorview_dashboard.dashboard(", self.trace)

    def test_steps_are_those_of_the_statistics(self):
        self.assertEqual(STEPS.tolist(), list(self.reader.TimestepValues))
        self.assertEqual(STEPS[-1], pv.GetTimeKeeper().Time)

    def test_what_is_wrong_is_there(self):
        self.assertEqual(["dead"], column(self.dashboard.timeline, "Finding"))
        self.assertEqual(["relu"], column(self.dashboard.timeline, "Layer"))
        self.assertIn("all 8 units, from step 20", column(self.dashboard.timeline, "Sentence")[0])

    def test_a_thousandth_is_white(self):
        map = pv.GetRepresentation(self.dashboard.timeline, self.dashboard.views["timeline"]).LookupTable
        self.assertEqual((-8, 0), (map.RGBPoints[0], map.RGBPoints[-4]))

    def test_a_layer_is_shown_alone(self):
        self.assertEqual(["conv1", "relu", "fc"], self.dashboard.layers)
        self.assertIsNone(self.dashboard.layer)
        whole = self.rows()
        self.toolbar.layer("alone.tvh5", "fc")
        self.assertEqual(("fc", "Update/Weight"), (self.dashboard.layer, self.dashboard.timeline.Measure))
        self.assertLess(self.rows(), whole)
        self.dashboard.layer = "relu"  # which has no weights
        self.assertEqual("Activation RMS", self.dashboard.timeline.Measure)
        with self.assertRaisesRegex(ValueError, 'no layer "conv9" in the run; it has conv1, relu, fc'):
            self.dashboard.layer = "conv9"
        self.dashboard.layer = None
        self.assertEqual(whole, self.rows())

    def test_the_rest_of_the_toolbar_does_no_harm(self):
        self.toolbar.threshold("alone.tvh5", 0.9)
        self.toolbar.metric("alone.tvh5", "Cosine")
        self.toolbar.merge("alone.tvh5")
        self.toolbar.select("alone.tvh5", "alone timeline", 0)
        self.toolbar.style("alone.tvh5", "dark")
        self.assertLess(max(self.dashboard.views["timeline"].Background), 0.5)
        self.toolbar.show("alone.tvh5", "light")
        self.toolbar.fit("alone.tvh5")
        self.assertEqual(4, len(pv.GetSources()))

    def test_its_picture(self):
        from vtkmodules.util.numpy_support import vtk_to_numpy

        self.dashboard.save("alone.png")
        self.assertGreater(os.path.getsize("alone.png"), 10000)
        image = self.dashboard.views["timeline"].CaptureWindow(1)
        pixels = vtk_to_numpy(image.GetPointData().GetScalars())
        self.assertGreater(len(np.unique(pixels, axis=0)), 20)


if __name__ == "__main__":
    unittest.main()
