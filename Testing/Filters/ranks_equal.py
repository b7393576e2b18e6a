"""What several ranks have between them is bit for bit what one has, and each has its share."""

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


class Ranks(unittest.TestCase):
    def test_one_and_three(self):
        run_file.lenet("run.tvh5", steps=2, filters=18, channels=3)
        (alone,), together = collect(1, "run.tvh5"), collect(3, "run.tvh5")
        self.assertGreater(len(alone), 90)
        for name, expected in alone.items():
            if name.endswith("/extent"):
                continue
            parts = [part[name] for part in together if name in part]
            joined = np.concatenate(parts)
            self.assertEqual(expected.dtype, joined.dtype, name)
            self.assertEqual(expected.tobytes(), joined.tobytes(), name)
            if "matrix" not in name and "dense" not in name and "Gathered" not in name:
                most = max(map(len, parts))
                self.assertLess(most, 0.5 * len(expected), name + ": one rank has most of it")
        extents = [part["image maps Spread/extent"][0].tolist() for part in together]
        self.assertEqual([0, 28, 57], [e[2] for e in extents])
        self.assertEqual([28, 57, 86], [e[3] for e in extents])


if __name__ == "__main__":
    unittest.main()
