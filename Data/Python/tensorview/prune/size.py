# SPDX-License-Identifier: BSD-3-Clause
"""How large the network is without some classes: multiply-adds of one sample, and parameters."""

import numpy
import torch

from .making import TRANSPOSED
from .walk import walk


class Sizes:
    """Counts convolutions (also depthwise ones) and linear layers, as multiply-adds."""

    def __init__(self, net, sample):
        self._works = []  # (labels in or None, labels out or None, multiply-adds)
        self._arrays = []  # (numel, [labels of each axis that has them])
        layer_of = {node: layer for layer in net.layers.values() for node in layer.nodes}

        def see(node, args):
            layer = layer_of.get(node)
            module = net.model.get_submodule(node.target) if node.op == "call_module" else None
            weight = args[1] if layer is not None and module is None else getattr(module, "weight", None)
            if not isinstance(weight, torch.Tensor) or weight.dim() < 2:
                return
            x = args[0]
            if isinstance(module, TRANSPOSED):
                number = x[0].numel() * weight[0].numel()
            elif weight.dim() == 2:
                number = x[0].numel() // x.shape[-1] * weight.numel()
            else:
                number = module(x)[0].numel() * weight[0].numel()
            carried = net.labels.get(node)
            self._works.append((layer.inputs if layer else None, carried and carried[1], number))

        walk(net.graph_module(net.model), sample, see)
        labels_of = {}
        for item in net.slices:
            labels_of.setdefault(item.path, []).append(item.labels.ravel())
        for path, parameter in net.model.named_parameters():
            self._arrays.append((parameter.numel(), labels_of.get(path, [])))

    def multiply_adds(self, removed=()):
        gone = numpy.array(sorted(removed), numpy.int64)
        return sum(_rest(number, [l for l in labels if l is not None], gone) for *labels, number in self._works)

    def parameters(self, removed=()):
        gone = numpy.array(sorted(removed), numpy.int64)
        return sum(_rest(number, labels, gone) for number, labels in self._arrays)


def _rest(number, labels, gone):
    for each in labels:
        number = number * int((~numpy.isin(each, gone)).sum()) // len(each)
    return number
