# SPDX-License-Identifier: BSD-3-Clause
"""Merging filters, judged by torch: a network with and without the filters that were merged."""

import numpy as np
import torch
from torch.nn import functional

import kernels
from kernels import AFFINE, RECONSTRUCT, REMOVE, SUM

random = np.random.default_rng(5)
torch.set_num_threads(1)
WAYS = (REMOVE, SUM, AFFINE, RECONSTRUCT)


def tensor(array):
    return torch.from_numpy(np.ascontiguousarray(array)).double()


class Convolutions:
    """conv 3x3 (16), ReLU, a constant for each filter, max pooling, conv 3x3 (8). What filter 9
    gives the second convolution is exactly scale times what filter 3 gives it, plus offset."""

    def __init__(self, scale, offset, filters=16, padding=0):
        self.w1 = random.normal(0, 0.3, (filters, 2, 3, 3)).astype("f4")
        self.b1 = random.normal(0, 0.1, filters).astype("f4")
        self.w1[9], self.b1[9] = scale * self.w1[3], scale * self.b1[3]
        self.shift = np.zeros(filters)
        self.shift[9] = offset
        self.w2 = random.normal(0, 0.3, (8, filters, 3, 3)).astype("f4")
        self.b2 = random.normal(0, 0.1, 8).astype("f4")
        self.padding = padding
        self.x = random.normal(0, 1, (20, 2, 14, 14))

    def read_by_next(self, w1=None, b1=None, shift=None):
        w1, b1 = (self.w1, self.b1) if w1 is None else (w1, b1)
        shift = self.shift if shift is None else shift
        a = functional.relu(functional.conv2d(tensor(self.x), tensor(w1), tensor(b1)))
        return functional.max_pool2d(a + tensor(shift)[None, :, None, None], 2)

    def output(self, w1=None, b1=None, w2=None, b2=None, shift=None):
        a = self.read_by_next(w1, b1, shift)
        w2, b2 = (self.w2, self.b2) if w2 is None else (w2, b2)
        return functional.conv2d(a, tensor(w2), tensor(b2), padding=self.padding).numpy()

    def merged(self, keep, combination):
        first = kernels.Layer(self.w1, self.b1)
        second = kernels.Layer(self.w2, self.b2)
        kernels.merge(first, second, keep, combination)
        kept = keep.astype(bool)
        w1 = first.get(tail=(3, 3))
        assert np.array_equal(w1, self.w1[kept]) and np.array_equal(
            first.get_bias(), self.b1[kept]
        ), "filters that stay have changed"
        assert first.outputs == second.inputs == kept.sum()
        return self.output(
            w1, first.get_bias(), second.get(tail=(3, 3)), second.get_bias(), self.shift[kept]
        )


def error(a, b):
    return np.sqrt(((a - b) ** 2).mean() / b.var())


def exact_in_convolution():
    network = Convolutions(scale=1.7, offset=0.4)
    before = network.output()
    m = kernels.moments(network.read_by_next().numpy(), "nchw")
    groups = kernels.group(kernels.correlate_moments(m), 0.9999)[0]
    assert groups[3] == groups[9] == 3 and (groups >= 0).sum() == 2
    errors = {}
    for way in WAYS:
        keep, representatives = kernels.keep_groups(groups, m)
        combination, residual, back = kernels.combine(keep, representatives, m, way)
        assert back == 0 and residual[3] == 0
        errors[way] = error(network.merged(keep, combination), before)
        if way in (AFFINE, RECONSTRUCT):
            assert residual[9] < 1e-10, residual[9]
            row = combination[9]
            assert abs(row[3] - 1.7) < 1e-6 and abs(row[16] - 0.4) < 1e-6
        else:
            assert residual[9] > 0.1
    assert errors[AFFINE] < 2e-6 and errors[RECONSTRUCT] < 2e-6, errors
    assert errors[SUM] > 1e-2 and errors[REMOVE] > errors[SUM], errors
    # with padding the constant is missing outside: inexact, and only at the border
    padded = Convolutions(scale=1.7, offset=0.4, padding=1)
    m = kernels.moments(padded.read_by_next().numpy(), "nchw")
    keep, representatives = kernels.keep_groups(groups)
    combination = kernels.combine(keep, representatives, m, AFFINE)[0]
    difference = np.abs(padded.merged(keep, combination) - padded.output())
    assert difference[:, :, 1:-1, 1:-1].max() < 1e-5 < 1e-3 < difference.max()
    # a copy with no offset has nothing to lose there
    padded = Convolutions(scale=1.0, offset=0.0, padding=1)
    m = kernels.moments(padded.read_by_next().numpy(), "nchw")
    combination = kernels.combine(keep, representatives, m, SUM)[0]
    assert error(padded.merged(keep, combination), padded.output()) < 2e-6
    print("convolution:", ", ".join(f"{errors[way]:.1e}" for way in WAYS))


def exact_after_flattening():
    filters, height, width = 6, 5, 4
    a = random.gamma(1, 1, (300, filters, height, width))
    a[:, 4] = -0.5 * a[:, 1] + 2  # affine, falling
    a[:, 5] = 0.3 * a[:, 0] + 0.7 * a[:, 2] - 1  # only reconstruction knows
    a[:, 3] = 4.0  # dead
    w = random.normal(0, 0.2, (10, filters * height * width)).astype("f4")
    b = random.normal(0, 0.2, 10).astype("f4")
    before = a.reshape(300, -1) @ w.T + b
    m = kernels.moments(a, "nchw")
    errors = {}
    for way in WAYS:
        keep = np.array([1, 1, 1, 0, 0, 0], "u1")
        representatives = np.array([0, 1, 2, 0, 1, 2], "i4")
        combination, residual, _ = kernels.combine(keep, representatives, m, way)
        state = [random.normal(0, 1, w.shape), random.normal(0, 1, w.shape)]
        bias_state = [random.normal(0, 1, 10), random.normal(0, 1, 10)]
        own = random.normal(0, 1, (filters, 9))
        first = kernels.Layer(own, np.arange(filters), weight_state=[own + 1], bias_state=[own[:, 0]])
        second = kernels.Layer(w, b, inputs=filters, weight_state=state, bias_state=bias_state)
        kernels.merge(first, second, keep, combination)
        after = a[:, :3].reshape(300, -1) @ second.get().reshape(10, -1).T + second.get_bias()
        errors[way] = error(after, before)
        for old, new in zip(state, second.weight_states):
            kept = old.reshape(10, filters, -1)[:, :3].astype("f4")
            assert np.array_equal(second.get(new), kept), "optimizer state"
        assert np.array_equal(second.bias_states[0], bias_state[0].astype("f4"))
        assert np.array_equal(first.get(first.weight_states[0]), (own[:3] + 1).astype("f4")[:, :, None])
        assert np.array_equal(first.bias_states[0][:3], own[:3, 0].astype("f4"))
        assert np.array_equal(first.get_bias(), [0, 1, 2])
        if way == RECONSTRUCT:
            assert (residual < 1e-10).all(), residual
        if way == AFFINE:
            assert residual[3] == 0 and residual[4] < 1e-10 and residual[5] > 0.05
            r = np.corrcoef(a[:, 5].ravel(), a[:, 2].ravel())[0, 1]
            assert abs(residual[5] - (1 - r * r)) < 1e-9
        if way == SUM:
            assert np.isinf(residual[3])
            wanted = ((a[:, 4] - a[:, 1]) ** 2).mean() / a[:, 4].var()
            assert abs(residual[4] - wanted) < 1e-9
    assert errors[RECONSTRUCT] < 2e-6 < 1e-2 < errors[AFFINE] < errors[SUM], errors
    print("flattened:", ", ".join(f"{errors[way]:.1e}" for way in WAYS))


def reconstruction_is_least_squares():
    a = random.gamma(1, 1, (500, 12)) @ random.normal(0, 1, (12, 12)) + random.normal(0, 1, 12)
    m = kernels.moments(a, "nc")
    keep, representatives, explained = kernels.keep_number(m, 7)
    kept = keep.astype(bool)
    combination, residual, _ = kernels.combine(keep, representatives, m, RECONSTRUCT)
    design = np.hstack([a[:, kept], np.ones((500, 1))])
    left = 0.0
    for r in np.flatnonzero(~kept):
        x, *_ = np.linalg.lstsq(design, a[:, r], rcond=None)
        assert np.allclose(combination[r, :12][kept], x[:-1], rtol=1e-6, atol=1e-8)
        assert abs(combination[r, 12] - x[-1]) < 1e-6
        rest = ((a[:, r] - design @ x) ** 2).mean()
        assert abs(residual[r] - rest / a[:, r].var()) < 1e-9
        left += rest
    assert abs(explained - (1 - left / a.var(axis=0).sum())) < 1e-9
    assert (combination[kept] == np.eye(12, 13)[kept]).all()
    print("reconstruction: as numpy's least squares")


def most(covariance, number):
    """What tv_keep_number() promises, written as plainly as possible."""
    c, chosen = covariance.copy(), []
    for _ in range(number):
        sums = (c**2).sum(0)
        gain = [
            -1 if j in chosen else sums[j] / c[j, j] if c[j, j] > 1e-12 else 0 for j in range(len(c))
        ]
        best = int(np.argmax(gain))
        chosen.append(best)
        c -= np.outer(c[best], c[best]) / c[best, best]
    return sorted(chosen)


def lost(covariance, kept, read):
    """Of the variance of what the next layer reads, with the weights read, by least squares."""
    c = covariance[kept]
    left = covariance - c.T @ np.linalg.solve(c[:, kept], c)
    return ((read @ left) * read).sum()


def least(covariance, number, read):
    """What tv_keep_number_for() promises: every step tries every filter, from the beginning."""
    kept = list(range(len(covariance)))
    while len(kept) > number:
        losses = [lost(covariance, kept[:i] + kept[i + 1 :], read) for i in range(len(kept))]
        kept.pop(int(np.argmin(losses)))
    return kept


def choosing():
    for filters, number in ((5, 2), (12, 7), (40, 13), (100, 60)):
        a = random.gamma(1, 1, (900, filters // 2 + 1)) @ random.normal(
            0, 1, (filters // 2 + 1, filters)
        ) + random.normal(0, 0.3, (900, filters))
        m, covariance = kernels.moments(a, "nc"), np.cov(a.T, bias=True)
        keep, representatives, explained = kernels.keep_number(m, number)
        assert np.flatnonzero(keep).tolist() == most(covariance, number)
        assert keep[representatives].all() and 0 < explained <= 1
        r = np.abs(np.corrcoef(a.T))
        for i in np.flatnonzero(keep == 0):
            kept = np.flatnonzero(keep)
            assert representatives[i] == kept[np.argmax(r[i, kept])]
        for tail in ((), (3, 3)):
            read = random.normal(0, 1, (6, filters, *tail)).astype("f4")
            rows = np.moveaxis(read, 1, -1).reshape(-1, filters).astype("f8")
            following = kernels.Layer(read, None)
            found, representatives, explained = kernels.keep_number(m, number, next_layer=following)
            kept = np.flatnonzero(found).tolist()
            assert kept == least(covariance, number, rows)
            assert found[representatives].all()
            left = lost(covariance, kept, np.eye(filters)) / covariance.trace()
            assert abs(explained - (1 - left)) < 1e-9
            # it is there to lose less at the next layer, though neither is sure to find the best
            if filters >= 40:
                others = most(covariance, number)
                assert lost(covariance, kept, rows) < lost(covariance, others, rows)
    following = kernels.Layer(random.normal(0, 1, (6, 100)), None)
    # dead filters go first, then what follows from others, duplicates before what is unique
    a[:, 4], a[:, 8], a[:, 11], a[:, 20] = 7.0, 0.0, a[:, 10], a[:, 21] - 2 * a[:, 22]
    m = kernels.moments(a, "nc")
    for layer in (None, following):
        keep = kernels.keep_number(m, 96, next_layer=layer)[0]
        assert keep[4] == keep[8] == 0 and keep[10] + keep[11] == 1 and keep[20:23].sum() == 2
        assert not kernels.keep_number(m, 98, next_layer=layer)[0][[4, 8]].any()
        assert kernels.keep_number(m, 99, next_layer=layer)[0][4] == 1
        assert kernels.keep_number(m, 100, next_layer=layer)[0].all()
    # what a filter that follows from others means to the next layer counts for those others
    b = random.normal(0, 1, (900, 4))
    b[:, 3] = b[:, 0]
    read = np.array([[0.0, 0.5, 0.4, 1.0]])
    found = kernels.keep_number(kernels.moments(b, "nc"), 2, next_layer=kernels.Layer(read, None))[0]
    assert found.tolist() in ([1, 1, 0, 0], [0, 1, 0, 1])
    print("choosing: as the plain algorithms")


def bounds():
    a = random.gamma(1, 1, (400, 6))
    a[:, 1] = a[:, 0] + random.normal(0, 0.01, 400)
    a[:, 2] = a[:, 0] + random.normal(0, 1.0, 400)
    m = kernels.moments(a, "nc")
    for way in (SUM, AFFINE, RECONSTRUCT):
        keep, representatives = kernels.keep_groups([0, 0, 0, -1, -1, -1], m)
        combination, residual, back = kernels.combine(keep, representatives, m, way, 0.06)
        assert back == 1 and keep.tolist() == [1, 0, 1, 1, 1, 1], (way, keep, residual)
        assert representatives.tolist() == [0, 0, 2, 3, 4, 5]
        assert (residual <= 0.06).all() and (combination[2] == np.eye(6, 7)[2]).all()
    print("bound: what cannot be merged well is kept")


def fails(words, call, *arguments):
    try:
        call(*arguments)
    except kernels.KernelError as failure:
        assert words in str(failure), str(failure)
    else:
        raise AssertionError(f"no error that says: {words}")


def refusals():
    a = random.gamma(1, 1, (400, 4))
    a[:, 3] = 0
    m = kernels.moments(a, "nc")
    fails("dead", kernels.keep_groups, [0, -1, -1, 0], m)
    fails("one group", kernels.keep_groups, [0, 0, 0, 0], m)
    fails("there are none", kernels.keep_number, None, 2, 4)
    fails("into one", kernels.keep_number, m, 1)
    fails("cannot be kept", kernels.keep_number, m, 5)
    fails("reads 3 filters", kernels.keep_number, m, 2, 4, kernels.Layer(np.ones((2, 3)), None))
    keep, representatives = kernels.keep_groups([0, 0, -1, -1])
    for way in (AFFINE, RECONSTRUCT):
        fails("there are none", kernels.combine, keep, representatives, None, way)
    fails("there are none", kernels.combine, keep, representatives, None, SUM, 0.1)
    combination, residual, _ = kernels.combine(keep, representatives, None, SUM)
    assert np.isnan(residual[1]) and residual[0] == 0
    w1, w2 = np.ones((4, 3), "f4"), np.ones((5, 4), "f4")
    b = np.zeros(4, "f4"), np.zeros(5, "f4")

    def surgery(first, second):
        before = [first.arrays.copy(), second.arrays.copy()]
        try:
            kernels.merge(first, second, keep, combination)
        finally:
            assert np.array_equal(first.arrays, before[0]), "changed, though refused"
            assert np.array_equal(second.arrays, before[1]), "changed, though refused"

    fails("next layer is shared", surgery, kernels.Layer(w1, b[0]), kernels.Layer(w2, b[1], shared=1))
    fails("shared", surgery, kernels.Layer(w1, b[0], shared=1), kernels.Layer(w2, b[1]))
    fails("reads 3 filters", surgery, kernels.Layer(w1, b[0]), kernels.Layer(w1.T[:, :3], b[1]))
    fails("has 5 filters", surgery, kernels.Layer(w2, b[1]), kernels.Layer(w2, b[1]))
    combination = kernels.combine(keep, representatives, m, AFFINE)[0]
    fails("no bias", surgery, kernels.Layer(w1, b[0]), kernels.Layer(w2, None))
    m[0, 0] = np.nan
    fails("not finite", kernels.combine, keep, representatives, m, AFFINE)
    print("bad requests: refused with a sentence, nothing changed")


exact_in_convolution()
exact_after_flattening()
reconstruction_is_least_squares()
choosing()
bounds()
refusals()
