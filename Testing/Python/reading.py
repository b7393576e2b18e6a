# SPDX-License-Identifier: BSD-3-Clause
"""tensorview.open: what h5py wrote and reads, through the C source."""

import os
import subprocess
import sys
import unittest
from pathlib import Path

import h5py
import numpy as np
import run_file
from support import Case

import tensorview
from tensorview import TensorViewError

SAMPLES = Path(os.environ.get("TENSORVIEW_SAMPLES", "Data/Samples"))


class Reading(Case):
    def test_what_h5py_wrote(self):
        tensors, scalars = run_file.lenet(self.path, steps=7)
        with tensorview.open(self.path) as run:
            self.assertEqual(set(tensors), set(run))
            for name, written in tensors.items():
                tensor = run[name]
                self.assertEqual(written.axes, tensor.axes)
                self.assertEqual(written.values.shape[1:], tensor.shape)
                self.assertEqual(list(written.steps), tensor.steps.tolist())
                self.assertEqual(written.values.dtype, tensor.dtype)
                np.testing.assert_array_equal(written.values[3], tensor[3])
                np.testing.assert_array_equal(written.values[-2], tensor[-2])
                np.testing.assert_array_equal(written.values[1:6:2], tensor[1:6:2])
                np.testing.assert_array_equal(written.values, list(tensor))
                if written.samples is not None:
                    self.assertEqual(list(written.samples), tensor.samples.tolist())
                with self.assertRaises(IndexError):
                    tensor[7]
            self.assertEqual(list(scalars), list(run.scalars))
            for name, values in scalars.items():
                np.testing.assert_array_equal(values, run.scalars[name])
            self.assertEqual(("conv1", "weights"), (run["conv1/weights"].layer, run["conv1/weights"].kind))
            self.assertNotIn("conv9/weights", run)
            with self.assertRaises(KeyError):
                run["conv9/weights"]

    def test_history(self):
        tensors, _ = run_file.lenet(self.path, steps=7)
        values = tensors["conv1/weights"].values.reshape(7, -1)
        with tensorview.open(self.path) as run:
            for elements, numbers in {"0-2": [0, 1, 2], "5,100,7-8": [5, 100, 7, 8]}.items():
                np.testing.assert_array_equal(values[:, numbers], run.history("conv1/weights", elements))
            np.testing.assert_array_equal(values[:, [3]], run.history(run["conv1/weights"], 3))
            np.testing.assert_array_equal(values[:, [9, 3]], run.history("conv1/weights", [9, 3]))
            for wrong in ([144], [-1], "nonsense"):
                with self.assertRaises(TensorViewError):
                    run.history("conv1/weights", wrong)

    def test_records_at_steps_and_types(self):
        numbers = np.arange(12).reshape(3, 2, 2) - 4
        tensors = {}
        for dtype in ("f4", "f8", "f2"):
            tensors[f"a/{dtype}"] = run_file.Tensor("oi", numbers.astype(dtype), [0, 10, 20])
        bfloat = run_file.Tensor("oi", numbers.astype("f4"), [0, 10, 20], dtype=run_file.bfloat16())
        run_file.write_run(self.path, {**tensors, "a/half": bfloat})
        with tensorview.open(self.path) as run:
            for name, written in tensors.items():
                self.assertEqual(written.values.dtype, run[name].dtype)
                np.testing.assert_array_equal(written.values[1], run[name].at(19))
                np.testing.assert_array_equal(written.values[2], run[name].at(1000))
                with self.assertRaises(KeyError):
                    run[name].at(-1)
            self.assertEqual("bfloat16", run["a/half"].type)
            np.testing.assert_array_equal(numbers.astype("f4"), run["a/half"][:])

    def test_states(self):
        states = np.array([[-1, -1, -1], [-1, 0, -2]])
        weights = run_file.Tensor("oi", np.zeros((1, 3, 2), "f4"), [0])
        run_file.write_run(self.path, {"a/weights": weights}, filters={"a": (states, [0, 5])})
        with tensorview.open(self.path) as run:
            self.assertEqual([-1, 0, -2], run.states["a"][-1].tolist())
            self.assertEqual([-1, -1, -1], run.states["a"].at(4).tolist())
            self.assertEqual([0, 5], run.states["a"].steps.tolist())

    def test_a_run_that_grows(self):
        with tensorview.Run(self.path, flush_seconds=0) as writer:
            weights = writer.declare("a", "weights", "o", [3])
            writer.write(weights, 0, [0, 0, 0])
            writer.log(loss=1)
            writer.flush()
            with tensorview.open(self.path) as run:
                self.assertEqual([0], run["a/weights"].steps.tolist())
                self.assertFalse(run.complete)
                writer.write(weights, 5, [5, 6, 7])
                writer.log(loss=0.5)
                writer.flush()
                self.assertTrue(run.refresh())
                self.assertEqual([5, 6, 7], run["a/weights"][-1].tolist())
                self.assertFalse(run.refresh())
                writer.close()
                self.assertTrue(run.refresh() or run.complete)
                self.assertTrue(run.complete)

    def test_a_ring(self):
        name = f"python-{os.getpid()}"
        with tensorview.Run(channel=name) as writer:
            weights = writer.declare("a", "weights", "o", [3])
            writer.write(weights, 0, [1, 2, 3])
            writer.end_step(0)
            with tensorview.open(f"ring:{name}") as run:
                self.assertEqual([1, 2, 3], run["a/weights"][-1].tolist())
                writer.write(weights, 7, [4, 5, 6])
                writer.end_step(7)
                self.assertTrue(run.refresh())
                self.assertEqual([7], list(run["a/weights"].steps))
                self.assertEqual([4, 5, 6], run["a/weights"][-1].tolist())

    def test_a_sample_and_the_kernels(self):
        with h5py.File(SAMPLES / "lenet.tvh5", "r") as file:
            expected = file["layers/conv1/activations/values"][-1]
        with tensorview.open(SAMPLES / "lenet.tvh5") as run:
            maps = run["conv1/activations"]
            np.testing.assert_array_equal(expected, maps[-1])
            found = tensorview.groups(maps[-1])
            self.assertEqual(1, len({found.group[at] for at in (2, 8, 13)}))
            self.assertEqual(-1, found.group[9])

    def test_what_cannot_be_opened(self):
        Path(self.path).write_bytes(b"this is no run" * 100)
        for path in (self.path, "no such file.tvh5"):
            with self.assertRaisesRegex(TensorViewError, str(path)):
                tensorview.open(path)
        self.assertEqual([], [name for name in os.listdir("/proc/self/fd") if "no run" in name])

    def test_pandas_if_it_is_there(self):
        run_file.lenet(self.path, steps=3)
        code = "import sys, types; p = types.SimpleNamespace(DataFrame=lambda c, index: (c, index), Index=lambda v, name: (name, list(v)))"
        code += f"; sys.modules['pandas'] = p; import tensorview; c, i = tensorview.open({str(self.path)!r}).to_pandas(); print(sorted(c), i)"
        result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        self.assertEqual("['accuracy', 'loss'] ('step', [0, 1, 2])", result.stdout.strip(), result.stderr)


if __name__ == "__main__":
    unittest.main()
