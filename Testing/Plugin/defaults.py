# SPDX-License-Identifier: BSD-3-Clause
"""Arrays of our names get our colours at the first Show; all others keep ParaView's."""

import os
import unittest

import numpy as np
from paraview.simple import *
from paraview.modules.vtkRemotingViews import vtkSMTransferFunctionPresets
from vtkmodules.vtkCommonCore import vtkFloatArray, vtkMath
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.util.numpy_support import vtk_to_numpy


def cells(name, values):
    """Cells in a row, one for each number."""
    image = vtkImageData()
    image.SetDimensions(len(values) + 1, 2, 1)
    array = vtkFloatArray()
    array.SetName(name)
    for value in values:
        array.InsertNextValue(value)
    image.GetCellData().AddArray(array)
    producer = TrivialProducer()
    producer.GetClientSideObject().SetOutput(image)
    return producer


def show(name, values, view):
    shown = cells(name, values)
    display = Show(shown, view)
    ColorBy(display, ("CELLS", name))
    display.RescaleTransferFunctionToDataRange(True, False)
    return shown, display, GetColorTransferFunction(name)


def color(lut, value):
    """The colour that a number gets, as ParaView's own table gives it."""
    table = lut.GetClientSideObject()
    table.Build()
    rgb = [0.0, 0.0, 0.0]
    table.GetColor(float(value), rgb)
    return [round(c, 2) for c in rgb]


def span(lut):
    points = list(lut.RGBPoints)
    return points[0], points[-4]


class Defaults(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], ns=globals())
        cls.view = CreateView("RenderView")

    def test_presets_are_in_the_list_once(self):
        presets = vtkSMTransferFunctionPresets.GetInstance()
        names = [presets.GetPresetName(i) for i in range(presets.GetNumberOfPresets())]
        for kind in ("Weights", "Activations", "Correlation", "Trajectory", "Groups", "Runs"):
            self.assertEqual(1, names.count("TensorView " + kind))

    def test_white_blocks_are_drawn_white(self):
        view = CreateView("RenderView")
        view.ViewSize, view.UseColorPaletteForBackground = [300, 300], 0
        view.Background, view.OrientationAxesVisibility = [0, 0, 0], 0
        sample = os.path.join(os.environ["TENSORVIEW_SAMPLES"], "lenet.tvh5")
        grid = WeightGrid(Input=TensorSnapshotReader(FileName=[sample]))
        display = Show(grid, view)
        display.SetScalarBarVisibility(view, False)
        lut = GetColorTransferFunction("Weight")
        lut.RescaleTransferFunction(-1e6, 1e6)  # beside which every weight is nothing
        ResetCamera(view)
        Render(view)
        pixels = vtk_to_numpy(view.CaptureWindow(1).GetPointData().GetScalars())
        Delete(view)
        shown = pixels[pixels.max(axis=1) > 60]  # tops, and some sides
        self.assertGreater(len(shown), 10000)
        self.assertGreater((shown >= 245).all(axis=1).mean(), 0.7)
        sphere = Show(Sphere(), self.view)  # nobody else's light changes
        self.assertEqual((0, 1), (sphere.Ambient, sphere.Diffuse))
        Hide(GetActiveSource(), self.view)

    def test_flat_grids_are_drawn_as_they_are(self):
        sample = os.path.join(os.environ["TENSORVIEW_SAMPLES"], "lenet.tvh5")
        reader = TensorSnapshotReader(FileName=[sample])
        flat = (
            ImageGrid(Input=reader),
            DistributionGrid(Input=reader),
            WeightGrid(Input=reader, Style="Tiles"),
        )
        for first, smoothed in [(grid, 0) for grid in flat] + [(WeightGrid(Input=reader), 1)]:
            with self.subTest(first=first):
                view = CreateView("RenderView")
                self.assertEqual(1, view.UseFXAA)
                Show(Sphere(), view)
                self.assertEqual(1, view.UseFXAA)
                Show(first, view)
                self.assertEqual(smoothed, view.UseFXAA)
                view.UseFXAA = 1  # somebody's choice
                Show(ImageGrid(Input=reader), view)
                self.assertEqual(1, view.UseFXAA)
                Delete(view)

    def test_zero_is_white_for_weights(self):
        for name in ("Weight", "Gradient", "Updates", "Bias"):
            _, _, lut = show(name, [-1, 0, 3], self.view)
            self.assertEqual((-3, 3), span(lut))
            self.assertEqual([1, 1, 1], color(lut, 0))
            red, green, blue = color(lut, 3)
            self.assertTrue(red > blue and red > green)
            red, green, blue = color(lut, -3)
            self.assertTrue(blue > red and blue > green)

    def test_measures_of_units_have_maps_of_their_own(self):
        # ParaView asks its settings for names without what is no letter: "UpdateWeight".
        for name, first in (
            ("Update/Weight", [0.03, 0.1, 0.3]), ("Dead share", [0.93, 0.95, 0.9]),
            ("Not finite", [0.93, 0.95, 0.9]), ("Gradient RMS", [0.002, 0.001, 0.014]),
            ("Weight RMS", [0.002, 0.001, 0.014]), ("Activation RMS", [0.002, 0.001, 0.014]),
        ):
            lut = GetColorTransferFunction(name)
            for found, expected in zip(lut.RGBPoints[1:4], first):
                self.assertAlmostEqual(expected, found, delta=0.002, msg=name)
            self.assertEqual(0, lut.NanOpacity, name)

    def test_range_stays_symmetric_and_obeys_never(self):
        shown, display, lut = show("Weight", [-8, 0, 2], self.view)
        self.assertEqual((-8, 8), span(lut))
        lut.RescaleTransferFunction(-20, 1)
        self.assertEqual((-20, 20), span(lut))
        lut.AutomaticRescaleRangeMode = "Never"
        lut.RescaleTransferFunction(-1, 5)
        self.assertEqual((-1, 5), span(lut))
        lut.AutomaticRescaleRangeMode = "Grow and update every timestep"
        display.RescaleTransferFunctionToDataRange(False)
        self.assertEqual((-8, 8), span(lut))

    def test_a_trajectory_of_one_color_per_step(self):
        _, _, lut = show("Step", [0, 1500, 3000], self.view)
        self.assertEqual((0, 3000), span(lut))
        first, last = color(lut, 0), color(lut, 3000)
        self.assertEqual(first[0], first[2])  # grey
        self.assertTrue(last[0] > 0.9 and 0.5 < last[1] < last[2] < last[0])  # pink

    def test_each_run_has_a_colour_of_its_own(self):
        shown, _, lut = show("Run", [0, 1, 2, 2], self.view)
        self.assertEqual(1, lut.InterpretValuesAsCategories)
        table = lut.GetClientSideObject()
        table.Build()
        colors = set()
        for run in range(3):
            index, rgba = table.GetAnnotatedValueIndex(run), [0.0] * 4
            self.assertEqual(f"run {run}", table.GetAnnotation(index))
            table.GetIndexedColor(index, rgba)
            colors.add(tuple(rgba))
        self.assertEqual(3, len(colors))
        Hide(shown, self.view)

    def test_activations_are_not_symmetric_and_gaps_are_blank(self):
        _, _, lut = show("Activation", [1, 5], self.view)
        self.assertEqual((1, 5), span(lut))
        self.assertEqual(0, lut.NanOpacity)
        self.assertLess(sum(color(lut, 1)), sum(color(lut, 5)))

    def test_gaps_of_an_image_grid_of_weights_are_blank(self):
        """Elsewhere what is not a number stays grey."""
        view = CreateView("RenderView")
        sample = os.path.join(os.environ["TENSORVIEW_SAMPLES"], "lenet.tvh5")
        reader = TensorSnapshotReader(FileName=[sample])
        lut = GetColorTransferFunction("Weight")
        lut.NanOpacity = 1
        Show(WeightGrid(Input=reader), view)
        self.assertEqual(1, lut.NanOpacity)
        grid = ImageGrid(Input=reader, Tensor="conv1/weights")
        Show(grid, view)
        self.assertEqual(0, lut.NanOpacity)
        grid.Tensor = "conv1/gradients"
        grid.UpdatePipeline()
        self.assertEqual(0, GetColorTransferFunction("Gradient").NanOpacity)
        Delete(view)

    def test_correlation_is_always_minus_one_to_one(self):
        _, _, lut = show("Correlation", [0.4, 0.9], self.view)
        self.assertEqual((-1, 1), span(lut))
        self.assertEqual([1, 1, 1], color(lut, 0))
        self.assertEqual([0.62, 0.62, 0.62], [round(c, 2) for c in lut.NanColor])

    def group_colors(self, values):
        """{annotation: colour} of the legend, for groups as given."""
        shown, _, lut = show("Group", values, self.view)
        self.assertEqual(1, lut.InterpretValuesAsCategories)
        lut.SMProxy.ComputeAvailableAnnotations(False)  # as Apply and each time step do
        table = lut.GetClientSideObject()
        table.Build()
        colors = {}
        for index in range(table.GetNumberOfAnnotatedValues()):
            rgba = [0.0] * 4
            table.GetIndexedColor(index, rgba)
            colors[table.GetAnnotation(index)] = tuple(round(c, 3) for c in rgba[:3])
        for value in set(values):
            self.assertGreaterEqual(table.GetAnnotatedValueIndex(value), 0, value)
        Hide(shown, self.view)
        return colors

    def test_groups_are_categories_with_none_in_grey(self):
        colors = self.group_colors([-1, 0, 1, 2])
        self.assertEqual(["no group", "0", "1", "2"], list(colors))
        self.assertEqual(1, len(set(colors["no group"])))
        again = self.group_colors([0, 1, 2, 3, 3])
        self.assertEqual(colors["2"], again["2"])  # a group keeps its colour

    def test_a_group_has_its_colour_whatever_others_there_are(self):
        """Numbers are filters, so there are gaps; the legend lists the groups that there are."""
        colors = self.group_colors([-1, 3, 3, 11, 60, 60])
        self.assertEqual(["no group", "3", "11", "60"], list(colors))
        for others in ([3, 3, 7, 7], [-1, 0, 3, 3, 239], list(range(-1, 100))):
            self.assertEqual(colors["3"], self.group_colors(others)["3"])

    def test_groups_can_be_told_apart(self):
        """64 filters, of which any may name a group: no two colours are alike (CIELAB)."""
        colors = self.group_colors(list(range(-1, 64)))
        self.assertEqual(65, len(colors))
        lab = np.zeros((65, 3))
        for rgb, row in zip(colors.values(), lab):
            vtkMath.RGBToLab(rgb, row)
        distance = np.linalg.norm(lab[:, None] - lab, axis=2)
        np.fill_diagonal(distance, np.inf)
        self.assertGreater(distance.min(), 20)
        self.assertGreater(distance[:17, :17].min(), 30, "those of the paper's layer")
        self.assertEqual(240, len(set(self.group_colors(list(range(240))).values())))

    def test_small_groups_and_many_groups_are_coloured(self):
        self.assertIn("3", self.group_colors([-1] * 30000 + [0, 1, 2, 3]))
        self.assertEqual(101, len(self.group_colors(list(range(-1, 100)))))
        colors = self.group_colors([-1, 4, 700])
        self.assertNotIn(colors["700"], (colors["no group"], (0.62, 0.62, 0.62)))

    def test_other_arrays_are_left_alone(self):
        _, _, lut = show("Pressure", [-1, 3], self.view)
        self.assertEqual((-1, 3), span(lut))
        self.assertEqual(0, lut.InterpretValuesAsCategories)
        self.assertEqual([0.231373, 0.298039, 0.752941], list(lut.RGBPoints)[1:4])


if __name__ == "__main__":
    unittest.main()
