# SPDX-License-Identifier: BSD-3-Clause
"""prune(): the parts put together."""

import copy
import math
import time

import numpy

from . import choose, table
from . import plan as counting
from .graph import Network
from .merge import merge, shift_biases
from .moments import gather, readers_of
from .names import ORDERS, REPAIRS, WAYS
from .repair import enough, match
from .repair import repair as run_repair
from .report import Report, accuracy, milliseconds
from .samples import Samples
from .size import Sizes
from .surgery import shrink

SMALL_MAPS = 50  # pixels


def prune(
    model,
    samples,
    ratio=None,
    budget=None,
    way="reconstruct",
    *,
    keep=None,
    plan=None,
    order="output",
    repair="layers",
    epochs=10,
    fit_samples=1024,
    protect=(),
    loader=None,
    seed=0,
):
    """A smaller network that does what `model` does as nearly as it can, and a report: (small, report).

    model     torch.nn.Module, with one tensor as input; it is not changed
    samples   unlabelled inputs: a tensor [n, ...], or what yields batches (a DataLoader: labels are
              not used). Some hundreds, better thousands
    ratio     the share of filters that goes, of each layer; or {layer: share}
    budget    what is to be left: multiply-adds of one sample, as a number or (up to 1) a share; or
              {"multiply_adds": n} or {"parameters": n}. Which layers lose how much is decided by what
              it costs the output
    keep      instead of both: {layer: numbers of the filters that stay}
    plan      instead of these: {layer: table of SimilarityGroups}, a table being the path of a CSV file
              or {column: numbers}, or one or several tables that name their layers, see table.py. "sum"
              and "affine" merge into whom it says
    way       "reconstruct", "affine", "sum", "remove": see merge.py
    order     which filters go first: "output" (what the next layers lose), "magnitude"
    repair    "none"; "norms": BatchNorm's statistics; "layers": those, and each layer fitted to what the
              unpruned one makes of the same samples; "match": that, then `epochs` of matching the
              unpruned network's output on all samples. That is worth some thousand samples
    protect   names of layers whose filters stay
    loader    yields (inputs, labels): the accuracy before and after, and of each way, is reported

    The smaller model is of the class of `model`, in eval mode, with smaller layers, and saved and loaded
    as any; resize(model, state_dict) opens a checkpoint of it. Where forward() says a size as a number,
    it is a torch.fx.GraphModule. What cannot be followed is named in report.notes and left alone."""
    _check(ratio, budget, keep, plan, way, order, repair)
    if not any(True for _ in model.parameters()):
        raise ValueError(f"{type(model).__name__} has no parameters")
    like = next(model.parameters())
    samples = Samples(samples, like.device, like.dtype)
    training = [m for m in model.modules() if m.training]
    model.eval()
    try:
        return _Work(model, samples, seed).run(
            ratio, budget, keep, plan, way, order, repair, epochs, fit_samples, protect, loader)
    finally:
        for module in training:
            module.training = True


def _check(ratio, budget, keep, plan, way, order, repair):
    if sum(given is not None for given in (ratio, budget, keep, plan)) != 1:
        raise ValueError("one of ratio, budget, keep and plan is needed")
    for name, value, allowed in (("way", way, WAYS), ("order", order, ORDERS), ("repair", repair, REPAIRS)):
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")


class _Work:
    def __init__(self, model, samples, seed):
        self.model, self.samples, self.seed = model, samples, seed
        self.report = Report()
        self.into = {}  # of a plan: removed class -> the one that it is merged into, or None
        with self.timed("graph"):
            self.net = Network(model, samples.first(2))
            self.sizes = Sizes(self.net, samples.first(1))

    def timed(self, name):
        return _Timed(self.report.seconds, name)

    def run(self, ratio, budget, keep, plan, way, order, repair, epochs, fit_samples, protect, loader):
        net, report = self.net, self.report
        report.way, report.samples = way, self.samples.count
        self.protect(protect)
        with self.timed("moments"):
            self.readers = readers_of(net, self.samples.count)
            self.leave_unread()
            gather(net, self.readers, self.samples, self.seed)
        self.groups = [g for g in net.groups if g.free()]
        with self.timed("choice"):
            removed, costs = self.choose(ratio, budget, keep, plan, order)
        with self.timed("merging"):
            small = self.small(removed, way)
        if loader is not None:
            self.compare(removed, loader)
        batches = None
        if repair != "none":
            with self.timed("repair"):
                batches = enough(net, self.samples, fit_samples)
                report.fitted = run_repair(net, small, batches, removed, repair != "norms", self.seed)
                report.notes.append(f"repaired on {sum(map(len, batches)):,} of the samples")
            if repair == "match":
                with self.timed("matching"):
                    before, after = match(net, small, self.samples, epochs, seed=self.seed)
                report.matched = before, after
                if not after < before:
                    report.notes.append("matching the outputs made nothing better on samples left out: it was undone")
        if loader is not None:
            report.accuracy[f"{way}, repair={repair}"] = accuracy(small, loader)
        self.tell(small, removed, costs)
        return small, report

    def protect(self, names):
        for name in names:
            found = [g for g in self.net.groups if name in g.layers]
            if not found:
                raise ValueError(f"protect names {name}, which is no layer of {type(self.model).__name__}")
            found[0].fixed[:] = True

    def leave_unread(self):
        """Filters that no layer reads in a way whose moments can be had stay."""
        seen = {int(c) for r in self.readers for c in r.labels}
        for group in self.net.groups:
            missing = [n for n, c in enumerate(group.classes) if int(c) not in seen and not group.fixed[n]]
            if missing:
                group.fixed[missing] = True
        read = {(r.layer.name) for r in self.readers}
        for layer in self.net.layers.values():
            if layer.inputs is not None and layer.name not in read:
                self.report.notes.append(f"{layer.name} reads too much for its moments: what it reads stays")
                for group in self.net.groups:
                    group.fixed |= numpy.isin(group.classes, layer.inputs)

    def choose(self, ratio, budget, keep, plan, by):
        if plan is not None:
            return self.planned(plan), {}
        if keep is not None:
            return self.kept(keep), {}
        orders = {g: choose.order(self.net, g, self.readers, by) for g in self.groups}
        if budget is not None:
            counts = counting.by_budget(
                self.net, self.readers, orders, self.sizes, budget, self.samples.first(256))
        else:
            counts = counting.by_ratio(self.groups, ratio)
        removed, costs = set(), {}
        for group, number in counts.items():
            gone, spent = orders[group]
            removed |= {int(group.classes[n]) for n in gone[:number]}
            costs[group] = spent[number - 1] if number else 0.0
        return removed, costs

    def kept(self, keep):
        removed = set()
        for name, stay in keep.items():
            layer = self.net.layers.get(name)
            group = next((g for g in self.groups if name in g.layers), None)
            if layer is None or group is None:
                raise ValueError(f"{name} is no layer whose filters can go")
            stay = {int(n) for n in stay}
            if not stay or min(stay) < 0 or max(stay) >= len(layer.outputs):
                raise ValueError(f"keep of {name} must name filters from 0 to {len(layer.outputs) - 1}, one at least")
            gone = {int(c) for n, c in enumerate(layer.outputs) if n not in stay}
            fixed = {int(c) for c in group.classes[group.fixed]} & gone
            if fixed:
                raise ValueError(f"{name} has filters that have to stay, and would go")
            removed |= gone
        for group in self.groups:
            stays = ~numpy.isin(group.classes, sorted(removed))
            left = [stays[group.block == block].sum() for block in numpy.unique(group.block)]
            if min(left) < 1 or min(left) != max(left):
                raise ValueError(f"of {group.name} as many filters have to stay of each block, one at least")
        return removed

    def planned(self, plan):
        merges, rows = table.read(plan)
        for name, count in rows.items():
            layer = self.net.layers.get(name)
            if layer is not None and len(layer.outputs) != count:
                raise ValueError(f"plan of {name} has {count} rows, and the layer {len(layer.outputs)} filters")
        removed = self.kept({name: set(range(rows[name])) - set(gone) for name, gone in merges.items()})
        for name, gone in merges.items():
            outputs = self.net.layers[name].outputs
            for number, other in gone.items():
                target = None if other == table.NOT_MERGED else int(outputs[other])
                self.merge_into(f"plan of {name}: filter {number}", int(outputs[number]), target, removed)
        return removed

    def merge_into(self, what, label, target, removed):
        if self.into.setdefault(label, target) != target:
            raise ValueError(f"{what} goes together with one of another layer, whose plan merges it elsewhere")
        group = next(g for g in self.groups if label in g.classes)
        block = dict(zip(group.classes.tolist(), group.block.tolist()))
        if target is not None and (target in removed or block[target] != block[label]):
            raise ValueError(f"{what} cannot be merged: the other goes too, or a grouped layer reads them apart")

    def small(self, removed, way):
        copied = copy.deepcopy(self.model)
        shifts = merge(self.net, copied, self.readers, removed, way, self.into)
        self.report.notes += shift_biases(self.net, copied, shifts)
        return shrink(self.net, copied, removed).eval()

    def compare(self, removed, loader):
        self.report.accuracy["before"] = accuracy(self.model, loader)
        notes = list(self.report.notes)
        for way in WAYS:
            self.report.accuracy[way] = accuracy(self.small(removed, way), loader)
        self.report.notes = notes

    def tell(self, small, removed, costs):
        report, net = self.report, self.net
        group_of = {name: g for g in self.groups for name in g.layers}
        for layer in net.layers.values():
            if layer.name not in group_of:
                continue
            gone = [n for n, label in enumerate(layer.outputs) if int(label) in removed]
            before = len(layer.outputs)
            report.layers.append({"layer": layer.name, "before": before, "after": before - len(gone), "removed": gone,
                                  "cost": costs.get(group_of[layer.name], float("nan"))})
        report.filters = tuple(sum(l[side] for l in report.layers) for side in ("before", "after"))
        report.parameters = self.sizes.parameters(), sum(p.numel() for p in small.parameters())
        report.multiply_adds = self.sizes.multiply_adds(), self.sizes.multiply_adds(removed)
        batch = self.samples.first(32)
        report.milliseconds = milliseconds(self.model, batch), milliseconds(small, batch)
        report.notes += net.notes
        reading = [layer for layer in net.layers.values() if layer.inputs is not None and layer.maps]
        tiny = [layer.name for layer in reading if math.prod(layer.maps) < SMALL_MAPS]
        if tiny:
            report.notes.append(
                f"{', '.join(tiny)}: maps of fewer than {SMALL_MAPS} pixels are read, where similarity of maps that were"
                " summed over a batch says little; "
                + ("look whether the plan was made from such maps, or from second moments" if self.into
                   else "single samples decided here, as everywhere"))


class _Timed:
    def __init__(self, seconds, name):
        self.seconds, self.name = seconds, name

    def __enter__(self):
        self.start = time.perf_counter()

    def __exit__(self, *_):
        self.seconds[self.name] = time.perf_counter() - self.start
