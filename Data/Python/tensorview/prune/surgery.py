# SPDX-License-Identifier: BSD-3-Clause
"""Taking filters out of modules: arrays become smaller, and the modules say so."""

import copy

import numpy
import torch
from torch import nn

from .layers import Slice
from .making import CONVOLUTIONS, TRANSPOSED
from .rules import INSTANCE, NORMS


def shrink(net, model, removed):
    """Takes the classes out of `model`, a copy of net.model, in place. Returns the smaller model: the
    same object; or, where its forward() names a size that changed, a torch.fx.GraphModule of it."""
    gone = numpy.array(sorted(removed))
    by_path = {}
    for item in net.slices:
        by_path.setdefault(item.path, []).append(item)
    for layer in net.layers.values():
        if not layer.bias and layer.module is not None and model.get_submodule(layer.name).bias is not None:
            path = layer.name + ".bias"  # merging made it
            by_path[path] = [Slice(path, 0, layer.outputs)]
    for path, items in by_path.items():
        array = fetch(model, path)
        if not any(numpy.isin(item.labels, gone).any() for item in items):
            continue
        new = array.detach()
        blocks = [item for item in items if item.block]
        for item in items:
            if not item.block:
                keep = torch.from_numpy(numpy.flatnonzero(~numpy.isin(item.labels, gone)))
                new = new.index_select(item.axis, keep.to(new.device))
        for item in blocks:
            keep = ~numpy.isin(item.labels, gone)
            parts = new.chunk(len(keep))
            picked = [p[:, torch.from_numpy(numpy.flatnonzero(k)).to(p.device)] for p, k in zip(parts, keep)]
            new = torch.cat(picked)
        put(model, path, new.clone())
    for module in model.modules():
        state_sizes(module)
    return _resized(net, model, gone)


def fetch(model, path):
    owner, _, name = path.rpartition(".")
    return getattr(model.get_submodule(owner), name)


def put(model, path, new):
    owner, _, name = path.rpartition(".")
    module = model.get_submodule(owner)
    old = getattr(module, name)
    if isinstance(old, nn.Parameter):
        setattr(module, name, nn.Parameter(new, requires_grad=old.requires_grad))
    else:
        setattr(module, name, new)


def state_sizes(module):
    """What a module says about its size, from the sizes of its arrays."""
    if isinstance(module, CONVOLUTIONS + TRANSPOSED):
        out, into = (1, 0) if isinstance(module, TRANSPOSED) else (0, 1)
        if module.groups == module.in_channels and module.groups > 1 and into == 1:
            module.groups = len(module.weight) // (module.out_channels // module.in_channels)
        module.out_channels = module.weight.shape[out] * (module.groups if out else 1)
        module.in_channels = module.weight.shape[into] * (module.groups if into else 1)
    elif isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif isinstance(module, NORMS + INSTANCE):
        given = [t for t in (module.weight, module.running_mean) if t is not None]
        module.num_features = len(given[0]) if given else module.num_features
    elif isinstance(module, nn.PReLU):
        module.num_parameters = len(module.weight)


def _resized(net, model, gone):
    changed = {n: (p, l) for n, p, l in net.sizes if numpy.isin(l, gone).any()}
    if not changed:
        return model
    graph = copy.deepcopy(net.graph)
    for old, node in zip(net.graph.nodes, graph.nodes):
        if old in changed:
            place, labels = changed[old]
            number = int((~numpy.isin(labels, gone)).sum())
            args = list(node.args)
            if len(place) == 2:
                inner = list(args[place[0]])
                inner[place[1]] = number
                args[place[0]] = tuple(inner)
            else:
                args[place[0]] = number
            node.args = tuple(args)
    return net.graph_module(model, graph)


def resize(model, state):
    """Gives the parameters and buffers of `model`, an unpruned one, the sizes that they have in `state`,
    the state_dict of the pruned one, and loads it: how a checkpoint of a smaller model is opened."""
    here = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    for path, array in state.items():
        if path not in here:
            owner, _, name = path.rpartition(".")
            module = model.get_submodule(owner)
            if name != "bias" or getattr(module, "bias", 0) is not None:
                raise ValueError(f"the model has no {path}")
            module.bias = nn.Parameter(array.clone())
        elif here[path].shape != array.shape:
            put(model, path, array.to(here[path].device, here[path].dtype))
    for module in model.modules():
        state_sizes(module)
    model.load_state_dict(state)
    return model
