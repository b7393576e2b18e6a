# SPDX-License-Identifier: BSD-3-Clause
"""Whether a file is what the table in Data/Shim/include/tensorview/format.h says: from the table alone.

    check("run.tvh5")              raises AssertionError with the first thing that is not

Reads with h5py, computes checks with python3-xxhash, and knows nothing of how our own code writes or
reads."""

import re
import string

import h5py
import numpy as np
import xxhash

FIRST_AXES = [set("oihw"), set("chw")]  # of version 1
INTEGERS = {("int", 1), ("uint", 1), ("int", 4), ("int", 8)}


def fixed_string(attributes, name, count=None):
    kind = attributes.get_id(name).get_type()
    assert isinstance(kind, h5py.h5t.TypeStringID) and not kind.is_variable_str(), name
    value = attributes[name]
    if count is None:
        assert np.ndim(value) == 0, name
        return bytes(value).decode()
    assert np.shape(value) == (count,) or count < 0, name
    return [bytes(text).decode() for text in value]


def number(attributes, name):
    assert attributes.get_id(name).dtype == np.dtype("<i4") and np.ndim(attributes[name]) == 0, name
    return int(attributes[name])


def growing(dataset, kind=None):
    assert isinstance(dataset, h5py.Dataset) and dataset.chunks, dataset.name
    assert dataset.maxshape[0] is None and dataset.maxshape[1:] == dataset.shape[1:], dataset.name
    assert not dataset.is_virtual and dataset.external is None, dataset.name
    creation = dataset.id.get_create_plist()
    allowed = {h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE}
    filters = {creation.get_filter(k)[0] for k in range(creation.get_nfilters())}
    assert filters <= allowed, dataset.name
    assert kind is None or dataset.dtype == kind, dataset.name


def is_number(dataset, version):
    """One of the types, little-endian."""
    kind = dataset.id.get_type()
    if version >= 2 and isinstance(kind, h5py.h5t.TypeEnumID):
        members = {kind.get_member_name(k): kind.get_member_value(k) for k in range(kind.get_nmembers())}
        assert members == {b"FALSE": 0, b"TRUE": 1} and kind.get_size() == 1, dataset.name
        return
    if version >= 2 and isinstance(kind, h5py.h5t.TypeIntegerID):
        sign = "int" if kind.get_sign() == h5py.h5t.SGN_2 else "uint"
        assert (sign, kind.get_size()) in INTEGERS, dataset.name
        assert kind.get_size() == 1 or kind.get_order() == h5py.h5t.ORDER_LE, dataset.name
        return
    assert isinstance(kind, h5py.h5t.TypeFloatID), dataset.name
    assert kind.get_order() == h5py.h5t.ORDER_LE, dataset.name
    fields = {4: (31, 23, 8, 0, 23), 8: (63, 52, 11, 0, 52)}
    if kind.get_size() == 2:
        assert kind.get_fields() in [(15, 10, 5, 0, 10), (15, 7, 8, 0, 7)], dataset.name
        assert kind.get_ebias() == {5: 15, 8: 127}[kind.get_fields()[2]], dataset.name
    else:
        assert kind.get_fields() == fields[kind.get_size()], dataset.name


def xxh3(data, seed=0):
    return xxhash.xxh3_64_intdigest(data, seed) or 1


def right_checks(group, n, recent):
    """Each piece of the first n records, or of the last `recent` of them, has its check."""
    values, checks = group["values"], group["checks"]
    growing(checks, np.dtype("<u8"))
    shape, chunk = values.shape[1:], values.chunks[1:]
    grid = [-(-size // c) for size, c in zip(shape, chunk)]
    assert checks.ndim == 2 and checks.shape[1] == np.prod(grid, dtype=int), (group.name, checks.shape, grid)
    kind = values.id.get_type()
    first = max(0, n - recent) if recent else 0
    if n == first:
        return
    data = np.empty((n - first, *shape), f"V{kind.get_size()}")
    here = values.id.get_space()
    here.select_hyperslab((first, *[0] * len(shape)), data.shape)
    values.id.read(h5py.h5s.create_simple(data.shape), here, data, mtype=kind)
    steps, checks = group["steps"][:n], checks[:n]
    samples = group["samples"][:n] if "samples" in group else np.zeros(n, int)
    for r in range(first, n):
        for p, place in enumerate(np.ndindex(*grid)):
            piece = data[(r - first, *(slice(k * c, (k + 1) * c) for k, c in zip(place, chunk)))]
            place = np.array([r, p, steps[r], samples[r]], "<i8").tobytes()
            seed = xxhash.xxh3_64_intdigest(group.name.encode() + place)
            assert checks[r, p] == xxh3(np.asarray(piece).tobytes(), seed), (group.name, r, p)


def check_stream(group, complete, version, recent=None):
    """Datasets are of the same length; returns the number of whole records."""
    allowed = {"values", "steps", "samples"} | ({"checks"} if version >= 2 else set())
    assert isinstance(group, h5py.Group) and {"values", "steps"} <= set(group) <= allowed, group.name
    for name in group:
        growing(group[name], np.dtype("<i8") if name in ("steps", "samples") else None)
    steps = group["steps"]
    assert steps.ndim == 1
    n = complete.get(group.name, len(steps))
    assert all(len(group[name]) >= n for name in group), group.name
    if not complete:
        assert all(len(group[name]) == n for name in group), group.name
    numbers = steps[:n]
    assert n == 0 or numbers[0] >= 0, group.name
    assert (np.diff(numbers) > 0).all(), f"the steps of {group.name} do not increase"
    if "samples" in group:
        assert (group["samples"][:n] >= 0).all(), group.name
    if group["values"].fletcher32:
        group["values"][:n]  # checksums
    assert n == 0 or version == 1 or "checks" in group or group["values"].fletcher32, f"{group.name} has no checks"
    if "checks" in group:
        right_checks(group, n, recent)
    return n


def check_tensor(group, complete, version, recent=None):
    axes = fixed_string(group.attrs, "axes")
    values = group["values"]
    is_number(values, version)
    assert values.ndim == 1 + len(axes), group.name
    if version == 1:
        good = any(set(axes) <= letters for letters in FIRST_AXES) and len(set(axes)) == len(axes)
        assert 1 <= len(axes) <= 4, (group.name, axes)
        assert axes == "mm" or good and ("o" in axes or "c" in axes), (group.name, axes)
    else:
        assert len(axes) <= 8 and set(axes) <= set(string.ascii_lowercase) - {"n"}, (group.name, axes)
        assert all(axes.count(a) == (2 if a == "m" else 1) for a in axes), (group.name, axes)
    check_stream(group, complete, version, recent)


def check_complete(file, version):
    """{path of a stream: whole records}; empty where there is no /complete."""
    if "complete" not in file:
        return {}
    rows = file["complete"]
    growing(rows, np.dtype("<i8"))
    table = rows[...]
    if version >= 2:
        right = [
            row[-1:].view("<u8")[0]
            == xxh3(row[:-1].tobytes(), xxhash.xxh3_64_intdigest(b"/complete" + np.int64(r).tobytes()))
            for r, row in enumerate(table)
        ]
        last = max([r for r, good in enumerate(right) if good], default=-1)
        assert all(right[: last + 1]), "a row of /complete between others has a wrong check"
        table = table[: last + 1, :-1]
    streams = table.shape[1] - 1
    paths = fixed_string(rows.attrs, "streams", streams) if streams else []
    assert all(path in file for path in paths), paths
    assert len(table) == 0 or (np.diff(table, axis=0) >= 0).all()
    lengths = [len(file[path]["steps"]) for path in paths]
    fitting = [row for row in table if (row[1:] <= lengths).all()]
    last = fitting[-1] if fitting else [-1] + [0] * len(paths)
    for path, n in zip(paths, last[1:]):
        assert n == 0 or file[path]["steps"][n - 1] <= last[0], path
    return dict(zip(paths, last[1:]))


def check_layer(name, version):
    plain = re.sub("%(25|2F|2E)", lambda m: bytes.fromhex(m[1]).decode(), name) if version >= 2 else name
    assert 0 < len(plain.encode()) <= (255 if version >= 2 else 63), name
    assert version == 1 or re.fullmatch("(%25|%2F|[^%/])*|%2E|%2E%2E", name), name


def check(path, part=None, recent=None):
    """recent: how many records of each stream have their checks looked at; None: all."""
    with h5py.File(path, "r", libver="latest", swmr=True) as file:
        assert fixed_string(file.attrs, "format") == "TensorView"
        version = number(file.attrs, "version")
        assert version in (1, 2)
        assert set(file) <= {"layers", "scalars", "complete"}
        assert (number(file.attrs, "part") if "part" in file.attrs else None) == part
        complete = check_complete(file, version)
        for name in file["layers"]:
            link = file["layers"].get(name, getlink=True)
            assert isinstance(link, h5py.HardLink), name
            check_layer(name, version)
        layers = [file["layers"][name] for name in file["layers"]]
        places = sorted(number(layer.attrs, "index") for layer in layers)
        assert places == list(range(len(layers))), places
        streams = set()
        for layer in layers:
            for kind, group in layer.items():
                streams.add(group.name)
                if kind != "filters":
                    check_tensor(group, complete, version, recent)
                    continue
                n = check_stream(group, complete, version, recent)
                states = group["values"][:n]
                assert group["values"].dtype == np.dtype("<i4")
                assert ((states >= -3) & (states < states.shape[1])).all()
        if "scalars" in file:
            streams.add("/scalars")
            group = file["scalars"]
            assert group["values"].dtype == np.dtype("<f8")
            names = fixed_string(group.attrs, "names", group["values"].shape[1])
            most = 255 if version >= 2 else 63
            assert len(set(names)) == len(names) and all(0 < len(n.encode()) <= most for n in names)
            check_stream(group, complete, version, recent)
        assert not complete or streams == set(complete), streams ^ set(complete)
        return version


if __name__ == "__main__":
    import sys

    for path in sys.argv[1:]:
        check(path)
