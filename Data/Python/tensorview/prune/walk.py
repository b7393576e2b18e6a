# SPDX-License-Identifier: BSD-3-Clause
"""Running a network node by node, so that what a node reads can be seen and what it makes changed."""

import torch
from torch import fx


def last_uses(graph):
    """node -> nodes whose values nobody needs after it."""
    last = {}
    for node in graph.nodes:
        for given in node.all_input_nodes:
            last[given] = node
    found = {}
    for given, node in last.items():
        found.setdefault(node, []).append(given)
    return found


def walk(graph_module, batch, see=None):
    """Runs it on a batch without gradients; see(node, args) before each node but the first and the
    last. Returns the output."""
    interpreter = fx.Interpreter(graph_module)
    values, done = {}, last_uses(graph_module.graph)
    with torch.no_grad():
        for node in graph_module.graph.nodes:
            if node.op == "placeholder":
                values[node] = batch if batch is not None else node.args[0]
                batch = None
                continue
            args = fx.node.map_arg(node.args, values.__getitem__)
            if node.op == "output":
                return args[0]
            if see:
                see(node, args)
            kwargs = fx.node.map_arg(node.kwargs, values.__getitem__)
            values[node] = getattr(interpreter, node.op)(node.target, args, kwargs)
            for given in done.get(node, ()):
                del values[given]
