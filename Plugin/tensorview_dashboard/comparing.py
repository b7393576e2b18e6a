# SPDX-License-Identifier: BSD-3-Clause
"""Two or more runs in one layout: the same layer of each, side by side, with one range of colours and
one time; their paths in one view, their histories in one chart."""

import os

from . import history, looks
from .drawing import Styled, show_grid, title_lines
from .network import Network, close_at_exit, go_to_last, in_window, simple, text
from .views import find, open_reader

# Each run's own colour: those that colour-blind people can tell apart (Okabe and Ito 2008).
COLOURS = ((0.0, 0.45, 0.7), (0.84, 0.37, 0.0), (0.0, 0.62, 0.45), (0.8, 0.47, 0.65))
COLOURS += ((0.34, 0.71, 0.91), (0.9, 0.62, 0.0))
MOST = len(COLOURS)
PREFIX = "compared "  # of the names of views and filters: a comparison is found again by them
LINKS = {"step": "Step", "part": "Percent of the Run"}  # TimeUnit of the readers
WIDE = 3  # up to so many runs side by side have views that are wider than high: a legend fits beside
# What grids leave free, as in looks: for a name and a title above, and a legend below or at the right.
BELOW = ((0.04, 8), (0.03, 8), (0.15, 62), (0.15, 56))
BESIDE = ((0.04, 8), looks.BESIDE[1], (0.03, 8), (0.13, 44))


def shown():
    """All comparisons that there are, by their views: also those of a state that was loaded. The last
    one is the newest."""
    pv = simple()
    registered = pv.servermanager.ProxyManager().GetProxiesInGroup("views")
    layouts = {}  # by their numbers: the views of each, by name
    for (name, _), view in registered.items():
        layout = pv.GetLayout(view) if name.startswith(PREFIX) else None
        if layout is not None:
            views = layouts.setdefault(layout.SMProxy.GetGlobalID(), {})
            views[name[len(PREFIX) :]] = view
    found = []
    for _, views in sorted(layouts.items()):
        readers = readers_of(views)
        if readers and {"trajectories", "histories"} <= set(views):
            found.append(Comparison(readers, views=views))
    return found


def readers_of(views):
    """The runs of a comparison, from the left; none where one of its views is gone."""
    places = {}
    for name, view in views.items():
        run, _, part = name.rpartition(" ")
        if part == "weights":
            grid = source_in(view, "WeightGrid")
            if grid is None or f"{run} images" not in views:
                return []
            places[simple().GetLayout(view).GetViewLocation(view.SMProxy)] = grid.Input
    return [places[place] for place in sorted(places)]


def sources_in(view):
    """What a view shows; legends are representations, too, and show none."""
    displays = [display for display in view.Representations if display.GetProperty("Input")]
    return [display.Input for display in displays if display.Input]


def source_in(view, kind, of=None):
    """The filter of that kind that a view shows; of: that reads this source."""
    for source in sources_in(view):
        if source.SMProxy.GetXMLName() == kind:
            reads = source.SMProxy.GetProperty("Input").GetProxy(0)
            if of is None or reads == of.SMProxy:
                return source
    return None


def of(reader):
    """The comparisons that show this run."""
    return [comparison for comparison in shown() if reader in comparison.readers]


def labels_of(paths):
    """A name for each run: as much of its path's end as tells it from the others."""
    parts = [os.path.splitext(path)[0].split(os.sep) for path in paths]
    for count in range(1, max(map(len, parts)) + 1):
        labels = ["/".join(part[-count:]) for part in parts]
        if len(set(labels)) == len(labels):
            return labels
    return [f"{part[-1]} {number}" for number, part in enumerate(parts, 1)]


def union(sources):
    """The box around what all of these hold."""
    boxes = [source.GetDataInformation().GetBounds() for source in sources]
    return [(min, max)[i % 2](box[i] for box in boxes) for i in range(6)]


def compare(sources, layer=None, style="light", link="step"):
    """Shows a layer of two to six runs in one layout.

    sources: paths of runs, or their readers; layer: its name in the first run, or how it begins (the
    one that the dashboard of the first run shows, or the first one that all of them have); style: "light" or "dark"; link: what is the same in all runs at
    one time, "step", or "part" of the run: ParaView's time is then a per cent of it. Returns a
    Comparison."""
    pv = simple()
    sources = list(sources)
    if not 2 <= len(sources) <= MOST:
        raise ValueError(f"2 to {MOST} runs can be compared, not {len(sources)}")
    return Comparison([open_reader(pv, source) for source in sources], layer, style, link)


class Comparison(Styled):
    """layer, style and link can be set; runs has the names, views the views by name."""

    def __init__(self, readers, layer=None, style="light", link="step", views=None):
        self.pv = simple()
        self.readers = readers
        self.networks = [Network(reader) for reader in readers]
        self.runs = labels_of([text(reader, "FileName") for reader in readers])
        self._beside = len(readers) <= WIDE
        self.grids, self.trajectories, self.views = {}, [], {}
        if views is None:
            self._create(self._common(layer), looks.style_of(style), link)
        else:
            self._find(views)

    def _create(self, layer, style, link):
        pv = self.pv
        self._set_link(link)
        self._go_to_end()
        for run, reader in zip(self.runs, self.readers):
            tensors, table = pv.OutputPort(reader, 0), pv.OutputPort(reader, 1)
            name = PREFIX + run
            self.grids[run] = {
                "weights": pv.WeightGrid(registrationName=f"{name} weights", Input=tensors),
                "images": pv.ImageGrid(registrationName=f"{name} images", Input=tensors),
            }
            self.trajectories.append(
                pv.WeightTrajectory(registrationName=f"{name} trajectory", Input=table)
            )
        self._choose(layer)
        self._lay_out()
        self._dress(style)
        self._show()
        self.fit()
        close_at_exit(self.views)
        pv.SetActiveView(self.views[self.runs[0], "weights"])

    def _find(self, views):
        """What there is: views by their names, without PREFIX."""
        weights = " weights"
        names = [name[: -len(weights)] for name in views if name.endswith(weights)]
        self.runs = [
            next(name for name in names if source_in(views[name + weights], "WeightGrid", reader))
            for reader in self.readers
        ]
        for name, reader in zip(self.runs, self.readers):
            self.grids[name] = {}
            for part, kind in (("weights", "WeightGrid"), ("images", "ImageGrid")):
                self.views[name, part] = views[f"{name} {part}"]
                self.grids[name][part] = source_in(views[f"{name} {part}"], kind)
            self.trajectories.append(source_in(views["trajectories"], "WeightTrajectory", reader))
        self.views.update({part: views[part] for part in ("trajectories", "histories")})
        self.layout = self.pv.GetLayout(views["trajectories"])

    @property
    def layer(self):
        return text(self.grids[self.runs[0]]["weights"], "Tensor").rpartition("/")[0]

    @layer.setter
    def layer(self, name):
        self.take(self._common(name))
        for reader in self.readers:  # each reader has one history, for all who show it
            beside = find(reader)
            if beside is not None and beside.layer != self.layer:
                beside.take(self.layer)

    def take(self, layer):
        """Another layer, by its full name, in these views alone; nothing where a run lacks it."""
        if all(layer in network.tensors for network in self.networks):
            self._choose(layer)
            self._show()
            self.fit()

    @property
    def link(self):
        """What is the same in all runs at one time: "step", or "part" of the run."""
        unit = self.readers[0].GetProperty("TimeUnit")
        return "part" if unit is not None and unit == LINKS["part"] else "step"

    @link.setter
    def link(self, link):
        self._set_link(link)
        self._go_to_end()
        self._show()
        self.fit()

    def _set_link(self, link):
        if link not in LINKS:
            raise ValueError(f'runs are linked by "step" or by "part", not by "{link}"')
        for reader in self.readers:
            if reader.GetProperty("TimeUnit") is not None:  # weight files have their steps
                reader.TimeUnit = LINKS[link]
                reader.UpdatePipelineInformation()

    def _go_to_end(self):
        """Of these runs: others that are open may go on for longer, or be shown by step."""
        go_to_last(self.pv)
        ends = [max(reader.TimestepValues) for reader in self.readers if reader.TimestepValues]
        if ends and max(ends) < self.pv.GetTimeKeeper().Time:
            self.pv.GetAnimationScene().AnimationTime = max(ends)

    def _common(self, layer):
        """The layer, where all runs have it."""
        first = self.networks[0]
        common = [name for name in first.layers if all(name in n.tensors for n in self.networks)]
        if not common:
            raise ValueError(f"{', '.join(self.runs)}: no layer is in all of these runs")
        if layer is None:
            beside = find(self.readers[0])
            wanted = beside.layer if beside is not None else first.first()
            return wanted if wanted in common else common[0]
        name = first.complete(layer)
        if name not in common:
            raise ValueError(f'not all runs have a layer "{name}"; all have {", ".join(common)}')
        return name

    def _choose(self, layer):
        for run, reader, network, path in zip(
            self.runs, self.readers, self.networks, self.trajectories
        ):
            weights = network.weights(layer)
            self.grids[run]["weights"].Tensor = weights
            self.grids[run]["images"].Tensor = network.activations(layer)
            reader.HistoryTensor = weights
            history.choose_elements(path)

    def _lay_out(self):
        """A row of weights and one of images, a column for each run; below them paths and chart."""
        pv, layout = self.pv, self.pv.CreateLayout(self._title())

        def cell(where, key, kind="RenderView"):
            name = PREFIX + (" ".join(key) if isinstance(key, tuple) else key)
            self.views[key] = pv.CreateView(kind, registrationName=name)
            layout.AssignView(where, self.views[key])

        layout.SplitVertical(0, 0.66)
        layout.SplitVertical(1, 0.5)
        for row, part in ((3, "weights"), (4, "images")):
            for number, run in enumerate(self.runs):
                left = len(self.runs) - number
                if left > 1:
                    layout.SplitHorizontal(row, 1 / left)
                cell(2 * row + 1 if left > 1 else row, (run, part))
                row = 2 * row + 2
        layout.SplitHorizontal(2, 0.5)
        cell(5, "trajectories")
        cell(6, "histories", "XYChartView")
        self.layout = layout
        if not in_window():
            layout.SetSize(1400, 1200)

    def _title(self):
        return f"{' | '.join(self.runs)} {self.layer}"

    def _show(self):
        pv = self.pv
        for colour, run in zip(COLOURS, self.runs):
            for part, grid in self.grids[run].items():
                show_grid(pv, grid, self.views[run, part], self._style, beside=self._beside)
                self._name(self.views[run, part], run, colour, 0)
        self._show_trajectories()
        self._show_histories()
        for run in self.runs:  # after all are there: one map, over the values of all
            for part, grid in self.grids[run].items():
                view = self.views[run, part]
                display = pv.GetRepresentation(pv.OutputPort(grid, 0), view)
                lut = display.LookupTable
                if lut:
                    low, high = self._range(part, display.ColorArrayName)
                    lut.RescaleTransferFunction(low, high)
        pv.RenameLayout(self._title(), self.layout)

    def _range(self, part, array):
        """Of all runs together; weights as far below 0 as above."""
        association, name = array[0], array[1]
        ends = []
        for run in self.runs:
            grid = self.grids[run][part]
            data = grid.CellData if association == "CELLS" else grid.PointData
            ends += data.GetArray(name).GetRange()
        low, high = min(ends), max(ends)
        if low < 0 < high:
            high = max(-low, high)
            low = -high
        return low, high

    def _name(self, view, run, colour, row):
        """The run's name in its colour, at the left above."""
        pv = self.pv
        texts = [source for source in sources_in(view) if source.GetProperty("Text")]
        if any(text(source, "Text") == run for source in texts):
            return
        caption = pv.Text(registrationName=f"{PREFIX}{run} name", Text=run)
        display = pv.Show(caption, view, "TextSourceRepresentation")
        display.WindowLocation = "Any Location"
        display.Position = [0.02, 0.92 - 0.07 * row]
        display.FontSize = looks.FONT + 3
        display.Color = colour
        display.Bold = 1

    def _show_trajectories(self):
        pv, style, view = self.pv, self._style, self.views["trajectories"]
        looks.dress(view, style)
        for row, (run, path, colour) in enumerate(zip(self.runs, self.trajectories, COLOURS)):
            history.update_path(pv, path)
            for port in (1, 0):
                display = pv.Show(pv.OutputPort(path, port), view)
                pv.ColorBy(display, None)
                display.DiffuseColor = display.AmbientColor = colour
                display.RenderLinesAsTubes = 1
                display.LineWidth = 4
            self._name(view, run, colour, row)
        looks.dress_axes(view, style, self._path_bounds(), history.element_names(self.readers[0]))

    def _path_bounds(self):
        return union(self.trajectories)

    def _show_histories(self):
        view = self.views["histories"]
        for reader, run, colour in zip(self.readers, self.runs, COLOURS):
            paler = tuple(0.55 * c + 0.45 for c in colour)
            history.Chart(self.pv, reader, view, run + " ", (colour, paler)).show(self._style)
        view.ChartTitle = "Histories"

    def fit(self):
        """Each view filled, whatever its size is now; the same part of each run at the same scale."""
        pv = self.pv
        for run, part in ((run, part) for run in self.runs for part in self.grids[run]):
            bounds = union(pv.OutputPort(self.grids[r][part], 0) for r in self.runs)
            looks.lower(bounds)
            tilt = (0, -0.7, 1) if part == "weights" else (0, 0, 1)
            view, margins = self.views[run, part], BESIDE if self._beside else BELOW
            lines = max(title_lines(self.grids[r][part]) for r in self.runs)
            looks.fit(view, bounds, tilt, (0, 1, 0), looks.under_title(margins, lines))
            if self._beside:
                looks.put_beside(pv, pv.OutputPort(self.grids[run][part], 0), view)
        looks.fit(
            self.views["trajectories"], self._path_bounds(), (0.8, -1.4, 0.7), (0, 0, 1), looks.AXES
        )
        for view in self.views.values():
            view.StillRender()  # and not Render(), which moves the camera of the first view it draws
