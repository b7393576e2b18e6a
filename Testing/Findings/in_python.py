# SPDX-License-Identifier: BSD-3-Clause
"""tensorview.open(path).findings() and tensorview doctor, of a training that tensorview.watch() recorded."""

import contextlib
import io
import unittest

import numpy as np
import torch
from torch import nn

import tensorview
from tensorview import commands

STEPS = 40
torch.set_num_threads(1)


def train(path, freeze):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 12), nn.Tanh(), nn.Linear(12, 10), nn.Tanh(), nn.Linear(10, 2))
    model[2].requires_grad_(not freeze)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.002)
    with tensorview.watch(model, optimizer, path, every=1, log="statistics", overwrite=True):
        for _ in range(STEPS):
            x = torch.randn(32, 8)
            loss = nn.functional.mse_loss(model(x), x[:, :2] * x[:, 2:4])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def doctor(*arguments):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = commands.main(["doctor", *arguments])
    return status, out.getvalue()


class Findings(unittest.TestCase):
    def test_a_frozen_layer(self):
        train("frozen.tvh5", True)
        train("healthy.tvh5", False)
        with tensorview.open("frozen.tvh5") as run:
            (one,) = run.findings()
            self.assertEqual(("never updated", "2", -1, 0), one[:4])
            self.assertGreaterEqual(one.until, STEPS - 1)
            self.assertEqual(one.sentence, str(one))
            self.assertGreater(len(run.findings(stuck=1.0)), 1, "a bound that nothing reaches")
            with self.assertRaisesRegex(TypeError, "patience"):
                run.findings(patients=3)
        with tensorview.open("healthy.tvh5") as run:
            self.assertEqual([], run.findings())
        with self.assertRaisesRegex(tensorview.TensorViewError, "closed"):
            run.findings()

    def test_a_run_that_grows(self):
        random = np.random.default_rng(0)
        with tensorview.Run("grows.tvh5", overwrite=True, flush_seconds=0) as run:
            run.declare_statistics("a", "weights", "oi", (3, 50))
            weights, source, found = random.normal(0, 1, (3, 50)).astype("f4"), None, []
            for step in range(200):
                weights += random.normal(0, 1e-3, weights.shape).astype("f4") * np.array([[1], [1], [step < 90]])
                run.observe("a/weights", step, weights)
                run.end_step(step)
                if step in (50, 95, 130, 199):
                    source = source or tensorview.open("grows.tvh5")
                    source.refresh()
                    found.append(source.findings())
                    with tensorview.open("grows.tvh5") as fresh:
                        self.assertEqual(fresh.findings(), found[-1])
            source.close()
        self.assertEqual([0, 0, 1, 1], [len(one) for one in found])
        self.assertEqual(("stuck", "a", 2, 90, 199), found[-1][0][:5])
        with self.assertRaisesRegex(tensorview.TensorViewError, "closed"):
            source.findings()

    def test_doctor(self):
        train("frozen.tvh5", True)
        train("healthy.tvh5", False)
        status, out = doctor("frozen.tvh5", "healthy.tvh5")
        self.assertEqual(0, status)
        lines = [line for line in out.splitlines() if line]
        self.assertEqual("frozen.tvh5: 1 findings in 1 layer", lines[0])
        self.assertTrue(lines[1].startswith("  never updated: 2, all 10 units, from step 0 to"), lines[1])
        self.assertIn("healthy.tvh5: nothing is wrong", lines[2])


if __name__ == "__main__":
    unittest.main()
