# SPDX-License-Identifier: BSD-3-Clause
"""The sheet of a weight file, and of a folder of checkpoints: what is drawn is what they have."""

import os
import re
import shutil
import subprocess
import sys
import unittest

import numpy as np

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(SOURCE, "Testing", "Weights"))
from weights_support import write_safetensors  # noqa: E402

ALWAYS = ["weight-grid", "image-grid", "distribution-grid", "correlation"]
OVER_TIME = ["weight-trajectory", "history"]


def drawn(path, *layer):
    shutil.rmtree("sheet", ignore_errors=True)
    command = [sys.argv[1], os.path.join(SOURCE, "Data", "Demo", "demo.py"), path, "sheet", *layer]
    result = subprocess.run(command, capture_output=True, text=True)
    said = re.search("Pictures: (.*)", result.stdout)
    assert said and result.returncode == 0, result.stdout + result.stderr
    names = [os.path.basename(name)[:-4] for name in said.group(1).split(", ")]
    for name in names:
        assert os.path.getsize(f"sheet/{name}.png") > 1000, name
    return names, result.stdout


class SheetOfWeights(unittest.TestCase):
    def setUp(self):
        shutil.rmtree("series", ignore_errors=True)
        os.mkdir("series")
        random = np.random.default_rng(0)
        self.kernels = random.normal(size=(6, 3, 3, 3)).astype("f4")
        self.kernels[4] = 2 * self.kernels[1]
        for step in (0, 10):
            write_safetensors(f"series/step-{step}.safetensors", {
                "conv1.weight": self.kernels + step, "conv1.bias": np.ones(6, "f4"),
                "fc.weight": random.normal(size=(40, 50)).astype("f4")})

    def test_a_file(self):
        names, said = drawn("series/step-0.safetensors")
        self.assertEqual(ALWAYS + ["sheet"], names)
        self.assertIn("group 1: filters 1, 4", said)  # by their weights

    def test_a_matrix(self):
        names, said = drawn("series/step-0.safetensors", "fc")
        self.assertEqual(ALWAYS + ["sheet"], names)
        self.assertIn("none", said)

    def test_a_folder(self):
        names, _ = drawn("series")
        self.assertEqual(ALWAYS + OVER_TIME + ["sheet"], names)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
