# SPDX-License-Identifier: BSD-3-Clause
"""The toolbar in the real window: three clicks from File > Open to five views, one to another layer.

    toolbar.py PARAVIEW RUN.tvh5
"""

import os
import re
import shutil
import sys
import unittest
import xml.etree.ElementTree as ElementTree

from window import HERE, MENU, log, properties, save_state, start

PARAVIEW, RUN = sys.argv[1], os.path.abspath(sys.argv[2])
BAR = "pqClientMainWindow/TensorViewToolbar/"


def press(action):
    return [(BAR + action, "activate", "")]


# Each of these is a click, or a name that is typed.
OPEN = [
    (MENU + "menu_File", "activate", "actionFileOpen"),
    ("pqClientMainWindow/FileOpenDialog", "filesSelected", RUN),
]
SHOW = press("actionTensorView")
NEXT = press("actionTensorViewNextLayer")
DARK = [(BAR + "actionTensorViewDark", "set_boolean", "true")]
SECOND = os.path.join(HERE, "second.tvh5")
OPEN_SECOND = OPEN[:1] + [("pqClientMainWindow/FileOpenDialog", "filesSelected", SECOND)]
COMPARE = press("actionTensorViewCompare")
BY_PART = [
    (BAR + "TensorViewLinks", "activate", "actionTensorViewLink_part"),
]


def proxies(path, group):
    root = ElementTree.parse(path).getroot()
    return [p for p in root.iter("Proxy") if p.get("group") == group and p.findall("Property")]


def tensors(path):
    """{name of the filter: the tensor it shows}"""
    shown = {}
    for proxy in proxies(path, "filters"):
        tensor = properties(proxy).get("Tensor")
        if tensor and tensor[0]:
            shown[proxy.get("type")] = tensor[0]
    return shown


def view_types(path):
    return sorted(p.get("type") for p in proxies(path, "views"))


class Toolbar(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        events = OPEN + SHOW + save_state(os.path.join(HERE, "first.pvsm"))
        events += NEXT + save_state(os.path.join(HERE, "next.pvsm"))
        events += DARK + save_state(os.path.join(HERE, "dark.pvsm"))
        shutil.copy(RUN, SECOND)
        events += OPEN_SECOND + COMPARE + save_state(os.path.join(HERE, "compared.pvsm"))
        events += BY_PART + save_state(os.path.join(HERE, "parts.pvsm"))
        paraview = start(PARAVIEW, events, "--exit")
        try:
            cls.status = paraview.wait(250)
        finally:
            paraview.kill()

    def test_it_ends_well_and_nothing_complains(self):
        self.assertEqual(0, self.status, log())
        self.assertEqual([], re.findall(r".*(?:ERR|WARN)\|.*|.*Traceback.*", log()))

    def test_three_clicks_to_five_views(self):
        self.assertLessEqual(len(OPEN + SHOW), 3)
        types = view_types("first.pvsm")
        self.assertGreaterEqual(types.count("RenderView"), 4)
        self.assertEqual(1, types.count("XYChartView"))
        self.assertEqual(2, types.count("SpreadSheetView"), "groups, and what is wrong")
        self.assertEqual(
            {"conv1/weights", "conv1/activations"}, set(tensors("first.pvsm").values())
        )

    def test_one_click_to_another_layer(self):
        self.assertEqual(
            {
                "SimilarityGroups": "conv2/activations",
                "WeightGrid": "conv2/weights",
                "ImageGrid": "conv2/activations",
                "DistributionGrid": "conv2/activations",
            },
            tensors("next.pvsm"),
        )

    def test_two_runs_are_compared_by_step_and_by_part(self):
        for path, unit in (("compared.pvsm", "0"), ("parts.pvsm", "1")):
            readers = [p for p in proxies(path, "sources") if p.get("type") == "TensorSnapshotReader"]
            self.assertEqual([[unit]] * 2, [properties(p)["TimeUnit"] for p in readers], path)
            kinds = [p.get("type") for p in proxies(path, "filters")]
            self.assertEqual(3, kinds.count("WeightGrid"), "one of the dashboard, two compared")
            paths = [p for p in proxies(path, "filters") if p.get("type") == "WeightTrajectory"]
            chosen = [properties(p)["XElement"] for p in paths]
            self.assertEqual(3, len(chosen))
            for [element] in chosen:  # none: the first that the history has
                self.assertIn(element, ("", "conv2/weights[0]"), "after Apply, too")

    def test_the_dark_look(self):
        for path, dark in (("next.pvsm", False), ("dark.pvsm", True)):
            views = [properties(p) for p in proxies(path, "views") if p.get("type") == "RenderView"]
            backgrounds = [
                [float(c) for c in view["Background"]]
                for view in views
                if view.get("UseColorPaletteForBackground") == ["0"]
            ]
            self.assertEqual(7, len(backgrounds))
            for background in backgrounds:
                self.assertEqual(dark, max(background) < 0.5)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
