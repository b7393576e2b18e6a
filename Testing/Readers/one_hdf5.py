# SPDX-License-Identifier: BSD-3-Clause
"""Debian has two builds of HDF5, which share no handle. The plugin uses the one that ParaView's own
readers use, and brings no other into the process (Debian's netCDF and GDAL have brought the serial one
before); a program that links libtensorview holds the serial one alone.

    pvpython one_hdf5.py LIBRARY"""

import os
import subprocess
import sys
import unittest

from paraview.simple import LoadPlugin

LIBRARY = sys.argv[1]
SAMPLE = os.path.join(os.environ["TENSORVIEW_SAMPLES"], "lenet.tvh5")

LOADS = """
import ctypes
library = ctypes.CDLL({library!r})
source, path = ctypes.c_void_p(), ctypes.c_char_p({path!r}.encode())
assert library.tv_source_open(ctypes.byref(source), ctypes.byref(path), ctypes.c_size_t(1), None) == 0
print(open("/proc/self/maps").read())
"""


def hdf5(maps):
    """The HDF5 libraries of a process; those of the high level ("_hl") stand upon one."""
    files = {os.path.basename(line.split()[-1]) for line in maps.splitlines() if "/libhdf5" in line}
    return {name.split(".so")[0] for name in files if "_hl" not in name}


class OneHdf5(unittest.TestCase):
    def test_the_plugin_uses_paraviews(self):
        with open("/proc/self/maps") as maps:
            before = hdf5(maps.read())
        LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], remote=False, ns=globals())
        run = TensorSnapshotReader(FileName=[SAMPLE])
        run.UpdatePipeline()
        self.assertGreater(run.GetDataInformation().GetNumberOfCells(), 0)
        with open("/proc/self/maps") as maps:
            self.assertEqual(before, hdf5(maps.read()))
        needed = subprocess.run(
            ["readelf", "-d", os.environ["TENSORVIEW_PLUGIN"]], capture_output=True, text=True, check=True
        )
        found = {line.split("[")[1].split(".so")[0] for line in needed.stdout.splitlines() if "[libhdf5" in line}
        self.assertEqual({"libhdf5_openmpi"}, {name for name in found if not name.endswith("_hl")})

    def test_a_program_of_somebody_elses_has_the_serial_one(self):
        script = LOADS.format(library=LIBRARY, path=SAMPLE)
        done = subprocess.run(["/usr/bin/python3", "-c", script], capture_output=True, text=True)
        self.assertEqual(0, done.returncode, done.stderr)
        found = hdf5(done.stdout)
        self.assertEqual(1, len(found), found)
        self.assertNotIn("openmpi", found.pop())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
