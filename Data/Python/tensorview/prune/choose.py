# SPDX-License-Identifier: BSD-3-Clause
"""Which filters go, and in what order.

`output`: one goes after the other, each time the one without which least is lost of the variance of
what the next layers make of it, their weights being adjusted by least squares after each:

    sum over readers of  tr(W_c (P_cc)^-1 W_c^T) / tr(W S W^T)

where S is the covariance of what the reader reads, P its inverse, W the reader's weights with what
they took over before, and c the columns of the filter: Optimal Brain Surgeon's rule (Hassibi and
Stork, NIPS 1992) with a filter in place of a weight, as tv_keep_number_for() in merge.h has it.
`magnitude`: by the sum of absolute values of a filter's weights (Li et al., ICLR 2017).
"""

import numpy
import torch

TINY = 1e-9  # of the mean variance, added to each: what follows from others costs nearly nothing
FEW = 1e-3  # the same, where there are fewer than 4 rows for each column


class _State:
    """What a reader would do without the filters that are gone already."""

    def __init__(self, reader, group):
        inverse, gram, self.total = _whole(reader)
        number = {int(c): n for n, c in enumerate(group.classes)}
        mine = [channel for channel, label in enumerate(reader.labels) if int(label) in number]
        # Only the group's own columns are needed: what is taken over by others has no say in it.
        columns = torch.tensor([c for channel in mine for c in reader.column_of(channel)])
        self.inverse, self.gram = inverse[columns][:, columns], gram[columns][:, columns]
        # What the removals so far have taken off both, as products of rows: see remove().
        self.taken, self.into, self.share = (torch.empty_like(self.inverse) for _ in range(3))
        self.rows = 0
        self.columns = {}
        for place, channel in enumerate(mine):
            own = range(place * reader.places, (place + 1) * reader.places)
            self.columns.setdefault(number[int(reader.labels[channel])], []).extend(own)
        by_length = {}
        for n, own in self.columns.items():
            by_length.setdefault(len(own), []).append(n)
        self.sets = []  # class numbers, their columns [n, m], their blocks of both matrices [n, m, m]
        for numbers in by_length.values():
            own = torch.tensor([self.columns[n] for n in numbers])
            rows, cols = own[:, :, None], own[:, None, :]
            self.sets.append([numpy.array(numbers), own, self.inverse[rows, cols], self.gram[rows, cols]])

    def costs(self, filters):
        found = numpy.zeros(filters)
        for numbers, _, inverse, gram in self.sets:
            lost = (torch.linalg.inv(inverse) * gram).sum((1, 2)) if inverse.shape[1] > 1 else gram / inverse
            found[numbers] = (lost.flatten() / self.total).cpu().numpy()
        return found

    def remove(self, number):
        """P loses P_.c K with K = (P_cc)^-1 P_c., and the gram matrix K^T A + A^T K with
        A = G_c. - G_cc K / 2; only rows that are asked for, and the blocks, are worked out."""
        gone = self.columns.get(number)
        if gone is None:
            return
        n = self.rows
        p = self.inverse[gone] - self.taken[:n, gone].T @ self.into[:n]
        g = self.gram[gone] - self.into[:n, gone].T @ self.share[:n] - self.share[:n, gone].T @ self.into[:n]
        k = torch.linalg.solve(p[:, gone], p)
        a = g - g[:, gone] @ k / 2
        self.rows += len(gone)
        self.taken[n : self.rows], self.into[n : self.rows], self.share[n : self.rows] = p, k, a
        for numbers, own, inverse, gram in self.sets:
            p_own, k_own, a_own = p[:, own], k[:, own], a[:, own]
            inverse -= torch.einsum("rna,rnb->nab", p_own, k_own)
            change = torch.einsum("rna,rnb->nab", k_own, a_own)
            gram -= change + change.transpose(1, 2)
            place = torch.from_numpy(numbers == number)
            inverse[place] = torch.eye(own.shape[1], dtype=inverse.dtype, device=inverse.device)
            gram[place] = 0


def _whole(reader):
    """The inverse of a reader's covariance, its weights' products, and the variance of what it makes."""
    if reader.whole is None:
        _, covariance = reader.covariance()
        weights = reader.matrix()
        gram = weights.T @ weights
        total = max(float((gram * covariance).sum()), 1e-300)
        inverse = _inverse(covariance, TINY if sum(reader.rows) > 4 * reader.columns else FEW)
        reader.whole = inverse, gram, total
    return reader.whole


def _inverse(covariance, ridge):
    amount = max(float(covariance.diagonal().mean()) * ridge, 1e-300)
    while True:
        covariance.diagonal().add_(amount)
        factor, failed = torch.linalg.cholesky_ex(covariance)
        if not failed:
            return torch.cholesky_inverse(factor)
        amount *= 10  # rounding made it indefinite


def _fixed_order(scores):
    """The same interface for scores that do not change."""

    class Scores:
        def costs(self, filters):
            return scores

        def remove(self, number):
            pass

    return [Scores()]


def order(net, group, readers, by="output"):
    """Class numbers in the order in which they go, all that can, and what each has cost by then."""
    if by == "magnitude":
        states = _fixed_order(magnitudes(net, group))
    else:
        states = [_State(r, group) for r in readers if numpy.isin(r.labels, group.classes).any()]
    filters = len(group.classes)
    alive = ~group.fixed
    gone, spent, total = [], [], 0.0
    blocks = numpy.unique(group.block)
    for _ in range(group.free() // len(blocks)):
        for block in blocks:
            costs = sum((s.costs(filters) for s in states), numpy.zeros(filters))
            costs[~(alive & (group.block == block))] = numpy.inf
            number = int(costs.argmin())
            total += max(float(costs[number]), 0.0)
            for state in states:
                state.remove(number)
            alive[number] = False
            gone.append(number)
            spent.append(total)
    return gone, spent


def magnitudes(net, group):
    """Sum of absolute weights of each class, over the layers that make it, each over its mean."""
    found = numpy.zeros(len(group.classes))
    place = {int(c): n for n, c in enumerate(group.classes)}
    for layer in net.layers.values():
        if layer.name in group.layers:
            weight = net.model.get_parameter(layer.weight).detach().double()
            weight = weight.transpose(0, 1) if layer.kind == "transposed" else weight
            norms = weight.abs().flatten(1).sum(1)
            norms = (norms / norms.mean()).cpu().numpy()
            for label, norm in zip(layer.outputs, norms):
                found[place[int(label)]] += norm
    return found


def representatives(group, readers, removed):
    """Of each removed class the kept one of its block with which it correlates most, over all readers:
    class -> class."""
    place = {int(c): n for n, c in enumerate(group.classes)}
    score = numpy.zeros((len(group.classes), len(group.classes)))
    for reader in readers:
        mine = [(ch, place[int(l)]) for ch, l in enumerate(reader.labels) if int(l) in place]
        if not mine:
            continue
        covariance = channel_covariance(reader)[1].cpu().numpy()
        channels, numbers = (numpy.array(part) for part in zip(*mine))
        part = covariance[numpy.ix_(channels, channels)]
        deviation = numpy.sqrt(numpy.maximum(part.diagonal(), 0))
        safe = numpy.where(deviation > 0, deviation, 1)
        numpy.add.at(score, numpy.ix_(numbers, numbers), numpy.abs(part / safe / safe[:, None]))
    gone = numpy.isin(group.classes, list(removed))
    found = {}
    for number in numpy.flatnonzero(gone):
        allowed = numpy.flatnonzero(~gone & (group.block == group.block[number]))
        found[int(group.classes[number])] = int(group.classes[allowed[score[number, allowed].argmax()]])
    return found


def channel_covariance(reader):
    """Mean and covariance of channels: of patches, those of their places together, each about the
    mean over all places."""
    mean, covariance = reader.covariance()
    if reader.places == 1:
        return mean, covariance
    channels = len(reader.labels)
    second = (covariance + torch.outer(mean, mean)).view(channels, reader.places, channels, reader.places)
    second = second.diagonal(dim1=1, dim2=3).mean(-1)
    mean = mean.view(channels, -1).mean(1)
    return mean, second - torch.outer(mean, mean)
