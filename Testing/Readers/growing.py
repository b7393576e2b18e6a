# SPDX-License-Identifier: BSD-3-Clause
"""A run file that grows while it is open: Reload, and Follow."""

import time
import unittest

import h5py
import numpy as np
from paraview import simple
from reading import history, reader, steps, tensors, values
from run_file import Tensor, fixed, write_run
from tensors import load_plugin

load_plugin()
SEED = np.random.default_rng(8)


class Growing(unittest.TestCase):
    """h5py is the writer here, in single-writer/multiple-reader mode, as the shim is elsewhere."""

    def write(self, path):
        self.weights = SEED.normal(0, 1, (50, 4, 1, 3, 3)).astype("<f4")
        self.maps = SEED.normal(0, 1, (50, 4, 5, 5)).astype("<f4")
        write_run(
            path,
            {
                "conv1/weights": Tensor("oihw", self.weights[:2], [0, 1]),
                "conv1/activations": Tensor("chw", self.maps[:1], [0], [50]),
            },
            {"loss": [0.0, 1.0]},
            [0, 1],
        )
        file = h5py.File(path, "r+", libver="latest")
        file.create_dataset("complete", data=[[1, 2, 1, 2]], maxshape=(None, 4), chunks=(64, 4))
        self.streams = ["layers/conv1/weights", "layers/conv1/activations", "scalars"]
        file["complete"].attrs["streams"] = fixed(["/" + name for name in self.streams])
        file.swmr_mode = True
        self.file = file
        self.addCleanup(file.close)

    def append(self, stream, step, row):
        group = self.file[stream]
        parts = {"values": row, "steps": step, "samples": 50}
        for name in parts:
            if name in group:
                group[name].resize(len(group[name]) + 1, axis=0)
                group[name][-1] = parts[name]
                group[name].flush()

    def grow(self, step, complete=True):
        self.append(self.streams[0], step, self.weights[step])
        if step % 3 == 0:
            self.append(self.streams[1], step, self.maps[step])
        self.append(self.streams[2], step, [step])
        if complete:
            counts = [len(self.file[name]["steps"]) for name in self.streams]
            rows = self.file["complete"]
            rows.resize(len(rows) + 1, axis=0)
            rows[-1] = [step] + counts
            rows.flush()

    def check(self, source, last):
        self.assertEqual(list(range(last + 1)), list(source.TimestepValues))
        images = tensors(source, last)
        self.assertEqual(last, steps(images["conv1/weights"]))
        self.assertTrue(np.array_equal(self.weights[last, :, 0], values(images["conv1/weights"])))
        at = last - last % 3
        self.assertEqual(at, steps(images["conv1/activations"]))
        self.assertTrue(np.array_equal(self.maps[at], values(images["conv1/activations"])))
        table = history(source)
        self.assertEqual(list(range(last + 1)), list(table["Step"]))
        self.assertEqual(list(range(last + 1)), list(table["loss"]))
        expected = self.weights[: last + 1].reshape(last + 1, -1)[:, 2]
        self.assertTrue(np.array_equal(expected, table["conv1/weights[2]"]))

    def test_reload(self):
        self.write("reload.tvh5")
        source = reader("reload.tvh5")
        self.check(source, 1)
        for step in range(2, 9):
            self.grow(step)
        source.UpdatePipelineInformation()
        self.check(source, 1)  # until somebody asks
        simple.ReloadFiles(source)
        self.check(source, 8)
        self.grow(9, complete=False)
        simple.ReloadFiles(source)
        self.check(source, 8)
        self.grow(10)
        simple.ReloadFiles(source)
        self.check(source, 10)

    def test_follow(self):
        self.write("follow.tvh5")
        source = reader("follow.tvh5", Follow=1, FollowInterval=0.05)
        self.check(source, 1)
        for step in range(2, 12):
            self.grow(step)
            deadline = time.time() + 20
            while len(source.TimestepValues) <= step and time.time() < deadline:
                time.sleep(0.02)
                source.UpdatePipelineInformation()
            self.check(source, step)
        source.Follow = 0
        self.grow(12)
        time.sleep(0.2)
        source.UpdatePipelineInformation()
        # The change of Follow itself read the file anew; from there on nothing does.
        last = len(source.TimestepValues) - 1
        self.grow(13)
        time.sleep(0.2)
        source.UpdatePipelineInformation()
        self.check(source, last)

    def test_follow_adds_only_what_is_new(self):
        self.write("sum.tvh5")
        source = reader("sum.tvh5", Follow=1, FollowInterval=0.05, Accumulate=1)
        for step in range(2, 31):
            self.grow(step)
            if step % 5 == 0:
                time.sleep(0.06)
                source.UpdatePipelineInformation()
                found = values(tensors(source, step)["conv1/activations"])
                expected = self.maps[: step + 1 : 3].astype("f8").sum(axis=0).astype("<f4")
                self.assertTrue(np.array_equal(expected, found))

    def test_a_run_that_starts_again_under_the_same_name(self):
        for follow in (0, 1):
            first, second = SEED.normal(0, 1, (2, 5, 4, 1, 3, 3)).astype("<f4")
            write_run("again.tvh5", {"conv1/weights": Tensor("oihw", first, range(5))})
            source = reader("again.tvh5", Follow=follow, FollowInterval=0.05)
            self.assertTrue(np.array_equal(first[3, :, 0], values(tensors(source, 3)["conv1/weights"])))
            history(source)
            write_run("again.tvh5", {"conv1/weights": Tensor("oihw", second, range(5))})
            simple.ReloadFiles(source)
            self.assertTrue(np.array_equal(second[3, :, 0], values(tensors(source, 3)["conv1/weights"])))
            expected = second.reshape(5, -1)[:, 0]
            self.assertTrue(np.array_equal(expected, history(source)["conv1/weights[0]"]))


if __name__ == "__main__":
    unittest.main()
