# SPDX-License-Identifier: BSD-3-Clause
"""The graph of a network by torch.fx: who reads what the filters of a layer produce.

The network is run once on two samples, node by node; every rule (rules.py) says what a node does to
the labels (units.py) that stand along one axis of its inputs. What has no rule pins the filters that
go in, and is named in `notes`.
"""

import dis
import sys

import numpy
import torch
from torch import fx

from . import rules
from .units import Units, groups_of


class _Tracer(fx.Tracer):
    """Goes into every module that can be followed; the others are one node each."""

    def __init__(self, closed=()):
        super().__init__()
        self.closed = set(closed)

    def is_leaf_module(self, module, name):
        return name in self.closed or super().is_leaf_module(module, name)

    def iter(self, obj):
        """n, c, h, w = x.shape: torch 1.13 looks for it at the wrong place from Python 3.11 on."""
        frame = sys._getframe(2)
        for step in dis.get_instructions(frame.f_code):
            if step.offset == frame.f_lasti and step.opname == "UNPACK_SEQUENCE":
                return (obj[i] for i in range(step.argval))
        return super().iter(obj)


def _short(reason):
    return str(reason).split(". ")[0].split("\n")[0] or type(reason).__name__


def _trace(model):
    """The graph, and the names of modules that torch.fx cannot look into, with its reason."""
    closed = {}
    named = [(name, m) for name, m in model.named_modules() if name and any(True for _ in m.children())]
    try:
        return _Tracer().trace(model), closed
    except Exception:  # whatever a forward() does with a proxy: any kind of error
        pass
    for name, module in reversed(named):
        inside = {n[len(name) + 1 :] for n in closed if n.startswith(name + ".")}
        try:
            _Tracer(inside).trace(module)
        except Exception as reason:
            closed[name] = _short(reason)
    try:
        return _Tracer(closed).trace(model), closed
    except Exception as reason:
        raise ValueError(
            f"torch.fx cannot follow {type(model).__name__}.forward: {_short(reason)}"
        ) from reason


class Network:
    """What prune() knows of a model. The model is not changed."""

    def __init__(self, model, sample):
        self.model = model
        self.units = Units()
        self.layers = {}  # name -> Layer, in the order of the network
        self.slices = []
        self.notes = []  # sentences on what is left alone
        self.sizes = []  # (node, argument's place, labels): a size that is written in forward()
        self.balanced = []  # label arrays [blocks, n]: as many from each row
        self.graph, closed = _trace(model)
        for name, reason in closed.items():
            self.notes.append(f"{name} cannot be followed ({reason}); what it reads stays")
        self._owners = {}
        self.values, self.labels = {}, {}
        was_training = [m for m in model.modules() if m.training]
        model.eval()
        with torch.no_grad():
            self._run(sample)
        for module in was_training:
            module.training = True
        self._finish()
        self.values = None

    def _run(self, sample):
        interpreter = fx.Interpreter(fx.GraphModule(self.model, self.graph))
        first = True
        for node in self.graph.nodes:
            args = fx.node.map_arg(node.args, self.values.__getitem__)
            kwargs = fx.node.map_arg(node.kwargs, self.values.__getitem__)
            if node.op == "placeholder":
                if first:
                    value, first = sample, False
                elif node.args:
                    value = node.args[0]
                else:
                    raise ValueError(f"{type(self.model).__name__}.forward takes more than one input ({node.name})")
            elif node.op == "output":
                for given in node.all_input_nodes:
                    self.pin(self.labels.get(given), "output")
                continue
            else:
                value = getattr(interpreter, node.op)(node.target, args, kwargs)
            self.values[node] = value
            self.labels[node] = rules.apply(self, node, args, kwargs, value)

    def graph_module(self, model, graph=None):
        """The model as torch.fx runs it; its modules are the model's own."""
        return fx.GraphModule(model, graph or self.graph)

    def pin(self, carried, why):
        """carried: what labels[node] is: None, or (axis, labels). Says why, once."""
        if carried is None or carried[1] is None:
            return
        self.units.pin(carried[1], why)

    def leave(self, node, why, *carried):
        """What a node does is not followed: its inputs stay, and the report says why."""
        carried = [c for c in carried if c is not None]
        if carried:
            self.notes.append(f"{node.name}: {why}")
            for c in carried:
                self.pin(c, why)
        return None

    def own(self, path, layer):
        """Notes who uses a parameter; returns another user's name, or None."""
        holder = self.model
        for part in path.split(".")[:-1]:
            holder = getattr(holder, part)
        parameter = getattr(holder, path.rsplit(".", 1)[-1])
        other = self._owners.setdefault(id(parameter), layer)
        return other if other != layer else None

    def _finish(self):
        self.groups = groups_of(self.units)
        for rows in self.balanced:
            self._balance(rows)
        for layer in self.layers.values():
            users = [user for node in layer.nodes for user in node.users]
            if len(layer.nodes) == 1 and len(users) == 1:
                layer.norm = rules.batch_norm(self.model, users[0])
        for node, labels in list(self.labels.items()):
            if labels is not None:
                self.labels[node] = (labels[0], self.units.classes(labels[1]))
        for item in self.slices:
            item.labels = self.units.classes(item.labels.ravel()).reshape(item.labels.shape)
        self.sizes = [(node, place, self.units.classes(labels)) for node, place, labels in self.sizes]
        for layer in self.layers.values():
            for side in ("inputs", "outputs"):
                if getattr(layer, side) is not None:
                    setattr(layer, side, self.units.classes(getattr(layer, side)))
            if layer.kind == "linear" and layer.inputs is not None:
                layer.flattened = _run_length(layer.inputs)

    def _balance(self, rows):
        classes = self.units.classes(rows.ravel()).reshape(rows.shape)
        block = {}
        for number, row in enumerate(classes):
            for cls in row:
                block.setdefault(int(cls), set()).add(number)
        touched = [g for g in self.groups if numpy.isin(g.classes, classes).any()]
        whole = len(touched) == 1 and numpy.isin(touched[0].classes, classes).all()
        if whole and all(len(b) == 1 for b in block.values()):
            group = touched[0]
            if group.balance(numpy.array([min(block[int(c)]) for c in group.classes])):
                return
        for group in touched:
            group.fixed[:] = True
            self.notes.append(f"{group.name}: a grouped convolution reads parts of it; all its filters stay")


def _run_length(labels):
    """How many places in a row each filter has."""
    for length in range(len(labels), 0, -1):
        if len(labels) % length == 0:
            rows = labels.reshape(-1, length)
            if (rows == rows[:, :1]).all():
                return length
    return 1
