# SPDX-License-Identifier: BSD-3-Clause
"""What libtensorview.so.0 cannot declare, declared as a matrix of the same numbers."""

from __future__ import annotations

from math import prod
from typing import Tuple

from ._library import library

OLD = not hasattr(library, "tv_write_sum")


def folded(
    layer: str, axes: str, shape: Tuple[int, ...], summed: bool
) -> Tuple[str, str, Tuple[int, ...]]:
    if not OLD:
        return layer, axes, shape
    layer = layer.replace("/", ".")
    if summed:
        at = axes.index("n")
        axes, shape = axes[:at] + axes[at + 1 :], shape[:at] + shape[at + 1 :]
    known = axes and any(set(axes.lstrip("n")) <= set(letters) for letters in ("oihw", "chw"))
    if known and ("c" in axes or "o" in axes) or "n" in axes:
        return layer, axes, shape
    if len(shape) < 2:
        return layer, "o", (prod(shape),)
    return layer, "oi", (shape[0], prod(shape[1:]))
