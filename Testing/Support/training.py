# SPDX-License-Identifier: BSD-3-Clause
"""A real training in shared memory, and the dashboard that watches it, for tests in pvpython."""

import os
import subprocess
import time
import unittest

from paraview import simple as pv

LIMIT = 120  # seconds for what takes a few


class LiveTraining(unittest.TestCase):
    """NAME of the training and OPTIONS of its trainer, TRAINER, are the subclass's."""

    @classmethod
    def setUpClass(cls):
        pv.LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], ns=pv.__dict__)
        import tensorview_dashboard

        cls.dashboard = tensorview_dashboard
        cls.trainer = subprocess.Popen(
            [cls.TRAINER, "--channel", cls.NAME, "--output", "none", "--epochs", "1000", "--quiet",
             *cls.OPTIONS],
        )
        cls.addClassCleanup(cls.trainer.wait)
        cls.addClassCleanup(cls.trainer.kill)

    def connect(self):
        deadline = time.monotonic() + LIMIT
        while True:
            try:
                return self.dashboard.connect(self.NAME)
            except ValueError:
                self.assertIsNone(self.trainer.poll())
                self.assertLess(time.monotonic(), deadline)
                time.sleep(0.2)
