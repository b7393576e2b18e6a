"""Writes a run file (.tvh5) from h5py alone, after the table in Data/Shim/include/tensorview/format.h.

    write_run("run.tvh5", {
        "conv1/weights": Tensor("oihw", values, steps),          # values: [T, 16, 1, 3, 3]
        "conv1/activations": Tensor("chw", sums, steps, samples=[50, 50]),
    }, scalars={"loss": losses}, scalar_steps=steps, filters={"conv1": (states, steps)})

Tests use it where they need a file that our own shim has not touched.
"""

from typing import NamedTuple, Optional

import h5py
import numpy as np


class Tensor(NamedTuple):
    axes: str
    values: np.ndarray  # [T, ...] in the order of axes
    steps: object  # T integers, strictly increasing
    samples: Optional[object] = None  # T integers
    dtype: object = None  # numpy's or an h5py low-level type; default: that of values


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


def add_stream(group, values, steps, samples=None, dtype=None):
    values = np.asarray(values)
    chunks = (1,) + tuple(max(1, n) for n in values.shape[1:])
    if isinstance(dtype, h5py.h5t.TypeID):
        dtype = h5py.Datatype(dtype)  # as it is; otherwise h5py takes numpy's nearest, float32
    group.create_dataset(
        "values",
        data=values,
        dtype=dtype,
        maxshape=(None,) + values.shape[1:],
        chunks=chunks,
        fletcher32=True,
    )
    group.create_dataset("steps", data=np.asarray(steps, "<i8"), maxshape=(None,), chunks=(1024,))
    if samples is not None:
        group.create_dataset(
            "samples", data=np.asarray(samples, "<i8"), maxshape=(None,), chunks=(1024,)
        )


def write_run(path, tensors, scalars=None, scalar_steps=None, filters=None, version=1):
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["format"] = fixed("TensorView")
        file.attrs["version"] = np.int32(version)
        layers = file.create_group("layers")
        for name, tensor in tensors.items():
            layer, kind = name.split("/")
            if layer not in layers:
                layers.create_group(layer).attrs["index"] = np.int32(len(layers))
            group = layers[layer].create_group(kind)
            group.attrs["axes"] = fixed(tensor.axes)
            add_stream(group, tensor.values, tensor.steps, tensor.samples, tensor.dtype)
        for layer, (states, steps) in (filters or {}).items():
            add_stream(layers[layer].create_group("filters"), np.asarray(states, "<i4"), steps)
        if scalars:
            group = file.create_group("scalars")
            group.attrs["names"] = fixed(list(scalars))
            columns = np.stack([np.asarray(column, "<f8") for column in scalars.values()], axis=1)
            add_stream(group, columns, scalar_steps)


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
