# SPDX-License-Identifier: BSD-3-Clause
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
library.tv_assume_idle(1)  # as many threads as asked for, also on a busy machine
library.tv_last_error.restype = ctypes.c_char_p
library.tv_vectors_name.restype = ctypes.c_char_p


class Rows(ctypes.Structure):
    """tv_rows over a numpy array [filters, pixels], which the caller keeps."""

    _fields_ = [("values", ctypes.c_void_p), ("type", integer), ("filters", size_t), ("pixels", size_t)]

    def __init__(self, x):
        super().__init__(x.ctypes.data, type_of(x), *x.shape)


class Execution(ctypes.Structure):
    """tv_execution"""

    _fields_ = [("threads", integer), ("progress", Progress), ("context", ctypes.c_void_p)]

    def __init__(self, threads, progress=None):
        super().__init__(threads, progress or ctypes.cast(None, Progress), None)


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
    library.tv_vectors_limit(name.encode())
    return library.tv_vectors_name().decode()


def correlate(x, metric=PEARSON, threads=1, progress=None, matrix=None):
    x = np.ascontiguousarray(x)
    filters = len(x)
    if matrix is None:
        matrix = np.empty((filters, filters), "f4")
    execution = Execution(threads, Progress(progress) if progress else None)
    check(
        library.tv_correlate(
            pointer(matrix), ctypes.byref(Rows(x)), integer(metric), ctypes.byref(execution)
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


def keep_group_names(groups, into):
    groups, into = np.array(groups, "i4"), np.ascontiguousarray(into, "i4")
    library.tv_keep_group_names(pointer(groups), pointer(into), size_t(len(groups)))
    return groups


def regress(x, representatives, threads=1):
    """Scale and offset of each filter."""
    x = np.ascontiguousarray(x)
    representatives = np.ascontiguousarray(representatives, "i4")
    scale, offset = np.empty(len(x)), np.empty(len(x))
    check(
        library.tv_regress(
            pointer(scale),
            pointer(offset),
            ctypes.byref(Rows(x)),
            pointer(representatives),
            ctypes.byref(Execution(threads)),
        )
    )
    return scale, offset


def moments(batch, axes, centre=None, threads=1, add_to=None):
    """Second moments of a batch, added to those given."""
    batch = np.ascontiguousarray(batch)
    filters = batch.shape[axes.index("c")]
    m = np.zeros((filters + 1, filters + 1)) if add_to is None else add_to
    shape = (size_t * len(batch.shape))(*batch.shape)
    centre = None if centre is None else np.ascontiguousarray(centre, "f8")
    check(
        library.tv_moments_add(
            pointer(m),
            pointer(batch),
            integer(type_of(batch)),
            axes.encode(),
            shape,
            pointer(centre),
            ctypes.byref(Execution(threads)),
        )
    )
    return m


def moments_of_rows(x, centre=None, threads=1, add_to=None):
    """Second moments of rows [filters][pixels], added to those given, by the kernel of correlate()."""
    x = np.ascontiguousarray(x)
    filters = len(x)
    m = np.zeros((filters + 1, filters + 1)) if add_to is None else add_to
    check(
        library.tv_moments_add_rows(
            pointer(m),
            ctypes.byref(Rows(x)),
            pointer(centre),
            ctypes.byref(Execution(threads)),
        )
    )
    return m


def correlate_moments(m, metric=PEARSON, centre=None):
    filters = len(m) - 1
    matrix = np.empty((filters, filters), "f4")
    check(
        library.tv_correlate_moments(
            pointer(matrix), pointer(m), size_t(filters), integer(metric), pointer(centre)
        )
    )
    return matrix


def regress_moments(m, representatives, centre=None):
    filters = len(m) - 1
    representatives = np.ascontiguousarray(representatives, "i4")
    scale, offset = np.empty(filters), np.empty(filters)
    check(
        library.tv_regress_moments(
            pointer(scale),
            pointer(offset),
            pointer(m),
            size_t(filters),
            pointer(representatives),
            pointer(centre),
        )
    )
    return scale, offset


REMOVE, SUM, AFFINE, RECONSTRUCT = range(4)


def keep_groups(groups, m=None):
    groups = np.ascontiguousarray(groups, "i4")
    keep = np.empty(len(groups), "u1")
    representatives = np.empty(len(groups), "i4")
    check(
        library.tv_keep_groups(
            pointer(keep), pointer(representatives), pointer(groups), size_t(len(groups)), pointer(m)
        )
    )
    return keep, representatives


def keep_number(m, number, filters=None, next_layer=None):
    filters = len(m) - 1 if filters is None else filters
    keep, representatives = np.empty(filters, "u1"), np.empty(filters, "i4")
    explained = double()
    arguments = [
        pointer(keep),
        pointer(representatives),
        ctypes.byref(explained),
        pointer(m),
        size_t(filters),
        size_t(number),
    ]
    if next_layer is None:
        check(library.tv_keep_number(*arguments))
    else:
        check(library.tv_keep_number_for(*arguments, ctypes.byref(next_layer)))
    return keep, representatives, explained.value


def combine(keep, representatives, m, way, bound=np.inf):
    """Combination, residuals, and how many were kept back; keep and representatives change."""
    filters = len(keep)
    combination, residual = np.empty((filters, filters + 1)), np.empty(filters)
    kept_back = size_t()
    check(
        library.tv_combine(
            pointer(combination),
            pointer(residual),
            ctypes.byref(kept_back),
            pointer(keep),
            pointer(representatives),
            pointer(m),
            size_t(filters),
            integer(way),
            double(bound),
        )
    )
    return combination, residual, kept_back.value


class Layer(ctypes.Structure):
    """tv_layer over copies of numpy arrays; read the results with get()."""

    _fields_ = [
        ("weights", ctypes.c_void_p),
        ("bias", ctypes.c_void_p),
        ("outputs", size_t),
        ("inputs", size_t),
        ("window", size_t),
        ("weight_state", ctypes.c_void_p),
        ("bias_state", ctypes.c_void_p),
        ("states", size_t),
        ("shared", integer),
    ]

    def __init__(self, weights, bias, inputs=None, weight_state=(), bias_state=(), shared=0):
        def copies(arrays):
            return [np.array(a, "f4", order="C", copy=True) for a in arrays]

        self.arrays = copies([weights])[0]
        self.bias_array = None if bias is None else copies([bias])[0]
        self.weight_states, self.bias_states = copies(weight_state), copies(bias_state)
        self.inputs = weights.shape[1] if inputs is None else inputs
        self.outputs = weights.shape[0]
        self.window = int(np.prod(weights.shape[1:])) // self.inputs
        self.weights = self.arrays.ctypes.data
        self.bias = 0 if bias is None else self.bias_array.ctypes.data
        self.pointers = [
            (ctypes.c_void_p * max(1, len(a)))(*[x.ctypes.data for x in a])
            for a in (self.weight_states, self.bias_states)
        ]
        self.weight_state = ctypes.cast(self.pointers[0], ctypes.c_void_p)
        self.bias_state = ctypes.cast(self.pointers[1], ctypes.c_void_p)
        self.states = max(len(self.weight_states), len(self.bias_states))
        self.shared = shared

    def get(self, array=None, tail=()):
        """Weights (or another array of their shape) at their present size."""
        array = self.arrays if array is None else array
        count = self.outputs * self.inputs * self.window
        return array.reshape(-1)[:count].reshape(self.outputs, self.inputs, *(tail or (-1,)))

    def get_bias(self):
        return self.bias_array[: self.outputs]


def merge(layer, following, keep, combination):
    check(
        library.tv_merge(
            ctypes.byref(layer),
            ctypes.byref(following) if following is not None else None,
            pointer(keep),
            pointer(np.ascontiguousarray(combination)),
            size_t(len(keep)),
        )
    )
