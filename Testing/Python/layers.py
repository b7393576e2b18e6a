# SPDX-License-Identifier: BSD-3-Clause
"""Kinds of layers and of parameters that break those who record torch from outside: each a test."""

import warnings

import numpy as np
import torch
from support import Case, array, classifier, read, small, train
from torch import nn
from torch.nn import functional

import tensorview


class Layers(Case):
    """Recorded as torch has them, and the training as it was."""

    def test_convolutions_of_all_kinds(self):
        def model():
            return nn.Sequential(
                nn.Conv1d(2, 6, 3, padding=1), nn.Unflatten(2, (1, 4, 4)), nn.Conv3d(6, 6, (1, 3, 3), padding=(0, 1, 1)),
                nn.Flatten(2, 3), nn.Conv2d(6, 6, 3, groups=3, padding=1), nn.Conv2d(6, 6, 3, groups=6, padding=1),
                nn.ConvTranspose2d(6, 4, 2, groups=2), nn.ConvTranspose2d(4, 3, 2), nn.Flatten(), nn.Linear(108, 5),
            )  # fmt: skip

        recorded = self.check(classifier(model, 2, 16))
        self.assertEqual((2, 36), (len(recorded["0/activations"]), recorded["4/weights"][0].size * 36 // 108))

    def test_recurrent_and_attention(self):
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.embedding = nn.Embedding(11, 8)
                self.gru = nn.GRU(8, 8, num_layers=2, bidirectional=True)
                self.lstm = nn.LSTM(16, 8, batch_first=True)
                self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
                self.layer = nn.TransformerEncoderLayer(8, 2, 16)
                self.last = nn.Linear(8, 5)

            def forward(self, x):
                x = self.gru(self.embedding(x).transpose(0, 1))[0].transpose(0, 1)
                x = self.lstm(x)[0]
                x = x + self.attention(x, x, x)[0]
                return self.last(self.layer(x.transpose(0, 1)).mean(0))

        recorded = self.check(classifier(Model, inputs=lambda: torch.randint(0, 11, (3, 7))))
        self.assertIn("attention.out_proj/weights", recorded)
        self.assertNotIn("attention.out_proj/activations", recorded)
        for name in ("gru/weight_ih_l1_reverse", "lstm/bias_hh_l0_gradients", "attention/in_proj_weight_updates"):
            self.assertIn(name, recorded)
        # Sums over the batch, not over the sequence, whichever axis is first.
        for name, size in {"gru": 7 * 16, "lstm": 7 * 8, "attention": 7 * 8, "layer.linear1": 7 * 16}.items():
            self.assertEqual(size, recorded[f"{name}/activations"][0].size, name)

    def test_activations_are_the_sum_over_the_batch(self):
        make = classifier(small, 3, 8, 8)
        torch.manual_seed(0)
        net, _, loss_of = make()
        expected = {}
        for name in ("0", "1", "4"):
            get = net.get_submodule(name)
            get.register_forward_hook(lambda m, i, out, name=name: expected.update({name: out.detach().sum(0)}))
        loss_of(0)
        recorded = self.check(make)
        for name, value in expected.items():
            np.testing.assert_array_equal(array(value).ravel(), recorded[f"{name}/activations"][0].ravel())
        # The ReLU is in place: what the convolution gave is not what is left of it.
        self.assertTrue((recorded["0/activations"][0] < 0).any())

    def test_scalars_as_parameters_and_other_shapes(self):
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = nn.Parameter(torch.tensor(1.5))
                self.Table = nn.Parameter(torch.randn(1, 2, 3, 1, 5))
                self.inner = nn.Linear(6, 5)

            def forward(self, x):
                return self.inner(x) * self.scale + self.Table.sum((0, 1, 2, 3))

        recorded = self.check(classifier(Model, 6))
        self.assertEqual(1.5, recorded["model/scale"][0].item())

    def test_half_precision(self):
        for kind in (torch.bfloat16, torch.float64):
            with self.subTest(kind=kind):
                inputs = lambda kind=kind: torch.randn(4, 6).to(kind)
                model = lambda kind=kind: nn.Sequential(nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, 5)).to(kind)
                self.check(classifier(model, inputs=inputs))

    def test_float16_weights(self):  # Debian's torch has no float16 products on the processor
        model = nn.Linear(6, 7).half()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        weights = array(model.weight).copy()
        with tensorview.watch(model, optimizer, self.path, every=1):
            model.weight.grad = torch.full_like(model.weight, 0.25)
            optimizer.step()
        recorded = read(self.path)
        np.testing.assert_array_equal(weights, recorded["model/weights"][0])
        self.assertEqual(np.float16, recorded["model/gradients"][0].dtype)
        expected = array(model.weight).astype("f4") - weights.astype("f4")
        np.testing.assert_array_equal(expected, recorded["model/updates"][0])

    def test_tied_weights_are_recorded_once_and_said_once(self):
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.embedding = nn.Embedding(5, 8)
                self.decoder = nn.Linear(8, 5)
                self.decoder.weight = self.embedding.weight

            def forward(self, x):
                return self.decoder(self.embedding(x).mean(1))

        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            recorded = self.check(classifier(Model, inputs=lambda: torch.randint(0, 5, (4, 3))))
        self.assertNotIn("decoder/weights", recorded)
        self.assertEqual(1, len(said), [str(one.message) for one in said])
        self.assertIn("decoder.weight is embedding.weight", str(said[0].message))

    def test_names_with_a_slash(self):
        class Model(nn.Module):
            def __init__(self):
                super().__init__()
                self.parts = nn.ModuleDict({"a/b": nn.Linear(6, 6), "größe %": nn.Linear(6, 5)})

            def forward(self, x):
                return self.parts["größe %"](self.parts["a/b"](x))

        plain = train(classifier(Model, 6))
        watched = train(classifier(Model, 6), self.path, every=1)
        self.assertSameTraining(plain, watched)
        recorded = read(self.path)
        self.assertRecorded(recorded, watched.seen)
        self.assertIn("parts.größe %/weights", recorded)

    def test_memory_that_is_not_in_order(self):
        def model():
            net = small().to(memory_format=torch.channels_last)
            linear = net[4]
            linear.weight = nn.Parameter(torch.randn(32, 5).t())
            assert not net[0].weight.is_contiguous() and not linear.weight.is_contiguous()
            return net

        for background in (True, False):
            with self.subTest(background=background):
                self.check(classifier(model, 3, 8, 8), background=background)

    def test_layers_that_come_into_being_with_the_first_forward(self):
        def make():
            net = nn.Sequential(nn.LazyConv2d(4, 3), nn.ReLU(), nn.Flatten(), nn.LazyLinear(5))
            x = torch.randn(4, 3, 6, 6)
            optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
            return net, optimizer, lambda step: functional.cross_entropy(net(x), torch.tensor([0, 1, 2, 3]))

        torch.manual_seed(0)
        net, optimizer, loss_of = make()
        with tensorview.watch(net, optimizer, self.path, every=1):
            loss_of(0).backward()
            weights = array(net[0].weight).copy()
            optimizer.step()
        recorded = read(self.path)
        np.testing.assert_array_equal(weights, recorded["0/weights"][0])
        self.assertIn("3/activations", recorded)


if __name__ == "__main__":
    import unittest

    unittest.main()
