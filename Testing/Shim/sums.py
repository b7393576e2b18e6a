# SPDX-License-Identifier: BSD-3-Clause
"""Batch sums against numpy, for every type; bit for bit the same for any number of threads."""

import h5py
import numpy as np
from shim import TV_BFLOAT16, TV_FLOAT16, TV_FLOAT32, TV_FLOAT64, Run, bfloat16

EPS = {"f4": 2.0**-24, "f8": 2.0**-53}


def sums(batches, threads):
    """The shim's sums of [(type, array)] with that many threads, as h5py reads them."""
    with Run("sums.tvh5", overwrite=1, threads=threads) as run:
        tensors = [
            run.declare(f"layer {i}", "activations", number, "nc", data.shape)
            for i, (number, data) in enumerate(batches)
        ]
        for tensor, (_, data) in zip(tensors, batches):
            run.write(tensor, 0, data)
    with h5py.File("sums.tvh5", "r") as file:
        return [file[f"layers/layer {i}/activations/values"][0] for i in range(len(batches))]


def batches():
    """[(type, what is passed, what it means in float64)]"""
    random = np.random.default_rng(5)
    for samples in (1, 2, 3, 4, 5, 8, 50):
        for elements in (1, 3, 10, 2047, 2048, 2049, 12544, 70001):
            x = random.normal(100, 50, (samples, elements))
            for number, name in ((TV_FLOAT32, "f4"), (TV_FLOAT64, "f8"), (TV_FLOAT16, "f2")):
                yield number, x.astype(name), x.astype(name).astype("f8")
            bits, meant = bfloat16(x)
            yield TV_BFLOAT16, bits, meant.astype("f8")


def same(a, b):
    return a.dtype == b.dtype and a.tobytes() == b.tobytes()


def main():
    every = list(batches())
    given = [(number, data) for number, data, _ in every]
    serial = sums(given, 1)
    for threads in (2, 3, 7, 0):
        assert all(map(same, serial, sums(given, threads))), f"{threads} threads"
    for (number, _, meant), got in zip(every, serial):
        assert got.dtype == ("f8" if number == TV_FLOAT64 else "f4")
        # the header's bound: a rounding for each of samples / 4 + 2 additions
        bound = (len(meant) / 4 + 2) * EPS[got.dtype.str[1:]] * np.abs(meant).sum(axis=0)
        error = np.abs(got - meant.astype("longdouble").sum(axis=0))
        assert (error <= bound).all(), (number, meant.shape, error.max())

    # every half and every bfloat16 there is, alone in its batch: widened exactly
    bits = np.arange(65536, dtype=np.uint16)[None]
    half, brain = sums([(TV_FLOAT16, bits), (TV_BFLOAT16, bits)], 1)
    with np.errstate(invalid="ignore"):
        assert np.array_equal(half, bits.view("f2")[0].astype("f4"), equal_nan=True)
    assert np.array_equal(brain, (bits[0].astype("u4") << 16).view("f4"), equal_nan=True)
    assert np.array_equal(np.signbit(half), np.signbit(bits.view("f2")[0]))

    # what is not finite passes through
    x = np.ones((6, 4), "f4")
    x[2, 0], x[3, 1], x[1, 2], x[4, 2] = np.nan, np.inf, np.inf, -np.inf
    got = sums([(TV_FLOAT32, x)], 1)[0]
    assert np.isnan(got[0]) and got[1] == np.inf and np.isnan(got[2]) and got[3] == 6
    print(len(every), "batches")


main()
