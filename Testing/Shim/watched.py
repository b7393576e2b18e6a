# SPDX-License-Identifier: BSD-3-Clause
"""What Testing/Shim/writer.c writes, and whether a file holds exactly that up to a step."""

import h5py
import numpy as np
import xxhash


def hash(step, i):
    return (np.asarray(step, np.int64)[..., None] * 31 + np.asarray(i, np.int64) * 7) % 9973


def batch(steps, samples, n):
    return np.stack([hash(s + np.arange(b), np.arange(n)).sum(axis=0) for s, b in zip(steps, samples)])


def states(steps):
    rows = np.full((len(steps), 16), -1)
    rows[np.asarray(steps) >= 10, 3] = 2
    return rows


# path: (every how many steps, values of those steps, samples of those steps or None)
STREAMS = {
    "/layers/conv1/weights": (1, lambda s: hash(s, np.arange(144)).reshape(-1, 16, 1, 3, 3), None),
    "/layers/conv1/activations": (
        3,
        lambda s: batch(s, [5] * len(s), 864).reshape(-1, 6, 12, 12),
        lambda s: np.full(len(s), 5),
    ),
    "/layers/fc1/weights": (7, lambda s: hash(s, np.arange(330000)).reshape(-1, 300, 1100), None),
    "/layers/fc1/activations": (
        1,
        lambda s: batch(s, np.where(s % 2, 9, 64), 11),
        lambda s: np.where(s % 2, 9, 64),
    ),
    "/layers/conv1/filters": (5, states, None),
    "/scalars": (
        1,
        lambda s: np.stack(
            [np.where(s % 4 == 0, 1.0 / (1.0 + s), np.nan), hash(s, [0])[:, 0]], axis=1
        ),
        None,
    ),
}


def right(index, row):
    """Whether a row of /complete has its check."""
    seed = xxhash.xxh3_64_intdigest(b"/complete" + np.int64(index).tobytes())
    return row[-1:].view("<u8")[0] == (xxhash.xxh3_64_intdigest(row[:-1].tobytes(), seed) or 1)


def committed(file):
    """The last row of /complete that is right and fits the datasets: (step, {path: records})."""
    complete = file["complete"]
    complete.id.refresh()
    names = [name.decode() for name in complete.attrs["streams"]]
    rows = complete[...]
    if file.attrs["version"] >= 2:
        last = max([index for index, row in enumerate(rows) if right(index, row)], default=-1)
        rows = rows[: last + 1, :-1]
    if len(rows) == 0:
        return -1, {}  # opened between the declarations and the first step
    for path in names:
        for name in file[path]:
            file[path][name].id.refresh()
    for row in rows[::-1]:
        if all(len(file[path]["steps"]) >= n for path, n in zip(names, row[1:])):
            assert row is rows[-1] or np.array_equal(row, rows[-1]), "the last row does not fit"
            return row[0], dict(zip(names, row[1:]))
    raise AssertionError("no row of /complete fits")


def check_records(stream, begin, n):
    """A record is one piece, but those of fc1/weights, which are cut along their first axis."""
    values, path = stream["values"], stream.name.encode()
    samples = stream["samples"][:n] if "samples" in stream else np.zeros(n, "<i8")
    steps, checks = stream["steps"][:n], stream["checks"][:n]
    for r in range(begin, n):
        record = np.ascontiguousarray(values[r])
        length = values.chunks[1] if values.chunks[0] == 1 else len(record)
        for p in range(checks.shape[1]):
            seed = xxhash.xxh3_64_intdigest(path + np.array([r, p, steps[r], samples[r]], "<i8").tobytes())
            piece = record[p * length : (p + 1) * length].tobytes()
            assert checks[r, p] == (xxhash.xxh3_64_intdigest(piece, seed) or 1), (path, r, p)


def check(file, first=0):
    """Compares every committed record from step first on; returns the last complete step."""
    step, counts = committed(file)
    if step < 0:
        return -1
    assert set(counts) == set(STREAMS), counts
    for path, (every, values, samples) in STREAMS.items():
        begin, n = -(-first // every), counts[path]
        assert n == step // every + 1, (path, step, n)
        stream, want = file[path], np.arange(begin, n) * every
        if begin >= n:
            continue
        assert np.array_equal(stream["steps"][begin:n], want), path
        got = stream["values"][begin:n]
        assert np.array_equal(got, values(want), equal_nan=path == "/scalars"), path
        if samples:
            assert np.array_equal(stream["samples"][begin:n], samples(want)), path
        if "checks" in stream:
            check_records(stream, begin, n)
    return int(step)


def open_watched(path):
    return h5py.File(path, "r", libver="latest", swmr=True)
