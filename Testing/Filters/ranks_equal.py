# SPDX-License-Identifier: BSD-3-Clause
"""What several ranks have between them is bit for bit what one has, and each has its share.

Layers of windows, and matrices: with an odd number of rows, with fewer rows than ranks, with rows
that are pruned and not numbers, with tiles that no rank has whole.
"""

import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np
import run_file

PVBATCH, MPIEXEC = sys.argv.pop(1), sys.argv.pop(1)
HERE = Path(__file__).parent


def collect(ranks, run):
    command = [PVBATCH, "--sym", HERE / "ranks.py", run, f"ranks{ranks}"]
    result = subprocess.run(
        [MPIEXEC, "--oversubscribe", "-n", str(ranks), *command],
        capture_output=True,
        text=True,
        timeout=250,
    )
    if result.returncode:
        raise AssertionError(result.stdout + result.stderr)
    return [dict(np.load(f"ranks{ranks}_{rank}.npz")) for rank in range(ranks)]


def make(path):
    random = np.random.default_rng(5)
    tensors, scalars = run_file.lenet(path, steps=2, filters=18, channels=3)
    odd = random.normal(0, 0.1, (2, 37, 53))
    odd[:, 20, 7] = np.nan
    tensors["odd/weights"] = run_file.Tensor("oi", odd.astype("<f4"), range(2))
    tensors["few/weights"] = run_file.Tensor("io", random.normal(0, 1, (2, 301, 2)), range(2))
    states = np.full((1, 37), -1)
    states[0, [0, 4, 5, 6, 12, 36]] = -2
    run_file.write_run(path, tensors, scalars, range(2), {"odd": (states, [0])})


class Ranks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        make("run.tvh5")
        (cls.alone,) = collect(1, "run.tvh5")

    def compare(self, ranks):
        together = collect(ranks, "run.tvh5")
        self.assertGreater(len(self.alone), 300)
        for name, expected in self.alone.items():
            if name.endswith("/extent"):
                continue
            parts = [part for part in together if name in part]
            image = name.split("/")[0] + "/extent"
            if image in self.alone:  # from below
                parts.sort(key=lambda part: part[image][0, 2])
            parts = [part[name] for part in parts]
            joined = sum(parts) if name.endswith("/cells") else np.concatenate(parts)
            self.assertEqual(expected.dtype, joined.dtype, name)
            self.assertEqual(expected.tobytes(), joined.tobytes(), name)
            uneven = ("Gathered", "Envelope", "Line", "few", "region", "large tiles", "/cells")
            if not any(word in name for word in uneven):
                most = max(map(len, parts))
                self.assertLess(most, 1.7 / ranks * len(expected), name + ": one rank has most of it")
        return together

    def test_two(self):
        self.compare(2)

    def test_four(self):
        together = self.compare(4)
        extents = [part["image maps Spread/extent"][0].tolist() for part in together]
        self.assertEqual([0, 21, 43, 64], [e[2] for e in extents])
        self.assertEqual([21, 43, 64, 86], [e[3] for e in extents])
        extents = [part["image odd Spread/extent"][0].tolist() for part in together]
        self.assertEqual([27, 18, 9, 0], [e[2] for e in extents])  # the first rows stand on top


if __name__ == "__main__":
    unittest.main()
