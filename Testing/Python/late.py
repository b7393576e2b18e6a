# SPDX-License-Identifier: BSD-3-Clause
"""What comes only later in a run, and what version 2 of the run file can say: samples of sums, grouped
convolutions, names with a slash."""

import unittest
import warnings

import h5py
import numpy as np
import torch
from support import Case, array, classifier, read, run_files, train
from torch import nn

import tensorview


class Late(Case):
    def setUp(self):
        super().setUp()
        for part in run_files(self.path)[1:]:
            part.unlink()

    def test_a_layer_that_is_first_called_later_and_a_late_scalar(self):
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.first, self.late, self.last = nn.Linear(6, 7), nn.Linear(7, 7), nn.Linear(7, 5)
                self.calls = 0

            def forward(self, x):
                x = self.first(x)
                self.calls += 1
                return self.last(self.late(x) if self.calls > 2 else x)

        make = classifier(Model, 6)
        plain = train(make, steps=5)
        with warnings.catch_warnings():
            warnings.simplefilter("error", tensorview.TensorViewWarning)
            watched = train(make, self.path, steps=5, every=1)
        self.assertSameTraining(plain, watched)
        recorded = read(self.path)
        self.assertRecorded(recorded, watched.seen)
        self.assertEqual([2, 3, 4], list(recorded["late/activations"]))
        self.assertEqual([0, 1, 2, 3, 4], list(recorded["first/activations"]))
        self.assertEqual([0, 1, 2, 3, 4], list(recorded["scalars/loss"]))
        self.assertEqual(2, len(run_files(self.path)))
        with tensorview.open(self.path) as run:
            np.testing.assert_array_equal(recorded["late/activations"][3], run["late/activations"].at(3))
            self.assertEqual([0, 1, 2, 3, 4], run["late/weights"].steps.tolist())

    def test_a_scalar_that_comes_later(self):
        with tensorview.Run(self.path) as run:
            weights = run.declare("a", "weights", "o", [2])
            for step in range(4):
                run.write(weights, step, [step, step])
                run.log(step, loss=step)
                if step == 2:
                    run.log(accuracy=0.5)
        recorded = read(self.path)
        self.assertEqual({2: 0.5}, recorded["scalars/accuracy"])
        self.assertEqual([0, 1, 2, 3], list(recorded["scalars/loss"]))
        self.assertEqual([0, 1, 2, 3], list(recorded["a/weights"]))

    def test_logging_by_name(self):
        with tensorview.Run(self.path) as run:
            run.log({"train/loss": 0.5, "best acc": 1}, step=3)
            run.log({"train/loss": 0.25}, 4)
            run.log(loss=np.float64(2))
            for wrong in (dict(loss="low"), dict(loss=[1, 2]), dict(loss=None)):
                with self.assertRaisesRegex(TypeError, "loss is .*, not a number"):
                    run.log(**wrong)
            with self.assertRaisesRegex(TypeError, "two steps"):
                run.log(5, step=6)
            self.assertIn(f"<Run {str(self.path)!r}, open>", repr(run))
        with tensorview.open(self.path) as run:
            self.assertEqual([3, 4], run.scalars.steps.tolist())
            self.assertEqual([0.5, 0.25], run.scalars["train/loss"].tolist())
            self.assertEqual(2, run.scalars["loss"][1])
            with self.assertRaisesRegex(KeyError, "no scalar 'train/los'; there is 'train/loss'"):
                run.scalars["train/los"]
            with self.assertRaisesRegex(KeyError, "no tensor 'conv1/weights'"):
                run["conv1/weights"]

    def test_samples_groups_and_names(self):
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.parts = nn.ModuleDict({"a/b": nn.Conv2d(4, 6, 3, groups=2), "c": nn.Linear(6 * 16, 5)})

            def forward(self, x):
                return self.parts["c"](self.parts["a/b"](x).flatten(1))

        sizes = iter([4, 6, 2, 1, 1, 1, 1, 1])
        net, optimizer, loss_of = classifier(Model, inputs=lambda: torch.randn(next(sizes), 4, 6, 6))()
        weights = array(net.parts["a/b"].weight).copy()
        with tensorview.watch(net, optimizer, self.path, every=1):
            for step in range(3):
                loss_of(step).backward()
                optimizer.step()
        with h5py.File(self.path, "r") as file:
            layer = file["layers/parts.a%2Fb"]
            self.assertEqual([4, 6, 2], layer["activations/samples"][:].tolist())
            axes = layer["weights"].attrs["axes"]
            self.assertEqual("goihw", axes if isinstance(axes, str) else axes.decode())
            np.testing.assert_array_equal(weights.reshape(2, 3, 2, 3, 3), layer["weights/values"][0])

    def test_all_types(self):
        for dtype in ("int8", "uint8", "int32", "int64", "bool"):
            values = np.array([0, 1, 1], dtype)
            with tensorview.Run(self.path, overwrite=True) as run:
                run.write(run.declare("a", "weights", "o", [3], dtype), 0, values)
            with tensorview.open(self.path) as run:
                self.assertEqual(values.dtype, run["a/weights"].dtype)
                np.testing.assert_array_equal(values, run["a/weights"][0])

    def test_a_sum_made_elsewhere(self):
        with tensorview.Run(self.path) as run:
            maps = run.declare("a", "activations", "nchw", (2, 3, 3), summed=True)
            run.write(maps, 0, np.full((2, 3, 3), 7.0), samples=14)
            with self.assertRaises(ValueError):
                run.write(maps, 1, np.zeros((2, 3, 3)))
        with tensorview.open(self.path) as run:
            self.assertEqual([14], run["a/activations"].samples.tolist())
            self.assertEqual("chw", run["a/activations"].axes)


if __name__ == "__main__":
    unittest.main()
