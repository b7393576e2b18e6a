# SPDX-License-Identifier: BSD-3-Clause
"""A network of VGG16's shape, trained, made smaller, and trained on: how fast it comes back.

    PYTHONPATH=build/python /usr/bin/python3 Testing/Benchmarks/pruning_vgg16.py [--width 0.25]
        [--samples 8000] [--epochs 6] [--after 3] [--ratio 0.5] [--seed 1] [--run RUN.tvh5]

torchvision's VGG16-BN (13 convolutions, each with BatchNorm, one linear layer behind them) on
Fashion-MNIST at 32 x 32, with that share of its filters. Half of all filters then go: merged without
labels by tensorview.prune, or removed by L1 with BatchNorm's statistics repaired; both are trained on for
some epochs, and so is a network of the smaller size from new weights, for as many epochs as the others
had in all. --run writes the maps of the first two layers before (step 0) and after merging (step 1); then

    xvfb-run -a pvpython Data/Demo/merging.py RUN.tvh5 FOLDER --layer conv2

draws their distribution grids side by side."""

import argparse
import pathlib
import sys
import time

HERE = sys.path.pop(0)  # a benchmark in this folder is called torch.py
import numpy  # noqa: E402
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
parser.add_argument("--run", type=pathlib.Path, help="the run file of the maps; it is replaced")
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
    if not epochs:
        return []
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


def first_layers(model):
    """Weights, and maps behind the ReLU of 50 pictures, of the first two convolutions."""
    with torch.no_grad():
        for number, place in ((1, 0), (2, 3)):
            yield f"conv{number}", str(place), model[place].weight.numpy(), model[: place + 3](TEST[:50]).numpy()


def in_place(array, axis, removed, filters):
    """What went has zeros at its place."""
    shape = list(array.shape)
    shape[axis] = filters
    whole = numpy.zeros(shape, array.dtype)
    kept = [f for f in range(filters) if f not in removed]
    whole[(slice(None),) * axis + (kept,)] = array
    return whole


def record(before, after, removed):
    """removed: {layer: numbers of its filters}."""
    with tensorview.Run(options.run, overwrite=True) as run:
        pairs = list(zip(first_layers(before), first_layers(after)))
        for (layer, _, weights, maps), _ in pairs:
            run.declare(layer, "weights", "oihw", weights.shape)
            run.declare(layer, "activations", "nchw", maps.shape)
            run.declare_states(layer, len(weights))
        inputs, written = [], {}
        for (layer, name, weights, maps), (_, _, new_weights, new_maps) in pairs:
            gone, filters = removed[name], len(weights)
            new_weights = in_place(in_place(new_weights, 0, gone, filters), 1, inputs, weights.shape[1])
            for step, w, m in ((0, weights, maps), (1, new_weights, in_place(new_maps, 1, gone, filters))):
                written.setdefault(step, []).append((layer, w, m, [-2 if step and f in gone else -1 for f in range(filters)]))
            inputs = gone
        for step, layers in written.items():
            for layer, weights, maps, states in layers:
                run.write(f"{layer}/weights", step, weights)
                run.write(f"{layer}/activations", step, maps)
                run.write_states(layer, step, states)


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
if options.run:
    record(full.eval(), merged, {layer["layer"]: layer["removed"] for layer in report.layers})
train("merged", merged, options.after, 0.01)
train("removed by L1", removed, options.after, 0.01)
small = [m.out_channels if isinstance(m, nn.Conv2d) else "M" for m in merged if isinstance(m, (nn.Conv2d, nn.MaxPool2d))]
if options.after:
    train("new weights, the same size", network(small), options.epochs + options.after, 0.05)
