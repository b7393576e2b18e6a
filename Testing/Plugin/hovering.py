# SPDX-License-Identifier: BSD-3-Clause
"""The cursor rests on a grid in the real window: a tool tip says what is there; on paper, nothing.

    hovering.py PARAVIEW RUN.tvh5
"""

import os
import subprocess
import sys
import time
import unittest

from picking import PARAVIEW, RUN, count_pixels, do, wait_for, window_size
from window import environment, log

# Of the window's width and height: a block, a pixel, a curve, and the paper beside the
# pictures.
WEIGHTS, IMAGE, CURVE, PAPER = (0.362, 0.545), (0.685, 0.48), (0.787, 0.46), (0.524, 0.46)
TIP = (255, 255, 220)  # Qt's own colour
VIEWS = ((0.3, 0.3), (1, 0.95))
BUTTON = (45, 119)  # of the toolbar
LEAST = 1000  # pixels of a tool tip


class Hovering(unittest.TestCase):
    def setUp(self):
        variables = environment()
        del variables["DASHBOARD_TEST_FROM_CTEST"]  # ParaView then shows no tool tips
        variables = environment()
        del variables["DASHBOARD_TEST_FROM_CTEST"]  # ParaView then shows no tool tips
        with open("paraview.log", "w") as output:
            self.paraview = subprocess.Popen(
                [PARAVIEW, RUN], env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        self.addCleanup(self.paraview.wait)  # after kill()
        self.addCleanup(self.paraview.kill)
        self.assertTrue(wait_for(lambda: window_size() is not None), log())
        time.sleep(3)
        self.size = window_size()
        # By the mouse: a window that was never clicked is not active, and shows no tool tips.
        do("mousemove", *BUTTON, "click", 1)
        paper = lambda: count_pixels(VIEWS, self.size, (255, 255, 255))
        self.assertTrue(wait_for(lambda: paper() > 100000), log())

    def tip(self):
        return count_pixels(((0, 0), (1, 1)), self.size, TIP)

    def rest(self, place):
        do("mousemove", 5, int(0.99 * self.size[1]))
        self.assertTrue(wait_for(lambda: self.tip() < LEAST), "an old tool tip stays")
        self.move(place)

    def move(self, place):
        """There, by a pixel another way each time."""
        self.moved = not getattr(self, "moved", False)
        do("mousemove", int(place[0] * self.size[0]) + self.moved, int(place[1] * self.size[1]))

    def appears(self, place):
        """Whether the tool tip is there after a while; a window that is busy misses a movement."""
        self.move(place)
        time.sleep(2)
        return self.tip() > LEAST

    def test_each_grid_says_what_is_under_the_cursor(self):
        for place in (WEIGHTS, IMAGE, CURVE):
            self.rest(place)
            self.assertTrue(wait_for(lambda: self.appears(place)), (place, log()))
        self.rest(PAPER)
        time.sleep(3)  # as long as a tool tip would need
        self.assertLess(self.tip(), LEAST)
        self.assertNotIn("Traceback", log())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
