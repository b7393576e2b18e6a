# SPDX-License-Identifier: BSD-3-Clause
"""tv_observe() and tv_observe_writes(): what lies in the file, judged by h5py and numpy."""

import ctypes
import os
import unittest

import h5py
import numpy as np
import shim
from statistics_reference import by_numpy

random = np.random.default_rng(5)
library = shim.library
library.tv_observe.argtypes = [
    ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_void_p, ctypes.c_size_t,
]  # fmt: skip
library.tv_observe_writes.argtypes = [ctypes.c_void_p, ctypes.c_int]


def observe(run, tensor, step, data, samples=0):
    data = np.ascontiguousarray(data)
    shim.check(library.tv_observe(run.handle, tensor, step, data.ctypes.data, samples))


def recorded(path, name):
    with h5py.File(path, "r") as file:
        group = file["layers"][name]
        return group["values"][:], group["steps"][:].tolist(), bytes(group.attrs["axes"]).decode()


class Observe(unittest.TestCase):
    def compare(self, got, values, axes, before=None):
        expected = by_numpy(values, axes, before).astype("f4")
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=3e-7, equal_nan=True)

    def test_statistics_alone(self):
        w = random.normal(0, 1, (5, 6, 3, 3, 3)).astype("f4")
        a = np.maximum(random.normal(-1, 1, (5, 8, 4, 5, 5)), 0).astype("f4")
        with shim.Run("alone.tvh5", overwrite=1) as run:
            weights = run.declare("conv1", "weights", shim.TV_FLOAT32, "oihw", w.shape[1:])
            maps = run.declare("conv1", "activations", shim.TV_FLOAT32, "nchw", a.shape[1:])
            for step in range(5):
                observe(run, weights, step, w[step])
                observe(run, maps, step, a[step], 0 if step < 4 else 3)
                if step == 2:
                    run.write(weights, step, w[step])
        rows, steps, axes = recorded("alone.tvh5", "conv1/weights_statistics")
        self.assertEqual((list(range(5)), "cx"), (steps, axes))
        for step in range(5):
            self.compare(rows[step], w[step], "oihw", w[step - 1] if step else None)
        rows, steps, _ = recorded("alone.tvh5", "conv1/activations_statistics")
        for step in range(5):
            self.compare(rows[step], a[step][: 3 if step == 4 else 8], "nchw")
        whole, steps, _ = recorded("alone.tvh5", "conv1/weights")
        self.assertEqual([2], steps)
        np.testing.assert_array_equal(whole[0], w[2])
        self.assertFalse(os.path.exists("alone.part1.tvh5"))

    def test_beside_each_write(self):
        w = random.normal(0, 1, (4, 10, 7)).astype("f8")
        a = np.maximum(random.normal(0, 1, (4, 6, 5, 5, 3)), 0).astype("f4")
        m = random.normal(0, 1, (4, 2, 3, 4)).astype("f4")
        with shim.Run("beside.tvh5", overwrite=1) as run:
            shim.check(library.tv_observe_writes(run.handle, 1))
            weights = run.declare("fc", "weights", shim.TV_FLOAT64, "io", w.shape[1:])
            maps = run.declare("fc", "activations", shim.TV_FLOAT32, "nhwc", a.shape[1:])
            apart = run.declare("fc", "heads", shim.TV_FLOAT32, "oia", m.shape[1:])
            for step in range(4):
                run.write(weights, step, w[step])
                run.write_batch(maps, step, a[step], 6 if step else 2)
                run.write(apart, step, m[step])
        rows, _, _ = recorded("beside.tvh5", "fc/weights_statistics")
        for step in range(4):
            self.compare(rows[step], w[step], "io", w[step - 1] if step else None)
        rows, _, _ = recorded("beside.tvh5", "fc/activations_statistics")
        for step in range(4):
            self.compare(rows[step], a[step][: 6 if step else 2], "nhwc")
        np.testing.assert_allclose(recorded("beside.tvh5", "fc/activations")[0][1], a[1].sum(0), rtol=1e-6)
        with h5py.File("beside.tvh5", "r") as file:
            self.assertNotIn("heads_statistics", file["layers/fc"], "its filters are not side by side")

    def test_refused(self):
        with shim.Run("refused.tvh5", overwrite=1) as run:
            weights = run.declare("a", "weights", shim.TV_FLOAT32, "oi", (3, 2))
            batch = run.declare("a", "activations", shim.TV_FLOAT32, "nc", (4, 3))
            data = np.zeros((4, 3), "f4").ctypes.data
            for tensor, where, samples in ((7, data, 0), (weights, None, 0), (weights, data, 2), (batch, data, 5)):
                self.assertEqual(
                    shim.TV_ERROR_ARGUMENT, library.tv_observe(run.handle, tensor, 0, where, samples)
                )
            observe(run, weights, 0, np.zeros((3, 2), "f4"))
            self.assertEqual(shim.TV_ERROR_STATE, library.tv_observe(run.handle, weights, 0, data, 0))
        self.assertEqual(shim.TV_ERROR_ARGUMENT, library.tv_observe(None, 0, 0, data, 0))


if __name__ == "__main__":
    unittest.main()
