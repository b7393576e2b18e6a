# SPDX-License-Identifier: BSD-3-Clause
"""Somebody writes a run file of version 2 with h5py and xxhash, from the page in
Data/Shim/include/tensorview/format.h alone: a tensor of every kind, checks, /complete, two parts.

Nothing here is ours. Run with a path it is the test: the file is what the page says.

    TENSORS            "layer/kind" -> (axes, values [T, ...], steps, samples or None)
    PART               the same, of the second part"""

import itertools

import h5py
import numpy as np
import xxhash

STEPS = 3
random = np.random.default_rng(5)


def normal(*shape, dtype="<f4"):
    return random.normal(size=(STEPS, *shape)).astype(dtype)


def whole(low, high, *shape, dtype):
    return random.integers(low, high, size=(STEPS, *shape)).astype(dtype)


ALL = range(STEPS)
TENSORS = {
    "layer1.0.conv2/weights": ("oihw", normal(6, 3, 3, 3), ALL, None),
    "encoder/0/conv3d/weights": ("oidhw", normal(4, 2, 3, 3, 3), ALL, None),
    "encoder/0/conv3d/activations": ("cdhw", normal(4, 5, 6, 7, dtype="<f8"), ALL, [32, 32, 7]),
    "encoder/0/grouped/weights": ("goihw", normal(2, 3, 2, 3, 3), ALL, None),
    "encoder/1/transposed/weights": ("iohw", normal(3, 6, 2, 2), ALL, None),
    "encoder/1/depthwise/weights": ("ohw", normal(6, 3, 3), ALL, None),
    "encoder/1/conv1d/weights": ("oiw", normal(6, 3, 5), ALL, None),
    "embedding/weights": ("ve", normal(50, 8), ALL, None),
    "attention/scores": ("aqk", normal(4, 9, 9), ALL, [16, 16, 16]),
    "attention/averaged": ("hw", normal(9, 9), ALL, [16, 16, 16]),
    "tokens/activations": ("te", normal(12, 8, dtype="<f2"), ALL, [16, 16, 3]),
    "norm/running_mean": ("c", normal(6), ALL, None),
    "norm/batches": ("", whole(0, 2**40, dtype="<i8"), ALL, None),
    "eight/weights": ("abcdefgh", normal(2, 1, 2, 1, 2, 1, 2, 3), ALL, None),
    "moments/moments": ("mm", normal(7, 7, dtype="<f8"), ALL, None),
    "quantised/weights": ("oi", whole(-128, 128, 5, 4, dtype="i1"), ALL, None),
    "quantised/zero": ("o", whole(0, 256, 5, dtype="u1"), ALL, None),
    "quantised/counts": ("o", whole(-(2**31), 2**31, 5, dtype="<i4"), ALL, None),
    "mask/mask": ("oi", random.normal(size=(STEPS, 5, 4)) > 0, ALL, None),
    "50 % off/bias": ("o", normal(5), [1, 2], None),
    "../bias": ("o", normal(5), ALL, None),
}
TENSORS["50 % off/bias"] = ("o", TENSORS["50 % off/bias"][1][:2], [1, 2], None)
PART = {
    "layer1.0.conv2/weights": ("oihw", normal(6, 3, 3, 3), range(3, 6), None),
    "late/bias": ("o", normal(5), range(3, 6), None),
}
STATES = np.array([[-1] * 6, [-1, -1, 1, -3, -2, -1]], "<i4")
LOSS = np.exp(-np.arange(2 * STEPS))


def xxh3(data, seed=0):
    return xxhash.xxh3_64_intdigest(data, seed)


def int64(*numbers):
    return np.array(numbers, "<i8").tobytes()


def text(value):
    return np.array(value.encode(), h5py.string_dtype("utf-8", max(1, len(value.encode()))))


def group_name(layer):
    name = layer.replace("%", "%25").replace("/", "%2F")
    return name if layer not in (".", "..") else layer.replace(".", "%2E")


def add(group, values, steps, samples, chunk):
    """chunk: of a record, as the writer likes."""
    n = len(values)
    group.create_dataset("values", data=values, chunks=(1, *chunk), maxshape=(None, *values.shape[1:]))
    group.create_dataset("steps", data=np.array(steps, "<i8"), chunks=(64,), maxshape=(None,))
    if samples:
        group.create_dataset("samples", data=np.array(samples, "<i8"), chunks=(64,), maxshape=(None,))
    corners = [range(0, size, c) for size, c in zip(values.shape[1:], chunk)]
    checks = []
    for r in range(n):
        row = []
        for p, corner in enumerate(itertools.product(*corners)):
            piece = values[(r, *(slice(at, at + c) for at, c in zip(corner, chunk)))]
            place = int64(r, p, steps[r], samples[r] if samples else 0)
            row.append(xxh3(np.asarray(piece).tobytes(), xxh3(group.name.encode() + place)) or 1)
        checks.append(row)
    checks = np.array(checks, "<u8")
    group.create_dataset("checks", data=checks, chunks=(64, checks.shape[1]), maxshape=(None, checks.shape[1]))


def write(path, tensors, loss, steps, states=None, part=None):
    with h5py.File(path, "w", libver="latest") as file:
        file.attrs["format"] = text("TensorView")
        file.attrs["version"] = np.int32(2)
        if part:
            file.attrs["part"] = np.int32(part)
        layers, paths = [], []
        for name, (axes, values, when, samples) in tensors.items():
            layer, kind = name.rsplit("/", 1)
            path = f"/layers/{group_name(layer)}"
            if layer not in layers:
                file.create_group(path).attrs["index"] = np.int32(len(layers))
                layers.append(layer)
            group = file.create_group(f"{path}/{kind}")
            group.attrs["axes"] = text(axes)
            record = values.shape[1:]
            chunk = (4, 2, 3, 5) if name == "encoder/0/conv3d/activations" else record
            add(group, values, list(when), samples, chunk)
            paths.append(group.name)
        if states is not None:
            group = file.create_group("/layers/layer1.0.conv2/filters")
            add(group, states, [0, 2], None, states.shape[1:])
            paths.append(group.name)
        group = file.create_group("scalars")
        group.attrs["names"] = np.array([b"loss"], h5py.string_dtype("utf-8", 4))
        add(group, loss[:, None], list(steps), None, (1,))
        paths.append("/scalars")
        rows = []
        for r, step in enumerate(steps):
            row = [step] + [int(np.sum(file[p]["steps"][...] <= step)) for p in paths]
            check = xxh3(int64(*row), xxh3(b"/complete" + int64(r))) or 1
            rows.append(row + [np.uint64(check).astype(np.int64)])
        width = len(rows[0])
        file.create_dataset("complete", data=np.array(rows, "<i8"), chunks=(8, width), maxshape=(None, width))
        names = [p.encode() for p in paths]
        file["complete"].attrs["streams"] = np.array(names, h5py.string_dtype("utf-8", max(map(len, names))))


if __name__ == "__main__":
    import sys

    import table

    whole_path = sys.argv[1]
    part_path = whole_path.replace(".tvh5", ".part1.tvh5")
    write(whole_path, TENSORS, LOSS[:STEPS], range(STEPS), STATES)
    write(part_path, PART, LOSS[STEPS:], range(STEPS, 2 * STEPS), part=1)
    table.check(whole_path)
    table.check(part_path, part=1)
    # The table's reader notices what is not right.
    for path, place in (("layers/norm/running_mean/checks", (1, 0)), ("complete", (2, -1))):
        write("wrong.tvh5", TENSORS, LOSS[:STEPS], range(STEPS))
        with h5py.File("wrong.tvh5", "r+") as file:
            numbers = file[path][...]
            numbers[place] ^= np.array(1, numbers.dtype)
            file[path][...] = numbers
        noticed = False
        try:
            table.check("wrong.tvh5")
            with h5py.File("wrong.tvh5", "r") as file:  # the last row does not count any more
                noticed = max(table.check_complete(file, 2).values()) < STEPS
        except AssertionError:
            noticed = True
        assert noticed, path
