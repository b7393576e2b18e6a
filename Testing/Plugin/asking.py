# SPDX-License-Identifier: BSD-3-Clause
"""The dashboard of a training asks it to merge filters: the selected ones, its groups, others.

    asking.py TENSORVIEW-LENET
"""

import os
import re
import sys
import time
import unittest

from paraview import simple as pv
from training import LiveTraining

SAMPLE = os.path.join(os.environ["TENSORVIEW_SAMPLES"], "lenet.tvh5")
LEFT = r"^conv1 has (\d+) of 16 filters left since step \d+"


class Asking(LiveTraining):
    TRAINER, NAME = sys.argv.pop(), f"asking-test-{os.getpid()}"
    OPTIONS = ["--record-activations", "1", "--prune-bound", "inf", "--statistics-batches", "2"]

    def states(self, board):
        """Of conv1's filters, as the views show them."""
        from paraview import servermanager
        from vtkmodules.util.numpy_support import vtk_to_numpy

        board = self.connect()  # takes hold of the newest step
        board.groups.UpdatePipeline(pv.GetTimeKeeper().Time)
        table = servermanager.Fetch(board.groups, idx=1)
        return vtk_to_numpy(table.GetColumnByName("State")).tolist()

    def wait_for(self, board, filter, state):
        deadline = time.monotonic() + 120
        while True:
            states = self.states(board)
            if states[filter] == state:
                return states
            self.assertLess(time.monotonic(), deadline, states)

    def test_selected_filters_then_groups_then_what_cannot_be(self):
        board = self.connect()
        board.selected = [2, 5, 9]
        accepted, sentence = self.dashboard.merge(board)
        self.assertTrue(accepted)
        self.assertEqual("14", re.match(LEFT, sentence)[1], sentence)
        states = self.wait_for(board, 9, 2)
        self.assertEqual((-1, 2), (states[2], states[5]))

        board.selected = []
        board.threshold = -0.9  # of every filter that is left with others, and none of those that went
        layer, merges = self.dashboard.merging.plan(board)
        self.assertEqual("conv1", layer)
        self.assertGreater(len(merges), 0)
        self.assertFalse({5, 9} & {*merges, *merges.values()})
        keep = dict(sorted(merges.items())[:3])
        accepted, sentence = self.dashboard.merge(board, keep)
        self.assertTrue(accepted)
        self.assertEqual(14 - len(keep), int(re.match(LEFT, sentence)[1]), sentence)
        for goes, kept in keep.items():
            self.wait_for(board, goes, kept)

        accepted, sentence = self.dashboard.merge(board, [2, 5])
        self.assertEqual((False, "filter 5 of conv1 is not there any more"), (accepted, sentence))
        for merges, layer, words in (
            ({99: 2}, None, "filters 0 to 15"),
            ([3], None, "nothing to merge"),
            ({3: 2}, "fc2", 'no layer "fc2"'),
        ):
            with self.assertRaisesRegex(ValueError, words):
                self.dashboard.merge(board, merges, layer)
        self.assertIsNone(self.trainer.poll())

    def test_a_file_is_not_asked(self):
        board = self.dashboard.dashboard(SAMPLE)
        with self.assertRaisesRegex(ValueError, "no training that goes on"):
            self.dashboard.merge(board, {5: 3})


if __name__ == "__main__":
    unittest.main()
