# SPDX-License-Identifier: BSD-3-Clause
"""Networks for pruning_torch.py, small enough to train on one core in minutes, and their training."""

import gzip
import pathlib

import numpy
import torch
from torch import nn
from torch.nn import functional as F

DATA = pathlib.Path("/usr/share/datasets/fashion-mnist")


class Block(nn.Module):
    def __init__(self, width, filters, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(width, filters, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(filters)
        self.short = nn.Sequential()
        if stride > 1 or width != filters:
            self.short = nn.Sequential(nn.Conv2d(width, filters, 1, stride, bias=False), nn.BatchNorm2d(filters))

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.short(x))


def resnet20(width=8):
    """He et al.'s, with 1 x 1 convolutions as shortcuts, 8, 16 and 32 filters, and a first stride of 2."""
    layers = [nn.Conv2d(1, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    before = width
    for stage in range(3):
        for block in range(3):
            layers.append(Block(before, width << stage, 2 if stage and not block else 1))
            before = width << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10))


def vgg11(width=8):
    """VGG11-BN with an eighth of its filters, on pictures of 32 x 32."""
    layers, before = [nn.ZeroPad2d(2)], 1
    for filters in (1, "pool", 2, "pool", 4, 4, "pool", 8, 8, "pool", 8, 8, "pool"):
        if filters == "pool":
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [nn.Conv2d(before, width * filters, 3, padding=1), nn.BatchNorm2d(width * filters), nn.ReLU()]
        before = width * filters
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(before, 64), nn.ReLU(), nn.Linear(64, 10))


def lenet5():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1568, 128), nn.ReLU(), nn.Linear(128, 10))  # fmt: skip


def lenet300():
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10))


# name -> (maker, training pictures, epochs, learning rate)
NETWORKS = {
    "LeNet-300-100": (lenet300, 60000, 12, 0.05),
    "LeNet-5": (lenet5, 8000, 5, 0.05),
    "ResNet-20": (resnet20, 8000, 5, 0.1),
    "VGG11-BN": (vgg11, 8000, 5, 0.05),
}


def pictures(part):
    """[n, 1, 28, 28], mean 0 and deviation 1; and labels."""

    def read(name, skip):
        with gzip.open(DATA / f"{part}-{name}-ubyte.gz") as file:
            return numpy.frombuffer(file.read(), numpy.uint8, offset=skip)

    x = torch.from_numpy(read("images-idx3", 16).reshape(-1, 1, 28, 28).astype(numpy.float32))
    return (x - 72.94) / 90.02, torch.from_numpy(read("labels-idx1", 8).astype(numpy.int64))


def train(name, seed, quick=False):
    """SGD with momentum, the learning rate rising and falling; batches of 64."""
    make, number, epochs, rate = NETWORKS[name]
    x, labels = pictures("train")
    number, epochs = (1000, 1) if quick else (number, epochs)
    torch.manual_seed(seed)
    model = make()
    x, labels = x[:number], labels[:number]
    steps = epochs * -(-number // 64)
    sgd = torch.optim.SGD(model.parameters(), rate, momentum=0.9, weight_decay=5e-4, nesterov=True)
    falling = torch.optim.lr_scheduler.OneCycleLR(sgd, rate, total_steps=steps, pct_start=0.2)
    for _ in range(epochs):
        for chosen in torch.randperm(number).split(64):
            sgd.zero_grad()
            F.cross_entropy(model(x[chosen]), labels[chosen]).backward()
            sgd.step()
            falling.step()
    return model.eval()


def trained(name, seed, work, quick=False):
    """Trained once for each seed, and kept in the work folder."""
    path = work / f"{name}-{seed}{'-quick' if quick else ''}.pt"
    if not path.exists():
        torch.save(train(name, seed, quick).state_dict(), path)
    model = NETWORKS[name][0]()
    model.load_state_dict(torch.load(path))
    return model.eval()
