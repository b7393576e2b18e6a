# SPDX-License-Identifier: BSD-3-Clause
"""What Plugin/Scripts/export.py writes is what was shown: read back with VTK's readers and csv."""

import csv
import math
import os
import subprocess
import sys
import unittest

import numpy as np
import paraview.simple as pv
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkIOXML import vtkXMLImageDataReader, vtkXMLPolyDataReader

PVPYTHON = sys.argv[1]
SOURCE = os.environ["TENSORVIEW_SOURCE"]
RUN = os.path.join(os.environ["TENSORVIEW_SAMPLES"], "lenet.tvh5")
SCRIPT = os.path.join(SOURCE, "Plugin", "Scripts", "export.py")


def export(*arguments):
    return subprocess.run(
        [PVPYTHON, SCRIPT, RUN, *arguments], capture_output=True, text=True, timeout=200
    )


def arrays(fields):
    found = {}
    for index in range(fields.GetNumberOfArrays()):
        array = fields.GetArray(index)
        if array:
            found[array.GetName()] = vtk_to_numpy(array)
    return found


def read(path):
    reader = vtkXMLPolyDataReader() if path.endswith(".vtp") else vtkXMLImageDataReader()
    reader.SetFileName(path)
    reader.Update()
    return reader.GetOutput()


def read_csv(path):
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    columns = {}
    for index, name in enumerate(rows[0]):
        try:
            columns[name] = np.array([float(row[index] or "nan") for row in rows[1:]])
        except ValueError:
            columns[name] = [row[index] for row in rows[1:]]
    return columns


class Export(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.result = export("--output", "files", "--steps", "0,250,300")
        pv.LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], remote=False, ns=pv.__dict__)
        run = pv.TensorSnapshotReader(FileName=[RUN])
        groups = pv.SimilarityGroups(Input=run)
        cls.shown = {
            "WeightGrid": (pv.WeightGrid(Input=pv.OutputPort(groups, 0)), 0, "vtp"),
            "ImageGrid": (pv.ImageGrid(Input=pv.OutputPort(groups, 0)), 0, "vti"),
            "DistributionGrid": (pv.DistributionGrid(Input=pv.OutputPort(groups, 0)), 0, "vtp"),
            "Correlation": (groups, 2, "vti"),
            "SimilarityGroups": (groups, 1, "csv"),
            "WeightTrajectory": (pv.WeightTrajectory(Input=pv.OutputPort(run, 1)), 0, "vtp"),
            "History": (run, 1, "csv"),
        }
        cls.names = {
            f"{name}_{step:03d}": (name, step)
            for name in cls.shown
            if name not in ("WeightTrajectory", "History")
            for step in (0, 250, 300)
        }
        cls.names.update({"WeightTrajectory": ("WeightTrajectory", 300), "History": ("History", 300)})

    def data(self, name, step):
        source, port, suffix = self.shown[name]
        source.UpdatePipeline(step)
        return pv.servermanager.Fetch(source, idx=port), suffix

    def test_files_and_progress(self):
        self.assertEqual(0, self.result.returncode, self.result.stderr)
        expected = set()
        for file, (name, _) in self.names.items():
            suffix = self.shown[name][2]
            expected |= {f"{file}.{suffix}", f"{file}.csv"}
        self.assertEqual(expected, set(os.listdir("files")))
        total = len(expected)
        self.assertIn(f"{total}/{total} files", self.result.stderr)
        self.assertIn(f"{total} files in files", self.result.stdout)

    def test_vtk_files_are_what_was_shown(self):
        compared = 0
        for file, (name, step) in self.names.items():
            shown, suffix = self.data(name, step)
            if suffix == "csv":
                continue
            back = read(f"files/{file}.{suffix}")
            self.assertEqual(shown.GetClassName(), back.GetClassName())
            self.assertEqual(shown.GetNumberOfCells(), back.GetNumberOfCells(), file)
            self.assertGreater(back.GetNumberOfCells(), 0, file)
            np.testing.assert_array_equal(shown.GetBounds(), back.GetBounds())
            if suffix == "vtp":
                points = [vtk_to_numpy(d.GetPoints().GetData()) for d in (shown, back)]
                np.testing.assert_array_equal(*points)
            for get in ("GetCellData", "GetPointData"):
                expected, found = arrays(getattr(shown, get)()), arrays(getattr(back, get)())
                self.assertEqual(set(expected), set(found), file)
                for array in expected:
                    np.testing.assert_array_equal(found[array], expected[array], f"{file} {array}")
                    self.assertEqual(expected[array].dtype, found[array].dtype)
                    compared += 1
        self.assertGreater(compared, 40)

    def test_csv_files_are_what_was_shown(self):
        for file, (name, step) in self.names.items():
            shown, suffix = self.data(name, step)
            table = read_csv(f"files/{file}.csv")
            if suffix == "csv":
                expected = arrays(shown.GetRowData())
            else:
                cells, points = arrays(shown.GetCellData()), arrays(shown.GetPointData())
                expected = cells if name in ("WeightGrid", "ImageGrid", "Correlation") else points
            self.assertGreater(len(expected), 0)
            for array, values in expected.items():
                self.assertIn(array, table, file)
                column = np.asarray(table[array]).astype(values.dtype)
                if values.dtype == np.float64:
                    np.testing.assert_allclose(column, values, rtol=1e-8, err_msg=f"{file} {array}")
                else:  # nine digits give every float32 back
                    np.testing.assert_array_equal(column, values, err_msg=f"{file} {array}")

    def test_nothing_is_appended(self):
        # Appended data cannot be read back by the ParaView that wrote it.
        for file in os.listdir("files"):
            with open(os.path.join("files", file), "rb") as content:
                self.assertNotIn(b"AppendedData", content.read())

    def test_steps_differ(self):
        before, after = (read(f"files/WeightGrid_{step}.vtp") for step in ("000", "300"))
        first, last = (arrays(d.GetCellData())["Weight"] for d in (before, after))
        self.assertGreater(np.abs(first - last).max(), 1e-3)
        self.assertTrue(math.isfinite(np.abs(last).max()))

    def test_mistakes_get_a_sentence(self):
        for arguments, word in (
            (["--steps", "soon"], "soon"),
            (["--plugin", "/nowhere.so", "--steps", "x"], "x"),
        ):
            result = export("--output", "nothing", *arguments)
            self.assertNotEqual(0, result.returncode)
            self.assertIn(word, result.stderr)
            self.assertNotIn("Traceback", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
