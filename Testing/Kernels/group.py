# SPDX-License-Identifier: BSD-3-Clause
"""tv_group() against scipy's hierarchical clustering, the numbers of groups whose filters were merged,
tv_regress() against numpy's least squares."""

import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

import kernels

random = np.random.default_rng(2)


def similarity(filters, spread):
    """A matrix as from tv_correlate(), with no two equal entries, and clusters of some size."""
    centres = random.normal(0, 1, (max(1, filters // 4), 40))
    x = centres[random.integers(0, len(centres), filters)] + spread * random.normal(
        0, 1, (filters, 40)
    )
    r = np.corrcoef(x).astype("f4").reshape(filters, filters)
    np.fill_diagonal(r, 1)
    return np.maximum(r, r.T)


def expected(matrix, threshold, method):
    """Groups from scipy, numbered as ours are."""
    filters = len(matrix)
    if filters == 1:
        return np.array([-1])
    distance = squareform(1.0 - matrix.astype("f8"), checks=False)
    labels = hierarchy.fcluster(
        hierarchy.linkage(distance, method), 1.0 - threshold, criterion="distance"
    )
    groups = np.full(filters, -1)
    for i in range(filters):
        members = np.flatnonzero(labels == labels[i])
        if len(members) > 1:
            groups[i] = members[0]
    return groups


def check_scipy():
    joined = 0
    for filters in (1, 2, 3, 7, 16, 17, 63, 65, 130, 512):
        for spread in (0.05, 0.3, 0.8):
            r = similarity(filters, spread)
            for threshold in (0.3, 0.7, 0.9, 0.97, 0.999):
                for linkage, method in ((kernels.COMPLETE, "complete"), (kernels.SINGLE, "single")):
                    groups, representatives = kernels.group(r, threshold, linkage)
                    wanted = expected(r, threshold, method)
                    what = f"{filters} filters, {method}, {threshold}"
                    assert np.array_equal(groups, wanted), f"{what}: {groups} is not {wanted}"
                    joined += len(set(groups) - {-1})
                    for i, group in enumerate(groups):
                        lowest = i if group < 0 else np.flatnonzero(groups == group)[0]
                        assert representatives[i] == lowest, what
                    if linkage == kernels.COMPLETE:
                        for group in set(groups) - {-1}:
                            inside = np.ix_(groups == group, groups == group)
                            assert r[inside].min() >= threshold, what
    assert joined > 1000, "the test made no groups"
    print(f"scipy: {joined} groups are the same")


def check_rules():
    r = np.eye(6, dtype="f4")
    for i, j in ((0, 2), (2, 4), (1, 3)):
        r[i, j] = r[j, i] = 0.98
    groups, representatives = kernels.group(r, 0.97, kernels.SINGLE)
    assert groups.tolist() == [0, 1, 0, 1, 0, -1] and representatives.tolist() == [0, 1, 0, 1, 0, 5]
    # 0-2 and 2-4 are equally similar, but 0-4 is not: the lowest index decides
    assert kernels.group(r, 0.97)[0].tolist() == [0, 1, 0, 1, -1, -1]
    r[2, :] = r[:, 2] = np.nan
    groups, representatives = kernels.group(r, 0.97, kernels.SINGLE)
    assert groups.tolist() == [-1, 1, -1, 1, -1, -1] and representatives.tolist() == [
        0, 1, -1, 1, 4, 5,
    ]  # fmt: skip
    assert kernels.group(r, -2)[0].tolist() == [0, 0, -1, 0, 0, 0], "a threshold below all"
    assert kernels.group(r, 1.1)[0].tolist() == [-1] * 6, "a threshold above all"
    # a similarity that is exactly the threshold reaches it
    r = np.array([[1, 0.5], [0.5, 1]], "f4")
    assert kernels.group(r, 0.5)[0].tolist() == [0, 0]
    for bad in (np.nan,):
        try:
            kernels.group(r, bad)
        except kernels.KernelError as error:
            assert "not a number" in str(error)
        else:
            raise AssertionError("a threshold that is not a number was taken")
    # everything the same: ties everywhere, one group, the same each time
    assert (kernels.group(np.ones((50, 50), "f4"), 0.97)[0] == 0).all()
    print("rules: chains, ties, NaN, thresholds at and beyond the ends")


def check_names():
    """A group keeps its number when its lowest filter is merged into another of it."""
    keep = kernels.keep_group_names
    assert keep([0, -1, 0, 3, 3, -1], [-1] * 6).tolist() == [0, -1, 0, 3, 3, -1]
    assert keep([-1, 1, -1, 1, -1], [3, -1, -2, -1, -3]).tolist() == [-1, 0, -1, 0, -1]
    assert keep([-1, -1, -1, 3, 3], [1, 3, -1, -1, -1]).tolist() == [-1, -1, -1, 0, 0], "by way of 1"
    assert keep([-1, 1, 1, -1], [3, -1, -1, -1]).tolist() == [-1, 1, 1, -1], "into one that is alone"
    assert keep([0, 0, -1], [-1, -1, 0]).tolist() == [0, 0, -1], "a higher one changes nothing"
    keep([1, 1, 0], [1, 0, 7])  # nonsense, and an end all the same
    for filters in (5, 16, 64, 300):
        for _ in range(50):
            into = np.full(filters, -1)
            for gone in random.permutation(filters)[: filters // 3]:
                into[gone] = random.choice(np.flatnonzero(into < 0))
                into[gone] = into[gone] if into[gone] != gone else -2
            alive = np.flatnonzero(into == -1)
            label = dict(zip(alive, random.integers(0, max(1, len(alive) // 2), len(alive))))
            groups, wanted = np.full(filters, -1), np.full(filters, -1)

            def end(i):
                return i if into[i] < 0 else end(into[i])

            for which in set(label.values()):
                members = np.array([i for i in alive if label[i] == which])
                if len(members) > 1:
                    groups[members] = members[0]
                    wanted[members] = min(i for i in range(filters) if end(i) in members)
            assert np.array_equal(keep(groups, into), wanted), (groups, into)
            assert len(set(wanted)) == len(set(groups)), "two groups with one number"
    print("names: kept when filters are merged")


def check_regression():
    for dtype, offset in (("f4", 0.0), ("f8", 1e6), ("f4", 1e6)):
        x = (offset + random.gamma(2, 1, (9, 3000))).astype(dtype)
        x[3] = (2.5 * x[1] - 7).astype(dtype)
        x[8] = 0
        representatives = [0, 1, 0, 1, 4, 4, 4, 7, -1]
        for threads in (1, 2):
            scale, offset_of = kernels.regress(x, representatives, threads)
            for i, r in enumerate(representatives):
                if r < 0:
                    assert np.isnan(scale[i]) and np.isnan(offset_of[i])
                    continue
                a = x[r].astype(np.longdouble)
                b = x[i].astype(np.longdouble)
                slope = ((a - a.mean()) * (b - b.mean())).sum() / ((a - a.mean()) ** 2).sum()
                assert abs(scale[i] - slope) < 1e-8, (i, scale[i], slope)
                intercept = b.mean() - slope * a.mean()
                assert abs(offset_of[i] - intercept) < 1e-8 * max(1, abs(intercept), offset)
            assert scale[7] == 1 and offset_of[7] == 0
    try:
        kernels.regress(x, [0, 1, 2, 3, 4, 5, 6, 7, 9])
    except kernels.KernelError as error:
        assert "representative 9" in str(error)
    else:
        raise AssertionError("a representative that is not there was taken")
    print("regression: as numpy's")


check_scipy()
check_rules()
check_names()
check_regression()
