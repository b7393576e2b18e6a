# SPDX-License-Identifier: BSD-3-Clause
"""ImageGrid against numpy: every cell of the mosaic, and every point."""

import unittest

import numpy as np
from grid import Grid, indices
from paraview import simple
from tensors import Tensors, arrays, fetch, load_plugin, shape4, values_of
from vtkmodules.util.numpy_support import vtk_to_numpy

load_plugin()
SEED = np.random.default_rng(2)
SHAPES = [(7, 28, 28), (16, 14, 14), (17, 9, 12), (64, 20, 16), (512, 4, 4), (10,), (16, 3, 5, 5)]
SHAPES += [(8, 16, 3, 3), (30, 70)]
NAMES = ["Activation", "Filter", "Channel", "Row", "Column", "Group"]


def maps(shape, dtype="f4"):
    return SEED.gamma(2.0, 1.0, shape).astype(dtype)


def grid(values, **properties):
    labels = {k: properties.pop(k) for k in ("state", "group") if k in properties}
    source = Tensors().add("conv1", "activations", values, **labels).source()
    return simple.ImageGrid(Input=source, **properties)


def image_arrays(data):
    """The image's cell arrays as [rows from the lowest, columns]."""
    x0, x1, y0, y1, _, _ = data.GetExtent()
    return {name: a.reshape(y1 - y0, x1 - x0) for name, a in arrays(data.GetCellData()).items()}


class ImageGrid(unittest.TestCase):
    def test_every_cell(self):
        for shape in SHAPES:
            for dtype in ("f4", "f8"):
                with self.subTest(shape=shape, dtype=dtype):
                    values = maps(shape, dtype)
                    full = shape4(values)
                    data = fetch(grid(values))
                    layout = Grid(*full.shape)
                    self.assertEqual("vtkImageData", data.GetClassName())
                    self.assertEqual(layout.size()[::-1] + (0,), tuple(data.GetExtent()[1::2]))
                    self.assertEqual((layout.pixel,) * 3, data.GetSpacing())
                    self.assertEqual((0.0, 0.0, 0.0), data.GetOrigin())
                    self.assertEqual("Activation", data.GetCellData().GetScalars().GetName())
                    found = image_arrays(data)
                    self.assertEqual(NAMES, list(found))
                    self.assertEqual(np.dtype(dtype), found["Activation"].dtype)
                    np.testing.assert_array_equal(layout.mosaic(full), found["Activation"])
                    for name, expected in indices(full.shape).items():
                        expected = layout.mosaic(expected.reshape(full.shape), -1)
                        np.testing.assert_array_equal(expected, found[name], name)
                    self.assertTrue((found["Group"] == -1).all())

    def test_every_point(self):
        for shape in SHAPES:
            with self.subTest(shape=shape):
                values = maps(shape)
                full = shape4(values)
                data = fetch(grid(values, Output="Points"))
                layout = Grid(*full.shape)
                self.assertEqual("vtkPolyData", data.GetClassName())
                self.assertEqual(values.size, data.GetNumberOfVerts())
                place = vtk_to_numpy(data.GetPoints().GetData())
                expected = (layout.pixels().reshape(-1, 2) + 0.5) * layout.pixel
                np.testing.assert_allclose(place[:, :2], expected, rtol=1e-6)
                self.assertEqual(0.0, abs(place[:, 2]).max())
                found = arrays(data.GetPointData())
                self.assertEqual(NAMES, list(found))
                np.testing.assert_array_equal(values.ravel(), found["Activation"])
                for name, expected in indices(full.shape).items():
                    np.testing.assert_array_equal(expected, found[name], name)

    def test_pruned_filters_are_blank_and_groups_are_shown(self):
        values = maps((17, 8, 8))
        state = np.full(17, -1)
        state[[0, 16]] = [-2, 4]
        group = SEED.integers(-1, 3, 17)
        found = image_arrays(fetch(grid(values, state=state, group=group)))
        layout, full = Grid(17, 1, 8, 8), shape4(values)
        np.testing.assert_array_equal(layout.mosaic(full, skip=(0, 16)), found["Activation"])
        expected = np.broadcast_to(group[:, None, None, None], full.shape)
        expected = layout.mosaic(expected, -1, skip=(0, 16))
        np.testing.assert_array_equal(expected, found["Group"])
        points = fetch(grid(values, state=state, Output="Points"))
        self.assertEqual(15 * 64, points.GetNumberOfPoints())

    def test_an_overview_of_tiles(self):
        values = maps((4, 30, 20))
        values[1, 7, 7] = np.nan
        for reduction, pick in (("Mean", np.mean), ("Largest Magnitude", np.max)):
            data = fetch(grid(values, MaximumCells=400, Reduction=reduction))
            tile = int(values_of(data, "Note")[0].split(" x ")[1].split()[0])
            self.assertLessEqual(data.GetNumberOfCells(), 400)
            height, width = -(-30 // tile), -(-20 // tile)
            expected = np.zeros((4, 1, height, width))
            for f, _, y, x in np.ndindex(expected.shape):
                part = values[f, y * tile : (y + 1) * tile, x * tile : (x + 1) * tile]
                expected[f, 0, y, x] = pick(part.astype("f8"))
            layout = Grid(4, 1, height, width)
            found = image_arrays(data)
            np.testing.assert_allclose(layout.mosaic(expected), found["Activation"], rtol=1e-6)
            self.assertAlmostEqual(tile / 30, data.GetSpacing()[0])
            rows = layout.mosaic(np.indices(expected.shape)[2] * tile, -1)
            np.testing.assert_array_equal(rows, found["Row"])

    def test_a_region_in_full_lies_where_it_lies_in_the_whole(self):
        values = maps((50, 40))
        data = fetch(grid(values, RowRange=[5, 14], ColumnRange=[30, 39]))
        np.testing.assert_array_equal(values[5:15, 30:40][::-1], image_arrays(data)["Activation"])
        np.testing.assert_allclose(data.GetBounds(), [0.6, 0.8, 0.7, 0.9, 0, 0], atol=1e-12)
        values = maps((16, 8, 8))
        data = fetch(grid(values, FilterRange=[5, 6]))
        whole = Grid(16, 1, 8, 8).mosaic(shape4(values))
        x0, x1, y0, y1, _, _ = data.GetExtent()
        np.testing.assert_array_equal(whole[y0:y1, x0:x1], image_arrays(data)["Activation"])
        self.assertEqual((9, 26, 9, 17), (x0, x1, y0, y1))

    def test_what_cannot_be_shown_is_said(self):
        from vtkmodules.vtkCommonCore import vtkStringOutputWindow, vtkOutputWindow

        window = vtkStringOutputWindow()
        before = vtkOutputWindow.GetInstance()
        vtkOutputWindow.SetInstance(window)
        try:
            values = maps((4, 8, 8))
            grid(values, Tensor="conv9/weights").UpdatePipeline()
            self.assertIn('no tensor "conv9/weights"', window.GetOutput())
            grid(values, FilterRange=[2, 9]).UpdatePipeline()
            self.assertIn("2 to 9 of filters is empty or not within 0 to 3", window.GetOutput())
            grid(values, RowRange=[5, 4]).UpdatePipeline()
            self.assertIn("5 to 4 of rows", window.GetOutput())
        finally:
            vtkOutputWindow.SetInstance(before)

    def test_ranges_are_known_and_right(self):
        values = maps((16, 8, 8), "f8")
        values[3, 2, 2], values[4, 0, 0] = np.nan, -7.0
        views = [
            grid(values, state=[-2] + 15 * [-1]),
            grid(values, Output="Points"),
            simple.WeightGrid(Input=Tensors().add("conv1", "activations", values).source()),
            simple.DistributionGrid(Input=Tensors().add("conv1", "activations", values).source()),
        ]
        for view in views:
            view.UpdatePipeline()
            data = view.GetClientSideObject().GetOutputDataObject(0)
            attributes = data.GetCellData()
            if not attributes.GetNumberOfArrays():
                attributes = data.GetPointData()
            for name, array in arrays(attributes).items():
                expected = (np.nanmin(array), np.nanmax(array))
                self.assertEqual(expected, attributes.GetArray(name).GetRange(0), name)
                self.assertEqual(expected, attributes.GetArray(name).GetFiniteRange(0), name)
        values[5, 0, 0] = np.inf
        view = grid(values)
        view.UpdatePipeline()
        array = view.GetClientSideObject().GetOutputDataObject(0).GetCellData().GetArray(0)
        self.assertEqual((-7.0, np.inf), array.GetRange(0))
        self.assertEqual((-7.0, values[np.isfinite(values)].max()), array.GetFiniteRange(0))

    def test_index_arrays_can_be_left_out(self):
        data = fetch(grid(maps((4, 8, 8)), IndexArrays="Off"))
        self.assertEqual(["Activation"], list(image_arrays(data)))

    def test_changing_the_output_changes_the_type(self):
        view = grid(maps((4, 8, 8)))
        for output, kind in (("Image", "vtkImageData"), ("Points", "vtkPolyData")) * 2:
            view.Output = output
            self.assertEqual(kind, fetch(view).GetClassName())


if __name__ == "__main__":
    unittest.main()
