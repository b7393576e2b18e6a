# SPDX-License-Identifier: BSD-3-Clause
"""Every view saved as .csv and .vtp or .vti, and read back by this ParaView: what was shown."""

import csv
import unittest

import numpy as np
from paraview import simple
from tensors import Tensors, arrays, fetch, load_plugin
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkTable

load_plugin()
SEED = np.random.default_rng(6)


def tensors():
    state = [-1] * 9 + [-2]
    return (
        Tensors()
        .add("conv1", "weights", SEED.normal(0, 0.3, (10, 3, 3, 3)).astype("f4"), state=state)
        .add(
            "conv1",
            "activations",
            SEED.gamma(2, 1, (10, 9, 12)).astype("f4"),
            state=state,
            group=[0, 0, -1, 1, 1, -1, -1, -1, -1, -1],
        )
        .source()
    )


def history():
    table = vtkTable()
    for name in ("Step", "conv1/weights[0]", "conv1/weights[1]", "conv1/weights[2]"):
        column = numpy_to_vtk(SEED.normal(0, 1, 30) if "[" in name else np.arange(30), deep=True)
        column.SetName(name)
        table.AddColumn(column)
    source = simple.PVTrivialProducer()
    source.GetClientSideObject().SetOutput(table)
    source.UpdatePipeline()
    return source


def contents(data):
    found = {f"cell {k}": v for k, v in arrays(data.GetCellData()).items()}
    found.update({f"point {k}": v for k, v in arrays(data.GetPointData()).items()})
    if data.IsA("vtkImageData"):
        found["extent"] = np.array(data.GetExtent())
        found["spacing"] = np.array(data.GetSpacing())
    else:
        found["points"] = vtk_to_numpy(data.GetPoints().GetData())
        for kind in ("Verts", "Lines", "Polys", "Strips"):
            cells = getattr(data, f"Get{kind}")()
            if cells.GetNumberOfCells():
                found[kind] = vtk_to_numpy(cells.GetConnectivityArray()).astype("i8")
                found[kind + " offsets"] = vtk_to_numpy(cells.GetOffsetsArray()).astype("i8")
    return found


class Saved(unittest.TestCase):
    def test_every_view(self):
        source, path = tensors(), history()
        views = {
            "boxes.vtp": (simple.WeightGrid(Input=source), "Cell Data"),
            "tiles.vtp": (simple.WeightGrid(Input=source, Style="Tiles"), "Cell Data"),
            "image.vti": (simple.ImageGrid(Input=source), "Cell Data"),
            "points.vtp": (simple.ImageGrid(Input=source, Output="Points"), "Point Data"),
            "envelope.vtp": (simple.DistributionGrid(Input=source, Resolution=5), "Point Data"),
            "line.vtp": (simple.DistributionGrid(Input=source, Style="Line"), "Point Data"),
            "dots.vtp": (simple.DistributionGrid(Input=source, Style="Points"), "Point Data"),
            "trajectory.vtp": (simple.WeightTrajectory(Input=path), "Point Data"),
        }
        for name, (view, association) in views.items():
            with self.subTest(name=name):
                shown = contents(fetch(view))
                simple.SaveData(name, proxy=view, DataMode="Binary")
                back = contents(fetch(simple.OpenDataFile(name)))
                self.assertEqual(set(shown), set(back))
                for key in shown:
                    np.testing.assert_array_equal(shown[key], back[key], key)

                table = name[:-4] + ".csv"
                simple.SaveData(table, proxy=view, Precision=9, FieldAssociation=association)
                with open(table) as file:
                    rows = list(csv.DictReader(file))
                prefix = association.split()[0].lower() + " "
                for key, values in shown.items():
                    if key.startswith(prefix):
                        column = np.array([row[key[len(prefix) :]] for row in rows], "f8")
                        np.testing.assert_allclose(values, column, rtol=1e-8, err_msg=key)


if __name__ == "__main__":
    unittest.main()
