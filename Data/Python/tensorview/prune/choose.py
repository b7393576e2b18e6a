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
        self.columns = {}
        for place, channel in enumerate(mine):
            own = range(place * reader.places, (place + 1) * reader.places)
            self.columns.setdefault(number[int(reader.labels[channel])], []).extend(own)
        self.sets = {}  # number of columns -> (class numbers, [n, columns])
        for number, mine in self.columns.items():
            self.sets.setdefault(len(mine), ([], []))
            self.sets[len(mine)][0].append(number)
            self.sets[len(mine)][1].append(mine)
        self.sets = [(numpy.array(n), torch.tensor(c)) for n, c in self.sets.values()]

    def costs(self, filters):
        found = numpy.zeros(filters)
        for numbers, columns in self.sets:
            rows, cols = columns[:, :, None], columns[:, None, :]
            lost = (torch.linalg.inv(self.inverse[rows, cols]) * self.gram[rows, cols]).sum((1, 2))
            found[numbers] = (lost / self.total).cpu().numpy()
        return found

    def remove(self, number):
        gone = self.columns.get(number)
        if gone is None:
            return
        take = torch.linalg.solve(self.inverse[gone][:, gone], self.inverse[gone])
        mine = self.gram[gone]
        self.gram -= take.T @ mine + mine.T @ take - take.T @ (mine[:, gone] @ take)
        self.inverse -= self.inverse[:, gone] @ take
        self.inverse[gone] = 0
        self.inverse[:, gone] = 0
        self.inverse[gone, gone] = 1
        self.gram[gone] = 0
        self.gram[:, gone] = 0


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
