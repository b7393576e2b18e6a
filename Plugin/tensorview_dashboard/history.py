# SPDX-License-Identifier: BSD-3-Clause
"""The history of a run as a chart: the loss on the left axis, the accuracy on the right one."""

from . import looks
from .network import run_name, text

COLOURS = ((0.12, 0.36, 0.66), (0.86, 0.4, 0.1), (0.2, 0.55, 0.3), (0.55, 0.3, 0.65))
LEFT, RIGHT = "0", "1"
NONE, CIRCLE = "0", "4"
MOST_HIDDEN = 100
MOST_ROWS = 100000  # of a table that is looked through for gaps
GREATEST = 1.7e308


def sort_scalars(names):
    """Which columns stand at which axis: losses left, shares (accuracies) right. What is neither,
    a learning rate say, can be switched on in the panel."""
    losses = [name for name in names if "loss" in name.lower() or "error" in name.lower()]
    shares = [name for name in names if "acc" in name.lower()]
    rest = [name for name in names if name not in losses + shares]
    if not losses and rest:
        losses = rest[:1]
    return losses, shares


def first_elements(text):
    """The first three of "0-2,100"."""
    numbers = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdigit():
            numbers += range(int(first), int(last if last.isdigit() else first) + 1)
        if len(numbers) >= 3:
            break
    return numbers[:3]


def element_names(reader):
    """What the axes of its path are, in words."""
    return [f"element {number}" for number in first_elements(text(reader, "HistoryElements"))]


def choose_elements(path):
    """A WeightTrajectory takes the first three elements of its reader's history, whatever they are."""
    path.XElement = path.YElement = path.ZElement = ""


def update_path(pv, path):
    """Draws it, and tells the panel which elements there are now: it would bring those of the layer
    before back with the next Apply."""
    path.UpdatePipeline(pv.GetTimeKeeper().Time)
    path.SMProxy.UpdatePropertyInformation()


def broken(pv, port, names):
    """Those of these columns that a line would not join, since rows between their values have none: of
    steps at which only tensors were recorded."""
    import numpy
    from paraview import servermanager
    from vtkmodules.util.numpy_support import vtk_to_numpy

    if port.GetDataInformation().GetNumberOfRows() > MOST_ROWS:
        return []
    table, found = servermanager.Fetch(port, idx=port.Port), []
    for name in names:
        there = ~numpy.isnan(vtk_to_numpy(table.GetColumnByName(name)))
        if there.any():
            first, last = numpy.flatnonzero(there)[[0, -1]]
            found += [name] * (not there[first:last].all())
    return found


def rows_with(pv, reader, port, name):
    """The rows that have a value of a column: a source that the pipeline shows, made once."""
    title = f"{run_name(reader)} history of {name}"
    for (other, _), source in pv.GetSources().items():  # runs in two folders may have one name
        if other == title and source.Input.SMProxy == reader.SMProxy:
            return source
    source = pv.ThresholdTable(registrationName=title, Input=port)
    source.Column = ["ROWS", name]
    source.MinValue, source.MaxValue = -GREATEST, GREATEST
    return source


class Chart:
    """label: what stands before each name in the legend; colours: of the series, one after the
    other."""

    def __init__(self, pv, reader, view, label="", colours=COLOURS):
        self.pv, self.reader, self.view = pv, reader, view
        self.label, self.colours = label, colours

    def show(self, style):
        if self.view is None:
            return
        pv, view = self.pv, self.view
        port = pv.OutputPort(self.reader, 1)
        # The reader reads only the output that is asked for, and may not where no time is said.
        port.UpdatePipeline(pv.GetTimeKeeper().Time)
        rows = self.reader.SMProxy.GetDataInformation(1).GetRowDataInformation()
        names = [rows.GetArrayInformation(i).GetName() for i in range(rows.GetNumberOfArrays())]
        scalars = [name for name in names if name != "Step" and not name.endswith("]")]
        left, right = sort_scalars(scalars)
        shown = left + right
        colours = {name: self.colours[at % len(self.colours)] for at, name in enumerate(shown)}
        apart = broken(pv, port, left)
        self._draw(port, [name for name in shown if name not in apart], right, colours, names)
        for name in apart:
            source = rows_with(pv, self.reader, port, name)
            source.UpdatePipeline(pv.GetTimeKeeper().Time)
            self._draw(pv.OutputPort(source, 0), [name], right, colours, names)
        looks.dress_chart(view, style)
        view.BottomAxisTitle = "Step"
        view.LeftAxisTitle = ", ".join(left)
        view.RightAxisTitle = ", ".join(right)
        view.ShowRightAxisGrid = 0
        view.LegendLocation = "TopRight"
        view.ChartTitle = "History" if shown else "History: no loss or other number was recorded"

    def _draw(self, port, shown, right, colours, names):
        """These columns of a table over the steps. names: of all columns."""
        display = self.pv.Show(port, self.view, "XYChartRepresentation")
        display.UseIndexForXAxis = 0
        display.XArrayName = "Step"
        display.SeriesVisibility = shown
        self._hide_later_ones(display, names)
        per_series = lambda value: [item for name in shown for item in (name, value(name))]
        display.SeriesPlotCorner = per_series(lambda name: RIGHT if name in right else LEFT)
        display.SeriesLabel = per_series(lambda name: self.label + name)
        display.SeriesLineThickness = per_series(lambda name: "2")
        # What is recorded now and then has a mark at each value: no line joins them.
        display.SeriesMarkerStyle = per_series(lambda name: CIRCLE if name in right else NONE)
        display.SeriesMarkerSize = per_series(lambda name: "7")
        display.SeriesColor = [item for name in shown for item in (name, *map(str, colours[name]))]

    def _hide_later_ones(self, display, there):
        """Weights that the reader will bring with the next step of a training: they would be drawn."""
        tensor = text(self.reader, "HistoryTensor")
        first, _, last = text(self.reader, "HistoryElements").partition("-")
        if not (first.isdigit() and last.isdigit()):
            return
        property = display.SMProxy.GetProperty("SeriesVisibility")
        for number in range(int(first), min(int(last), int(first) + MOST_HIDDEN) + 1):
            if f"{tensor}[{number}]" not in there:
                end = property.GetNumberOfElements()
                property.SetElement(end, f"{tensor}[{number}]")
                property.SetElement(end + 1, "0")
        display.SMProxy.UpdateVTKObjects()
