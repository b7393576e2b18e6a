# SPDX-License-Identifier: BSD-3-Clause
"""Only what is shown is read: views of a file with many tensors, in turn, together, over time; and everybody
else gets everything. Counted by what the reader says that it read, not by time."""

import os
import shutil
import unittest

import numpy as np
from paraview.simple import *
from vtkmodules.util.numpy_support import vtk_to_numpy
from weights_support import write_safetensors

LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], ns=globals())
LAYERS, STEPS = 500, (0, 10, 20)
SIZE = 4 * 2 * 3 * 3


def kernel(layer, step):
    return np.random.default_rng(1000 * step + layer).normal(size=(4, 2, 3, 3)).astype("f4")


def counted(reader):
    reader.SMProxy.UpdatePropertyInformation()
    return int(reader.GetProperty("ValuesRead")[0])


def shown(view, step, name="Weight"):
    """The values that a view shows, in the tensor's order."""
    view.UpdatePipeline(step)
    return vtk_to_numpy(view.GetClientSideObject().GetOutputDataObject(0).GetCellData().GetArray(name)).copy()


def leaves(output):
    """{layer: values or None} of all leaves."""
    found = {}
    for k in range(output.GetNumberOfPartitionedDataSets()):
        leaf = output.GetPartition(k, 0)
        array = leaf.GetCellData().GetArray(0)
        layer = leaf.GetFieldData().GetAbstractArray("Layer").GetValue(0)
        found[layer] = None if array is None else vtk_to_numpy(array).copy()
    return found


class OnDemand(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree("demand", ignore_errors=True)
        os.mkdir("demand")
        for step in STEPS:
            write_safetensors(f"demand/step-{step}.safetensors",
                              {f"layers.{k}.weight": kernel(k, step) for k in range(LAYERS)})

    def setUp(self):
        self.reader = NetworkFileReader(FileName=[f"demand/step-{step}.safetensors" for step in STEPS])

    def tearDown(self):
        for proxy in (*GetSources().values(),):
            Delete(proxy)

    def same(self, view, layer, step):
        np.testing.assert_array_equal(kernel(layer, step).ravel(), shown(view, step))

    def everything(self, output, step):
        found = leaves(output)
        self.assertEqual(LAYERS, len(found))
        for k in range(LAYERS):
            np.testing.assert_array_equal(kernel(k, step).ravel(), found[f"layers.{k}"])

    def test_one_view_reads_one_tensor(self):
        grid = WeightGrid(Input=self.reader, Tensor="layers.7/weights")
        self.same(grid, 7, 0)
        self.assertEqual(SIZE, counted(self.reader))
        self.same(grid, 7, 20)
        self.assertEqual(2 * SIZE, counted(self.reader))
        # A step makes nothing for the tensors that are not shown.
        self.assertEqual(1, self.reader.GetClientSideObject().GetOutputDataObject(0).GetNumberOfPartitionedDataSets())
        grid.Tensor = "layers.8/weights"
        self.same(grid, 8, 20)
        grid.Tensor = "layers.7/weights"
        self.same(grid, 7, 20)
        grid.HeightScale = 2
        self.same(grid, 7, 20)
        self.assertEqual(3 * SIZE, counted(self.reader))

    def test_views_share(self):
        grids = {k: WeightGrid(Input=self.reader, Tensor=f"layers.{k}/weights") for k in (3, 400, 99)}
        images = ImageGrid(Input=self.reader, Tensor="layers.99/weights")
        for turn, step in enumerate(STEPS, 1):
            for _ in range(2):
                for k, grid in grids.items():
                    self.same(grid, k, step)
                images.UpdatePipeline(step)
            self.assertEqual(3 * turn * SIZE, counted(self.reader))
        executed = grids[3].GetClientSideObject().GetOutputDataObject(0).GetMTime()
        self.same(grids[400], 400, 20)
        self.same(grids[3], 3, 20)
        self.assertEqual(executed, grids[3].GetClientSideObject().GetOutputDataObject(0).GetMTime())

    def test_everybody_else_gets_everything(self):
        algorithm = self.reader.GetClientSideObject()
        grid = WeightGrid(Input=self.reader, Tensor="layers.7/weights")
        self.same(grid, 7, 10)
        self.reader.UpdatePipeline(10)
        self.everything(algorithm.GetOutputDataObject(0), 10)
        self.assertEqual(LAYERS * SIZE, counted(self.reader))  # one was there
        self.same(grid, 7, 20)
        algorithm.Update()  # behind ParaView's back
        self.everything(algorithm.GetOutputDataObject(0), 20)
        self.same(grid, 7, 0)
        blocks = ExtractBlock(Input=self.reader, Selectors=["/"])
        blocks.UpdatePipeline(0)
        one = [k for k in leaves(self.reader.GetClientSideObject().GetOutputDataObject(0)).values() if k is None]
        self.assertEqual([], one)
        self.same(grid, 7, 0)

    def test_a_filter_between(self):
        blocks = ExtractBlock(Input=self.reader, Selectors=["/"])
        grid = WeightGrid(Input=blocks, Tensor="layers.7/weights")
        own = WeightGrid(Input=self.reader, Tensor="layers.9/weights")
        for step in STEPS:
            self.same(own, 9, step)
            self.same(grid, 7, step)
            self.same(own, 9, step)

    def test_two_ways_to_one_filter(self):
        """A filter that takes the tensors and a view of them, in either order."""
        for order in (0, 1):
            reader = NetworkFileReader(FileName=["demand/step-0.safetensors"])
            grid = WeightGrid(Input=reader, Tensor="layers.7/weights")
            both = GroupDatasets(Input=[reader, grid] if order == 0 else [grid, reader])
            both.OutputType = "vtkPartitionedDataSetCollection"
            both.UpdatePipeline()
            self.everything(reader.GetClientSideObject().GetOutputDataObject(0), 0)
            self.same(grid, 7, 0)

    def test_groups_between(self):
        groups = SimilarityGroups(Input=self.reader, Tensor="layers.7/weights", Threshold=-1)
        grid = WeightGrid(Input=groups, Tensor="layers.7/weights")
        other = WeightGrid(Input=groups, Tensor="layers.8/weights")
        for step in (10, 20):
            before = counted(self.reader)
            self.same(grid, 7, step)
            np.testing.assert_array_equal([-1], np.unique(shown(other, step, "Group")))
            self.same(other, 8, step)
            np.testing.assert_array_equal([0], np.unique(shown(grid, step, "Group")))
            self.assertEqual(2 * SIZE, counted(self.reader) - before)
        groups.UpdatePipeline(20)
        self.everything(groups.GetClientSideObject().GetOutputDataObject(0), 20)

    def test_what_looks_at_all_steps_asks_for_nothing(self):
        for view in (UnitTimeline(Input=self.reader), NetworkOverview(Input=self.reader)):
            view.UpdatePipeline(0)
        self.assertEqual(0, counted(self.reader))

    def test_what_cannot_be_read_is_not_shown(self):
        path = "demand/short.safetensors"
        shutil.copy("demand/step-0.safetensors", path)
        reader = NetworkFileReader(FileName=[path])
        grid = WeightGrid(Input=reader, Tensor="layers.7/weights")
        self.same(grid, 7, 0)
        os.truncate(path, os.path.getsize(path) // 2)
        grid.Tensor = "layers.499/weights"
        grid.UpdatePipeline()
        self.assertEqual(0, grid.GetClientSideObject().GetOutputDataObject(0).GetNumberOfCells())


if __name__ == "__main__":
    unittest.main()
