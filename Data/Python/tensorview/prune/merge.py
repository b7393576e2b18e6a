# SPDX-License-Identifier: BSD-3-Clause
"""How the filters that stay stand in for those that go, in the weights of the layers that read them.

Removed channel r of a reader is written as a combination of kept ones and a constant; the reader is
linear, so its weights for the kept ones gain those for r times the combination, and its bias the
constant (as merge.h says for two layers):

  remove       nothing                                 what mere removal costs
  sum          a_r = a_representative                  the paper's equation (3), w'1 + w'2
  affine       a_r = scale a_representative + offset   least squares
  reconstruct  a_r = all kept ones and a constant      least squares, ridge chosen on held-out samples

The constant is exact but at borders: with zero padding a convolution reads 0 there.
"""

import numpy
import torch

from .choose import channel_covariance, representatives
from .moments import block_of, from_matrix

RIDGES = (1e-10, 1e-6, 1e-4, 1e-3, 1e-2, 1e-1)  # of the mean variance of what is kept


def merge(net, model, readers, removed, way, into=None):
    """Changes the weights of `model`, a copy of net.model of the same size: columns of what is removed
    become 0. removed: set of classes. into: by whom some of them are represented, or None where nobody
    is to stand in; the others' representatives are found. Returns {layer: numbers to add to its bias},
    float64."""
    stands_in = {}
    if way in ("sum", "affine"):
        for group in net.groups:
            mine = removed & set(group.classes.tolist())
            if mine:
                stands_in.update(representatives(group, readers, mine))
        stands_in.update(into or {})
    shifts = {}
    gone_all = numpy.array(sorted(removed))
    for reader in readers:
        gone = numpy.isin(reader.labels, gone_all)
        if not gone.any():
            continue
        matrix = reader.matrix()
        shift = torch.zeros(len(matrix), dtype=torch.float64, device=matrix.device)
        if way == "reconstruct" and not gone.all():
            shift += reconstruct(reader, matrix, _columns(reader, gone), _columns(reader, ~gone))
        elif way in ("sum", "affine"):
            shift += _one_to_one(reader, matrix, gone, stands_in, way)
        matrix[:, _columns(reader, gone)] = 0
        weight = model.get_parameter(reader.layer.weight)
        with torch.no_grad():
            from_matrix(reader, weight, matrix)
        outputs = len(block_of(reader, weight))
        shift = shift.view(outputs, -1).sum(1)
        shifts.setdefault(reader.layer.name, []).append((reader.block, shift))
    found = {}
    for name, parts in shifts.items():
        layer, (_, one) = net.layers[name], parts[0]
        whole = torch.zeros(layer.groups, len(one), dtype=torch.float64, device=one.device)
        for block, part in parts:
            whole[block] = part
        found[name] = whole.flatten()
    return found


def _columns(reader, channels):
    return torch.from_numpy(numpy.flatnonzero(numpy.repeat(channels, reader.places)))


def reconstruct(reader, matrix, gone, kept):
    """Adds to the kept columns of matrix, in place; returns what the outputs lack, a constant."""
    weights = matrix[:, gone]
    best = RIDGES[0]
    if min(reader.rows) > 1:
        _, one = reader.covariance(0)
        _, other = reader.covariance(1)
        target, system = weights @ one[gone][:, kept], one[kept][:, kept]
        told, seen = weights @ other[gone][:, kept], other[kept][:, kept]
        errors = []
        for ridge in RIDGES:
            delta = solve(system, target, ridge)
            errors.append(float((delta @ seen * delta).sum() - 2 * (delta * told).sum()))
        scale = float((weights @ other[gone][:, gone] * weights).sum())
        least = min(errors)
        best = next(r for r, e in zip(RIDGES, errors) if e <= least + 1e-6 * scale)
    mean, covariance = reader.covariance()
    delta = solve(covariance[kept][:, kept], weights @ covariance[gone][:, kept], best)
    matrix[:, kept] += delta
    return weights @ mean[gone] - delta @ mean[kept]


def solve(system, target, ridge):
    """target (system + ridge * mean of its diagonal)^-1"""
    system = system.clone()
    amount = max(float(system.diagonal().mean()) * ridge, 1e-300)
    for _ in range(20):
        system.diagonal().add_(amount)
        factor, failed = torch.linalg.cholesky_ex(system)
        if not failed:
            return torch.cholesky_solve(target.T, factor).T
        amount *= 10  # rounding made it indefinite
    return torch.zeros_like(target)


def _one_to_one(reader, matrix, gone, stands_in, way):
    mean, covariance = channel_covariance(reader)
    shift = torch.zeros(len(matrix), dtype=torch.float64, device=matrix.device)
    channels = {}
    for channel, label in enumerate(reader.labels):
        channels.setdefault(int(label), []).append(channel)
    for channel in numpy.flatnonzero(gone):
        label = int(reader.labels[channel])
        others = channels.get(stands_in[label], ())
        mine = channels[label].index(channel)
        if mine >= len(others):  # its representative is not read here
            continue
        other = others[mine]
        scale, offset = 1.0, 0.0
        if way == "affine":
            variance = float(covariance[other, other])
            scale = float(covariance[other, channel]) / variance if variance > 0 else 0.0
            offset = float(mean[channel] - scale * mean[other])
        columns, to = reader.column_of(int(channel)), reader.column_of(other)
        matrix[:, list(to)] += scale * matrix[:, list(columns)]
        shift += offset * matrix[:, list(columns)].sum(1)
    return shift


def shift_biases(net, model, shifts):
    """Adds the constants: to the bias; without one, to the mean that the BatchNorm behind takes off;
    without that, to a bias that is made for it. Returns sentences on what could not be added."""
    left = []
    for name, shift in shifts.items():
        layer = net.layers[name]
        if layer.bias:
            with torch.no_grad():
                bias = model.get_parameter(layer.bias)
                bias += shift.to(bias.dtype)
        elif layer.norm:
            mean = model.get_submodule(layer.norm).running_mean
            mean -= shift.to(mean.dtype)
        elif layer.module is not None:
            if float(shift.abs().max()) > 0:
                module = model.get_submodule(name)
                module.bias = torch.nn.Parameter(shift.to(module.weight.dtype))
        else:
            left.append(f"{name} has no bias: a constant is missing in what it makes")
    return left
