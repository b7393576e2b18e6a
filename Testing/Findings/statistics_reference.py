# SPDX-License-Identifier: BSD-3-Clause
"""Statistics of units by numpy."""

import numpy as np

MEASURES = ("mean", "rms", "least", "greatest", "zeros", "nonfinite", "update", "silent")


def by_numpy(x, axes, before=None):
    """x as numbers; units in front, samples second, everything else behind."""
    units = [a for a, letter in enumerate(axes) if letter in "goca"]
    if not units and "i" in axes:
        units = [axes.index("i")]
    elif not units and len(axes.replace("n", "")) == 1:
        units = [a for a, letter in enumerate(axes) if letter != "n"]
    batch = [0] if axes[:1] == "n" else []
    rest = [a for a in range(x.ndim) if a not in units + batch]
    count = int(np.prod([x.shape[a] for a in units], dtype=int))

    def arranged(y):
        samples = y.shape[0] if batch else 1
        return np.transpose(y, units + batch + rest).reshape(count, samples, -1).astype("f8")

    x = arranged(x)
    result = np.full((count, len(MEASURES)), np.nan)
    for u in range(count):
        flat = x[u].ravel()
        good = flat[np.isfinite(flat)]
        if len(good):
            result[u, :4] = good.mean(), np.sqrt((good * good).mean()), good.min(), good.max()
        result[u, 4] = (flat == 0).mean()
        result[u, 5] = (~np.isfinite(flat)).sum()
        if before is not None:
            with np.errstate(invalid="ignore"):
                moved = flat - arranged(before)[u].ravel()
            moved = moved[np.isfinite(moved)]
            if len(moved):
                result[u, 6] = np.sqrt((moved * moved).mean())
        if batch:
            result[u, 7] = (x[u] == 0).all(axis=1).mean()
    return result
