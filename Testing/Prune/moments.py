# SPDX-License-Identifier: BSD-3-Clause
"""What layers read, as rows: against torch's unfold(); their moments, and those of filters, against numpy's."""

import unittest

import numpy
import torch
from torch import nn

from tensorview.prune import moments, repair
from tensorview.prune.graph import Network
from tensorview.prune.samples import Samples

torch.set_num_threads(1)


class Moments(unittest.TestCase):
    def test_patches(self):
        """At every place, over every edge: kernels, strides, paddings and dilations."""
        torch.manual_seed(1)
        for kernel, stride, padding, dilation in (
            (3, 1, 1, 1), (3, 2, 1, 1), ((2, 3), (1, 2), (0, 2), 1), (3, 1, 3, 2), (1, 2, 0, 1), (3, 1, 3, 1),
            (2, 1, 4, (1, 3)),
        ):  # fmt: skip
            layer = nn.Conv2d(3, 2, kernel, stride, padding, dilation)
            x = torch.randn(5, 3, 6, 7)
            wanted = nn.functional.unfold(x, kernel, dilation, padding, stride)  # [n, columns, places]
            rows, chosen = moments.patches(layer, x, 1000, torch.Generator().manual_seed(2))
            width = layer(x).shape[3]
            found = rows.view(5, -1, wanted.shape[1])
            self.assertEqual(wanted.shape[2], found.shape[1])
            for n, (y, left) in enumerate(chosen.tolist()):
                self.assertTrue(torch.equal(wanted[:, :, y * width + left], found[:, n]), (kernel, stride, y, left))

    def test_gathered(self):
        """All places are taken where there are few samples: the covariances of both halves are numpy's."""
        torch.manual_seed(2)
        model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Conv2d(4, 2, 2, 2, 1), nn.Flatten(),
                              nn.Linear(18, 3)).double().eval()  # fmt: skip
        x = torch.randn(77, 1, 6, 6, dtype=torch.float64)
        net = Network(model, x[:2])
        samples = Samples(x, torch.device("cpu"), torch.float64, batch=7)
        readers = moments.readers_of(net, samples.count)
        moments.gather(net, readers, samples)
        with torch.no_grad():
            maps = model[:2](x)
            rows = {"2": nn.functional.unfold(maps, 2, padding=1, stride=2).transpose(1, 2), "4": model[:4](x)[:, None]}
        self.assertEqual(sorted(rows), sorted(r.layer.name for r in readers))
        for reader in readers:
            for half in (0, 1):
                part = torch.cat([b[half::2] for b in rows[reader.layer.name].split(7)]).flatten(0, 1).numpy()
                mean, covariance = reader.covariance(half)
                self.assertEqual(len(part), reader.rows[half])
                numpy.testing.assert_allclose(part.mean(0), mean, atol=1e-12)
                numpy.testing.assert_allclose(numpy.cov(part.T, bias=True), covariance, atol=1e-12)

    def test_of_filters(self):
        torch.manual_seed(3)
        x = 1000 + torch.randn(30, 4, 5, 6)
        for batches in (x.split(8), x[:, :, 0, 0].split(8)):
            mean, variance = repair._of_filters(batches)
            whole = torch.cat(batches).double().transpose(0, 1).flatten(1).numpy()
            numpy.testing.assert_allclose(whole.mean(1), mean, rtol=1e-12)
            numpy.testing.assert_allclose(whole.var(1), variance, rtol=1e-9)


if __name__ == "__main__":
    unittest.main()
