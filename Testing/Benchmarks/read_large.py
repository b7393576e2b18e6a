# SPDX-License-Identifier: BSD-3-Clause
"""The reader at full size, each figure as a ratio to h5py's in the same process.

    pvpython Testing/Benchmarks/read_large.py [--folder /tmp/tensorview-large] [--rounds 5]
                                              [--table read.md]

A fully connected layer of 103 million weights as torch and as TensorFlow have it, a large convolution,
the activations of VGG16's first layer step by step, and the history of three weights through 44,000
steps, and of all 144. Both read from the page cache, take turns, and the quickest of the rounds
counts; memory is what the process held at its peak beyond what it held before."""

import argparse
import ctypes
import gc
import os
import sys
import time

import h5py
import numpy as np
from paraview import simple

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "Support")]
os.environ.setdefault(
    "TENSORVIEW_PLUGIN", os.path.join(HERE, "..", "..", "build", "lib", "TensorView", "TensorView.so")
)
import make_large
from reading import reader
from tensors import load_plugin

parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
parser.add_argument("--folder", default="/tmp/tensorview-large")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--table")
options = parser.parse_args()
load_plugin()
libc = ctypes.CDLL(None)
libc.mallopt(-3, 1 << 16)  # M_MMAP_THRESHOLD: what is freed goes back, and what is used shows


def transposed(folder):
    """The matrix with its axes the other way round, as TensorFlow has it."""
    path = os.path.join(folder, "matrix_io.tvh5")
    if not os.path.exists(path):
        with h5py.File(make_large.make(folder, "matrix"), "r") as file:
            weights = file["layers/fc6/weights/values"][0].T
        with make_large.open_run(path + ".part") as file:
            values = make_large.add_tensor(file, "fc6", "weights", "io", weights.shape, [0])
            values[0] = weights
        os.replace(path + ".part", path)
    return path


def resident(field):
    with open("/proc/self/status") as file:
        (line,) = [line for line in file if line.startswith(field)]
    return int(line.split()[1]) * 1024


def measured(work):
    """Seconds, and bytes at the peak beyond those before."""
    gc.collect()
    libc.malloc_trim(0)
    before = resident("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")
    begin = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - begin
    del result
    return seconds, resident("VmHWM") - before


def ours(path, port, times, **properties):
    """Opens the file as ParaView does and reads an output at some times."""

    def work():
        source = reader(path, **properties)
        algorithm = source.GetClientSideObject()
        source.UpdateVTKObjects()
        algorithm.UpdateInformation()
        executive = algorithm.GetExecutive()
        for when in times:
            executive.GetOutputInformation(port).Set(executive.UPDATE_TIME_STEP(), float(when))
            algorithm.Update(port)
        simple.Delete(source)
        return algorithm

    return work


def theirs(path, name, select):
    def work():
        with h5py.File(path, "r") as file:
            return select(file["layers/" + name + "/values"])

    return work


def each_step(dataset):
    for step in range(len(dataset)):
        record = dataset[step]
    return record


def main():
    folder = options.folder
    matrix, history = make_large.make(folder, "matrix"), make_large.make(folder, "history")
    convolution = make_large.make(folder, "convolution")
    steps = 20
    maps = make_large.make(folder, "activations", steps=steps, filters=64)
    first = np.s_[0]
    cases = [
        ("[4096, 25088], oi", 411.0, ours(matrix, 0, [0]), theirs(matrix, "fc6/weights", lambda d: d[first])),
        (
            "[25088, 4096], io",
            411.0,
            ours(transposed(folder), 0, [0]),
            theirs(transposed(folder), "fc6/weights", lambda d: np.ascontiguousarray(d[first].T)),
        ),
        ("[512, 512, 3, 3], oihw", 9.4, ours(convolution, 0, [0]), theirs(convolution, "conv5_1/weights", lambda d: d[first])),
        (f"[64, 224, 224], {steps} steps", 12.8, ours(maps, 0, range(steps)), theirs(maps, "conv1_1/activations", each_step)),
        ("3 of 144 weights, 44,000 steps", 1.1, ours(history, 1, [0]), theirs(history, "conv1/weights", lambda d: d[:, 0, 0, 0, :3])),
        ("all 144 weights, 44,000 steps", 26.0, ours(history, 1, [0], HistoryElements="0-143"), theirs(history, "conv1/weights", lambda d: d[...])),
    ]  # fmt: skip
    lines = [
        "| read | TensorSnapshotReader | h5py | ratio | peak memory | of the data |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, size, mine, peer in cases:
        best = [(np.inf, np.inf)] * 2
        for _ in range(options.rounds):
            for k, work in enumerate((mine, peer)):
                best[k] = tuple(map(min, best[k], measured(work)))
        (seconds, memory), (others, _) = best
        lines.append(
            f"| {name} | {seconds * 1e3:.0f} ms | {others * 1e3:.0f} ms | {seconds / others:.2f} | "
            f"{memory / 1e6:.0f} MB | {memory / 1e6 / size:.2f} |"
        )
    table = "\n".join(lines) + "\n"
    print(table)
    if options.table:
        with open(options.table, "w") as file:
            file.write(table)


main()
