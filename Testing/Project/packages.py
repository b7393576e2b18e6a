# SPDX-License-Identifier: BSD-3-Clause
"""The Debian packages: what is in which, and that they install, work with no variable set, and go again.

    packages.py BUILD

The second part changes /usr, and so happens in a mount namespace of its own, over copies that
vanish with it. Where that is not allowed (it needs root) it is skipped, and only that."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

BUILD = Path(sys.argv[1]).resolve()

INSIDE = r"""
set -e
mount -t tmpfs none "$1"
for folder in usr var etc; do
  mkdir "$1/$folder" "$1/$folder.work"
  mount -t overlay overlay -o "lowerdir=/$folder,upperdir=$1/$folder,workdir=$1/$folder.work" "/$folder"
done
echo mounted
cd "$1"
cat >script.py <<'PYTHON'
from paraview.simple import *
run = TensorSnapshotReader(FileName=["/usr/share/tensorview/samples/lenet.tvh5"])
run.UpdatePipeline()
print("steps up to", run.TimestepValues[-1])
PYTHON
shift
dpkg -i "$@"
xvfb-run -a pvpython script.py
tensorview-lenet --help | head -n 1
dpkg -r tensorview python3-tensorview libtensorview-dev libtensorview1
test ! -e /usr/bin/plugins
echo gone
"""


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        result = subprocess.run(
            ["cpack", "-G", "DEB", "--config", str(BUILD / "CPackConfig.cmake"), "-B", cls.folder.name],
            cwd=BUILD, capture_output=True, text=True,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        cls.packages = {path.name.split("_")[0]: path for path in Path(cls.folder.name).glob("*.deb")}

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def files(self, package):
        listing = subprocess.run(
            ["dpkg-deb", "-c", str(self.packages[package])], capture_output=True, text=True, check=True
        )
        return {line.split()[5][1:] for line in listing.stdout.splitlines()}

    def test_each_file_is_in_its_package(self):
        self.assertEqual(
            {"tensorview", "libtensorview1", "libtensorview-dev", "python3-tensorview"}, set(self.packages)
        )
        plugin = self.files("tensorview")
        self.assertIn("/usr/bin/plugins/TensorView/TensorView.so", plugin)
        self.assertIn("/usr/bin/tensorview-live", plugin)
        self.assertIn("/usr/share/tensorview/samples/lenet.tvh5", plugin)
        self.assertEqual([], [name for name in plugin if name.endswith((".a", ".h"))])
        self.assertTrue(any(re.search(r"libtensorview\.so\.1$", n) for n in self.files("libtensorview1")))
        self.assertIn("tensorview-trial", [Path(n).name for n in self.files("libtensorview1")])
        self.assertIn("/usr/include/tensorview/tensorview.h", self.files("libtensorview-dev"))

    def test_they_install_work_and_go(self):
        with tempfile.TemporaryDirectory() as scratch:
            environment = {k: v for k, v in os.environ.items() if not k.startswith(("PV_", "TENSORVIEW_"))}
            result = subprocess.run(
                ["unshare", "-m", "bash", "-c", INSIDE, "inside", scratch, *map(str, self.packages.values())],
                env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            )
        if "mounted" not in result.stdout:
            self.skipTest("no mount namespace here: " + result.stderr[-200:])
        self.assertEqual(0, result.returncode, result.stdout + result.stderr)
        self.assertIn("steps up to 300.0", result.stdout)
        self.assertIn("gone", result.stdout)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
