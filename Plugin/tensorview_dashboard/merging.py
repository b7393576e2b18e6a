# SPDX-License-Identifier: BSD-3-Clause
"""Asks the training that a dashboard shows to merge filters: those that are selected, or its groups.

    board = tensorview_dashboard.connect("lenet")
    accepted, sentence = tensorview_dashboard.merge(board)             # the groups as they are shown
    accepted, sentence = tensorview_dashboard.merge(board, {5: 3})     # 5 goes, 3 stands in for it

The trainer may refuse. One that was not made to listen never answers, and that is said."""

import time

from . import views
from .connecting import RING
from .network import text

# States of a TrainerRequest.
WAITING, ACCEPTED, REFUSED, FAILED = 1, 2, 3, 4
GROUP, NAME = "tensorview", "MergeRequest"  # where the last request is registered
ALIVE = -1


def channel_of(reader):
    """The training that a reader watches; ValueError where it reads a file."""
    name = text(reader, "FileName")
    if not name.startswith(RING):
        raise ValueError(f"{name} is no training that goes on: connect to one")
    return name[len(RING) :]


def plan(dashboard):
    """(layer, {filter that goes: filter that stands in for it}): of the selected filters the lowest
    stays, where there are two or more; otherwise of each group its representative."""
    selected = dashboard.selected
    if len(selected) > 1:
        return dashboard.layer, {number: selected[0] for number in selected[1:]}
    tensor = text(dashboard.groups, "Tensor")
    return tensor.rpartition("/")[0], groups(dashboard)


def groups(dashboard):
    """Filters that the plan of SimilarityGroups merges, each with the one that stands in for it."""
    from paraview import servermanager
    from vtkmodules.util.numpy_support import vtk_to_numpy

    dashboard.groups.UpdatePipeline(dashboard.pv.GetTimeKeeper().Time)
    table = servermanager.Fetch(dashboard.groups, idx=1)
    columns = [table.GetColumnByName(name) for name in ("Filter", "MergeInto", "State")]
    if None in columns:
        return {}
    rows = zip(*(vtk_to_numpy(column).tolist() for column in columns))
    return {number: into for number, into, state in rows if into >= 0 and state == ALIVE}


def withdraw():
    """Lets go of the request that there is."""
    from paraview import servermanager

    manager = servermanager.ProxyManager().SMProxyManager
    request = manager.GetProxy(GROUP, NAME)
    if request is not None:
        request.InvokeCommand("Withdraw")
        manager.UnRegisterProxy(GROUP, NAME, request)


def ask(dashboard, layer, merges):
    """Leaves the request, and returns its proxy; waits for nothing. The one before is withdrawn."""
    from paraview import servermanager

    withdraw()
    manager = servermanager.ProxyManager().SMProxyManager
    request = manager.NewProxy("misc", "TrainerRequest")
    pairs = [number for pair in sorted(merges.items()) for number in pair]
    request.GetProperty("Channel").SetElement(0, channel_of(dashboard.reader))
    request.GetProperty("Layer").SetElement(0, layer)
    request.GetProperty("Merges").SetNumberOfElements(len(pairs))
    for place, number in enumerate(pairs):
        request.GetProperty("Merges").SetElement(place, number)
    request.UpdateVTKObjects()
    request.InvokeCommand("Ask")
    manager.RegisterProxy(GROUP, NAME, request)
    request.UnRegister(None)
    return request


def look(request):
    """(state, sentence) of a request as it is now."""
    request.UpdatePropertyInformation()
    return request.GetProperty("State").GetElement(0), request.GetProperty("Answer").GetElement(0)


def merge(source, merges=None, layer=None, seconds=60.0):
    """Asks, waits for the answer, and returns (accepted, sentence).

    source: a Dashboard, or its reader; merges: {filter that goes: filter that stands in for it}, or
    several filters that become the lowest of them, or None for those that are selected, or else the
    groups; layer: of these filters, the dashboard's unless named. ValueError where nothing can be
    asked: no training, nobody who listens, no such filters, no answer in time (what the trainer has not
    begun is then withdrawn)."""
    board = source if isinstance(source, views.Dashboard) else views.find(source)
    if board is None:
        raise ValueError("there is no dashboard of that run")
    if merges is None:
        layer, merges = plan(board)
    elif not hasattr(merges, "items"):
        numbers = sorted({int(number) for number in merges})
        merges = {number: numbers[0] for number in numbers[1:]}
    if not merges:
        raise ValueError("there is nothing to merge: no group, and fewer than two selected filters")
    request = ask(board, layer or board.layer, merges)
    end = time.monotonic() + seconds
    state, sentence = look(request)
    while state == WAITING and time.monotonic() < end:
        time.sleep(0.02)
        state, sentence = look(request)
    withdraw()
    if state not in (ACCEPTED, REFUSED):
        raise ValueError(sentence)
    return state == ACCEPTED, sentence
