"""Whether a file is what the table in Data/Shim/include/tensorview/format.h says: from the table alone.

    check("run.tvh5")              raises AssertionError with the first thing that is not

Reads with h5py, and knows nothing of how our own code writes or reads."""

import h5py
import numpy as np

AXES = [set("oihw"), set("chw")]


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


def is_number(dataset):
    """One of the four types, little-endian."""
    kind = dataset.id.get_type()
    assert isinstance(kind, h5py.h5t.TypeFloatID), dataset.name
    assert kind.get_order() == h5py.h5t.ORDER_LE, dataset.name
    fields = {4: (31, 23, 8, 0, 23), 8: (63, 52, 11, 0, 52)}
    if kind.get_size() == 2:
        assert kind.get_fields() in [(15, 10, 5, 0, 10), (15, 7, 8, 0, 7)], dataset.name
        assert kind.get_ebias() == {5: 15, 8: 127}[kind.get_fields()[2]], dataset.name
    else:
        assert kind.get_fields() == fields[kind.get_size()], dataset.name
    assert dataset.fletcher32, f"{dataset.name} has no checksum"


def check_stream(group, complete):
    """Steps, samples and values are of the same length; returns the number of whole records."""
    allowed = {"values", "steps", "samples"}
    assert isinstance(group, h5py.Group) and {"values", "steps"} <= set(group) <= allowed, group.name
    for name in group:
        growing(group[name], None if name == "values" else np.dtype("<i8"))
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
    group["values"][:n]  # checksums
    return n


def check_tensor(group, complete):
    axes = fixed_string(group.attrs, "axes")
    values = group["values"]
    is_number(values)
    assert values.ndim == 1 + len(axes) and 1 <= len(axes) <= 4, group.name
    good = any(set(axes) <= letters for letters in AXES) and len(set(axes)) == len(axes)
    assert axes == "mm" or good and ("o" in axes or "c" in axes), (group.name, axes)
    check_stream(group, complete)


def check_complete(file):
    """{path of a stream: whole records}; empty where there is no /complete."""
    if "complete" not in file:
        return {}
    rows = file["complete"]
    growing(rows, np.dtype("<i8"))
    paths = fixed_string(rows.attrs, "streams", rows.shape[1] - 1)
    assert all(path in file for path in paths), paths
    table = rows[...]
    assert len(table) == 0 or (np.diff(table, axis=0) >= 0).all()
    lengths = [len(file[path]["steps"]) for path in paths]
    fitting = [row for row in table if (row[1:] <= lengths).all()]
    last = fitting[-1] if fitting else [-1] + [0] * len(paths)
    for path, n in zip(paths, last[1:]):
        assert n == 0 or file[path]["steps"][n - 1] <= last[0], path
    return dict(zip(paths, last[1:]))


def check(path):
    with h5py.File(path, "r", libver="latest", swmr=True) as file:
        assert fixed_string(file.attrs, "format") == "TensorView"
        assert number(file.attrs, "version") == 1
        assert set(file) <= {"layers", "scalars", "complete"}
        complete = check_complete(file)
        for name in file["layers"]:
            link = file["layers"].get(name, getlink=True)
            assert isinstance(link, h5py.HardLink), name
        layers = [file["layers"][name] for name in file["layers"]]
        places = sorted(number(layer.attrs, "index") for layer in layers)
        assert places == list(range(len(layers))), places
        streams = set()
        for layer in layers:
            for kind, group in layer.items():
                streams.add(group.name)
                if kind != "filters":
                    check_tensor(group, complete)
                    continue
                n = check_stream(group, complete)
                states = group["values"][:n]
                assert group["values"].dtype == np.dtype("<i4")
                assert ((states >= -3) & (states < states.shape[1])).all()
        if "scalars" in file:
            streams.add("/scalars")
            group = file["scalars"]
            assert group["values"].dtype == np.dtype("<f8")
            names = fixed_string(group.attrs, "names", group["values"].shape[1])
            assert len(set(names)) == len(names) and all(0 < len(n.encode()) < 64 for n in names)
            check_stream(group, complete)
        assert not complete or streams == set(complete), streams ^ set(complete)


if __name__ == "__main__":
    import sys

    for path in sys.argv[1:]:
        check(path)
