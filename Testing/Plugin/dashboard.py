# SPDX-License-Identifier: BSD-3-Clause
"""The dashboard from Python: five views of a layer in one layout, one layer in all of them; the line
that the toolbar leaves in a trace makes the same in a pvpython that knows nothing of it."""

import os
import subprocess
import sys
import unittest

import numpy as np
from paraview import servermanager, smtrace
from paraview import simple as pv
from run_file import Tensor, write_run

PVPYTHON = sys.argv.pop()
SAMPLE = os.path.join(os.environ["TENSORVIEW_SAMPLES"], "lenet.tvh5")

# What there is to see: each filter with its tensor, and each view with what it shows.
SUMMARY = """
def summary(pv):
    filters = sorted(
        (name, proxy.SMProxy.GetXMLName(), str(proxy.SMProxy.GetProperty("Tensor").GetElement(0))
         if proxy.SMProxy.GetProperty("Tensor") else "")
        for (name, _), proxy in pv.GetSources().items()
    )
    views = sorted(
        (name, sum(bool(r.Visibility) for r in view.Representations))
        for (name, _), view in pv.servermanager.ProxyManager().GetProxiesInGroup("views").items()
    )
    return [filters, views]
"""
exec(SUMMARY)


def title(port):
    return servermanager.Fetch(port.SMProxy and port, idx=port.Port).GetColumn(0).GetValue(0)


class DashboardTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        pv.LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], ns=pv.__dict__)
        import tensorview_dashboard

        cls.package = tensorview_dashboard
        smtrace.start_trace()
        cls.run_ = pv.TensorSnapshotReader(registrationName="lenet.tvh5", FileName=[SAMPLE])
        from tensorview_dashboard import toolbar

        toolbar.show("lenet.tvh5", "light")
        cls.first = summary(pv)
        cls.tabs = {name for (name, _) in pv.GetLayouts()}
        toolbar.layer("lenet.tvh5", "conv2")
        toolbar.threshold("lenet.tvh5", 0.9)
        cls.trace = smtrace.stop_trace()
        cls.dashboard = tensorview_dashboard.find(cls.run_)

    def tensors(self):
        names = ("weights", "images", "distributions", "groups")
        return [
            getattr(self.dashboard, name).SMProxy.GetProperty("Tensor").GetElement(0)
            for name in names
        ]

    def test_one_call_makes_five_views_and_three_tabs(self):
        filters, views = self.first
        kinds = [kind for _, kind, _ in filters]
        for kind in ("SimilarityGroups", "WeightGrid", "ImageGrid", "DistributionGrid"):
            self.assertEqual(1, kinds.count(kind))
        self.assertEqual(
            ["distributions", "findings", "history", "images", "matrix", "overview", "table", "timeline",
             "trajectory", "weights"],
            [name.split()[-1] for name, _ in views],
        )
        self.assertTrue(all(shown > 0 for _, shown in views))
        self.assertEqual({"lenet conv1", "lenet conv1 groups", "lenet network"}, self.tabs)

    def test_a_layer_is_chosen_everywhere_at_once(self):
        self.dashboard.layer = "conv1"
        self.assertEqual(["conv1/weights"] + 3 * ["conv1/activations"], self.tensors())
        self.dashboard.layer = "conv2"
        self.assertEqual(["conv2/weights"] + 3 * ["conv2/activations"], self.tensors())
        path = servermanager.Fetch(self.dashboard.trajectory, idx=2).GetColumn(0).GetValue(0)
        self.assertRegex(path, r"^conv2/weights \[0\] \[1\] \[2\]")
        tabs = {name for (name, _) in pv.GetLayouts()}
        self.assertEqual({"lenet conv2", "lenet conv2 groups", "lenet network"}, tabs)

    def test_one_record_is_no_path_and_nothing_recorded_is_said(self):
        numbers = np.random.default_rng(3).normal(0, 1, (1, 4, 9, 9)).astype("<f4")
        weights = Tensor("oihw", numbers[:, :, None, :3, :3], [0])
        write_run("once.tvh5", {"conv1/weights": weights, "conv1/activations": Tensor("chw", numbers, [0])})
        once = self.package.dashboard(os.path.abspath("once.tvh5"))
        self.assertNotIn("timeline", once.views, "one step has no line of time")
        self.assertEqual(0, once.views["trajectory"].AxesGrid.Visibility)
        self.assertLess(once.views["trajectory"].CameraParallelScale, 100)
        self.assertGreater(once.views["trajectory"].CameraParallelScale, 0.1)
        self.assertIn("no loss", once.views["history"].ChartTitle)
        self.assertEqual(1, self.dashboard.views["trajectory"].AxesGrid.Visibility)
        self.assertEqual("History", self.dashboard.views["history"].ChartTitle)

    def test_what_was_logged_now_and_then_is_joined(self):
        """Rows between two losses are of steps at which only weights were recorded."""
        numbers = np.random.default_rng(4).normal(0, 1, (21, 4, 9, 9)).astype("<f4")
        steps, logged = np.arange(0, 210, 10), np.arange(0, 210, 35)
        tensors = {"conv1/weights": Tensor("oihw", numbers[:, :, None, :3, :3], steps),
                   "conv1/activations": Tensor("chw", numbers, steps)}
        losses = np.exp(-logged / 100.0)
        for folder in ("a", "b"):
            os.makedirs(folder, exist_ok=True)
            scalars = {"loss": losses * (1 + (folder == "b")), "accuracy": 1 - losses}
            write_run(f"{folder}/rare.tvh5", tensors, scalars, logged)
        rare = self.package.dashboard(os.path.abspath("a/rare.tvh5"))
        for _ in range(2):
            shown = [r for r in rare.views["history"].Representations if r.Visibility]
            self.assertEqual(["accuracy", "loss"], [r.SeriesVisibility[0] for r in shown])
            rare.show_history()
        joined = [source for (name, _), source in pv.GetSources().items() if name == "rare history of loss"]
        self.assertEqual(1, len(joined))
        table = servermanager.Fetch(joined[0])
        got = [[table.GetColumnByName(name).GetValue(r) for r in range(table.GetNumberOfRows())] for name in ("Step", "loss")]
        np.testing.assert_array_equal([logged, losses], got)
        both = self.package.compare(["a/rare.tvh5", "b/rare.tvh5"])
        shown = [r for r in both.views["histories"].Representations if r.Visibility]
        tables = [servermanager.Fetch(r.Input) for r in shown if r.SeriesVisibility[0] == "loss"]
        self.assertEqual((4, 2), (len(shown), len(tables)))
        first = [table.GetColumnByName("loss").GetValue(0) for table in tables]
        self.assertEqual([1, 2], first, "each run has its own")

    def test_calling_it_again_changes_what_there_is(self):
        before = summary(pv)
        again = self.package.dashboard(self.run_, "conv2")
        self.assertEqual(before, summary(pv))
        self.assertEqual("conv2", again.layer)

    def test_a_layer_that_is_not_there_is_said(self):
        with self.assertRaisesRegex(ValueError, 'no layer "conv9" in the run; it has conv1, conv2'):
            self.dashboard.layer = "conv9"
        with self.assertRaisesRegex(ValueError, 'no style "blue"; there are light, dark'):
            self.package.dashboard(self.run_, style="blue")

    def test_a_layer_without_maps_or_weights_gives_a_picture(self):
        for layer in ("fc1", "fc2"):  # fc1: no weights, and one number for each unit
            self.dashboard.layer = layer
            for part in ("weights", "images", "distributions"):
                grid = getattr(self.dashboard, part)
                self.assertGreater(grid.GetDataInformation().GetNumberOfPoints(), 0, (layer, part))
        self.dashboard.layer = "conv2"

    def test_titles_follow_the_step(self):
        scene = pv.GetAnimationScene()
        for step in (300, 100):
            scene.AnimationTime = step
            text = servermanager.Fetch(self.dashboard.weights, idx=2).GetColumn(0).GetValue(0)
            self.assertEqual(f"conv2/weights, step {step}", text)
        scene.GoToLast()

    def test_the_view_is_filled_and_the_legend_outside(self):
        """Of the picture between legend and title most is image; margins are paper."""
        from vtkmodules.util.numpy_support import vtk_to_numpy

        self.dashboard.layer = "conv1"
        view = self.dashboard.views["images"]
        pv.Render(view)
        image = view.CaptureWindow(1)
        width, height, _ = image.GetDimensions()
        pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
        drawn = (pixels < 200).all(axis=2)
        rows = np.nonzero(drawn.mean(axis=1) > 0.5)[0]
        self.assertGreater(len(rows) / height, 0.6)
        self.assertLess(drawn[int(0.93 * height) :].mean(), 0.1, "the title's place")
        self.assertLess(drawn[: int(0.1 * height)].mean(), 0.4, "the legend's place")
        self.dashboard.layer = "conv2"

    def test_the_legend_says_how_many_are_in_a_group(self):
        self.dashboard.layer = "conv1"
        pv.Render(self.dashboard.views["distributions"])
        table = servermanager.Fetch(self.dashboard.groups, idx=1).GetColumnByName("Group")
        groups = [table.GetVariantValue(row).ToInt() for row in range(table.GetNumberOfValues())]
        info = self.dashboard.distributions.SMProxy.GetProperty("GroupInfo")
        self.dashboard.distributions.SMProxy.UpdatePropertyInformation(info)
        said = {info.GetElement(i) for i in range(0, info.GetNumberOfElements(), 2)}
        self.assertEqual({f"{group} {groups.count(group)}" for group in set(groups)}, said)
        self.assertGreater(groups.count(0), 1)
        self.dashboard.layer = "conv2"

    def test_the_legend_lists_the_groups_of_the_step_shown(self):
        """conv2 has a group at step 0, and none at the last step, which is the one on the screen."""
        distributions = self.dashboard.distributions.SMProxy
        groups = distributions.GetProperty("GroupInfo")
        # The last one changes no more than a property of what is on the screen.
        for layer, threshold in (("conv1", 0.97), ("conv2", 0.97), ("conv2", 0.8)):
            self.dashboard.layer, self.dashboard.threshold = layer, threshold
            pv.GetAnimationScene().GoToLast()
            pv.Render(self.dashboard.views["distributions"])
            distributions.UpdatePropertyInformation(groups)
            pairs = [groups.GetElement(i) for i in range(0, groups.GetNumberOfElements(), 2)]
            there = {pair.split()[0] for pair in pairs}
            self.assertEqual(threshold < 0.9 or layer == "conv1", len(there) > 1)
            listed = pv.GetColorTransferFunction("Group").ActiveAnnotatedValues
            self.assertEqual(there, set(listed), (layer, threshold))
        self.dashboard.threshold = 0.9

    def test_a_trace_runs_where_nothing_is_known(self):
        self.assertIn("tensorview_dashboard.dashboard(lenettvh5, style='light')", self.trace)
        self.assertNotIn("WeightGrid(", self.trace, "what it does is kept out of the trace")
        with open("trace.py", "w") as script:
            script.write(self.trace + SUMMARY)
            script.write("from paraview import simple\nprint('SUMMARY', summary(simple))\n")
        folder = os.path.dirname(os.environ["TENSORVIEW_PLUGIN"])
        done = subprocess.run(
            [PVPYTHON, "trace.py"], capture_output=True, text=True, timeout=200,
            env=dict(os.environ, PV_PLUGIN_PATH=folder),
        )
        self.assertEqual(0, done.returncode, done.stderr)
        [line] = [line for line in done.stdout.splitlines() if line.startswith("SUMMARY")] or [
            done.stdout + done.stderr
        ]
        self.dashboard.layer = "conv2"
        self.assertEqual(summary(pv), eval(line.partition(" ")[2]))


if __name__ == "__main__":
    unittest.main()
