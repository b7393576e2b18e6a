# SPDX-License-Identifier: BSD-3-Clause
"""Which filters go first: against numpy's least squares, each filter tried one by one."""

import unittest

import numpy
import torch
from torch import nn

import tensorview.prune as prune

torch.set_num_threads(1)


def lost(x, weights, gone):
    """What is lost of the variance of x @ weights.T without some columns of x, by least squares."""
    y = (x - x.mean(0)) @ weights.T
    kept = [n for n in range(x.shape[1]) if n not in gone]
    rest = x[:, kept] - x[:, kept].mean(0)
    left = y - rest @ numpy.linalg.lstsq(rest, y, rcond=None)[0]
    return (left**2).sum() / (y**2).sum()


class Choice(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(3)
        self.x = torch.randn(400, 6, dtype=torch.float64)

    def path(self, inputs, weights, filters, places):
        """Each time the filter without which least is lost; and what is lost by then."""
        gone, found = [], []
        for _ in range(filters - 1):
            costs = {}
            for f in set(range(filters)) - set(gone):
                columns = [c for g in (*gone, f) for c in range(g * places, (g + 1) * places)]
                costs[f] = lost(inputs, weights, columns)
            gone.append(min(costs, key=costs.get))
            found.append(costs[gone[-1]])
        return gone, found

    def compare(self, model, inputs, places):
        layer, reader = model[0], model[-1]
        filters = len(layer.weight)
        wanted, costs = self.path(inputs.numpy(), reader.weight.detach().numpy(), filters, places)
        for number in range(1, filters):
            _, report = prune.prune(model, self.x, ratio={"0": number / filters}, repair="none")
            [row] = [r for r in report.layers if r["layer"] == "0"]
            self.assertEqual(sorted(wanted[:number]), row["removed"])
            self.assertAlmostEqual(costs[number - 1], row["cost"], delta=1e-6)

    def test_a_linear_layer(self):
        model = nn.Sequential(nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 4)).double()
        self.compare(model, model[:2](self.x).detach(), 1)

    def test_flattened_maps(self):
        self.x = torch.randn(400, 1, 5, 5, dtype=torch.float64)
        model = nn.Sequential(nn.Conv2d(1, 6, 4), nn.Tanh(), nn.Flatten(), nn.Linear(24, 4)).double()
        self.compare(model, model[:3](self.x).detach(), 4)


if __name__ == "__main__":
    unittest.main()
