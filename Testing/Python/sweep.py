# SPDX-License-Identifier: BSD-3-Clause
"""Every byte and every page of run files is damaged, one after the other: of a closed run, of one whose
writer was killed, of one that h5py wrote. Each time all that is read must be what was written, and
what is missing must be said. Prints its counts.

    TENSORVIEW_SWEEP=all ctest --preset release -R Python.Sweep --timeout 7200 -V

sweeps every position, an hour; without it, some hundred."""

import os
import random
import subprocess
import sys
import unittest

import numpy as np
from damage import Counts, content, streams
from run_file import Tensor, write_run

ALL = os.environ.get("TENSORVIEW_SWEEP") == "all"
PAGE = 4096

WRITER = """
import os, sys
import numpy as np
import tensorview
numbers = np.random.default_rng(3)
run = tensorview.Run(sys.argv[1], overwrite=True, flush_seconds=0)
weights = run.declare("conv1", "weights", "oihw", (4, 2, 3, 3))
maps = run.declare("conv1", "activations", "nchw", (4, 4, 5, 5))
half = run.declare("fc/1", "weights", "oi", (3, 7), "float16")
run.declare_states("conv1", 4)
for step in range(9):
    run.write(weights, step, numbers.standard_normal((4, 2, 3, 3), "f4"))
    if step % 2 == 0:
        run.write(maps, step, numbers.standard_normal((1 + step % 4, 4, 5, 5), "f4"))
        run.write_states("conv1", step, [-1, -1, -1, step % 3])
    run.write(half, step, numbers.standard_normal((3, 7)).astype("f2"))
    run.log(step, loss=1 / (step + 1))
    run.end_step(step)
if sys.argv[2] == "close":
    run.close()
os._exit(0)
"""


def by_h5py(path):
    numbers = np.random.default_rng(0)
    write_run(
        path,
        {
            "conv1/weights": Tensor("oihw", numbers.normal(0, 1, (6, 4, 2, 3, 3)).astype("<f4"), range(6)),
            "conv1/activations": Tensor("chw", numbers.normal(0, 1, (2, 4, 5, 5)).astype("<f4"), [0, 3], [5, 5]),
        },
        {"loss": np.arange(6.0)},
        range(6),
        {"conv1": (np.full((2, 4), -1), [0, 2])},
        version=2,
        complete=range(6),
    )  # fmt: skip


class Sweep(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for path, end in (("closed.tvh5", "close"), ("killed.tvh5", "kill")):
            subprocess.run([sys.executable, "-c", WRITER, path, end], check=True)
        by_h5py("h5py.tvh5")

    def sweep(self, path, whole):
        data, whole = content(path), streams(whole)
        counts = Counts(f"{path}, {len(data)} bytes, flipped")
        chance = random.Random(1)
        positions = range(len(data)) if ALL else sorted(chance.sample(range(len(data)), 100))
        for at in positions:
            flipped = bytearray(data)
            flipped[at] ^= 1 << chance.randrange(8)
            counts.try_(flipped, whole, f"byte {at}")
        pages = Counts(f"{path}, {-(-len(data) // PAGE)} pages, zeroed, set, doubled, swapped")
        for at in range(0, len(data), PAGE if ALL else 6 * PAGE):
            end = min(at + PAGE, len(data))
            other = chance.randrange(len(data) // PAGE) * PAGE
            page = data[at:end]
            for label, first, second in (
                ("zeros", bytes(end - at), None),
                ("ones", b"\xff" * (end - at), None),
                ("doubled", data[other : other + end - at], None),
                ("swapped", data[other : other + end - at], page),
            ):
                changed = bytearray(data)
                changed[at : at + len(first)] = first
                if second is not None:
                    changed[other : other + len(second)] = second
                if changed != data:
                    pages.try_(changed, whole, f"page at {at}, {label} {other}")
        print(counts, pages, sep="\n")
        self.assertEqual([], counts.bad + pages.bad)

    def test_closed(self):
        self.sweep("closed.tvh5", "closed.tvh5")

    def test_killed(self):
        self.sweep("killed.tvh5", "closed.tvh5")

    def test_by_h5py(self):
        self.sweep("h5py.tvh5", "h5py.tvh5")


if __name__ == "__main__":
    unittest.main()
