# SPDX-License-Identifier: BSD-3-Clause
"""A network of VGG16's shape, trained, made smaller, and trained on: how fast it comes back.

    PYTHONPATH=build/python /usr/bin/python3 Testing/Benchmarks/pruning_vgg16.py [--width 0.25]
        [--samples 8000] [--epochs 6] [--after 3] [--ratio 0.5] [--seed 1] [--runs FOLDER]

torchvision's VGG16-BN (13 convolutions, each with BatchNorm, one linear layer behind them) on
Fashion-MNIST at 32 x 32, with that share of its filters. Half of all filters then go: merged without
labels by tensorview.prune, or removed by L1 with BatchNorm's statistics repaired; both are trained on for
some epochs, and so is a network of the smaller size from new weights, for as many epochs as the others
had in all. --runs writes one record of the first layers' maps before and after as run files, to look at
their distribution grids: tensorview render before.tvh5."""

import argparse
import pathlib
import sys
import time

HERE = sys.path.pop(0)  # a benchmark in this folder is called torch.py
import torch  # noqa: E402
import torchvision  # noqa: E402
from torch import nn  # noqa: E402

torch.set_num_threads(1)
sys.path.insert(0, HERE)
import pruning_others as others  # noqa: E402
from pruning_networks import pictures  # noqa: E402

import tensorview  # noqa: E402
import tensorview.prune as prune  # noqa: E402
from tensorview.prune import moments, repair, samples  # noqa: E402

SHAPE = [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512, "M"]
parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
for name, default in (
    ("width", 0.25), ("samples", 8000), ("epochs", 6), ("after", 3), ("ratio", 0.5), ("seed", 1)
):  # fmt: skip
    parser.add_argument(f"--{name}", type=type(default), default=default)
parser.add_argument("--runs", type=pathlib.Path, help="where run files of the maps are written to")
options = parser.parse_args()


def at_32(part, number=None):
    x, y = pictures(part)
    return nn.functional.pad(x[:number], (2, 2, 2, 2), value=float(x.min())), y[:number]


def network(widths):
    """Of these numbers of filters."""
    layers = torchvision.models.vgg.make_layers(widths, batch_norm=True)
    layers[0] = nn.Conv2d(1, widths[0], 3, padding=1)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(widths[-2], 10))


def accuracy(model):
    model.eval()
    with torch.no_grad():
        right = sum(int((model(x).argmax(1) == y).sum()) for x, y in zip(TEST.split(250), TEST_LABELS.split(250)))
    return 100 * right / len(TEST)


def train(name, model, epochs, rate):
    """Prints the accuracy after each epoch; the rate falls to 0 along half a cosine."""
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, weight_decay=5e-4)
    steps = len(PICTURES) // 64
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * steps)
    start, reached = time.process_time(), []
    for _ in range(epochs):
        model.train()
        for chosen in torch.randperm(len(PICTURES))[: 64 * steps].split(64):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(PICTURES[chosen]), LABELS[chosen]).backward()
            optimizer.step()
            schedule.step()
        reached.append(accuracy(model))
        took = time.process_time() - start
        print(f"{name}: epoch {len(reached)} {reached[-1]:.2f} % ({took:.0f} s)", flush=True)
    return reached


def record(name, model, layers=2):
    """The maps behind the first ReLUs, summed over 50 pictures, as a run file."""
    places = [n for n, module in enumerate(model) if isinstance(module, nn.ReLU)][:layers]
    with tensorview.Run(options.runs / f"{name}.tvh5", overwrite=True) as run, torch.no_grad():
        maps, x = {}, TEST[:50]
        for place, module in enumerate(model):
            x = module(x)
            if place in places:
                maps[f"conv{places.index(place) + 1}"] = x.numpy()
        weights = {f"conv{n + 1}": model[place - 2].weight.numpy() for n, place in enumerate(places)}
        for layer in maps:
            run.declare(layer, "weights", "oihw", weights[layer].shape)
            run.declare(layer, "activations", "nchw", maps[layer].shape)
        for layer in maps:
            run.write(f"{layer}/weights", 0, weights[layer])
            run.write(f"{layer}/activations", 0, maps[layer])


torch.manual_seed(options.seed)
PICTURES, LABELS = at_32("train", options.samples)
TEST, TEST_LABELS = at_32("t10k")
widths = [w if w == "M" else int(w * options.width) for w in SHAPE]
full = network(widths)
train("unpruned", full, options.epochs, 0.05)
few = PICTURES[:2000]
merged, report = prune.prune(full, few, ratio=options.ratio)
print(report)
print(f"merged: before training on {accuracy(merged):.2f} %")
net = prune.Network(full, few[:2])
given = samples.Samples(few, torch.device("cpu"), torch.float32)
readers = moments.readers_of(net, given.count)
moments.gather(net, readers, given)
removed, gone = others.removal(net, readers, options.ratio)
repair.repair(net, removed, few[:1024].split(64), gone, fit=False)
print(f"removed by L1: before training on {accuracy(removed):.2f} %", flush=True)
if options.runs:
    options.runs.mkdir(parents=True, exist_ok=True)
    record("before", full.eval())
    record("merged", merged)
    record("removed", removed)
train("merged", merged, options.after, 0.01)
train("removed by L1", removed, options.after, 0.01)
small = [m.out_channels if isinstance(m, nn.Conv2d) else "M" for m in merged if isinstance(m, (nn.Conv2d, nn.MaxPool2d))]
train("new weights, the same size", network(small), options.epochs + options.after, 0.05)
