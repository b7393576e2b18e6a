# SPDX-License-Identifier: BSD-3-Clause
"""Second moments of what each layer reads, streamed over the samples in float64.

A reader is a layer, or one block of a grouped convolution, that reads filters of others. What it
reads is a matrix: a row for each place at which it looks, on each sample by itself, never summed
over samples. Its columns are of one of two kinds:

  patches   channels * places columns: all that the layer sees at once. A convolution's places are
            those of its kernel, padding included; a linear layer's are those of the maps that were
            flattened. Combinations may differ from place to place.
  channels  channels columns, one row for each pixel: where patches would have more than `widest`
            columns, or more than the samples can tell apart.

Rows are a random part of all, the same number of each sample: 16 for each column. Even and odd
samples are kept apart, so that what one half says can be tried on the other.
"""

import math

import torch
import torch.nn.functional as F

from .walk import walk

WIDEST = 1200
ROWS = 16
TOO_WIDE = 4096  # columns whose moments would take more than 270 MB


class Reader:
    """weight() is [outputs, columns] in the order of the columns: a view that can be written."""

    def __init__(self, layer, block, labels, columns_of, weight):
        self.layer, self.block = layer, block
        self.labels = labels  # [channels], classes
        self.kind, self.places = columns_of  # "patches" or "channels", and columns of a channel
        self._weight = weight
        self.columns = len(labels) * self.places
        self.rows = [0, 0]
        self.sums = self.moments = None
        self.whole = None  # choose.py's: made once

    def begin(self):
        like = {"dtype": torch.float64, "device": self._weight.device}
        self.sums = [torch.zeros(self.columns, **like) for _ in range(2)]
        self.moments = [torch.zeros(self.columns, self.columns, **like) for _ in range(2)]

    def add(self, rows, half):
        self.rows[half] += len(rows)
        self.sums[half] += rows.sum(0)
        self.moments[half].addmm_(rows.T, rows)

    def covariance(self, half=None):
        """Mean and covariance of one half, or of both together."""
        halves = (0, 1) if half is None else (half,)
        rows = max(sum(self.rows[h] for h in halves), 1)
        mean = sum(self.sums[h] for h in halves) / rows
        return mean, sum(self.moments[h] for h in halves) / rows - torch.outer(mean, mean)

    def matrix(self):
        """A copy of the layer's weights as float64 [outputs, columns]; in "channels" a place of the kernel is
        an output of its own."""
        return to_matrix(self, self._weight.to(torch.float64, copy=True))

    def column_of(self, channel):
        return range(channel * self.places, (channel + 1) * self.places)


def block_of(reader, weight):
    """[outputs, channels, places...] of the reader's block."""
    layer = reader.layer
    if layer.kind == "transposed":
        weight = weight.transpose(0, 1)
    if layer.kind == "linear":
        return weight.reshape(len(weight), len(reader.labels), -1)
    outputs = len(weight) // layer.groups
    return weight[reader.block * outputs : (reader.block + 1) * outputs].flatten(2)


def to_matrix(reader, weight):
    part = block_of(reader, weight)
    if reader.kind == "patches":
        return part.flatten(1)
    return part.transpose(1, 2).flatten(0, 1)


def from_matrix(reader, weight, matrix):
    """Writes what to_matrix() gave back into the weights."""
    part = block_of(reader, weight)
    if reader.kind == "patches":
        new = matrix.view(part.shape)
    else:
        new = matrix.view(part.shape[0], part.shape[2], part.shape[1]).transpose(1, 2)
    layer, dtype = reader.layer, weight.dtype
    if layer.kind == "linear":
        weight.copy_(new.reshape(weight.shape).to(dtype))
    else:
        shape = block_of_shape(layer, weight)
        target = weight.transpose(0, 1) if layer.kind == "transposed" else weight
        outputs = len(target) // layer.groups
        target[reader.block * outputs : (reader.block + 1) * outputs].copy_(new.reshape(outputs, *shape).to(dtype))


def block_of_shape(layer, weight):
    return (weight.transpose(0, 1) if layer.kind == "transposed" else weight).shape[1:]


def plain_padding(module):
    return isinstance(module.padding, tuple) and module.padding_mode == "zeros"


def patches(module, x, places, choose):
    """Rows [samples * chosen, channels * kernel] at so many places of the output, chosen at random;
    and the places, [chosen, 2]."""
    kernel, stride, dilation = module.kernel_size, module.stride, module.dilation
    reach = [dilation[i] * (kernel[i] - 1) + 1 for i in (0, 1)]
    size = [(x.shape[2 + i] + 2 * module.padding[i] - reach[i]) // stride[i] + 1 for i in (0, 1)]
    chosen = torch.randperm(size[0] * size[1], generator=choose)[:places]
    found = []
    for place in chosen.tolist():
        window, missing = x, []
        for i, at in ((0, place // size[1]), (1, place % size[1])):
            begin = at * stride[i] - module.padding[i]
            end, whole = begin + reach[i], x.shape[2 + i]
            inside = [min(max(edge, 0), whole) for edge in (begin, end)]
            window = window.narrow(2 + i, inside[0], inside[1] - inside[0])
            missing = [min(max(-begin, 0), reach[i]), min(max(end - whole, 0), reach[i])] + missing
        if any(missing):  # over the edge: only what is looked at is padded
            window = F.pad(window, missing)
        found.append(window[:, :, :: dilation[0], :: dilation[1]].flatten(1))
    return torch.stack(found, 1).flatten(0, 1), torch.stack([chosen // size[1], chosen % size[1]], 1)


def rows_of(reader, x, places, choose):
    """What a reader reads of a batch, as rows; samples in order, `places` rows of each."""
    layer, channels = reader.layer, len(reader.labels)
    if layer.kind == "linear":
        if reader.kind == "patches":
            return x.reshape(len(x), -1, x.shape[-1])[:, : max(places, 1)].flatten(0, 1)
        x = x.reshape(len(x), channels, -1)
    else:
        x = x[:, reader.block * channels : (reader.block + 1) * channels]
        if reader.kind == "patches":
            return patches(layer.module, x, places, choose)[0]
        x = x.flatten(2)
    chosen = torch.randperm(x.shape[2], generator=choose)[:places]
    return x[:, :, chosen].transpose(1, 2).flatten(0, 1)


def readers_of(net, samples, widest=WIDEST):
    """One for each layer, or block of it, that reads filters that could be removed."""
    found = []
    for layer in net.layers.values():
        if layer.inputs is None:
            continue
        weight = net.model.get_parameter(layer.weight).detach()
        groups = layer.groups
        for block, labels in enumerate(layer.inputs.reshape(groups, -1)):
            places = 1
            if layer.kind == "linear":
                places = layer.flattened
                labels = labels[::places]
            elif layer.kind == "convolution" and weight.dim() == 4 and plain_padding(layer.module):
                places = weight[0, 0].numel()
            columns = len(labels) * places
            seen = samples * (1 if layer.kind == "linear" else math.prod(layer.maps))
            patches_too = columns <= widest and seen >= 4 * columns and (places > 1 or layer.kind == "linear")
            kind = ("patches", places) if patches_too else ("channels", 1)
            if len(labels) * kind[1] <= TOO_WIDE:
                found.append(Reader(layer, block, labels, kind, weight))
    return found


def gather(net, readers, samples, seed=0):
    """One pass over the samples."""
    choose = torch.Generator().manual_seed(seed)
    by_node = {}
    for reader in readers:
        reader.begin()
        for node in reader.layer.nodes:
            by_node.setdefault(node, []).append(reader)

    def see(node, given):
        for reader in by_node.get(node, ()):
            places = -(-max(ROWS * reader.columns, 4096) // samples.count)
            for half in (0, 1):  # each at places of its own: the more places, the better
                part = given[0][half::2]
                if len(part):
                    reader.add(rows_of(reader, part, places, choose).double(), half)

    graph_module = net.graph_module(net.model)  # made once: torch.fx compiles it
    for batch in samples:
        walk(graph_module, batch, see)
