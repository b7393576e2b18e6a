"""What the library cannot declare yet, declared as a matrix of the same numbers."""

from __future__ import annotations

from math import prod
from typing import Tuple

from ._library import library

KNOWN = [set("oihw"), set("chw")]


def folded(layer: str, axes: str, shape: Tuple[int, ...]) -> Tuple[str, str, Tuple[int, ...]]:
    if hasattr(library, "tv_write_sum"):
        return layer, axes, shape
    layer = layer.replace("/", ".")
    kept = axes.replace("n", "")
    known = any(set(kept) <= letters for letters in KNOWN) and ("c" in kept or "o" in kept)
    if axes == "mm" or (known and len(kept) > 0):
        return layer, axes, shape
    batch = axes.index("n") if "n" in axes else None
    rest = tuple(size for at, size in enumerate(shape) if at != batch)
    if len(rest) < 2:
        kept, rest = "o", (prod(rest),)
    else:
        kept, rest = "oi", (rest[0], prod(rest[1:]))
    if batch is None:
        return layer, kept, rest
    return layer, "n" + kept.replace("oi", "c").replace("o", "c"), (shape[batch], prod(rest))
