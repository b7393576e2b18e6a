# SPDX-License-Identifier: BSD-3-Clause
"""A viewer as a ParaView user would write it in pvpython: connects to tensorview-live, looks at
sources by their names, and keeps what it saw at each step.

    pvpython viewer.py PORT FILE [--pause-at N | --passing-by] NAME...

FILE.npz gets, for each name, the arrays of each step. --pause-at: holds the training when step N
is there, says "paused" on standard output, and goes on looking. --passing-by: never holds the
training by itself, and keeps nothing; says "sees" at the first step.

It holds the training as soon as there is a FILE.pause, and ends as soon as there is a FILE.stop.
"""

import os
import sys
import time

import numpy as np
from paraview import live, servermanager
from paraview.simple import LoadPlugin
from vtkmodules.util.numpy_support import vtk_to_numpy

port, path, names = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
pause_at = None
if names and names[0] == "--pause-at":
    pause_at = int(names[1])
    names = names[2:]
passing_by = names[:1] == ["--passing-by"]
if passing_by:
    names = names[1:]

LoadPlugin(os.environ["TENSORVIEW_PLUGIN"], ns=globals())


def say(*words):
    print(*words, flush=True)


def arrays(data):
    """All that is in a data set, as numpy arrays by name."""
    found = {"class": np.array(data.GetClassName())}
    if data.IsA("vtkPointSet"):
        found["points"] = vtk_to_numpy(data.GetPoints().GetData())
    for kind in ("GetPointData", "GetCellData", "GetRowData", "GetFieldData"):
        attributes = getattr(data, kind, lambda: None)()
        for index in range(attributes.GetNumberOfArrays() if attributes else 0):
            array = attributes.GetArray(index)
            if array:
                found[array.GetName()] = vtk_to_numpy(array).copy()
    return found


state = {"connected": False, "closed": False}
link = live.ConnectToCatalyst("localhost", port)
if not passing_by:
    live.PauseCatalyst(link, True)  # the first step waits until we know what to look at
link.AddObserver("ConnectionCreatedEvent", lambda *_: state.update(connected=True))
link.AddObserver("ConnectionClosedEvent", lambda *_: state.update(closed=True))
say("listening")


def serve(until, seconds=120):
    end = time.time() + seconds
    while not until() and time.time() < end:
        live.ProcessServerNotifications()
        # Not in look(): ParaView does not send what is changed while it tells of a step.
        if state.get("last") == pause_at and pause_at is not None and not state.get("paused"):
            state["paused"] = True
            live.PauseCatalyst(link, True)
            say("paused", pause_at)
        elif not state.get("paused") and os.path.exists(path + ".pause"):
            state["paused"] = True
            live.PauseCatalyst(link, True)
        time.sleep(0.001)
    return until()


if not serve(lambda: state["connected"]):
    sys.exit("nobody connected")
sources = {name: live.ExtractCatalystData(link, name) for name in names}
seen = {}


def look(*_):
    step = link.GetTimeStep()
    for name, source in sources.items():
        source.UpdatePipeline()
        data = source.GetClientSideObject().GetOutputDataObject(0)
        if data.GetClassName() != "vtkDataObject":
            if passing_by and not state.get("sees"):
                state["sees"] = True
                say("sees")
            if passing_by:
                continue
            for key, values in arrays(data).items():
                seen[f"{step}|{name}|{key}"] = values
    state["last"] = step


link.AddObserver("UpdateEvent", look)
say("connected")
if not passing_by:
    # Step by step from the first on: the data of the first step come once more, now that we look.
    live.PauseCatalyst(link, True)
    link.InvokeCommand("LiveChanged")
    serve(lambda: len(seen) > 0 or state["closed"])
    live.PauseCatalyst(link, False)
serve(lambda: state["closed"] or os.path.exists(path + ".stop"), 600)
if not passing_by:
    np.savez(path, **seen)
say("last", state.get("last"))
os._exit(0)  # ParaView's own end would try to tell a closed connection
