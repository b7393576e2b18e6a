# SPDX-License-Identifier: BSD-3-Clause
"""Files over which HDF5 crashes or asks for all memory: one sentence from Python and from the shell, and the
process goes on. HDF5 tries them in a process of its own, once."""

import os
import resource
import shutil
import subprocess
import sys
import unittest
import zipfile

import h5py
import numpy as np
from damage import judge
from malicious import HARMFUL, add_crash, heap_beyond_all_memory
from run_file import Tensor, write_run

import tensorview


def run(path):
    """A run in HDF5's first format."""
    write_run("latest.tvh5", {"a/weights": Tensor("oi", np.ones((3, 2, 2), "<f4"), range(3))})
    with h5py.File(path, "w") as file, h5py.File("latest.tvh5") as other:
        for name, value in other.attrs.items():
            file.attrs[name] = value
        for name in other:
            other.copy(name, file)


def weights(path):
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = np.array([b"dense"])
        file["dense/kernel"] = np.ones((2, 3), "f4")


class Trial(unittest.TestCase):
    def refused(self, path, words):
        """In a process of its own, which ends as any other: HDF5's exit handlers run."""
        script = (
            "import sys, tensorview\n"
            "try:\n    print(len(tensorview.open(sys.argv[1])))\n"
            "except tensorview.TensorViewError as error:\n    print(error)"
        )
        for command in (["-c", script], ["-m", "tensorview", "info"]):
            done = subprocess.run([sys.executable, *command, path], capture_output=True, text=True)
            if HARMFUL:
                self.assertEqual("-m" in command, done.returncode == 1, done)
                said = done.stdout + done.stderr
                self.assertIn(f"{path}: ", said)
                self.assertIn(words, said)
                self.assertEqual(1, len(said.strip().splitlines()), said)
            self.assertIn(done.returncode, (0, 1))

    def test_a_run_over_which_hdf5_crashes(self):
        run("crash.tvh5")
        add_crash("crash.tvh5", "layers/b/weights/values")
        self.refused("crash.tvh5", "HDF5 crashes over it")

    def test_a_run_over_which_hdf5_asks_for_all_memory(self):
        run("memory.tvh5")
        heap_beyond_all_memory("memory.tvh5")
        self.refused("memory.tvh5", "asks for more memory")

    def test_weights(self):
        weights("crash.h5")
        add_crash("crash.h5", "other/kernel")
        self.refused("crash.h5", "HDF5 crashes over it")
        for name, how in (("stored.keras", zipfile.ZIP_STORED), ("deflated.keras", zipfile.ZIP_DEFLATED)):
            with zipfile.ZipFile(name, "w", how) as archive:
                archive.write("crash.h5", "model.weights.h5")
            self.refused(name, "HDF5 crashes over it")

    def test_each_file_once(self):
        def work():
            def children():
                return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt

            counts = [children()]
            for path in ("good.tvh5", "good.tvh5", "good.h5", "good.h5"):
                tensorview.open(path).close()
                counts.append(children())
            grew = [after > before for before, after in zip(counts, counts[1:])]
            return 0 if grew == [True, False, True, False] else 1

        run("good.tvh5")
        weights("good.h5")
        self.assertEqual(0, judge("good.tvh5", work))

    def alone(self, folder, script):
        """The library by itself in a folder, above which there is no such program; what a script prints there."""
        library = os.path.join(folder, "libtensorview.so.1")
        os.makedirs(folder, exist_ok=True)
        shutil.copy(os.path.realpath(os.environ["TENSORVIEW_SHIM"]), library)
        run("good.tvh5")
        environment = {**os.environ, "TENSORVIEW_LIBRARY": library}
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
        self.assertEqual("", done.stderr)
        return done.stdout

    def test_without_the_program(self):
        script = "import tensorview; print(*tensorview.open('good.tvh5'))"
        self.assertEqual("a/weights\n", self.alone(os.path.abspath("alone/a/b/c/d"), script))

    def test_when_time_is_up(self):
        """Another program in its place, which is ended as the system ends what has used its time."""
        folder = os.path.abspath("ended")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "tensorview-trial"), "w") as file:
            file.write("#!/bin/sh\nkill -XCPU $$\n")
        os.chmod(os.path.join(folder, "tensorview-trial"), 0o755)
        script = (
            "import tensorview\n"
            "try:\n    tensorview.open('good.tvh5')\n"
            "except tensorview.TensorViewError as error:\n    print(error)"
        )
        self.assertRegex(self.alone(folder, script), "^good.tvh5: HDF5 comes to no end with it")


if __name__ == "__main__":
    unittest.main()
