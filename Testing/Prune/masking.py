# SPDX-License-Identifier: BSD-3-Clause
"""Random networks: filters that are removed against the same filters set to 0 in torch.

In these networks a filter that is 0 stays 0 up to the next layer (no BatchNorm has a shift), so a
network whose removed filters have no weights and no bias is what removal has to give; torch computes
it, and nothing of it comes from prune() but the numbers of the filters.
"""

import copy
import os
import unittest

import torch
from networks import Random, stir

import tensorview.prune as prune

torch.set_num_threads(1)
NUMBER = int(os.environ.get("TENSORVIEW_RANDOM_NETWORKS", "300"))


def masked(model, report):
    """Filters that are 0, of all layers of a group, which the report names one by one."""
    model = copy.deepcopy(model)
    with torch.no_grad():
        for row in report.layers:
            module = model.get_submodule(row["layer"])
            module.weight[row["removed"]] = 0
            module.bias[row["removed"]] = 0
    return model


class Masking(unittest.TestCase):
    def test_random_networks(self):
        smaller = 0
        for seed in range(NUMBER):
            torch.manual_seed(seed)
            model = Random(seed).double()
            stir(model, shift=False)
            model.eval()
            x = torch.randn(12, 2, 6, 6, dtype=torch.float64)
            with self.subTest(seed=seed):
                before = copy.deepcopy(model.state_dict())
                small, report = prune.prune(model, x, ratio=(0.25, 0.5, 0.7)[seed % 3], way="remove", repair="none")
                for name, array in model.state_dict().items():
                    self.assertTrue(torch.equal(array, before[name]), f"{name} of the given model was changed")
                wanted, found = masked(model, report)(x), small(x)
                self.assertEqual(wanted.shape, found.shape)
                self.assertLess(float((wanted - found).abs().max()), 1e-9 * (1 + float(wanted.abs().max())))
                for row in report.layers:
                    self.assertEqual(len(small.get_submodule(row["layer"]).weight), row["after"])
                left = sum(p.numel() for p in small.parameters())
                self.assertEqual(left, report.parameters[1])
                smaller += left < report.parameters[0]
        self.assertGreater(smaller, 0.8 * NUMBER)

    def test_budget_is_kept(self):
        for seed in range(3):
            torch.manual_seed(seed)
            model = Random(seed).eval()
            for kind in ("multiply_adds", "parameters"):
                with self.subTest(seed=seed, kind=kind):
                    small, report = prune.prune(model, torch.randn(64, 2, 6, 6), budget={kind: 0.7})
                    before, after = getattr(report, kind)
                    self.assertLessEqual(after, 0.7 * before)
                    self.assertGreater(after, 0.3 * before)


if __name__ == "__main__":
    unittest.main()
