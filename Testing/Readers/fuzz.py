# SPDX-License-Identifier: BSD-3-Clause
"""Some hundred damaged run files of both versions, of the first in the newer and in the older form
that h5py writes."""

import subprocess
import sys

import h5py
import numpy as np
from run_file import Tensor, fixed, write_run

SEED = np.random.default_rng(0)


def newer(path):
    """With everything that the format has."""
    write_run(
        path,
        {
            "conv1/weights": Tensor("hwio", SEED.normal(0, 1, (6, 3, 3, 2, 4)).astype("<f4"), range(6)),
            "conv1/activations": Tensor("chw", SEED.normal(0, 1, (2, 4, 5, 5)).astype("<f2"), [0, 3], [5, 5]),
            "fc1/weights": Tensor("oi", SEED.normal(0, 1, (6, 3, 7)), range(6)),
        },
        {"loss": np.arange(6), "accuracy": np.arange(6)},
        range(6),
        {"conv1": (np.full((2, 4), -1), [0, 2])},
    )
    with h5py.File(path, "r+", libver="latest") as file:
        streams = ["layers/conv1/weights", "layers/conv1/activations", "layers/fc1/weights"]
        streams += ["layers/conv1/filters", "scalars"]
        rows = [[5] + [len(file[name]["steps"]) for name in streams]]
        file.create_dataset("complete", data=rows, maxshape=(None, 6), chunks=(16, 6))
        file["complete"].attrs["streams"] = fixed(["/" + name for name in streams])
        group = file["layers/fc1/weights"]
        values = group["values"][...]
        del group["values"]
        group.create_dataset(
            "values", data=values, maxshape=(None, 3, 7), chunks=(4, 2, 7), compression="gzip", fletcher32=True
        )


def older(path, source):
    """The same in HDF5's first file format, whose own structures have no checksums."""
    with h5py.File(path, "w") as file, h5py.File(source, "r") as other:
        for name, value in other.attrs.items():
            file.attrs[name] = value
        for name in other:
            other.copy(name, file)


def second(path):
    """Version 2, in which nothing is damaged silently."""
    write_run(
        path,
        {
            "block.0/conv/weights": Tensor("goihw", SEED.normal(0, 1, (6, 2, 2, 2, 3, 3)).astype("<f4"), range(6),
                chunks=(2, 1, 2, 2, 3, 2)),
            "block.0/conv/activations": Tensor("chw", SEED.normal(0, 1, (2, 4, 5, 5)).astype("<f2"), [0, 3], [5, 5]),
            "fc1/weights": Tensor("oi", SEED.normal(0, 1, (6, 3, 7)), range(6), chunks=(4, 3, 7)),
            "fc1/mask": Tensor("oi", SEED.random((6, 3, 7)) > 0.5, range(6)),
            "temperature/weights": Tensor("", SEED.integers(-9, 9, 6), range(6)),
        },
        {"loss": np.arange(6), "accuracy": np.arange(6)},
        range(6),
        {"block.0/conv": (np.full((2, 4), -1), [0, 2])},
        version=2,
        complete=range(6),
    )  # fmt: skip


newer("newer.tvh5")
older("older.tvh5", "newer.tvh5")
second("version2.tvh5")
for name in ("newer.tvh5", "older.tvh5", "version2.tvh5"):
    subprocess.run([sys.argv[1], name, "150", "1"], check=True)
