# SPDX-License-Identifier: BSD-3-Clause
"""The package by pip, from the source tree and without a network, and by CMake's install.

    installed.py SOURCE BUILD
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

SOURCE, BUILD = Path(sys.argv[1]), Path(sys.argv[2])

USE = """
import numpy, sys, tensorview
assert sys.argv[1] in tensorview.__file__, tensorview.__file__
with tensorview.Run("run.tvh5", overwrite=True) as run:
    run.write(run.declare("a", "weights", "oi", (2, 3)), 0, numpy.ones((2, 3)))
print(tensorview.__version__, tensorview.correlate([[1.0, 2.0], [2.0, 1.0]])[0, 1])
"""


class Installed(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.target = Path(self.folder.name).resolve() / "target"

    def tearDown(self):
        self.folder.cleanup()

    def call(self, *command, **variables):
        environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "TENSORVIEW_SHIM")}
        environment.update(variables)
        result = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=self.folder.name)
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        return result.stdout

    def check(self, packages, script):
        said = self.call(sys.executable, "-c", USE, str(self.target), PYTHONPATH=str(packages))
        self.assertEqual(f"{(SOURCE / 'VERSION').read_text().strip()} -1.0", said.strip())
        self.assertIn("tensorview info", self.call(str(script), "--help", PYTHONPATH=str(packages)))

    def test_pip(self):
        # A copy of what is in the tree, so that nothing is built into it; without TENSORVIEW_BUILD
        # pip would build the C library anew.
        tree = Path(self.folder.name) / "tree"
        for part in ("Data/Python", "Data/Demo"):
            shutil.copytree(SOURCE / part, tree / part)
        shutil.copy(SOURCE / "VERSION", tree)
        options = ["--no-build-isolation", "--no-index", "--no-deps", "--target", str(self.target)]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", *options, str(tree / "Data/Python")]
        self.call(*pip, TENSORVIEW_BUILD=str(BUILD), PIP_ROOT_USER_ACTION="ignore")
        self.check(self.target, self.target / "bin/tensorview")
        for name in ("py.typed", "prune/__init__.py", "_sheet.py", "tensorview-trial"):
            self.assertTrue((self.target / "tensorview" / name).exists(), name)
        self.assertTrue(os.access(self.target / "tensorview/tensorview-trial", os.X_OK))

    def test_cmake(self):
        for component in ("python3-tensorview", "libtensorview1"):
            self.call("cmake", "--install", str(BUILD), "--prefix", str(self.target), "--component", component)
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        self.check(self.target / "lib" / version / "dist-packages", self.target / "bin/tensorview")
        self.assertTrue((self.target / "lib/python3/dist-packages/tensorview/_sheet.py").exists())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
