# SPDX-License-Identifier: BSD-3-Clause
"""Power cuts and copies of a run that is being written, simulated from a record of what its writer did
to the disk. Prints its counts.

A power cut: of each page that was written since the last wait for the disk there is any one of the
versions that it had since. With durable, all steps that were flushed must be there, whole. A copy: each
page as it was when the copy came to it. Of all that can be read, nothing may be wrong.

    TENSORVIEW_POWER=1000 ctest --preset release -R Python.Power --timeout 3600 -V

tries so many of each; 40 without it."""

import os
import random
import struct
import subprocess
import sys
import unittest

from damage import Counts, streams

ROUNDS = int(os.environ.get("TENSORVIEW_POWER", "40"))
PAGE = 4096
WRITE, LENGTH, WAIT, STEP = range(4)

WRITER = """
import os, struct, sys
import numpy as np
import tensorview
numbers = np.random.default_rng(3)
durable = sys.argv[2] == "durable"
run = tensorview.Run(sys.argv[1], overwrite=True, flush_seconds=0, durable=durable)
weights = run.declare("conv1", "weights", "oihw", (8, 3, 5, 5))
maps = run.declare("conv1", "activations", "nchw", (4, 8, 6, 6))
half = run.declare("fc/1", "weights", "oi", (5, 70), "float16")
run.declare_states("conv1", 8)
for step in range(40):
    run.write(weights, step, numbers.standard_normal((8, 3, 5, 5), "f4"))
    if step % 3 == 0:
        run.write(maps, step, numbers.standard_normal((1 + step % 4, 8, 6, 6), "f4"))
    run.write(half, step, numbers.standard_normal((5, 70)).astype("f2"))
    run.log(step, loss=1 / (step + 1))
    if step % 10 == 0:
        run.write_states("conv1", step, [-1] * 7 + [step % 7])
    run.end_step(step)
    with open(os.environ["RECORDED_DISK"], "ab", buffering=0) as file:
        file.write(struct.pack("=qqq", 3, step, 0))
run.close()
"""


class Disk:
    """What was done, in its order: (kind, where, bytes)."""

    def __init__(self, path):
        self.done = []
        with open(path, "rb") as file:
            while head := file.read(24):
                kind, where, count = struct.unpack("=qqq", head)
                self.done.append((kind, where, file.read(count)))
        self.pages = max(where + len(data) for kind, where, data in self.done if kind == WRITE) // PAGE + 1

    def image(self, until, length_at, begin=0, base=b""):
        """The file where page p has what was done before until[p], and its length then. begin, base: an
        image to start from."""
        image, length = bytearray(base).ljust(self.pages * PAGE, b"\0"), len(base)
        for at in range(begin, len(self.done)):
            kind, where, data = self.done[at]
            if kind == LENGTH and at < length_at:
                length = where
            if kind != WRITE:
                continue
            if at < length_at:
                length = max(length, where + len(data))
            for page in range(where // PAGE, (where + len(data) - 1) // PAGE + 1):
                if at < until[page]:
                    first, last = max(where, page * PAGE), min(where + len(data), (page + 1) * PAGE)
                    image[first:last] = data[first - where : last - where]
        return bytes(image[:length])

    def cut(self, chance):
        """An image after a power cut, and the last step that was promised, or -1."""
        at = chance.randrange(1, len(self.done) + 1)
        waited = max((k for k in range(at) if self.done[k][0] == WAIT), default=-1) + 1
        share = chance.choice([0, 0.3, 0.7, 1])
        until = [
            at if chance.random() < share else chance.randrange(waited, at + 1) for _ in range(self.pages)
        ]
        steps = [where for kind, where, _ in self.done[:at] if kind == STEP]
        return self.image(until, chance.randrange(waited, at + 1)), max(steps, default=-1)

    def copy(self, chance):
        begin = chance.randrange(len(self.done))
        end = min(len(self.done), begin + int(chance.expovariate(1 / 100)))
        until = [begin + (end - begin) * page // self.pages for page in range(self.pages)]
        return self.image(until, end)


def record(way):
    path = f"{way}.log"
    if os.path.exists(path):
        os.remove(path)
    environment = {**os.environ, "RECORDED_DISK": os.path.abspath(path), "LD_PRELOAD": sys.argv[1]}
    subprocess.run([sys.executable, "-c", WRITER, f"{way}.tvh5", way], check=True, env=environment)
    disk = Disk(path)
    with open(f"{way}.tvh5", "rb") as file:
        assert disk.image([len(disk.done)] * disk.pages, len(disk.done)) == file.read(), "the record is not whole"
    return disk, streams(f"{way}.tvh5")


class Power(unittest.TestCase):
    def test_power_cuts_of_a_durable_run(self):
        disk, whole = record("durable")
        counts = Counts("power cuts, durable")
        for number in range(ROUNDS):
            image, promised = disk.cut(random.Random(number))
            counts.try_(image, whole, f"number {number}", True, promised)
        print(counts)
        self.assertEqual([], counts.bad)

    def test_power_cuts(self):
        disk, whole = record("plain")
        counts = Counts("power cuts")
        for number in range(ROUNDS):
            counts.try_(disk.cut(random.Random(number))[0], whole, f"number {number}", True)
        print(counts)
        self.assertEqual([], counts.bad)

    def test_copies(self):
        disk, whole = record("plain")
        counts = Counts("copies")
        for number in range(ROUNDS):
            counts.try_(disk.copy(random.Random(number)), whole, f"number {number}", True)
        print(counts)
        self.assertEqual([], counts.bad)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
