# SPDX-License-Identifier: BSD-3-Clause
"""What the examples share: Fashion-MNIST as Debian has it (package dataset-fashion-mnist), and what
can be said on their command lines."""

import argparse
import gzip
from pathlib import Path

import numpy as np

FOLDER = Path("/usr/share/datasets/fashion-mnist")


def arguments(description, steps):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--steps", type=int, default=steps, help=f"steps of training ({steps})")
    parser.add_argument("--every", type=int, default=50, help="steps between records (50)")
    parser.add_argument("--output", default="run.tvh5", help="the run file (run.tvh5)")
    return parser.parse_args()


def numpy_data(name="train"):
    """Pictures [60000, 28, 28], 0 to 1, and their classes [60000], 0 to 9."""
    with gzip.open(FOLDER / f"{name}-images-idx3-ubyte.gz") as file:
        pictures = np.frombuffer(file.read(), "u1", offset=16).reshape(-1, 28, 28) / np.float32(255)
    with gzip.open(FOLDER / f"{name}-labels-idx1-ubyte.gz") as file:
        return pictures, np.frombuffer(file.read(), "u1", offset=8).astype("i8")


def batches(steps, size=64):
    """Pictures [size, 1, 28, 28] and classes [size], as tensors of torch, so many times."""
    import torch

    pictures, classes = (torch.from_numpy(array) for array in numpy_data())
    for _ in range(steps):
        chosen = torch.randint(0, len(pictures), (size,))
        yield pictures[chosen, None], classes[chosen]
