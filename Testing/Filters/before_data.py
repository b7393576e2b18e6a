# SPDX-License-Identifier: BSD-3-Clause
"""What a filter knows of a run before anything of it was read: the first Show needs it."""

import os
import unittest

from paraview import simple
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline

simple.LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], ns=simple.__dict__)
SAMPLE = os.path.join(os.environ["TENSORVIEW_SAMPLES"], "lenet.tvh5")


class BeforeData(unittest.TestCase):
    def test_names_and_extent(self):
        run = simple.TensorSnapshotReader(FileName=[SAMPLE])
        grid = simple.ImageGrid(Input=run)
        grid.UpdatePipelineInformation()
        names = list(grid.GetProperty("Tensor").Available)
        self.assertIn("conv1/activations", names)
        self.assertIn("fc2/weights", names)
        info = grid.GetClientSideObject().GetOutputInformation(0)
        extent = info.Get(vtkStreamingDemandDrivenPipeline.WHOLE_EXTENT())
        # 4 x 4 windows of 28 x 28, and the gaps between them
        self.assertGreaterEqual(extent[1], 4 * 28)
        self.assertEqual(extent[1], extent[3])
        self.assertIsNone(run.GetClientSideObject().GetOutputDataObject(0).GetDataAssembly())

    def test_first_show_shows_all(self):
        grid = simple.ImageGrid(Input=simple.TensorSnapshotReader(FileName=[SAMPLE]))
        view = simple.CreateView("RenderView")
        simple.Show(grid, view)
        simple.ResetCamera(view)
        bounds = grid.GetDataInformation().GetBounds()
        for axis in (0, 1):
            middle = 0.5 * (bounds[2 * axis] + bounds[2 * axis + 1])
            self.assertAlmostEqual(middle, view.CameraFocalPoint[axis], 6)
        simple.Delete(view)


if __name__ == "__main__":
    unittest.main()
