# SPDX-License-Identifier: BSD-3-Clause
"""tv_unit_statistics() against numpy: every layout and type, NaN, infinity, odd sizes, threads, with
the processor's vector instructions and without."""

import ctypes
import os
import unittest

import numpy as np
from statistics_reference import MEASURES, by_numpy

library = ctypes.CDLL(os.environ["TENSORVIEW_KERNELS"])
library.tv_last_error.restype = ctypes.c_char_p
library.tv_type_size.restype = ctypes.c_size_t
TYPES = {"f4": 0, "f8": 1, "f2": 2, "bf16": 3, "i1": 4, "u1": 5, "i4": 6, "i8": 7, "?": 8}
random = np.random.default_rng(9)


class View(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("samples", "outer", "units", "inner")]


def view_of(axes, shape):
    view = View()
    sizes = (ctypes.c_size_t * max(1, len(shape)))(*shape)
    status = library.tv_unit_view_axes(ctypes.byref(view), axes.encode(), sizes)
    if status:
        raise ValueError(library.tv_last_error().decode())
    return view


def address(array):
    return None if array is None else ctypes.c_void_p(array.ctypes.data)


def statistics(x, axes, type_name, previous=None, known=0, threads=1):
    view = view_of(axes, x.shape)
    result = np.full((view.units, len(MEASURES)), -7, "f4")
    status = library.tv_unit_statistics(
        address(result), address(x), TYPES[type_name], ctypes.byref(view), address(previous),
        known, threads,
    )
    assert status == 0, library.tv_last_error()
    return result


def numbers(shape, name):
    """Something of each kind, and the same as numpy's numbers."""
    x = random.normal(0.1, 1, shape)
    x[random.random(shape) < 0.3] = 0
    if name in ("i1", "u1", "i4", "i8"):
        x = np.abs(x * 20).astype(name)
    elif name == "?":
        x = x != 0
    elif name == "bf16":
        x = bits(np.asarray(x), name)
        return x, (np.atleast_1d(x).astype("u4") << 16).view("f4").reshape(shape)
    else:
        x = x.astype(name)
    return np.ascontiguousarray(x), x


def bits(values, name):
    """As it lies in memory, a copy."""
    if name == "bf16":
        return (np.atleast_1d(values).astype("f4").view("u4") >> 16).astype("u2").reshape(values.shape)
    return np.array(values, order="C")


CASES = [
    ("oihw", (16, 1, 3, 3)), ("oihw", (7, 5, 3, 3)), ("hwio", (3, 3, 5, 33)), ("oi", (13, 101)),
    ("io", (101, 13)), ("o", (17,)), ("c", (1,)), ("", ()), ("goihw", (3, 4, 5, 3, 3)),
    ("nchw", (9, 5, 7, 11)), ("nhwc", (9, 7, 11, 5)), ("nhwc", (2, 3, 3, 70)), ("nc", (50, 37)),
    ("ncd", (3, 4, 1029)), ("ntc", (4, 6, 9)), ("mm", (8, 8)), ("ve", (11, 6)), ("e", (6,)),
    ("ihw", (4, 5, 6)), ("tnc", (4, 6, 9)), ("oihw", (40, 70, 5, 11)), ("nchw", (6, 32, 40, 40)),
]  # fmt: skip


class Statistics(unittest.TestCase):
    """With the instructions that this processor has."""

    instructions = b""

    def setUp(self):
        library.tv_vectors_limit(self.instructions)
        self.addCleanup(library.tv_vectors_limit, b"")

    def compare(self, got, expected, name):
        scale = np.nanmax(np.abs(expected[:, 1]), initial=1e-30)
        for m, measure in enumerate(MEASURES):
            np.testing.assert_allclose(
                got[:, m], expected[:, m].astype("f4"), rtol=1e-6, atol=3e-7 * scale if m < 1 else 0,
                equal_nan=True, err_msg=f"{name}: {measure}",
            )  # fmt: skip

    def types(self):
        return [t for t in TYPES if library.tv_type_size(TYPES[t]) > 0]

    def test_every_layout_and_type(self):
        self.assertGreaterEqual(len(self.types()), 4)
        for axes, shape in CASES:
            for name in self.types():
                x, values = numbers(shape, name)
                got = statistics(x, axes, name)
                self.compare(got, by_numpy(np.asarray(values), axes), f"{axes} {shape} {name}")

    def test_updates(self):
        for axes, shape in CASES:
            if "n" in axes[:1]:
                continue
            for name in self.types():
                kept = np.zeros_like(numbers(shape, name)[0])
                before = None
                for step in range(3):
                    x, values = numbers(shape, name)
                    got = statistics(x, axes, name, kept, known=step > 0)
                    self.compare(got, by_numpy(values, axes, before), f"{axes} {shape} {name}")
                    self.assertEqual(kept.tobytes(), x.tobytes(), "the record is not kept")
                    before = values

    def test_not_finite(self):
        for name in ("f4", "f8", "f2", "bf16"):
            for axes, shape in (("oihw", (6, 3, 5, 5)), ("hwio", (5, 5, 3, 6)), ("nchw", (4, 6, 9, 5)),
                                ("nhwc", (4, 9, 5, 6))):  # fmt: skip
                values = numbers(shape, name)[1].astype("f4")
                flat = values.reshape(-1)
                flat[random.integers(0, flat.size, 9)] = np.nan
                flat[random.integers(0, flat.size, 5)] = np.inf
                flat[random.integers(0, flat.size, 5)] = -np.inf
                unit = axes.index("o" if "o" in axes else "c")
                index = [slice(None)] * len(shape)
                index[unit] = 2
                values[tuple(index)] = np.nan  # nothing finite at all
                values = values.astype("f8" if name == "f8" else "f2" if name == "f2" else "f4")
                x = np.ascontiguousarray(bits(values, name))
                got = statistics(x, axes, name)
                self.compare(got, by_numpy(values, axes), f"{axes} {name}")
                self.assertTrue(np.isnan(got[2, :4]).all())
                if "n" not in axes:
                    before = np.ones_like(values)
                    kept = np.ascontiguousarray(bits(before, name))
                    got = statistics(x, axes, name, kept, known=1)
                    self.compare(got, by_numpy(values, axes, before), f"{axes} {name} update")

    def test_large_numbers_and_small(self):
        x = np.array([[1e38, -1e38, 3e38], [1e-45, 0, -1e-45], [1e30, 1, 1]], "f4")
        self.compare(statistics(x, "oi", "f4"), by_numpy(x, "oi"), "limits")

    def test_a_large_offset_hides_nothing(self):
        for axes, shape in (("oihw", (5, 33, 7, 9)), ("io", (4001, 13)), ("nchw", (7, 5, 13, 11))):
            x = (random.normal(0, 3, shape) + 1e6).astype("f4")
            before = None if axes[0] == "n" else (x + random.normal(0, 1, shape)).astype("f4")
            kept = None if before is None else before.copy()
            self.compare(statistics(x, axes, "f4", kept, 1), by_numpy(x, axes, before), axes)

    def test_one_number_that_is_not_finite_costs_itself_alone(self):
        """Wherever it stands: in the first piece of a unit, in a later one, in the tail; in the
        record, or in the one before."""
        for axes, shape in (("oi", (3, 5003)), ("io", (1003, 11))):
            for place in (0, 7, 8, 15, 127, 128, 1000, 1002):
                for bad in (np.nan, np.inf, -np.inf):
                    for broken in (0, 1):
                        pair = [random.normal(0, 1, shape).astype("f4") for _ in range(2)]
                        pair[broken][(1, place) if axes == "oi" else (place, 9)] = bad
                        kept = pair[1].copy()
                        got = statistics(pair[0], axes, "f4", kept, 1)
                        self.compare(got, by_numpy(pair[0], axes, pair[1]), f"{axes} {place} {bad}")
                        self.assertEqual(kept.tobytes(), pair[0].tobytes())

    def test_an_update_larger_than_any_float(self):
        for axes, shape in (("oi", (2, 40)), ("io", (40, 2))):
            x, before = (np.full(shape, v, "f4") for v in (3e38, -3e38))
            values = statistics(x, axes, "f4", before.copy(), 1)
            self.assertTrue(np.isposinf(values[:, 6]).all())  # 6e38 is no float32
            x.flat[5] = before.flat[5] = 1
            x[:], before[:] = np.where(x == 1, x, 2e38), np.where(before == 1, before, -1e38)
            self.compare(statistics(x, axes, "f4", before.copy(), 1), by_numpy(x, axes, before), axes)

    def test_the_record_before_is_not_read_where_it_is_not_known(self):
        for axes, shape in (("oi", (3, 70)), ("io", (70, 3))):
            x, kept = numbers(shape, "f4")[0], np.full(shape, np.nan, "f4")
            self.compare(statistics(x, axes, "f4", kept, 0), by_numpy(x, axes), axes)
            np.testing.assert_array_equal(kept, x)

    def test_odd_sizes(self):
        for size in list(range(1, 36)) + [127, 129, 2047, 2048, 2049, 4097]:
            for axes, shape in (("oi", (3, size)), ("io", (size, 3)), ("io", (3, size)),
                                ("nc", (size, 5)), ("nc", (5, size)), ("nchw", (3, 2, 1, size))):  # fmt: skip
                x, _ = numbers(shape, "f4")
                before = None if axes[0] == "n" else numbers(shape, "f4")[0]
                kept = None if before is None else before.copy()
                self.compare(
                    statistics(x, axes, "f4", kept, 1), by_numpy(x, axes, before), f"{axes} {shape}"
                )

    def test_a_map_is_silent_only_where_all_of_it_is_zero(self):
        x = np.ones((4, 3, 2, 2), "f4")
        x[0, 0] = x[1, 0] = x[2, 0] = x[3, 0] = 0
        x[0, 1] = 0
        x[:, 2, 0, 0] = 0
        for axes, data in (("nchw", x), ("nhwc", np.ascontiguousarray(x.transpose(0, 2, 3, 1)))):
            np.testing.assert_array_equal(statistics(data, axes, "f4")[:, 7], [1, 0.25, 0])

    def test_silent_samples_of_many_units(self):
        """Of units side by side too, and of those that hold a NaN somewhere."""
        for axes, shape in (("ntc", (37, 13, 70)), ("nhwc", (5, 9, 31, 33)), ("nchw", (21, 70, 3, 5)),
                            ("nchw", (9, 40, 13, 11)), ("nc", (300, 70))):  # fmt: skip
            x = numbers(shape, "f4")[0]
            units = axes.index("c")
            silent = random.random((shape[0], shape[units])) < 0.3
            where = [shape[0]] + [shape[units] if a == units else 1 for a in range(1, len(shape))]
            x[np.broadcast_to(silent.reshape(where), shape)] = 0
            np.moveaxis(x, units, 0)[5].flat[-1] = np.nan
            for name in ("f4", "f8", "bf16"):
                values = x.astype("f8") if name == "f8" else bits(x, name)
                seen = x if name != "bf16" else (values.astype("u4") << 16).view("f4")
                got = statistics(np.ascontiguousarray(values), axes, name)
                self.compare(got, by_numpy(seen, axes), f"{axes} {name}")

    def test_threads_change_nothing(self):
        for axes, shape in CASES[-2:] + [("hwio", (3, 3, 64, 999)), ("nhwc", (3, 50, 50, 70))]:
            x, _ = numbers(shape, "f4")
            kept = [random.normal(0, 1, shape).astype("f4")]
            kept.append(kept[0].copy())
            one = statistics(x, axes, "f4", kept[0], 1, 1)
            for threads in (2, 3, 0):
                np.testing.assert_array_equal(
                    one, statistics(x, axes, "f4", kept[1].copy(), 1, threads)
                )

    def test_refused(self):
        self.assertIn("side by side", self.refusal("oihg", (2, 2, 2, 2)))
        self.assertIn("size 0", self.refusal("oi", (2, 0)))
        self.assertIn("too large", self.refusal("oi", (2**40, 2**40)))
        view = view_of("oi", (2, 3))
        x, out = np.zeros((2, 3), "f4"), np.zeros((2, 8), "f4")
        for arguments in ((None, address(x), 0, 1), (address(out), None, 0, 1),
                          (address(out), address(x), 99, 1), (address(out), address(x), 0, -1)):  # fmt: skip
            where, data, kind, threads = arguments
            self.assertEqual(
                -1,
                library.tv_unit_statistics(where, data, kind, ctypes.byref(view), None, 0, threads),
            )

    def refusal(self, axes, shape):
        with self.assertRaises(ValueError) as caught:
            view_of(axes, shape)
        return str(caught.exception)


class Plain(Statistics):
    """As on a processor that has none."""

    instructions = b"plain"

    def test_the_limit_is_heeded(self):
        library.tv_vectors_name.restype = ctypes.c_char_p
        self.assertEqual(b"plain", library.tv_vectors_name())


class Avx2(Statistics):
    """As on a processor that has AVX2 at most."""

    instructions = b"AVX2"


if __name__ == "__main__":
    unittest.main()
