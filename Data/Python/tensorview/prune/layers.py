# SPDX-License-Identifier: BSD-3-Clause
"""What the graph knows of a layer and of the arrays that have a place for each filter."""


class Layer:
    """A convolution or a linear layer: it makes filters, and reads those of others."""

    def __init__(self, name, kind, weight, bias, module=None, groups=1):
        self.name = name
        self.kind = kind  # "convolution", "transposed", "linear"
        self.weight, self.bias = weight, bias  # qualified names; bias may be None
        self.module = module
        self.groups = groups
        self.inputs = None  # labels along the channels; None: nothing that could be removed
        self.outputs = None
        self.tied = False  # another layer has the same weights: it is left as it is
        self.nodes = []
        self.norm = None  # name of the BatchNorm that alone reads it, or None
        self.produced = 0  # numbers it makes of one sample, over all calls
        self.maps = ()  # (h, w) of what it reads
        self.flattened = 1  # places that a filter has in what a linear layer reads


class Slice:
    """A parameter or buffer that has a place for each filter along an axis."""

    def __init__(self, path, axis, labels, block=None):
        self.path, self.axis, self.labels = path, axis, labels
        self.block = block  # a grouped convolution's channels: labels are [groups, channels]
