# SPDX-License-Identifier: BSD-3-Clause
"""Each rank's part of every view; run by ranks_equal.py.

    mpiexec -n RANKS pvbatch --sym ranks.py RUN.tvh5 OUT
"""

import sys

import numpy as np
from paraview import simple
from tensors import arrays, load_plugin
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkParallelCore import vtkMultiProcessController

load_plugin()
run, out = sys.argv[1:3]
rank = vtkMultiProcessController.GetGlobalController().GetLocalProcessId()
reader = simple.TensorSnapshotReader(FileName=[run])
shapes = {
    "maps": {},
    "numbers": {"Tensor": "fc1/activations"},
    "matrix": {"Tensor": "fc1/weights"},
    "kernels": {"Tensor": "conv1/weights"},
    "odd": {"Tensor": "odd/weights"},
    "odd tiles": {"Tensor": "odd/weights", "MaximumCells": 150},
    "odd region": {"Tensor": "odd/weights", "RowRange": [5, 27], "ColumnRange": [3, 40], "MaximumCells": 90},
    "odd large tiles": {"Tensor": "odd/weights", "MaximumCells": 6},
    "odd large tiles, largest": {"Tensor": "odd/weights", "MaximumCells": 1, "Reduction": "Largest Magnitude"},
    "few": {"Tensor": "few/weights"},
    "few tiles": {"Tensor": "few/weights", "MaximumCells": 40},
    "overview": {"MaximumCells": 3000},
    "some": {"FilterRange": [2, 8]},
    "one region": {"FilterRange": [17, 17]},  # which lies on the last rank
    "odd one region": {"Tensor": "odd/weights", "RowRange": [1, 3], "ColumnRange": [50, -1]},
}
views = {}
for name, properties in shapes.items():
    for pieces in ("Gathered", "Spread"):
        views[f"image {name} {pieces}"] = simple.ImageGrid, {"Pieces": pieces, **properties}
views["points"] = simple.ImageGrid, {"Output": "Points"}
views["weights"] = simple.WeightGrid, {}
views["folded"] = simple.WeightGrid, {"MaximumCells": 50}
views["curves"] = simple.DistributionGrid, {}
views["common"] = simple.DistributionGrid, {"Normalization": "Layer", "Resolution": 8}
for name, properties in shapes.items():
    if name.startswith(("matrix", "odd", "few")):
        views[f"points {name}"] = simple.ImageGrid, {"Output": "Points", **properties}
        views[f"weights {name}"] = simple.WeightGrid, properties
for tensor in ("fc1", "odd", "few"):
    for style in ("Envelope", "Line", "Points"):
        views[f"curve {tensor} {style}"] = simple.DistributionGrid, {
            "Tensor": tensor + "/weights", "Style": style, "Resolution": 7
        }

found = {}
for name, (make, properties) in views.items():
    view = make(Input=reader, **properties)
    for step in (0, 1):  # executed again, as stepping through time does
        view.UpdatePipeline(step)
    data = view.GetClientSideObject().GetOutputDataObject(0)
    for array, values in {**arrays(data.GetCellData()), **arrays(data.GetPointData())}.items():
        found[f"{name}/{array}"] = values
    if data.IsA("vtkPolyData") and data.GetNumberOfPoints():
        found[f"{name}/points"] = vtk_to_numpy(data.GetPoints().GetData())
        sizes = [data.GetVerts(), data.GetLines(), data.GetStrips(), data.GetPolys()]
        found[f"{name}/cells"] = np.array([cells.GetNumberOfCells() for cells in sizes])
    if data.IsA("vtkImageData"):
        found[f"{name}/extent"] = np.array([data.GetExtent()])
np.savez(f"{out}_{rank}.npz", **found)
