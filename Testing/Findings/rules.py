# SPDX-License-Identifier: BSD-3-Clause
"""The rules of findings on made-up statistics: each says what is wrong, of which unit, since when and
until when; and of nothing that is well."""

import ctypes
import os
import unittest

import numpy as np

library = ctypes.CDLL(os.environ["TENSORVIEW_KERNELS"])
library.tv_last_error.restype = ctypes.c_char_p
MEAN, RMS, LEAST, GREATEST, ZEROS, NONFINITE, UPDATE, SILENT = range(8)
FAULTS = ["stuck", "dead", "saturated", "exploding", "not finite", "oscillating", "redundant",
          "never updated"]  # fmt: skip
WEIGHTS, GRADIENTS, ACTIVATIONS, OTHER = range(4)


class Bounds(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t)] + [
        (name, ctypes.c_double)
        for name in ("stuck", "exploding", "growth", "saturated", "oscillating", "redundant")
    ] + [("patience", ctypes.c_size_t), ("alternations", ctypes.c_size_t)]  # fmt: skip


class Episode(ctypes.Structure):
    _fields_ = [
        ("unit", ctypes.c_ssize_t), ("fault", ctypes.c_int), ("since", ctypes.c_int64),
        ("until", ctypes.c_int64), ("first", ctypes.c_size_t), ("last", ctypes.c_size_t),
        ("value", ctypes.c_double),
    ]  # fmt: skip


library.tv_rules_default_bounds.restype = Bounds


def found(rows, role, steps=None, **bounds):
    """rows: [records, units, 8] -> a list of (fault, unit, since, until)."""
    rows = np.ascontiguousarray(rows, "f4")
    chosen = library.tv_rules_default_bounds()
    for name, value in bounds.items():
        setattr(chosen, name, value)
    rules = ctypes.c_void_p()
    assert 0 == library.tv_rules_create(
        ctypes.byref(rules), role, ctypes.c_size_t(rows.shape[1]), ctypes.byref(chosen)
    )
    for k, row in enumerate(rows):
        step = k if steps is None else steps[k]
        assert 0 == library.tv_rules_add(rules, ctypes.c_int64(step), ctypes.c_void_p(row.ctypes.data))
    for _ in range(2):  # asking changes nothing
        episodes, count = ctypes.POINTER(Episode)(), ctypes.c_size_t()
        assert 0 == library.tv_rules_found(rules, ctypes.byref(episodes), ctypes.byref(count))
        result = [
            (FAULTS[e.fault], e.unit, e.since, e.until) for e in (episodes[k] for k in range(count.value))
        ]
    library.tv_rules_free(rules)
    return result


def weights(records=200, units=5, seed=0):
    """A healthy layer: updates a thousandth of the weights, means that wander."""
    random = np.random.default_rng(seed)
    rows = np.full((records, units, 8), np.nan, "f4")
    rows[..., RMS] = random.uniform(0.05, 0.5, units)
    rows[..., UPDATE] = rows[..., RMS] * 1e-3 * random.uniform(0.5, 2, (records, units))
    rows[0, :, UPDATE] = np.nan
    rows[..., MEAN] = np.cumsum(random.normal(0, 0.05, (records, units)), axis=0) * 0.5
    rows[..., NONFINITE] = rows[..., ZEROS] = 0
    return rows


def activations(records=100, units=6, low=0.0, high=3.0, zeros=0.4, seed=0):
    random = np.random.default_rng(seed)
    rows = np.full((records, units, 8), np.nan, "f4")
    rows[..., LEAST], rows[..., GREATEST] = low, high
    rows[..., MEAN] = (low + high) / 2
    rows[..., RMS] = np.hypot((low + high) / 2, (high - low) / 4)
    rows[..., ZEROS] = zeros
    rows[..., SILENT] = random.uniform(0, 0.5, (records, units)) if zeros else 0
    rows[..., NONFINITE] = 0
    return rows


class Rules(unittest.TestCase):
    def test_healthy(self):
        for seed in range(20):
            self.assertEqual([], found(weights(400, 20, seed), WEIGHTS))
        self.assertEqual([], found(activations(), ACTIVATIONS))
        self.assertEqual([], found(activations(low=-1, high=1, zeros=0), ACTIVATIONS))
        gradients = weights()
        self.assertEqual([], found(gradients, GRADIENTS))

    def test_stuck(self):
        rows = weights()
        rows[120:, 3, UPDATE] = 1e-9
        rows[50:59, 2, UPDATE] = 0  # for a record less than it takes
        rows[80:95, 1, UPDATE] = 0
        self.assertEqual([("stuck", 1, 80, 94), ("stuck", 3, 120, 199)], found(rows, WEIGHTS))
        steps = np.arange(200) * 7
        self.assertIn(("stuck", 3, 840, 1393), found(rows, WEIGHTS, steps))
        self.assertIn(("stuck", 2, 50, 58), found(rows, WEIGHTS, patience=5))

    def test_a_pause_is_one_episode(self):
        rows = weights()
        rows[100:150, 0, UPDATE] = 0
        rows[120:124, 0, UPDATE] = 0.01
        self.assertEqual([("stuck", 0, 100, 149)], found(rows, WEIGHTS))

    def test_never_updated(self):
        rows = weights()
        rows[1:, 2, UPDATE] = 0
        self.assertEqual([("never updated", 2, 0, 199)], found(rows, WEIGHTS))
        self.assertEqual([("never updated", 2, 0, 4)], found(rows[:5], WEIGHTS))
        self.assertEqual([], found(rows[:2], WEIGHTS), "two records tell nothing")

    def test_exploding_weights(self):
        rows = weights()
        rows[60:, 4, UPDATE] = 3 * rows[60:, 4, RMS]
        rows[30, 1, UPDATE] = 3 * rows[30, 1, RMS]  # once
        self.assertEqual([("exploding", 4, 60, 199)], found(rows, WEIGHTS))

    def test_exploding_gradients(self):
        rows = weights()
        rows[140:143, :, RMS] *= 1e4
        self.assertEqual([("exploding", -1, 140, 142)], found(rows, GRADIENTS))
        rows = weights()
        rows[100:, :, RMS] *= 1e-4  # trained: an outlier is no explosion
        rows[150, :, RMS] *= 1e3
        self.assertEqual([], found(rows, GRADIENTS))

    def test_no_gradient(self):
        rows = weights()
        rows[90:, 1, RMS] = 0
        self.assertEqual([("stuck", 1, 90, 199)], found(rows, GRADIENTS))

    def test_not_finite(self):
        for role in (WEIGHTS, GRADIENTS, ACTIVATIONS, OTHER):
            rows = weights()
            rows[137:, 2, NONFINITE] = 1
            self.assertEqual([("not finite", 2, 137, 199)], found(rows, role))
            rows[137:, 2, :5] = np.nan  # nothing finite at all
            self.assertEqual([("not finite", 2, 137, 199)], found(rows, role))

    def test_oscillating(self):
        rows = weights()
        rows[100:160, 1, MEAN] = 0.2 * rows[0, 1, RMS] * (-1.0) ** np.arange(60)
        (one,) = found(rows, WEIGHTS)
        self.assertEqual(("oscillating", 1), one[:2])
        self.assertTrue(100 <= one[2] <= 102 and 158 <= one[3] <= 161, one)
        rows[100:160, 1, MEAN] *= 0.01  # and by little
        self.assertEqual([], found(rows, WEIGHTS))

    def test_dead(self):
        rows = activations()
        rows[40:, 5, SILENT] = rows[40:, 5, ZEROS] = 1
        self.assertEqual([("dead", 5, 40, 99)], found(rows, ACTIVATIONS))
        rows[..., SILENT] = np.nan  # sums of batches
        self.assertEqual([("dead", 5, 40, 99)], found(rows, ACTIVATIONS))

    def test_saturated(self):
        rows = activations(low=-1, high=1, zeros=0)
        rows[30:, 2, RMS] = 0.999
        self.assertEqual([("saturated", 2, 30, 99)], found(rows, ACTIVATIONS))
        rows = activations(low=0.001, high=0.999, zeros=0)
        rows[30:, 2, MEAN], rows[30:, 2, RMS] = 0.001, 0.0011
        self.assertEqual([("saturated", 2, 30, 99)], found(rows, ACTIVATIONS))
        rows = activations(low=0, high=0.9)  # a ReLU that is small is none
        rows[30:, 2, MEAN], rows[30:, 2, RMS] = 0.001, 0.0011
        self.assertEqual([], found(rows, ACTIVATIONS))

    def test_pruned_units_are_left_alone(self):
        rows = weights()
        rows[50:, 1] = np.nan
        self.assertEqual([], found(rows, WEIGHTS))
        rows = activations()
        rows[50:, 1] = np.nan
        self.assertEqual([], found(rows, ACTIVATIONS))

    def test_refused(self):
        bounds, rules = library.tv_rules_default_bounds(), ctypes.c_void_p()
        for units, patience in ((0, 10), (2**61, 10), (5, 0)):
            bounds.patience = patience
            self.assertLess(
                library.tv_rules_create(
                    ctypes.byref(rules), WEIGHTS, ctypes.c_size_t(units), ctypes.byref(bounds)
                ),
                0,
            )
            self.assertFalse(rules)


if __name__ == "__main__":
    unittest.main()
