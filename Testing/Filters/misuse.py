# SPDX-License-Identifier: BSD-3-Clause
"""Wrong inputs and values: one sentence that says what is wrong, nothing of the pipeline's own behind
it, no crash, and nothing drawn."""

import math
import os
import unittest

from paraview import simple
from tensors import load_plugin
from vtkmodules.vtkCommonCore import vtkOutputWindow, vtkStringOutputWindow

load_plugin()
SAMPLE = os.path.join(os.environ["TENSORVIEW_SAMPLES"], "lenet.tvh5")
VIEWS = ("WeightGrid", "ImageGrid", "DistributionGrid")


def said(proxy):
    """Each message that updating it shows, as one line."""
    window, before = vtkStringOutputWindow(), vtkOutputWindow.GetInstance()
    vtkOutputWindow.SetInstance(window)
    try:
        for time in (300, 200):  # what is wrong for one step is wrong for the next
            proxy.UpdatePipeline(time)
    finally:
        vtkOutputWindow.SetInstance(before)
    text = window.GetOutput()
    return [" ".join(part.split()) for part in text.split("ERROR: ") if part.strip()]


class Misuse(unittest.TestCase):
    def setUp(self):
        self.run_ = simple.TensorSnapshotReader(FileName=[SAMPLE])
        self.history = simple.OutputPort(self.run_, 1)

    def judge(self, proxy, words):
        found = said(proxy)
        self.assertEqual(1, len(found), found)
        self.assertIn(words, found[0])
        data = proxy.GetClientSideObject().GetOutputDataObject(0)
        if not proxy.GetXMLLabel() == "SimilarityGroups":  # which passes its input on
            self.assertEqual(0, data.GetNumberOfCells())

    def test_another_kind_of_input(self):
        sphere, image = simple.Sphere(), simple.Wavelet()
        blocks = simple.GroupDatasets(Input=[sphere, image])
        others = {"vtkPolyData": sphere, "vtkImageData": image, "vtkMultiBlockDataSet": blocks}
        for name in (*VIEWS, "SimilarityGroups"):
            for kind, source in [*others.items(), ("vtkTable", self.history)]:
                with self.subTest(filter=name, input=kind):
                    words = f"the input is a {kind}, and not the tensors of a network"
                    self.judge(getattr(simple, name)(Input=source), words)
        others["vtkPartitionedDataSetCollection"] = self.run_  # its first output, not its second
        for kind, source in others.items():
            with self.subTest(filter="WeightTrajectory", input=kind):
                words = f"the input is a {kind}, and not a history table"
                self.judge(simple.WeightTrajectory(Input=source), words)

    def test_a_collection_of_something_else(self):
        other = simple.ConvertToPartitionedDataSetCollection(Input=simple.Wavelet())
        for name in (*VIEWS, "SimilarityGroups"):
            with self.subTest(filter=name):
                self.judge(getattr(simple, name)(Input=other), "the input holds no tensors")

    def test_a_tensor_that_is_not_there(self):
        for name in (*VIEWS, "SimilarityGroups"):
            with self.subTest(filter=name):
                view = getattr(simple, name)(Input=self.run_, Tensor="conv9/weights")
                self.judge(view, 'there is no tensor "conv9/weights" in the input; it has conv1/')

    def test_ranges(self):
        wrong = {(5, 3): "5 to 3", (-5, 3): "-5 to 3", (0, -3): "0 to -3", (16, 16): "16 to 16"}
        wrong[(2147483647, -2147483648)] = "2147483647 to -2147483648"
        for name in VIEWS:
            for values, words in wrong.items():
                with self.subTest(filter=name, range=values):
                    words = f"the range {words} of filters is empty or not within 0 to 15"
                    self.judge(getattr(simple, name)(Input=self.run_, FilterRange=values), words)

    def test_numbers_that_are_none(self):
        for value in (math.nan, math.inf):
            with self.subTest(value=value):
                self.judge(simple.WeightGrid(Input=self.run_, HeightScale=value), "not a finite number")
        self.judge(simple.SimilarityGroups(Input=self.run_, Threshold=math.nan), "not a number")
        steep = simple.WeightGrid(Input=self.run_, HeightScale=1e308, Style="Boxes")
        self.assertEqual([], said(steep))
        self.assertTrue(all(map(math.isfinite, steep.GetDataInformation().GetBounds())))

    def test_columns(self):
        view = simple.WeightTrajectory(Input=self.history, XElement="conv9/weights[0]")
        words = 'no column of numbers "conv9/weights[0]"; it has conv1/weights[0], '
        self.judge(view, words)

    def test_a_selection_of_what_is_not_there(self):
        self.run_.Tensors = ["conv1/weights", "conv1/activation"]
        found = said(self.run_)
        self.assertEqual(1, len(found), found)
        self.assertIn('lenet.tvh5: there is no tensor "conv1/activation"; it has conv1/', found[0])
        data = self.run_.GetClientSideObject().GetOutputDataObject(0)
        self.assertEqual(1, data.GetNumberOfPartitionedDataSets())


if __name__ == "__main__":
    unittest.main()
