# SPDX-License-Identifier: BSD-3-Clause
"""The shim's own files, read by the plugin while they are written at full speed, and after kill -9.

Testing/Shim/writer.c says what every number must be."""

import os
import signal
import subprocess
import sys
import time
import unittest

import numpy as np
from paraview import simple
from reading import history, reader, steps, tensors, values
from tensors import load_plugin, values_of

WRITER = sys.argv[1]
load_plugin()


def number(step, count):
    return (step * 31 + np.arange(count, dtype="i8") * 7) % 9973


class Shim(unittest.TestCase):
    def start(self, path, flush, pause):
        if os.path.exists(path):
            os.remove(path)
        writer = subprocess.Popen([WRITER, path, "1000000", flush, pause], stdout=subprocess.DEVNULL)
        self.addCleanup(writer.wait)
        self.addCleanup(writer.kill)
        return writer

    def check(self, source):
        """Everything at the last step that the timeline has."""
        last = int(source.TimestepValues[-1])
        images = tensors(source, last)
        shown = {name: steps(image) for name, image in images.items()}
        expected = {
            "conv1/weights": last,
            "conv1/activations": last - last % 3,
            "fc1/weights": last - last % 7,
            "fc1/activations": last,
        }
        self.assertEqual(expected, shown)
        at = expected["conv1/activations"]
        samples = 9 if last % 2 else 64
        numbers = {
            "conv1/weights": number(last, 144),
            "conv1/activations": sum(number(at + b, 864) for b in range(5)),
            "fc1/weights": number(expected["fc1/weights"], 330000),
            "fc1/activations": sum(number(last + b, 11) for b in range(samples)),
        }
        for name, right in numbers.items():
            self.assertTrue(np.array_equal(right, values(images[name]).ravel()), (name, last))
        self.assertEqual([samples], values_of(images["fc1/activations"], "Samples"))
        states = [-1] * 16
        states[3] = 2 if last >= 10 else -1
        self.assertEqual(states, values_of(images["conv1/weights"], "State"))
        table = history(source)
        rows = len(table["Step"])  # where it is followed, the file may have grown in between
        self.assertGreaterEqual(rows, last + 1)
        at = np.arange(rows)
        self.assertTrue(np.array_equal(at, table["Step"]))
        self.assertTrue(np.array_equal(at * 31 % 9973, table["loss"]))
        self.assertTrue(np.array_equal((at * 31 + 14) % 9973, table["conv1/weights[2]"]))
        self.assertTrue(np.array_equal(np.isnan(table["accuracy"]), at % 4 > 0))
        return last

    def wait_for_steps(self, path):
        probe = reader(path, Follow=1, FollowInterval=0.05)
        probe.GetClientSideObject().AddObserver("ErrorEvent", lambda *_: None)  # nothing there yet
        deadline = time.time() + 30
        while not len(probe.TimestepValues) and time.time() < deadline:
            time.sleep(0.06)
            probe.UpdatePipelineInformation()
        return probe

    def test_followed_at_full_speed(self):
        for flush in ("0", "0.05"):
            writer = self.start("followed.tvh5", flush, "100")
            source = self.wait_for_steps("followed.tvh5")
            errors = []
            source.GetClientSideObject().AddObserver("ErrorEvent", lambda *_: errors.append(1))
            seen = []
            end = time.time() + 3
            while time.time() < end or len(set(seen)) < 3:
                source.UpdatePipelineInformation()
                seen.append(self.check(source))
                time.sleep(0.05)
            self.assertIsNone(writer.poll())
            writer.kill()
            writer.wait()
            self.assertEqual([], errors)
            self.assertEqual(sorted(seen), seen)

    def test_left_by_a_writer_that_was_killed(self):
        chance = np.random.default_rng(17)
        for turn in range(8):
            writer = self.start("killed.tvh5", ("0", "0.01")[turn % 2], ("0", "200")[turn // 2 % 2])
            self.wait_for_steps("killed.tvh5")
            time.sleep(chance.uniform(0, 0.2))
            writer.send_signal(signal.SIGKILL)
            writer.wait()
            source = reader("killed.tvh5")
            errors = []
            source.GetClientSideObject().AddObserver("ErrorEvent", lambda *_: errors.append(1))
            self.check(source)
            self.assertEqual([], errors)
            simple.Delete(source)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
