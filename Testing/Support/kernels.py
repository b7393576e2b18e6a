"""The C kernels from Python, through ctypes: a thin layer for tests and benchmarks."""

import ctypes
import os

import numpy as np

FLOAT32, FLOAT64 = 0, 1
PEARSON, COSINE = 0, 1
COMPLETE, SINGLE = 0, 1
Progress = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_double)
size_t, double, integer = ctypes.c_size_t, ctypes.c_double, ctypes.c_int

library = ctypes.CDLL(os.environ["TENSORVIEW_KERNELS"])
library.tv_last_error.restype = ctypes.c_char_p
library.tv_correlate_instructions.restype = ctypes.c_char_p


class KernelError(Exception):
    def __init__(self, status):
        super().__init__(library.tv_last_error().decode())
        self.status = status


def check(status):
    if status:
        raise KernelError(status)


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p) if array is not None else None


def type_of(array):
    return {np.dtype("f4"): FLOAT32, np.dtype("f8"): FLOAT64}[array.dtype]


def limit_instructions(name):
    """No more than this; the name of what is used from now on."""
    library.tv_correlate_limit_instructions(name.encode())
    return library.tv_correlate_instructions().decode()


def correlate(x, metric=PEARSON, threads=1, progress=None, matrix=None):
    x = np.ascontiguousarray(x)
    filters, pixels = x.shape
    if matrix is None:
        matrix = np.empty((filters, filters), "f4")
    call = Progress(progress) if progress else ctypes.cast(None, Progress)
    check(
        library.tv_correlate(
            pointer(matrix),
            pointer(x),
            integer(type_of(x)),
            size_t(filters),
            size_t(pixels),
            integer(metric),
            integer(threads),
            call,
            None,
        )
    )
    return matrix


def group(matrix, threshold, linkage=COMPLETE):
    """Groups and representatives."""
    matrix = np.ascontiguousarray(matrix, "f4")
    groups = np.empty(len(matrix), "i4")
    representatives = np.empty(len(matrix), "i4")
    filters = size_t(len(matrix))
    check(
        library.tv_group(
            pointer(groups), pointer(matrix), filters, double(threshold), integer(linkage)
        )
    )
    library.tv_representatives(
        pointer(representatives), pointer(groups), pointer(matrix), filters
    )
    return groups, representatives


def regress(x, representatives, threads=1):
    """Scale and offset of each filter."""
    x = np.ascontiguousarray(x)
    representatives = np.ascontiguousarray(representatives, "i4")
    scale, offset = np.empty(len(x)), np.empty(len(x))
    check(
        library.tv_regress(
            pointer(scale),
            pointer(offset),
            pointer(x),
            integer(type_of(x)),
            size_t(x.shape[0]),
            size_t(x.shape[1]),
            pointer(representatives),
            integer(threads),
        )
    )
    return scale, offset
