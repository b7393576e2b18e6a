# SPDX-License-Identifier: BSD-3-Clause
"""A rubber band in the real window: filters that are picked in one view are marked in the others, and
another layer has no marks left.

    picking.py PARAVIEW RUN.tvh5
"""

import os
import subprocess
import sys
import time
import unittest

from window import MENU, log, start

PARAVIEW, RUN = sys.argv[1], os.path.abspath(sys.argv[2])
BAR = "pqClientMainWindow/TensorViewToolbar/"
EVENTS = [
    (MENU + "menu_File", "activate", "actionFileOpen"),
    ("pqClientMainWindow/FileOpenDialog", "filesSelected", RUN),
    (BAR + "actionTensorView", "activate", ""),
]
# Of the window's width and height: the view of weights, that of distributions, and the button of
# the next layer.
WEIGHTS, DISTRIBUTIONS = ((0.27, 0.33), (0.49, 0.60)), ((0.76, 0.33), (0.98, 0.60))
PATIENCE = 150  # seconds for what takes five


def window_size():
    names = ["xdotool", "search", "--onlyvisible", "--name", "^ParaView"]
    window = subprocess.run(names, capture_output=True, text=True).stdout.split()
    if not window:
        return None
    said = subprocess.run(
        ["xdotool", "getwindowgeometry", "--shell", window[-1]], capture_output=True, text=True
    ).stdout
    values = dict(line.split("=") for line in said.split() if "=" in line)
    return int(values["WIDTH"]), int(values["HEIGHT"])


SELECTION = (255, 0, 255)


def count_pixels(area, size, colour):
    """How many pixels of the window have that colour."""
    (left, top), (right, bottom) = area
    width, height = size
    crop = "%dx%d+%d+%d" % (
        (right - left) * width, (bottom - top) * height, left * width, top * height,
    )
    picture = subprocess.run(
        ["import", "-window", "root", "-crop", crop, "-depth", "8", "rgb:-"], capture_output=True
    ).stdout
    pixels = zip(picture[0::3], picture[1::3], picture[2::3])
    return sum(pixel == colour for pixel in pixels)


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


def do(*arguments):
    subprocess.run(["xdotool", *(str(a) for a in arguments)], check=True)
    time.sleep(0.3)


class Picking(unittest.TestCase):
    def setUp(self):
        self.paraview = start(PARAVIEW, EVENTS)
        self.addCleanup(self.paraview.wait)  # after kill()
        self.addCleanup(self.paraview.kill)
        self.assertTrue(wait_for(lambda: "is finished. Success =  true" in log()), log())
        self.size = window_size()
        self.assertIsNotNone(self.size)

    def marks(self):
        return count_pixels(DISTRIBUTIONS, self.size, SELECTION)

    def band(self, area):
        (left, top), (right, bottom) = area
        width, height = self.size
        do("mousemove", int((left + right) / 2 * width), int(bottom * height))
        do("click", 1)
        do("key", "s")
        do("mousemove", int(left * width), int(top * height), "mousedown", 1)
        do("mousemove", int((left + right) / 2 * width), int((top + bottom) / 2 * height))
        do("mousemove", int(right * width), int(bottom * height))
        do("mouseup", 1)

    def test_a_rubber_band_marks_the_other_views_and_the_next_layer_has_no_marks(self):
        self.assertEqual(0, self.marks())
        self.band(WEIGHTS)
        self.assertTrue(wait_for(lambda: self.marks() > 50), log())
        do("key", "alt+Next")
        self.assertTrue(wait_for(lambda: self.marks() == 0), log())
        self.assertNotIn("Traceback", log())


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
