# SPDX-License-Identifier: BSD-3-Clause
"""Every kind of tensor that version 2 has, written by the shim, as h5py reads it; further parts; threads
that the system does not give."""

import os
import resource
import sys

import h5py
import numpy as np
import shim
from shim import Run

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "Format"))
import table  # noqa: E402

STEPS = 4
random = np.random.default_rng(3)
TYPES = {"f4": shim.TV_FLOAT32, "f8": shim.TV_FLOAT64, "f2": shim.TV_FLOAT16, "i1": shim.TV_INT8,
         "u1": shim.TV_UINT8, "i4": shim.TV_INT32, "i8": shim.TV_INT64, "?": shim.TV_BOOL}
AXES = {"": (), "ve": (9, 4), "oidhw": (3, 2, 2, 3, 3), "goihw": (2, 3, 2, 3, 3), "aqk": (2, 5, 5),
        "abcdefgh": (2, 1, 2, 1, 2, 1, 2, 1), "ohw": (4, 3, 3), "mm": (5, 5)}
BATCHES = {"nchw": (6, 2, 3, 4), "chwn": (2, 3, 4, 6), "wnc": (4, 6, 3), "n": (6,)}


def numbers(shape, kind):
    return (random.normal(0, 3, shape) > 0) if kind == "?" else random.integers(0, 90, shape).astype(kind)


def every_kind():
    expected = {}
    with Run("kinds.tvh5", overwrite=1, threads=2) as run:
        tensors = {}
        for axes, shape in {**AXES, **BATCHES}.items():
            for kind, number in TYPES.items():
                layer = f"encoder/{axes or 'none'}/{kind}"
                tensors[layer] = axes, kind, shape, run.declare(layer, "values_1", number, axes, shape)
                expected[layer] = []
        for step in range(STEPS):
            for layer, (axes, kind, shape, tensor) in tensors.items():
                data = numbers(shape, kind)
                run.write(tensor, step, data)
                wide = data.astype("f8")
                expected[layer].append(wide.sum(axis=axes.index("n")) if "n" in axes else wide)
    assert table.check("kinds.tvh5") == 2
    with h5py.File("kinds.tvh5") as file:
        for layer, (axes, kind, _, _) in tensors.items():
            stream = file["layers"][layer.replace("/", "%2F")]["values_1"]
            assert stream.attrs["axes"].decode() == axes.replace("n", ""), layer
            stored = stream["values"]
            wide = "f8" if kind in ("f8", "i4", "i8") else "f4"
            assert stored.dtype == (wide if "n" in axes else kind), (layer, stored.dtype)
            assert np.array_equal(stored[...].astype("f8"), np.stack(expected[layer])), layer
            assert not ("n" in axes) or list(stream["samples"]) == [6] * STEPS
    print(len(tensors), "kinds of tensors")


def parts():
    with Run("parts.tvh5", overwrite=1) as run:
        w = run.declare("a", "weights", shim.TV_FLOAT32, "o", (3,))
        s = run.declare("a", "activations", shim.TV_FLOAT32, "nc", (2, 3))
        for step in range(9):
            run.write(w, step, np.full(3, step, "f4"))
            if step == 3:  # in the middle of a step
                late = run.declare("b/c", "bias", shim.TV_INT8, "o", (2,))
            if step >= 3:
                run.write(late, step, np.full(2, step, "i1"))
            run.write_sum(s, step, np.full(3, step, "f4"), 1000 + step)
            run.record(step, "loss", step)
            if step == 6:
                run.record(step, "later", 1.0)
    assert not os.path.exists("parts.part3.tvh5")
    found = {}
    for part, path in enumerate(("parts.tvh5", "parts.part1.tvh5", "parts.part2.tvh5")):
        table.check(path, part=part or None)
        with h5py.File(path) as file:
            for name in ("layers/a/weights", "layers/a/activations", "layers/b%2Fc/bias", "scalars"):
                if name in file:
                    found.setdefault(name, []).extend(zip(file[name]["steps"][:], file[name]["values"][:, 0]))
            if "layers/a/activations" in file:
                group = file["layers/a/activations"]
                assert list(group["samples"]) == [1000 + step for step in group["steps"]]
    for name, records in found.items():
        first = 3 if "bias" in name else 0
        assert [step for step, _ in records] == list(range(first, 9)), (name, records)
        assert all(value == step for step, value in records), name


def no_threads():
    """As a user who may start no process or thread: OpenMP would end this one."""
    child = os.fork()
    if child == 0:
        try:
            if os.getuid() == 0:
                os.setgroups([])
                os.setgid(54321)
                os.setuid(54321)
            resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
            with Run("limit.tvh5", overwrite=1, threads=8) as run:
                tensor = run.declare("a", "activations", shim.TV_FLOAT32, "nc", (4, 100000))
                run.write(tensor, 0, np.ones((4, 100000), "f4"))
            with h5py.File("limit.tvh5") as file:
                assert (file["layers/a/activations/values"][0] == 4).all()
            os._exit(0)
        except BaseException as error:
            print(repr(error))
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert status == 0, status


every_kind()
parts()
os.makedirs("limited", exist_ok=True)
os.chmod("limited", 0o777)
os.chdir("limited")
if os.path.exists("limit.tvh5"):
    os.remove("limit.tvh5")
no_threads()
