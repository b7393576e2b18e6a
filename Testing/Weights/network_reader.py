# SPDX-License-Identifier: BSD-3-Clause
"""NetworkFileReader in ParaView: which files it takes, its outputs, a series as time, updates."""

import os
import shutil
import sys
import unittest

import numpy as np
from paraview.simple import *
from vtkmodules.util.numpy_support import vtk_to_numpy
from weights_support import write_safetensors

LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], ns=globals())


def leaves(reader, port=0):
    """{name of the array: (values, what the field data says)} of all leaves."""
    output = reader.GetClientSideObject().GetOutputDataObject(port)
    found = {}
    for k in range(output.GetNumberOfPartitionedDataSets()):
        leaf = output.GetPartition(k, 0)
        if leaf is None or leaf.GetCellData().GetNumberOfArrays() == 0:
            continue
        array = leaf.GetCellData().GetArray(0)
        fields = leaf.GetFieldData()
        said = {fields.GetAbstractArray(i).GetName(): fields.GetAbstractArray(i).GetVariantValue(0).ToString()
                for i in range(fields.GetNumberOfArrays())}
        found[said["Layer"], said["Kind"]] = (vtk_to_numpy(array).copy(), said)
    return found


class NetworkReader(unittest.TestCase):
    def setUp(self):
        shutil.rmtree("series", ignore_errors=True)
        os.mkdir("series")
        random = np.random.default_rng(0)
        self.kernels = random.normal(size=(3, 4, 2, 3, 3)).astype("f4")
        for k, kernel in enumerate(self.kernels):
            write_safetensors(f"series/step-{10 * k}.safetensors", {
                "conv1.weight": kernel, "conv1.bias": np.arange(4, dtype="f4"), "fc.weight": np.ones((3, 5), "f2")})
        self.paths = [f"series/step-{k}.safetensors" for k in (20, 0, 10)]

    def test_series(self):
        reader = NetworkFileReader(FileName=self.paths)
        reader.UpdatePipelineInformation()
        self.assertEqual([0, 10, 20], list(reader.TimestepValues))
        for step, kernel in zip((0, 10, 20), self.kernels):
            reader.UpdatePipeline(step)
            found = leaves(reader)
            self.assertEqual({("conv1", "weights"), ("conv1", "bias"), ("fc", "weights")}, set(found))
            np.testing.assert_array_equal(found["conv1", "weights"][0], kernel.ravel())
            self.assertEqual(np.float32, found["fc", "weights"][0].dtype)
        table = reader.GetClientSideObject().GetOutputDataObject(1)
        reader.GetClientSideObject().Update(1)
        self.assertEqual(3, table.GetNumberOfRows())
        column = vtk_to_numpy(table.GetColumnByName("conv1/weights[1]"))
        np.testing.assert_array_equal(self.kernels[:, 0, 0, 0, 1], column)

    def test_updates(self):
        reader = NetworkFileReader(FileName=self.paths)
        reader.UpdatePipelineInformation()
        reader.Tensors = ["conv1/updates"]
        reader.UpdatePipeline(20)
        values, _ = leaves(reader)["conv1", "updates"]
        np.testing.assert_array_equal((self.kernels[2] - self.kernels[1]).ravel(), values)

    def test_a_view(self):
        reader = NetworkFileReader(FileName=self.paths[:1])
        grid = WeightGrid(Input=reader)
        grid.UpdatePipeline()
        data = grid.GetDataInformation()
        self.assertGreater(data.GetNumberOfCells(), 0)
        weights = data.GetCellDataInformation().GetArrayInformation("Weight").GetComponentRange(0)
        np.testing.assert_allclose(weights, (self.kernels[2].min(), self.kernels[2].max()))

    def test_factory(self):
        reader = OpenDataFile(self.paths[0])
        self.assertEqual("NetworkFileReader", reader.GetXMLName())
        sample = os.path.join(os.environ["TENSORVIEW_SAMPLES"], "lenet.tvh5")
        self.assertEqual("TensorSnapshotReader", OpenDataFile(sample).GetXMLName())


if __name__ == "__main__":
    unittest.main(argv=["network_reader.py"] + sys.argv[1:])
