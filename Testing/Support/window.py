# SPDX-License-Identifier: BSD-3-Clause
"""The real ParaView window for tests: what is clicked, a home of its own, and what a state file says.

Needs a display (with_display.sh). No settings of the user's are read.
"""

import functools
import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

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


@functools.lru_cache
def version():
    """Of ParaView, as the name of its settings has it."""
    said = subprocess.run(["pvpython", "--version"], capture_output=True, text=True).stdout
    return said.split()[-1]


def settings_of(home):
    """The file of settings in a home."""
    folder = os.path.join(home, ".config", "ParaView")
    os.makedirs(folder, exist_ok=True)
    return os.path.join(folder, f"ParaView{version()}.ini")


def environment():
    home = os.path.join(HERE, "home")
    shutil.rmtree(home, ignore_errors=True)
    with open(settings_of(home), "w") as settings:
        settings.write("[General]\nGeneralSettings.ShowWelcomeDialog=false\n")
    os.makedirs(os.path.join(home, "run"), mode=0o700)
    return dict(
        os.environ,
        DASHBOARD_TEST_FROM_CTEST="1",  # ParaView then asks no questions
        HOME=home,
        XDG_RUNTIME_DIR=os.path.join(home, "run"),
        PV_PLUGIN_PATH=os.path.dirname(os.environ["TENSORVIEW_PLUGIN"]),
    )


def start(paraview, events, *options):
    write_events("events.xml", events)
    command = [paraview, f"--test-directory={HERE}", "--test-script=" + os.path.abspath("events.xml")]
    with open("paraview.log", "w") as log:
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
