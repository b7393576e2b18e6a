# SPDX-License-Identifier: BSD-3-Clause
"""SimilarityGroups on several ranks: the same groups everywhere, and the numbers of one rank.

Run by pvbatch on one rank (which writes what it found) and then on several (which compare).
"""

import sys

import numpy as np
from paraview import simple
from run_file import Tensor, write_run
from tensors import load_plugin, values_of
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkParallelCore import vtkMultiProcessController

load_plugin()
controller = vtkMultiProcessController.GetGlobalController()
rank, ranks = controller.GetLocalProcessId(), controller.GetNumberOfProcesses()
random = np.random.default_rng(7)


def layers():
    """Name -> maps: more ranks than filters, uneven shares, huge offsets, dead and odd filters.

    And matrices of fully connected layers, whose filters are their rows."""
    maps = random.gamma(2.0, 1.0, (17, 11, 13)).astype("f4")
    maps[5] = 2 * maps[3] + 5
    maps[16] = maps[3] + 0.01 * random.normal(0, 1, maps[3].shape)
    maps[2] = 0
    maps[9] = 3.5
    maps[7, 4, 4] = np.nan
    offset = (1e6 + random.normal(0, 1, (6, 30, 30))).astype("f4")
    offset[4] = offset[0]
    few = random.normal(0, 1, (3, 5, 5))
    one = random.normal(0, 1, (1, 4, 4)).astype("f4")
    matrix = random.normal(0, 1, (19, 45)).astype("f4")
    matrix[18] = 3 * matrix[2] - 1
    matrix[11] = 0
    low = random.normal(0, 1, (2, 30)).astype("f4")
    return {"conv1": maps, "conv2": offset, "conv3": few, "conv4": one, "fc1": matrix, "fc2": low}


def moments_of(maps):
    a = np.vstack([np.nan_to_num(maps.reshape(len(maps), -1).astype("f8")), np.ones(maps[0].size)])
    return a @ a.T


tensors = {}
for layer, maps in layers().items():
    kind, axes = ("activations", "chw") if maps.ndim == 3 else ("weights", "oi")
    tensors[f"{layer}/{kind}"] = Tensor(axes, maps[None], [0])
    tensors[layer + "/moments"] = Tensor("mm", moments_of(maps)[None], [0])
path = sys.argv[1] + "/run.tvh5"
if ranks == 1:
    write_run(path, tensors)

reader = simple.TensorSnapshotReader(FileName=path)
results = {}
executions = []
for layer, maps in layers().items():
    kind = "activations" if maps.ndim == 3 else "weights"
    for metric in ("Pearson", "Cosine"):
        for statistics in ("SummedMaps", "Moments"):
            proxy = simple.SimilarityGroups(
                Input=reader, Tensor=f"{layer}/{kind}", Metric=metric, Statistics=statistics
            )
            algorithm = proxy.GetClientSideObject()
            algorithm.AddObserver("StartEvent", lambda *_: executions.append(0))
            for _ in range(3):
                proxy.UpdatePipeline()
            name = f"{layer} {metric} {statistics}"
            output = algorithm.GetOutputDataObject(0)
            for i in range(output.GetNumberOfPartitionedDataSets()):
                partitions = output.GetPartitionedDataSet(i)
                for j in range(partitions.GetNumberOfPartitions()):
                    leaf = partitions.GetPartition(j)
                    if leaf and values_of(leaf, "Layer") == [layer]:
                        results[f"{name} groups {i}"] = np.array(values_of(leaf, "Group"))
            table, image = (algorithm.GetOutputDataObject(port) for port in (1, 2))
            assert (table.GetNumberOfRows() > 0) == (rank == 0), "the first rank has the table"
            if rank == 0:
                for i in range(table.GetNumberOfColumns()):
                    column = table.GetColumn(i)
                    if column.GetName() in ("Layer", "Cost"):  # words; and of the whole only
                        continue
                    results[f"{name} {column.GetName()}"] = vtk_to_numpy(column).copy()
                correlation = image.GetCellData().GetArray("Correlation")
                results[f"{name} matrix"] = vtk_to_numpy(correlation).copy()
            else:
                assert image.GetNumberOfCells() == 0
assert len(executions) == 24, f"{len(executions)} executions of 24 filters"

groups = {name: value for name, value in results.items() if " groups " in name}
assert len(groups) == 6 * 4 * 2, "each tensor of the layer has its groups, on each rank"
assert max(value.max() for value in groups.values()) >= 0, "no groups at all"
if ranks == 1:
    np.savez(sys.argv[1] + "/one.npz", **results)
else:
    one = np.load(sys.argv[1] + "/one.npz")
    assert rank > 0 or set(one.files) == set(results)
    for name, value in results.items():
        if value.dtype.kind == "i":
            np.testing.assert_array_equal(value, one[name], name)
        else:
            # offsets of maps around 1e6 are as large as they
            large = max(1.0, np.nanmax(np.abs(one[name]), initial=0.0) if "Offset" in name else 0.0)
            np.testing.assert_allclose(value, one[name], rtol=0, atol=1e-6 * large, err_msg=name)
print(f"rank {rank} of {ranks}: {len(results)} arrays")
