"""The real ParaView window: the plugin comes through PV_PLUGIN_PATH, a run is opened and filters
are applied through the menus, and the picture is compared with a baseline.

    gui.py PARAVIEW RUN.tvh5 BASELINE.png            a test
    gui.py PARAVIEW RUN.tvh5 --window PICTURE.png    a picture of the whole window, for README.md

Needs a display (xvfb-run). ParaView gets a home of its own: no settings of the user's are read.
"""

import os
import shutil
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree as ElementTree

PARAVIEW, RUN, TARGET = sys.argv[1], os.path.abspath(sys.argv[2]), os.path.abspath(sys.argv[-1])
HERE = os.path.abspath(".")
STATE = os.path.join(HERE, "state.pvsm")

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


def select(name):
    """Makes a pipeline's object the active one."""
    return [("pqClientMainWindow/pipelineBrowserDock/pipelineBrowser", "setCurrent", name)]


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
        HOME=home,
        XDG_RUNTIME_DIR=os.path.join(home, "run"),
        PV_PLUGIN_PATH=os.path.dirname(os.environ["TENSORVIEW_PLUGIN"]),
    )


def start(events, *options):
    if os.path.exists(STATE):
        os.remove(STATE)
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


class Gui(unittest.TestCase):
    def test_open_apply_and_look(self):
        events = open_file(RUN) + apply_filter("WeightGrid") + save_state(STATE)
        paraview = start(events, f"--test-baseline={TARGET}", "--test-threshold=10", "--exit")
        try:
            status = paraview.wait(150)
        finally:
            paraview.kill()
        self.assertEqual(0, status, log())
        self.assertNotIn("ERR|", log())
        state = ElementTree.parse(STATE).getroot()
        shown = [
            properties(proxy)
            for proxy in state.iter("Proxy")
            if proxy.get("group") == "representations" and proxy.get("type", "").startswith("Geometry")
        ]
        colored = [p["ColorArrayName"][-1] for p in shown if p["Visibility"] == ["1"]]
        self.assertEqual(["Weight"], colored)
        maps = {
            item.get("name"): item.get("id")
            for collection in state.iter("ProxyCollection")
            if collection.get("name") == "lookup_tables"
            for item in collection
        }
        [table] = [p for p in state.iter("Proxy") if p.get("id") == maps["Weight.PVLookupTable"]]
        points = [float(value) for value in properties(table)["RGBPoints"]]
        self.assertGreater(points[-4], 0)
        self.assertEqual(-points[0], points[-4], "the range of weights is symmetric")
        middle = len(points) // 8 * 4
        self.assertEqual([0, 1, 1, 1], points[middle : middle + 4], "zero is white")


def window_picture():
    """The whole window with the pipeline of the README."""
    events = open_file(RUN) + apply_filter("WeightGrid")
    paraview = start(events + save_state(STATE))
    try:
        deadline = time.monotonic() + 120
        while not os.path.exists(STATE) and paraview.poll() is None and time.monotonic() < deadline:
            time.sleep(0.5)
        if not os.path.exists(STATE):
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
