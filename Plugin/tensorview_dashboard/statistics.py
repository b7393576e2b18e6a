# SPDX-License-Identifier: BSD-3-Clause
"""The dashboard of a run of which statistics alone were recorded: it has no tensors to be drawn as grids."""

from . import checkpoints, looks, whole
from .drawing import Styled
from .history import Chart
from .network import close_at_exit, complete, go_to_last, in_window, is_statistics, run_name, simple, strings


class StatisticsDashboard(Styled):
    """Every unit at the step that is shown and over the steps, what is wrong, and the history. style and
    layer can be set; layer is None where all layers are shown, and views has the views by name."""

    def __init__(self, reader, layer=None, style="light", parts=None, views=None):
        self.pv = simple()
        self.reader = reader
        self.run = run_name(reader)
        if parts is None:
            go_to_last(self.pv)
            self._create(looks.style_of(style))
            self.layer = layer
        else:
            self.overview, self.timeline, self.views = parts["overview"], parts["timeline"], views
            self.layout = self.pv.GetLayout(views["timeline"])
            self.chart = Chart(self.pv, reader, views.get("history"))

    @property
    def layers(self):
        tensors = strings(self.reader, "TensorInfo")
        return list(dict.fromkeys(name.rpartition("/")[0] for name in tensors if is_statistics(name)))

    @property
    def layer(self):
        shown = list(self.timeline.Layers)
        return shown[0] if len(shown) == 1 < len(self.layers) else None

    @layer.setter
    def layer(self, name):
        """In the timeline; None: all of them."""
        layer = None if name is None else complete(name, self.layers)
        tensors = strings(self.reader, "TensorInfo")
        if layer is not None:
            tensors = [tensor for tensor in tensors if tensor.rpartition("/")[0] == layer]
        self.timeline.Layers = self.layers if layer is None else [layer]
        self.timeline.Measure = whole.measure_of(tensors) or self.timeline.Measure
        self._show()
        self.fit()

    take = layer.fset

    def show_history(self):
        """The chart, after the reader has read more."""
        self.chart.show(self._style)
        self.render()

    def fit(self):
        """Each view filled, whatever its size is now."""
        for part in whole.WHOLE:
            whole.fit(self.pv, getattr(self, part), self.views[part])
        self.render()

    def render(self):
        for view in self.views.values():
            view.StillRender()

    def _create(self, style):
        pv = self.pv
        for part in whole.OF_A_RUN:
            if part in whole.WHOLE:
                setattr(self, part, whole.create(pv, self.run, self.reader, part))
        self.views = whole.make_views(pv, self.run)
        self.layout = layout = pv.CreateLayout(self.run)
        cell = 0
        if checkpoints.has_scalars(self.reader):
            layout.SplitVertical(0, 0.7)
            cell = 1
            self.views["history"] = whole.make_view(pv, self.run, "history", "XYChartView")
            layout.AssignView(2, self.views["history"])
        whole.lay_out(layout, cell, self.views)
        tab = pv.CreateLayout(f"{self.run} findings")  # a table is in no picture of a layout
        tab.AssignView(0, self.views["findings"])
        if not in_window():
            layout.SetSize(1650, 1000)
        self._dress(style)
        self.chart = Chart(pv, self.reader, self.views.get("history"))
        close_at_exit(self.views)
        pv.SetActiveView(self.views["timeline"])
        pv.SetActiveSource(self.timeline)

    def _show(self):
        for part in whole.WHOLE:
            whole.show(self.pv, getattr(self, part), self.views[part], self._style)
        whole.show_findings(self.pv, self.timeline, self.views["findings"])
        self.chart.show(self._style)
