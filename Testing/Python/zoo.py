# SPDX-License-Identifier: BSD-3-Clause
"""torchvision's networks, watched for two steps: each tensor is torch's, and so is the training.

Three small ones; with TENSORVIEW_ZOO=all every one of torchvision that runs at 64 x 64, or those
that it names: TENSORVIEW_ZOO=resnet50,vit_b_16.
"""

import os
import unittest

import torch
import torchvision
from support import Case
from torch.nn import functional

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
    def watched(self, name):
        def make():
            net = network(name)
            optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
            size = SIZES.get(name, 64)
            x, y = torch.randn(2, 3, size, size), torch.randint(0, 10, (2,))
            return net, optimizer, lambda step: functional.cross_entropy(net(x), y)

        recorded = self.check(make)
        activations = [one for one in recorded if "/activations" in one]
        self.assertGreater(len(activations), 5)
        for one in activations:
            self.assertEqual([0, 1], list(recorded[one]), one)


def test_of(name):
    return lambda self: self.watched(name)


chosen = os.environ.get("TENSORVIEW_ZOO", "mobilenet_v3_small,shufflenet_v2_x0_5,small_vit")
for one in ALL if chosen == "all" else chosen.split(","):
    setattr(Zoo, f"test_{one}", test_of(one))

if __name__ == "__main__":
    unittest.main()
