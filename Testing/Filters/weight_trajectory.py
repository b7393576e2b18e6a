# SPDX-License-Identifier: BSD-3-Clause
"""WeightTrajectory against the table that it draws."""

import unittest

import numpy as np
from paraview import simple
from tensors import arrays, fetch, load_plugin
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkTable
from vtkmodules.vtkCommonCore import vtkOutputWindow, vtkStringArray, vtkStringOutputWindow

load_plugin()
SEED = np.random.default_rng(4)
STEPS = np.arange(0, 500, 10)
ELEMENTS = [f"conv1/weights[{i}]" for i in (0, 1, 2, 7)]


def history():
    paths = np.cumsum(SEED.normal(0, 0.1, (len(ELEMENTS), len(STEPS))), axis=1)
    loss = np.exp(-STEPS / 100.0)
    return dict(zip(["Step", "loss", *ELEMENTS], [STEPS, loss, *paths]))


def trajectory(columns, text=False, **properties):
    table = vtkTable()
    for name, values in columns.items():
        array = numpy_to_vtk(np.ascontiguousarray(values), deep=True)
        array.SetName(name)
        table.AddColumn(array)
    if text:
        column = vtkStringArray()
        column.SetName("remark")
        column.SetNumberOfValues(table.GetNumberOfRows())
        table.AddColumn(column)
    source = simple.PVTrivialProducer()
    source.GetClientSideObject().SetOutput(table)
    source.UpdatePipeline()
    return simple.WeightTrajectory(Input=source, **properties)


def points(data):
    return vtk_to_numpy(data.GetPoints().GetData())


class WeightTrajectory(unittest.TestCase):
    def test_the_first_three_elements(self):
        table = history()
        view = trajectory(table, text=True)
        self.assertEqual(ELEMENTS[:3], [view.XElement, view.YElement, view.ZElement])
        self.assertEqual(
            {*ELEMENTS, "loss"}, set(view.GetProperty("YElement").GetAvailable())
        )
        data = fetch(view)
        self.assertEqual(("vtkPolyData", 1), (data.GetClassName(), data.GetNumberOfLines()))
        np.testing.assert_array_equal(np.stack([table[e] for e in ELEMENTS[:3]], 1), points(data))
        found = arrays(data.GetPointData())
        np.testing.assert_array_equal(STEPS, found["Step"])
        np.testing.assert_array_equal(table["loss"], found["loss"])
        self.assertEqual("Step", data.GetPointData().GetScalars().GetName())

    def test_any_columns(self):
        table = history()
        data = fetch(trajectory(table, XElement=ELEMENTS[3], YElement="loss", ZElement="Step"))
        expected = np.stack([table[ELEMENTS[3]], table["loss"], STEPS], 1)
        np.testing.assert_array_equal(expected, points(data))

    def test_a_path_ends_where_its_filter_ends(self):
        table = history()
        table[ELEMENTS[1]][:5] = np.nan
        table[ELEMENTS[2]][40:] = np.nan
        data = fetch(trajectory(table))
        self.assertEqual((1, 35), (data.GetNumberOfLines(), data.GetNumberOfPoints()))
        np.testing.assert_array_equal(STEPS[5:40], arrays(data.GetPointData())["Step"])
        self.assertTrue(np.isfinite(points(data)).all())

    def test_small_tables(self):
        table = history()
        one = fetch(trajectory({k: v[:1] for k, v in table.items()}))
        self.assertEqual((1, 0), (one.GetNumberOfVerts(), one.GetNumberOfLines()))
        two = fetch(trajectory({k: table[k] for k in ("Step", *ELEMENTS[:2])}))
        self.assertEqual(0.0, abs(points(two)[:, 2]).max())
        nothing = fetch(trajectory({k: v * np.nan for k, v in table.items()}))
        self.assertEqual(0, nothing.GetNumberOfPoints())

    def test_a_table_without_steps_counts_its_rows(self):
        table = history()
        del table["Step"]
        data = fetch(trajectory(table))
        np.testing.assert_array_equal(np.arange(50), arrays(data.GetPointData())["Step"])

    def test_a_column_that_is_not_there_is_named(self):
        window, before = vtkStringOutputWindow(), vtkOutputWindow.GetInstance()
        vtkOutputWindow.SetInstance(window)
        try:
            trajectory(history(), YElement="conv9/weights[0]").UpdatePipeline()
            self.assertIn('no column of numbers "conv9/weights[0]"', window.GetOutput())
        finally:
            vtkOutputWindow.SetInstance(before)


if __name__ == "__main__":
    unittest.main()
