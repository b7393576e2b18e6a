# SPDX-License-Identifier: BSD-3-Clause
"""How many filters of each group go: a ratio, one for each layer, or a budget for the whole network."""

import copy
import numbers

import numpy
import torch

from .merge import merge, shift_biases

SHARES = (0.125, 0.25, 0.5, 0.75, 0.9)  # of a group, at which its cost is measured
STEP = 0.04  # of a group, that goes in one step


def by_ratio(groups, ratio):
    """{group: number that goes}. ratio: a number in [0, 1), or {layer: number}."""
    if isinstance(ratio, dict):
        known = {name: g for g in groups for name in g.layers}
        for name, value in ratio.items():
            if name not in known:
                raise ValueError(f"{name} is no layer whose filters can go; those are: {', '.join(known)}")
            _check(value, f"ratio of {name}")
        found = {}
        for name, value in ratio.items():
            found[known[name]] = max(found.get(known[name], 0), _number(known[name], value))
        return found
    _check(ratio, "ratio")
    return {g: _number(g, ratio) for g in groups}


def _check(value, what):
    if not isinstance(value, numbers.Real) or not 0 <= value < 1:
        raise ValueError(f"{what} must be 0 or more and less than 1, not {value!r}")


def _number(group, ratio):
    blocks = len(numpy.unique(group.block))
    return min(int(ratio * len(group.classes) / blocks + 0.5) * blocks, group.free())


def by_budget(net, readers, orders, sizes, budget, samples):
    """budget: {"multiply_adds": n} or {"parameters": n}, or a number for multiply-adds; up to 1 it is a
    share of what there is. What a group's filters cost is measured: the change of the network's
    output, relative to its variance, when that group alone loses a share of them and `reconstruct`
    makes up for it. Then what costs least for what it saves goes, step by step."""
    kind, target = _budget(budget)
    measure = getattr(sizes, kind)
    target = target * measure() if target <= 1 else target
    curves = {g: _curve(net, readers, g, orders[g][0], samples) for g in orders}
    count = dict.fromkeys(orders, 0)
    removed, now = set(), measure()
    while now > target:
        best = None
        for group, (order, _) in orders.items():
            blocks = len(numpy.unique(group.block))
            step = max(int(STEP * len(group.classes) / blocks), 1) * blocks
            more = order[count[group] : count[group] + step]
            if not more:
                continue
            added = {int(group.classes[n]) for n in more}
            saved = now - measure(removed | added)
            cost = numpy.interp([count[group], count[group] + len(more)], *curves[group])
            worth = (cost[1] - cost[0]) / max(saved, 1e-9)
            if best is None or worth < best[0]:
                best = worth, group, added
        if best is None:
            what = f"{target:,.0f} {kind.replace('_', '-')}"
            raise ValueError(f"a budget of {what} cannot be reached: the smallest is {now:,}")
        count[best[1]] += len(best[2])
        removed |= best[2]
        now = measure(removed)
    return count


def _budget(budget):
    if isinstance(budget, dict) and len(budget) == 1:
        [(kind, target)] = budget.items()
    else:
        kind, target = "multiply_adds", budget
    if kind not in ("multiply_adds", "parameters") or not isinstance(target, numbers.Real) or target <= 0:
        wanted = 'a number above 0 or {"multiply_adds" or "parameters": number}'
        raise ValueError(f"budget must be {wanted}, not {budget!r}")
    return kind, target


def _curve(net, readers, group, order, samples):
    """Numbers of filters, and what it costs the output when so many are gone; it never falls."""
    with torch.no_grad():
        wanted = _output(net.model, samples)
        scale = float(wanted.double().var()) or 1.0
        numbers_, costs = [0], [0.0]
        for share in SHARES:
            number = int(share * len(group.classes))
            if not numbers_[-1] < number <= len(order):
                continue
            trial = copy.deepcopy(net.model)
            removed = {int(group.classes[n]) for n in order[:number]}
            shift_biases(net, trial, merge(net, trial, readers, removed, "reconstruct"))
            error = float((_output(trial, samples) - wanted).double().square().mean()) / scale
            numbers_.append(number)
            costs.append(max(error, costs[-1]))
    if numbers_[-1] < len(group.classes):
        numbers_.append(len(group.classes))
        costs.append(max(1.0, 2 * costs[-1]))
    return numbers_, costs


def _output(model, samples):
    found = model(samples)
    return found if isinstance(found, torch.Tensor) else next(v for v in found if isinstance(v, torch.Tensor))
