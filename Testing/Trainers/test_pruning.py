# SPDX-License-Identifier: BSD-3-Clause
"""Merging filters while training goes on: the smaller network against torch at every step, the
optimizer's state against numpy, what the run file says of it, and a short run on real data."""

import numpy as np
import torch

from test_gradients import close, model
from trainer import FASHION, Run, check, train, write_data

LAYERS = ["conv1", "conv2", "fc1", "fc2"]
STEPS, PRUNE = 7, (2, 5)


class Small:
    """A run without its pruned filters, as the network is at one step."""

    def __init__(self, run, step):
        self.kept, self.arrays = {}, {}
        before = np.ones(1, bool)
        for layer in LAYERS:
            bias = run[f"{layer}/bias"][step]
            kept = ~np.isnan(bias)
            weights = run[f"{layer}/weights"][step]
            inputs = np.repeat(before, weights.shape[1] // len(before))
            check(np.isnan(weights[~kept]).all() and np.isnan(weights[:, ~inputs]).all(),
                  f"{layer}/weights of pruned filters are not NaN")
            for kind in ("weights", "gradients"):
                self.arrays[f"{layer}/{kind}"] = run[f"{layer}/{kind}"][step][kept][:, inputs]
                check(np.isfinite(self.arrays[f"{layer}/{kind}"]).all(), f"{layer}/{kind}: NaN is left")
            self.arrays[f"{layer}/bias"] = bias[kept]
            self.arrays[f"{layer}/bias_gradients"] = run[f"{layer}/bias_gradients"][step][kept]
            self.arrays[f"{layer}/activations"] = run[f"{layer}/activations"][step][kept]
            check(np.isnan(run[f"{layer}/activations"][step][~kept]).all(), "pruned activations")
            self.kept[layer] = before = kept

    def __getitem__(self, name):
        return self.arrays[name][None]


def against_torch():
    images, labels = write_data("data", 50, 12, 14)
    train("--data", "data", "--output", "pruned.tvh5", "--overwrite", "--steps", STEPS,
          "--filters", "9,18", "--hidden", "21", "--record-weights", 1, "--record-large", 1,
          "--record-activations", 1, "--record-gradients", 1, "--record-moments", 1,
          "--statistics-batches", 2, "--prune-at", ",".join(map(str, PRUNE)), "--prune-bound", "inf",
          "--prune-layers", "conv1,conv2,fc1", "--prune-threshold", "0.6", "--prune-way", "affine")
    run = Run("pruned.tvh5")
    pixels = (images[:, None] / np.float32(255)).astype(np.float32)
    counts = []
    for step in range(STEPS + 1):
        small = Small(run, step)
        counts.append([int(small.kept[layer].sum()) for layer in LAYERS])
        leaves, activations, logits = model(small, 0, pixels, LAYERS)
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels))
        loss.backward()
        close("loss", np.float64(run.scalars["loss"][step]), np.float64(loss.item()))
        for layer in LAYERS:
            for kind, leaf in zip(("gradients", "bias_gradients"), leaves[layer]):
                close(f"{layer}/{kind} of step {step}", small[f"{layer}/{kind}"][0], leaf.grad)
            close(f"{layer}/activations", small[f"{layer}/activations"][0], activations[layer].sum(0))
        moments(run, small, step, activations)
    check(counts[0] == counts[1] == [9, 18, 21, 10], f"filters at the beginning: {counts}")
    check(sum(counts[2]) < sum(counts[1]), f"nothing was merged: {counts}")
    check(all(a >= b for c, d in zip(counts, counts[1:]) for a, b in zip(c, d)), f"{counts}")
    for layer in LAYERS[:3]:
        states, steps = run[f"{layer}/filters"], run.steps(f"{layer}/filters")
        check(list(steps) == list(PRUNE), f"states at {steps}")
        gone = np.isnan(run[f"{layer}/bias"][-1])
        check((((states[-1] >= 0) | (states[-1] == -2)) == gone).all(), f"{layer}: states {states[-1]}")
    return run


def moments(run, small, step, activations):
    """The recorded moments against the torch activations that the next layer reads."""
    for layer in LAYERS[:3]:
        maps = activations[layer]
        maps = torch.nn.functional.max_pool2d(maps, 2) if maps.dim() == 4 else maps[:, :, None, None]
        rows = maps.detach().numpy().astype(np.float64).transpose(1, 0, 2, 3).reshape(maps.shape[1], -1)
        rows = np.vstack([rows, np.ones(rows.shape[1])])
        at = list(run.steps(f"{layer}/moments")).index(step)
        kept = np.append(small.kept[layer], True)
        ours = run[f"{layer}/moments"][at][kept][:, kept]
        # Two statistics batches of the whole data set: everything counts twice.
        close(f"{layer}/moments of step {step}", ours, 2 * rows @ rows.T)


def adam(run):
    """Kept weights move by Adam with the state that they had before the merge."""
    beta1, beta2, rate = 0.9, 0.999, 0.001
    for name in ("conv1/weights", "conv2/weights", "fc1/weights", "fc2/weights", "conv2/bias", "fc2/bias"):
        values = run[name].astype(np.float64)
        gradients = run[name.replace("weights", "gradients").replace("bias", "bias_gradients")]
        m = np.zeros_like(values[0])
        v = np.zeros_like(values[0])
        for step in range(STEPS):
            g = np.nan_to_num(gradients[step].astype(np.float64))
            m, v = beta1 * m + (1 - beta1) * g, beta2 * v + (1 - beta2) * g * g
            t = step + 1
            expected = values[step] - rate * (m / (1 - beta1**t)) / (np.sqrt(v / (1 - beta2**t)) + 1e-8)
            alive = ~np.isnan(values[step + 1])
            if step + 1 not in PRUNE:
                error = np.abs(values[step + 1] - expected)[alive].max()
                check(error < 1e-6, f"{name}: step {step} is not Adam's ({error:.2g})")


def on_fashion():
    train("--data", FASHION, "--seed", 9, "--steps", 300, "--prune-at", "100,200", "--output", "real.tvh5",
          "--overwrite", "--record-large", 0, "--samples", 20000)
    run = Run("real.tvh5")
    states = run["conv1/filters"][-1]
    alive = int((states == -1).sum())
    check(8 <= alive <= 13, f"{alive} of 16 filters left after two merges: {states}")
    check(all(states[s] == -1 for s in states if s >= 0), f"merged into one that is gone: {states}")
    check(run.scalars["accuracy"][-1] > 0.78, f"accuracy {run.scalars['accuracy'][-1]}")
    check({99, 100, 199, 200} <= set(run.steps("conv1/activations")), "steps around a merge")
    path = run["conv1/weights"][:, states != -1]
    check(not np.isnan(path[0]).any() and np.isnan(path[-1]).all(), "paths end where filters end")


torch.set_num_threads(1)
adam(against_torch())
on_fashion()
train("--steps", 1, "--output", "none", "--prune-at", "1", "--prune-layers", "fc2", expect=1)
train("--steps", 1, "--output", "none", "--prune-at", "1", "--prune-layers", "conv1,conv9", expect=1)
train("--steps", 1, "--output", "none", "--prune-way", "magic", expect=1)
late = train("--steps", 5, "--output", "none", "--prune-at", "4,5", expect=1)
check("--prune-at 5 is not before the last step, 5" in late, late)
