# SPDX-License-Identifier: BSD-3-Clause
"""The C library: where it is, its structures, its functions.

The one file that knows how C lays things out. What it says stands in the headers
tensorview/tensorview.h (writing) and tensorview/source.h (reading); names here are theirs.

ctypes and not an extension module: one file serves every Python, pvpython's too, and a call costs
half a microsecond where writing a small tensor costs three.
"""

from __future__ import annotations

import ctypes
import os
from ctypes import POINTER, c_char_p, c_double, c_int, c_int64, c_size_t, c_uint64, c_void_p
from pathlib import Path
from typing import Any, Iterator

NAME = "libtensorview.so.1"  # its number changes where programs have to
RANK = 8  # TV_RANK: most axes of a tensor, the batch not counted

ARGUMENT, MEMORY, FILE, FORMAT, VERSION, STATE, UNSUPPORTED, TIMEOUT, CANCELLED = range(-1, -10, -1)


class TensorViewError(Exception):
    """What the C library said. status is its number, one of those of tensorview/types.h."""

    def __init__(self, message: str, status: int = STATE):
        super().__init__(message)
        self.status = status


class TensorViewWarning(UserWarning):
    """Recording was not possible, or not all of it; the training is not concerned."""


class Options(ctypes.Structure):
    """tv_options."""

    _fields_ = [
        ("size", c_size_t),
        ("overwrite", c_int),
        ("threads", c_int),
        ("flush_seconds", c_double),
        ("channel", c_char_p),
        ("ring_slots", c_size_t),
        ("block_seconds", c_double),
        ("file_every", c_size_t),
        ("durable", c_int),
        ("reserved", c_uint64 * 8),
    ]


class Shape(ctypes.Structure):
    """tv_shape."""

    _fields_ = [("rank", c_int), ("axes", ctypes.c_char * (RANK + 1)), ("size", c_size_t * RANK)]


class SourceTensor(ctypes.Structure):
    """tv_source_tensor."""

    _fields_ = [
        ("name", c_char_p),
        ("layer", c_char_p),
        ("kind", c_char_p),
        ("type", c_int),
        ("shape", Shape),
        ("records", c_size_t),
        ("steps", POINTER(c_int64)),
        ("samples", POINTER(c_int64)),
        ("offered", c_int),
        ("problem", c_char_p),
    ]


class SourceStates(ctypes.Structure):
    """tv_source_states."""

    _fields_ = [
        ("layer", c_char_p),
        ("filters", c_size_t),
        ("records", c_size_t),
        ("steps", POINTER(c_int64)),
    ]


class SourceRequests(ctypes.Structure):
    """tv_source_requests."""

    _fields_ = [("records", c_size_t), ("steps", POINTER(c_int64))]


class SourceScalars(ctypes.Structure):
    """tv_source_scalars."""

    _fields_ = [
        ("count", c_size_t),
        ("names", POINTER(c_char_p)),
        ("records", c_size_t),
        ("steps", POINTER(c_int64)),
    ]


MOST_MERGED, SENTENCE, NAME_LENGTH = 1024, 512, 255
MERGE = 1  # TV_REQUEST_MERGE


class Request(ctypes.Structure):
    """tv_request."""

    _fields_ = [
        ("number", c_uint64),
        ("kind", ctypes.c_int32),
        ("count", ctypes.c_uint32),
        ("layer", ctypes.c_char * (NAME_LENGTH + 1)),
        ("filter", ctypes.c_int32 * MOST_MERGED),
        ("into", ctypes.c_int32 * MOST_MERGED),
        ("reserved", c_uint64 * 8),
    ]


class Execution(ctypes.Structure):
    """tv_execution."""

    _fields_ = [("threads", c_int), ("progress", c_void_p), ("context", c_void_p)]


_run, _source, _size = c_void_p, c_void_p, POINTER(c_size_t)

# Name: (arguments, result).
_WRITING = {
    "tv_open": ([POINTER(_run), c_char_p, c_void_p], c_int),
    "tv_declare": ([POINTER(c_int), _run, c_char_p, c_char_p, c_int, c_char_p, _size], c_int),
    "tv_write": ([_run, c_int, c_int64, c_void_p], c_int),
    "tv_write_several": ([_run, c_size_t, c_void_p, c_int64, c_void_p], c_int),
    "tv_write_batch": ([_run, c_int, c_int64, c_void_p, c_size_t], c_int),
    "tv_write_sum": ([_run, c_int, c_int64, c_void_p, c_size_t], c_int),
    "tv_record": ([_run, c_int64, c_char_p, c_double], c_int),
    "tv_declare_scalar": ([_run, c_char_p], c_int),
    "tv_declare_filters": ([_run, c_char_p, c_size_t], c_int),
    "tv_write_filters": ([_run, c_char_p, c_int64, c_void_p], c_int),
    "tv_end_step": ([_run, c_int64], c_int),
    "tv_flush": ([_run], c_int),
    "tv_close": ([_run], c_int),
    "tv_dropped": ([_run], c_uint64),
    "tv_poll": ([_run, POINTER(Request)], c_int),
    "tv_answer": ([_run, POINTER(Request), c_int, c_char_p], c_int),
    "tv_last_error": ([], c_char_p),
    "tv_version": ([], c_char_p),
    "tv_default_options": ([], Options),
}
_READING = {
    "tv_ask": ([POINTER(c_void_p), c_char_p, POINTER(Request)], c_int),
    "tv_asking_answer": ([c_void_p, c_double, c_char_p, c_size_t], c_int),
    "tv_asking_end": ([c_void_p], None),
    "tv_source_open": ([POINTER(_source), POINTER(c_char_p), c_size_t, c_void_p], c_int),
    "tv_source_close": ([_source], None),
    "tv_source_recognise": ([c_char_p, POINTER(c_char_p)], c_int),
    "tv_source_refresh": ([_source, POINTER(c_int)], c_int),
    "tv_source_rest": ([_source], None),
    "tv_source_closed": ([_source], c_int),
    "tv_source_notes": ([_source, POINTER(POINTER(c_char_p))], c_size_t),
    "tv_source_tensors": ([_source, POINTER(POINTER(SourceTensor))], c_size_t),
    "tv_source_states_of": ([_source, POINTER(POINTER(SourceStates))], c_size_t),
    "tv_source_scalars_of": ([_source, POINTER(SourceScalars)], None),
    "tv_source_requests_of": ([_source, POINTER(SourceRequests)], None),
    "tv_source_find": ([_source, c_char_p], ctypes.c_ssize_t),
    "tv_source_record_at": ([_source, c_size_t, c_int64], ctypes.c_ssize_t),
    "tv_source_read": ([_source, c_size_t, c_size_t, c_void_p], c_int),
    "tv_source_history": (
        [_source, c_size_t, _size, c_size_t, c_size_t, POINTER(c_double), POINTER(Execution)],
        c_int,
    ),
    "tv_source_read_scalars": ([_source, c_size_t, c_size_t, c_void_p], c_int),
    "tv_source_read_states": ([_source, c_size_t, c_size_t, c_void_p], c_int),
    "tv_source_read_request": ([_source, c_size_t, c_char_p, c_size_t], c_int),
    "tv_parse_elements": ([_size, _size, c_char_p, c_size_t], c_int),
}


def _places() -> Iterator[str]:
    """Where the library may be: named by who calls, beside this file, else what the system finds."""
    if os.environ.get("TENSORVIEW_LIBRARY"):
        yield os.environ["TENSORVIEW_LIBRARY"]
        return
    beside = Path(__file__).absolute().parent / NAME
    if beside.exists():
        yield str(beside)
    yield NAME


def _load() -> ctypes.CDLL:
    tried = []
    for place in _places():
        try:
            library = ctypes.CDLL(place)
            break
        except OSError as error:
            tried.append(str(error))
    else:
        raise ImportError(
            f"TensorView's C library, {NAME}, is neither beside the package nor where"
            f" the system looks ({'; '.join(tried)}). Build and install the project, or say where"
            " it is in the environment variable TENSORVIEW_LIBRARY."
        )
    for name, (arguments, result) in {**_WRITING, **_READING}.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, result
    options = library.tv_default_options()
    if options.size != ctypes.sizeof(Options):
        raise ImportError(
            f"TensorView's C library {library.tv_version().decode()} has options of {options.size}"
            f" bytes, this package of {ctypes.sizeof(Options)}: they are not of one build"
        )
    return library


library: Any = _load()


def check(status: int) -> int:
    """The status, where it is no failure; raises TensorViewError with the library's sentence."""
    if status < 0:
        raise TensorViewError(library.tv_last_error().decode(errors="replace"), status)
    return status
