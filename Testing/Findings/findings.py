# SPDX-License-Identifier: BSD-3-Clause
"""tv_findings_make() through ctypes: what is wrong in a run file, as a list."""

import ctypes
import os
from typing import NamedTuple

library = ctypes.CDLL(os.environ["TENSORVIEW_SHIM"])
library.tv_last_error.restype = library.tv_fault_name.restype = ctypes.c_char_p
library.tv_findings_list.restype = library.tv_units_streams.restype = ctypes.c_size_t


class _Finding(ctypes.Structure):
    _fields_ = [
        ("layer", ctypes.c_char_p), ("unit", ctypes.c_int64), ("since", ctypes.c_int64),
        ("until", ctypes.c_int64), ("fault", ctypes.c_int), ("value", ctypes.c_double),
        ("sentence", ctypes.c_char_p),
    ]  # fmt: skip


class Finding(NamedTuple):
    fault: str
    layer: str
    unit: int
    since: int
    until: int
    value: float
    sentence: str


def check(status):
    if status < 0:
        raise RuntimeError(library.tv_last_error().decode())


class Source:
    def __init__(self, *paths):
        self.handle = ctypes.c_void_p()
        names = (ctypes.c_char_p * len(paths))(*[os.fsencode(path) for path in paths])
        check(library.tv_source_open(ctypes.byref(self.handle), names, ctypes.c_size_t(len(paths)), None))

    def __enter__(self):
        return self.handle

    def __exit__(self, *_):
        library.tv_source_close(self.handle)


def find(*paths):
    found = ctypes.c_void_p()
    with Source(*paths) as source:
        check(library.tv_findings_make(ctypes.byref(found), source, None, None))
    return _taken(found)


class Watch:
    """tv_watch: the same for a run that grows."""

    def __init__(self):
        self.handle = ctypes.c_void_p()
        check(library.tv_watch_create(ctypes.byref(self.handle), None))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        library.tv_watch_free(self.handle)

    def find(self, source):
        found = ctypes.c_void_p()
        check(library.tv_watch_find(self.handle, ctypes.byref(found), source, None))
        return _taken(found)


def _taken(found):
    list_ = ctypes.POINTER(_Finding)()
    count = library.tv_findings_list(found, ctypes.byref(list_))
    result = [
        Finding(
            library.tv_fault_name(f.fault).decode(), f.layer.decode(), f.unit, f.since, f.until, f.value,
            f.sentence.decode(),
        )
        for f in list_[:count]
    ]  # fmt: skip
    library.tv_findings_free(found)
    return result
