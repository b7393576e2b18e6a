# SPDX-License-Identifier: BSD-3-Clause
"""One measurement of views.py, in a process of its own: prints a line of JSON.

    pvpython views_case.py CASE FILE

load: from the file to data; picture: to the first picture, load included; frame: each further one,
each in seconds and, as "... cpu", in seconds of all threads, which other load does not change much;
peak: MB of memory beyond what ParaView itself had, with a view open, before the file.

A frame is one Render() after the camera went round the picture by one degree. All cases are drawn in
the same view: 1200 x 900, white, no axes, and no FXAA, which TensorView turns off for its flat grids.
"empty" shows nothing, and "smallest" an image of 100 x 100 from a source of ParaView's own: what
ParaView itself takes for a frame and for a first picture."""

import json
import resource
import sys
import time

from paraview import simple
from tensors import load_plugin

load_plugin()
case, path = sys.argv[1:3]


def clock():
    return time.perf_counter(), time.process_time()


def since(start, end=None):
    end = end or clock()
    return end[0] - start[0], end[1] - start[1]


def reader(path):
    return simple.TensorSnapshotReader(FileName=[path])


def table_points(path):
    table = simple.CSVReader(FileName=[path])
    return simple.TableToPoints(
        Input=table, XColumn="Points:0", YColumn="Points:1", ZColumn="Points:2"
    )


CASES = {
    "empty": None,
    "smallest": lambda: simple.Wavelet(WholeExtent=[0, 99, 0, 99, 0, 0]),
    "image": lambda: simple.ImageGrid(Input=reader(path)),
    "bare image": lambda: simple.ImageGrid(Input=reader(path), IndexArrays="Off"),
    "vtp": lambda: simple.XMLPolyDataReader(FileName=[path]),
    "csv": lambda: table_points(path),
    "envelope": lambda: simple.DistributionGrid(Input=reader(path)),
    "points": lambda: simple.DistributionGrid(Input=reader(path), Style="Points"),
    "line": lambda: simple.DistributionGrid(Input=reader(path), Style="Line"),
    "weights": lambda: simple.WeightGrid(Input=reader(path)),
    "weights as image": lambda: simple.ImageGrid(Input=reader(path), Tensor=""),
}


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def open_view():
    view = simple.CreateView("RenderView")
    view.ViewSize = [1200, 900]
    view.Background = [1, 1, 1]
    view.UseColorPaletteForBackground = 0
    view.OrientationAxesVisibility = 0
    view.UseFXAA = 0
    simple.Render(view)
    return view


def save(path, out):
    """The same points as .vtp and .csv."""
    points = simple.ImageGrid(Input=reader(path), Output="Points", IndexArrays="Off")
    simple.SaveData(out + ".vtp", proxy=points, DataMode="Binary")
    simple.SaveData(out + ".csv", proxy=points, Precision=6)


if case == "save":
    save(path, sys.argv[3])
    sys.exit()

view = open_view()
before = peak()
start = loaded = clock()
if CASES[case]:
    source = CASES[case]()
    source.UpdatePipeline(view.ViewTime)  # the time that the view will ask for, as Apply does
    loaded = clock()
    simple.Show(source, view)
simple.ResetCamera(view)
simple.Render(view)
drawn = clock()
frames = []
while len(frames) < 5 or (len(frames) < 60 and sum(f[0] for f in frames) < 2):
    view.GetActiveCamera().Azimuth(1 if len(frames) % 2 else -1)
    begin = clock()
    simple.Render(view)
    frames.append(since(begin))
figures = {"peak": peak() - before}
if CASES[case]:
    information = source.GetDataInformation()
    figures["cells"] = information.GetNumberOfCells()
    figures["points"] = information.GetNumberOfPoints()
for name, spent in (("load", since(start, loaded)), ("picture", since(start, drawn))):
    figures[name], figures[name + " cpu"] = spent
for index, name in enumerate(("frame", "frame cpu")):
    figures[name] = sorted(frame[index] for frame in frames)[len(frames) // 2]
print(json.dumps(figures))
if len(sys.argv) > 3:
    view.GetActiveCamera().Azimuth(0 if len(frames) % 2 == 0 else 1)
    simple.ResetCamera(view)
    simple.SaveScreenshot(sys.argv[3], view)
