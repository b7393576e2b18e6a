# SPDX-License-Identifier: BSD-3-Clause
"""Small real trainings with one thing wrong in each, recorded as run files; and their healthy twins.

    python3 trainings.py FAULT SEED run.tvh5

Every step is recorded, the state before the update: weights and gradients whole, of activations the
statistics over the samples of the batch. What really happened (which unit died, and when) is told by
torch, not by us: Recorder.dead().
"""

import ctypes
import os
import sys

import numpy as np
import torch
from torch import nn

import run_file

STEPS = 170
torch.set_num_threads(1)
kernels = ctypes.CDLL(os.environ["TENSORVIEW_KERNELS"])


class View(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("samples", "outer", "units", "inner")]


def statistics(x, axes):
    view = View()
    kernels.tv_unit_view_axes(ctypes.byref(view), axes.encode(), (ctypes.c_size_t * x.ndim)(*x.shape))
    result = np.empty((view.units, 8), "f4")
    kernels.tv_unit_statistics(
        ctypes.c_void_p(result.ctypes.data), ctypes.c_void_p(x.ctypes.data), 0, ctypes.byref(view),
        None, 0, 1,
    )  # fmt: skip
    return result


class Recorder:
    def __init__(self):
        self.values, self.axes, self.steps, self.silent = {}, {}, {}, {}

    def add(self, name, axes, step, array):
        self.values.setdefault(name, []).append(np.array(array))
        self.axes[name] = axes
        self.steps.setdefault(name, []).append(step)

    def activations(self, layer, step, tensor):
        x = tensor.detach().numpy()
        axes = {4: "nchw", 3: "ntc", 2: "nc"}[x.ndim]
        self.add(f"{layer}/activations_statistics", "cx", step, statistics(np.ascontiguousarray(x), axes))
        if x.ndim == 4:
            self.add(f"{layer}/activations", "chw", step, x.sum(axis=0))
        other = tuple(a for a, letter in enumerate(axes) if letter != "c")
        self.silent.setdefault(layer, []).append((x == 0).all(axis=other))

    def weights(self, model, step):
        for name, p in model.named_parameters():
            if p.ndim < 2:
                continue
            layer, axes = name.rsplit(".", 1)[0], {4: "oihw", 2: "oi"}[p.ndim]
            if "weight_hh" in name or "weight_ih" in name:
                layer += name[name.index("weight_") + 6 :]
            self.add(f"{layer}/weights", axes, step, p.detach().numpy())
            if p.grad is not None:
                self.add(f"{layer}/gradients", axes, step, p.grad.numpy())

    def dead(self, layer):
        """Since when each unit has been silent to the end; units that are alive at the end are left
        out."""
        silent = np.array(self.silent[layer])
        alive = [np.flatnonzero(~silent[:, u]) for u in range(silent.shape[1])]
        since = {u: int(a[-1]) + 1 if len(a) else 0 for u, a in enumerate(alive)}
        return {u: s for u, s in since.items() if s < len(silent)}

    def tensors(self):
        return {
            name: run_file.Tensor(self.axes[name], np.array(self.values[name]), self.steps[name])
            for name in self.values
        }

    def write(self, path):
        run_file.write_run(path, self.tensors())


class Net(nn.Module):
    def __init__(self, unused=False):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 12, 3, padding=1)
        self.fc1, self.out = nn.Linear(12 * 16, 24), nn.Linear(24, 4)
        self.branch = nn.Linear(24, 6) if unused else None
        for layer in (self.conv1, self.conv2, self.fc1):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.constant_(layer.bias, 0.1)
        with torch.no_grad():  # what comes in is positive: so that no unit is dead from the start
            self.fc1.weight *= 0.3
            self.fc1.bias.fill_(0.5)

    def forward(self, x, show=lambda layer, tensor: None):
        for layer in (self.conv1, self.conv2):
            x = torch.relu(layer(x))
            show("conv1" if layer is self.conv1 else "conv2", x)
            x = x if layer is self.conv1 else nn.functional.max_pool2d(x, 2)
        x = torch.relu(self.fc1(x.flatten(1)))
        show("fc1", x)
        return self.out(x)


def batch(random, size=32):
    """Four kinds of pictures, 8 x 8: a bar, a column, a blob, a slope; with noise."""
    kind = random.integers(0, 4, size)
    at = random.integers(1, 7, size)
    y, x = np.mgrid[0:8, 0:8]
    pictures = np.stack(
        [(y == a) * 1.0 if k == 0 else (x == a) * 1.0 if k == 1
         else np.exp(-((y - a) ** 2 + (x - 4) ** 2) / 4) if k == 2 else (x + y) / 14
         for k, a in zip(kind, at)]
    )  # fmt: skip
    pictures += random.normal(0, 0.2, pictures.shape)
    return torch.tensor(pictures[:, None], dtype=torch.float32), torch.tensor(kind)


def copy_filter(net, one, other):
    """Of conv2, with the weights behind them: the two stay the same for good."""
    with torch.no_grad():
        net.conv2.weight[other] = net.conv2.weight[one]
        net.conv2.bias[other] = net.conv2.bias[one]
        behind = net.fc1.weight.view(24, 12, 16)
        behind[:, other] = behind[:, one]


def classify(fault, seed, steps=STEPS):
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    net = Net(unused=fault == "unused")
    if fault == "bias":
        nn.init.constant_(net.conv2.bias, -10.0)
    if fault == "frozen":
        net.conv1.requires_grad_(False)
    if fault == "copy":
        copy_filter(net, 2, 7)
    if fault == "sgd":
        optimizer = torch.optim.SGD(net.parameters(), lr=0.5, momentum=0.9)
    else:
        optimizer = torch.optim.Adam(net.parameters(), lr=0.05 if fault == "adam" else 0.001)
    recorder = Recorder()
    for step in range(steps):
        x, y = batch(random)
        if fault == "nan" and step == 137:
            with torch.no_grad():
                net.fc1.weight[3, 5] = float("nan")
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(
            net(x, lambda layer, tensor: recorder.activations(layer, step, tensor)), y
        )
        loss.backward()
        recorder.weights(net, step)
        optimizer.step()
    return recorder


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.out = nn.RNN(2, 16, nonlinearity="relu", batch_first=True), nn.Linear(16, 1)
        with torch.no_grad():  # positive, so that all units live; not far from where it explodes
            self.rnn.weight_hh_l0.copy_(0.9 * torch.eye(16) + 0.006)
            self.rnn.weight_ih_l0.abs_().mul_(0.2)
            self.rnn.bias_ih_l0.zero_(), self.rnn.bias_hh_l0.zero_()

    def forward(self, x):
        return self.out(self.rnn(x)[0][:, -1])


def recur(fault, seed, steps=STEPS):
    """The adding problem over 60 positions; clipped, or with a learning rate at which it explodes."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    net, recorder = Recurrent(), Recorder()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01 if fault == "explode" else 0.001)
    for step in range(steps):
        x = np.zeros((32, 60, 2), "f4")
        x[:, :, 0] = random.random((32, 60))
        for row in x:
            row[random.choice(60, 2, replace=False), 1] = 1
        y = (x[:, :, 0] * x[:, :, 1]).sum(axis=1, keepdims=True)
        optimizer.zero_grad()
        ((net(torch.tensor(x)) - torch.tensor(y)) ** 2).mean().backward()
        if fault != "explode":
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        recorder.weights(net, step)
        optimizer.step()
    return recorder


def train(fault, seed):
    return recur(fault, seed) if fault in ("explode", "clipped") else classify(fault, seed)


if __name__ == "__main__":
    train(sys.argv[1], int(sys.argv[2])).write(sys.argv[3])
