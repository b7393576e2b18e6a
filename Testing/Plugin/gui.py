"""The real ParaView window: the plugin comes through PV_PLUGIN_PATH, a run is opened and filters
are applied through the menus, and the picture is compared with a baseline.

    gui.py PARAVIEW RUN.tvh5 BASELINE.png            a test
    gui.py PARAVIEW RUN.tvh5 --window PICTURE.png    a picture of the whole window, for README.md

Needs a display (xvfb-run). ParaView gets a home of its own: no settings of the user's are read.
"""

import os
import re
import shutil
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree as ElementTree

PARAVIEW, RUN, TARGET = sys.argv[1], os.path.abspath(sys.argv[2]), os.path.abspath(sys.argv[-1])
HERE = os.path.abspath(".")

MENU = "pqClientMainWindow/menubar/"
APPLY = ("pqClientMainWindow/propertiesDock/propertiesPanel/Accept", "activate", "")


def open_file(path):
    return [
        (MENU + "menu_File", "activate", "actionFileOpen"),
        ("pqClientMainWindow/FileOpenDialog", "filesSelected", path),
        APPLY,
    ]


def apply_filter(name):
    return [
        (MENU[:-1], "activate", "menuFilters"),
        (MENU + "menuFilters/TensorView", "activate", name),
        APPLY,
    ]


# Rows of the pipeline browser: the server, below it the run, below that its outputs.
TENSORS, HISTORY = "/0/0/0|0", "/0/0/1|0"


def select(row):
    return [("pqClientMainWindow/pipelineBrowserDock/pipelineBrowser", "currentChanged", row)]


def delete_all():
    return [(MENU + "menu_Edit", "activate", "actionDelete_All")]


def last_step():
    return [("pqClientMainWindow/VCRToolbar/actionVCRLastFrame", "activate", "")]


# The view that each filter is tried with, and the output of the reader that it needs.
VIEWS = {
    "ImageGrid": TENSORS,
    "DistributionGrid": TENSORS,
    "WeightTrajectory": HISTORY,
    "WeightGrid": TENSORS,
}


def save_state(path):
    return [
        (MENU + "menu_File", "activate", "actionFileSaveServerState"),
        ("pqClientMainWindow/FileSaveServerStateDialog", "filesSelected", path),
    ]


def write_events(path, events):
    root = ElementTree.Element("pqevents")
    for target, command, arguments in events:
        ElementTree.SubElement(root, "pqevent", object=target, command=command, arguments=arguments)
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def environment():
    home = os.path.join(HERE, "home")
    shutil.rmtree(home, ignore_errors=True)
    os.makedirs(os.path.join(home, ".config", "ParaView"))
    with open(os.path.join(home, ".config", "ParaView", "ParaView5.11.0.ini"), "w") as settings:
        settings.write("[General]\nGeneralSettings.ShowWelcomeDialog=false\n")
    os.makedirs(os.path.join(home, "run"), mode=0o700)
    return dict(
        os.environ,
        DASHBOARD_TEST_FROM_CTEST="1",  # ParaView then asks no questions
        HOME=home,
        XDG_RUNTIME_DIR=os.path.join(home, "run"),
        PV_PLUGIN_PATH=os.path.dirname(os.environ["TENSORVIEW_PLUGIN"]),
    )


def start(events, *options):
    write_events("events.xml", events)
    log = open("paraview.log", "w")
    command = [PARAVIEW, f"--test-directory={HERE}", "--test-script=" + os.path.abspath("events.xml")]
    return subprocess.Popen(
        command + list(options), env=environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )


def log():
    with open("paraview.log", errors="replace") as file:
        return file.read()[-6000:]


def properties(proxy):
    """Values of a proxy in a state file, by property."""
    return {
        item.get("name"): [element.get("value") for element in item.findall("Element")]
        for item in proxy.findall("Property")
    }


def state(path):
    """What a state file says is shown: {coloured by: representation}, and the colour maps."""
    root = ElementTree.parse(path).getroot()
    shown = {}
    for proxy in root.iter("Proxy"):
        if proxy.get("group") == "representations":
            values = properties(proxy)
            if "ColorArrayName" in values and values.get("Visibility") == ["1"]:
                shown[values["ColorArrayName"][-1]] = values["Representation"][0]
    tables = {}
    for collection in root.iter("ProxyCollection"):
        if collection.get("name") == "lookup_tables":
            for item in collection:
                [table] = [p for p in root.iter("Proxy") if p.get("id") == item.get("id")]
                tables[item.get("name").split(".")[0]] = properties(table)
    return shown, tables


class Gui(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        events = []
        for name, row in VIEWS.items():
            events += open_file(RUN) + select(row) + apply_filter(name) + last_step()
            events += save_state(os.path.join(HERE, name + ".pvsm"))
            if name != list(VIEWS)[-1]:
                events += delete_all()
        paraview = start(events, f"--test-baseline={TARGET}", "--test-threshold=10", "--exit")
        try:
            cls.status = paraview.wait(200)
        finally:
            paraview.kill()

    def test_picture_is_the_baseline(self):
        self.assertEqual(0, self.status, log())

    def test_nothing_of_ours_complains(self):
        complaints = [
            line for line in log().splitlines() if re.search(r"(ERR|WARN)\|.*(vtkTensor|Grid|Weight)", line)
        ]
        self.assertEqual([], complaints)
        self.assertNotIn("Could not find", log())

    def test_first_apply_is_coloured_by_the_value(self):
        self.assertEqual({"Weight": "Surface"}, state("WeightGrid.pvsm")[0])
        self.assertEqual({"Activation": "Slice"}, state("ImageGrid.pvsm")[0])
        self.assertEqual({"Step": "Surface"}, state("WeightTrajectory.pvsm")[0])
        self.assertEqual(1, len(state("DistributionGrid.pvsm")[0]))

    def test_zero_is_white(self):
        points = [float(value) for value in state("WeightGrid.pvsm")[1]["Weight"]["RGBPoints"]]
        self.assertGreater(points[-4], 0)
        self.assertEqual(-points[0], points[-4], "the range of weights is symmetric")
        middle = len(points) // 8 * 4
        self.assertEqual([0, 1, 1, 1], points[middle : middle + 4])

    def test_gaps_of_the_image_grid_are_blank(self):
        self.assertEqual(["0"], state("ImageGrid.pvsm")[1]["Activation"]["NanOpacity"])


def window_picture():
    """The whole window with the pipeline of the README."""
    done = os.path.join(HERE, "done.pvsm")
    if os.path.exists(done):
        os.remove(done)
    events = open_file(RUN) + select(TENSORS) + apply_filter("WeightGrid") + last_step()
    paraview = start(events + save_state(done))
    try:
        deadline = time.monotonic() + 120
        while not os.path.exists(done) and paraview.poll() is None and time.monotonic() < deadline:
            time.sleep(0.5)
        if not os.path.exists(done):
            sys.exit(log())
        time.sleep(3)
        subprocess.run(["import", "-window", "root", TARGET], check=True)
    finally:
        paraview.kill()


if __name__ == "__main__":
    if "--window" in sys.argv:
        window_picture()
    else:
        unittest.main(argv=sys.argv[:1])
