# SPDX-License-Identifier: BSD-3-Clause
"""tv_units: statistics as they were recorded, or computed from tensors, in whatever order they are read."""

import ctypes
import unittest

import findings
import numpy as np
import run_file

library, check = findings.library, findings.check
random = np.random.default_rng(2)
UPDATE = 6


class Stream(ctypes.Structure):
    _fields_ = [
        ("layer", ctypes.c_char_p), ("kind", ctypes.c_char_p), ("units", ctypes.c_size_t),
        ("records", ctypes.c_size_t), ("steps", ctypes.POINTER(ctypes.c_int64)),
        ("numbers", ctypes.c_size_t), ("recorded", ctypes.c_int),
    ]  # fmt: skip


class Units:
    def __init__(self, source):
        self.handle, streams = ctypes.c_void_p(), ctypes.POINTER(Stream)()
        check(library.tv_units_open(ctypes.byref(self.handle), source))
        count = library.tv_units_streams(self.handle, ctypes.byref(streams))
        self.streams = streams[:count]
        self.names = [f"{s.layer.decode()}/{s.kind.decode()}" for s in self.streams]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        library.tv_units_close(self.handle)

    def read(self, name, record):
        at = self.names.index(name)
        rows = np.empty((self.streams[at].units, 8), "f4")
        check(
            library.tv_units_read(
                self.handle, ctypes.c_size_t(at), ctypes.c_size_t(record),
                ctypes.c_void_p(rows.ctypes.data), None,
            )
        )  # fmt: skip
        return rows


class Recorded(unittest.TestCase):
    def test_any_order(self):
        tensors, truth = {}, {}
        for layer, (records, units, columns) in {"a": (90, 5, 8), "b": (70, 7, 10), "c": (40, 600, 8)}.items():
            truth[layer] = random.normal(0, 1, (records, units, columns)).astype("f4")
            tensors[f"{layer}/weights_statistics"] = run_file.Tensor("cx", truth[layer], range(records))
        run_file.write_run("recorded.tvh5", tensors, version=2)
        with findings.Source("recorded.tvh5") as source, Units(source) as units:
            self.assertEqual(["a/weights", "b/weights", "c/weights"], units.names)
            for layer, values in truth.items():
                everywhere = np.arange(len(values))
                for order in (everywhere, everywhere[::-1], random.permutation(everywhere),
                              np.r_[0:30, 5, 30:len(values), 3, 4]):  # fmt: skip
                    for record in order:
                        got = units.read(f"{layer}/weights", record)
                        np.testing.assert_array_equal(values[record, :, :8], got)

    def test_beside_their_tensor(self):
        rows = random.normal(0, 1, (9, 4, 8)).astype("f4")
        weights = random.normal(0, 1, (3, 4, 6)).astype("f4")
        run_file.write_run("beside.tvh5", {
            "a/weights": run_file.Tensor("oi", weights, [0, 4, 8]),
            "a/weights_statistics": run_file.Tensor("cx", rows, range(9)),
        }, version=2)  # fmt: skip
        with findings.Source("beside.tvh5") as source, Units(source) as units:
            self.assertEqual(["a/weights"], units.names)
            one = units.streams[0]
            self.assertEqual((4, 9, 24, 1), (one.units, one.records, one.numbers, one.recorded))
            np.testing.assert_array_equal(rows[5], units.read("a/weights", 5))


class Computed(unittest.TestCase):
    def test_any_order(self):
        values = random.normal(0, 1, (30, 4, 2, 3, 3)).astype("f4")
        states = np.full((2, 4), -1)
        states[1, 1], states[1, 2] = 0, -2  # merged into unit 0; pruned
        run_file.write_run(
            "computed.tvh5", {"a/weights": run_file.Tensor("oihw", values, range(0, 300, 10))},
            filters={"a": (states, [0, 150])}, version=2,
        )  # fmt: skip
        flat = values.astype("f8").reshape(30, 4, -1)
        with findings.Source("computed.tvh5") as source, Units(source) as units:
            self.assertEqual(0, units.streams[0].recorded)
            for record in [*range(30), *random.permutation(30)]:
                got = units.read("a/weights", record)
                alive = [0, 3] if record >= 15 else [0, 1, 2, 3]
                self.assertEqual(record >= 15, np.isnan(got[1:3]).all())
                np.testing.assert_allclose(got[alive, 1], np.sqrt((flat[record] ** 2).mean(1))[alive], rtol=1e-6)
                if record == 0:
                    self.assertTrue(np.isnan(got[:, UPDATE]).all())
                else:
                    moved = np.sqrt(((flat[record] - flat[record - 1]) ** 2).mean(1))
                    np.testing.assert_allclose(got[alive, UPDATE], moved[alive], rtol=1e-6)

    def test_refused(self):
        with findings.Source("computed.tvh5") as source, Units(source) as units:
            with self.assertRaisesRegex(RuntimeError, "30 records"):
                units.read("a/weights", 30)


if __name__ == "__main__":
    unittest.main()
