# SPDX-License-Identifier: BSD-3-Clause
"""Files that lose their end. Runs that their writer closed, and that were then copied in part: what is whole of them
is shown, with one sentence, and is what was written; judged by h5py. A weight file that is cut short
while it is open: a sentence, not the end of the process.

    TENSORVIEW_SWEEP=all ctest --preset release -R Python.Cut --timeout 7200 -V

cuts at every 16th byte."""

import os
import subprocess
import sys
import unittest
import zipfile

import h5py
import numpy as np
from damage import REFUSED, SAID, Counts, content, judge, streams
from sweep import WRITER, by_h5py

import tensorview

ALL = os.environ.get("TENSORVIEW_SWEEP") == "all"


def in_the_first_format(path, source):
    """The same in HDF5's first file format, whose own structures have no checksums, and without checks."""
    with h5py.File(path, "w") as file, h5py.File(source, "r") as other:
        for name, value in other.attrs.items():
            file.attrs[name] = value
        for name in other:
            other.copy(name, file)
        for layer in file["layers"].values():
            for tensor in layer.values():
                if "checks" in tensor:
                    del tensor["checks"]


class Cut(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run([sys.executable, "-c", WRITER, "closed.tvh5", "close"], check=True)
        by_h5py("h5py.tvh5")
        in_the_first_format("first.tvh5", "h5py.tvh5")

    def cut(self, path, least):
        """Cut at many places. least: where more than that share of it is left, something is shown."""
        data, whole = content(path), streams(path)
        counts = Counts(f"{path}, {len(data)} bytes, cut off")
        first = len(data)
        for end in range(0, len(data), 16 if ALL else len(data) // 60):
            outcome = counts.try_(data[:end], whole, f"at {end}")
            self.assertIn(outcome, (SAID, REFUSED), f"cut at {end}")
            if outcome == SAID:
                first = min(first, end)
                with tensorview.open("damaged.tvh5") as run:
                    sentences = [note for note in run.notes if "it is cut off" in note]
                    self.assertEqual(1, len(sentences), run.notes)
                    self.assertIn(f"it should have {len(data)} bytes and has {end}; what is whole", sentences[0])
        print(counts)
        self.assertEqual([], counts.bad)
        self.assertLess(first, least * len(data))

    def test_closed(self):
        self.cut("closed.tvh5", 0.5)

    def test_by_h5py(self):
        self.cut("h5py.tvh5", 1)  # its root lies near its end

    def test_in_the_first_format(self):
        self.cut("first.tvh5", 0.8)

    def test_all_parts_that_are_whole_are_repaired(self):
        """A run in several files, the second of which has lost its end."""
        with tensorview.Run("parts.tvh5", overwrite=True, flush_seconds=0) as run:
            first = run.declare("a", "weights", "oi", (40, 50))
            for step in range(20):
                run.write(first, step, np.full((40, 50), step, "f4"))
            second = run.declare("b", "weights", "oi", (40, 50))  # which needs a new part
            for step in range(20, 60):
                run.write(first, step, np.full((40, 50), step, "f4"))
                run.write(second, step, np.full((40, 50), -step, "f4"))
        [part] = [name for name in os.listdir(".") if name.startswith("parts.") and name != "parts.tvh5"]
        os.truncate(part, os.path.getsize(part) * 3 // 4)
        said = tensorview.repair("parts.tvh5", "mended.tvh5", overwrite=True).left_out
        self.assertEqual(1, len([sentence for sentence in said if f"{part}: it is cut off" in sentence]), said)
        with tensorview.open("mended.tvh5") as run:
            steps = list(run["a/weights"].steps)
            self.assertEqual(list(range(len(steps))), steps)
            self.assertTrue(20 < len(steps) < 60, steps)
            for at, step in enumerate(steps):
                np.testing.assert_array_equal(np.full((40, 50), step, "f4"), run["a/weights"][at])
            for at, step in enumerate(run["b/weights"].steps):
                np.testing.assert_array_equal(np.full((40, 50), -step, "f4"), run["b/weights"][at])

    def test_weights_cut_short_while_they_are_open(self):
        with h5py.File("model.weights.h5", "w") as file:
            for name in ("first", "second"):
                file[f"layers/{name}/vars/0"] = np.ones((400, 300), "f4")
        with zipfile.ZipFile("cut.keras", "w") as archive:
            archive.write("model.weights.h5")

        def work():
            source = tensorview.open("cut.keras")
            [first, second] = source.values()
            assert first[0].sum() == 400 * 300
            os.truncate("cut.keras", 4096)
            try:
                second[0]
            except tensorview.TensorViewError as error:
                return 0 if "cut.keras" in str(error) else 3
            return 4

        self.assertEqual(0, judge("cut.keras", work))


if __name__ == "__main__":
    unittest.main()
