# SPDX-License-Identifier: BSD-3-Clause
"""What a grid says of its filters, for the window's tool tips; and a dashboard that was saved and is
loaded again: the same step, the same colours, the same legend."""

import os
import shutil
import subprocess
import unittest

from paraview import simple as pv

SAMPLES = os.environ["TENSORVIEW_SAMPLES"]
STATE = os.path.abspath("dashboard.pvsm")


def names(proxy, information):
    """The texts of an information property: the first of each pair."""
    found = proxy.SMProxy.GetProperty(information)
    proxy.SMProxy.UpdatePropertyInformation(found)
    return [found.GetElement(i) for i in range(0, found.GetNumberOfElements(), 2)]


def colours():
    """Ranges and legend as they are on the screen."""
    groups = pv.GetColorTransferFunction("Group")
    maps = [pv.GetColorTransferFunction(name).RGBPoints for name in ("Weight", "Activation")]
    return [
        [(points[0], points[-4]) for points in maps], list(groups.ActiveAnnotatedValues),
        dict(zip(groups.Annotations[::2], groups.Annotations[1::2])).get("0"),
    ]


def render():
    for view in pv.GetViews():
        pv.Render(view)


class States(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        pv.LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], ns=pv.__dict__)
        import tensorview_dashboard

        cls.package = tensorview_dashboard

    def tearDown(self):
        for view in pv.GetViews():
            pv.Delete(view)
        pv.ResetSession()

    def test_a_grid_says_which_filters_are_not_alive(self):
        path = os.path.join(SAMPLES, "pruned.tvh5")
        # Not in this process: it has ParaView's HDF5.
        script = f"import h5py; print(h5py.File({path!r})['layers/conv1/filters/values'][-1].tolist())"
        states = eval(subprocess.check_output(["/usr/bin/python3", "-c", script], text=True))
        reader = pv.OpenDataFile(path)
        grid = pv.WeightGrid(Input=pv.OutputPort(reader, 0), Tensor="conv1/weights")
        grid.UpdatePipeline(reader.TimestepValues[-1])
        words = {-1: "alive", -2: "pruned", -3: "dead"}
        expected = [
            f"{i} " + words.get(state, f"merged into {state}")
            for i, state in enumerate(states) if state != -1
        ]
        self.assertGreater(len(expected), 3)
        self.assertEqual(expected, names(grid, "StateInfo"))
        grid.UpdatePipeline(reader.TimestepValues[0])
        self.assertEqual([], names(grid, "StateInfo"))
        # The legend counts what is shown: the places of pruned and merged filters are empty.
        groups = pv.SimilarityGroups(Input=pv.OutputPort(reader, 0), Tensor="conv1/activations")
        distributions = pv.DistributionGrid(Input=pv.OutputPort(groups, 0), Tensor="conv1/activations")
        distributions.UpdatePipeline(reader.TimestepValues[-1])
        counted = sum(int(text.split()[1]) for text in names(distributions, "GroupInfo"))
        left = sum(state in (-1, -3) for state in states)
        self.assertLess(left, len(states))
        self.assertEqual(left, counted)

    def test_a_picture_too_large_for_pixels_is_picked_by_its_numbers(self):
        from vtkmodules.vtkCommonCore import vtkCollection

        shown = self.package.dashboard(os.path.join(SAMPLES, "lenet.tvh5"))
        self.package.drawing.MOST_PICKED, most = 1000, self.package.drawing.MOST_PICKED
        try:
            shown.style = "light"  # draws it anew
        finally:
            self.package.drawing.MOST_PICKED = most
        view = shown.views["images"]
        pv.Render(view)
        display = pv.GetRepresentation(pv.OutputPort(shown.images, 0), view)
        self.assertEqual("Slice", display.Representation)
        drawn, chosen = vtkCollection(), vtkCollection()
        width, height = view.ViewSize
        view.SMProxy.SelectSurfaceCells([0, 0, width - 1, height - 1], drawn, chosen, True)
        [port] = [
            drawn.GetItemAsObject(i).GetProperty("Input") for i in range(drawn.GetNumberOfItems())
        ]
        self.assertEqual(1, port.GetOutputPortForConnection(0))
        from tensorview_dashboard import selection

        shown.images.SMProxy.SetSelectionInput(1, chosen.GetItemAsObject(0), 0)
        self.assertEqual(list(range(16)), selection.selected(shown, shown.images, 1))

    def test_accumulating_changes_the_range_at_once(self):
        shown = self.package.dashboard(os.path.join(SAMPLES, "lenet.tvh5"))
        render()
        before = colours()[0][1]
        shown.reader.Accumulate = 1
        render()
        after = colours()[0][1]
        largest = shown.images.CellData.GetArray("Activation").GetRange()[1]
        self.assertGreater(after[1], 2 * before[1])
        self.assertAlmostEqual(largest, after[1], delta=1e-6 * largest)

    def test_another_threshold_gives_new_groups_colours_at_once(self):
        shown = self.package.dashboard(os.path.join(SAMPLES, "lenet.tvh5"))
        pv.GetAnimationScene().AnimationTime = 0
        render()
        before = colours()
        shown.threshold = 0.9
        render()
        groups = {text.split()[0] for text in names(shown.distributions, "GroupInfo")}
        self.assertEqual(groups, set(colours()[1]))
        self.assertGreater(len(groups), len(before[1]))

    def test_a_state_that_is_loaded_again_looks_the_same(self):
        shown = self.package.dashboard(os.path.join(SAMPLES, "lenet.tvh5"))
        shown.threshold = 0.9
        render()
        before, step = colours(), pv.GetTimeKeeper().Time
        pv.SaveState(STATE)
        pv.ResetSession()
        pv.LoadState(STATE)
        render()
        self.assertEqual(step, pv.GetTimeKeeper().Time)
        self.assertEqual(before, colours())

    def test_a_comparison_that_is_loaded_again_is_known(self):
        """The list of layers, Dark, and the arrow beside Compare work on it."""
        from tensorview_dashboard import comparing, toolbar

        for name in ("left", "right"):
            shutil.copy(os.path.join(SAMPLES, "lenet.tvh5"), name + ".tvh5")
        paths = [os.path.abspath(name + ".tvh5") for name in ("left", "right")]
        made = self.package.compare(paths, layer="conv2", style="dark")
        look = comparing.shown()[-1]
        self.assertEqual((made.layer, made.style, made.link, made.runs), (look.layer, look.style, look.link, look.runs))
        pv.SaveState("comparison.pvsm")
        pv.ResetSession()
        self.assertEqual([], comparing.shown())
        pv.LoadState(os.path.abspath("comparison.pvsm"))
        render()
        [loaded] = comparing.shown()
        self.assertEqual(("conv2", "dark", "step"), (loaded.layer, loaded.style, loaded.link))
        self.assertEqual(["left", "right"], loaded.runs)
        self.assertEqual(set(made.views), set(loaded.views))
        sources = len(pv.GetSources())
        toolbar.layer("left.tvh5", "conv1")
        toolbar.link("part")
        toolbar.style("right.tvh5", "light")
        tensors = [grid.Tensor for run in loaded.runs for grid in loaded.grids[run].values()]
        self.assertEqual(2 * ["conv1/weights", "conv1/activations"], tensors)
        self.assertEqual(("conv1", "light", "part"), (loaded.layer, loaded.style, loaded.link))
        self.assertEqual(100, max(loaded.readers[0].TimestepValues))
        self.assertEqual(sources, len(pv.GetSources()), "no second names of the runs")
        pv.Delete(loaded.views["left", "images"])
        self.assertEqual([], comparing.shown(), "a view of it is gone")

    def test_a_dark_one_stays_dark(self):
        shown = self.package.dashboard(os.path.join(SAMPLES, "lenet.tvh5"), style="dark")
        self.package.find(shown.reader).layer = "conv2"
        for part in ("weights", "trajectory", "timeline", "matrix"):
            self.assertLess(max(shown.views[part].Background), 0.5, part)
        self.package.find(shown.reader).style = "light"
        self.assertEqual("light", shown.style)
        self.assertGreater(min(shown.views["timeline"].Background), 0.5)


if __name__ == "__main__":
    unittest.main()
