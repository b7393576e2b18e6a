# SPDX-License-Identifier: BSD-3-Clause
"""Tensors for pvpython tests without a file: a collection like the one that sources give.

    tensors = Tensors()
    tensors.add("conv1", "weights", weights, step=3, state=[-1, -2, ...], group=[0, 0, -1, ...])
    source = tensors.source()                 # a ParaView source, as a producer in situ is one

values: [filters, channels, rows, columns], [filters, rows, columns] (one channel), [rows, columns]
(a fully connected layer's matrix, one window) or [filters] (activations of one).
"""

import numpy as np
from paraview import servermanager, simple
from vtkmodules.util.numpy_support import numpy_to_vtk
from vtkmodules.vtkCommonCore import vtkIdTypeArray, vtkIntArray, vtkStringArray
from vtkmodules.vtkCommonDataModel import (
    vtkDataAssembly,
    vtkImageData,
    vtkPartitionedDataSet,
    vtkPartitionedDataSetCollection,
)

ARRAYS = {"weights": "Weight", "activations": "Activation", "gradients": "Gradient"}


def shape4(values):
    values = np.asarray(values)
    full = {1: lambda s: (s[0], 1, 1, 1), 2: lambda s: (1, 1) + s, 3: lambda s: (s[0], 1) + s[1:]}
    return values.reshape(full.get(values.ndim, tuple)(values.shape))


def number(name, value, array=vtkIdTypeArray):
    result = array()
    result.SetName(name)
    for item in np.atleast_1d(value):
        result.InsertNextValue(int(item))
    return result


def text(name, value):
    result = vtkStringArray()
    result.SetName(name)
    result.InsertNextValue(value)
    return result


class Tensors:
    def __init__(self):
        self.data = vtkPartitionedDataSetCollection()
        self.assembly = vtkDataAssembly()
        self.assembly.Initialize()
        self.data.SetDataAssembly(self.assembly)
        self.producer = None

    def add(self, layer, kind, values, step=0, state=None, group=None, samples=0):
        values = shape4(values)
        filters, channels, rows, columns = values.shape
        image = vtkImageData()
        image.SetExtent(0, columns, 0, rows, 0, filters * channels)
        array = numpy_to_vtk(np.ascontiguousarray(values).ravel(), deep=True)
        array.SetName(ARRAYS.get(kind, kind.capitalize()))
        image.GetCellData().SetScalars(array)
        fields = image.GetFieldData()
        fields.AddArray(text("Layer", layer))
        fields.AddArray(text("Kind", kind))
        fields.AddArray(number("Filters", filters))
        fields.AddArray(number("Channels", channels))
        fields.AddArray(number("Step", step))
        fields.AddArray(number("Samples", samples))
        if state is not None:
            fields.AddArray(number("State", state, vtkIntArray))
        if group is not None:
            fields.AddArray(number("Group", group, vtkIntArray))
        index = self.data.GetNumberOfPartitionedDataSets()
        self.data.SetNumberOfPartitionedDataSets(index + 1)
        partitions = vtkPartitionedDataSet()
        partitions.SetPartition(0, image)
        self.data.SetPartitionedDataSet(index, partitions)
        return self

    def source(self):
        producer = simple.PVTrivialProducer()
        self.producer = producer.GetClientSideObject()
        self.producer.SetOutput(self.data)
        producer.UpdatePipeline()
        return producer


def load_plugin():
    import os

    simple.LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], remote=False, ns=vars(simple))


def cells(proxy):
    """The output's cell arrays as numpy arrays, by name."""
    return arrays(fetch(proxy).GetCellData())


def arrays(attributes):
    from vtkmodules.util.numpy_support import vtk_to_numpy

    return {
        attributes.GetArrayName(i): vtk_to_numpy(attributes.GetArray(i))
        for i in range(attributes.GetNumberOfArrays())
        if attributes.GetArray(i)
    }


def fetch(proxy):
    proxy.UpdatePipeline()
    return servermanager.Fetch(proxy)


def values_of(data, name):
    """The strings or numbers of a field array, or None where there is none of that name."""
    array = data.GetFieldData().GetAbstractArray(name)
    return array and [array.GetValue(i) for i in range(array.GetNumberOfValues())]
