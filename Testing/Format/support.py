# SPDX-License-Identifier: BSD-3-Clause
"""The run files that other tests are made of (Testing/Support/run_file.py) are what the page says, in
both versions, for every type, bfloat16 among them."""

import h5py
import numpy as np
import run_file
import table
from run_file import Tensor

run_file.lenet("lenet.tvh5", steps=4, filters=7, channels=3)
assert table.check("lenet.tvh5") == 1

values = np.round(np.random.default_rng(1).normal(size=(3, 4, 5)) * 4) / 4  # exact in all of them
types = {"f2": "<f2", "f4": "<f4", "f8": "<f8", "bf16": run_file.bfloat16()}
tensors = {f"{name}/weights": Tensor("oi", values.astype("f4"), range(3), dtype=dtype) for name, dtype in types.items()}
for version in (1, 2):
    path = f"types_{version}.tvh5"
    run_file.write_run(path, tensors, filters={"f4": (np.full((2, 4), -1), [0, 2])}, version=version)
    assert table.check(path) == version
    with h5py.File(path, "r") as file:
        for name in types:
            dataset = file[f"layers/{name}/weights/values"]
            assert dataset.id.get_type().get_size() == {"f2": 2, "f4": 4, "f8": 8, "bf16": 2}[name]
            assert np.array_equal(dataset[...], values), name

# What only version 2 has.
random = np.random.default_rng(2)
tensors = {
    "encoder/0/conv.3d/activations": Tensor(
        "cdhw", random.normal(size=(3, 4, 5, 6, 7)), [0, 2, 4], [9, 9, 2], chunks=(2, 3, 2, 6, 4)
    ),
    "encoder/0/conv.3d/weights": Tensor("goihw", random.normal(size=(5, 2, 3, 4, 3, 3)).astype("<f4"), range(5)),
    "mask/mask": Tensor("oi", random.normal(size=(5, 3, 4)) > 0, range(5)),
    "counts/batches": Tensor("", np.arange(5, dtype="<i8"), range(5)),
    "./bias": Tensor("o", random.integers(-9, 9, (5, 3)).astype("i1"), range(5)),
    "100 %/bias": Tensor("o", random.integers(0, 9, (5, 3)).astype("u1"), range(5)),
    "é" * 127 + "/bias": Tensor("o", random.integers(0, 9, (5, 3)).astype("<i4"), range(5)),
}
filters = {"encoder/0/conv.3d": (np.full((2, 6), -1), [0, 3])}
scalars = {"l" * 255: np.arange(5.0), "loss": np.full(5, np.nan)}
for checks in (True, False):
    run_file.write_run("second.tvh5", tensors, scalars, range(5), filters, version=2, checks=checks, complete=[0, 2, 4])
    assert table.check("second.tvh5") == 2
run_file.write_run("second.part1.tvh5", {"a/b": Tensor("o", np.ones((1, 3)), [5])}, version=2, part=1)
table.check("second.part1.tvh5", part=1)
