# SPDX-License-Identifier: BSD-3-Clause
"""The least and the greatest of what is measured of units over blocks of records: what a run file has of
them, and pictures of units that are made from it, against numpy over every record."""

import ctypes
import os
import signal
import subprocess
import sys
import unittest

import findings
import h5py
import numpy as np
import run_file
import shim
from units import Units

library, check = findings.library, findings.check
random = np.random.default_rng(4)
BLOCK = 32
MEAN, RMS, ZEROS, NONFINITE, UPDATE, SILENT = 0, 1, 4, 5, 6, 7


def ratio(rows):
    update, rms = rows[..., UPDATE].astype("f8"), rows[..., RMS].astype("f8")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(update == 0, 0.0, update / rms).astype("f4")


def dead(rows):
    zeros, silent = rows[..., ZEROS], rows[..., SILENT]
    return np.where(np.isnan(silent) & ~np.isnan(zeros), (zeros >= 1).astype("f4"), silent)


def column(index):
    return lambda rows: rows[..., index]


# Number of tv_view_measure, and the same by numpy: in the order of the file's columns.
SHOWN = {
    "weights": {0: ratio, 2: column(RMS), 3: column(MEAN), 8: column(ZEROS), 9: column(NONFINITE)},
    "gradients": {1: column(RMS)},
    "activations": {4: dead, 5: column(MEAN), 6: column(RMS), 7: column(ZEROS)},
    "bias": {},
}


def statistics(records, units, kind):
    rows = random.normal(0, 1, (records, units, 8)).astype("f4")
    rows[..., [RMS, ZEROS, NONFINITE, UPDATE, SILENT]] = np.abs(rows[..., [RMS, ZEROS, NONFINITE, UPDATE, SILENT]])
    rows[random.random((records, units)) < 0.2] = np.nan
    rows[random.random((records, units)) < 0.1, UPDATE] = 0
    rows[:, 0, :] = np.nan  # a unit of which nothing is known
    if kind == "activations":
        rows[:, 1, SILENT] = np.nan  # no batch
    else:
        rows[0, :, UPDATE] = np.nan
    return rows


def reduced(values, least, axis=0):
    """NaN only where there is nothing else."""
    with np.errstate(all="ignore"):
        return (np.fmin if least else np.fmax).reduce(values, axis=axis)


class Options(ctypes.Structure):
    _fields_ = [
        ("size", ctypes.c_size_t), ("measure", ctypes.c_int), ("wanted", ctypes.c_void_p), ("context", ctypes.c_void_p),
        ("first_step", ctypes.c_int64), ("last_step", ctypes.c_int64), ("least", ctypes.c_int),
        ("logarithm", ctypes.c_int), ("plan_only", ctypes.c_int), ("most_columns", ctypes.c_size_t),
        ("most_cells", ctypes.c_size_t),
    ]  # fmt: skip


class Timeline(ctypes.Structure):
    _fields_ = [
        ("rows", ctypes.c_size_t), ("columns", ctypes.c_size_t), ("values", ctypes.POINTER(ctypes.c_float)),
        ("layer", ctypes.POINTER(ctypes.c_int32)), ("unit", ctypes.POINTER(ctypes.c_int32)),
        ("steps", ctypes.POINTER(ctypes.c_int64)), ("last", ctypes.c_int64), ("layers", ctypes.c_size_t),
        ("names", ctypes.POINTER(ctypes.c_char_p)), ("shared", ctypes.c_size_t), ("together", ctypes.c_size_t),
    ]  # fmt: skip


library.tv_timeline_defaults.restype = Options


def picture(path, measure, **chosen):
    """Values [units, columns] without the gaps, the first step of each column, the last of all."""
    options = library.tv_timeline_defaults()
    options.measure, options.logarithm = measure, 0
    for name, value in chosen.items():
        setattr(options, name, value)
    timeline = Timeline()
    with findings.Source(path) as source, Units(source) as units:
        check(library.tv_timeline_make(ctypes.byref(timeline), units.handle, ctypes.byref(options), None))
        shape = timeline.rows, timeline.columns
        values = np.ctypeslib.as_array(timeline.values, shape).copy()
        here = np.ctypeslib.as_array(timeline.unit, shape[:1]) >= 0
        steps = np.ctypeslib.as_array(timeline.steps, shape[1:]).copy()
        together = timeline.together
        library.tv_timeline_free(ctypes.byref(timeline))
    return values[here], steps, together


def by_hand(streams, steps, first, last, least):
    """streams: pairs of steps and values [records, units], in the order of the picture. steps: at
    which its columns begin."""
    ends = np.append(steps[1:], last + 1)
    rows = []
    for at, values in streams:
        inside = [np.arange(begin, end) for begin, end in zip(np.maximum(steps, first), ends)]
        columns = []
        for column_steps in inside:
            records = np.unique(np.searchsorted(at, column_steps, side="right") - 1)
            columns.append(reduced(values[records[records >= 0]], least) if (records >= 0).any()
                           else np.full(values.shape[1], np.nan))  # fmt: skip
        rows.append(np.stack(columns, 1))
    return np.concatenate(rows).astype("f4")


def write(path, streams):
    """streams: by "layer/kind", their steps and statistics."""
    with shim.Run(path, overwrite=1, flush_seconds=0) as run:
        numbers = {}
        for name, (_, rows) in streams.items():
            layer, _, kind = name.rpartition("/")
            shape = rows.shape[1:]
            numbers[name] = run.declare(layer, f"{kind}_statistics", shim.TV_FLOAT32, "cx", shape)
        last = max(int(steps[-1]) for steps, _ in streams.values())
        for step in range(last + 1):
            for name, (steps, rows) in streams.items():
                at = int(np.searchsorted(steps, step))
                if at < len(steps) and steps[at] == step:
                    run.write(numbers[name], step, np.ascontiguousarray(rows[at]))


class InTheFile(unittest.TestCase):
    def test_each_column(self):
        streams = {f"a/{kind}": (np.arange(0, 300, 3), statistics(100, 7, kind)) for kind in SHOWN}
        write("columns.tvh5", streams)
        with h5py.File("columns.tvh5") as file:
            for kind, shown in SHOWN.items():
                group = file[f"layers/a/{kind}_statistics_ranges"]
                shown = list(shown.values()) + [column(NONFINITE)] * (kind != "weights")
                self.assertEqual((3, 7, 2 * len(shown)), group["values"].shape)
                np.testing.assert_array_equal([BLOCK] * 3, group["samples"])
                np.testing.assert_array_equal(np.arange(0, 300, 3)[BLOCK - 1 :: BLOCK], group["steps"])
                for k, value in enumerate(shown):
                    blocks = value(streams[f"a/{kind}"][1][: 3 * BLOCK]).reshape(3, BLOCK, 7)
                    for least in (1, 0):
                        got = group["values"][:, :, 2 * k + 1 - least]
                        np.testing.assert_array_equal(reduced(blocks, least, 1), got, f"{kind} {k} {least}")

    def test_they_are_no_units(self):
        write("listed.tvh5", {f"a/{kind}": (np.arange(40), statistics(40, 3, kind)) for kind in SHOWN})
        with findings.Source("listed.tvh5") as source, Units(source) as units:
            self.assertEqual(sorted(f"a/{kind}" for kind in SHOWN), sorted(units.names))

    def test_a_trainer_that_has_them_already(self):
        with shim.Run("own.tvh5", overwrite=1) as run:
            kept = run.declare("a", "weights_statistics", shim.TV_FLOAT32, "cx", (2, 8))
            own = run.declare("a", "weights_statistics_ranges", shim.TV_FLOAT32, "cx", (2, 10))
            for step in range(70):
                run.write(kept, step, np.ones((2, 8), "f4"))
            run.write(own, 69, np.zeros((2, 10), "f4"))
        with h5py.File("own.tvh5") as file:
            self.assertEqual(1, len(file["layers/a/weights_statistics_ranges/values"]))


class Pictures(unittest.TestCase):
    def check(self, path, streams, measure, first=0, last=None, gone=None, **chosen):
        value = next(kind[measure] for kind in SHOWN.values() if measure in kind)
        kind = next(name for name, measures in SHOWN.items() if measure in measures)
        last = max(int(s[-1]) for s, _ in streams.values()) if last is None else last
        shown = []
        for name, (steps, rows) in streams.items():
            if name.endswith(f"/{kind}"):
                values = value(rows).copy()
                if gone and name.startswith(gone[0]):
                    values[steps >= gone[2], gone[1]] = np.nan
                shown.append((steps, values))
        for least in (0, 1):
            got, steps, together = picture(
                path, measure, least=least, first_step=first, last_step=last, **chosen
            )
            wanted = by_hand(shown, steps, first, last, least)
            np.testing.assert_array_equal(wanted, got, f"{path} {measure} {first} {last} {chosen}")
        return together

    def test_every_measure_and_odd_lengths(self):
        for records in (1, 31, 32, 33, 64, 500, 1001):
            streams = {f"{layer}/{kind}": (np.arange(records), statistics(records, units, kind))
                       for layer, units in (("a", 5), ("b", 3)) for kind in SHOWN}  # fmt: skip
            write("odd.tvh5", streams)
            for kind in SHOWN.values():
                for measure in kind:
                    for columns in (4096, 25, 7, 1):
                        together = self.check("odd.tvh5", streams, measure, most_columns=columns)
                    self.assertEqual(0, together % BLOCK if records > BLOCK else 0)  # all in one column

    def test_steps_that_differ_and_ranges_of_them(self):
        streams = {
            "a/weights": (np.arange(900), statistics(900, 4, "weights")),
            "b/weights": (np.arange(0, 900, 7), statistics(129, 3, "weights")),
            "c/weights": (np.sort(random.permutation(900)[:333]), statistics(333, 2, "weights")),
            "d/weights": (np.arange(450, 900), statistics(450, 2, "weights")),
        }
        write("differ.tvh5", streams)
        for first, last in ((0, 899), (1, 899), (100, 899), (33, 700), (451, 860), (64, 127), (10, 20), (895, 899)):
            for columns in (4096, 9, 3, 1):
                self.check("differ.tvh5", streams, 0, first, last, most_columns=columns)

    def test_pruned_filters(self):
        for at in (0, 1, 31, 32, 33, 64, 200, 299):
            rows = statistics(300, 4, "weights")
            states = np.full((2, 4), -1)
            states[1, 2] = -2
            with shim.Run("pruned.tvh5", overwrite=1) as run:
                kept = run.declare("a", "weights_statistics", shim.TV_FLOAT32, "cx", (4, 8))
                run.declare_filters("a", 4)
                for step in range(300):
                    if step == at:
                        run.write_filters("a", step, states[1])
                    run.write(kept, step, rows[step])
            streams = {"a/weights": (np.arange(300), rows)}
            for columns in (4096, 4, 1):
                self.check("pruned.tvh5", streams, 2, gone=("a", 2, at), most_columns=columns)

    def test_they_are_what_is_read(self):
        rows = statistics(200, 3, "weights")
        rows[np.isnan(rows)] = 1
        write("read.tvh5", {"a/weights": (np.arange(200), rows)})
        with h5py.File("read.tvh5", "r+") as file:
            group = file["layers/a/weights_statistics_ranges"]
            values = group["values"][...]
            del group["checks"]
            group["values"][...] = values + 7
        got, steps, together = picture("read.tvh5", 2, most_columns=3)
        whole = reduced(rows[: 6 * BLOCK, :, RMS].reshape(-1, together, 3), 0, 1)
        np.testing.assert_array_equal(whole.T[:, :2] + 7, got[:, :2])

    def test_damaged_ranges_cost_nothing(self):
        rows = statistics(200, 3, "weights")
        streams = {"a/weights": (np.arange(200), rows)}
        write("damaged.tvh5", streams)
        with h5py.File("damaged.tvh5", "r+") as file:
            values = file["layers/a/weights_statistics_ranges/values"]
            values[...] = values[...] + 7  # their checks do not match any more
        self.check("damaged.tvh5", streams, 2, most_columns=3)

    def test_ranges_that_do_not_fit_are_passed_over(self):
        rows = statistics(200, 3, "weights")
        streams = {"a/weights": (np.arange(200), rows)}
        for samples, steps in (([64, 32, 32], [31, 63, 95]), ([32, 33, 32], [31, 63, 95]), ([0, -5, 2**40], [31, 63, 95]),
                               ([32, 32, 32], [30, 63, 500])):  # fmt: skip
            tensors = {
                "a/weights_statistics": run_file.Tensor("cx", rows, range(200)),
                "a/weights_statistics_ranges": run_file.Tensor("cx", np.full((3, 3, 10), np.nan, "f4"), steps, samples),
            }
            good = [(s - n + 1, s) for s, n in zip(steps, samples) if 0 < n <= s + 1 <= 200]
            for first, last in good:  # those that may be used are right
                record = steps.index(last)
                for k, value in enumerate(SHOWN["weights"].values()):
                    block = value(rows[first : last + 1])
                    tensors["a/weights_statistics_ranges"].values[record, :, 2 * k] = reduced(block, 1)
                    tensors["a/weights_statistics_ranges"].values[record, :, 2 * k + 1] = reduced(block, 0)
            run_file.write_run("strange.tvh5", tensors, version=2)
            for measure in (0, 2):
                self.check("strange.tvh5", streams, measure, most_columns=3)

    def test_further_parts(self):
        rows = statistics(150, 3, "weights")
        with shim.Run("parts.tvh5", overwrite=1) as run:
            kept = run.declare("a", "weights_statistics", shim.TV_FLOAT32, "cx", (3, 8))
            for step in range(150):
                if step == 45:  # in the midst of a block
                    late = run.declare("z", "bias", shim.TV_FLOAT32, "o", (2,))
                    run.write(late, step, np.zeros(2, "f4"))
                run.write(kept, step, rows[step])
        self.assertTrue(os.path.exists("parts.part1.tvh5"))
        for columns in (4096, 4, 1):
            self.check("parts.tvh5", {"a/weights": (np.arange(150), rows)}, 0, most_columns=columns)

    def test_a_killed_run(self):
        """Ranges lag behind, or have been flushed and their records not: the tail comes from records."""
        rows = np.stack([np.full((3, 8), step, "f4") for step in range(2000)])
        program = f"""
import sys; sys.path.insert(0, {os.path.dirname(shim.__file__)!r})
import numpy as np, shim
run = shim.Run("killed.tvh5", overwrite=1, flush_seconds=0)
kept = run.declare("a", "weights_statistics", shim.TV_FLOAT32, "cx", (3, 8))
for step in range(2000):
    run.write(kept, step, np.full((3, 8), step, "f4"))
    if step == {{}}:
        print("there", flush=True)
sys.stdin.read()
"""
        for until in (31, 32, 100, 500):
            writer = subprocess.Popen([sys.executable, "-c", program.format(until)], stdout=subprocess.PIPE, stdin=subprocess.PIPE)
            writer.stdout.readline()
            writer.send_signal(signal.SIGKILL)
            writer.communicate()
            with findings.Source("killed.tvh5") as source, Units(source) as units:
                records = units.streams[0].records
            self.assertGreaterEqual(records, until)
            streams = {"a/weights": (np.arange(records), rows[:records])}
            self.check("killed.tvh5", streams, 2, most_columns=3)

    def test_wide_columns_where_much_would_be_read(self):
        """44,000 steps would not be read one by one; a range of them is."""
        steps, units = 9000, 1000
        rows = np.zeros((steps, units, 8), "f4")
        rows[..., RMS] = np.arange(steps, dtype="f4")[:, None] + np.arange(units, dtype="f4") / 4096
        write("wide.tvh5", {"a/weights": (np.arange(steps), rows)})
        got, first, together = picture("wide.tvh5", 2, most_cells=units * 1000)
        self.assertEqual(BLOCK, together)
        np.testing.assert_array_equal(first + BLOCK - 1, np.append(got[0, :-1], first[-1] + BLOCK - 1))
        got, first, together = picture("wide.tvh5", 2, first_step=100, last_step=1099, most_cells=units * 1000)
        self.assertEqual(1, together)
        np.testing.assert_array_equal(rows[100:1100, :, RMS].T, got)


def healthy(records, units, kind):
    """As a training that goes well leaves them."""
    rows = np.zeros((records, units, 8), "f4")
    rows[..., RMS] = 1 + 0.01 * random.random((records, units))
    rows[..., UPDATE] = 1e-3 * (0.5 + random.random((records, units)))
    rows[..., MEAN] = 0.1 + 1e-3 * np.cumsum(random.normal(0, 1, (records, units)), 0) / np.sqrt(records)
    rows[..., [2, 3]] = -3, 3
    rows[..., SILENT] = np.nan
    if kind == "weights":
        rows[0, :, UPDATE] = np.nan
    else:
        rows[..., UPDATE] = np.nan
    if kind == "activations":
        rows[..., SILENT], rows[..., ZEROS], rows[..., 2] = 0.1, 0.5, 0
    return rows


def broken(records, seed):
    """By tensor, statistics with everything that can be wrong, and where nothing is."""
    global random
    random = np.random.default_rng(seed)
    streams = {f"{layer}/{kind}": healthy(records, 4, kind) for layer in ("well", "bad", "worse") for kind in SHOWN}
    at = np.sort(random.integers(40, records - 60, 8))
    bad = {kind: streams[f"bad/{kind}"] for kind in SHOWN}
    worse = {kind: streams[f"worse/{kind}"] for kind in SHOWN}
    bad["weights"][at[0] :, 0, UPDATE] = 0  # stuck to the end
    bad["weights"][at[1] : at[1] + 50, 1, UPDATE] = 1e-8 * random.random(50)  # and for a while
    bad["weights"][at[2] : at[2] + 3, 2, UPDATE] = 2
    bad["weights"][at[3], 3] = np.nan
    bad["weights"][at[3], 3, NONFINITE] = 5
    bad["gradients"][at[4], :, RMS] *= 200  # a gradient that explodes, far from the beginning
    bad["gradients"][at[5] :, 2, RMS] = 0
    bad["activations"][at[6] :, 1, [SILENT, ZEROS]] = 1
    bad["activations"][at[7] : at[7] + 40, 2, [SILENT, ZEROS]] = 1
    bad["bias"][at[0], 0, NONFINITE] = 1
    worse["weights"][:, 0, UPDATE] = np.r_[np.nan, np.zeros(records - 1)]  # never updated
    move = np.where(np.arange(40) % 2, 0.05, -0.05).astype("f4")
    worse["weights"][at[1] : at[1] + 40, 1, MEAN] += move
    worse["gradients"][:, :, RMS] *= np.geomspace(1, 1e-4, records)[:, None]  # dies down, and then not
    worse["gradients"][at[7] + 20, :, RMS] = 0.5
    worse["activations"][..., 2], worse["activations"][..., 3] = -1, 1  # a tanh
    worse["activations"][at[2] :, 3, RMS] = 0.999
    worse["activations"][..., ZEROS] = 0
    return streams


class FindingsFromRanges(unittest.TestCase):
    def test_the_same_as_from_every_record(self):
        for seed, records in enumerate((130, 500, 1501)):
            streams = broken(records, seed)
            steps = np.arange(records)
            write("with.tvh5", {name: (steps, rows) for name, rows in streams.items()})
            tensors = {f"{name}_statistics": run_file.Tensor("cx", rows, steps) for name, rows in streams.items()}
            run_file.write_run("without.tvh5", tensors, version=2)
            found, wanted = findings.find("with.tvh5"), findings.find("without.tvh5")
            self.assertGreater(len({one.fault for one in wanted}), 5)
            self.assertEqual([one._replace(value=0, sentence="") for one in wanted],
                             [one._replace(value=0, sentence="") for one in found])  # fmt: skip
            np.testing.assert_allclose([one.value for one in found], [one.value for one in wanted], rtol=1e-9)
            self.assertFalse([one for one in found if one.layer == "well"])

    def test_where_ranges_say_enough_records_are_not_read(self):
        rows = healthy(300, 3, "weights")
        write("calm.tvh5", {"a/weights": (np.arange(300), rows)})
        with h5py.File("calm.tvh5", "r+") as file:
            group = file["layers/a/weights_statistics"]
            values = group["values"][...]
            values[100, 1, NONFINITE] = 7  # in a block that was calm when its range was written
            del group["checks"]
            group["values"][...] = values
        self.assertEqual([], findings.find("calm.tvh5"))
        with h5py.File("calm.tvh5", "r+") as file:
            del file["layers/a/weights_statistics_ranges/checks"]
            file["layers/a/weights_statistics_ranges/values"][3, 1, 9] = 7
        found = findings.find("calm.tvh5")
        self.assertEqual([("not finite", 1, 100)], [(one.fault, one.unit, one.since) for one in found])


class Growing(unittest.TestCase):
    def test_what_was_looked_at_is_not_looked_at_again(self):
        streams = broken(600, 7)
        well = {f"{layer}/{kind}": healthy(600, 4, kind) for layer in ("well", "bad", "worse") for kind in SHOWN}

        def so_far(path, of, records):
            write(path, {name: (np.arange(records), rows[:records]) for name, rows in of.items()})

        with findings.Watch() as watch:
            for records in (1, 5, 41, 333, 600):
                so_far("grows.tvh5", streams, records)
                with findings.Source("grows.tvh5") as source:
                    self.assertEqual(findings.find("grows.tvh5"), watch.find(source))
        with findings.Watch() as watch:
            so_far("old.tvh5", streams, 600)
            with findings.Source("old.tvh5") as source:
                before = watch.find(source)
            so_far("new.tvh5", well, 600)  # of the same steps: as if nothing had been added
            with findings.Source("new.tvh5") as source:
                self.assertEqual(before, watch.find(source))
            so_far("new.tvh5", well, 500)  # another run, that is shorter
            with findings.Source("new.tvh5") as source:
                self.assertEqual(findings.find("new.tvh5"), watch.find(source))


if __name__ == "__main__":
    unittest.main()
