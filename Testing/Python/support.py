# SPDX-License-Identifier: BSD-3-Clause
"""Trains networks with and without watch(), and reads with h5py what was recorded.

What a step had is collected here by hand, around the loop's own calls; recorded numbers must be the
same numbers, bit for bit.
"""

import os
import re
import unittest
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import nn
from torch.nn import functional

import tensorview

torch.set_num_threads(1)


def run_files(path):
    """The file of a run and its further parts."""
    path = Path(path)
    parts = []
    while True:
        part = path.with_name(f"{path.stem}.part{len(parts) + 1}{path.suffix}")
        if not part.exists():
            return [path, *parts]
        parts.append(part)


def numbers(dataset):
    """As numpy has them; bfloat16 as float32."""
    kind = dataset.id.get_type()
    if isinstance(kind, h5py.h5t.TypeFloatID) and kind.get_size() == 2 and kind.get_ebias() == 127:
        return dataset.astype("f4")[:]
    return dataset[:]


def open_file(path):
    """Also one that was not closed."""
    try:
        return h5py.File(path, "r")
    except OSError:
        return h5py.File(path, "r", libver="latest", swmr=True)


def read(path):
    """{"layer/kind": {step: array}}, and the same for "scalars/name"."""
    found = {}
    for part in run_files(path):
        with open_file(part) as file:
            for layer, kinds in file["layers"].items():
                layer = re.sub("%(..)", lambda code: chr(int(code[1], 16)), layer)
                for kind, stream in kinds.items():
                    if "values" not in stream:
                        continue
                    records = found.setdefault(f"{layer}/{kind}", {})
                    records.update(zip(stream["steps"][:].tolist(), numbers(stream["values"])))
            if "scalars" in file:
                names = [str(name, "utf-8") for name in file["scalars"].attrs["names"]]
                for step, row in zip(file["scalars/steps"][:].tolist(), file["scalars/values"][:]):
                    for name, value in zip(names, row):
                        if not np.isnan(value):
                            found.setdefault(f"scalars/{name}", {})[step] = value
    return found


def array(tensor):
    tensor = tensor.detach().cpu().contiguous()
    return tensor.float().numpy() if tensor.dtype == torch.bfloat16 else tensor.numpy()


def kind_of(label, what):
    kind = {"weight": "weights"}.get(label, label)
    if what == "weights":
        return kind
    return what if kind == "weights" else f"{kind}_{what}"


class Seen:
    """What torch had at each step, collected without tensorview."""

    def __init__(self, model):
        self.model, self.records, self.step = model, {}, 0

    def before(self):
        self.values = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        for name, p in self.model.named_parameters():
            self.keep(name, "weights", p)
            if p.grad is not None:
                self.keep(name, "gradients", p.grad.to_dense())

    def after(self):
        for name, p in self.model.named_parameters():
            if p.grad is not None:
                wide = p.dtype if p.dtype == torch.float64 else torch.float32
                self.keep(name, "updates", p.detach().to(wide) - self.values[name].to(wide))
        self.step += 1

    def keep(self, name, what, tensor):
        layer, _, label = name.rpartition(".")
        kept = self.records.setdefault(f"{layer or 'model'}/{kind_of(label.lower(), what)}", {})
        kept[self.step] = array(tensor.clone())


class Trained:
    """The losses, the final weights, the state of random numbers, and what was seen."""

    def __init__(self, model, losses, seen):
        self.losses = losses
        self.weights = {name: p.detach().clone() for name, p in model.state_dict().items()}
        self.random = torch.get_rng_state()
        self.seen = seen.records


def train(make, path=None, steps=2, **options):
    """make() gives a model, an optimizer, and a function of the step that gives the loss."""
    torch.manual_seed(0)
    model, optimizer, loss_of = make()
    seen = Seen(model)
    run = tensorview.watch(model, optimizer, path, overwrite=True, **options) if path else None
    losses = []
    for step in range(steps):
        optimizer.zero_grad()
        loss = loss_of(step)
        loss.backward()
        seen.before()
        optimizer.step()
        seen.after()
        losses.append(loss.item())
        if run:
            run.log(loss=loss)
    if run:
        run.close()
    return Trained(model, losses, seen)


def classifier(model, *shape, classes=5, learning=0.1, batch=4, inputs=None):
    """A make() for train(): random inputs, cross entropy, SGD with momentum."""

    def make():
        net = model()
        optimizer = torch.optim.SGD(net.parameters(), lr=learning, momentum=0.9)
        x = [torch.randn(batch, *shape) if inputs is None else inputs() for _ in range(8)]
        y = [torch.randint(0, classes, (len(one),)) for one in x]
        return net, optimizer, lambda step: functional.cross_entropy(net(x[step]), y[step])

    return make


def small():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(32, 5)
    )


def close_file(test, name="run.tvh5"):
    """A place for a file of this test alone."""
    folder = Path("files") / test.id().rpartition(".")[2]
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.tvh5"):
        old.unlink()
    return folder / name


class Case(unittest.TestCase):
    def setUp(self):
        self.path = close_file(self)

    def tearDown(self):
        for part in run_files(self.path):
            if part.exists() and not os.environ.get("TENSORVIEW_KEEP"):
                part.unlink()

    def assertSameTraining(self, one, other):
        self.assertEqual(one.losses, other.losses)
        self.assertTrue(torch.equal(one.random, other.random), "random numbers were drawn")
        self.assertEqual(list(one.weights), list(other.weights))
        for name, weights in one.weights.items():
            self.assertTrue(torch.equal(weights, other.weights[name]), name)

    def assertRecorded(self, recorded, seen, names=None):
        """Every tensor that was seen is recorded, at each of its steps, with the same numbers."""
        self.assertTrue(seen)
        for name in names or seen:
            self.assertTrue(name in recorded, f"{name} is not recorded")
            self.assertEqual(list(seen[name]), list(recorded[name]), name)
            for step, values in seen[name].items():
                got = recorded[name][step]
                self.assertEqual(values.dtype, got.dtype, name)
                same = np.array_equal(values.ravel(), got.ravel(), equal_nan=True)
                self.assertTrue(same, f"{name} at step {step}")

    def check(self, make, **options):
        """Trains with and without; what is recorded is what was seen. What is in the file."""
        options.setdefault("every", 1)
        plain = train(make, steps=options.get("steps", 2))
        watched = train(make, self.path, **options)
        self.assertSameTraining(plain, watched)
        recorded = read(self.path)
        self.assertRecorded(recorded, watched.seen)
        return recorded
