# SPDX-License-Identifier: BSD-3-Clause
"""What the shim writes, read by h5py and compared with numpy: every axis order, every type."""

import itertools
import os

import h5py
import numpy as np
from shim import TV_BFLOAT16, TV_FLOAT16, TV_FLOAT32, TV_FLOAT64, Run, bfloat16

SIZE = dict(o=6, i=3, c=6, h=5, w=4, n=7)
PLAIN = ["oihw", "hwio", "ohwi", "oi", "io", "o", "c", "chw", "hwc", "mm"]
BATCHES = ["nchw", "nhwc", "nc"]
TYPES = {"f4": TV_FLOAT32, "f8": TV_FLOAT64, "f2": TV_FLOAT16, "bf16": TV_BFLOAT16}
STEPS = [0, 1, 4, 9]


def shape(axes):
    return tuple(SIZE.get(a, 6) for a in axes)


def sample(random, axes, number):
    """Data as the trainer passes it, and the same as float64 or float32 with exact values."""
    values = random.normal(0, 3, shape(axes))
    if number == "bf16":
        return bfloat16(values)
    data = values.astype(number)
    return data, data


def write(path, random):
    expected = {}
    with Run(path, overwrite=1, threads=2) as run:
        tensors = {}
        for axes, number in itertools.product(PLAIN + BATCHES, TYPES):
            layer = f"{axes} {number}"
            tensors[axes, number] = run.declare(layer, "values_1", TYPES[number], axes, shape(axes))
            expected[layer] = []
        for step in STEPS:
            for (axes, number), tensor in tensors.items():
                data, meant = sample(random, axes, number)
                if axes in BATCHES and step == 4:
                    run.write_batch(tensor, step, data, 5)
                    meant = meant[:5]
                else:
                    run.write(tensor, step, data)
                expected[f"{axes} {number}"].append(meant)
    return expected


def main():
    path = "values.tvh5"
    expected = write(path, np.random.default_rng(7))
    with h5py.File(path, "r") as file:
        assert file.attrs["format"] == b"TensorView"
        assert len(file["layers"]) == len(expected)
        for index, (layer, records) in enumerate(expected.items()):
            axes, number = layer.split()
            group = file["layers"][layer]
            assert group.attrs["index"] == index
            stream = group["values_1"]
            values = stream["values"]
            assert stream.attrs["axes"].decode() == axes.lstrip("n"), layer
            assert values.maxshape[0] is None
            assert list(stream["steps"]) == STEPS
            if axes in BATCHES:
                assert list(stream["samples"]) == [7, 7, 5, 7]
                wide = np.stack([np.asarray(r, np.float64).sum(axis=0) for r in records])
                assert values.dtype == ("f8" if number == "f8" else "f4"), layer
                # 7 additions of numbers of about 3: a few roundings of the largest partial sum
                tolerance = 1e-13 if number == "f8" else 5e-6
                assert np.abs(values[...] - wide).max() < tolerance, layer
            else:
                assert "samples" not in stream
                want = np.stack(records)
                bits = values.id.get_type()
                assert bits.get_size() == {"f4": 4, "f8": 8, "f2": 2, "bf16": 2}[number]
                if number == "bf16":
                    assert bits.get_fields() == (15, 7, 8, 0, 7) and bits.get_ebias() == 127
                    got = values.astype("f4")[...]
                else:
                    assert values.dtype == number, layer
                    got = values[...]
                assert got.shape == want.shape and np.array_equal(got, want), layer
    print(len(expected), "tensors,", os.path.getsize(path), "bytes")


main()
