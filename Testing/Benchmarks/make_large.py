#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Large made-up run files for the benchmarks, written by h5py after Data/Shim/include/tensorview/format.h.

    make_large.py FOLDER [NAME ...] [--steps N] [--filters N]

    activations   conv1_1/activations [64, 224, 224], 100 steps, 1.3 GB (--steps, --filters)
    convolution   conv5_1/weights [512, 512, 3, 3], 3 steps, 28 MB
    matrix        fc6/weights [4096, 25088], one step, 411 MB
    history       conv1/weights [16, 1, 3, 3] and a loss, 44,000 steps, 25 MB

Files that are there are kept. The same command gives the same numbers: smooth maps that drift from
step to step, some of them similar (filters 8, 15 and 18; 32 and 61), filter 5 constant."""

import argparse
import os
import sys
import time

import h5py
import numpy as np

PIECE = 1 << 20  # bytes of a chunk, about


def fixed(text):
    """A fixed-length string, or a list of them, as an attribute."""
    if isinstance(text, str):
        return np.array(text.encode(), dtype=h5py.string_dtype("utf-8", len(text.encode())))
    encoded = [name.encode() for name in text]
    return np.array(encoded, dtype=h5py.string_dtype("utf-8", max(map(len, encoded))))


def chunk_of(shape):
    """Small rows many to a chunk; large ones cut along their slowest axis."""
    row = 4 * int(np.prod(shape))
    if row <= PIECE:
        return (max(1, PIECE // row),) + shape
    cut, rest = [], row
    for size in shape:
        rest //= size
        cut.append(max(1, min(size, PIECE // rest)))
    return (1,) + tuple(cut)


def open_run(path):
    file = h5py.File(path, "w", libver="latest")
    file.attrs["format"] = fixed("TensorView")
    file.attrs["version"] = np.int32(1)
    file.attrs["writer"] = fixed("make_large.py")
    file.create_group("layers")
    return file


def add_stream(group, shape, steps, samples=None, kind="<f4"):
    steps = np.asarray(steps, "<i8")
    long = {"maxshape": (None,), "chunks": (4096,)}
    group.create_dataset("steps", data=steps, **long)
    if samples:
        group.create_dataset("samples", data=np.full(len(steps), samples, "<i8"), **long)
    return group.create_dataset(
        "values", (len(steps),) + shape, kind, maxshape=(None,) + shape,
        chunks=chunk_of(shape), fletcher32=True)


def add_tensor(file, layer, kind, axes, shape, steps, samples=None):
    layers = file["layers"]
    if layer not in layers:
        layers.create_group(layer).attrs["index"] = np.int32(len(layers) - 1)
    group = layers[layer].create_group(kind)
    group.attrs["axes"] = fixed(axes)
    return add_stream(group, shape, steps, samples)


def maps(filters, side=224, seed=0):
    """[filters, side, side]: sums of waves, positive, each filter of its own."""
    y, x = np.mgrid[0:side, 0:side].astype("f4") / side
    out = np.empty((filters, side, side), "f4")
    for f in range(filters):
        random = np.random.default_rng((seed, f))
        a, b, c, d = random.uniform(2, 25, 4).astype("f4")
        phase, offset = random.uniform(0, 6, 2).astype("f4")
        out[f] = np.maximum(np.sin(a * x + b * y + phase) + np.cos(c * x * y + d * y) + 0.3, 0)
        out[f] += 0.05 * random.random((side, side), "f4")
    return 32 * out


def activations(path, steps, filters):
    base, drift = maps(filters), maps(filters, seed=1)
    for first, others in ((8, (15, 18)), (32, (61,))):
        for other in others:
            if other < filters:
                base[other] = 1.5 * base[first] + 3
                drift[other] = 1.5 * drift[first]
    if filters > 5:
        base[5] = drift[5] = 0
    with open_run(path) as file:
        values = add_tensor(
            file, "conv1_1", "activations", "chw", base.shape, range(steps), samples=32)
        for step in range(steps):
            values[step] = base + np.float32(np.sin(0.1 * step) ** 2) * drift


def convolution(path):
    random = np.random.default_rng(2)
    with open_run(path) as file:
        values = add_tensor(file, "conv5_1", "weights", "oihw", (512, 512, 3, 3), range(3))
        weights = random.standard_normal((512, 512, 3, 3), np.float32) * np.float32(0.02)
        for step in range(3):
            values[step] = weights * np.float32(1 + 0.1 * step)


def matrix(path):
    random = np.random.default_rng(3)
    with open_run(path) as file:
        values = add_tensor(file, "fc6", "weights", "oi", (4096, 25088), [0])
        for row in range(0, 4096, 256):
            values[0, row : row + 256] = random.standard_normal((256, 25088), np.float32) * 0.01


def history(path, steps=44000):
    random = np.random.default_rng(4)
    walk = np.cumsum(random.standard_normal((steps, 144), np.float32) * np.float32(0.002), axis=0)
    with open_run(path) as file:
        values = add_tensor(file, "conv1", "weights", "oihw", (16, 1, 3, 3), range(steps))
        values[...] = walk.reshape(steps, 16, 1, 3, 3)
        group = file.create_group("scalars")
        group.attrs["names"] = fixed(["loss"])
        add_stream(group, (1,), range(steps), kind="<f8")[:, 0] = np.exp(-np.arange(steps) / 9000)


def make(folder, name, **options):
    """The path of one of the files above, made where it is not there yet."""
    suffix = "".join("_%d" % value for value in options.values())
    path = os.path.join(folder, name + suffix + ".tvh5")
    if not os.path.exists(path):
        os.makedirs(folder, exist_ok=True)
        part = path + ".part"
        if os.path.exists(part):
            os.remove(part)
        makers = {"activations": activations, "convolution": convolution, "matrix": matrix,
                  "history": history}
        makers[name](part, **options)
        os.replace(part, path)
    return path


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = ["activations", "convolution", "matrix", "history"]
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--steps", type=int, default=100, help="of activations")
    parser.add_argument("--filters", type=int, default=64, help="of activations")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in names:
            sys.exit("make_large.py: there is no '%s'; there are %s" % (name, ", ".join(names)))
    for name in arguments.names or names:
        options = {}
        if name == "activations":
            options = {"steps": arguments.steps, "filters": arguments.filters}
        begin = time.time()
        path = make(arguments.folder, name, **options)
        print("%s: %.0f MB, %.1f s" % (path, os.path.getsize(path) / 1e6, time.time() - begin))


if __name__ == "__main__":
    main()
