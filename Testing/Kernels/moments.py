# SPDX-License-Identifier: BSD-3-Clause
"""tv_moments_add() and what follows from moments, against numpy in double precision."""

import numpy as np

import kernels

random = np.random.default_rng(4)


def reference(batch, axes, centre=0.0):
    pixels = np.moveaxis(batch, axes.index("c"), 0).reshape(batch.shape[axes.index("c")], -1)
    a = pixels.astype(np.longdouble) - np.reshape(centre, (-1, 1))
    a = np.vstack([a, np.ones((1, a.shape[1]))])
    return (a @ a.T).astype("f8")


def close(m, expected, what):
    scale = np.sqrt(np.outer(np.diag(expected), np.diag(expected)))
    error = np.max(np.abs(m - expected) / np.maximum(scale, 1e-300))
    assert error < 1e-12, f"{what}: relative error {error:.1e}"


def batches():
    for dtype in ("f4", "f8"):
        for axes, shape in (
            ("nchw", (5, 7, 6, 9)),
            ("nhwc", (5, 6, 9, 7)),
            ("nc", (50, 33)),
            ("chw", (17, 7, 13)),
            ("hwc", (7, 13, 16)),
            ("c", (9,)),
            ("cn", (65, 300)),
            ("nchw", (3, 1, 2, 2)),
            ("nchw", (2, 130, 31, 29)),
            ("nhwc", (40, 28, 28, 16)),
        ):
            batch = random.gamma(1, 1, shape).astype(dtype)
            expected = reference(batch, axes)
            first = None
            for threads in (1, 2, 3):
                m = kernels.moments(batch, axes, threads=threads)
                close(m, expected, f"{dtype} {axes} {shape}")
                assert np.array_equal(m, m.T), "not symmetric"
                first = m if first is None else first
                assert np.array_equal(m, first), f"{threads} threads differ from one"
            centre = random.normal(0, 1, batch.shape[axes.index("c")])
            close(
                kernels.moments(batch, axes, centre), reference(batch, axes, centre), "with a centre"
            )
    # streaming: the sum over batches is that over all samples
    batch = random.gamma(1, 1, (12, 7, 5, 5)).astype("f4")
    m = kernels.moments(batch[:5], "nchw")
    kernels.moments(batch[5:], "nchw", add_to=m)
    close(m, reference(batch, "nchw"), "two batches")
    print("moments: as numpy's, for every order of axes")


def similarities():
    for dtype, offset in (("f4", 0.0), ("f8", 30.0)):
        batch = (offset + random.gamma(1, 1, (20, 12, 9, 9))).astype(dtype)
        batch[:, 3] = 2 * batch[:, 1] + 1 + random.normal(0, 0.1, (20, 9, 9))
        batch[:, 5] = 0
        batch[:, 6] = 12.5
        pixels = np.moveaxis(batch, 1, 0).reshape(12, -1)
        m = kernels.moments(batch, "nchw")
        for metric in (kernels.PEARSON, kernels.COSINE):
            r = kernels.correlate_moments(m, metric)
            expected = kernels.correlate(pixels, metric)
            assert np.array_equal(np.isnan(r), np.isnan(expected)), "NaN elsewhere"
            assert np.nanmax(np.abs(r - expected)) < 1e-6
        representatives = [0, 1, 2, 1, 4, -1, -1, 0, 8, 9, 10, 8]
        for ours, theirs in zip(
            kernels.regress_moments(m, representatives), kernels.regress(pixels, representatives)
        ):
            assert np.allclose(ours, theirs, rtol=1e-9, atol=1e-9, equal_nan=True)
    # one filter that is not finite stays its own affair
    batch[2, 7, 3, 3] = np.nan
    r = kernels.correlate_moments(kernels.moments(batch, "nchw"))
    finite = [0, 1, 2, 3, 4, 8, 9, 10, 11]
    assert np.isnan(r[7]).all() and np.isfinite(r[np.ix_(finite, finite)]).all()
    # a mean of a million: with a centre
    batch = (1e6 + random.normal(0, 1, (4, 6, 30, 30))).astype("f8")
    centre = batch.mean(axis=(0, 2, 3)).round()
    m = kernels.moments(batch, "nchw", centre)
    pixels = np.moveaxis(batch, 1, 0).reshape(6, -1)
    for metric in (kernels.PEARSON, kernels.COSINE):
        r = kernels.correlate_moments(m, metric, centre)
        assert np.abs(r - kernels.correlate(pixels, metric)).max() < 1e-6
    representatives = [0, 0, 0, 3, 3, 3]
    for ours, theirs in zip(
        kernels.regress_moments(m, representatives, centre),
        kernels.regress(pixels, representatives),
    ):
        assert np.allclose(ours, theirs, rtol=1e-7, atol=1e-9)
    # a batch of single pixels: fully connected
    x = random.normal(0, 1, (200, 10)).astype("f4")
    assert np.abs(kernels.correlate_moments(kernels.moments(x, "nc")) - np.corrcoef(x.T)).max() < 1e-6
    print("similarities from moments: as from pixels")


def rows_in_parts():
    """Pixels split at odd places, as among ranks: parts added are the whole, and what numpy says."""
    worst = 0.0
    for dtype in ("f4", "f8"):
        for filters, pixels in ((1, 5), (7, 49), (33, 1000), (65, 9000)):
            for offset in (0.0, 1e6):
                x = (offset + random.gamma(1, 1, (filters, pixels))).astype(dtype)
                if filters > 3:
                    x[1] = 2 * x[0] - offset
                    x[2] = 17.25
                centre = x[:, :: max(1, pixels // 7)].mean(axis=1, dtype="f8")
                expected = reference(x, "cw", centre)
                spread = np.sqrt(pixels) * np.append(x.std(axis=1, dtype="f8"), 1)
                correlation = kernels.correlate(x)
                for cuts in ([], [1], [1, 2, pixels - 1], [pixels // 3], [pixels // 2, pixels // 2 + 1]):
                    ends = [0, *cuts, pixels]
                    first = None
                    for threads in (1, 3):
                        m = np.zeros((filters + 1, filters + 1))
                        for start, end in zip(ends, ends[1:]):
                            kernels.moments_of_rows(x[:, start:end], centre, threads, m)
                        assert np.array_equal(m, m.T), "not symmetric"
                        first = m if first is None else first
                        assert np.array_equal(m, first), f"{threads} threads differ from one"
                    error = np.abs(m - expected)
                    error /= np.maximum(np.maximum(np.outer(spread, spread), np.abs(expected)), 1e-9)
                    assert m[-1, -1] == pixels and error.max() < 1e-6, f"{error.max():.1e} {x.shape}"
                    r = kernels.correlate_moments(m, centre=centre)
                    dead = np.isnan(np.diag(correlation))  # the caller's affair: tv_constant_rows()
                    difference = np.abs(r - correlation)[~dead][:, ~dead].max()
                    assert difference < 1e-6, f"{difference:.1e} {x.shape} cut at {cuts}"
                    worst = max(worst, difference)
    x[3, 5], x[4, 6], x[5, 7] = np.nan, np.inf, -np.inf
    m = kernels.moments_of_rows(x[:, :300], centre)
    kernels.moments_of_rows(x[:, 300:], centre, add_to=m)
    lost = np.isin(np.arange(len(m)), [3, 4, 5])
    assert np.isnan(m[lost]).all() and np.isnan(m[:, lost]).all()
    assert np.isfinite(m[np.ix_(~lost, ~lost)]).all(), "NaN beyond its own row and column"
    centre[8] = np.nan  # as from pixels that are not finite elsewhere
    assert np.isnan(kernels.moments_of_rows(x, centre)[8]).all()
    no_centre = kernels.moments_of_rows(x[9:, :100])
    np.testing.assert_allclose(no_centre, reference(x[9:, :100], "cw"), rtol=1e-6)
    fails("at least 1 pixel", kernels.moments_of_rows, np.zeros((3, 0), "f4"))
    print(f"rows in parts: at most {worst:.1e} from rows in one piece")


def fails(words, call, *arguments):
    try:
        call(*arguments)
    except kernels.KernelError as error:
        assert words in str(error), str(error)
    else:
        raise AssertionError(f"no error that says: {words}")


def refusals():
    x = np.zeros((2, 3, 4), "f4")
    fails("not axes", kernels.moments, x, "ncx")
    fails("not axes", kernels.moments, x, "ncc")
    fails("no length", kernels.moments, np.zeros((0, 3), "f4"), "nc")
    fails("fewer than 2", kernels.correlate_moments, kernels.moments(x[:1, :, 0], "nc"))
    print("bad arguments: refused with a sentence")


batches()
similarities()
for name in ("plain", "AVX2", ""):
    kernels.limit_instructions(name)
    rows_in_parts()
refusals()
