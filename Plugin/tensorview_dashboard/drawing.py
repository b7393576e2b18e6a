# SPDX-License-Identifier: BSD-3-Clause
"""How the views of a dashboard are drawn: representations, colours, legends, titles and cameras."""

from . import looks, whole
from .history import element_names, update_path

MOST_PICKED = 300000  # pixels of an image grid that are drawn so that they can be picked
LONGEST = 3.0  # a matrix that is longer than so many times its width is stretched to that


class Styled:
    """Views in one layout that have a look. It uses pv, views, layout and _show()."""

    @property
    def _style(self):
        return looks.style_shown(self.views)

    @property
    def style(self):
        return self._style.name

    @style.setter
    def style(self, name):
        self._dress(looks.style_of(name))
        self._show()

    def _dress(self, style):
        for view in filter(looks.is_dressed, self.views.values()):
            looks.dress(view, style)

    def save(self, path, size=None):
        """A picture of the layout: .png."""
        options = {"ImageResolution": list(size)} if size else {}
        self.pv.SaveScreenshot(path, self.layout, **options)


class Drawing(Styled):
    """The part of a Dashboard that draws. It uses what the dashboard has: pv, its filters (weights,
    images, distributions, trajectory, groups), views, chart, layout and tab, and its style."""

    def _show(self):
        pv, style = self.pv, self._style
        self._show_grid("weights")
        if self.images:
            self._show_grid("images")
        self._show_grid("distributions", beside=True)
        if self.trajectory:
            self._show_trajectory()
        for part in whole.WHOLE.intersection(self.views):
            whole.show(pv, getattr(self, part), self.views[part], style)
        if "findings" in self.views:
            whole.show_findings(pv, self.timeline, self.views["findings"])
        self.chart.show(style)
        self._show_matrix()
        pv.RenameLayout(self._title(), self.layout)
        if self.tab:
            pv.RenameLayout(self._title() + " groups", self.tab)

    def _show_grid(self, part, beside=False):
        pv, view, grid, style = self.pv, self.views[part], getattr(self, part), self._style
        wanted = "Group" if part == "distributions" else None
        display, marks = show_grid(pv, grid, view, style, wanted, beside)
        self._stretch(grid, display, marks)

    def _stretch(self, grid, *displays):
        """A long matrix would be a ribbon: what is short is stretched."""
        bounds = grid.GetDataInformation().GetBounds()
        width, height = bounds[1] - bounds[0], bounds[3] - bounds[2]
        scale = [1.0, 1.0, 1.0]
        if width > LONGEST * height > 0:
            scale[1] = width / (LONGEST * height)
        elif height > LONGEST * width > 0:
            scale[0] = height / (LONGEST * width)
        for display in filter(None, displays):
            display.Scale = scale

    def _show_trajectory(self):
        pv, view, style = self.pv, self.views["trajectory"], self._style
        looks.dress(view, style)
        update_path(pv, self.trajectory)
        ends = pv.Show(pv.OutputPort(self.trajectory, 1), view)
        pv.ColorBy(ends, ("POINTS", "Step"))
        looks.write_title(pv, pv.OutputPort(self.trajectory, 2), view, style)
        display = pv.Show(pv.OutputPort(self.trajectory, 0), view)
        pv.ColorBy(display, ("POINTS", "Step"))
        display.RescaleTransferFunctionToDataRange(False, True)
        display.RenderLinesAsTubes = 1
        display.LineWidth = 4
        looks.legend(pv, display, view, style, "Step")
        bounds = self.trajectory.GetDataInformation().GetBounds()
        looks.dress_axes(view, style, bounds, element_names(self.reader))
        moves = looks.has_size(bounds)  # one record is no path
        view.AxesGrid.Visibility = int(moves)
        display.SetScalarBarVisibility(view, moves)

    def _show_matrix(self):
        pv, style = self.pv, self._style
        if "table" not in self.views:
            return
        pv.Show(pv.OutputPort(self.groups, 3), self.views["table"])
        view = self.views["matrix"]
        looks.dress(view, style)
        display = pv.Show(pv.OutputPort(self.groups, 2), view)
        display.SetRepresentationType("Surface")
        looks.dress_flat(display)
        view.UseFXAA = 0
        pv.ColorBy(display, ("CELLS", "Correlation"))
        looks.write_title(pv, pv.OutputPort(self.distributions, 2), view, style)
        looks.legend(pv, display, view, style, "Correlation", beside=True)

    def fit(self):
        """Each view filled, whatever its size is now."""
        for part, margins in (
            ("weights", looks.BELOW), ("images", looks.BELOW), ("distributions", looks.BESIDE),
        ):
            view, grid = self.views.get(part), getattr(self, part)
            if grid is None:
                continue
            display = self.pv.GetRepresentation(self.pv.OutputPort(grid, 0), view)
            # Of distributions the frames, too: curves may be points, and of many windows few have frames.
            ports = (0, 1) if part == "distributions" else (0,)
            bounds = looks.around([self.pv.OutputPort(grid, port) for port in ports])
            for axis, scale in enumerate(display.Scale):
                bounds[2 * axis] *= scale
                bounds[2 * axis + 1] *= scale
            tilt = (0, -0.7, 1) if part == "weights" else (0, 0, 1)
            looks.lower(bounds)
            below = looks.under_title(margins, title_lines(grid))
            looks.fit(view, bounds, tilt, (0, 1, 0), below)
            if margins is looks.BESIDE:
                looks.put_beside(self.pv, self.pv.OutputPort(grid, 0), view)
        if self.trajectory:
            self.fit_trajectory()
        for part in whole.WHOLE.intersection(self.views):
            whole.fit(self.pv, getattr(self, part), self.views[part])
        if "matrix" in self.views:
            matrix, view = self.pv.OutputPort(self.groups, 2), self.views["matrix"]
            bounds = matrix.GetDataInformation().GetBounds()
            looks.fit(view, bounds, (0, 0, 1), (0, 1, 0), looks.BESIDE)
            looks.put_beside(self.pv, matrix, view)
        self.render()

    def fit_trajectory(self):
        bounds = self.trajectory.GetDataInformation().GetBounds()
        if not looks.has_size(bounds):
            bounds = [middle + side for middle in bounds[::2] for side in (-1, 1)]
        looks.fit(self.views["trajectory"], bounds, (0.8, -1.4, 0.7), (0, 0, 1), looks.AXES)


def title_lines(grid):
    """How many lines the title of a grid has."""
    from paraview import servermanager

    table = servermanager.Fetch(grid, idx=2)
    return 1 + table.GetColumn(0).GetValue(0).count("\n") if table.GetNumberOfRows() else 0


def show_grid(pv, grid, view, style, wanted=None, beside=False):
    """Draws a grid with its legend, its marks and its title. wanted: the array that colours it, where
    it has that; beside: the legend stands at the right. Returns the displays of grid and marks."""
    kind = grid.SMProxy.GetXMLName()
    looks.dress(view, style)
    grid.UpdatePipeline(pv.GetTimeKeeper().Time)
    display = pv.Show(pv.OutputPort(grid, 0), view)
    if kind == "ImageGrid":
        display.SetRepresentationType(picture_type(grid))
    association, array = active_scalars(grid, wanted)
    if array:
        pv.ColorBy(display, (association, array))
        display.RescaleTransferFunctionToDataRange(False, True)
        looks.legend(pv, display, view, style, array, beside)
    if kind != "WeightGrid":
        looks.dress_flat(display)
        display.LineWidth = 1.3
        display.PointSize = 6
    picked = display.Representation == "Slice"
    marks = looks.draw_marks(pv, pv.OutputPort(grid, 1), view, picked)
    looks.write_title(pv, pv.OutputPort(grid, 2), view, style)
    return display, marks


def picture_type(grid):
    """How an image grid is drawn: so that its pixels can be picked, where they are not too many."""
    many = grid.GetDataInformation().GetNumberOfCells() > MOST_PICKED
    return "Slice" if many else "Surface"


def active_scalars(grid, wanted=None):
    """Where a grid's values are, and their name: those of its own, not its indices."""
    indices = {"Filter", "Channel", "Row", "Column", "Group", "Pixel"}
    for association, data in (("CELLS", grid.CellData), ("POINTS", grid.PointData)):
        names = list(data.keys())
        if wanted in names:
            return association, wanted
        for name in names:
            if name not in indices:
                return association, name
    return None, None
