# SPDX-License-Identifier: BSD-3-Clause
"""DistributionGrid against numpy: every point of every style, and what an envelope keeps."""

import unittest

import numpy as np
from grid import Grid
from paraview import simple
from tensors import Tensors, arrays, fetch, load_plugin, shape4
from vtkmodules.util.numpy_support import vtk_to_numpy

load_plugin()
SEED = np.random.default_rng(3)
SHAPES = [(7, 28, 28), (16, 14, 14), (17, 9, 12), (64, 20, 16), (512, 4, 4), (16, 3, 5, 5)]
NAMES = ["Activation", "Filter", "Channel", "Pixel", "Group"]


def maps(shape, dtype="f4"):
    return SEED.gamma(2.0, 1.0, shape).astype(dtype)


def grid(values, **properties):
    labels = {k: properties.pop(k) for k in ("state", "group") if k in properties}
    source = Tensors().add("conv1", "activations", values, **labels).source()
    return simple.DistributionGrid(Input=source, **properties)


def points(data):
    return vtk_to_numpy(data.GetPoints().GetData()).astype("f8")


def cell_sizes(cells):
    return np.diff(vtk_to_numpy(cells.GetOffsetsArray()))


def corner(layout, filter, channel):
    """Lower left of a window's square: that of the mosaic, with cells made square."""
    _, _, height, width = layout.shape
    longest = max(height, width)
    if longest == 1:
        return np.array(Grid(*layout.shape[:2], 8, 8).window(filter, channel)) / 8
    return np.array(Grid(*layout.shape[:2], longest, longest).window(filter, channel)) / longest


def expected(values, lowest=None, highest=None):
    """Points of all pixels in order, as a float64 array [n, 2]."""
    full = shape4(values).astype("f8")
    layout, out = Grid(*full.shape), []
    for filter, channel in np.ndindex(full.shape[:2]):
        y = full[filter, channel].ravel()
        low = y.min() if lowest is None else lowest
        high = y.max() if highest is None else highest
        x = np.linspace(0, 1, y.size) if y.size > 1 else np.array([0.5])
        y = (y - low) / (high - low) if high > low else 0 * y
        out.append(np.stack([x, y], axis=1) + corner(layout, filter, channel))
    return np.concatenate(out)


def m4(y, columns):
    """Pixels that an envelope keeps: first, last, least and greatest of each column."""
    bounds = [len(y) * c // columns for c in range(columns + 1)]
    kept = []
    for begin, end in zip(bounds, bounds[1:]):
        part = y[begin:end]
        here = {0, len(part) - 1, int(part.argmin()), int(part.argmax())}
        kept += [begin + i for i in sorted(here)]
    return np.array(kept)


def path(y, columns):
    """Pixels that the line of an envelope visits: each column's least and greatest, the nearer one
    first, from the first pixel to the last."""
    bounds = [len(y) * c // columns for c in range(columns + 1)]
    visited = [0]
    for begin, end in zip(bounds, bounds[1:]):
        extremes = [begin + int(y[begin:end].argmin()), begin + int(y[begin:end].argmax())]
        extremes.sort(key=lambda pixel: abs(y[pixel] - y[visited[-1]]))
        visited += [pixel for pixel in extremes if pixel != visited[-1]]
    return visited if visited[-1] == len(y) - 1 else visited + [len(y) - 1]


class DistributionGrid(unittest.TestCase):
    def test_every_point(self):
        for shape in SHAPES:
            for style in ("Envelope", "Points", "Line"):  # these windows are small: all in full
                with self.subTest(shape=shape, style=style):
                    values = maps(shape)
                    full = shape4(values)
                    data = fetch(grid(values, Style=style))
                    self.assertEqual("vtkPolyData", data.GetClassName())
                    np.testing.assert_allclose(
                        points(data)[:, :2], expected(values), atol=1e-5 if len(full) < 100 else 1e-4
                    )
                    self.assertEqual(0.0, abs(points(data)[:, 2]).max())
                    found = arrays(data.GetPointData())
                    self.assertEqual(NAMES, list(found))
                    np.testing.assert_array_equal(values.ravel(), found["Activation"])
                    place = np.indices((full.shape[0], full.shape[1], full[0, 0].size))
                    for name, index in zip(("Filter", "Channel", "Pixel"), place):
                        np.testing.assert_array_equal(index.ravel(), found[name], name)
                    self.assertTrue((found["Group"] == -1).all())
                    self.assertEqual("Activation", data.GetPointData().GetScalars().GetName())
                    windows, pixels = full.shape[0] * full.shape[1], full[0, 0].size
                    if style == "Points":
                        self.assertEqual([1] * values.size, list(cell_sizes(data.GetVerts())))
                    else:
                        self.assertEqual([pixels] * windows, list(cell_sizes(data.GetLines())))

    def test_layers_of_numbers_are_vertices(self):
        values = maps((10,), "f8")
        data = fetch(grid(values))
        self.assertEqual((10, 0), (data.GetNumberOfVerts(), data.GetNumberOfLines()))
        np.testing.assert_array_equal(values, arrays(data.GetPointData())["Activation"])
        np.testing.assert_allclose(points(data)[:, :2], expected(values), atol=1e-6)
        data = fetch(grid(values, Normalization="Layer"))
        spread = expected(values, values.min(), values.max())
        np.testing.assert_allclose(points(data)[:, :2], spread, atol=1e-6)

    def test_one_scale_for_the_layer(self):
        values = maps((16, 10, 10)) * np.arange(1, 17)[:, None, None].astype("f4")
        data = fetch(grid(values, Normalization="Layer"))
        spread = expected(values, values.min(), values.max())
        np.testing.assert_allclose(points(data)[:, :2], spread, atol=1e-5)

    def test_an_envelope_keeps_what_a_screen_shows(self):
        values = maps((5, 2, 40, 45))
        data = fetch(grid(values, Resolution=64))
        found = arrays(data.GetPointData())
        kept, where = [], []
        for window, y in enumerate(values.reshape(10, -1)):
            kept.append(m4(y, 64))
            where.append(window * y.size + kept[-1])
        np.testing.assert_array_equal(np.concatenate(kept), found["Pixel"])
        where = np.concatenate(where)
        np.testing.assert_array_equal(values.ravel()[where], found["Activation"])
        np.testing.assert_allclose(points(data)[:, :2], expected(values)[where], atol=1e-5)
        lines = np.split(
            found["Pixel"][vtk_to_numpy(data.GetLines().GetConnectivityArray())],
            np.cumsum(cell_sizes(data.GetLines()))[:-1],
        )
        for y, line in zip(values.reshape(10, -1), lines, strict=True):
            self.assertEqual(path(y, 64), list(line))
        self.assertEqual(values.size, fetch(grid(values, Resolution=450)).GetNumberOfPoints() or 0)

    def test_the_line_of_an_envelope_has_both_ends(self):
        for y in (np.zeros(1000), np.arange(1000.0), -np.arange(1000.0), np.eye(1000)[500]):
            data = fetch(grid(y.reshape(1, 20, 50), Resolution=64))
            line = vtk_to_numpy(data.GetLines().GetConnectivityArray())
            visited = arrays(data.GetPointData())["Pixel"][line]
            self.assertEqual((0, 999), (visited[0], visited[-1]))
            ends = [1000 * (column + 1) // 64 for column in range(64)]
            columns = np.searchsorted(ends, visited, side="right")
            np.testing.assert_array_equal(np.arange(64), np.unique(columns))

    def test_groups_and_pruned_filters(self):
        values = maps((17, 8, 8))
        state = np.full(17, -1)
        state[[0, 16]] = [-2, 4]
        group = SEED.integers(-1, 3, 17)
        data = fetch(grid(values, state=state, group=group))
        found = arrays(data.GetPointData())
        kept = np.repeat(np.arange(17), 64)
        kept = kept[(kept != 0) & (kept != 16)]
        np.testing.assert_array_equal(kept, found["Filter"])
        np.testing.assert_array_equal(group[kept], found["Group"])
        self.assertEqual("Group", data.GetPointData().GetScalars().GetName())
        chosen = expected(values)[64:-64]
        np.testing.assert_allclose(points(data)[:, :2], chosen, atol=1e-5)
        data = fetch(grid(values, FilterRange=[3, 4]))
        np.testing.assert_allclose(points(data)[:, :2], expected(values)[192:320], atol=1e-5)

    def test_dead_filters_and_values_that_are_not_finite(self):
        values = maps((4, 6, 6))
        values[1] = 3.0
        values[2, 0, :3] = [np.nan, np.inf, -np.inf]
        values[3] = np.nan
        data = fetch(grid(values))
        found = arrays(data.GetPointData())
        finite = np.isfinite(values.ravel())
        np.testing.assert_array_equal(values.ravel()[finite], found["Activation"])
        self.assertEqual([36, 36, 33], list(cell_sizes(data.GetLines())))
        self.assertTrue(np.isfinite(points(data)).all())
        flat = points(data)[36:72, 1]
        self.assertEqual(corner(Grid(4, 1, 6, 6), 1, 0)[1], flat.min())
        self.assertEqual(flat.min(), flat.max())


if __name__ == "__main__":
    unittest.main()
