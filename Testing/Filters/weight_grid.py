# SPDX-License-Identifier: BSD-3-Clause
"""WeightGrid against numpy: which cells, where, how high, with which indices."""

import unittest

import numpy as np
from grid import Grid, indices, near_square
from paraview import simple
from tensors import Tensors, arrays, cells, fetch, load_plugin, values_of
from vtkmodules.util.numpy_support import vtk_to_numpy

load_plugin()
SEED = np.random.default_rng(1)
SHAPES = [
    (7, 1, 3, 3),
    (16, 1, 3, 3),
    (17, 3, 5, 5),
    (64, 3, 3, 3),
    (512, 1, 1, 1),
    (32, 16, 3, 3),
    (6, 2, 7, 1),
    (1, 1, 10, 24),
]


def weights(shape, dtype="f4"):
    return SEED.normal(0, 0.3, shape).astype(dtype)


def grid(values, **properties):
    labels = {k: properties.pop(k) for k in ("state", "group") if k in properties}
    source = Tensors().add("conv1", "weights", values, **labels).source()
    return simple.WeightGrid(Input=source, **properties)


def points(data):
    return vtk_to_numpy(data.GetPoints().GetData()).astype("f8")


def boxes(data):
    """Lowest and highest corner of each cell."""
    cells = data.GetStrips() if data.GetNumberOfStrips() else data.GetPolys()
    each = 14 if data.GetNumberOfStrips() else 4
    connectivity = vtk_to_numpy(cells.GetConnectivityArray()).reshape(-1, each)
    corners = points(data)[connectivity]
    return corners.min(axis=1), corners.max(axis=1)


class WeightGrid(unittest.TestCase):
    def test_the_grid_of_the_design(self):
        sizes = {16: (4, 4), 32: (4, 8), 64: (8, 8), 12: (3, 4), 7: (2, 4), 17: (4, 5), 3: (1, 3)}
        for filters, expected in sizes.items():
            self.assertEqual(expected, near_square(filters))

    def test_every_box(self):
        for shape in SHAPES:
            with self.subTest(shape=shape):
                values = weights(shape)
                data = fetch(grid(values, HeightScale=2.0, Heights="Absolute"))
                self.assertEqual("vtkPolyData", data.GetClassName())
                self.assertEqual(values.size, data.GetNumberOfCells())
                found = arrays(data.GetCellData())
                self.assertEqual(
                    ["Weight", "Filter", "Channel", "Row", "Column", "Group"], list(found)
                )
                self.assertEqual("Weight", data.GetCellData().GetScalars().GetName())
                np.testing.assert_array_equal(values.ravel(), found["Weight"])
                for name, expected in indices(shape).items():
                    np.testing.assert_array_equal(expected, found[name], name)
                self.assertTrue((found["Group"] == -1).all())

                layout = Grid(*shape)
                low, high = boxes(data)
                corner = layout.pixels().reshape(-1, 2) * layout.pixel
                middle = (low + high)[:, :2] / 2
                np.testing.assert_allclose(middle, corner + layout.pixel / 2, atol=1e-5)
                side = (high - low)[:, :2] / layout.pixel
                self.assertGreater(side.min(), 0.85)
                self.assertLess(side.max(), 1.0)
                height = 2.0 * values.ravel()
                np.testing.assert_allclose(low[:, 2], np.minimum(height, 0), atol=1e-6)
                np.testing.assert_allclose(high[:, 2], np.maximum(height, 0), atol=1e-6)

    def test_boxes_are_closed_and_face_outwards(self):
        data = fetch(grid(weights((2, 1, 2, 2))))
        data.BuildCells()
        for cell in range(data.GetNumberOfCells()):
            strip = [data.GetCell(cell).GetPointId(i) for i in range(14)]
            box = points(data)[8 * cell : 8 * cell + 8]
            middle, area, faces = box.mean(axis=0), 0.0, {}
            for i in range(12):
                a, b, c = strip[i : i + 3] if i % 2 == 0 else (strip[i + 1], strip[i], strip[i + 2])
                a, b, c = points(data)[[a, b, c]]
                normal = np.cross(b - a, c - a)
                self.assertGreater(normal @ ((a + b + c) / 3 - middle), 0.0)
                key = (int(np.argmax(abs(normal))), bool(normal.sum() > 0))
                faces[key] = faces.get(key, 0) + 1
                area += np.linalg.norm(normal) / 2
            self.assertEqual([2] * 6, list(faces.values()))
            x, y, z = box.max(axis=0) - box.min(axis=0)
            self.assertAlmostEqual(2 * (x * y + x * z + y * z), area, places=6)

    def test_pruned_filters_leave_their_places_empty(self):
        values = weights((16, 3, 3, 3))
        state = np.full(16, -1)
        state[[2, 5, 15]] = [-2, 3, -3]  # pruned, merged into filter 3, dead
        group = SEED.integers(-1, 3, 16)
        whole, pruned = fetch(grid(values)), fetch(grid(values, state=state, group=group))
        found = arrays(pruned.GetCellData())
        kept = ~np.isin(indices(values.shape)["Filter"], [2, 5])
        np.testing.assert_array_equal(values.ravel()[kept], found["Weight"])
        np.testing.assert_array_equal(indices(values.shape)["Filter"][kept], found["Filter"])
        np.testing.assert_array_equal(group[found["Filter"]], found["Group"])
        for mine, all_of_them in zip(boxes(pruned), boxes(whole)):
            np.testing.assert_array_equal(all_of_them[kept], mine)

    def test_rows_of_a_matrix_have_states_and_groups_of_their_own(self):
        values = weights((10, 24))
        state = [-1, -2] + 8 * [-1]
        found = cells(grid(values, state=state, group=range(10)))
        kept = [row for row in range(10) if row != 1]
        np.testing.assert_array_equal(values[kept].ravel(), found["Weight"])
        np.testing.assert_array_equal(np.repeat(kept, 24), found["Row"])
        np.testing.assert_array_equal(np.repeat(kept, 24), found["Group"])
        self.assertTrue((found["Filter"] == 0).all())

    def test_any_tensor_under_its_own_name(self):
        gradients = weights((4, 2, 3, 3), "f8")
        activations = abs(weights((9,)))
        source = (
            Tensors()
            .add("fc", "activations", activations)
            .add("conv1", "gradients", gradients)
            .add("conv1", "weights", weights((4, 2, 3, 3)))
            .source()
        )
        default = simple.WeightGrid(Input=source)
        self.assertEqual("conv1/weights", default.Tensor)
        self.assertIn("Weight", cells(default))
        offered = default.GetProperty("Tensor").GetAvailable()
        self.assertEqual(["conv1/weights", "fc/activations", "conv1/gradients"], list(offered))
        found = cells(simple.WeightGrid(Input=source, Tensor="conv1/gradients"))
        self.assertEqual(np.float64, found["Gradient"].dtype)
        np.testing.assert_array_equal(gradients.ravel(), found["Gradient"])
        found = cells(simple.WeightGrid(Input=source, Tensor="fc/activations"))
        np.testing.assert_array_equal(activations, found["Activation"])
        np.testing.assert_array_equal(np.arange(9), found["Filter"])

    def test_values_that_are_not_finite_have_no_height(self):
        values = weights((1, 1, 2, 2))
        values[0, 0, 0] = [np.nan, np.inf]
        data = fetch(grid(values))
        low, high = boxes(data)
        self.assertTrue((high - low)[:2, 2].max() == 0)
        self.assertTrue(np.isfinite(points(data)).all())
        np.testing.assert_array_equal(values.ravel(), arrays(data.GetCellData())["Weight"])

    def test_many_values_become_tiles_and_say_so(self):
        values = weights((16, 4, 5, 5))
        tiles = grid(values, MaximumBoxes=1000)
        data = fetch(tiles)
        self.assertEqual((1600, 3840), (data.GetNumberOfPolys(), data.GetNumberOfPoints()))
        self.assertIn("tiles", values_of(data, "Note")[0])
        self.assertEqual(0.0, abs(points(data)[:, 2]).max())
        np.testing.assert_array_equal(values.ravel(), arrays(data.GetCellData())["Weight"])
        tiles.Style = "Boxes"
        self.assertEqual(1600, fetch(tiles).GetNumberOfStrips())
        self.assertIsNone(values_of(fetch(tiles), "Note"))
        tiles.Style = "Tiles"
        self.assertEqual(1600, fetch(tiles).GetNumberOfPolys())

    def test_boxes_that_would_be_needles_become_tiles_and_say_so(self):
        values = weights((30, 120))
        view = grid(values, RowRange=[3, 5], Heights="Absolute")
        data = fetch(view)
        self.assertEqual(360, data.GetNumberOfPolys())
        self.assertEqual(
            "Flat tiles: boxes would be needles, unless HeightScale is lowered.",
            values_of(data, "Note")[0],
        )
        view.HeightScale = 0.1
        data = fetch(view)
        self.assertEqual(360, data.GetNumberOfStrips())
        self.assertIsNone(values_of(data, "Note"))
        np.testing.assert_allclose(
            0.1 * np.maximum(values[3:6].ravel(), 0), boxes(data)[1][:, 2], atol=1e-6
        )

    def test_an_overview_reduces_and_a_region_is_in_full(self):
        values = weights((60, 100))
        values[17, 33] = -9.0
        view = grid(values, MaximumCells=1000, Style="Tiles")
        for reduction in ("Mean", "Largest Magnitude"):
            view.Reduction = reduction
            data = fetch(view)
            found = arrays(data.GetCellData())
            tile = 3  # 20 x 34 = 680 cells; 2 would give 1500
            self.assertIn(f"{tile} x {tile}", values_of(data, "Note")[0])
            expected = []
            for row in range(0, 60, tile):
                for column in range(0, 100, tile):
                    part = values[row : row + tile, column : column + tile].astype("f8")
                    largest = part.ravel()[abs(part).argmax()]
                    expected.append(part.mean() if reduction == "Mean" else largest)
            np.testing.assert_allclose(found["Weight"], expected, rtol=1e-6, atol=1e-8)
            self.assertEqual(list(range(0, 60, tile)), sorted(set(found["Row"])))
            low, high = boxes(data)
            self.assertAlmostEqual(0.6, high[:, 1].max(), places=6)  # the top stays where it is
        whole = fetch(grid(values, Style="Tiles"))
        part = fetch(grid(values, Style="Tiles", RowRange=[10, 19], ColumnRange=[30, -1]))
        found = arrays(part.GetCellData())
        np.testing.assert_array_equal(values[10:20, 30:].ravel(), found["Weight"])
        rows, columns = indices((1, 1, 60, 100))["Row"], indices((1, 1, 60, 100))["Column"]
        chosen = (rows >= 10) & (rows <= 19) & (columns >= 30)
        for mine, all_of_them in zip(boxes(part), boxes(whole)):
            np.testing.assert_allclose(all_of_them[chosen], mine, atol=1e-7)

    def test_too_many_windows_become_a_matrix(self):
        values = weights((64, 32, 3, 3))
        state = np.full(64, -1)
        state[10:20] = -2
        group = np.arange(64) % 5
        view = grid(values, state=state, group=group, MaximumCells=1000, FilterRange=[4, 63])
        data = fetch(view)
        self.assertLessEqual(data.GetNumberOfCells(), 1000)
        note = values_of(data, "Note")[0]
        self.assertIn("one matrix", note)
        tile = int(note.split(" x ")[1].split()[0])
        found = arrays(data.GetCellData())
        matrix = values.reshape(64, -1).astype("f8")
        expected, filters, weight = [], [], []
        for row in range(4, 64, tile):
            shown = [r for r in range(row, min(row + tile, 64)) if not 10 <= r < 20]
            for column in range(0, matrix.shape[1], tile):
                if shown:
                    expected.append(matrix[shown, column : column + tile].mean())
                    filters.append(row)
                    weight.append(column)
        np.testing.assert_allclose(found["Weight"], expected, rtol=1e-5, atol=1e-7)
        np.testing.assert_array_equal(filters, found["Filter"])
        np.testing.assert_array_equal(group[filters], found["Group"])
        place = np.unravel_index(weight, (32, 3, 3))
        for name, index in zip(("Channel", "Row", "Column"), place):
            np.testing.assert_array_equal(index, found[name], name)

    def test_ranges_keep_filters_and_channels_in_their_places(self):
        values = weights((16, 3, 3, 3))
        whole = fetch(grid(values))
        part = fetch(grid(values, FilterRange=[3, 9], ChannelRange=[1, 1]))
        place = indices(values.shape)
        chosen = (place["Filter"] >= 3) & (place["Filter"] <= 9) & (place["Channel"] == 1)
        np.testing.assert_array_equal(
            values.ravel()[chosen], arrays(part.GetCellData())["Weight"]
        )
        for mine, all_of_them in zip(boxes(part), boxes(whole)):
            np.testing.assert_array_equal(all_of_them[chosen], mine)

    def test_index_arrays_can_be_left_out(self):
        self.assertEqual(["Weight"], list(cells(grid(weights((4, 1, 3, 3)), IndexArrays="Off"))))


if __name__ == "__main__":
    unittest.main()
