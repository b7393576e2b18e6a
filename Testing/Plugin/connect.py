# SPDX-License-Identifier: BSD-3-Clause
"""The dashboard of a training that goes on: a real one, out of shared memory.

    connect.py TENSORVIEW-LENET
"""

import os
import sys
import time
import unittest

from paraview import simple as pv
from training import LiveTraining


class Connect(LiveTraining):
    TRAINER, NAME = sys.argv.pop(), f"connect-test-{os.getpid()}"
    OPTIONS = ["--record-activations", "10"]

    def test_it_shows_the_step_of_now_and_again_a_later_one(self):
        board = self.connect()
        self.assertEqual(self.NAME, board.run)
        self.assertIn("conv1", board.layers)
        self.assertEqual(
            "conv1/weights", board.weights.SMProxy.GetProperty("Tensor").GetElement(0)
        )
        self.assertEqual(144, board.weights.GetDataInformation().GetNumberOfCells())
        first = pv.GetTimeKeeper().Time
        deadline = time.monotonic() + 120
        while pv.GetTimeKeeper().Time <= first:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.5)
            again = self.connect()
        self.assertEqual(1, len([s for s in pv.GetSources() if s[0].endswith("(live)")]))
        again.layer = "conv2"
        self.assertEqual("conv2", again.layer)

    def test_no_training_of_that_name_is_said(self):
        with self.assertRaisesRegex(ValueError, 'no training of the name "nobody-here"'):
            self.dashboard.connect("nobody-here")
        self.assertEqual([], [s for s in pv.GetSources() if "nobody" in s[0]])


if __name__ == "__main__":
    unittest.main()
