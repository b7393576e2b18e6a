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


# What is tried: filters, one on the other, and the output of the reader that the first one needs.
SCENES = {
    "ImageGrid": (["ImageGrid"], TENSORS),
    "DistributionGrid": (["SimilarityGroups", "DistributionGrid"], TENSORS),
    "WeightTrajectory": (["WeightTrajectory"], HISTORY),
    "WeightGrid": (["WeightGrid"], TENSORS),
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
        for name, (filters, row) in SCENES.items():
            events += open_file(RUN) + select(row)
            for item in filters:
                events += apply_filter(item)
            events += last_step() + save_state(os.path.join(HERE, name + ".pvsm"))
            if name != list(SCENES)[-1]:
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
        self.assertEqual({"Group": "Surface"}, state("DistributionGrid.pvsm")[0])

    def test_zero_is_white(self):
        points = [float(value) for value in state("WeightGrid.pvsm")[1]["Weight"]["RGBPoints"]]
        self.assertGreater(points[-4], 0)
        self.assertEqual(-points[0], points[-4], "the range of weights is symmetric")
        middle = len(points) // 8 * 4
        self.assertEqual([0, 1, 1, 1], points[middle : middle + 4])

    def test_gaps_of_the_image_grid_are_blank(self):
        self.assertEqual(["0"], state("ImageGrid.pvsm")[1]["Activation"]["NanOpacity"])


SCENE = """
from paraview.simple import *
run = OpenDataFile({run!r})
groups = SimilarityGroups(registrationName="SimilarityGroups1", Input=OutputPort(run, 0))
left = GetActiveViewOrCreate("RenderView")
right = CreateView("RenderView")
layout = GetLayout(left)
layout.SplitHorizontal(0, 0.5)
layout.AssignView(2, right)
for view, kind in ((left, WeightGrid), (right, DistributionGrid)):
    grid = kind(Input=OutputPort(groups, 0))
    display = Show(grid, view)
    display.SetScalarBarVisibility(view, True)
    view.OrientationAxesVisibility = 0
scene = GetAnimationScene()
scene.UpdateAnimationUsingDataTimeSteps()
scene.GoToLast()
for view in (left, right):
    ResetCamera(view)
    view.GetActiveCamera().Zoom(1.1)
    Render(view)
left.GetActiveCamera().Elevation(-35)
SetActiveView(left)
SetActiveSource(FindSource("WeightGrid1"))
Render(left)
open({done!r}, "w").close()
"""


def window_picture():
    """The whole window, with two views of the run."""
    done = os.path.join(HERE, "done")
    if os.path.exists(done):
        os.remove(done)
    with open("scene.py", "w") as script:
        script.write(SCENE.format(run=RUN, done=done))
    variables = environment()
    settings = os.path.join(variables["HOME"], ".config", "ParaView", "ParaView5.11.0.ini")
    with open(settings, "a") as file:
        file.write("[MainWindow]\nSize=@Size(1400 800)\n")
    with open("paraview.log", "w") as output:
        paraview = subprocess.Popen(
            [PARAVIEW, "--script=" + os.path.abspath("scene.py")],
            env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )
    try:
        deadline = time.monotonic() + 120
        while not os.path.exists(done) and paraview.poll() is None and time.monotonic() < deadline:
            time.sleep(0.5)
        if not os.path.exists(done):
            sys.exit(log())
        time.sleep(5)
        crop = ["-crop", "1400x800+0+0", "+repage", "+dither", "-colors", "255"]
        subprocess.run(["import", "-window", "root", *crop, TARGET], check=True)
    finally:
        paraview.kill()


if __name__ == "__main__":
    if "--window" in sys.argv:
        window_picture()
    else:
        unittest.main(argv=sys.argv[:1])
