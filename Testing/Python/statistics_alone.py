# SPDX-License-Identifier: BSD-3-Clause
"""Statistics of every unit without the tensors: run.observe and watch(log="statistics"), by numpy."""

import unittest

import numpy as np
import torch
from support import Case, classifier, read, small, train

import tensorview
from tensorview.kernels import MEASURES


def expected(values, previous=None, batch=False):
    """values: [units, numbers], or [samples, units, numbers] of a batch."""
    silent = (values == 0).all(2).mean(0) if batch else np.full(len(values), np.nan)
    flat = values.swapaxes(0, 1).reshape(values.shape[1], -1) if batch else values
    flat = flat.astype("f8")
    moved = np.full(len(flat), np.nan) if previous is None else np.sqrt(((flat - previous) ** 2).mean(1))
    rows = [flat.mean(1), np.sqrt((flat**2).mean(1)), flat.min(1), flat.max(1), (flat == 0).mean(1)]
    return np.stack([*rows, np.zeros(len(flat)), moved, silent], 1)


class Observing(Case):
    def test_run_observe(self):
        random = np.random.default_rng(0)
        weights = random.normal(size=(3, 4, 2, 3, 3)).astype("f4")
        maps = np.maximum(random.normal(size=(3, 5, 4, 2, 2)), 0).astype("f4")
        maps[:, :, 2], weights[1, 0] = 0, 0
        with tensorview.Run(self.path) as run:
            run.declare_statistics("a", "weights", "oihw", (4, 2, 3, 3))
            of_maps = run.declare_statistics("a", "activations", "nchw", maps[0].shape)
            for step in range(3):
                run.observe("a/weights", step, weights[step])
                run.observe(of_maps, step, maps[step])
            with self.assertRaises(ValueError):
                run.observe("a/weights", 3, weights[0, :, :, 0])
        recorded = read(self.path)
        for step in range(3):
            previous = weights[step - 1].reshape(4, -1) if step else None
            wanted = expected(weights[step].reshape(4, -1), previous)
            np.testing.assert_allclose(recorded["a/weights_statistics"][step], wanted, rtol=1e-5, atol=1e-6)
            wanted = expected(maps[step].reshape(5, 4, -1), batch=True)
            np.testing.assert_allclose(recorded["a/activations_statistics"][step], wanted, rtol=1e-5, atol=1e-6)
        self.assertEqual(8, len(MEASURES))

    def test_watch(self):
        make = classifier(small, 3, 8, 8)
        plain = train(make, steps=4)
        watched = train(make, self.path, steps=4, log=["statistics", "activations"], every=2)
        self.assertSameTraining(plain, watched)
        recorded = read(self.path)
        self.assertNotIn("0/weights", recorded)
        for name in ("0/weights", "0/gradients", "4/bias", "4/bias_gradients"):
            seen = {step: values.reshape(len(values), -1) for step, values in watched.seen[name].items()}
            for step in range(4):
                moves = step and "gradients" not in name
                wanted = expected(seen[step], seen[step - 1] if moves else None)
                got = recorded[f"{name}_statistics"][step]
                np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6, err_msg=name)
        self.assertEqual([0, 1, 2, 3], list(recorded["1/activations_statistics"]))
        self.assertEqual([0, 2], list(recorded["1/activations"]))
        mean = recorded["1/activations_statistics"][0][:, MEASURES.index("mean")]
        sums = recorded["1/activations"][0].reshape(8, -1)
        np.testing.assert_allclose(mean, sums.mean(1) / 4, rtol=1e-5)

    def test_a_unit_that_is_dead(self):
        net = small()
        with torch.no_grad():
            net[0].weight[3], net[0].bias[3] = 0, -1
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        with tensorview.watch(net, optimizer, self.path, log="statistics"):
            for _ in range(2):
                net(torch.randn(4, 3, 8, 8)).square().mean().backward()
                optimizer.step()
        silent = read(self.path)["1/activations_statistics"][1][:, MEASURES.index("silent")]
        self.assertEqual(1.0, silent[3])
        self.assertEqual(0.0, np.delete(silent, 3).min())


if __name__ == "__main__":
    unittest.main()
