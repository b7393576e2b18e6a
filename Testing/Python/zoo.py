# SPDX-License-Identifier: BSD-3-Clause
"""torchvision's networks, watched for two steps: each tensor is torch's, and so is the training. And
saved by torch.save, and read as a weight file: each tensor is torch's again.

Three small ones; with TENSORVIEW_ZOO=all every one of torchvision that runs at 64 x 64, or those
that it names: TENSORVIEW_ZOO=resnet50,vit_b_16. A row is printed for each.
"""

import os
import time
import unittest

import numpy as np
import torch
import torchvision
from support import Case, array, kind_of, run_files
from torch.nn import functional

import tensorview

ALL = """alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_v2_s googlenet inception_v3 mnasnet0_5
    mobilenet_v2 mobilenet_v3_large mobilenet_v3_small regnet_x_400mf regnet_y_400mf resnet18 resnet50
    resnext50_32x4d shufflenet_v2_x0_5 squeezenet1_0 squeezenet1_1 swin_t swin_v2_t vgg11_bn vit_b_16
    wide_resnet50_2""".split()
SIZES = {"inception_v3": 96}  # smaller pictures vanish in it


def small_vit():
    return torchvision.models.VisionTransformer(64, 16, 2, 2, 32, 64, num_classes=10)


def network(name):
    if name == "small_vit":
        return small_vit()
    options = {"image_size": 64} if name.startswith("vit") else {}
    if name in ("googlenet", "inception_v3"):
        options = {"init_weights": False, "aux_logits": False}
    return torchvision.models.get_model(name, weights=None, num_classes=10, **options)


class Zoo(Case):
    def saved(self, net):
        """How many tensors a weight file has, after comparing each."""
        path = self.path.with_name("saved.pt")
        self.addCleanup(path.unlink, missing_ok=True)
        torch.save(net.state_dict(), path)
        state = net.state_dict()
        with tensorview.open(path) as weights:
            self.assertEqual([], weights.notes)
            self.assertEqual(len(state), len(weights))
            for name, values in state.items():
                layer, _, label = name.rpartition(".")
                read = weights[f"{layer or 'model'}/{kind_of(label, 'weights')}"]
                self.assertEqual((tuple(values.shape), None), (read.shape, read.problem), name)
                np.testing.assert_array_equal(array(values), read[0], name)
        return len(state)

    def watched(self, name):
        began, made = time.monotonic(), []

        def make():
            net = network(name)
            made[:] = [net]
            optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
            size = SIZES.get(name, 64)
            x, y = torch.randn(2, 3, size, size), torch.randint(0, 10, (2,))
            return net, optimizer, lambda step: functional.cross_entropy(net(x), y)

        recorded = self.check(make)
        activations = [one for one in recorded if "/activations" in one]
        self.assertGreater(len(activations), 5)
        for one in activations:
            self.assertEqual([0, 1], list(recorded[one]), one)
        size = sum(part.stat().st_size for part in run_files(self.path)) / 1e6
        parameters = sum(one.numel() for one in made[0].parameters()) / 1e6
        print(
            f"{name:20} {parameters:6.2f} million parameters: {len(recorded)} tensors watched ({size:.0f} MB),"
            f" {self.saved(made[0])} saved and read, {time.monotonic() - began:.0f} s",
            flush=True,
        )


def test_of(name):
    return lambda self: self.watched(name)


chosen = os.environ.get("TENSORVIEW_ZOO", "mobilenet_v3_small,shufflenet_v2_x0_5,small_vit")
for one in ALL if chosen == "all" else chosen.split(","):
    setattr(Zoo, f"test_{one}", test_of(one))

if __name__ == "__main__":
    unittest.main()
