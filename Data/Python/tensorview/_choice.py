"""What watch() is asked to record: which kinds, which names, how often."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Callable, Dict, Iterable, Union

KINDS = ("weights", "gradients", "updates", "activations")
Patterns = Union[None, str, Iterable[str], Callable[[str], bool]]


def periods(log: Union[str, Iterable[str]], every: Union[int, Dict[str, int]]) -> Dict[str, int]:
    """Every how many steps each kind that is asked for is recorded."""
    kinds = (KINDS if log == "all" else (log,)) if isinstance(log, str) else tuple(log)
    named = every if isinstance(every, dict) else {kind: every for kind in kinds}
    for kind in (*kinds, *named):
        if kind not in KINDS:
            raise ValueError(f"{kind!r} is none of {', '.join(KINDS)}")
    chosen = {kind: int(named.get(kind, 100)) for kind in kinds}
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
    several = (patterns,) if isinstance(patterns, str) else tuple(patterns)

    def matches(name: str) -> bool:
        layer = name.rpartition("/")[0]
        return any(fnmatchcase(name, one) or fnmatchcase(layer, one) for one in several)

    return matches
