# SPDX-License-Identifier: BSD-3-Clause
"""The dashboard of a run: views of a layer, tabs of its groups and of the whole network, and one layer in
all of them."""

import os

from . import checkpoints, looks, selection, statistics, whole
from .drawing import Drawing
from .history import Chart, choose_elements
from .network import Network, close_at_exit, go_to_last, in_window, run_name, simple, text

__all__ = ["Dashboard", "dashboard", "find", "open_reader"]

# Names in the pipeline browser, behind that of the run: a dashboard is found again by them, in a
# state that was loaded, too.
PARTS = {
    "groups": "SimilarityGroups",
    "weights": "WeightGrid",
    "images": "ImageGrid",
    "distributions": "DistributionGrid",
    "trajectory": "WeightTrajectory",
    "overview": "NetworkOverview",
    "timeline": "UnitTimeline",
}
ALWAYS = {"groups", "weights", "distributions"}
OF_A_RUN = ["images", "trajectory", "history"]


def open_reader(pv, source):
    """A reader for a path, or the reader that it is already."""
    if isinstance(source, (str, bytes)) or hasattr(source, "__fspath__"):
        path = str(source)
        name = os.path.basename(path.rstrip("/"))
        if os.path.isdir(path):  # of checkpoints; ParaView opens files only
            return pv.NetworkFileReader(registrationName=name, FileName=[path])
        reader = pv.OpenDataFile(path, registrationName=name)
        if reader is None:
            raise ValueError(f"{path} could not be opened")
        return reader
    return source


def dashboard(source, layer=None, style="light"):
    """Shows a layer of a run in one layout. Called again for the same run it changes the layer.

    source: the path of a run, of a weight file or of a folder of checkpoints, or a reader; layer: its
    name, or how it begins (the first one that has weights and activations, or the first); style:
    "light", for paper, or "dark". Returns a Dashboard."""
    pv = simple()
    reader = open_reader(pv, source)
    found = find(reader)
    if found is None:
        network = Network(reader)
        if network.has_statistics and not network.layers:
            return statistics.StatisticsDashboard(reader, layer, style)
        return Dashboard(reader, layer, style, network=network)
    found.style = style
    if layer is not None:
        found.layer = layer
    return found


def find(reader):
    """The dashboard that there is of that reader, or None."""
    pv = simple()
    name = run_name(reader)
    parts = {part: pv.FindSource(f"{name} {part}") for part in PARTS}
    registered = pv.servermanager.ProxyManager().GetProxiesInGroup("views")
    views = {
        registration[len(name) + 1 :]: view
        for (registration, _), view in registered.items()
        if registration.startswith(name + " ")
    }
    there = {part for part in parts if parts[part]}
    if not there - {"groups"} <= set(views):
        return None
    if ALWAYS <= there:
        return Dashboard(reader, parts=parts, views=views)
    if there == whole.WHOLE:
        return statistics.StatisticsDashboard(reader, parts=parts, views=views)
    return None


class Dashboard(Drawing):
    """layer, style, threshold and metric can be set; views has the views by name."""

    def __init__(self, reader, layer=None, style="light", parts=None, views=None, network=None):
        self.pv = simple()
        self.reader = reader
        self.network = network or Network(reader)
        self.run = run_name(reader)
        if parts is None:
            self._layer = self.network.complete(layer) if layer else self.network.first()
            self._create(looks.style_of(style))
        else:
            self.__dict__.update(parts)
            self.views = views
            tensor = text(self.weights, "Tensor").rpartition("/")[0]
            self._layer = tensor if tensor in self.network.tensors else self.network.first()
            self.layout = self.pv.GetLayout(self.views["weights"])
            self.tab = self.pv.GetLayout(views["matrix"]) if "matrix" in views else None
            self.chart = Chart(self.pv, self.reader, views.get("history"))

    # What is shown.

    @property
    def layer(self):
        shown = text(self.weights, "Tensor").rpartition("/")[0]
        if shown in self.network.tensors:
            self._layer = shown  # another Dashboard of this run may have changed it
        return self._layer

    @layer.setter
    def layer(self, name):
        from . import comparing  # which needs this module

        self.take(self.network.complete(name))
        for comparison in comparing.of(self.reader):  # the reader has one history, for all of them
            comparison.take(self._layer)

    def take(self, layer):
        """Another layer, by its full name, in these views alone."""
        self._layer = layer
        selection.clear(self)  # another layer's filters are others
        self.reader.HistoryElements = "0-2"
        self._choose()
        self._show()
        self.fit()

    @property
    def layers(self):
        return list(self.network.layers)

    @property
    def threshold(self):
        return self.groups.Threshold

    @threshold.setter
    def threshold(self, value):
        self.groups.Threshold = float(value)
        self.render()

    @property
    def metric(self):
        return self.groups.Metric

    @metric.setter
    def metric(self, value):
        self.groups.Metric = value
        self.render()

    @property
    def selected(self):
        """The filters that are marked in all views: set it to numbers, or to [] for none."""
        return selection.selected(self, self.weights, 1)

    @selected.setter
    def selected(self, filters):
        filters = sorted({int(number) for number in filters})
        selection.mark(self, filters)
        if len(filters) == 1:
            selection.follow(self, filters[0])

    def show_history(self):
        """The trajectory and the chart, after the reader reads other elements."""
        if self.trajectory:
            choose_elements(self.trajectory)
            self._show_trajectory()
            self.fit_trajectory()
        self.chart.show(self._style)
        self.render()

    def render(self):
        for view in self.views.values():
            view.StillRender()

    # How it is made.

    def _create(self, style):
        pv, name = self.pv, self.run
        go_to_last(pv)
        tensors = pv.OutputPort(self.reader, 0)
        self.groups = pv.SimilarityGroups(registrationName=f"{name} groups", Input=tensors)
        grouped = pv.OutputPort(self.groups, 0)
        self.weights = pv.WeightGrid(registrationName=f"{name} weights", Input=grouped)
        self.distributions = pv.DistributionGrid(
            registrationName=f"{name} distributions", Input=grouped
        )
        of_files = checkpoints.is_weight_file(self.reader)
        parts = checkpoints.parts_of(self.reader) if of_files else list(OF_A_RUN)
        if not of_files and whole.has_tab(self.reader, self.network):
            parts += whole.OF_A_RUN
        self.images = self.trajectory = self.overview = self.timeline = None
        if "images" in parts:
            self.images = pv.ImageGrid(registrationName=f"{name} images", Input=grouped)
        if "trajectory" in parts:
            self.trajectory = pv.WeightTrajectory(
                registrationName=f"{name} trajectory", Input=pv.OutputPort(self.reader, 1)
            )
        for part in whole.WHOLE.intersection(parts):
            setattr(self, part, whole.create(pv, name, self.reader, part))
        self._choose()
        self._lay_out(parts)
        self._dress(style)
        self.chart = Chart(pv, self.reader, self.views.get("history"))
        self._show()
        self.fit()
        close_at_exit(self.views)
        pv.SetActiveView(self.views["weights"])
        pv.SetActiveSource(self.weights)

    def _lay_out(self, parts):
        """Grids above, what goes over the steps below; a second tab with table and matrix."""
        pv = self.pv

        def view(part, kind="RenderView"):
            return pv.CreateView(kind, registrationName=f"{self.run} {part}")

        apart = "findings" in parts  # the whole network has a tab of its own
        first_tab = set(parts) - whole.WHOLE if apart else parts
        over_steps = [part for part in ("trajectory", "timeline", "history") if part in first_tab]
        grids = [part for part in ("images", "overview") if part in first_tab]
        self.views = {
            part: view(part, "XYChartView" if part == "history" else "RenderView")
            for part in ["weights"] + grids + ["distributions"] + over_steps
        }
        self.layout = layout = pv.CreateLayout(self._title())
        if over_steps:
            layout.SplitVertical(0, 0.54)
            first = 0.333 if len(over_steps) == 2 else 1 / len(over_steps)
            cells = split(layout, 1, 2 + len(grids)) + split(layout, 2, len(over_steps), first)
        elif grids:  # one step: the whole network at the right, its layer at the left
            layout.SplitHorizontal(0, 0.42)
            layout.SplitVertical(1, 0.5)
            cells = [3, 2, 4]
        else:
            cells = split(layout, 0, 2)
        for cell, shown in zip(cells, self.views.values()):
            layout.AssignView(cell, shown)
        if not in_window():
            layout.SetSize(1650, 1000)
        self.views["table"] = view("table", "SpreadSheetView")
        self.views["matrix"] = view("matrix")
        self.tab = pv.CreateLayout(self._title() + " groups")
        self.tab.SplitHorizontal(0, 0.5)
        self.tab.AssignView(1, self.views["table"])
        self.tab.AssignView(2, self.views["matrix"])
        if not in_window():
            self.tab.SetSize(1650, 1000)
        if apart:
            self.views.update(whole.make_views(pv, self.run))
            whole.make_tab(pv, self.run, self.views)

    def _title(self):
        return f"{self.run} {self._layer}"

    def _choose(self):
        """The layer's tensors, in all filters at once."""
        network, layer = self.network, self._layer
        weights, activations = network.weights(layer), network.activations(layer)
        self.weights.Tensor = weights
        self.distributions.Tensor = activations
        if self.images:
            self.images.Tensor = activations
        self._single = self._one_number(self.images or self.weights)
        self.groups.Tensor = self._comparable(weights, activations)
        self.distributions.Normalization = "Layer" if self._single else "Window"
        self.reader.HistoryTensor = weights
        if self.trajectory:
            choose_elements(self.trajectory)

    def _comparable(self, weights, activations):
        """What filters are compared by: maps, or the weights of units that have one number each, or,
        where there is nothing of this layer, another one's maps: its views then say "not grouped"."""
        if not self._single:
            return activations
        if weights != activations:
            return weights
        return self.network.activations(self.network.first())

    def _one_number(self, grid):
        """Whether each unit has one number: that has no correlation, but its weights may."""
        grid.UpdatePipeline(self.pv.GetTimeKeeper().Time)
        axes = ("Row", "Column") if grid is self.images else ("Row", "Column", "Channel")
        ranges = [grid.CellData.GetArray(name) for name in axes]
        return None not in ranges and all(array.GetRange()[1] <= 0 for array in ranges)


def split(layout, cell, count, first=None):
    """A cell as count cells side by side: the first takes a part of the width, the others share."""
    cells = []
    for left in range(count, 1, -1):
        layout.SplitHorizontal(cell, first if first and not cells else 1 / left)
        cells.append(2 * cell + 1)
        cell = 2 * cell + 2
    return cells + [cell]
