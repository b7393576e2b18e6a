# SPDX-License-Identifier: BSD-3-Clause
"""Matching the unpruned network's outputs: better on samples that it has not seen, or undone."""

import copy
import unittest

import torch
from torch import nn

import tensorview.prune as prune
from tensorview.prune import repair
from tensorview.prune.samples import Samples

torch.set_num_threads(1)


def network(x):
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 12, 3), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Flatten(), nn.Linear(192, 5))  # fmt: skip
    with torch.no_grad():
        for _ in range(3):  # running statistics
            for batch in x.split(64):
                model(batch)
    return model.eval()


class Matching(unittest.TestCase):
    def setUp(self):
        torch.manual_seed(5)
        patterns = torch.randn(4, 64)  # something to be learnt from some samples about others
        self.x, self.other = ((torch.randn(n, 4) @ patterns).view(n, 1, 8, 8) for n in (1280, 2000))
        self.model = network(self.x)

    def error(self, small, x):
        with torch.no_grad():
            wanted = self.model(x)
            return float((small(x) - wanted).square().mean() / wanted.var())

    def pruned(self, repair):
        return prune.prune(self.model, self.x, ratio=0.5, repair=repair, epochs=20)

    def test_better_on_other_samples(self):
        fitted, matched = self.pruned("layers")[0], self.pruned("match")
        small, report = matched
        self.assertLess(self.error(small, self.other), 0.97 * self.error(fitted, self.other))
        before, after = report.matched
        self.assertLess(after, before)
        held = torch.arange(1280) % 10 == 9
        self.assertAlmostEqual(self.error(fitted, self.x[held]) * self.wanted_var(held), before, delta=1e-4)
        self.assertAlmostEqual(self.error(small, self.x[held]) * self.wanted_var(held), after, delta=1e-4)
        self.assertFalse(any("undone" in note for note in report.notes))
        self.assertFalse(any(m.training for m in small.modules()))

    def wanted_var(self, held):
        """The report's are relative to the variance of all outputs."""
        with torch.no_grad():
            return float(self.model(self.x[held]).var() / self.model(self.x).var())

    def test_undone_where_nothing_is_better(self):
        small, _ = self.pruned("layers")
        before = copy.deepcopy(small.state_dict())
        net = prune.Network(self.model, self.x[:2])
        samples = Samples(self.x, torch.device("cpu"), torch.float32)
        first, after = repair.match(net, small, samples, 3, learning_rate=30.0)
        self.assertFalse(after < first)
        for name, value in small.state_dict().items():
            self.assertTrue(torch.equal(before[name], value), name)
        self.assertFalse(any(m.training for m in small.modules()))

    def test_statistics_follow(self):
        """BatchNorm's running statistics are those of what it reads after matching."""
        small, _ = self.pruned("match")
        seen = {}
        for name, module in small.named_modules():
            if isinstance(module, nn.BatchNorm2d):
                module.register_forward_hook(lambda m, given, made, name=name: seen.update({name: given[0]}))
        with torch.no_grad():
            small(self.x)
        for name, read in seen.items():
            rows = read.transpose(0, 1).flatten(1)
            module = small.get_submodule(name)
            deviation = rows.var(1).sqrt()
            self.assertLess(float(((module.running_mean - rows.mean(1)) / deviation).abs().max()), 0.1)
            self.assertLess(float((module.running_var / rows.var(1)).log().abs().max()), 0.2)

    def test_few_samples(self):
        """Too few for BatchNorm to take their statistics: those stay, and all else is matched."""
        few = self.x[:1000]
        for x, trained in ((few, False), (self.x, True)):
            small, _ = prune.prune(self.model, few, ratio=0.5)
            seen = set()
            small[1].register_forward_hook(
                lambda m, *_, seen=seen: seen.add(m.training) if torch.is_grad_enabled() else None)
            samples = Samples(x, torch.device("cpu"), torch.float32)
            repair.match(prune.Network(self.model, few[:2]), small, samples, 1)
            self.assertEqual({trained}, seen)
        for number in (1, 5, 20):
            small, _ = prune.prune(self.model, few[:number], ratio=0.5, repair="match", epochs=2)
            self.assertTrue(torch.isfinite(small(self.other[:5])).all())

    def test_exact_stays(self):
        small, report = prune.prune(self.model, self.x, ratio=0.0, repair="match")
        self.assertLess(self.error(small, self.other), 1e-9)


if __name__ == "__main__":
    unittest.main()
