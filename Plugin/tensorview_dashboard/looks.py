# SPDX-License-Identifier: BSD-3-Clause
"""How a view looks: on white paper or on black, where the camera stands, where legends are."""

import math


class Style:
    def __init__(self, name, background, text, line):
        self.name, self.background, self.text, self.line = name, background, text, line


STYLES = {
    "light": Style("light", (1.0, 1.0, 1.0), (0.1, 0.1, 0.1), (0.45, 0.45, 0.45)),
    "dark": Style("dark", (0.09, 0.1, 0.12), (0.92, 0.92, 0.92), (0.55, 0.55, 0.55)),
}
FONT = 13

# What the picture leaves free of a view at the left, right, bottom and top: a part of it, and at least
# so many pixels, which is what letters need however small a view is.
BELOW = ((0.04, 8), (0.03, 8), (0.15, 62), (0.08, 30))  # a legend below, a title above
BESIDE = ((0.03, 8), (0.26, 116), (0.03, 8), (0.11, 44))  # a legend at the right
AXES = ((0.2, 84), (0.18, 84), (0.2, 92), (0.1, 34))  # room for the names of axes
MOST_FREE = 0.7  # of a width or height
LINE = 15  # pixels of a title's line
FLAT = 0.2  # an axis that is shorter than so much of the longest has room for one number

# Sides of a box of axes, as ParaView numbers them.
FRONT, RIGHT, BEHIND, ALL_FACES = 2, 8, 16, 63


def style_of(name):
    if name not in STYLES:
        raise ValueError(f'there is no style "{name}"; there are {", ".join(STYLES)}')
    return STYLES[name]


def style_shown(views):
    """That of views as they are: somebody else may have changed it, or loaded them from a state."""
    for view in views.values():
        if is_dressed(view):
            for style in STYLES.values():
                if all(abs(a - b) < 0.01 for a, b in zip(view.Background, style.background)):
                    return style
    return STYLES["light"]


def is_dressed(view):
    return view.SMProxy.GetXMLName() == "RenderView"


def _cross(a, b):
    return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]


def _unit(a):
    length = math.sqrt(sum(x * x for x in a)) or 1.0
    return [x / length for x in a]


def _dot(a, b):
    return sum(x * y for x, y in zip(a, b))


def _free(margins, size):
    """Two opposite margins as parts of a size in pixels."""
    parts = [max(part, pixels / max(1, size)) for part, pixels in margins]
    return [part * min(1, MOST_FREE / sum(parts)) for part in parts]


def under_title(margins, lines):
    """The margins below a title of so many lines; those of looks have room for one, or two."""
    part, pixels = margins[3]
    return margins[:3] + ((part, max(pixels, LINE * (lines + 1))),)


def fit(view, bounds, towards, up, margins):
    """Parallel projection, so that sizes can be compared; the box fills what the margins leave.

    bounds: x0, x1, y0, y1, z0, z1; towards: from the middle of the box to the viewer."""
    back = _unit(towards)
    right = _unit(_cross(up, back))
    above = _cross(back, right)
    corners = [
        (bounds[i & 1], bounds[2 + (i >> 1 & 1)], bounds[4 + (i >> 2 & 1)]) for i in range(8)
    ]
    x = [_dot(corner, right) for corner in corners]
    y = [_dot(corner, above) for corner in corners]
    left, right_margin = _free(margins[:2], view.ViewSize[0])
    bottom, top = _free(margins[2:], view.ViewSize[1])
    aspect = view.ViewSize[0] / max(1, view.ViewSize[1])
    height = max(
        (max(y) - min(y)) / (1 - bottom - top),
        (max(x) - min(x)) / (1 - left - right_margin) / aspect,
        1e-12,
    )
    # Where the middle of the picture is, and what of the view that middle is to be.
    along = (min(x) + max(x)) / 2 + height * aspect * (right_margin - left) / 2
    upwards = (min(y) + max(y)) / 2 + height * (top - bottom) / 2
    middle = [(bounds[2 * i] + bounds[2 * i + 1]) / 2 for i in range(3)]
    depth = _dot(middle, back)
    focus = [along * right[i] + upwards * above[i] + depth * back[i] for i in range(3)]
    size = math.sqrt(sum((bounds[2 * i + 1] - bounds[2 * i]) ** 2 for i in range(3))) or 1.0
    view.CameraParallelProjection = 1
    view.CameraFocalPoint = focus
    view.CameraPosition = [focus[i] + 4.0 * size * back[i] for i in range(3)]
    view.CameraViewUp = above
    view.CameraParallelScale = height / 2
    view.CenterOfRotation = middle


def has_size(bounds):
    return any(bounds[2 * axis + 1] > bounds[2 * axis] for axis in range(3))


def around(ports):
    """The box around all of them that show something."""
    boxes = [port.GetDataInformation().GetBounds() for port in ports]
    boxes = [box for box in boxes if box[0] <= box[1]] or boxes[:1]
    return [(min, max)[side % 2](box[side] for box in boxes) for side in range(6)]


def lower(bounds):
    """Of blocks that stand and hang, few are the highest: what most of them fill, in place."""
    if bounds[4] < 0 < bounds[5]:
        bounds[4:] = 0.3 * bounds[4], 0.3 * bounds[5]


def dress(view, style):
    """A render view in that style."""
    view.UseColorPaletteForBackground = 0
    view.BackgroundColorMode = "Single Color"
    view.Background = style.background
    view.OrientationAxesVisibility = 0
    view.CenterAxesVisibility = 0


def dress_flat(display):
    """Colours as they are in the map: a flat picture needs no light."""
    display.Ambient, display.Diffuse = 1.0, 0.0


def beside_the_picture(view):
    """Where a legend at the right begins."""
    free = _free(BESIDE[:2], view.ViewSize[0])[1]
    return [1 - 0.88 * free, 0.12]


def put_beside(pv, port, view):
    """The legend of what is shown at the right of it, whatever size the view has now."""
    lut = pv.GetRepresentation(port, view).LookupTable
    if lut:
        pv.GetScalarBar(lut, view).Position = beside_the_picture(view)


def legend(pv, display, view, style, title, beside=False):
    """The colour legend of what is shown, outside of it."""
    lut = display.LookupTable
    if not lut:
        return
    bar = pv.GetScalarBar(lut, view)
    bar.Title, bar.ComponentTitle = title, ""
    bar.AutoOrient = 0
    bar.Orientation = "Vertical" if beside else "Horizontal"
    if beside:
        bar.WindowLocation = "Any Location"
        bar.Position = beside_the_picture(view)
        bar.ScalarBarLength = 0.66
        bar.HorizontalTitle = 1
        bar.TextPosition = "Ticks right/top, annotations left/bottom"
        if display.LookupTable.InterpretValuesAsCategories:
            bar.TextPosition = "Ticks left/bottom, annotations right/top"
    else:
        bar.WindowLocation = "Lower Center"
        bar.ScalarBarLength = 0.5
    bar.ScalarBarThickness = 10
    bar.TitleFontSize = bar.LabelFontSize = FONT - 2
    bar.TitleColor = bar.LabelColor = style.text
    bar.LabelFormat, bar.RangeLabelFormat = "%-#.3g", "%-#.3g"
    bar.AutomaticLabelFormat = 0
    bar.DrawNanAnnotation = 0
    bar.Visibility = 1
    display.SetScalarBarVisibility(view, True)


def write_title(pv, port, view, style):
    """The text that a grid has as an output: tensor, step, and what the view leaves out."""
    display = pv.Show(port, view, "TextSourceRepresentation")
    display.WindowLocation = "Upper Center"
    display.FontSize = FONT
    display.Color = style.text
    display.Bold = 0
    return display


def draw_marks(pv, port, view, picked=False):
    """Numbers and frames, in colours of their own. picked: whether they can be picked, for a picture
    that cannot. None where there are none, of very many windows."""
    if not port.GetDataInformation().GetNumberOfCells():
        pv.Hide(port, view)
        return None
    display = pv.Show(port, view, "GeometryRepresentation")
    display.SetScalarBarVisibility(view, False)
    pv.ColorBy(display, ("CELLS", "Color"))
    display.MapScalars = 0
    dress_flat(display)
    display.LineWidth = 1.2
    display.Pickable = int(picked)
    return display


def end_ticks(low, high):
    """Round numbers near both ends of a range: between them is room for an axis's name."""
    size = high - low
    if not 0 < size < math.inf:
        return [low]
    for step in (m * 10.0 ** (math.ceil(math.log10(size)) - n) for n in (0, 1, 2) for m in (5, 2, 1)):
        first, last = math.ceil(low / step) * step, math.floor(high / step) * step
        if last - first > 0.6 * size:
            return [first, last]
    return [low, high]


def dress_axes(view, style, bounds, names):
    """Axes around a path: each named once, with a number near each end. bounds: the path's; the
    view's own are those of the picture before, another layer's ticks, by the thousand."""
    axes = view.AxesGrid
    axes.Visibility = 1
    # Each axis is named once, seen from where fit() puts the camera: x in front, y at the right, z at
    # the left. The wall behind would name z again.
    axes.AxesToLabel = FRONT | RIGHT
    axes.FacesToRender = ALL_FACES & ~BEHIND
    axes.UseCustomBounds = 1
    axes.CustomBounds = list(bounds)
    lengths = [bounds[2 * index + 1] - bounds[2 * index] for index in range(3)]
    for index, (axis, name) in enumerate(zip("XYZ", names)):
        ticks = end_ticks(*bounds[2 * index : 2 * index + 2])
        if lengths[index] < FLAT * max(lengths):
            ticks = ticks[-1:]
        setattr(axes, axis + "Title", name)
        setattr(axes, axis + "AxisUseCustomLabels", 1)
        setattr(axes, axis + "AxisLabels", ticks)
        setattr(axes, axis + "AxisPrecision", 3)
        setattr(axes, axis + "TitleColor", style.text)
        setattr(axes, axis + "LabelColor", style.text)
        setattr(axes, axis + "TitleFontSize", FONT)
        setattr(axes, axis + "LabelFontSize", FONT - 3)
    axes.GridColor = style.line
    axes.ShowGrid = 0


def dress_chart(view, style):
    """A chart is white: ParaView 5.11 gives it no other background."""
    style = STYLES["light"]
    for side in ("Left", "Right", "Bottom"):
        for part in ("AxisColor", "AxisLabelColor", "AxisTitleColor"):
            setattr(view, side + part, style.text)
        setattr(view, side + "AxisTitleFontSize", FONT)
        setattr(view, side + "AxisTitleBold", 0)
        setattr(view, side + "AxisLabelFontSize", FONT - 2)
        setattr(view, side + "AxisGridColor", (0.9,) * 3)
    view.ChartTitleColor = style.text
    view.ChartTitleFontSize = FONT
    view.ChartTitleBold = 0
