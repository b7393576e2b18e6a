# SPDX-License-Identifier: BSD-3-Clause
"""Rules for what makes filters and reads others: convolutions, linear layers (see rules.py)."""

import numpy
import torch
from torch import nn

from .layers import Layer, Slice

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def carried(net, node, place=0):
    given = node.args[place] if len(node.args) > place else None
    return net.labels.get(given) if isinstance(given, torch.fx.Node) else None


def all_carried(net, node):
    return [net.labels.get(n) for n in node.all_input_nodes]


def arrays(module):
    return [(n, t) for n, t in (*module.named_parameters(), *module.named_buffers()) if t is not None]


def first_array(module):
    return next((n for n, t in arrays(module) if t.dim() == 1), "training")


def join(net, name, given):
    """A module that is called again takes the same filters each time."""
    for item in net.slices:
        if item.path.rsplit(".", 1)[0] == name and item.axis == 0 and item.block is None:
            if len(item.labels) == len(given[1]):
                net.units.unite(item.labels, given[1])


def _new_layer(net, node, name, kind, weight, bias, module, given, axis, groups=1):
    """A layer's first or later call: its record, with the labels of what it reads."""
    layer = net.layers.get(name)
    if layer is None:
        layer = net.layers[name] = Layer(name, kind, weight, bias, module, groups)
        layer.inputs = None if given is None else given[1]
        tied = net.own(weight, name)
        if tied:
            other = net.layers.get(tied)
            both = [(0, other.inputs), (0, other.outputs)] if other else []
            net.leave(node, f"{name} has the weights of {tied}", given, *both)
            layer.inputs = None
            layer.tied = True
    elif layer.inputs is not None and given is not None:
        net.units.unite(layer.inputs, given[1])
    else:
        net.leave(node, f"{name} is called more than once", given, (0, layer.inputs))
        layer.inputs = None
    layer.nodes.append(node)
    if given is not None and given[0] != axis:
        layer.inputs = net.leave(node, f"{name} reads along another axis", given)
    return layer


def convolution(net, node, module, value):
    name, given, groups = node.target, carried(net, node), module.groups
    channels, filters = module.in_channels, module.out_channels
    transposed = isinstance(module, TRANSPOSED)
    weight, bias = f"{name}.weight", f"{name}.bias" if module.bias is not None else None
    if not _plain(net, node, module):
        return net.leave(node, f"{name}'s weights are computed from others", given)
    if groups == channels and groups > 1 and given is not None and not transposed:
        return _depthwise(net, node, module, given)
    kind = "transposed" if transposed else "convolution"
    layer = _new_layer(net, node, name, kind, weight, bias, module, given, 1, groups)
    layer.maps = tuple(net.values[node.args[0]].shape[2:])
    return _made(net, node, layer, filters, 1, value, pin=groups > 1 and (transposed or groups == channels))


def _plain(net, node, module):
    names = {n for n, _ in module.named_parameters(recurse=False)}
    return "weight" in names and not hasattr(module, "parametrizations")


def _depthwise(net, node, module, given):
    """Each filter goes with the channel that it reads."""
    labels = numpy.repeat(given[1], module.out_channels // module.in_channels)
    if given[0] != 1 or net.own(f"{node.target}.weight", node.target):
        return net.leave(node, f"{node.target} is not followed here", given)
    join(net, node.target, (1, labels))
    net.slices += [Slice(f"{node.target}.{n}", 0, labels) for n, t in arrays(module)]
    return 1, labels


def _made(net, node, layer, filters, axis, value, pin=False):
    """Labels for what a layer makes, and the slices of its own arrays."""
    layer.produced += value[0].numel()
    if layer.outputs is None:
        layer.outputs = net.units.new(layer.name, filters)
        if layer.groups > 1:
            net.balanced.append(layer.outputs.reshape(layer.groups, -1))
            if layer.inputs is not None:
                net.balanced.append(layer.inputs.reshape(layer.groups, -1))
        out, into = (1, 0) if layer.kind == "transposed" else (0, 1)
        net.slices.append(Slice(layer.weight, out, layer.outputs))
        if layer.bias:
            net.slices.append(Slice(layer.bias, 0, layer.outputs))
        if layer.inputs is not None:
            labels = layer.inputs.reshape(layer.groups, -1) if layer.groups > 1 else layer.inputs
            net.slices.append(Slice(layer.weight, into, labels, layer.groups > 1 or None))
        if pin or layer.tied:
            net.leave(node, f"{layer.name} is left as it is", (axis, layer.outputs), (axis, layer.inputs))
    return axis, layer.outputs


def linear_module(net, node, module, value):
    given, name = carried(net, node), node.target
    if not _plain(net, node, module):
        return net.leave(node, f"{name}'s weights are computed from others", given)
    bias = f"{name}.bias" if module.bias is not None else None
    last = net.values[node.args[0]].dim() - 1
    layer = _new_layer(net, node, name, "linear", f"{name}.weight", bias, module, given, last)
    return _made(net, node, layer, module.out_features, value.dim() - 1, value)


def linear(net, node, args, kwargs, value):
    """torch.nn.functional.linear over parameters of the model."""
    given = carried(net, node)
    names = [a.target if isinstance(a, torch.fx.Node) and a.op == "get_attr" else None for a in node.args[1:]]
    if not names or names[0] is None or kwargs or (len(names) > 1 and names[1] is None and node.args[2] is not None):
        return net.leave(node, "linear's weights are computed from others", *all_carried(net, node))
    bias = names[1] if len(names) > 1 else None
    layer = _new_layer(net, node, names[0], "linear", names[0], bias, None, given, args[0].dim() - 1)
    return _made(net, node, layer, args[1].shape[0], value.dim() - 1, value)
