# SPDX-License-Identifier: BSD-3-Clause
"""The whole network in a dashboard: every unit at the step that is shown, every unit over the steps, and
what is wrong, in words."""

import os

from . import checkpoints, looks
from .network import in_window, strings, text

WHOLE = {"overview", "timeline"}  # parts that show every layer
OF_A_RUN = ["overview", "timeline", "findings"]
MEASURES = (("weights", "Update/Weight"), ("activations", "Activation RMS"), ("gradients", "Gradient RMS"))
QUICK = 1 << 27  # bytes of a run without statistics that are read for its timeline in a fraction of a second


def has_tab(reader, network):
    """Whether a run's dashboard has a tab of the whole network: where several steps can be shown and that
    costs little, because statistics were recorded or the run is small. A training that goes on has its last
    steps in memory, and no more."""
    path = text(reader, "FileName")
    if path.startswith("ring:") or len(checkpoints.times(reader)) < 2:
        return False
    if measure_of(strings(reader, "TensorInfo")) is None:
        return False
    return network.has_statistics or (os.path.isfile(path) and os.path.getsize(path) <= QUICK)


def measure_of(tensors):
    """What is shown of units of which these were recorded: how much they move, if it can be known; None
    where there is nothing."""
    kinds = {tensor.rpartition("/")[2].replace("_statistics", "") for tensor in tensors}
    for kind, measure in MEASURES:
        if kind in kinds:
            return measure
    return None


def create(pv, name, reader, part):
    """NetworkOverview, or UnitTimeline, of what there is: of one step, what the weights are; of several,
    how much they move."""
    tensors = pv.OutputPort(reader, 0)
    kind = pv.NetworkOverview if part == "overview" else pv.UnitTimeline
    measure = "Update/Weight" if len(checkpoints.times(reader)) > 1 else "Weight RMS"
    if not checkpoints.is_weight_file(reader):
        measure = measure_of(strings(reader, "TensorInfo")) or measure
    return kind(registrationName=f"{name} {part}", Input=tensors, Measure=measure)


def show(pv, source, view, style):
    """Draws it, with the names of the layers and its legend."""
    looks.dress(view, style)
    source.UpdatePipeline(pv.GetTimeKeeper().Time)
    measure = str(source.Measure).strip("'")
    display = pv.Show(pv.OutputPort(source, 0), view)
    display.SetRepresentationType("Surface")
    looks.dress_flat(display)
    color(pv, display, measure, source.Input.SMProxy.GetXMLName() == "TensorSnapshotReader")
    looks.legend(pv, display, view, style, f"log10 of\n{measure}", beside=True)
    names = pv.Show(pv.OutputPort(source, names_port(source)), view, "GeometryRepresentation")
    names.ColorArrayName = ["POINTS", ""]
    looks.dress_flat(names)
    names.DiffuseColor = names.AmbientColor = style.text


def color(pv, display, measure, of_a_run):
    """By a measure. Those of a training that have a range of their own keep it, so that an update/weight
    of 0.001 is white; ColorBy() would not. Checkpoints are too far apart for that."""
    if not of_a_run:
        pv.ColorBy(display, ("CELLS", measure))
    else:
        display.ColorArrayName = ["CELLS", measure]
        display.LookupTable = pv.GetColorTransferFunction(measure)
    if not of_a_run or display.LookupTable.AutomaticRescaleRangeMode != "Never":
        display.RescaleTransferFunctionToDataRange(False, True)


def names_port(source):
    return source.SMProxy.GetNumberOfOutputPorts() - 1


def fit(pv, source, view):
    """Into the view with its names, which stand in the overview, and at the left of the timeline."""
    ports = pv.OutputPort(source, 0), pv.OutputPort(source, names_port(source))
    whole = looks.around(ports)
    looks.fit(view, whole, (0, 0, 1), (0, 1, 0), looks.BESIDE)
    looks.put_beside(pv, pv.OutputPort(source, 0), view)


def show_findings(pv, timeline, view):
    """The table of what is wrong."""
    pv.Show(pv.OutputPort(timeline, 1), view)


def make_view(pv, name, part, kind):
    return pv.CreateView(kind, registrationName=f"{name} {part}")


def make_views(pv, name):
    """A view for each part, by its name."""
    kinds = {"findings": "SpreadSheetView"}
    return {part: make_view(pv, name, part, kinds.get(part, "RenderView")) for part in OF_A_RUN}


def lay_out(layout, cell, views):
    """In a cell: the overview at the left of the timeline."""
    layout.SplitHorizontal(cell, 0.38)
    layout.AssignView(2 * cell + 1, views["overview"])
    layout.AssignView(2 * cell + 2, views["timeline"])


def make_tab(pv, name, views):
    """The layout of the whole network, the findings below."""
    layout = pv.CreateLayout(f"{name} network")
    layout.SplitVertical(0, 0.68)
    lay_out(layout, 1, views)
    layout.AssignView(2, views["findings"])
    if not in_window():
        layout.SetSize(1650, 1000)
