# SPDX-License-Identifier: BSD-3-Clause
"""What watch() is asked to record: which kinds, which names, how often."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Callable, Dict, Iterable, List, Set, Tuple, Union

KINDS = ("weights", "gradients", "updates", "activations")
STATISTICS = "statistics"  # of weights, gradients and activations; at every step, unless told
Patterns = Union[None, str, Iterable[str], Callable[[str], bool]]


def periods(log: Union[str, Iterable[str]], every: Union[int, Dict[str, int]]) -> Dict[str, int]:
    """Every how many steps each kind that is asked for is recorded."""
    known = (*KINDS, STATISTICS)
    kinds = (known if log == "all" else (log,)) if isinstance(log, str) else tuple(log)
    named = every if isinstance(every, dict) else {k: every for k in kinds if k != STATISTICS}
    for kind in (*kinds, *named):
        if kind not in known:
            raise ValueError(f"{kind!r} is none of {', '.join(known)}")
    otherwise = {STATISTICS: 1}
    chosen = {kind: int(named.get(kind, otherwise.get(kind, 100))) for kind in kinds}
    for kind, steps in chosen.items():
        if steps < 1:
            raise ValueError(f"every must be 1 or more, not {steps} for {kind}")
    return chosen


def chooser(include: Patterns, exclude: Patterns) -> Callable[[str], bool]:
    """Whether a tensor "layer/kind" is asked for: included (by default all are), not excluded."""
    included, excluded = _matcher(include, True), _matcher(exclude, False)
    return lambda name: included(name) and not excluded(name)


def _matcher(patterns: Patterns, otherwise: bool) -> Callable[[str], bool]:
    if patterns is None:
        return lambda name: otherwise
    if callable(patterns):
        return patterns
    several = _several(patterns)
    return lambda name: any(_fits(name, one) for one in several)


def unmatched(patterns: Patterns, layers: Set[str]) -> List[str]:
    """Patterns that fit none of these layers, nor a tensor of one of them."""
    if patterns is None or callable(patterns):
        return []

    def fits(layer: str, pattern: str) -> bool:
        return _fits(f"{layer}/weights", pattern) or fnmatchcase(layer, pattern.rpartition("/")[0])

    return [one for one in _several(patterns) if not any(fits(layer, one) for layer in layers)]


def _several(patterns: Union[str, Iterable[str]]) -> Tuple[str, ...]:
    return (patterns,) if isinstance(patterns, str) else tuple(patterns)


def _fits(name: str, pattern: str) -> bool:
    """A tensor's name, or that of its layer."""
    return fnmatchcase(name, pattern) or fnmatchcase(name.rpartition("/")[0], pattern)
