# SPDX-License-Identifier: BSD-3-Clause
"""What is wrong in a run, in words: tensorview.open(path).findings(), tensorview doctor run.tvh5.

    for finding in tensorview.open("run.tvh5").findings():
        print(finding)

The rules, and where their bounds come from, stand in the C library: tensorview/findings.h and
tensorview/measures.h.
"""

from __future__ import annotations

import ctypes
from ctypes import POINTER, c_char_p, c_double, c_int, c_int64, c_size_t, c_void_p
from typing import Any, List, NamedTuple

from ._library import Execution, TensorViewError, check, library

FAULTS = (
    "stuck", "dead", "saturated", "exploding", "not finite", "oscillating", "redundant",
    "never updated",
)  # fmt: skip


class Bounds(ctypes.Structure):
    """tv_bounds: from where on something is a finding."""

    _fields_ = [
        ("size", c_size_t),
        ("stuck", c_double),
        ("exploding", c_double),
        ("growth", c_double),
        ("saturated", c_double),
        ("oscillating", c_double),
        ("redundant", c_double),
        ("patience", c_size_t),
        ("alternations", c_size_t),
    ]


class _Finding(ctypes.Structure):
    _fields_ = [
        ("layer", c_char_p),
        ("unit", c_int64),
        ("since", c_int64),
        ("until", c_int64),
        ("fault", c_int),
        ("value", c_double),
        ("sentence", c_char_p),
    ]


class Finding(NamedTuple):
    """unit is -1 where all of the layer is meant; since and until are steps, the first and the last
    at which it was seen; value is the number behind it. str() is the sentence."""

    finding: str
    layer: str
    unit: int
    since: int
    until: int
    value: float
    sentence: str

    def __str__(self) -> str:
        return self.sentence


class Watch:
    """Findings of a source that may grow: each call looks at what came since the one before. bounds: those
    of Bounds that are not to be the default."""

    def __init__(self, **bounds: float):
        self._handle = c_void_p()
        _prepare()
        chosen = library.tv_default_bounds()
        for name, value in bounds.items():
            if name == "size" or name not in dict(Bounds._fields_):
                known = ", ".join(name for name, _ in Bounds._fields_[1:])
                raise TypeError(f"findings() knows no bound {name!r}; it knows {known}")
            setattr(chosen, name, value)
        check(library.tv_watch_create(ctypes.byref(self._handle), chosen))

    def find(self, source: Any) -> List[Finding]:
        """source: the handle of an open one."""
        made, listed = c_void_p(), POINTER(_Finding)()
        execution = Execution(1, None, None)
        check(
            library.tv_watch_find(
                self._handle, ctypes.byref(made), source, ctypes.byref(execution)
            )
        )
        try:
            count = library.tv_findings_list(made, ctypes.byref(listed))
            return [_finding(listed[at]) for at in range(count)]
        finally:
            library.tv_findings_free(made)

    def __del__(self) -> None:
        if self._handle:
            library.tv_watch_free(self._handle)


def _prepare() -> None:
    if not hasattr(library, "tv_watch_find"):
        raise TensorViewError("this C library knows no findings: it is older than the package")
    library.tv_default_bounds.restype = Bounds
    library.tv_watch_create.argtypes = [POINTER(c_void_p), POINTER(Bounds)]
    library.tv_watch_find.argtypes = [c_void_p, POINTER(c_void_p), c_void_p, c_void_p]
    library.tv_watch_free.argtypes = [c_void_p]
    library.tv_watch_free.restype = None
    library.tv_findings_list.argtypes = [c_void_p, POINTER(POINTER(_Finding))]
    library.tv_findings_list.restype = c_size_t
    library.tv_findings_free.argtypes = [c_void_p]
    library.tv_findings_free.restype = None


def _finding(one: _Finding) -> Finding:
    return Finding(
        FAULTS[one.fault], one.layer.decode(), one.unit, one.since, one.until, one.value,
        one.sentence.decode(),
    )  # fmt: skip


def report(path: str, found: List[Finding]) -> List[str]:
    """What tensorview doctor prints of a run, as lines."""
    if not found:
        return [f"{path}: nothing is wrong that the statistics of its units could tell"]
    layers = len({finding.layer for finding in found})
    lines = [f"{path}: {len(found)} findings in {layers} layer{'s' * (layers > 1)}"]
    return lines + [f"  {finding.finding}: {finding.sentence}" for finding in found]
