# SPDX-License-Identifier: BSD-3-Clause
"""Real data: 200 steps on Fashion-MNIST learn; what was recorded, and when; a learning rate that
is too large stops the first layer for good, as in the paper's Fig. 7."""

import re

import numpy as np

from trainer import FASHION, Run, check, train

out = train("--data", FASHION, "--steps", 200, "--output", "lenet.tvh5", "--overwrite",
            "--evaluate-every", 100, "--record-large", 150)
printed = float(re.search(r"test accuracy ([0-9.]+)", out).group(1))
run = Run("lenet.tvh5")
accuracy, loss = run.scalars["accuracy"], run.scalars["loss"]
check(printed > 0.78, f"test accuracy {printed} after 200 steps")
check(abs(accuracy[-1] - printed) < 1e-4, "the recorded accuracy is not the printed one")
check(list(run.scalar_steps) == list(range(201)), "a scalar step is missing")
check([s for s in run.scalar_steps if not np.isnan(accuracy[s])] == [0, 100, 200], "steps of accuracy")
check(np.isfinite(loss).all() and loss[-20:].mean() < 0.5 * loss[:5].mean(), "the loss does not fall")
check((run.scalars["learning_rate"] == 0.001).all(), "the learning rate")
expected = {"conv1/weights": (16, 1, 3, 3), "conv2/weights": (32, 16, 3, 3), "fc1/weights": (512, 1568),
            "fc2/weights": (10, 512), "conv1/activations": (16, 28, 28),
            "conv2/activations": (32, 14, 14), "fc1/activations": (512,), "fc2/activations": (10,)}
for name, shape in expected.items():
    every = 150 if name == "fc1/weights" else 10 if name.endswith("weights") else 100
    steps = sorted(set(range(0, 201, every)) | {200})
    check(run[name].shape == (len(steps),) + shape, f"{name} is {run[name].shape}")
    check(list(run.steps(name)) == steps, f"{name} was recorded at {run.steps(name)}")
check((run["conv1/activations"] >= 0).all(), "activations after ReLU are not negative")


def stuck(seed):
    """Whether nothing moves the first layer any more: most seeds, within a few hundred steps."""
    train("--data", FASHION, "--steps", 400, "--learning-rate", "0.05", "--seed", seed, "--output",
          "stuck.tvh5", "--overwrite", "--tensors", "conv1/weights=1", "--samples", 20000)
    run = Run("stuck.tvh5")
    moves = np.abs(np.diff(run["conv1/weights"], axis=0)).max(axis=(1, 2, 3, 4))
    return (moves[-50:] == 0).all() and abs(run.scalars["loss"][-20:].mean() - np.log(10)) < 0.3


# Rounding differs from processor to processor, and with it which seeds get stuck.
check(any(stuck(seed) for seed in (1, 2, 3, 4)), "the first layer still moves at a learning rate of 0.05")
