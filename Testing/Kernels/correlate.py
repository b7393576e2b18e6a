# SPDX-License-Identifier: BSD-3-Clause
"""tv_correlate() against numpy in double precision (long double where even that is too coarse)."""

import numpy as np

import kernels

TOLERANCE = 1e-6
random = np.random.default_rng(1)


def reference(x, metric=kernels.PEARSON):
    """In double precision, centred in long double; NaN for rows without a correlation."""
    x = x.astype(np.longdouble)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        lost = ~np.isfinite(x).all(axis=1) | (x.max(axis=1) == x.min(axis=1))
        x = np.where(lost[:, None], 0, x)
        if metric == kernels.PEARSON:
            x = x - x.mean(axis=1, keepdims=True)
        x = x / np.maximum(np.abs(x).max(axis=1, keepdims=True), np.finfo(np.longdouble).tiny)
        x = (x / np.sqrt((x * x).sum(axis=1, keepdims=True))).astype(np.float64)
        r = x @ x.T
    r[lost, :] = r[:, lost] = np.nan
    return r


def compare(x, what, metric=kernels.PEARSON, threads=(1, 2, 3), tolerance=TOLERANCE):
    expected = reference(x, metric)
    first = None
    for n in threads:
        r = kernels.correlate(x, metric, n)
        assert np.array_equal(r, r.T, equal_nan=True), f"{what}: not symmetric"
        assert np.array_equal(np.isnan(r), np.isnan(expected)), f"{what}: NaN elsewhere than meant"
        diagonal = np.diag(r)
        assert np.all(np.isnan(diagonal) | (diagonal == 1)), f"{what}: a diagonal that is not 1"
        assert np.nanmax(np.abs(r), initial=0) <= 1, f"{what}: outside -1 .. 1"
        difference = np.nanmax(np.abs(r - expected), initial=0)
        assert difference <= tolerance, f"{what}: {difference:.2e} from the reference, {n} threads"
        if first is None:
            first = r
        assert np.array_equal(r, first, equal_nan=True), f"{what}: {n} threads differ from one"
    return np.nanmax(np.abs(first - expected), initial=0)


def maps(filters, pixels, dtype):
    """Like activations: sums of a few shared blobs, rectified, each with its own scale."""
    shared = random.gamma(1.0, 1.0, (max(2, filters // 3), pixels))
    mixed = random.normal(0, 1, (filters, len(shared))) @ shared
    mixed += random.normal(0, 0.1, mixed.shape)
    return (np.maximum(mixed, 0) * random.uniform(0.1, 50, (filters, 1))).astype(dtype)


def sizes():
    worst = 0.0
    for dtype in ("f4", "f8"):
        for filters in (1, 2, 7, 17, 31, 32, 33, 63, 65, 130):
            for pixels in (2, 3, 49, 91, 255, 256, 257, 784, 1025):
                x = random.normal(0, 1, (filters, pixels)).astype(dtype)
                worst = max(worst, compare(x, f"{dtype} {x.shape}", threads=(1, 3)))
        for shape in ((7, 13), (17, 63), (64, 20000), (65, 12345), (130, 5200)):
            worst = max(worst, compare(maps(*shape, dtype), f"{dtype} maps {shape}"))
    print(f"sizes: at most {worst:.1e} from the reference")


def nearly_equal():
    """Rows that are almost the same: every product has the same sign, the worst for rounding."""
    worst = 0.0
    for pixels in (64, 256, 1000, 20000):
        base = random.gamma(2.0, 1.0, pixels)
        x = (base + 1e-3 * random.normal(0, 1, (96, pixels))).astype("f4")
        worst = max(worst, compare(x, f"nearly equal {pixels}", threads=(1, 2)))
    print(f"nearly equal rows: at most {worst:.1e}")


def offsets():
    worst = 0.0
    for dtype, offset, deviation in (
        ("f4", 1e6, 1.0),
        ("f4", -1e6, 1.0),
        ("f8", 1e6, 1.0),
        ("f8", 1e6, 1e-3),
        ("f8", -1e9, 1e-2),
        ("f4", 1e30, 1e27),
        ("f4", 0, 1e-30),
        ("f8", 1e125, 1e124),
        ("f8", 0, 1e-124),
        ("f4", 0, 1e-42),
    ):
        for pixels in (784, 20000):
            x = (offset + deviation * maps(24, pixels, "f8") / 10).astype(dtype)
            worst = max(worst, compare(x, f"{dtype} {offset:g} +- {deviation:g}", threads=(1, 2)))
    # a mean that drifts from part to part, and one pixel that outweighs all others
    x = random.normal(0, 1, (17, 30000)) + np.linspace(0, 1e4, 30000)
    x[5] = random.normal(0, 1, 30000)
    x[6, 21234] = 1e7
    for dtype in ("f4", "f8"):
        worst = max(worst, compare(x.astype(dtype), f"{dtype} drift"))
    print(f"offsets: at most {worst:.1e}")


def special():
    for dtype in ("f4", "f8"):
        for shape in ((40, 300), (40, 40000)):
            x = random.normal(3, 1, shape).astype(dtype)
            x[3] = 0.0  # dead
            x[4] = 1e6 / 3  # constant, and not a round number
            x[5, 7] = np.nan
            x[6, 0] = np.nan
            x[7, -1] = np.inf
            x[8, 0] = -np.inf
            x[9, 3], x[9, 4] = np.inf, -np.inf
            x[10, : shape[1] // 2] = 2.0  # constant in some parts only
            x[11] = 0
            x[11, 123] = 1e-20  # alive at one pixel
            x[12, : shape[1] // 2], x[12, shape[1] // 2 :] = 5, 6  # constant in each part
            for metric in (kernels.PEARSON, kernels.COSINE):
                compare(x, f"special {dtype} {shape} metric {metric}", metric)
            # exact relations
            x[20], x[21], x[22] = x[23], -x[23], 2 * x[23]
            r = kernels.correlate(x)
            assert r[20, 23] == 1 and r[21, 23] == -1 and r[22, 23] == 1, "an exact copy is not 1"
    r = kernels.correlate(np.full((1, 5), 7.0, "f4"))
    assert np.isnan(r).all()
    everything = np.full((3, 4), np.nan, "f4")
    assert np.isnan(kernels.correlate(everything)).all()
    for values in ([1e308, -1e308, 0], [1e200, 2e200, 4e200], [1e-200, 2e-200, 0]):
        r = kernels.correlate(np.array([values, [1, 2, 4]], "f8"))
        assert np.isnan(r[0]).all() and r[1, 1] == 1, "a range beyond limits is its own row's affair"
    print("constant rows, NaN, infinity: only their own rows and columns")


def cosine():
    worst = 0.0
    for dtype in ("f4", "f8"):
        for shape in ((16, 784), (40, 20000), (33, 9999)):
            x = maps(*shape, dtype)
            worst = max(worst, compare(x, f"cosine {dtype} {shape}", kernels.COSINE))
    print(f"cosine: at most {worst:.1e}")


def fails(status, words, *arguments, **options):
    try:
        kernels.correlate(*arguments, **options)
    except kernels.KernelError as error:
        assert error.status == status and words in str(error), f"{error.status}: {error}"
    else:
        raise AssertionError(f"no error that says: {words}")


def refusals():
    fails(-1, "at least 2 pixels", np.zeros((4, 1), "f4"))
    fails(-1, "no filters", np.zeros((0, 4), "f4"))
    fails(-1, "no metric", np.zeros((4, 4), "f4"), metric=9)
    for shape in ((64, 20000), (300, 2000)):
        calls = []
        x = maps(*shape, "f4")
        kernels.correlate(x, threads=2, progress=lambda _, done: calls.append(done) or 0)
        assert calls and calls == sorted(calls) and calls[0] == 0 and calls[-1] <= 1, calls
        calls.clear()
        kernels.correlate(x, threads=1, progress=lambda _, done: calls.append(done) or 0)
        assert len(calls) > 3 and calls[-1] == 1, calls
        for threads in (1, 2):
            fails(-9, "cancelled", x, threads=threads, progress=lambda _, done: 1)
    print("bad arguments and cancelling: refused with a sentence")


tested = set()
for name in ("plain", "AVX2", ""):
    used = kernels.limit_instructions(name)
    if used in tested:
        continue  # a processor without the wider ones
    tested.add(used)
    print(f"--- {used}")
    sizes()
    nearly_equal()
    offsets()
    special()
    cosine()
    refusals()
