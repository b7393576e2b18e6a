# SPDX-License-Identifier: BSD-3-Clause
"""Runs side by side, from Python: one range of colours, one time, a name and a colour for each; a
chart that has its series though nobody asked for the history before."""

import os
import shutil
import unittest

import numpy as np
from paraview import servermanager, smtrace
from paraview import simple as pv
from run_file import Tensor, write_run
from vtkmodules.util.numpy_support import vtk_to_numpy

SAMPLE = os.path.join(os.environ["TENSORVIEW_SAMPLES"], "lenet.tvh5")


class CompareTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        pv.LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], ns=pv.__dict__)
        import tensorview_dashboard

        cls.package = tensorview_dashboard
        for name in ("a", "b"):
            os.makedirs(name, exist_ok=True)
            shutil.copy(SAMPLE, os.path.join(name, "run.tvh5"))
        cls.paths = [os.path.abspath("a/run.tvh5"), os.path.abspath("b/run.tvh5")]
        cls.comparison = tensorview_dashboard.compare(cls.paths)

    def test_runs_of_the_same_name_are_told_apart(self):
        self.assertEqual(["a/run", "b/run"], self.comparison.runs)
        from tensorview_dashboard.comparing import labels_of

        self.assertEqual(["x", "y"], labels_of(["/d/x.tvh5", "/d/y.tvh5"]))
        self.assertEqual(["x 1", "x 2"], labels_of(["/d/x.tvh5", "/d/x.tvh5"]))

    def test_one_map_for_all_and_over_all(self):
        maps, ends = set(), []
        for run in self.comparison.runs:
            grid = self.comparison.grids[run]["weights"]
            view = self.comparison.views[run, "weights"]
            display = pv.GetRepresentation(pv.OutputPort(grid, 0), view)
            maps.add(display.LookupTable.SMProxy.GetGlobalID())
            points = display.LookupTable.RGBPoints
            data = servermanager.Fetch(grid, idx=0)
            values = vtk_to_numpy(data.GetCellData().GetArray("Weight"))
            ends.append(np.abs(values).max())
        self.assertEqual(1, len(maps))
        np.testing.assert_allclose([points[0], points[-4]], [-max(ends), max(ends)], rtol=1e-5)

    def test_one_time_for_all(self):
        scene = pv.GetAnimationScene()
        scene.AnimationTime = 100
        for run in self.comparison.runs:
            grid = self.comparison.grids[run]["weights"]
            grid.UpdatePipeline(pv.GetTimeKeeper().Time)
            title = servermanager.Fetch(grid, idx=2).GetColumn(0).GetValue(0)
            self.assertEqual("conv1/weights, step 100", title)
        scene.GoToLast()

    def test_time_by_part_of_the_run(self):
        generator = np.random.default_rng(5)
        runs = {"long.tvh5": [0, 10, 20, 30, 40], "short.tvh5": [0, 4, 8]}
        for path, at in runs.items():
            maps = generator.normal(0, 1, (len(at), 4, 3, 3)).astype("<f4")
            kernel = generator.normal(0, 1, (len(at), 4, 1, 3, 3)).astype("<f4")
            tensors = {
                "conv1/weights": Tensor("oihw", kernel, at),
                "conv1/activations": Tensor("chw", maps, at),
            }
            write_run(path, tensors, {"loss": generator.random(len(at))}, at)
        paths = [os.path.abspath(path) for path in runs]
        comparison = self.package.compare(paths, link="part")
        self.assertEqual("part", comparison.link)

        def shown():
            titles = []
            for run in comparison.runs:
                grid = comparison.grids[run]["weights"]
                grid.UpdatePipeline(pv.GetTimeKeeper().Time)
                titles.append(servermanager.Fetch(grid, idx=2).GetColumn(0).GetValue(0))
            return [int(title.rpartition(" ")[2]) for title in titles]

        scene = pv.GetAnimationScene()
        self.assertEqual([40, 8], shown())
        self.assertEqual(100, pv.GetTimeKeeper().Time)
        scene.AnimationTime = 50
        self.assertEqual([20, 4], shown())
        comparison.link = "step"
        scene.AnimationTime = 20
        self.assertEqual([20, 8], shown())
        with self.assertRaisesRegex(ValueError, 'by "step" or by "part", not by "epoch"'):
            comparison.link = "epoch"
        for reader in comparison.readers:
            reader.TimeUnit = "Step"

    def test_paths_and_histories_have_the_colours_of_their_runs(self):
        comparison = self.comparison
        colours = [
            tuple(
                pv.GetRepresentation(
                    pv.OutputPort(path, 0), comparison.views["trajectories"]
                ).DiffuseColor
            )
            for path in comparison.trajectories
        ]
        self.assertEqual(2, len(set(colours)))
        labels = []
        for reader in comparison.readers:
            display = pv.GetRepresentation(
                pv.OutputPort(reader, 1), comparison.views["histories"]
            )
            self.assertIn("loss", list(display.SeriesVisibility))
            labels += list(display.SeriesLabel)[1::2]
        for run in comparison.runs:
            self.assertIn(run + " loss", labels)

    def test_another_layer_in_all_of_them(self):
        self.comparison.layer = "conv2"
        for run in self.comparison.runs:
            self.assertEqual("conv2/weights", self.comparison.grids[run]["weights"].Tensor)
        with self.assertRaisesRegex(ValueError, 'no layer "conv9" in the run'):
            self.comparison.layer = "conv9"
        self.comparison.layer = "conv1"

    def test_a_trace_has_the_calls_and_nothing_of_what_they_do(self):
        from tensorview_dashboard import toolbar

        for path, reader in zip("ab", self.comparison.readers):
            pv.RenameSource(path + ".tvh5", reader)
        smtrace.start_trace()
        toolbar.compare(["a.tvh5", "b.tvh5"], "light", "part")
        toolbar.layer("a.tvh5", "conv2")
        toolbar.link("step")
        toolbar.style("a.tvh5", "dark")
        trace = smtrace.stop_trace()
        calls = [line for line in trace.splitlines() if line.startswith("tensorview_dashboard.")]
        self.assertEqual(4, len(calls), trace)
        for call, end in zip(calls, ("style='light', link='part')", "layer = 'conv2'",
                "link = 'step'", "style = 'dark'")):  # fmt: skip
            self.assertTrue(call.endswith(end), call)
        self.assertNotIn("Representation", trace)
        made = self.package.comparing.shown()[-1]
        self.assertEqual(("conv2", "step", "dark"), (made.layer, made.link, made.style))
        self.assertEqual("conv2", self.comparison.layer, "they share the readers' history")
        toolbar.layer("a.tvh5", "conv1")

    def test_what_cannot_be_compared_is_said(self):
        with self.assertRaisesRegex(ValueError, "2 to 6 runs can be compared, not 1"):
            self.package.compare(self.paths[:1])

    def test_a_reader_that_was_never_updated_has_a_chart(self):
        shutil.copy(SAMPLE, "fresh.tvh5")
        reader = pv.TensorSnapshotReader(FileName=[os.path.abspath("fresh.tvh5")])
        view = pv.CreateView("XYChartView")
        from tensorview_dashboard import history, looks

        history.Chart(pv, reader, view).show(looks.style_of("light"))
        display = pv.GetRepresentation(pv.OutputPort(reader, 1), view)
        self.assertEqual(["loss", "accuracy"], list(display.SeriesVisibility))
        pv.Delete(view)


if __name__ == "__main__":
    unittest.main()
