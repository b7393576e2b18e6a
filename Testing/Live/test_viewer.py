# SPDX-License-Identifier: BSD-3-Clause
"""What a viewer sees of a run is what the run file says; and its death, its pause and its silence
cost the training no more than was agreed.

TENSORVIEW_LIVE_STEPS: steps of the comparison, 30 unless told (300 is the full count).
"""

import os
import signal
import time
import unittest

import h5py
import numpy as np
from live_support import LiveTest, complaint, free_port, live, ours_at, trainer, viewer

RUN = f"viewer-{os.getpid()}"
STEPS = int(os.environ.get("TENSORVIEW_LIVE_STEPS", "30"))
VIEWS = ["Weight grid", "Image grid", "Distribution grid", "Weight trajectory"]


def pairs(seen, step, view, *names):
    """Arrays of one view at one step."""
    return [seen[f"{step}|{view}|{name}"] for name in names]


class Viewer(LiveTest):
    run_name = RUN

    def setUp(self):
        super().setUp()
        self.port = free_port()

    def watch(self, name, *options, script="four_views.py", views=VIEWS):
        """A viewer and a tensorview-live that wait for a run."""
        for old in (name + ".npz", name + ".stop"):
            if os.path.exists(old):
                os.unlink(old)
        client = self.start(viewer(name, self.port, *options, *views))
        one = self.start(live(name + "-live", RUN, "--wait", "--script", ours_at(script, self.port)))
        client.wait_for("listening")
        one.wait_for("waiting for the run")
        return client, one

    def test_what_is_seen_is_what_is_recorded(self):
        client, one = self.watch("seen")
        run = self.start(trainer(
            "seen-run", "--steps", STEPS, "--record-weights", "1", "--record-large", "1", "--record-activations", "1",
            "--output", "seen.tvh5", "--overwrite", "--channel", RUN, "--block", "60"))
        self.assertEqual(0, run.wait(60 + STEPS), run.text())
        self.assertEqual(0, one.wait(), one.text())
        self.assertEqual(0, client.wait(), client.text())
        self.assertIn(f"{STEPS + 1} steps shown, 0 passed by", one.text())
        self.assertFalse(complaint(one.text()))
        seen = np.load("seen.npz")
        with h5py.File("seen.tvh5") as file:
            weights = file["layers/conv1/weights/values"][()]
            maps = file["layers/conv1/activations/values"][()]
            np.testing.assert_array_equal(file["layers/conv1/weights/steps"][()], np.arange(STEPS + 1))
        steps = sorted({int(key.split("|")[0]) for key in seen.files})
        self.assertEqual(list(range(STEPS + 1)), steps)
        for step in steps:
            value, f, c, r, w = pairs(seen, step, "Weight grid", "Weight", "Filter", "Channel", "Row", "Column")
            self.assertEqual(weights[step].size, value.size)
            np.testing.assert_array_equal(value, weights[step][f, c, r, w])
            value, f, r, w = pairs(seen, step, "Image grid", "Activation", "Filter", "Row", "Column")
            inside = np.isfinite(value)
            self.assertEqual(maps[step].size, inside.sum())
            np.testing.assert_array_equal(value[inside], maps[step][f[inside], r[inside], w[inside]])
            value, f, p = pairs(seen, step, "Distribution grid", "Activation", "Filter", "Pixel")
            self.assertEqual(set(range(len(maps[step]))), set(f))
            np.testing.assert_array_equal(value, maps[step].reshape(len(maps[step]), -1)[f, p])
            path, at = pairs(seen, step, "Weight trajectory", "points", "Step")
            np.testing.assert_array_equal(at, np.arange(step + 1))
            np.testing.assert_array_equal(path, weights[: step + 1].reshape(step + 1, -1)[:, :3])

    def paused(self, name):
        """A run that a viewer holds at step 10; the trainer, the viewer, tensorview-live."""
        client, one = self.watch(name, "--pause-at", "10", script="weight_grid.py", views=["Weight grid"])
        run = self.start(trainer(
            name + "-run", "--steps", "300", "--record-weights", "1", "--output", "none", "--channel", RUN,
            "--block", "30"))
        client.wait_for("paused 10", 90)
        one.wait_for("the viewer holds the training, step 10")
        time.sleep(1.5)
        self.assertTrue(run.running())  # 290 steps to go, and it stands still
        self.assertNotIn("the training goes on", one.text().split("step 10")[1])
        return run, client, one

    def test_a_viewer_that_dies_while_it_pauses(self):
        run, client, one = self.paused("dies")
        client.send(signal.SIGKILL)
        begin = time.time()
        while "the training goes on" not in (after := one.text().split("step 10")[1]):
            self.assertLess(time.time() - begin, 60)
            time.sleep(0.01)
        # Let go because it is gone, not because some time limit was over.
        self.assertIn("is gone", after.split("the training goes on")[0])
        self.assertNotIn("ten seconds", after)
        print(f"released {time.time() - begin:.2f} s after the viewer's death")
        self.assertEqual(0, run.wait())
        self.assertEqual(0, one.wait())

    def test_a_viewer_that_hangs_while_it_pauses(self):
        run, client, one = self.paused("hangs")
        client.send(signal.SIGSTOP)
        begin = time.time()
        self.assertEqual(0, run.wait(60))  # lets go after the lease of ten seconds
        print(f"ended {time.time() - begin:.2f} s after the viewer's halt")
        client.send(signal.SIGKILL)
        self.assertEqual(0, one.wait())

    def test_tensorview_live_that_dies_while_it_pauses(self):
        run, client, one = self.paused("killed")
        one.send(signal.SIGKILL)
        begin = time.time()
        self.assertEqual(0, run.wait())
        print(f"ended {time.time() - begin:.2f} s after tensorview-live's death")
        client.send(signal.SIGKILL)


if __name__ == "__main__":
    unittest.main()
