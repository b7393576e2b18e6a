# SPDX-License-Identifier: BSD-3-Clause
"""What every grid has beside its picture: numbers, frames and outlines as lines, and a title; heights
and brightness that can be read whatever the tensor's unit is."""

import unittest

import numpy as np
from grid import Grid
from paraview import servermanager, simple
from tensors import Tensors, arrays, fetch, load_plugin, shape4, values_of
from vtkmodules.util.numpy_support import vtk_to_numpy

load_plugin()
SEED = np.random.default_rng(8)
KINDS = {"WeightGrid": "weights", "ImageGrid": "activations", "DistributionGrid": "activations"}


def grid(name, values, step=7, **properties):
    labels = {k: properties.pop(k) for k in ("state", "group") if k in properties}
    source = Tensors().add("conv1", KINDS[name], values, step=step, **labels).source()
    return getattr(simple, name)(Input=source, **properties)


def output(proxy, port):
    proxy.UpdatePipeline()
    return servermanager.Fetch(proxy, idx=port)


def title(proxy):
    return output(proxy, 2).GetColumn(0).GetValue(0)


def lines(marks, grey):
    """[(filter, channel, points)] of the lines of that grey."""
    found = arrays(marks.GetCellData())
    result = []
    for cell in range(marks.GetNumberOfCells()):
        if found["Color"][cell][0] == grey:
            points = marks.GetCell(cell).GetPoints().GetData()
            result.append((found["Filter"][cell], found["Channel"][cell], vtk_to_numpy(points).copy()))
    return result


class Marks(unittest.TestCase):
    def test_each_window_bears_its_number(self):
        """A digit is one line; those of a filter lie inside or beside its window, and 10 has two."""
        for name in KINDS:
            with self.subTest(name=name):
                values = SEED.normal(0, 1, (12, 1, 3, 3) if name == "WeightGrid" else (12, 9, 9))
                marks = output(grid(name, values.astype("f4")), 1)
                digits = lines(marks, 255 if name == "ImageGrid" else 118)
                self.assertEqual(14, len(digits))
                counts = np.bincount([number for number, _, _ in digits])
                self.assertEqual([1] * 10 + [2] * 2, list(counts))
                layout = Grid(*shape4(values).shape)
                for number, _, points in digits:
                    left, bottom = (c * layout.pixel for c in layout.window(number, 0))
                    self.assertTrue((points[:, 0] > left - layout.gap * layout.pixel - 1e-6).all())
                    self.assertTrue((points[:, 0] < left + 1).all())
                    self.assertTrue((points[:, 1] > bottom - 1e-6).all())
                    self.assertTrue((points[:, 1] < bottom + 1.01).all())

    def test_numbers_can_be_switched_off_and_frames_stay(self):
        values = SEED.normal(0, 1, (4, 9, 9)).astype("f4")
        view = grid("DistributionGrid", values, Numbers=0)
        self.assertEqual([], lines(output(view, 1), 118))
        self.assertEqual(4, len(lines(output(view, 1), 176)))

    def test_of_many_windows_some_are_numbered_and_larger(self):
        few = lines(output(grid("ImageGrid", np.ones((16, 9, 9), "f4")), 1), 255)
        many = lines(output(grid("ImageGrid", np.ones((4096, 4, 4), "f4")), 1), 255)
        numbers = {number for number, _, _ in many}
        self.assertLess(len(numbers), 24 * 24 + 1)
        self.assertIn(0, numbers)
        height = lambda digits: max(np.ptp(points[:, 1]) for _, _, points in digits)
        self.assertGreater(height(many), 3 * height(few))

    def test_the_ends_of_boxes_are_outlined(self):
        values = np.array([[[[0.0, 2.0], [-1.0, 0.5]]]], "f4")
        view = grid("WeightGrid", values, Heights="Absolute", HeightScale=1)
        outlines = [points for _, _, points in lines(output(view, 1), 120)]
        heights = sorted(set(round(float(p[0, 2]), 3) for p in outlines))
        self.assertEqual([-1.0, 0.0, 0.5, 2.0], heights)
        self.assertTrue(all(len(p) == 5 and np.ptp(p[:, 2]) == 0 for p in outlines))
        many = grid("WeightGrid", SEED.normal(0, 1, (60, 60)).astype("f4"))
        self.assertEqual([], lines(output(many, 1), 120))

    def test_a_matrix_has_numbers_of_rows(self):
        marks = output(grid("WeightGrid", SEED.normal(0, 1, (10, 20)).astype("f4")), 1)
        digits = lines(marks, 118)
        self.assertEqual(list(range(10)), sorted({number for number, _, _ in digits}))
        self.assertTrue(all((points[:, 0] < 0).all() for _, _, points in digits))

    def test_marks_are_written_and_read(self):
        marks = output(grid("ImageGrid", np.ones((4, 9, 9), "f4")), 1)
        self.assertEqual(marks.GetNumberOfCells(), marks.GetCellData().GetArray("Color").GetNumberOfTuples())
        self.assertEqual(4, marks.GetNumberOfPolys(), "a badge for each")


class Titles(unittest.TestCase):
    def test_tensor_and_step(self):
        values = np.ones((4, 9, 9), "f4")
        self.assertEqual("conv1/activations, step 44,000", title(grid("ImageGrid", values, 44000)))
        self.assertEqual(
            "conv1/activations, step 7\nnot grouped", title(grid("DistributionGrid", values))
        )
        view = grid("DistributionGrid", values, group=[0, 0, -1, 0])
        self.assertEqual("conv1/activations, step 7\n1 group, 1 filter in none", title(view))

    def test_what_is_left_out_is_said(self):
        text = title(grid("ImageGrid", SEED.normal(0, 1, (4, 30, 20)).astype("f4"), MaximumCells=400))
        self.assertIn("\nAn overview: each cell is the mean of a tile\nof", text)
        self.assertLessEqual(max(map(len, text.split("\n"))), 44, "as much as a view has room for")


class Scales(unittest.TestCase):
    def test_heights_are_relative_to_the_largest_value(self):
        for factor in (1e-6, 1.0, 1e6):
            for shape in ((4, 2, 3, 3), (5, 40)):
                values = (SEED.normal(0, 1, shape) * factor).astype("f4")
                view = grid("WeightGrid", values, Style="Boxes")
                low, high = fetch(view).GetBounds()[4:]
                self.assertAlmostEqual(1.5 / max(shape[-2:]), max(-low, high), places=5)
                view.HeightScale = 2
                low, high = fetch(view).GetBounds()[4:]
                self.assertAlmostEqual(3 / max(shape[-2:]), max(-low, high), places=5)
        flat = fetch(grid("WeightGrid", np.zeros((2, 1, 3, 3), "f4")))
        self.assertEqual((0.0, 0.0), flat.GetBounds()[4:])

    def test_each_window_on_its_own_scale(self):
        values = SEED.gamma(2, 1, (5, 6, 6)).astype("f4")
        values[2] *= 1e4
        values[3] = 4.0
        values[4, 0, 0] = np.nan
        for output_kind in ("Image", "Points"):
            data = fetch(grid("ImageGrid", values, Normalization="Window", Output=output_kind))
            found = arrays(data.GetCellData() if output_kind == "Image" else data.GetPointData())
            for number in range(5):
                shown = found["Activation"][found["Filter"] == number]
                window = values[number].ravel()
                low, high = np.nanmin(window), np.nanmax(window)
                expected = (window - low) / (high - low) if high > low else np.zeros(36)
                np.testing.assert_allclose(np.sort(expected), np.sort(shown), atol=1e-6)
        self.assertIn("Each window from 0", values_of(data, "Note")[0])
        plain = arrays(fetch(grid("ImageGrid", values)).GetCellData())["Activation"]
        self.assertEqual(np.nanmax(values), np.nanmax(plain))


if __name__ == "__main__":
    unittest.main()
