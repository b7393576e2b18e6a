# SPDX-License-Identifier: BSD-3-Clause
"""Filters of all layers, numbered through, and which of them can only go together.

A *label* is such a number. Every tensor in the network that has one axis along which filters stand
carries an int64 array of labels, one for each place of that axis (after flattening, a filter has
h * w places in a row). Two filters whose outputs are added are united: they are one *class*, and
stay or go together. A filter that something reads which is not followed is *pinned*: it stays.
"""

import numpy


class Units:
    def __init__(self):
        self._parent = numpy.zeros(0, numpy.int64)
        self.layer = []  # of each label: the layer that makes it
        self.index = []  # and its number there
        self._pinned = {}  # label: why

    def new(self, layer, count):
        """Labels for the filters of a layer."""
        first = len(self.layer)
        labels = numpy.arange(first, first + count)
        self._parent = numpy.concatenate([self._parent, labels])
        self.layer += [layer] * count
        self.index += range(count)
        return labels

    def find(self, label):
        root = label
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[label] != root:
            self._parent[label], label = root, self._parent[label]
        return int(root)

    def classes(self, labels):
        """Of each label, its class: the lowest label in it."""
        return numpy.array([self.find(label) for label in labels], numpy.int64)

    def unite(self, one, other):
        """Place by place. Both of one length."""
        for a, b in zip(one, other):
            a, b = self.find(a), self.find(b)
            self._parent[max(a, b)] = min(a, b)

    def pin(self, labels, why):
        for label in numpy.unique(labels):
            self._pinned.setdefault(int(label), why)

    def pinned(self):
        """Classes that stay, and why: class -> sentence."""
        found = {}
        for label, why in self._pinned.items():
            found.setdefault(self.find(label), why)
        return found


class Group:
    """Layers whose filters go together: classes that can be taken out one by one, or, where a
    grouped convolution needs as many from each of its blocks, in rounds of one from each."""

    def __init__(self, layers, classes, fixed):
        self.layers = layers  # names, in the order of the network
        self.classes = classes  # [n], ascending
        self.fixed = fixed  # [n] bool: pinned
        self.block = numpy.zeros(len(classes), numpy.int64)  # of each class

    @property
    def name(self):
        return " + ".join(self.layers)

    def free(self):
        """How many can be removed at most: one of each block stays."""
        blocks = numpy.unique(self.block)
        most = min((~self.fixed[self.block == b]).sum() - (not self.fixed[self.block == b].any()) for b in blocks)
        return int(max(most, 0) * len(blocks))

    def balance(self, block):
        """As many have to go from each block as from the others. Returns False where that cannot be
        had together with what was asked for before; then all are fixed."""
        for fine, coarse in ((block, self.block), (self.block, block)):
            pairs = numpy.unique(numpy.stack([fine, coarse]), axis=1)
            if pairs.shape[1] == len(numpy.unique(fine)):  # each fine block lies in one coarse block
                parts = numpy.unique(pairs[1], return_counts=True)[1]
                sizes = numpy.unique(fine, return_counts=True)[1]
                if (parts == parts[0]).all() and (sizes == sizes[0]).all():
                    self.block = fine
                    return True
        self.fixed[:] = True
        return False


def groups_of(units):
    """Connected layers as groups, in the order of the network."""
    root = units.classes(range(len(units.layer)))
    above = {}

    def top(name):
        while above.setdefault(name, name) != name:
            name = above[name]
        return name

    for label, cls in enumerate(root):
        one, other = top(units.layer[cls]), top(units.layer[label])
        if one != other:
            above[other] = one
    pinned = units.pinned()
    found = {}
    for label, cls in enumerate(root):
        layers, classes = found.setdefault(top(units.layer[label]), ([], set()))
        if units.layer[label] not in layers:
            layers.append(units.layer[label])
        classes.add(int(cls))
    groups = []
    for layers, classes in found.values():
        classes = numpy.array(sorted(classes))
        groups.append(Group(layers, classes, numpy.array([int(c) in pinned for c in classes])))
    return groups
