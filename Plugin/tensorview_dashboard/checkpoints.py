# SPDX-License-Identifier: BSD-3-Clause
"""What a dashboard shows of weight files, which have no activations and, where it is one file, no history:
the whole network at one step, and of a series every unit over the steps."""

import glob
import os

from . import looks
from .network import simple

WHOLE = {"overview", "timeline"}  # parts that show every layer
LARGE = 1 << 30  # bytes of files of which only what a layer's views show is read


def is_weight_file(reader):
    return reader.SMProxy.GetXMLName() == "NetworkFileReader"


def parts_of(reader):
    """The parts that a dashboard of weight files has, beside weights and distributions."""
    parts = [] if size_of(reader) > LARGE else ["overview"]
    if len(times(reader)) > 1:
        parts += ["trajectory"] + ["timeline"] * bool(parts) + ["history"] * has_scalars(reader)
    return parts


def size_of(reader):
    """Bytes of the files, as far as they can be seen from here."""
    names = reader.SMProxy.GetProperty("FileName")
    paths = [names.GetElement(i) for i in range(names.GetNumberOfElements())]
    folders = [path for path in paths if os.path.isdir(path)]
    for folder in folders:  # or in folders of one file each
        paths += glob.glob(glob.escape(folder) + "/*") + glob.glob(glob.escape(folder) + "/*/*")
    return sum(os.path.getsize(path) for path in paths if os.path.isfile(path))


def times(reader):
    values = reader.TimestepValues
    return list(values) if hasattr(values, "__len__") else [values]


def has_scalars(reader):
    """Whether the files say a loss, or another number, of themselves."""
    reader.UpdatePipelineInformation()
    table = simple().OutputPort(reader, 1)
    table.UpdatePipeline(times(reader)[-1])
    rows = reader.SMProxy.GetDataInformation(1).GetRowDataInformation()
    names = [rows.GetArrayInformation(i).GetName() for i in range(rows.GetNumberOfArrays())]
    return any(name != "Step" and not name.endswith("]") for name in names)


def create(pv, name, reader, part):
    """NetworkOverview, or UnitTimeline, of what there is: of one file, what the weights are; of several,
    how much they move."""
    tensors = pv.OutputPort(reader, 0)
    kind = pv.NetworkOverview if part == "overview" else pv.UnitTimeline
    measure = "Update/Weight" if len(times(reader)) > 1 else "Weight RMS"
    return kind(registrationName=f"{name} {part}", Input=tensors, Measure=measure)


def show(pv, source, view, style):
    """Draws it, with the names of the layers and its legend."""
    looks.dress(view, style)
    source.UpdatePipeline(pv.GetTimeKeeper().Time)
    measure = str(source.Measure).strip("'")
    display = pv.Show(pv.OutputPort(source, 0), view)
    display.SetRepresentationType("Surface")
    looks.dress_flat(display)
    pv.ColorBy(display, ("CELLS", measure))
    display.RescaleTransferFunctionToDataRange(False, True)
    looks.legend(pv, display, view, style, f"log10 of\n{measure}", beside=True)
    names = pv.Show(pv.OutputPort(source, names_port(source)), view, "GeometryRepresentation")
    names.ColorArrayName = ["POINTS", ""]
    looks.dress_flat(names)
    names.DiffuseColor = names.AmbientColor = style.text


def names_port(source):
    return source.SMProxy.GetNumberOfOutputPorts() - 1


def fit(pv, source, view):
    """Into the view with its names, which stand in the overview, and at the left of the timeline."""
    ports = pv.OutputPort(source, 0), pv.OutputPort(source, names_port(source))
    whole = looks.around(ports)
    looks.fit(view, whole, (0, 0, 1), (0, 1, 0), looks.BESIDE)
    looks.put_beside(pv, pv.OutputPort(source, 0), view)
