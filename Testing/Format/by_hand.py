# SPDX-License-Identifier: BSD-3-Clause
"""Somebody writes a run file with h5py, from the table in Data/Shim/include/tensorview/format.h alone.

Nothing here is ours. Run with a path it is the test: the file is what the table says; shown.py has
the plugin show it."""

import h5py
import numpy as np

STEPS = 4
random = np.random.default_rng(3)
WEIGHTS = random.normal(size=(STEPS, 8, 3, 5, 5)).astype("<f4")
MAPS = random.gamma(2.0, size=(2, 8, 6, 7)).astype("<f8")
HALF = random.normal(size=(STEPS, 10, 24)).astype("<f2")
BRAIN = (np.round(random.normal(size=(STEPS, 10)) * 8) / 8).astype("<f4")  # exact in bfloat16
LOSS = np.exp(-np.arange(STEPS))


def write(path):
    text = lambda value: np.array(value.encode(), h5py.string_dtype("utf-8", len(value.encode())))

    def stream(group, values, steps, type=None, samples=None, **filters):
        chunks, grows = (1,) + values.shape[1:], (None,) + values.shape[1:]
        group.create_dataset(
            "values", data=values, dtype=type, chunks=chunks, maxshape=grows, fletcher32=True, **filters
        )
        group.create_dataset("steps", data=np.array(steps, "<i8"), chunks=(64,), maxshape=(None,))
        if samples:
            group.create_dataset("samples", data=np.array(samples, "<i8"), chunks=(64,), maxshape=(None,))

    brain = h5py.h5t.IEEE_F32LE.copy()  # bfloat16: sign at 15, 8 bits of exponent at 7, 7 bits at 0
    brain.set_fields(15, 7, 8, 0, 7)
    brain.set_size(2)
    brain.set_ebias(127)

    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["format"] = text("TensorView")
        file.attrs["version"] = np.int32(1)
        tensors = {
            "conv1/weights": ("oihw", WEIGHTS, range(STEPS), None, None),
            "conv1/activations": ("chw", MAPS, [0, 3], None, [50, 32]),
            "fc1/weights": ("oi", HALF, range(STEPS), None, None),
            "fc1/bias": ("o", BRAIN, range(STEPS), h5py.Datatype(brain), None),
        }
        for index, layer in enumerate(["conv1", "fc1"]):
            file.create_group(f"layers/{layer}").attrs["index"] = np.int32(index)
        for name, (axes, values, steps, type, samples) in tensors.items():
            group = file.create_group(f"layers/{name}")
            group.attrs["axes"] = text(axes)
            filters = dict(shuffle=True, compression="gzip") if name == "conv1/weights" else {}
            stream(group, values, steps, type, samples, **filters)
        states = np.array([[-1] * 8, [-1, -1, 1, -3, -2, -1, -1, -1]], "<i4")
        stream(file.create_group("layers/conv1/filters"), states, [0, 2])
        scalars = file.create_group("scalars")
        scalars.attrs["names"] = np.array([b"loss"], h5py.string_dtype("utf-8", 4))
        stream(scalars, LOSS[:, None], range(STEPS))


if __name__ == "__main__":
    import sys

    import table

    write(sys.argv[1])
    table.check(sys.argv[1])
    with h5py.File(sys.argv[1], "r") as file:
        assert np.array_equal(file["layers/fc1/bias/values"][...], BRAIN)
        assert file["layers/fc1/bias/values"].id.get_type().get_size() == 2
