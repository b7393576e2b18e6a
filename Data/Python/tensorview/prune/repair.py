# SPDX-License-Identifier: BSD-3-Clause
"""Repair without labels, by what the unpruned network makes of the same samples.

repair() runs both networks side by side, node by node, on a part of the samples, and in that order
corrects what it meets in the smaller one:

  BatchNorm  its mean moves by as much as the mean of what it reads has moved, and its variance by the
             same factor: exact where nothing has changed, and everything if the network ran in
             training mode to gather anew otherwise
  a layer    its weights become those with which it makes, of what it reads now, what the unpruned one
             makes of what it reads (least squares towards the weights that it has, the ridge chosen
             on every second sample); only where that lowers the error on samples left out

match() then takes some steps of Adam towards the unpruned network's outputs.
"""

import copy

import torch
from torch import fx

from .merge import solve
from .moments import ROWS, patches, plain_padding
from .rules import batch_norm
from .walk import last_uses, walk

WIDEST = 2304  # columns of a layer that is fitted: a kernel of 3 x 3 over 256 channels
RIDGES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)
BATCH = 128  # of matching
LEAST = 1024  # samples from which on BatchNorm takes the statistics of each batch
HELD = 10  # one of so many samples is left out of matching, 500 at most
NORMS = (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d, torch.nn.BatchNorm3d)
MEMORY = 128 * 2**20  # bytes that the largest value of all samples may take


class Pair:
    """The unpruned network and the smaller one, node by node."""

    def __init__(self, net, small):
        self.net = net
        self.old = net.graph_module(net.model)
        self.new = small if isinstance(small, fx.GraphModule) else net.graph_module(small)
        self.partner = dict(zip(self.old.graph.nodes, self.new.graph.nodes))
        self.layer = {layer.nodes[0]: layer for layer in net.layers.values() if len(layer.nodes) == 1}


def enough(net, samples, wanted):
    """As many samples as are wanted and as memory allows, in batches."""
    widest = [0]
    batch = samples.first(2)

    def see(node, args):
        for value in args:
            if isinstance(value, torch.Tensor):
                widest[0] = max(widest[0], value.numel() * value.element_size() // len(batch))

    walk(net.graph_module(net.model), batch, see)
    number = int(max(min(wanted, MEMORY // max(widest[0], 1)), 2))
    return samples.first(number).split(64)


def repair(net, small, batches, removed, fit=True, seed=0):
    """Changes `small` in place. Returns {layer: (error before, after)}, each relative to the variance of
    what the unpruned layer makes, on the samples that it was fitted to."""
    pair = Pair(net, small)
    choose = torch.Generator().manual_seed(seed)
    runs = [(fx.Interpreter(pair.old), {}), (fx.Interpreter(pair.new), {})]
    done = [last_uses(pair.old.graph), last_uses(pair.new.graph)]
    told, given = {}, batches
    with torch.no_grad():
        for node, twin in pair.partner.items():
            if node.op == "output":
                break
            if node.op == "placeholder":
                runs[0][1][node] = runs[1][1][twin] = given or [node.args[0]] * len(batches)
                given = None
                continue
            _run(runs[0], node, len(batches))
            name = batch_norm(net.model, node)
            if name and len(node.args) == 1:
                old, new = (run[1][n.args[0]] for run, n in zip(runs, (node, twin)))
                _norm(net, small, name, node, old, new, removed)
            layer = pair.layer.get(node)
            if fit and layer is not None:
                error = _fit(net, small, layer, node, runs[0][1][node], runs[1][1][twin.args[0]], removed, choose)
                if error:
                    told[layer.name] = error
            _run(runs[1], twin, len(batches))
            for run, last, n in zip(runs, done, (node, twin)):
                for value in last.get(n, ()):
                    run[1].pop(value, None)
    return told


def _run(run, node, batches):
    interpreter, values = run
    found = []
    for number in range(batches):
        pick = lambda n: values[n][number]
        args, kwargs = fx.node.map_arg(node.args, pick), fx.node.map_arg(node.kwargs, pick)
        found.append(getattr(interpreter, node.op)(node.target, args, kwargs))
    values[node] = found


def _kept(labels, removed):
    return torch.tensor([n for n, label in enumerate(labels) if int(label) not in removed], dtype=torch.long)


def _of_filters(batches):
    """Mean and variance of each place of axis 1, over everything else; torch.var() takes five times
    as long."""
    batches = [b.reshape(len(b), b.shape[1], -1) for b in batches]
    number = sum(len(b) * b.shape[2] for b in batches)
    mean = sum(b.sum(2, dtype=torch.float64).sum(0) for b in batches) / number
    squares = sum((b.double() - mean[:, None]).square().sum(2).sum(0) for b in batches)
    return mean, squares / number


def _norm(net, small, name, node, old, new, removed):
    module = small.get_submodule(name)
    carried = net.labels.get(node)
    mean, variance = _of_filters(old)
    if carried is not None:
        kept = _kept(carried[1], removed)
        mean, variance = mean[kept], variance[kept]
    new_mean, new_variance = _of_filters(new)
    was = net.model.get_submodule(name)
    was_mean, was_variance = was.running_mean.double(), was.running_var.double()
    if carried is not None:
        was_mean, was_variance = was_mean[kept], was_variance[kept]
    alive = variance > 1e-12 * variance.mean()
    factor = torch.where(alive, new_variance / variance.clamp_min(1e-300), torch.ones_like(variance))
    module.running_mean.copy_(was_mean + new_mean - mean)
    module.running_var.copy_(was_variance * factor)


def _fit(net, small, layer, node, made, given, removed, choose):
    """made: what the unpruned layer makes, batch by batch; given: what the smaller one reads."""
    weight = small.get_parameter(layer.weight)
    kept = _kept(layer.outputs, removed)
    convolution = layer.kind == "convolution"
    if layer.kind == "transposed" or layer.groups > 1 or layer.tied:
        return None
    if convolution and (weight.dim() != 4 or not plain_padding(layer.module)):
        return None
    columns = weight[0].numel()
    if columns > WIDEST or not len(kept):
        return None
    module = small.get_submodule(layer.name) if layer.module is not None else None
    biased = layer.bias or (module is not None and module.bias is not None)
    free = bool(biased or layer.norm)
    halves = [_Sums(columns, len(kept), weight.device) for _ in (0, 1)]
    samples = sum(map(len, made))
    places = -(-max(2 * ROWS * columns, 4096) // samples)
    for x, y in zip(given, made):
        for half in (0, 1):
            rows, target = x[half::2], y[half::2]
            if not len(rows):
                continue
            if convolution:
                rows, chosen = patches(module, rows, places, choose)
                target = target[:, :, chosen[:, 0], chosen[:, 1]][:, kept].transpose(1, 2)
            else:
                target = target[..., kept]
            halves[half].add(rows.double().reshape(-1, columns), target.double().reshape(-1, len(kept)))
    return _solve(small, layer, weight, halves, free, biased)


class _Sums:
    """Of rows x and targets y: what least squares needs."""

    def __init__(self, columns, outputs, device):
        like = {"dtype": torch.float64, "device": device}
        self.rows = 0
        self.x, self.y = torch.zeros(columns, **like), torch.zeros(outputs, **like)
        self.xx, self.xy = torch.zeros(columns, columns, **like), torch.zeros(columns, outputs, **like)
        self.yy = torch.zeros(outputs, **like)

    def add(self, rows, target):
        self.rows += len(rows)
        self.x += rows.sum(0)
        self.y += target.sum(0)
        self.xx.addmm_(rows.T, rows)
        self.xy.addmm_(rows.T, target)
        self.yy += target.square().sum(0)

    def __add__(self, other):
        both = _Sums(len(self.x), len(self.y), self.x.device)
        for name in ("rows", "x", "y", "xx", "xy", "yy"):
            setattr(both, name, getattr(self, name) + getattr(other, name))
        return both

    def central(self, free, weights):
        """Covariance of x, of x and what the weights leave over, that one's own, and both means."""
        n = max(self.rows, 1)
        x, y = (self.x / n, self.y / n) if free else (self.x * 0, self.y * 0)
        system = self.xx / n - torch.outer(x, x)
        cross = self.xy / n - torch.outer(x, y)
        spread = float((self.yy / n - y * y).sum())
        left = spread - 2 * float((cross.T * weights).sum()) + float((weights @ system * weights).sum())
        return system, cross.T - weights @ system, left, spread


def _solve(small, layer, weight, halves, free, biased):
    weights = weight.detach().double().flatten(1)
    if min(h.rows for h in halves) < 2:
        return None
    system, target, _, _ = halves[0].central(free, weights)
    seen, told, left, _ = halves[1].central(free, weights)
    best, least = None, left * (1 - 1e-4)
    for ridge in RIDGES:
        delta = solve(system, target, ridge)
        error = left - 2 * float((delta * told).sum()) + float((delta @ seen * delta).sum())
        if error < least:
            best, least = ridge, error
    both = halves[0] + halves[1]
    system, target, left, spread = both.central(free, weights)
    after = left
    if best is not None and left > 1e-9 * spread:
        delta = solve(system, target, best)
        after = left - 2 * float((delta * target).sum()) + float((delta @ system * delta).sum())
        weights = weights + delta
        weight.copy_(weights.view(weight.shape))
    if biased:
        mean = both.y / both.rows - weights @ (both.x / both.rows)
        bias = small.get_parameter(layer.bias or layer.name + ".bias")
        bias.copy_(mean)
    return left / max(spread, 1e-300), after / max(spread, 1e-300)


def match(net, small, samples, epochs, learning_rate=3e-3, seed=0):
    """Adam on the mean square between both networks' outputs over the variance of the unpruned one's,
    batches of 128, the rate falling to 0 by a cosine. From 1,024 samples on BatchNorm meanwhile
    takes the statistics of each batch, and its running ones follow. Returns the error before and after, on samples that are left out
    of the matching (every tenth, 500 at most); where it is not lower, `small` stays as it was."""
    with torch.no_grad():
        given = [(batch, net.model(batch)) for batch in samples]
    if not isinstance(given[0][1], torch.Tensor):
        raise ValueError("matching the outputs needs a network that returns one tensor")
    inputs, wanted = torch.cat([g[0] for g in given]), torch.cat([g[1] for g in given])
    held = torch.arange(len(inputs)) % max(HELD, len(inputs) // 500) == HELD - 1
    if not held.any():
        held[:] = True  # too few to leave any out
    before = _mean_square(small, inputs[held], wanted[held])
    scale = wanted.var().clamp_min(1e-12)
    if before < 1e-12 * scale:
        return before / float(scale), before / float(scale)
    kept = copy.deepcopy(small.state_dict())
    fitted = torch.arange(len(inputs))[~held] if not held.all() else torch.arange(len(inputs))
    choose = torch.Generator().manual_seed(seed)
    adam = torch.optim.Adam([p for p in small.parameters() if p.requires_grad], learning_rate)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(adam, max(epochs * -(-len(fitted) // BATCH), 1))
    for _ in range(epochs):
        for chosen in fitted[torch.randperm(len(fitted), generator=choose)].split(BATCH):
            _norms_train(small, len(inputs) >= LEAST and len(chosen) > BATCH // 4)
            adam.zero_grad()
            ((small(inputs[chosen]) - wanted[chosen]).square().mean() / scale).backward()
            adam.step()
            falling.step()
    adam.zero_grad(set_to_none=True)
    small.eval()
    after = _mean_square(small, inputs[held], wanted[held])
    if not after < before:
        small.load_state_dict(kept)
    return before / float(scale), after / float(scale)


def _norms_train(small, on):
    """A batch of a few samples says nothing of their statistics."""
    for module in small.modules():
        if isinstance(module, NORMS) and module.track_running_stats:
            module.train(on)


def _mean_square(model, inputs, wanted):
    with torch.no_grad():
        parts = zip(inputs.split(BATCH), wanted.split(BATCH))
        return sum(float((model(x) - y).square().sum(dtype=torch.float64)) for x, y in parts) / wanted.numel()
