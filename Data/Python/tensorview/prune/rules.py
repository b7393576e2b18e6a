# SPDX-License-Identifier: BSD-3-Clause
"""What each kind of node does to the labels along its inputs (see graph.py).

A rule takes (net, node, args, kwargs, value) and returns (axis, labels) of the node's value, or None
where it has none. net.labels has those of its inputs; what a rule does not follow it gives to
net.leave(), which pins the filters and names them in the report.
"""

import numpy
import torch
from torch import nn

from .layers import Slice
from .making import (
    CONVOLUTIONS,
    TRANSPOSED,
    all_carried,
    arrays,
    carried,
    convolution,
    first_array,
    join,
    linear,
    linear_module,
)

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
INSTANCE = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
# What changes every number by itself.
EACH = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish, nn.Hardswish,
    nn.Hardsigmoid, nn.Hardtanh, nn.Hardshrink, nn.Softshrink, nn.Tanhshrink, nn.Softplus, nn.Softsign,
    nn.Sigmoid, nn.LogSigmoid, nn.Tanh, nn.Threshold, nn.RReLU, nn.Dropout, nn.Dropout2d, nn.Dropout3d,
    nn.AlphaDropout, nn.FeatureAlphaDropout, nn.Identity,
)  # fmt: skip
# What changes maps, each filter's by itself.
MAPS = (
    nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.LPPool1d, nn.LPPool2d,
    nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d,
    nn.AdaptiveAvgPool3d, nn.Upsample, nn.ZeroPad2d, nn.ReflectionPad1d, nn.ReflectionPad2d, nn.ReplicationPad1d,
    nn.ReplicationPad2d, nn.ConstantPad1d, nn.ConstantPad2d,
)  # fmt: skip
WORDS_EACH = """relu relu_ relu6 leaky_relu elu celu selu gelu silu mish hardswish hardsigmoid hardtanh softplus
 softsign sigmoid sigmoid_ logsigmoid tanh tanh_ threshold dropout dropout2d dropout3d alpha_dropout exp sqrt abs
 neg square pow clamp clip clamp_ contiguous clone detach float double half type to stochastic_depth""".split()
WORDS_MAPS = """max_pool1d max_pool2d max_pool3d avg_pool1d avg_pool2d avg_pool3d adaptive_avg_pool1d
 adaptive_avg_pool2d adaptive_avg_pool3d adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d interpolate
 upsample pad""".split()
WORDS_TWO = "add add_ iadd mul mul_ imul sub sub_ isub truediv div div_ maximum minimum".split()
WORDS_SHAPE = "flatten view reshape permute transpose squeeze unsqueeze movedim swapaxes getitem".split()
WORDS_OVER = "mean sum amax amin".split()
WORDS_SIZE = "size dim getattr numel".split()


def batch_norm(model, node):
    """The module's name, where a node is a BatchNorm with running statistics; otherwise None."""
    if node.op == "call_module":
        module = model.get_submodule(node.target)
        if isinstance(module, NORMS) and module.running_mean is not None:
            return node.target
    return None


def apply(net, node, args, kwargs, value):
    if node.op == "call_module":
        module = net.model.get_submodule(node.target)
        return of_module(net, node, module, args, value)
    if node.op == "get_attr" or node.op == "placeholder":
        return None
    word = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
    if not isinstance(value, torch.Tensor):
        if word in WORDS_SIZE or not any(isinstance(v, torch.Tensor) for v in _flat(value)):
            return None
        return net.leave(node, f"{word} is not followed", *all_carried(net, node))
    for words, rule in RULES:
        if word in words:
            return rule(net, node, args, kwargs, value)
    return net.leave(node, f"{word} is not followed", *all_carried(net, node))


def _flat(value):
    return value if isinstance(value, (tuple, list)) else (value,)


def of_module(net, node, module, args, value):
    for kinds, rule in ((CONVOLUTIONS + TRANSPOSED, convolution), ((nn.Linear,), linear_module)):
        if isinstance(module, kinds):
            return rule(net, node, module, value)
    given = carried(net, node)
    if type(module) in EACH:
        return given
    if type(module) in MAPS:
        return maps(net, node, args, {}, value)
    if isinstance(module, nn.Flatten):
        return shape(net, node, args, {}, value, lambda x: module(x))
    sliced = isinstance(module, NORMS + INSTANCE) or (isinstance(module, nn.PReLU) and module.num_parameters > 1)
    if isinstance(module, nn.PReLU) and not sliced:
        return given
    if sliced and given is not None:
        if given[0] != 1 or net.own(f"{node.target}.{first_array(module)}", node.target):
            return net.leave(node, f"{type(module).__name__} is not followed here", given)
        join(net, node.target, given)
        net.slices += [Slice(f"{node.target}.{n}", 0, given[1]) for n, t in arrays(module) if t.dim() == 1]
        return given
    return net.leave(node, f"{type(module).__name__} is not followed", *all_carried(net, node))


def each(net, node, args, kwargs, value):
    given = carried(net, node)
    if any(isinstance(a, torch.fx.Node) and net.labels.get(a) for a in node.args[1:]):
        return net.leave(node, f"{node.name} of two tensors is not followed", *all_carried(net, node))
    return given


def maps(net, node, args, kwargs, value):
    given = carried(net, node)
    if given is None or (given[0] == 1 and value.dim() == args[0].dim() and value.shape[1] == len(given[1])):
        return given
    return net.leave(node, f"{node.name} goes across filters", given)


def two(net, node, args, kwargs, value):
    """Filters that are added or multiplied go together."""
    sides = []
    for place in (0, 1):
        given = carried(net, node, place)
        tensor = args[place]
        if given is not None:  # counted from the end, as broadcasting does
            sides.append((given[0] - tensor.dim(), given[1]))
        elif isinstance(tensor, torch.Tensor) and tensor.dim():
            sides.append(tensor)
    known = [s for s in sides if isinstance(s, tuple)]
    if not known:
        return None
    axis = known[0][0]
    for side in sides:
        if isinstance(side, tuple):
            if side[0] != axis or len(side[1]) != len(known[0][1]):
                return net.leave(node, "the sides do not fit filter by filter", *all_carried(net, node))
            net.units.unite(known[0][1], side[1])
        elif side.dim() >= -axis and side.shape[axis] != 1:
            if not _parameter(net, node, side, axis, known[0][1]):
                return net.leave(node, "something is added that has no filters", *all_carried(net, node))
    return value.dim() + axis, known[0][1]


def _parameter(net, node, tensor, axis, labels):
    """A parameter with a number for each filter, in the forward itself."""
    for given in node.args[:2]:
        if isinstance(given, torch.fx.Node) and given.op == "get_attr" and net.values[given] is tensor:
            if net.own(given.target, node.name) is None:
                net.slices.append(Slice(given.target, tensor.dim() + axis, labels))
                return True
    return False


def shape(net, node, args, kwargs, value, run=None):
    """The same is done to the labels; one axis has to carry them afterwards, each as before."""
    given = carried(net, node)
    if given is None:
        return None
    source = net.values[node.args[0]]
    view = [1] * source.dim()
    view[given[0]] = -1
    full = torch.as_tensor(given[1]).view(view).expand(source.shape).contiguous()
    if run is None:
        target = getattr(torch.Tensor, node.target) if isinstance(node.target, str) else node.target
        full = target(full, *args[1:], **kwargs)
    else:
        full = run(full)
    for axis in range(1, full.dim()):
        labels = full.transpose(0, axis).reshape(full.shape[axis], -1)
        if (labels == labels[:, :1]).all():
            labels = labels[:, 0].numpy()
            if _all_there(given[1], labels):
                return _sized(net, node, axis, labels, given, value)
    return net.leave(node, f"{node.name} takes filters apart", given)


def _all_there(before, after):
    """Each filter has as many places as before, or all have the same multiple of it."""
    names, counts = numpy.unique(before, return_counts=True)
    names_after, counts_after = numpy.unique(after, return_counts=True)
    times = max(len(after) // len(before), 1)
    return numpy.array_equal(names, names_after) and numpy.array_equal(counts * times, counts_after)


def _sized(net, node, axis, labels, given, value):
    """Where forward() says the size as a number, that number has to change with the filters."""
    sizes = node.args[1:]
    if node.target in ("view", "reshape", torch.reshape):
        inside = len(sizes) == 1 and isinstance(sizes[0], (tuple, list))
        sizes = sizes[0] if inside else sizes
        if len(sizes) > axis and isinstance(sizes[axis], int) and sizes[axis] != -1:
            net.sizes.append((node, (1, axis) if inside else (1 + axis,), labels))
    return axis, labels


def over(net, node, args, kwargs, value):
    """Means and the like over other axes than the filters'."""
    given = carried(net, node)
    if given is None:
        return None
    over_axes = args[1] if len(args) > 1 else kwargs.get("dim")
    over_axes = [a % args[0].dim() for a in _flat(over_axes)] if over_axes is not None else range(args[0].dim())
    if given[0] in over_axes or 0 in over_axes:
        return net.leave(node, f"{node.name} goes across filters", given)
    keep = args[2] if len(args) > 2 else kwargs.get("keepdim", False)
    return given[0] - (0 if keep else sum(a < given[0] for a in over_axes)), given[1]


def cat(net, node, args, kwargs, value):
    parts = node.args[0] if node.args else node.kwargs["tensors"]
    axis = (args[1] if len(args) > 1 else kwargs.get("dim", 0)) % value.dim()
    given = [net.labels.get(p) for p in parts]
    known = [g for g in given if g is not None]
    if not known:
        return None
    if any(g[0] != known[0][0] for g in known) or axis == 0:
        return net.leave(node, "cat along another axis", *known)
    if axis != known[0][0]:
        if len(known) < len(given) or any(len(g[1]) != len(known[0][1]) for g in known):
            return net.leave(node, "cat with something that has no filters", *known)
        for g in known[1:]:
            net.units.unite(known[0][1], g[1])
        return known[0]
    labels = []
    for part, g in zip(parts, given):
        if g is None:  # places of something that stays: a filter of its own, pinned
            fresh = net.units.new(f"{node.name}: {part.name}", net.values[part].shape[axis])
            net.units.pin(fresh, "input")
            g = (axis, fresh)
        labels.append(g[1])
    return axis, numpy.concatenate(labels)


RULES = (
    (WORDS_EACH, each),
    (WORDS_MAPS, maps),
    (WORDS_TWO, two),
    (WORDS_SHAPE, shape),
    (WORDS_OVER, over),
    (("cat", "concat", "concatenate"), cat),
    (("linear",), linear),
)
