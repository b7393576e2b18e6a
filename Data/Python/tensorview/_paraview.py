# SPDX-License-Identifier: BSD-3-Clause
"""ParaView with the plugin, started from the shell."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Dict, Iterator, List, Optional

from ._library import TensorViewError, library

OPEN = """
from paraview.simple import *
import tensorview_dashboard

for path, reader in {runs!r}:
    run = globals()[reader](registrationName=path.rpartition("/")[2], FileName=[path])
    if hasattr(run, "Follow"):
        run.Follow = {live!r}
        run.UpdatePipeline()
    tensorview_dashboard.dashboard(run)
"""


def plugin() -> str:
    """The plugin's file: named by TENSORVIEW_PLUGIN, of the build tree that this package is of, or
    installed."""

    def places() -> Iterator[Path]:
        if os.environ.get("TENSORVIEW_PLUGIN"):
            yield Path(os.environ["TENSORVIEW_PLUGIN"])
            return
        here = Path(__file__).absolute().parent
        for folder in here.parents[:5]:
            yield folder / "lib/TensorView/TensorView.so"
            yield folder / "bin/plugins/TensorView/TensorView.so"
        yield Path("/usr/bin/plugins/TensorView/TensorView.so")

    for place in places():
        if place.exists():
            return str(place)
    raise TensorViewError(
        "the plugin, TensorView.so, is neither in a build tree around this package nor installed;"
        " say where it is in the environment variable TENSORVIEW_PLUGIN"
    )


def program(name: str) -> str:
    """ParaView's program of that name."""
    found = shutil.which(name)
    if found is None:
        raise TensorViewError(f"{name} is not on PATH: is ParaView installed?")
    return found


def environment() -> Dict[str, str]:
    """In which ParaView finds the plugin, and its own Python nothing of another one's."""
    variables = dict(os.environ)
    variables["PV_PLUGIN_PATH"] = os.path.dirname(plugin())
    return variables


@contextlib.contextmanager
def display() -> Iterator[str]:
    """The screen to draw on: the user's, or an X server in memory for as long as it is needed.

    The server chooses its own number: xvfb-run -a looks for a free one and takes it a moment later,
    so that two that start together get the same."""
    if os.environ.get("DISPLAY"):
        yield os.environ["DISPLAY"]
        return
    reading, writing = os.pipe()
    command = [program("Xvfb"), "-displayfd", str(writing), "-screen", "0", "1280x1024x24"]
    server = subprocess.Popen(
        [*command, "-nolisten", "tcp", "-noreset"],
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        os.close(writing)
        with open(reading) as answer:
            number = answer.readline().strip()
        if not number:
            raise TensorViewError("there is no screen, and Xvfb gives none")
        yield ":" + number
    finally:
        server.terminate()
        server.wait()


def _reader(path: str) -> str:
    """The one of ParaView's sources that opens it: weight files, and folders of them, have their own."""
    medium = ctypes.c_char_p()
    library.tv_source_recognise(os.fsencode(path), ctypes.byref(medium))
    is_weights = os.path.isdir(path) or medium.value not in (None, b"run file")
    return "NetworkFileReader" if is_weights else "TensorSnapshotReader"


def view(runs: List[str], live: bool) -> int:
    """Starts ParaView with the runs; returns when it is closed."""
    for run in runs:
        if not os.path.exists(run):
            raise FileNotFoundError(f"{run}: there is no such file")
    paths = [(os.path.abspath(run), _reader(run)) for run in runs]
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(OPEN.format(runs=paths, live=int(live)))
        script.flush()
        command = [program("paraview"), f"--script={script.name}"]
        return subprocess.run(command, env=environment()).returncode


def render(run: str, folder: str, layer: Optional[str]) -> int:
    """Draws the views into pictures, by ParaView's Python and the script of the demonstration."""
    if not os.path.exists(run):
        raise FileNotFoundError(f"{run}: there is no such file")
    script = Path(__file__).absolute().parent / "_sheet.py"
    command = [program("pvpython"), str(script), os.path.abspath(run), os.path.abspath(folder)]
    variables = environment()
    variables.pop("PYTHONPATH", None)  # of another Python than ParaView's
    variables["TENSORVIEW_PLUGIN"] = plugin()
    with display() as number:
        variables["DISPLAY"] = number
        return subprocess.run(command + ([layer] if layer else []), env=variables).returncode
