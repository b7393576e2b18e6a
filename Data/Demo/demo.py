# SPDX-License-Identifier: BSD-3-Clause
"""Draws every view of a training run: one PNG each, and a sheet with all of them.

    xvfb-run -a pvpython Data/Demo/demo.py RUN.tvh5 FOLDER [LAYER]

Of a weight file, or a folder of checkpoints, there are no activations: the filters' weights stand in
for them, and what is over time is drawn where there is more than one step. Of a run of statistics alone
every unit is drawn, and what is wrong is said.

Data/demo.sh and the command "tensorview render" call it. It is also an example of a script that uses the plugin: the pipeline is in
pipeline(), the rest is layout.
"""

import os
import sys

import numpy as np
import paraview.simple as pv
from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
from vtkmodules.vtkCommonDataModel import vtkImageData
from vtkmodules.vtkIOImage import vtkPNGReader, vtkPNGWriter

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SIZE = [1000, 800]
BLACK, WHITE, GREY = [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.35, 0.35, 0.35]


def start(script):
    """What every script that draws begins with: there is a display, and the plugin is loaded."""
    if not os.environ.get("DISPLAY"):
        sys.exit(f"{script}: ParaView draws on a display only; start this with xvfb-run -a")
    plugin = os.environ.get("TENSORVIEW_PLUGIN") or os.path.join(
        TOP, "build", "lib", "TensorView", "TensorView.so"
    )
    pv._DisableFirstRenderCameraReset()
    pv.LoadPlugin(os.path.abspath(plugin), remote=False, ns=pv.__dict__)


def kind_compared(run, layer):
    """What the filters of a layer, or of the first, are compared by: (tensor, kind). An empty tensor is
    the first of its kind."""
    names = list(run.GetProperty("Tensors").Available)
    for kind in ("activations", "weights"):
        for name in names:
            if name == f"{layer}/{kind}" if layer else name.endswith("/" + kind):
                return (name if layer or kind == "weights" else ""), kind
    return "", "values"


def pipeline(path, layer=None):
    """The run, its similarity groups and the four views, at the last step; of one layer, or of the
    first."""
    run = pv.TensorSnapshotReader(FileName=[path])
    run.UpdatePipelineInformation()
    groups = pv.SimilarityGroups(Input=run)
    sources = {
        "run": run,
        "groups": groups,
        "weight-grid": pv.WeightGrid(Input=pv.OutputPort(groups, 0)),
        "image-grid": pv.ImageGrid(Input=pv.OutputPort(groups, 0)),
        "distribution-grid": pv.DistributionGrid(Input=pv.OutputPort(groups, 0)),
        "weight-trajectory": pv.WeightTrajectory(Input=pv.OutputPort(run, 1)),
    }
    if layer:
        run.HistoryTensor = sources["weight-grid"].Tensor = f"{layer}/weights"
    tensor, _ = kind_compared(run, layer)
    if tensor:
        for name in ("groups", "image-grid", "distribution-grid"):
            sources[name].Tensor = tensor
    run.UpdatePipelineInformation()
    last = list(run.TimestepValues)[-1]
    for source in sources.values():
        source.UpdatePipeline(last)
    pv.GetAnimationScene().AnimationTime = last
    return sources, int(last)


def table(source, port):
    """Columns of a table by name, as lists."""
    data = pv.servermanager.Fetch(source, idx=port)
    columns = {}
    for index in range(data.GetNumberOfColumns()):
        column = data.GetColumn(index)
        columns[column.GetName()] = [column.GetVariantValue(row) for row in range(data.GetNumberOfRows())]
    return columns


def numbers(column):
    return [value.ToDouble() for value in column]


def new_view(title, subtitle=""):
    view = pv.CreateView("RenderView")
    view.ViewSize = SIZE
    view.UseColorPaletteForBackground = 0
    view.Background = WHITE
    view.OrientationAxesVisibility = 0
    view.CenterAxesVisibility = 0
    view.UseFXAA = 0  # rounds the corners of pictures
    view.CameraParallelProjection = 1
    write(view, title, 22, [0.02, 0.94], BLACK, bold=1)
    if subtitle:
        write(view, subtitle, 14, [0.02, 0.905], GREY)
    return view


def write(view, words, size, position, color, bold=0):
    text = pv.Text(Text=words)
    display = pv.Show(text, view, "TextSourceRepresentation")
    display.WindowLocation = "Any Location"
    display.Position = position
    display.FontSize = size
    display.Bold = bold
    display.Color = color
    return display


def show(source, view, port=0):
    """With the colours that the plugin gives, and a legend at the right."""
    display = pv.Show(pv.OutputPort(source, port), view)
    lut = display.LookupTable
    if lut:
        bar = pv.GetScalarBar(lut, view)
        bar.Visibility = 1
        bar.Title = display.ColorArrayName[1]
        bar.ComponentTitle = ""
        bar.TitleColor = bar.LabelColor = BLACK
        bar.TitleFontSize, bar.LabelFontSize = 16, 14
        bar.WindowLocation = "Any Location"
        bar.Position = [0.89, 0.25]
        bar.HorizontalTitle = 1
        bar.ScalarBarLength = 0.45
        bar.DrawNanAnnotation = 0
        bar.RangeLabelFormat = "%.4g"
    return display


def frame(view, source, port=0):
    """Straight from above, the whole picture left of the legend and below the title."""
    source = pv.OutputPort(source, port)
    left, right, bottom, top, _, _ = source.GetDataInformation().GetBounds()
    pv.Render(view)
    width, height = right - left, top - bottom
    aspect = SIZE[0] / SIZE[1]
    scale = 0.5 * max(height / 0.85, width / (0.82 * aspect))
    # The free part of the picture is x 0.02 to 0.86, y 0.03 to 0.89.
    x = 0.5 * (left + right) + (0.5 - 0.44) * 2 * scale * aspect
    y = 0.5 * (bottom + top) + (0.5 - 0.46) * 2 * scale
    view.CameraFocalPoint = [x, y, 0]
    view.CameraPosition = [x, y, 100]
    view.CameraViewUp = [0, 1, 0]
    view.CameraParallelScale = scale


def corners(data):
    """The lower left corner of each filter's window, {filter: (x, y)}; none where the view is so large
    that it leaves the numbers of its filters out."""
    of_cells = data.GetCellData().GetArray("Filter")
    array = of_cells or data.GetPointData().GetArray("Filter")
    if not array:
        return {}
    filters = vtk_to_numpy(array)
    if not of_cells:
        x, y, _ = vtk_to_numpy(data.GetPoints().GetData()).T
    elif data.IsA("vtkImageData"):
        columns = data.GetDimensions()[0] - 1
        cells = np.arange(filters.size)
        left, bottom = data.GetOrigin()[0], data.GetOrigin()[1]
        x = left + (cells % columns) * data.GetSpacing()[0]
        y = bottom + (cells // columns) * data.GetSpacing()[1]
    else:
        points = vtk_to_numpy(data.GetPoints().GetData())
        lists = [data.GetVerts(), data.GetLines(), data.GetPolys(), data.GetStrips()]  # in the order of cell data
        starts = [vtk_to_numpy(cells.GetOffsetsArray())[:-1] for cells in lists]
        ids = [vtk_to_numpy(cells.GetConnectivityArray()) for cells in lists]
        least = [np.minimum.reduceat(points[i], s, axis=0) for i, s in zip(ids, starts) if s.size]
        x, y = np.vstack(least)[:, 0], np.vstack(least)[:, 1]
    return {
        int(f): (x[filters == f].min(), y[filters == f].min()) for f in np.unique(filters) if f >= 0
    }


def put(view, words, x, y, size=12, color=BLACK, offset=(0, 0)):
    """Text at a place of the plane z = 0, offset in shares of the picture."""
    renderer = view.GetRenderer()
    renderer.SetWorldPoint(x, y, 0, 1)
    renderer.WorldToView()
    right, up, _ = renderer.GetViewPoint()
    write(view, words, size, [(right + 1) / 2 + offset[0], (up + 1) / 2 + offset[1]], color)


def number_windows(view, source, color, offset):
    """Each filter's number at the lower left of its window."""
    found = corners(pv.servermanager.Fetch(source))
    if len(found) > 64:
        return
    pv.Render(view)
    for number, (x, y) in found.items():
        put(view, str(number), x, y, 12, color, offset)


def save(view, folder, name):
    path = os.path.join(folder, name + ".png")
    pv.SaveScreenshot(path, view, ImageResolution=SIZE)
    return path


def draw_flat(sources, name, title, subtitle, folder, color):
    view = new_view(title, subtitle)
    show(sources[name], view)
    frame_flat(view, sources[name], color)
    return save(view, folder, name)


def frame_flat(view, source, color):
    frame(view, source)
    number_windows(view, source, color, [0.004, 0.006])


def draw_weights(sources, subtitle, folder):
    view = new_view("Weight grid", subtitle)
    frame_weights(view, show(sources["weight-grid"], view), sources["weight-grid"])
    return save(view, folder, "weight-grid")


def frame_weights(view, display, source):
    display.Ambient, display.Diffuse = 0.35, 0.75  # sides of blocks keep their colour
    frame(view, source)
    view.GetActiveCamera().Elevation(-30)
    number_windows(view, source, GREY, [-0.024, 0.0])


def numbered(filters):
    """Which rows of a matrix bear their number: each of few, of many at most every eighth."""
    return range(0, filters, 1 if filters <= 32 else 8 * -(-filters // 256))


def draw_matrix(sources, subtitle, folder):
    view = new_view("Correlation of every pair of filters", subtitle)
    show(sources["groups"], view, 2)
    frame(view, sources["groups"], 2)
    left, right, bottom, top, _, _ = sources["groups"].GetDataInformation(2).GetBounds()
    pv.Render(view)
    filters = round(right - left)
    for number in numbered(filters):
        put(view, str(number), left, filters - number - 0.5, offset=(-0.03, -0.01))  # row 0: top
        put(view, str(number), number + 0.5, bottom, offset=(-0.008, -0.03))
    return save(view, folder, "correlation")


def frame_trajectory(view, display, elements):
    """From the side, with axes, left of the legend."""
    view.CameraParallelProjection = 0
    display.LineWidth = 3
    axes = view.AxesGrid
    axes.Visibility = 1
    for axis, element in zip("XYZ", elements):
        setattr(axes, axis + "Title", element)
        for part in ("TitleColor", "LabelColor"):
            setattr(axes, axis + part, BLACK)
    axes.GridColor = [0.8, 0.8, 0.8]
    view.ResetActiveCameraToPositiveZ()
    camera = view.GetActiveCamera()
    camera.Azimuth(35)
    camera.Elevation(25)
    pv.ResetCamera(view)
    camera.Zoom(0.75)
    camera.SetWindowCenter(0.1, 0)  # to the left of the legend


def draw_trajectory(sources, columns, subtitle, folder):
    view = new_view("Weight trajectory", subtitle)
    display = show(sources["weight-trajectory"], view)
    frame_trajectory(view, display, [name for name in columns if name.endswith("]")])
    return save(view, folder, "weight-trajectory")


def draw_history(sources, columns, folder):
    view = pv.CreateView("XYChartView")
    view.ViewSize = SIZE
    scalars = [name for name in ("loss", "accuracy") if name in columns]
    view.ChartTitle = "Loss of each batch, accuracy on the test images" if scalars else "Three weights"
    view.BottomAxisTitle = "Step"
    display = pv.Show(pv.OutputPort(sources["run"], 1), view)
    display.UseIndexForXAxis = 0
    display.XArrayName = "Step"
    display.SeriesVisibility = scalars or [name for name in columns if name.endswith("]")]
    display.SeriesMarkerStyle = ["accuracy", "4"]  # recorded now and then: no line joins it
    display.SeriesMarkerSize = ["accuracy", "8"]
    return save(view, folder, "history")


def sheet(paths, folder, columns=3, name="sheet"):
    """The pictures side by side, from the upper left."""
    pictures = []
    for path in paths:
        reader = vtkPNGReader()
        reader.SetFileName(path)
        reader.Update()
        image = reader.GetOutput()
        width, height, _ = image.GetDimensions()
        pixels = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(height, width, -1)
        pictures.append(pixels[::-1, :, :3])  # an image's first row is its lowest
    rows = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    page = np.vstack([np.hstack(row) for row in rows])
    image = vtkImageData()
    image.SetDimensions(page.shape[1], page.shape[0], 1)
    image.GetPointData().SetScalars(numpy_to_vtk(page[::-1].reshape(-1, 3).copy(), deep=True))
    path = os.path.join(folder, name + ".png")
    writer = vtkPNGWriter()
    writer.SetFileName(path)
    writer.SetInputData(image)
    writer.Write()
    return path


def has_statistics_alone(path):
    import tensorview_dashboard

    network = tensorview_dashboard.Network(pv.TensorSnapshotReader(FileName=[path]))
    return network.has_statistics and not network.layers


def draw_units(path, layer, folder):
    """Every unit at the last step and over all of them; what is wrong with which, in words."""
    import tensorview_dashboard

    shown = tensorview_dashboard.dashboard(path, layer)
    parts = {"overview": "network-overview", "timeline": "unit-timeline", "history": "history"}
    pictures = []
    for part in parts:
        if part in shown.views:
            pictures.append(os.path.join(folder, parts[part] + ".png"))
            pv.SaveScreenshot(pictures[-1], shown.views[part])
    pictures.append(os.path.join(folder, "sheet.png"))
    shown.save(pictures[-1])
    print("Pictures: " + ", ".join(os.path.relpath(picture) for picture in pictures))
    sentences = [sentence.ToString() for sentence in table(shown.timeline, 1).get("Sentence", [])]
    print("What is wrong:" if sentences else "Nothing is wrong.")
    for sentence in sentences:
        print(f"  {sentence}")


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    path, folder, layer = os.path.abspath(sys.argv[1]), sys.argv[2], (sys.argv[3:] or [None])[0]
    start("demo.py")
    os.makedirs(folder, exist_ok=True)

    if has_statistics_alone(path):
        draw_units(path, layer, folder)
        return
    sources, step = pipeline(path, layer)
    history = table(sources["run"], 1)
    filters = table(sources["groups"], 1)
    at = f"step {step}"
    threshold = sources["groups"].Threshold
    tensor, kind = kind_compared(sources["run"], layer)
    summed = "activations summed over the batch" if kind == "activations" else f"{tensor}, flat"
    name = layer or ("first convolution" if kind == "activations" else tensor.rpartition("/")[0])
    color = WHITE if kind == "activations" else BLACK
    pictures = [
        draw_weights(sources, f"{name}, {at}: height and colour are the weight", folder),
        draw_flat(sources, "image-grid", "Image grid", f"{summed}, {at}", folder, color),
        draw_flat(
            sources,
            "distribution-grid",
            "Distribution grid",
            f"the same {kind}; colour: filters with a correlation of at least {threshold:g}",
            folder,
            BLACK,
        ),
        draw_matrix(sources, f"{kind}, {at}", folder),
    ]
    steps = [int(value) for value in sources["run"].TimestepValues]
    if len(steps) > 1:
        pictures += [
            draw_trajectory(sources, history, f"three weights, steps {steps[0]} to {step}", folder),
            draw_history(sources, history, folder),
        ]
    pictures.append(sheet(pictures, folder, columns=3 if len(steps) > 1 else 2))

    print("Pictures: " + ", ".join(os.path.relpath(picture) for picture in pictures))
    accuracy = [value for value in numbers(history.get("accuracy", [])) if value == value]
    if accuracy:
        print(f"Test accuracy: {accuracy[-1]:.4f} after {step} steps")
    members = {}
    for filter_, group in zip(numbers(filters["Filter"]), numbers(filters["Group"])):
        if group >= 0:
            members.setdefault(int(group), []).append(int(filter_))
    print(f"Groups of similar filters (correlation at least {threshold:g}):")
    for group, inside in sorted(members.items()):
        print(f"  group {group}: filters {', '.join(map(str, inside))}")
    if not members:
        print("  none")


if __name__ == "__main__":
    main()
