# SPDX-License-Identifier: BSD-3-Clause
"""Writes a run file (.tvh5) from h5py alone, after the table in Data/Shim/include/tensorview/format.h.

    write_run("run.tvh5", {
        "conv1/weights": Tensor("oihw", values, steps),          # values: [T, 16, 1, 3, 3]
        "conv1/activations": Tensor("chw", sums, steps, samples=[50, 50]),
    }, scalars={"loss": losses}, scalar_steps=steps, filters={"conv1": (states, steps)})

Tests use it where they need a file that our own shim has not touched. It writes version 1 unless
told otherwise; with version=2 also what only that has: axes of any letters, none at all, integers
and bool, names with slashes, checks, /complete and further parts:

    write_run("run.tvh5", {"encoder/0/mask": Tensor("qk", mask, steps)}, version=2, complete=[9])
    write_run("run.part1.tvh5", ..., version=2, part=1)
"""

import itertools
from typing import NamedTuple, Optional

import h5py
import numpy as np


class Tensor(NamedTuple):
    axes: str
    values: np.ndarray  # [T, ...] in the order of axes
    steps: object  # T integers, strictly increasing
    samples: Optional[object] = None  # T integers
    dtype: object = None  # numpy's or an h5py low-level type; default: that of values
    chunks: object = None  # of values; default: a record each


def bfloat16():
    """HDF5's description of bfloat16."""
    kind = h5py.h5t.IEEE_F32LE.copy()
    kind.set_fields(15, 7, 8, 0, 7)
    kind.set_size(2)
    kind.set_ebias(127)
    return kind


def fixed(text):
    """A fixed-length UTF-8 string (or a list of them) as HDF5 attributes want it."""
    if isinstance(text, str):
        data = text.encode()
        return np.array(data, dtype=h5py.string_dtype("utf-8", max(1, len(data))))
    encoded = [name.encode() for name in text]
    length = max([1] + [len(name) for name in encoded])
    return np.array(encoded, dtype=h5py.string_dtype("utf-8", length))


def escaped(layer):
    """A layer's name as the name of its group, from version 2 on."""
    if layer in (".", ".."):
        return layer.replace(".", "%2E")
    return layer.replace("%", "%25").replace("/", "%2F")


def xxh3(data, seed=0):
    import xxhash  # python3-xxhash; only files with checks need it

    return xxhash.xxh3_64_intdigest(data, seed)


def integers(*numbers):
    return np.array(numbers, "<i8").tobytes()


def stored(dataset):
    """All numbers of a dataset as bytes, unchanged: an array of void."""
    kind = dataset.id.get_type()
    data = np.empty(dataset.shape, f"V{kind.get_size()}")
    if data.size:
        dataset.id.read(h5py.h5s.ALL, h5py.h5s.ALL, data, mtype=kind)
    return data


def pieces(shape, chunk):
    """Where the pieces of a record are, in order: one slice for each axis."""
    return itertools.product(
        *[[slice(at, min(at + c, size)) for at in range(0, size, c)] for size, c in zip(shape, chunk)]
    )


def checks_of(group):
    """The dataset checks of a stream, computed from its other datasets."""
    values, path = group["values"], group.name.encode()
    steps = group["steps"][...]
    samples = group["samples"][...] if "samples" in group else np.zeros(len(steps), "<i8")
    rows = []
    for record, row in enumerate(stored(values)[: len(steps)]):
        row, parts = np.asarray(row), list(pieces(values.shape[1:], values.chunks[1:]))
        seeds = [xxh3(path + integers(record, p, steps[record], samples[record])) for p in range(len(parts))]
        rows.append([xxh3(row[part].tobytes(), seed) or 1 for part, seed in zip(parts, seeds)])
    return np.array(rows, "<u8").reshape(len(rows), -1)


def complete_row(index, numbers):
    """A row of /complete with its check."""
    check = xxh3(integers(*numbers), xxh3(b"/complete" + integers(index))) or 1
    return np.append(np.array(numbers, "<i8"), np.array([check], "<u8").view("<i8"))


def add_stream(group, values, steps, samples=None, dtype=None, chunks=None, checks=False):
    values = np.asarray(values)
    if chunks is None:
        chunks = (1,) + tuple(max(1, n) for n in values.shape[1:])
    if isinstance(dtype, h5py.h5t.TypeID):
        dtype = h5py.Datatype(dtype)  # as it is; otherwise h5py takes numpy's nearest, float32
    group.create_dataset(
        "values",
        data=values,
        dtype=dtype,
        maxshape=(None,) + values.shape[1:],
        chunks=chunks,
        fletcher32=not checks,
    )
    grows = dict(maxshape=(None,), chunks=(1024,))
    group.create_dataset("steps", data=np.asarray(steps, "<i8"), **grows)
    if samples is not None:
        group.create_dataset("samples", data=np.asarray(samples, "<i8"), **grows)
    if checks:
        numbers = checks_of(group)
        group.create_dataset(
            "checks", data=numbers, maxshape=(None, numbers.shape[1]), chunks=(256, numbers.shape[1])
        )


def add_complete(file, steps):
    """/complete with a row for each of these steps: what the streams have up to it."""
    paths = [f"/layers/{layer}/{kind}" for layer in file["layers"] for kind in file["layers"][layer]]
    paths += ["/scalars"] if "scalars" in file else []
    rows = [
        complete_row(index, [step] + [int(np.sum(file[path]["steps"][...] <= step)) for path in paths])
        for index, step in enumerate(steps)
    ]
    columns = 2 + len(paths)
    data = np.array(rows, "<i8").reshape(-1, columns)
    dataset = file.create_dataset("complete", data=data, maxshape=(None, columns), chunks=(16, columns))
    if paths:
        dataset.attrs["streams"] = fixed(paths)


def write_run(
    path, tensors, scalars=None, scalar_steps=None, filters=None, version=1, checks=None, complete=None, part=None
):
    """checks: whether streams have them (None: from version 2 on). complete: the steps for which
    /complete has rows (None: no such dataset). part: the number of a further part."""
    second = version >= 2
    add = dict(checks=version == 2 if checks is None else checks)
    name_of = escaped if second else str
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["format"] = fixed("TensorView")
        file.attrs["version"] = np.int32(version)
        if part is not None:
            file.attrs["part"] = np.int32(part)
        layers = file.create_group("layers")
        for name, tensor in tensors.items():
            layer, kind = name.rsplit("/", 1)
            layer = name_of(layer)
            if layer not in layers:
                layers.create_group(layer).attrs["index"] = np.int32(len(layers))
            group = layers[layer].create_group(kind)
            group.attrs["axes"] = fixed(tensor.axes)
            add_stream(
                group, tensor.values, tensor.steps, tensor.samples, tensor.dtype, tensor.chunks, **add
            )
        for layer, (states, steps) in (filters or {}).items():
            group = layers[name_of(layer)].create_group("filters")
            add_stream(group, np.asarray(states, "<i4"), steps, **add)
        if scalars:
            group = file.create_group("scalars")
            group.attrs["names"] = fixed(list(scalars))
            columns = np.stack([np.asarray(column, "<f8") for column in scalars.values()], axis=1)
            add_stream(group, columns, scalar_steps, **add)
        if complete is not None:
            add_complete(file, complete)


def lenet(path, steps=5, filters=16, channels=1, seed=0, size=28):
    """A small run with everything in it: random weights that walk, and activations of blobs."""
    random = np.random.default_rng(seed)
    weights = np.cumsum(random.normal(0, 0.1, (steps, filters, channels, 3, 3)), axis=0)
    maps = random.gamma(2.0, 1.0, (steps, filters, size, size))
    if filters > 4:
        maps[:, 4] = 2.0 * maps[:, 3] + 5.0  # similar to filter 3, with another scale and offset
    maps[:, filters - 1] = 0.0  # dead
    dense = np.cumsum(random.normal(0, 0.05, (steps, 10, 24)), axis=0)
    tensors = {
        "conv1/weights": Tensor("oihw", weights.astype("<f4"), range(steps)),
        "conv1/activations": Tensor("chw", maps.astype("<f4"), range(steps), [50] * steps),
        "fc1/weights": Tensor("oi", dense.astype("<f4"), range(steps)),
        "fc1/activations": Tensor(
            "c", random.gamma(2.0, 1.0, (steps, 10)).astype("<f4"), range(steps), [50] * steps
        ),
    }
    scalars = {
        "loss": np.exp(-np.arange(steps) / 3.0),
        "accuracy": 1 - np.exp(-np.arange(steps) / 3.0),
    }
    write_run(path, tensors, scalars, range(steps))
    return tensors, scalars


if __name__ == "__main__":
    import sys

    lenet(sys.argv[1] if len(sys.argv) > 1 else "synthetic.tvh5")
