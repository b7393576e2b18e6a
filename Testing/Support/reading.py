# SPDX-License-Identifier: BSD-3-Clause
"""What tests need to look into TensorSnapshotReader's outputs."""

import numpy as np
from paraview import simple
from tensors import values_of
from vtkmodules.util.numpy_support import vtk_to_numpy


def reader(paths, **properties):
    paths = [paths] if isinstance(paths, str) else list(paths)
    return simple.TensorSnapshotReader(FileName=paths, **properties)


def update(source, port=0, time=None):
    """The reader's own output at a time, in this process; only this port is asked for."""
    algorithm = source.GetClientSideObject()
    source.UpdateVTKObjects()
    algorithm.UpdateInformation()
    executive = algorithm.GetExecutive()
    if time is not None:
        key = executive.UPDATE_TIME_STEP()
        executive.GetOutputInformation(port).Set(key, float(time))
    algorithm.Update(port)
    return algorithm.GetOutputDataObject(port)


def leaf(collection, index):
    image = collection.GetPartitionedDataSet(index).GetPartition(0)
    kind = values_of(image, "Kind")[0]
    return values_of(image, "Layer")[0] + "/" + kind, image


def values(image):
    """[windows, rows, columns] of a leaf; None where it has no cells."""
    scalars = image.GetCellData().GetScalars()
    if scalars is None:
        return None
    extent = image.GetExtent()
    shape = [extent[k + 1] - extent[k] for k in (4, 2, 0)]
    return vtk_to_numpy(scalars).reshape(shape)


def tensors(source, time=None):
    """{"layer/kind": image} of the reader at a time."""
    collection = update(source, 0, time)
    count = collection.GetNumberOfPartitionedDataSets()
    return dict(leaf(collection, k) for k in range(count))


def history(source):
    """{column: numpy array} of the second output."""
    table = update(source, 1)
    return {
        table.GetColumnName(k): vtk_to_numpy(table.GetColumn(k))
        for k in range(table.GetNumberOfColumns())
    }


def steps(image):
    return values_of(image, "Step")[0]


def windows(axes, record):
    """A record in the file's axis order as [windows, rows, columns], by numpy alone."""
    record = np.asarray(record)
    if sorted(axes) == ["i", "o"] or axes == "mm":
        return (record if axes != "io" else record.T)[None]
    order = [axes.index(letter) for letter in ("oc", "i", "h", "w") for letter in letter if letter in axes]
    sizes = [
        record.shape[axes.index(letter)] if letter in axes else 1 for letter in ("o", "c", "i", "h", "w")
    ]
    o, c, i, h, w = sizes
    return record.transpose(order).reshape(o * c * i, h, w)
