# SPDX-License-Identifier: BSD-3-Clause
"""Small networks for the tests: one for each structure that prune() follows, and random ones."""

import torch
from torch import nn
from torch.nn import functional as F


class Functional(nn.Module):
    """Functional forms, and a size that forward() says as a number."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 8, 3)
        self.conv2 = nn.Conv2d(8, 6, 2)
        self.weight = nn.Parameter(torch.randn(12, 24) / 5)
        self.bias = nn.Parameter(torch.randn(12))
        self.last = nn.Linear(12, 5)

    def forward(self, x):
        n, c, h, w = x.shape
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = torch.relu(self.conv2(x)).view(-1, 24)
        x = F.dropout(F.linear(x, self.weight, self.bias).sigmoid(), training=self.training)
        return self.last(x.reshape(n, 12))


class Residual(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(2, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.last = nn.Linear(width, 5)

    def forward(self, x):
        x = self.stem(x)
        y = F.relu(self.norm1(self.conv1(x)), inplace=True)
        x = F.relu(x + self.norm2(self.conv2(y)))
        return self.last(x.mean((2, 3)))


class Dense(nn.Module):
    """Concatenation: later layers read parts of several."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(2, 6, 3, padding=1)
        self.conv2 = nn.Conv2d(6, 5, 3, padding=1)
        self.conv3 = nn.Conv2d(11, 7, 1)
        self.last = nn.Linear(18 * 16, 5)

    def forward(self, x):
        x = F.avg_pool2d(F.relu(self.conv1(x)), 2)
        y = F.relu(self.conv2(x))
        z = torch.cat([x, y], 1)
        return self.last(torch.flatten(torch.cat((z, F.relu(self.conv3(z))), dim=1), 1))


class Mobile(nn.Module):
    """Depthwise convolution, a gate (squeeze and excite), a grouped convolution."""

    def __init__(self):
        super().__init__()
        self.expand = nn.Conv2d(2, 12, 1)
        self.depth = nn.Conv2d(12, 12, 3, padding=1, groups=12, bias=False)
        self.norm = nn.BatchNorm2d(12)
        self.squeeze, self.excite = nn.Conv2d(12, 4, 1), nn.Conv2d(4, 12, 1)
        self.grouped = nn.Conv2d(12, 8, 3, groups=2)
        self.last = nn.Linear(8, 5)

    def forward(self, x):
        x = F.hardswish(self.norm(self.depth(self.expand(x))))
        s = F.adaptive_avg_pool2d(x, 1)
        x = x * torch.sigmoid(self.excite(F.relu(self.squeeze(s))))
        return self.last(F.adaptive_max_pool2d(self.grouped(x).relu(), 1).squeeze(3).squeeze(2))


NETWORKS = (Functional, Residual, Dense, Mobile)


def make(kind, seed=0):
    torch.manual_seed(seed)
    model = kind()
    stir(model)
    return model.eval()


def stir(model, shift=True):
    """BatchNorm as after training; without a shift a filter that is 0 stays 0."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_var.uniform_(0.5, 2)
            with torch.no_grad():
                module.weight.uniform_(0.5, 1.5)
            if shift:
                module.running_mean.normal_()
                with torch.no_grad():
                    module.bias.normal_()


class Random(nn.Module):
    """A network that a seed decides on: it is what its list of operations says, read by forward()."""

    def __init__(self, seed):
        super().__init__()
        choose = torch.Generator().manual_seed(seed)
        self.pick = lambda n: int(torch.randint(n, (1,), generator=choose))
        self.layers = nn.ModuleDict()
        self.plan = []
        widths = {"x": 2}
        names = ["x"]
        self.add("conv", "x", widths, names, 4 + 2 * self.pick(4))
        for _ in range(4 + self.pick(6)):
            kind = ("conv", "conv", "norm", "relu", "sum", "cat", "depth", "grouped", "gate", "sigmoid")[self.pick(10)]
            self.add(kind, names[1 + self.pick(len(names) - 1)], widths, names, 4 + 2 * self.pick(4))
        self.add("cat", names[-1], widths, names, 0)
        self.end = ("mean", "flatten", "view")[self.pick(3)]
        self.width = widths[names[-1]]
        self.result = names[-1]
        self.hidden = nn.Linear(self.width * (1 if self.end == "mean" else 9), 8)
        self.last = nn.Linear(8, 5)
        del self.pick

    def add(self, kind, source, widths, names, filters):
        width, name, other = widths[source], f"v{len(names)}", None
        if kind == "conv":
            layer = nn.Conv2d(width, filters, (1, 3)[self.pick(2)], padding="same" if self.pick(3) == 0 else 1)
            if layer.padding == (1, 1) and layer.kernel_size == (1, 1):
                layer.padding = (0, 0)
        elif kind == "depth":
            filters = width * (1 + self.pick(2))
            layer = nn.Conv2d(width, filters, 3, padding=1, groups=width, bias=False)
        elif kind == "grouped":
            if width % 2:
                return
            layer = nn.Conv2d(width, filters, 3, padding=1, groups=2)
        elif kind == "norm":
            filters, layer = width, nn.BatchNorm2d(width)
        else:
            filters, layer = width, None
            same = [n for n in names[1:] if kind == "cat" or widths[n] == width]
            other = same[self.pick(len(same))]
            if kind == "cat":
                filters = width + widths[other]
        if layer is not None:
            self.layers[name] = layer
        self.plan.append((kind, name, source, other))
        widths[name] = filters
        names.append(name)

    def forward(self, x):
        values = {"x": x}
        for kind, name, source, other in self.plan:
            value = values[source]
            if kind in ("conv", "depth", "grouped", "norm"):
                value = self.layers[name](value)
            elif kind == "relu":
                value = F.relu(value)
            elif kind == "sigmoid":
                value = value * torch.sigmoid(value)
            elif kind == "sum":
                value = value + values[other]
            elif kind == "gate":
                value = value * F.adaptive_avg_pool2d(values[other], 1)
            else:
                value = torch.cat([value, values[other]], 1)
            values[name] = value
        x = values[self.result]
        if self.end == "mean":
            x = x.mean((2, 3))
        else:
            x = F.adaptive_max_pool2d(x, 3)
            x = x.flatten(1) if self.end == "flatten" else x.view(-1, self.width * 9)
        return self.last(F.relu(self.hidden(x)))
