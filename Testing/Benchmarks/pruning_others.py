# SPDX-License-Identifier: BSD-3-Clause
"""What others publish, written from the formulas of their papers, on the graph that prune() follows.

Each function takes (net, readers, ratio) and returns (smaller model, removed classes). Where filters are
added (ResNet), the filters of all layers that make them are one vector: the papers say so of folding, and
leave those layers out in Neuron Merging; here all methods take the same layers.

  removal     L1: Li et al., ICLR 2017
  merging     Neuron Merging, Kim et al., NeurIPS 2020: L1 selects; a removed filter goes into the kept one
              with the largest cosine of weights, times the ratio of norms, where the cosine reaches a
              threshold (0.45 for LeNet, 0.1 elsewhere, as in the paper); BatchNorm's scale is part of the
              weights. Its bias term (lambda) is not there
  folding     Model Folding, ICLR 2025, and Cut Less, Fold More, ICLR 2026: k-means on the filters; the
              centroid takes a cluster's place, and the next layer's weights are added. Clusters are of
              weights times BatchNorm's scale; the centroid is the mean of weights, scales and shifts
  grail       GRAIL, arXiv 2602.23795: L1 selects; the next layer's weights become W G[:, P] (G[P, P] +
              alpha mean(diag G[P, P]) I)^-1 with the Gram matrix G of its inputs, alpha 1e-3
"""

import copy

import numpy
import torch

from tensorview.prune import choose, merge, plan, surgery
from tensorview.prune.moments import from_matrix, to_matrix


def select(net, group, ratio):
    """L1: the classes that go."""
    gone, _ = choose.order(net, group, [], "magnitude")
    return [int(group.classes[n]) for n in gone[: plan.by_ratio([group], ratio)[group]]]


def vectors(net, group):
    """[classes, ...]: each class's filters, of all its layers, BatchNorm's scale in them."""
    parts = []
    for layer in net.layers.values():
        if layer.name not in group.layers:
            continue
        weight = net.model.get_parameter(layer.weight).detach().double().flatten(1)
        bias = net.model.get_parameter(layer.bias).detach().double() if layer.bias else torch.zeros(len(weight))
        rows = torch.cat([weight, bias[:, None]], 1)
        if layer.norm:
            norm = net.model.get_submodule(layer.norm)
            rows = rows * (norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt())[:, None]
        place = {int(label): n for n, label in enumerate(layer.outputs)}
        parts.append(rows[[place[int(c)] for c in group.classes]])
    return torch.cat(parts, 1).numpy()


def channels_of(reader):
    found = {}
    for channel, label in enumerate(reader.labels):
        found.setdefault(int(label), []).append(channel)
    return found


def write(net, model, readers, removed, into):
    """into: removed class -> (kept class, factor); nothing for one that goes without."""
    with torch.no_grad():
        for reader in readers:
            weight = model.get_parameter(reader.layer.weight)
            matrix, places = to_matrix(reader, weight.to(torch.float64, copy=True)), channels_of(reader)
            for cls in removed:
                for n, channel in enumerate(places.get(cls, ())):
                    own = list(reader.column_of(channel))
                    if cls in into:
                        kept, factor = into[cls]
                        matrix[:, list(reader.column_of(places[kept][n]))] += factor * matrix[:, own]
                    matrix[:, own] = 0
            from_matrix(reader, weight, matrix)


def removal(net, readers, ratio):
    removed, model = set(), copy.deepcopy(net.model)
    for group in (g for g in net.groups if g.free()):
        removed |= set(select(net, group, ratio))
    write(net, model, readers, removed, {})
    return surgery.shrink(net, model, removed).eval(), removed


def merging(net, readers, ratio, threshold):
    removed, into, model = set(), {}, copy.deepcopy(net.model)
    for group in (g for g in net.groups if g.free()):
        gone = select(net, group, ratio)
        x = vectors(net, group)
        norms = numpy.linalg.norm(x, axis=1)
        cosines = x @ x.T / numpy.maximum(norms * norms[:, None], 1e-300)
        place = {int(c): n for n, c in enumerate(group.classes)}
        kept = [int(c) for c in group.classes if int(c) not in gone]
        for cls in gone:
            to = max(kept, key=lambda k: cosines[place[cls], place[k]])
            if cosines[place[cls], place[to]] >= threshold:
                into[cls] = to, norms[place[cls]] / max(norms[place[to]], 1e-300)
        removed |= set(gone)
    write(net, model, readers, removed, into)
    return surgery.shrink(net, model, removed).eval(), removed


def distances(x, centres):
    """Squares, [rows, centres]."""
    squares = (x**2).sum(1)[:, None] + (centres**2).sum(1) - 2 * x @ centres.T
    return numpy.maximum(squares, 0)


def k_means(x, clusters, seed, rounds=50):
    """Lloyd's, from k-means++; the best of 3. Returns the cluster of each row; none is empty."""
    best = None
    choose_ = numpy.random.default_rng(seed)
    for _ in range(3):
        centres = x[[choose_.integers(len(x))]]
        far = distances(x, centres)[:, 0]
        while len(centres) < clusters:
            chance = far / far.sum() if far.sum() > 0 else numpy.full(len(x), 1 / len(x))
            centres = numpy.concatenate([centres, x[[choose_.choice(len(x), p=chance)]]])
            far = numpy.minimum(far, distances(x, centres[-1:])[:, 0])
        for _ in range(rounds):
            distance = distances(x, centres)
            cluster = distance.argmin(1)
            for empty in set(range(clusters)) - set(cluster.tolist()):
                cluster[distance[numpy.arange(len(x)), cluster].argmax()] = empty
                distance[cluster == empty] = 0
            members = numpy.eye(clusters)[cluster]  # [rows, clusters]
            moved = (members.T @ x) / members.sum(0)[:, None]
            if numpy.array_equal(moved, centres):
                break
            centres = moved
        error = ((x - centres[cluster]) ** 2).sum()
        if best is None or error < best[0]:
            best = error, cluster
    return best[1]


def folding(net, readers, ratio, seed):
    removed, into, model = set(), {}, copy.deepcopy(net.model)
    with torch.no_grad():
        for group in (g for g in net.groups if g.free()):
            number = len(group.classes) - plan.by_ratio([group], ratio)[group]
            cluster = k_means(vectors(net, group), number, seed)
            for c in range(number):
                members = group.classes[cluster == c].tolist()
                for other in members[1:]:
                    into[other] = members[0], 1.0
                removed |= set(members[1:])
                for item in net.slices:  # what the centroid takes the place of
                    if item.axis == 0 and item.block is None and numpy.isin(item.labels, members).any():
                        array = surgery.fetch(model, item.path)
                        where = torch.from_numpy(numpy.flatnonzero(numpy.isin(item.labels, members)))
                        array[int(where[0])] = array[where].mean(0)
        write(net, model, readers, removed, into)
    return surgery.shrink(net, model, removed).eval(), removed


def grail(net, readers, ratio, alpha=1e-3):
    removed, model = set(), copy.deepcopy(net.model)
    for group in (g for g in net.groups if g.free()):
        removed |= set(select(net, group, ratio))
    with torch.no_grad():
        for reader in readers:
            mean, covariance = choose.channel_covariance(reader)
            gram = covariance + torch.outer(mean, mean)
            gone = numpy.isin(reader.labels, sorted(removed))
            if not gone.any():
                continue
            kept = torch.from_numpy(numpy.flatnonzero(~gone))
            takes = merge.solve(gram[kept][:, kept], gram[:, kept], alpha)  # [channels, kept]
            matrix = reader.matrix()
            outputs = len(matrix)
            new = torch.zeros_like(matrix).view(outputs, len(gone), reader.places)
            new[:, kept] = torch.einsum("ocp,ck->okp", matrix.view(new.shape), takes)
            from_matrix(reader, model.get_parameter(reader.layer.weight), new.view(outputs, -1))
    return surgery.shrink(net, model, removed).eval(), removed
