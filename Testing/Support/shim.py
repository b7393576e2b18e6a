# SPDX-License-Identifier: BSD-3-Clause
"""The shim called from Python through ctypes, for tests: no numbers go through our own Python.

    with Run("run.tvh5", overwrite=1) as run:
        weights = run.declare("conv1", "weights", TV_FLOAT32, "oihw", (16, 1, 3, 3))
        run.write(weights, 0, array)

Every call returns the shim's status; Run.ok() and the methods of Run raise where it is negative.
"""

import ctypes
import os

import numpy as np

(
    TV_FLOAT32,
    TV_FLOAT64,
    TV_FLOAT16,
    TV_BFLOAT16,
    TV_INT8,
    TV_UINT8,
    TV_INT32,
    TV_INT64,
    TV_BOOL,
) = range(9)
(
    TV_ERROR_ARGUMENT,
    TV_ERROR_MEMORY,
    TV_ERROR_FILE,
    TV_ERROR_FORMAT,
    TV_ERROR_VERSION,
    TV_ERROR_STATE,
    TV_ERROR_UNSUPPORTED,
    TV_ERROR_TIMEOUT,
    TV_ERROR_CANCELLED,
) = range(-1, -10, -1)


class Options(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t),
        ("overwrite", ctypes.c_int),
        ("threads", ctypes.c_int),
        ("flush_seconds", ctypes.c_double),
        ("channel", ctypes.c_char_p),
        ("ring_slots", ctypes.c_size_t),
        ("block_seconds", ctypes.c_double),
        ("file_every", ctypes.c_size_t),
        ("durable", ctypes.c_int),
        ("reserved", ctypes.c_uint64 * 8),
    ]


library = ctypes.CDLL(os.environ["TENSORVIEW_SHIM"])
_run, _step = ctypes.c_void_p, ctypes.c_int64
for name, arguments in {
    "tv_open": [ctypes.POINTER(_run), ctypes.c_char_p, ctypes.POINTER(Options)],
    "tv_declare": [
        ctypes.POINTER(ctypes.c_int),
        _run,
        ctypes.c_char_p,
        ctypes.c_char_p,
        ctypes.c_int,
        ctypes.c_char_p,
        ctypes.POINTER(ctypes.c_size_t),
    ],
    "tv_write": [_run, ctypes.c_int, _step, ctypes.c_void_p],
    "tv_write_batch": [_run, ctypes.c_int, _step, ctypes.c_void_p, ctypes.c_size_t],
    "tv_write_sum": [_run, ctypes.c_int, _step, ctypes.c_void_p, ctypes.c_size_t],
    "tv_record": [_run, _step, ctypes.c_char_p, ctypes.c_double],
    "tv_declare_scalar": [_run, ctypes.c_char_p],
    "tv_declare_filters": [_run, ctypes.c_char_p, ctypes.c_size_t],
    "tv_write_filters": [_run, ctypes.c_char_p, _step, ctypes.c_void_p],
    "tv_end_step": [_run, _step],
    "tv_flush": [_run],
    "tv_close": [_run],
}.items():
    getattr(library, name).argtypes = arguments
    getattr(library, name).restype = ctypes.c_int
library.tv_default_options.restype = Options
library.tv_last_error.restype = ctypes.c_char_p
library.tv_version.restype = ctypes.c_char_p
library.tv_dropped.argtypes = [_run]
library.tv_dropped.restype = ctypes.c_uint64


class Failure(Exception):
    def __init__(self, status):
        super().__init__(last_error())
        self.status = status


def last_error():
    return library.tv_last_error().decode()


def check(status):
    if status < 0:
        raise Failure(status)


def options(**values):
    chosen = library.tv_default_options()
    for name, value in values.items():
        setattr(chosen, name, value)
    return chosen


class Run:
    def __init__(self, path, **values):
        self.handle = _run()
        chosen = options(**values)
        name = None if path is None else os.fsencode(path)
        check(library.tv_open(ctypes.byref(self.handle), name, ctypes.byref(chosen)))

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        status = library.tv_close(self.handle)
        self.handle = None
        if kind is None:
            check(status)

    close = lambda self: self.__exit__(None, None, None)

    def declare(self, layer, kind, number, axes, shape):
        tensor = ctypes.c_int()
        sizes = (ctypes.c_size_t * len(shape))(*shape)
        check(
            library.tv_declare(
                ctypes.byref(tensor), self.handle, layer.encode(), kind.encode(), number,
                axes.encode(), sizes,
            )
        )
        return tensor.value

    def write(self, tensor, step, data):
        data = np.ascontiguousarray(data)
        check(library.tv_write(self.handle, tensor, step, data.ctypes.data))

    def write_batch(self, tensor, step, data, samples):
        data = np.ascontiguousarray(data)
        check(library.tv_write_batch(self.handle, tensor, step, data.ctypes.data, samples))

    def write_sum(self, tensor, step, data, samples):
        data = np.ascontiguousarray(data)
        check(library.tv_write_sum(self.handle, tensor, step, data.ctypes.data, samples))

    def record(self, step, name, value):
        check(library.tv_record(self.handle, step, name.encode(), value))

    def declare_scalar(self, name):
        check(library.tv_declare_scalar(self.handle, name.encode()))

    def declare_filters(self, layer, filters):
        check(library.tv_declare_filters(self.handle, layer.encode(), filters))

    def write_filters(self, layer, step, state):
        data = np.ascontiguousarray(state, np.int32)
        check(library.tv_write_filters(self.handle, layer.encode(), step, data.ctypes.data))

    def end_step(self, step):
        check(library.tv_end_step(self.handle, step))

    def flush(self):
        check(library.tv_flush(self.handle))


def bfloat16(values):
    """float32 -> the bits of bfloat16 (cut, not rounded), and what they mean as float32."""
    bits = np.asarray(values, np.float32).view(np.uint32) >> 16
    return bits.astype(np.uint16), (bits << 16).astype(np.uint32).view(np.float32)
