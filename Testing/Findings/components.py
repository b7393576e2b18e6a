# SPDX-License-Identifier: BSD-3-Clause
"""Principal components over time and CKA against numpy; the map of a network."""

import ctypes
import os
import unittest

import numpy as np

library = ctypes.CDLL(os.environ["TENSORVIEW_KERNELS"])
library.tv_assume_idle(1)
library.tv_last_error.restype = ctypes.c_char_p
library.tv_cka.restype = ctypes.c_double
random = np.random.default_rng(4)
size_t, double = ctypes.c_size_t, ctypes.c_double


class Execution(ctypes.Structure):
    _fields_ = [("threads", ctypes.c_int), ("progress", ctypes.c_void_p), ("context", ctypes.c_void_p)]


class Box(ctypes.Structure):
    _fields_ = [(name, double) for name in ("x", "y", "width", "height")]


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


def gram(records, slab=None, threads=1):
    """In slabs of so many weights."""
    records = np.ascontiguousarray(records, "f4")
    result = np.zeros((len(records),) * 2)
    for first in range(0, records.shape[1], slab or records.shape[1]):
        part = records[:, first : first + (slab or records.shape[1])].copy()
        assert 0 == library.tv_gram_add(
            pointer(result), pointer(part), size_t(part.shape[0]), size_t(part.shape[1]),
            ctypes.byref(Execution(threads)),
        )  # fmt: skip
    return result


def components(matrix, count=3):
    scores, explained = np.empty((len(matrix), count)), np.empty(count)
    status = library.tv_components(
        pointer(scores), pointer(explained), pointer(matrix), size_t(len(matrix)), size_t(count)
    )
    assert status == 0, library.tv_last_error()
    return scores, explained


def by_numpy(records, count=3):
    x = records.astype("f8")
    x = x - x.mean(axis=0)
    u, s, _ = np.linalg.svd(x, full_matrices=False)
    scores = (u * s)[:, :count]
    scores *= np.where(scores[-1] < 0, -1, 1)
    return scores, (s**2 / (s**2).sum())[:count]


def path(records, weights, offset=1.0):
    """Something like a training: a curve that slows down, with noise of its own in each weight."""
    t = np.linspace(0, 3, records)[:, None]
    ways = random.normal(0, 1, (3, weights))
    x = offset * random.normal(0, 1, weights) + (1 - np.exp(-t)) * ways[0]
    x = x + 0.3 * np.sin(2 * t) * ways[1] + 0.1 * t**2 * ways[2]
    return (x + random.normal(0, 0.003, x.shape)).astype("f4")


class Components(unittest.TestCase):
    def compare(self, x, got, tolerance=2e-5):
        scores, explained = by_numpy(x)
        np.testing.assert_allclose(got[1], explained, atol=1e-6)
        np.testing.assert_allclose(got[0], scores, atol=tolerance * np.abs(scores).max())

    def test_against_numpy(self):
        for records, weights in ((5, 7), (40, 144), (200, 33), (101, 5003), (333, 1000)):
            x = path(records, weights)
            self.compare(x, components(gram(x)))

    def test_far_from_zero(self):
        x = path(50, 2000, offset=100.0)
        self.compare(x, components(gram(x)), tolerance=1e-4)

    def test_slabs_and_threads(self):
        x = path(60, 4001)
        whole = gram(x)
        for slab in (1, 7, 1000):
            np.testing.assert_allclose(gram(x, slab), whole, atol=1e-6 * whole.max())
        np.testing.assert_array_equal(gram(x, 1000, 1), gram(x, 1000, 3))

    def test_streams(self):
        """As read weight by weight from somewhere else; more than fits into one slab."""
        reader = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.c_void_p, size_t, size_t, size_t, ctypes.POINTER(ctypes.c_float)
        )
        for records, weights, step in ((20, 50, 5), (700, 12000, 3000)):
            x, reads = path(records, weights), []

            def read(_, record, first, count, into):
                ctypes.memmove(into, x[record, first:].ctypes.data, 4 * count)
                reads.append((record, first, count))
                return 0

            result = np.zeros((records, records))
            status = library.tv_gram_stream(
                pointer(result), size_t(records), size_t(weights), size_t(step), reader(read), None,
                None,
            )  # fmt: skip
            self.assertEqual(0, status)
            np.testing.assert_allclose(result, gram(x), atol=1e-5 * result.max())
            self.assertEqual(records * weights, sum(count for _, _, count in reads))
            self.assertTrue(all(first % step == 0 for _, first, _ in reads))
        failing = reader(lambda *_: -4)
        self.assertEqual(
            -4,
            library.tv_gram_stream(
                pointer(result), size_t(700), size_t(12000), size_t(1), failing, None, None
            ),
        )

    def test_a_record_that_is_not_finite_is_left_out(self):
        x = path(30, 100)
        bad = x.copy()
        bad[11, 3], bad[20, 5] = np.nan, np.inf
        scores, explained = components(gram(bad))
        kept = np.setdiff1d(np.arange(30), (11, 20))
        self.assertTrue(np.isnan(scores[[11, 20]]).all())
        self.compare(x[kept], (scores[kept], explained))

    def test_little_to_show(self):
        still = np.ones((9, 20), "f4")
        scores, explained = components(gram(still))
        self.assertTrue((scores == 0).all() and (explained == 0).all())
        scores, explained = components(gram(path(1, 20)))
        self.assertTrue((scores == 0).all() and (explained == 0).all())
        line = np.outer(np.arange(6), np.ones(20)).astype("f4")
        scores, explained = components(gram(line))
        np.testing.assert_allclose(explained, [1, 0, 0], atol=1e-6)
        np.testing.assert_allclose(scores[:, 0], (np.arange(6) - 2.5) * np.sqrt(20), rtol=1e-5)

    def test_refused(self):
        matrix, out = np.zeros((3, 3)), np.zeros((3, 20))
        for records, count in ((0, 3), (3, 0), (3, 17)):
            self.assertEqual(
                -1,
                library.tv_components(
                    pointer(out), pointer(out), pointer(matrix), size_t(records), size_t(count)
                ),
            )


def products(x, threads=1):
    x = np.ascontiguousarray(x, "f4")
    result = np.empty((len(x), len(x)))
    assert 0 == library.tv_cka_products(
        pointer(result), pointer(x), size_t(x.shape[0]), size_t(x.shape[1]),
        ctypes.byref(Execution(threads)),
    )  # fmt: skip
    return result


def cka(x, y):
    a, b = products(x), products(y)
    return library.tv_cka(pointer(a), pointer(b), size_t(len(x)))


def cka_by_numpy(x, y):
    """As the paper has it, from columns."""
    x, y = (z.astype("f8") - z.astype("f8").mean(axis=0) for z in (x, y))
    norm = np.linalg.norm
    return norm(y.T @ x) ** 2 / (norm(x.T @ x) * norm(y.T @ y))


class Alignment(unittest.TestCase):
    def test_against_numpy(self):
        for samples, one, other in ((8, 3, 5), (64, 16, 200), (50, 1003, 7)):
            x = random.normal(2, 1, (samples, one)).astype("f4")
            y = random.normal(0, 1, (samples, other)).astype("f4")
            y[:, : min(one, other)] += 2 * x[:, : min(one, other)]
            self.assertAlmostEqual(cka_by_numpy(x, y), cka(x, y), 9)
            np.testing.assert_array_equal(products(x, 1), products(x, 3))

    def test_what_it_ignores(self):
        x = random.normal(0, 1, (40, 12)).astype("f4")
        turned = x.astype("f8") @ np.linalg.qr(random.normal(0, 1, (12, 12)))[0]
        self.assertAlmostEqual(1.0, cka(x, 3 * turned + 7), 5)

    def test_nothing_to_compare(self):
        x = random.normal(0, 1, (10, 4)).astype("f4")
        self.assertTrue(np.isnan(cka(x, np.ones((10, 3)))))
        x[2, 1] = np.nan
        self.assertTrue(np.isnan(cka(x, x)))


def treemap(names, sizes, width=1.6, height=1.0, least=0.0):
    boxes = (Box * len(names))()
    texts = (ctypes.c_char_p * len(names))(*[name.encode() for name in names])
    numbers = (double * len(names))(*sizes)
    status = library.tv_treemap(
        boxes, texts, numbers, size_t(len(names)), double(width), double(height), double(least)
    )
    if status:
        raise ValueError(library.tv_last_error())
    return np.array([[b.x, b.y, b.width, b.height] for b in boxes])


class Map(unittest.TestCase):
    NAMES = ["conv1"] + [f"layer{a}.{b}.conv{c}" for a in (1, 2, 3) for b in (0, 1) for c in (1, 2)] + ["fc"]

    def test_it_fills_the_rectangle_and_nothing_overlaps(self):
        for _ in range(20):
            sizes = random.gamma(0.5, 1e5, len(self.NAMES)) + 1
            boxes = treemap(self.NAMES, sizes)
            np.testing.assert_allclose(boxes[:, 2] * boxes[:, 3], 1.6 * sizes / sizes.sum(), rtol=1e-9)
            grid = (np.indices((160, 100)).reshape(2, -1).T + 0.5) / 100
            inside = (grid[:, None] > boxes[None, :, :2]) & (
                grid[:, None] < boxes[None, :, :2] + boxes[None, :, 2:]
            )
            self.assertTrue((inside.all(axis=2).sum(axis=1) == 1).all())

    def test_parts_stay_together(self):
        sizes = random.gamma(0.5, 1e5, len(self.NAMES)) + 1
        boxes = treemap(self.NAMES, sizes)
        for prefix in ("layer1.", "layer2.", "layer3.", "layer1.0."):
            part = boxes[[name.startswith(prefix) for name in self.NAMES]]
            around = np.ptp(np.r_[part[:, 0], part[:, 0] + part[:, 2]]) * np.ptp(
                np.r_[part[:, 1], part[:, 1] + part[:, 3]]
            )
            if prefix != "layer1.0.":
                self.assertLess((part[:, 2] * part[:, 3]).sum() / around, 1 + 1e-9)
        self.assertAlmostEqual(0, boxes[0, 0])
        self.assertAlmostEqual(1, boxes[0, 1] + boxes[0, 3])

    def test_small_ones_can_be_seen(self):
        boxes = treemap(["a", "b", "b"], [1e7, 1, 0], least=0.01)
        self.assertGreater((boxes[:, 2] * boxes[:, 3]).min(), 0.015)

    def test_refused(self):
        for sizes in ([0, 0], [-1, 2], [np.nan, 1], [np.inf, 1]):
            with self.assertRaises(ValueError):
                treemap(["a", "b"], sizes)

    def test_grids(self):
        columns, rows = size_t(), size_t()
        for units in (1, 7, 64, 1000):
            for box in (Box(0, 0, 1, 1), Box(0, 0, 9, 0.1), Box(0, 0, 0.1, 9)):
                library.tv_unit_grid(
                    ctypes.byref(columns), ctypes.byref(rows), size_t(units), ctypes.byref(box)
                )
                self.assertGreaterEqual(columns.value * rows.value, units)
                self.assertLess(columns.value * (rows.value - 1), units)
        for units, box, most in ((16, Box(0, 0, 0.07, 0.04), 2), (64, Box(0, 0, 1, 1), 0), (64, Box(0, 0, 1.5, 1), 6)):
            library.tv_unit_grid(ctypes.byref(columns), ctypes.byref(rows), size_t(units), ctypes.byref(box))
            self.assertLessEqual(columns.value * rows.value - units, most)
            shape = box.width / columns.value / (box.height / rows.value)
            self.assertTrue(0.5 < shape < 2, shape)


if __name__ == "__main__":
    unittest.main()
