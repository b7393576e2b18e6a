# SPDX-License-Identifier: BSD-3-Clause
"""Runs the trainer and makes small data sets for it."""

import gzip
import os
import struct
import subprocess
import sys

import h5py
import numpy as np

PROGRAM = os.path.join(os.environ["TENSORVIEW_BUILD"], "bin", "tensorview-lenet")
FASHION = "/usr/share/datasets/fashion-mnist"


def write_idx(path, array, compress=False):
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    with (gzip.open if compress else open)(path, "wb") as file:
        file.write(header + array.astype(np.uint8).tobytes())


def write_data(folder, samples=50, height=12, width=14, seed=0):
    """A data set of noise; returns its training images and labels."""
    random = np.random.default_rng(seed)
    os.makedirs(folder, exist_ok=True)
    for prefix, count in (("t10k", 7), ("train", samples)):
        images = random.integers(0, 256, (count, height, width))
        labels = random.integers(0, 10, count)
        write_idx(f"{folder}/{prefix}-images-idx3-ubyte", images)
        write_idx(f"{folder}/{prefix}-labels-idx1-ubyte.gz", labels, compress=True)
    return images, labels


def train(*options, expect=0):
    """Runs the trainer; its standard output, and standard error where it is expected to fail."""
    done = subprocess.run([PROGRAM, "--quiet", *map(str, options)], capture_output=True, text=True)
    if done.returncode != expect:
        sys.exit(f"{options}: exit status {done.returncode}, not {expect}\n{done.stdout}{done.stderr}")
    return done.stderr if expect else done.stdout


class Run:
    """A run file as h5py reads it: run["conv1/weights"] are its values, run.steps(name)."""

    def __init__(self, path):
        self.file = h5py.File(path, "r")
        names = [name.decode() if isinstance(name, bytes) else name
                 for name in self.file["scalars"].attrs["names"]]
        values = self.file["scalars/values"][()]
        self.scalars = {name.rstrip("\0"): values[:, i] for i, name in enumerate(names)}
        self.scalar_steps = self.file["scalars/steps"][()]

    def __getitem__(self, name):
        return self.file[f"layers/{name}/values"][()]

    def steps(self, name):
        return self.file[f"layers/{name}/steps"][()]


def check(condition, sentence):
    if not condition:
        sys.exit("FAILED: " + sentence)
