# SPDX-License-Identifier: BSD-3-Clause
"""Pruning a finished network: the report and the run that is written, against numpy; a network in
which a filter is an exact affine copy of another loses nothing; bad run files are refused."""

import os
import re
import shutil
import subprocess
import sys

import h5py
import numpy as np

from trainer import FASHION, Run, check, train

PRUNE = os.path.join(os.environ["TENSORVIEW_BUILD"], "bin", "tensorview-prune")


def prune(*options, expect=0, doubts=""):
    done = subprocess.run([PRUNE, *map(str, options)], capture_output=True, text=True)
    if done.returncode != expect:
        sys.exit(f"{options}: exit status {done.returncode}, not {expect}\n{done.stdout}{done.stderr}")
    if expect:
        check(done.stderr.count("\n") == 1 and done.stderr.endswith(".\n"), f"{done.stderr!r}")
        return done.stderr
    if doubts is not None:
        check(doubts in done.stderr and bool(doubts) == bool(done.stderr), f"{options}: {done.stderr!r}")
    rows = {}
    for line in done.stdout.splitlines()[1:6]:
        name, filters, parameters, multiplications, accuracy = line.split()[:5]
        rows[name] = filters, int(parameters), int(multiplications), float(accuracy)
    return rows


def refused(part, *options):
    sentence = prune(*options, "--output", "none", expect=1)
    check(part in sentence, f"{options}: '{sentence.strip()}' does not say '{part}'")


def relu(x):
    return np.maximum(x, 0)


def idx(name):
    import gzip

    data = gzip.open(f"{FASHION}/{name}.gz").read()
    return np.frombuffer(data, np.uint8, offset=16 if "images" in name else 8)


IMAGES = idx("t10k-images-idx3-ubyte").reshape(-1, 784) / np.float32(255)
LABELS = idx("t10k-labels-idx1-ubyte")


def accuracy(run, at):
    """The test accuracy of LeNet-300-100 from its recorded weights, pruned filters left out."""
    x = IMAGES
    for layer in ("fc1", "fc2", "fc3"):
        w, b = np.nan_to_num(run[f"{layer}/weights"][at]), np.nan_to_num(run[f"{layer}/bias"][at])
        x = x @ w.T + b
        x = x if layer == "fc3" else relu(x)
    return (x.argmax(1) == LABELS).mean()


COMMON = ["--data", FASHION, "--overwrite", "--record-activations", 0, "--samples", 20000]
train(*COMMON, "--network", "lenet-300-100", "--steps", 1200, "--output", "dense.tvh5",
      "--record-weights", 10000, "--record-large", 10000, "--record-moments", 10000,
      "--statistics-batches", 100)

rows = prune("--run", "dense.tvh5", "--ratio", "0.5", "--output", "half.tvh5", "--overwrite")
check(rows["before"][:3] == ("300-100", 266610, 266200), f"{rows}")
check(rows["affine"][:3] == ("150-50", 125810, 125600), f"{rows}")
check(rows["reconstruct"][3] > rows["before"][3] - 0.03, f"{rows}")
check(rows["reconstruct"][3] > rows["remove"][3], f"{rows}")
half = Run("half.tvh5")
for at, name in ((0, "before"), (1, "reconstruct")):
    check(abs(accuracy(half, at) - rows[name][3]) < 2e-4, f"numpy's accuracy {name}: {accuracy(half, at)}")
    check(abs(half.scalars["accuracy"][at] - rows[name][3]) < 1e-4, "the recorded accuracy")
states = half["fc1/filters"][-1]
check((states >= 0).sum() + (states == -2).sum() == 150, f"states of fc1: {states}")
again = prune("--run", "half.tvh5", "--keep", "100,50", "--gather", 50, "--output", "none")
check(again["before"][0] == "150-50" and again["sum"][0] == "100-50", f"a pruned network: {again}")
check(abs(again["before"][3] - rows["reconstruct"][3]) < 1e-4, f"a pruned network: {again}")

# A run that was trained for other images recorded another accuracy than these give.
shutil.copy("dense.tvh5", "other.tvh5")
with h5py.File("other.tvh5", "r+") as file:
    scalars = file["scalars"]
    del scalars["checks"]  # which are those of the values before
    scalars["values"][-1, list(scalars.attrs["names"]).index(b"accuracy")] = 0.1
prune("--run", "other.tvh5", "--ratio", "0.5", "--output", "none",
      doubts='"other.tvh5" recorded a test accuracy of 0.1000')

# An exact copy, up to scale: ReLU keeps a positive factor. Written into the run by h5py.
shutil.copy("dense.tvh5", "copy.tvh5")
with h5py.File("copy.tvh5", "r+") as file:
    weights, bias = file["layers/fc1/weights/values"], file["layers/fc1/bias/values"]
    w, b = weights[-1], bias[-1]
    del file["layers/fc1/weights/checks"], file["layers/fc1/bias/checks"]
    for to, of, scale in ((7, 3, 2.5), (9, 3, 0.4)):
        w[to], b[to] = scale * w[of], scale * b[of]
    weights[-1], bias[-1] = w, b
rows = prune("--run", "copy.tvh5", "--layers", "fc1", "--threshold", "0.99999", "--similarity", "moments",
             "--gather", 100, "--keep-dead", "--output", "none", doubts=None)
check(rows["affine"][0] == rows["reconstruct"][0] == "298-100", f"copies were not found: {rows}")
for way in ("affine", "reconstruct"):
    check(abs(rows[way][3] - rows["before"][3]) < 2e-4, f"{way} is not exact: {rows}")

# Convolutions, and the flattening behind them.
train(*COMMON, "--steps", 150, "--output", "maps.tvh5", "--record-weights", 10000, "--record-large", 10000,
      "--record-moments", 10000, "--statistics-batches", 10)
rows = prune("--run", "maps.tvh5", "--layers", "conv1,conv2", "--keep", "14,28", "--output", "none")
check(rows["reconstruct"][0] == "14-28-512", f"{rows}")
check(rows["reconstruct"][1] == 14 * 10 + 28 * (14 * 9 + 1) + 512 * (28 * 49 + 1) + 5130, f"{rows}")
check(rows["reconstruct"][3] > rows["before"][3] - 0.03, f"{rows}")

train(*COMMON, "--network", "lenet-300-100", "--steps", 1, "--output", "none.tvh5", "--record-large", 1)
refused("no second moments of fc1", "--run", "none.tvh5", "--ratio", "0.5")
refused("fc3", "--run", "dense.tvh5", "--layers", "fc3", "--ratio", "0.5")
refused("2 numbers for 1", "--run", "dense.tvh5", "--layers", "fc1", "--keep", "1,2")
refused("301 of the 300", "--run", "dense.tvh5", "--layers", "fc1", "--keep", "301")
refused("fc1: of 300 filters only one would be left", "--run", "dense.tvh5", "--layers", "fc1", "--threshold", "-1",
        "--similarity", "moments")
refused("fc1: merging all 300 filters into one", "--run", "dense.tvh5", "--layers", "fc1", "--keep", "1")
refused("none of complete, single", "--run", "dense.tvh5", "--linkage", "average")
refused("nowhere.tvh5: it cannot be opened: No such file", "--run", "nowhere.tvh5")
refused("not an HDF5 file", "--run", os.path.join(FASHION, "t10k-labels-idx1-ubyte.gz"))
refused("--run FILE is missing")
h5py.File("other.h5", "w").close()
refused("not a TensorView run", "--run", "other.h5")
shutil.copy("dense.tvh5", "broken.tvh5")
with h5py.File("broken.tvh5", "r+") as file:
    del file["layers/fc2/weights"]
    file["layers/fc2/weights"] = h5py.ExternalLink("dense.tvh5", "/layers/fc2/weights")
refused("fc2", "--run", "broken.tvh5", "--ratio", "0.5")
sys.exit(0)
